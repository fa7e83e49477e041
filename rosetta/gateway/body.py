"""A request's body: as much of it as may come, without its ``content-encoding``: gzip and deflate are read, others are refused by name."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rosetta.engine.call import Failed
from rosetta.ir.errors import Failure

if TYPE_CHECKING:
    from litestar.types import Receive


class ClientGone(Exception):
    """The client closed its connection before its request was whole."""


class BodyTooLarge(Exception):
    """The request's body passes the limit, in bytes."""


async def read_body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """The request's body. Raises BodyTooLarge past ``limit`` bytes, as early as the declared length tells it, ClientGone, and Failed where its encoding
    cannot be read. How long it may take is the protocol's."""
    body = await _received(receive, limit, headers.get("content-length"))
    encoding = headers.get("content-encoding")
    return body if encoding is None else _decoded(body, encoding, limit)


async def _received(receive: Receive, limit: int, declared: str | None) -> bytes:
    if declared is not None and declared.isdigit() and int(declared) > limit:
        raise BodyTooLarge
    pieces: list[bytes] = []
    size = 0
    while True:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise BodyTooLarge
        if not message.get("more_body"):
            return piece if not pieces else b"".join((*pieces, piece))
        pieces.append(piece)


# zlib's own words for "gzip or zlib, told by the header" and for raw deflate, which some clients mean by the same name.
_EITHER = 32 + zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS


def _decoded(body: bytes, encoding: str, limit: int) -> bytes:
    """``body`` without its encodings. Raises BodyTooLarge where it unpacks to more than ``limit`` bytes, Failed(415) for an encoding that is not read
    here, Failed(400) for a body that is not what its header says."""
    for name in reversed([word.strip().lower() for word in encoding.split(",")]):
        if name in ("", "identity"):
            continue
        if name not in ("gzip", "x-gzip", "deflate"):
            message = f"content-encoding {name[:40]!r} is not read here: send gzip, deflate, or the body as it is"
            raise Failed(Failure("bad_request", message, param="content-encoding", ours=True), status=415)
        try:
            body = _unpacked(body, _EITHER, limit)
        except zlib.error as error:
            try:
                body = _unpacked(body, _RAW, limit)
            except zlib.error:
                message = f"the body is not {name}, as its content-encoding says"
                raise Failed(Failure("bad_request", message, param="content-encoding", ours=True)) from error
    return body


def _unpacked(data: bytes, form: int, limit: int) -> bytes:
    machine = zlib.decompressobj(form)
    out = machine.decompress(data, limit + 1)
    if len(out) > limit:
        raise BodyTooLarge
    if not machine.eof:
        raise zlib.error("it ends too early")
    return out
