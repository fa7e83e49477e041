"""The span tree of a request: a converted stream, a whole answer, retries, fallbacks, and whatever ends early."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan

from rosetta.telemetry import names
from tests.gateway.wires import WIRES, body_of
from tests.raw_upstream import Caller, RawUpstream
from tests.telemetry.recording import Recording, recording

CHUNK = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "served"}
USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 60},
    "completion_tokens_details": {"reasoning_tokens": 5},
}


def sse(**fields: Any) -> bytes:
    return b"data: " + json.dumps({**CHUNK, **fields}).encode() + b"\n\n"


def text(word: str, finish: str | None = None) -> bytes:
    return sse(choices=[{"index": 0, "delta": {"content": word}, "finish_reason": finish}])


async def stream(caller: Caller) -> None:
    await caller.stream_head()
    await caller.send(text("Hel"))
    await caller.send(text("lo", "stop"))
    await caller.send(sse(choices=[], usage=USAGE))
    await caller.send(b"data: [DONE]\n\n")


async def broken(caller: Caller) -> None:
    await caller.stream_head()
    await caller.send(text("Hel"))


async def endless(caller: Caller) -> None:
    await caller.stream_head()
    await caller.send(text("Hel"))
    await caller.gone()


async def busy(caller: Caller) -> None:
    body = b'{"error":{"message":"busy: your key sk-upstream-secret","type":"server_error"}}'
    await caller.send(
        b"HTTP/1.1 503 Busy\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body)
    )


def provider(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "openai_chat", "base_url": f"{url}/v1", "api_key": "sk-upstream-secret", **more}


@contextmanager
def over(behaviour: Any, **document: Any) -> Iterator[tuple[Recording, RawUpstream]]:
    with RawUpstream(behaviour) as upstream:
        base = {
            "providers": {"up": provider(upstream.url)},
            "models": {"m": {"provider": "up", "model": "llama3.2"}},
            "retries": {"attempts": 1},
        }
        with recording({**base, **document}) as running:
            yield running, upstream


def ask(running: Recording, wire: str = "anthropic", model: str = "m", *, stream: bool = True, **headers: str) -> httpx.Response:
    spoken = WIRES[wire]
    body = body_of(spoken, model, "hello", stream=stream)
    return httpx.post(running.url + spoken.path(model, stream), json=body, headers={**spoken.headers, **headers})


def attribute(span: ReadableSpan, attribute: names.Attribute) -> Any:
    return dict(span.attributes or {}).get(attribute.name)


def events(span: ReadableSpan) -> list[tuple[str, dict[str, Any]]]:
    return [(event.name, dict(event.attributes or {})) for event in span.events]


STREAM_TREE = [
    "POST /v1/messages",
    "  route",
    "  convert request anthropic -> ir",
    "  chat llama3.2",
    "    convert request ir -> openai_chat",
    "    POST",
    "    convert response openai_chat -> ir",
    "  convert response ir -> anthropic",
]


def test_a_converted_stream_is_one_tree() -> None:
    """Each hop has its span; the attempt is open until the end of its stream and knows what it cost."""
    with over(stream) as (running, _):
        assert 200 == ask(running).status_code
        assert STREAM_TREE == running.tree()
        server, attempt = running.span("POST /v1/messages"), running.span("chat llama3.2")
        assert ("SERVER", "CLIENT") == (server.kind.name, attempt.kind.name)
        expected = {
            names.GEN_AI_OPERATION_ATTRIBUTE: "chat",
            names.GEN_AI_PROVIDER_ATTRIBUTE: "up",
            names.GEN_AI_REQUEST_MODEL: "llama3.2",
            names.GEN_AI_RESPONSE_MODEL: "served",
            names.GEN_AI_RESPONSE_ID: "c1",
            names.GEN_AI_FINISH: ("stop",),
            names.GEN_AI_STREAM: True,
            names.GEN_AI_MAX_TOKENS: 1000,
            names.GEN_AI_INPUT_TOKENS: 100,
            names.GEN_AI_OUTPUT_TOKENS: 20,
            names.GEN_AI_CACHE_READ: 60,
            names.GEN_AI_REASONING: 5,
            names.SERVER_ADDRESS: "127.0.0.1",
            names.PROVIDER_ATTRIBUTE: "up",
            names.UPSTREAM_FORMAT_ATTRIBUTE: "openai_chat",
            names.ATTEMPT: 1,
            names.ATTEMPT_REASON: "initial",
            names.STREAM_EVENTS_IN: 4,
        }
        assert expected == {name: attribute(attempt, name) for name in expected}
        assert 0 < attribute(attempt, names.GEN_AI_FIRST_CHUNK) < 5
        assert [("gen_ai.first_chunk", {})] == events(attempt)
        assert 200 == attribute(server, names.HTTP_STATUS)
        assert "m" == attribute(server, names.GEN_AI_REQUEST_MODEL)
        assert attribute(server, names.PASSTHROUGH) is False
        for span in (
            running.span("convert response openai_chat -> ir"),
            running.span("convert response ir -> anthropic"),
            running.span("POST"),
        ):
            assert (server.start_time or 0) <= (span.start_time or 0) <= (span.end_time or 0) <= (server.end_time or 0)
            assert (attempt.start_time or 0) <= (span.start_time or 0) <= (span.end_time or 0) <= (attempt.end_time or 0)


def test_a_whole_answer_has_the_same_tree() -> None:
    """Without a stream the hops are timed one by one."""
    with recording({}) as running:
        assert 200 == ask(running, model="echo", stream=False).status_code
        assert [line.replace("llama3.2", "echo") for line in STREAM_TREE] == running.tree()
        attempt = running.span("chat echo")
        assert attribute(attempt, names.GEN_AI_STREAM) is None
        assert ("stop",) == attribute(attempt, names.GEN_AI_FINISH)
        assert attribute(attempt, names.GEN_AI_INPUT_TOKENS) > 0


def test_a_relayed_request_is_converted_nowhere() -> None:
    """The same format in and out: no hop, and it says so."""
    with recording({}) as running:
        assert 200 == ask(running, "openai_chat", "echo", stream=False).status_code
        assert ["POST /v1/chat/completions", "  route", "  chat echo", "    POST"] == running.tree()
        assert attribute(running.span("POST /v1/chat/completions"), names.PASSTHROUGH) is True
        assert attribute(running.span("chat echo"), names.GEN_AI_INPUT_TOKENS) > 0


def test_retries_are_siblings_and_a_fallback_is_an_event() -> None:
    """Two tries at a busy provider, then another one: three attempts side by side, and why."""
    with RawUpstream(busy) as first, RawUpstream(stream) as second:
        document = {
            "providers": {"first": provider(first.url), "second": provider(second.url)},
            "models": {"m": ["first", "second"]},
            "retries": {"attempts": 2, "backoff_base": 0.01, "backoff_max": 0.02},
        }
        with recording(document) as running:
            assert 200 == ask(running).status_code
            tree = running.tree()
            assert 3 == tree.count("  chat m")
            attempts = sorted((span for span in running.spans() if span.name == "chat m"), key=lambda span: span.start_time or 0)
            told = [
                (attribute(span, names.PROVIDER_ATTRIBUTE), attribute(span, names.ATTEMPT), attribute(span, names.ATTEMPT_REASON))
                for span in attempts
            ]
            assert [("first", 1, "initial"), ("first", 2, "retry"), ("second", 3, "fallback")] == told
            assert [None, 1, None] == [attribute(span, names.HTTP_RESEND) for span in attempts]
            assert ["503", "503", None] == [attribute(span, names.ERROR) for span in attempts]
            assert ["ERROR", "ERROR", "UNSET"] == [span.status.status_code.name for span in attempts]
            (name, scheduled), *rest = events(attempts[0])
            assert ("retry.scheduled", "503", []) == (name, scheduled["error.type"], rest)
            assert 0 <= scheduled["delay_s"] <= 0.02
            server = running.span("POST /v1/messages")
            assert [("provider.fallback", {"from": "first", "to": "second", "reason": "503"})] == events(server)
            assert ("second", 3) == (attribute(server, names.PROVIDER_ATTRIBUTE), attribute(server, names.ATTEMPTS))
            assert "UNSET" == server.status.status_code.name


def test_a_stream_that_breaks_off_is_an_error_with_status_200() -> None:
    """The head was out: the spans say what the status cannot."""
    with over(broken) as (running, _):
        assert 200 == ask(running).status_code
        assert STREAM_TREE == running.tree()
        server, attempt = running.span("POST /v1/messages"), running.span("chat llama3.2")
        assert ("protocol_error", "ERROR") == (attribute(attempt, names.ERROR), attempt.status.status_code.name)
        assert ("protocol_error", "ERROR", 200) == (
            attribute(server, names.ERROR),
            server.status.status_code.name,
            attribute(server, names.HTTP_STATUS),
        )


def test_a_client_that_leaves_ends_every_span() -> None:
    """Nobody waits for the answer any more; the spans say why they ended."""
    with over(endless) as (running, upstream):
        wire = WIRES["anthropic"]
        body = json.dumps(body_of(wire, "m", "hello", stream=True)).encode()
        head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", running.live.port)) as client:
            client.sendall(head + body)
            assert b"200 OK" in client.recv(65536)
        assert upstream.hung_up.wait(10)
        assert STREAM_TREE == running.tree()
        assert "client_disconnect" == attribute(running.span("POST /v1/messages"), names.ERROR)
        assert "client_disconnect" == attribute(running.span("chat llama3.2"), names.ERROR)


def test_a_refused_request_says_which_limit() -> None:
    """A limit leaves an event on the server span and no attempt."""
    with recording({"limits": {"rpm": 1}}) as running:
        ask(running, model="echo", stream=False)
        assert 429 == ask(running, model="echo", stream=False).status_code
        refused = [span for span in running.spans(2) if span.kind.name == "SERVER" and attribute(span, names.HTTP_STATUS) == 429]
        assert [[("rate_limit.denied", {"limit": "rpm"})]] == [events(span) for span in refused]
        assert ["rate_limited"] == [attribute(span, names.ERROR) for span in refused]
        assert 1 == [span.name for span in running.spans(2)].count("chat echo")


@pytest.mark.parametrize(("path", "status", "route"), [("/v1/nothing", 404, "GET /{path}"), ("/v1/models", 200, "GET /v1/models")])
def test_other_paths_have_a_server_span_alone(path: str, status: int, route: str) -> None:
    """An unknown path is the client's own text and stays out of the spans."""
    with recording({}) as running:
        assert status == httpx.get(running.url + path).status_code
        assert [route] == running.tree()
        span = running.span(route)
        assert (status, None if status == 404 else path) == (attribute(span, names.HTTP_STATUS), attribute(span, names.URL_PATH))


def test_losses_are_events_of_their_hop() -> None:
    """What a target cannot say stands on the hop that met it, at most 32 of them."""
    with recording({}) as running:
        blocks = [{"type": "text", "text": f"word {number}", "cache_control": {"type": "ephemeral"}} for number in range(40)]
        body = {"model": "echo", "max_tokens": 5, "top_k": 3, "messages": [{"role": "user", "content": blocks}]}
        assert 200 == httpx.post(f"{running.url}/v1/messages", json=body, headers=WIRES["anthropic"].headers).status_code
        hop = running.span("convert request ir -> openai_chat")
        told = events(hop)
        assert 41 == attribute(hop, names.CONVERT_LOSSES)
        assert 32 == [name for name, _ in told].count("rosetta.conversion.loss")
        assert ("rosetta.conversion.losses_truncated", {"count": 9}) == told[-1]
        assert {"field", "kind", "class"} == set(told[0][1])


def test_an_unsampled_request_leaves_nothing() -> None:
    """With a ratio of 0 no span is kept, and no exemplar either."""
    with RawUpstream(stream) as upstream:
        document = {"providers": {"up": provider(upstream.url)}, "models": {"m": "up"}}
        with recording(document, ratio=0.0) as running:
            assert 200 == ask(running).status_code
            accept = {"accept": "application/openmetrics-text; version=1.0.0"}
            assert "trace_id" not in httpx.get(f"{running.url}/metrics", headers=accept).text
            assert [] == list(running.exporter.get_finished_spans())


TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(("flags", "recorded"), [("01", True), ("00", False)])
def test_a_callers_trace_goes_on_and_it_decides(flags: str, recorded: bool) -> None:
    """W3C context in: the caller's trace id, and its decision whatever our ratio says."""
    with recording({}, ratio=0.0 if recorded else 1.0) as running:
        assert 200 == ask(running, model="echo", stream=False, traceparent=f"00-{TRACE}-{PARENT}-{flags}").status_code
        httpx.get(f"{running.url}/metrics")
        if not recorded:
            assert [] == list(running.exporter.get_finished_spans())
            return
        server = running.span("POST /v1/messages")
        assert server.context is not None
        assert server.parent is not None
        assert (TRACE, PARENT) == (f"{server.context.trace_id:032x}", f"{server.parent.span_id:016x}")


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("ratio", [1.0, 0.0])
def test_only_a_trusted_provider_sees_our_trace(trusted: bool, ratio: float) -> None:
    """traceparent goes out where the config says so, with the decision; a client's own header never passes by."""
    heads: list[bytes] = []
    seen = threading.Event()

    async def listen(caller: Caller) -> None:
        heads.append(caller.request)
        seen.set()
        await stream(caller)

    with RawUpstream(listen) as upstream:
        document = {"providers": {"up": provider(upstream.url, trusted=trusted)}, "models": {"m": "up"}}
        with recording(document, ratio=ratio) as running:
            for wire in ("anthropic", "openai_chat"):
                assert 200 == ask(running, wire).status_code
            assert seen.wait(10)
            flags = b"01" if ratio else b"00"
            for head in heads:
                lines = [line for line in head.lower().split(b"\r\n") if line.startswith((b"traceparent:", b"tracestate:", b"baggage:"))]
                assert trusted == bool(lines), head
                assert all(line.startswith(b"traceparent: 00-") and line[-3:-2] == b"-" for line in lines)
                assert all(line.endswith(flags) or (int(line[-2:], 16) & 1) == (1 if ratio else 0) for line in lines)


def test_a_slow_requests_exemplar_leads_to_its_trace() -> None:
    """OpenMetrics carries the trace's id beside the value."""
    with recording({}) as running:
        assert 200 == ask(running, model="echo", stream=False).status_code
        server = running.span("POST /v1/messages")
        assert server.context is not None
        accept = {"accept": "application/openmetrics-text; version=1.0.0"}
        lines = httpx.get(f"{running.url}/metrics", headers=accept).text.splitlines()
        marked = [line for line in lines if f'trace_id="{server.context.trace_id:032x}"' in line]
        families = {line.partition("{")[0] for line in marked}
        assert {"rosetta_request_duration_seconds_bucket", "rosetta_overhead_seconds_bucket", "rosetta_requests_total"} <= families


def test_every_attribute_and_event_is_a_name_of_the_list() -> None:
    """What stands on our spans is in names.py, on the span where it belongs."""
    with RawUpstream(busy) as first, RawUpstream(stream) as second:
        document = {
            "providers": {"first": provider(first.url), "second": provider(second.url)},
            "models": {"m": ["first", "second"]},
            "retries": {"attempts": 2, "backoff_base": 0.01, "backoff_max": 0.02},
        }
        with recording(document) as running:
            ask(running)
            ask(running, "google_genai", stream=False)
            ask(running, "openai_responses", "nobody")
            known = {
                "SERVER": [names.SERVER_SPAN],
                "CLIENT": [names.ATTEMPT_SPAN],
                "INTERNAL": [names.ROUTE_SPAN, names.CONVERT_REQUEST_SPAN, names.CONVERT_RESPONSE_SPAN],
            }
            for span in running.spans(3):
                if span.name == "POST":
                    continue
                kinds = known[span.kind.name]
                attributes = {attribute.name for kind in kinds for attribute in kind.attributes}
                assert set(span.attributes or {}) <= attributes, span.name
                named = {event.name: {attribute.name for attribute in event.attributes} for kind in kinds for event in kind.events}
                for name, told in events(span):
                    assert set(told) <= named[name]
