"""Traces on their real way: the gateway, an OTLP collector (rotel), a trace store with a query API (phoenix)."""

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from rosetta.config.schema import Telemetry
from rosetta.telemetry.recorder import Recorder
from rosetta.telemetry.tracing import tracing
from tests.clients.gateway_process import free_port
from tests.gateway.wires import WIRES, body_of
from tests.live import live_gateway
from tests.raw_upstream import RawUpstream
from tests.telemetry.test_traces import STREAM_TREE, broken, busy, provider, stream
from tests.tools.toolbox import running

pytestmark = [pytest.mark.tools, pytest.mark.timeout(300)]

ARRIVES_WITHIN_S = 60.0
STORE_STARTS_WITHIN_S = 240.0
"""It loads a great deal before it listens."""


class Store:
    """Where spans arrive: ``collector`` takes them, ``api`` shows them."""

    def __init__(self, collector: str, api: str) -> None:
        self.collector = collector
        self.api = api

    def trace(self, request_id: str) -> list[dict[str, Any]]:
        """The spans of one request, once its server span is there."""
        ends = time.monotonic() + ARRIVES_WITHIN_S
        while True:
            answer = httpx.get(f"{self.api}/v1/projects/default/spans", params={"limit": 1000}, timeout=30)
            spans: list[dict[str, Any]] = answer.json()["data"] if answer.status_code == 200 else []
            for span in spans:
                if span["attributes"].get("rosetta.request.id") == request_id:
                    trace = span["context"]["trace_id"]
                    return [other for other in spans if other["context"]["trace_id"] == trace]
            assert time.monotonic() < ends, f"no trace of {request_id} among {len(spans)} spans: {answer.status_code}"
            time.sleep(0.2)

    def tree(self, request_id: str) -> list[str]:
        """Its spans as an indented list."""
        children: dict[str | None, list[dict[str, Any]]] = {}
        for span in sorted(self.trace(request_id), key=lambda span: span["start_time"]):
            children.setdefault(span["parent_id"] or None, []).append(span)

        def lines(parent: str | None, depth: int) -> Iterator[str]:
            for span in children.get(parent, []):
                yield "  " * depth + span["name"]
                yield from lines(span["context"]["span_id"], depth + 1)

        return list(lines(None, 0))


def accepts(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("traces")
    api, phoenix_grpc, collector, collector_grpc = (free_port() for _ in range(4))
    settings = {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_PORT": str(api),
        "PHOENIX_GRPC_PORT": str(phoenix_grpc),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    url = f"http://127.0.0.1:{api}"
    arguments = (
        "start",
        *("--otlp-grpc-endpoint", f"127.0.0.1:{collector_grpc}", "--otlp-http-endpoint", f"127.0.0.1:{collector}"),
        *("--exporter", "otlp", "--otlp-exporter-endpoint", url, "--otlp-exporter-protocol", "http", "--batch-timeout", "200ms"),
    )
    with contextlib.ExitStack() as stack:
        log = folder / "phoenix.log"
        stack.enter_context(
            running("phoenix", "serve", log=log, ready=lambda: accepts(api), variables=settings, within_s=STORE_STARTS_WITHIN_S)
        )
        stack.enter_context(running("rotel-agent", *arguments, log=folder / "rotel.log", ready=lambda: accepts(collector)))
        yield Store(f"http://127.0.0.1:{collector}", url)


def asked(store: Store, document: dict[str, Any], times: int = 1) -> httpx.Response:
    """The last answer of as many; when the gateway ends it has sent every span."""
    wire = WIRES["anthropic"]
    recorder = Recorder(tracing=tracing(Telemetry(otlp_endpoint=store.collector, sample_ratio=1.0), {}))
    with live_gateway(document, recorder=recorder) as live:
        for _ in range(times):
            answer = httpx.post(live.url + wire.path("m", True), json=body_of(wire, "m", "hello", stream=True), headers=wire.headers)
    return answer


def test_a_converted_stream(store: Store) -> None:
    """The whole tree arrives, and the store understands the GenAI attributes."""
    with RawUpstream(stream) as upstream:
        answer = asked(store, {"providers": {"up": provider(upstream.url)}, "models": {"m": {"provider": "up", "model": "llama3.2"}}})
    assert 200 == answer.status_code
    request_id = answer.headers["x-rosetta-request-id"]
    assert STREAM_TREE == store.tree(request_id)
    (attempt,) = [span for span in store.trace(request_id) if span["name"] == "chat llama3.2"]
    usage = {name: attempt["attributes"][f"gen_ai.usage.{name}"] for name in ("input_tokens", "output_tokens", "cache_read.input_tokens")}
    assert {"input_tokens": 100, "output_tokens": 20, "cache_read.input_tokens": 60} == usage


def test_a_retry_and_a_fallback(store: Store) -> None:
    """Three attempts side by side, and the event that says why."""
    with RawUpstream(busy) as first, RawUpstream(stream) as second:
        answer = asked(
            store,
            {
                "providers": {"first": provider(first.url), "second": provider(second.url)},
                "models": {"m": ["first", "second"]},
                "retries": {"attempts": 2, "backoff_base": 0.01, "backoff_max": 0.02},
            },
        )
    request_id = answer.headers["x-rosetta-request-id"]
    assert 3 == store.tree(request_id).count("  chat m")
    spans = store.trace(request_id)
    attempts = sorted((span for span in spans if span["name"] == "chat m"), key=lambda span: span["start_time"])
    assert ["ERROR", "ERROR", "UNSET"] == [span["status_code"] for span in attempts]
    assert ["initial", "retry", "fallback"] == [span["attributes"]["rosetta.attempt.reason"] for span in attempts]
    (server,) = [span for span in spans if span["name"] == "POST /v1/messages"]
    assert ["provider.fallback"] == [event["name"] for event in server["events"]]


def test_a_stream_that_breaks_off(store: Store) -> None:
    """Its status was 200; the trace is marked as failed all the same."""
    with RawUpstream(broken) as upstream:
        document = {"providers": {"up": provider(upstream.url)}, "models": {"m": {"provider": "up", "model": "llama3.2"}}}
        answer = asked(store, {**document, "retries": {"attempts": 1}})
    request_id = answer.headers["x-rosetta-request-id"]
    assert STREAM_TREE == store.tree(request_id)
    (server,) = [span for span in store.trace(request_id) if span["name"] == "POST /v1/messages"]
    assert ("ERROR", "protocol_error") == (server["status_code"], server["attributes"]["error.type"])


def test_a_request_that_a_limit_refused(store: Store) -> None:
    """A server span alone, with the limit that refused."""
    with RawUpstream(stream) as upstream:
        document = {"providers": {"up": provider(upstream.url)}, "models": {"m": "up"}, "limits": {"rpm": 1}}
        answer = asked(store, document, times=2)
        if answer.status_code == 200:  # a new minute began between the two
            answer = asked(store, document, times=2)
    assert 429 == answer.status_code
    request_id = answer.headers["x-rosetta-request-id"]
    assert ["POST /v1/messages"] == store.tree(request_id)
    (server,) = store.trace(request_id)
    assert [("rate_limit.denied", {"limit": "rpm"})] == [(event["name"], event["attributes"]) for event in server["events"]]
