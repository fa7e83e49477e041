"""Compressed requests."""

import gzip
import json
import zlib

import httpx
import pytest

from tests.gateway.wires import WIRES, Wire, body_of, text_of
from tests.live import LiveGateway, live_gateway


def raw_deflate(data: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return machine.compress(data) + machine.flush()


ENCODERS = {"gzip": gzip.compress, "deflate": zlib.compress, "DEFLATE": raw_deflate, "identity": bytes}


def ask(gateway: LiveGateway, wire: Wire, data: bytes, encoding: str) -> httpx.Response:
    headers = {**wire.headers, "content-encoding": encoding, "content-type": "application/json"}
    return httpx.post(gateway.url + wire.path("echo", False), content=data, headers=headers, timeout=20)


@pytest.mark.parametrize("encoding", ENCODERS)
@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_a_compressed_request_is_read(wire: Wire, encoding: str) -> None:
    with live_gateway({}) as gateway:
        data = json.dumps(body_of(wire, "echo", "hi there", stream=False)).encode()
        response = ask(gateway, wire, ENCODERS[encoding](data), encoding)
        assert 200 == response.status_code, response.text
        assert "hi there" in text_of(wire, response.json())


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_what_cannot_be_read_is_refused_by_name(wire: Wire) -> None:
    with live_gateway({"server": {"max_body": 100_000}}) as gateway:
        data = json.dumps(body_of(wire, "echo", "hi", stream=False)).encode()
        unknown = ask(gateway, wire, data, "zstd")
        assert 415 == unknown.status_code
        assert "zstd" in wire.error_type(unknown.json())
        for broken in (data, gzip.compress(data)[:-9]):
            refused = ask(gateway, wire, broken, "gzip")
            assert 400 == refused.status_code
            assert "content-encoding" in wire.error_type(refused.json())
        bomb = ask(gateway, wire, gzip.compress(b" " * 50_000_000), "gzip")
        assert 413 == bomb.status_code
