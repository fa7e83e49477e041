"""What clients send never becomes a label, and no key is seen anywhere."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rosetta.config.load import build
from rosetta.engine.engine import Engine
from rosetta.gateway.gateway import Gateway
from rosetta.ir.usage import Usage
from rosetta.telemetry import names
from rosetta.telemetry.guard import LabelGuard
from rosetta.telemetry.recorder import Recorder, token_counts
from tests.gateway.wires import WIRES, body_of
from tests.raw_upstream import Caller, RawUpstream
from tests.telemetry.recording import recording

DOCUMENT: dict[str, Any] = {
    "providers": {"up": {"type": "anthropic", "base_url": "http://127.0.0.1:9", "timeout": {"connect": 0.1}}},
    "models": {"gpt-*": "up", "known": "up"},
    "retries": {"attempts": 1},
    "keys": [{"name": "team-a", "key": "right", "metrics": True, "models": ["echo", "known", "none*"]}],
}
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)


class Client:
    """Speaks ASGI to a gateway without a server."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.gateway = Gateway(build(DOCUMENT, {}), observer=self.recorder)

    async def ask(self, path: str, key: str, body: Any, method: str = "POST") -> int:
        data = json.dumps(body).encode()
        raw = path.encode("utf-8", "surrogatepass")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": raw,
            "query_string": b"",
            "headers": [
                (b"authorization", b"Bearer " + key.encode()),
                (b"x-goog-api-key", key.encode()),
                (b"content-length", str(len(data)).encode()),
            ],
        }
        statuses: list[int] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": data, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await self.gateway.handle(scope, receive, send)  # type: ignore[arg-type]
        return statuses[0]

    async def requests(self, model: str, path: str, key: str) -> None:
        say = [{"role": "user", "content": "hi"}]
        await self.ask("/v1/chat/completions", "right", {"model": f"none{model}", "messages": say})
        await self.ask("/v1/chat/completions", key, {"model": model, "messages": say})
        await self.ask(f"/{path}", key, {})
        await self.ask(f"/v1beta/models/{path}:generateContent", "right", {"contents": []})


def series(recorder: Recorder) -> set[tuple[str, ...]]:
    """Every series by its name and labels."""
    samples = (sample for family in recorder.metrics.registry.collect() for sample in family.samples)
    return {(sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))) for sample in samples}


async def test_whatever_clients_name_the_number_of_series_stays() -> None:
    """10,000 models, paths and keys that nobody knows make not one series more than the first of them."""
    client = Client()
    await client.requests("first", "first", "first")
    before = series(client.recorder)
    loop = asyncio.get_running_loop()

    def run(batch: list[tuple[str, str, str]]) -> None:
        async def asked() -> None:
            for model, path, key in batch:
                await client.requests(model, path, key)

        asyncio.run_coroutine_threadsafe(asked(), loop).result()

    drawn = given(st.lists(st.tuples(words, words, words), min_size=25, max_size=25))
    many = settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    await asyncio.to_thread(many(drawn(run)))
    after = series(client.recorder)
    assert set() == after ^ before
    assert len(after) == client.recorder.metrics.series()
    await client.gateway.aclose()


async def test_a_glob_is_one_label_however_many_models_pass_it() -> None:
    """Requests, tokens and circuits of gpt-* count under gpt-*, not under what the client wrote."""
    config = build({**DOCUMENT, "keys": []}, {})
    recorder = Recorder()
    engine = Engine(config, observer=recorder)
    observed = recorder.request("openai_chat", "generate", "r")
    observed.planned(engine.routes.resolve("gpt-anything").entry)
    assert "gpt-*" == observed.entry
    for number in range(50):
        recorder.circuit("up", f"gpt-{number}", "open")
    series = [line for line in recorder.metrics.exposition("")[0].decode().splitlines() if line.startswith("rosetta_circuit_state{")]
    assert 'rosetta_circuit_state{model="_other",provider="up"} 2.0' in series
    for number in range(49):
        recorder.circuit("up", f"gpt-{number}", "closed")
    assert b'rosetta_circuit_state{model="_other",provider="up"} 2.0' in recorder.metrics.exposition("")[0]
    recorder.circuit("up", "gpt-49", "closed")
    assert b'rosetta_circuit_state{model="_other",provider="up"} 0.0' in recorder.metrics.exposition("")[0]
    await engine.aclose()


def test_a_config_with_too_many_names_folds_and_says_so() -> None:
    """The guard's limit holds for the config's own names too, and each folded use is counted."""
    folded: list[str] = []
    guard = LabelGuard(lambda: folded.append("x"), most=2)
    guard.allow(["a", "b", "c"])
    assert ["a", "b", names.OTHER, names.OTHER, "a", names.NONE] == [guard(value) for value in ("a", "b", "c", "stranger", "a", names.NONE)]
    assert 1 == len(folded)
    guard.allow(["b"])
    assert [names.OTHER, "b"] == [guard("a"), guard("b")]


def test_the_overflow_is_a_metric() -> None:
    """With more models than the guard tells apart the counter rises."""
    recorder = Recorder()
    models = {f"m{number}": "echo" for number in range(names.LABEL_VALUES_MAX + 5)}
    recorder.configured(build({"models": models}, {}))
    for model in models:
        recorder.metrics.models(model)
    text = recorder.metrics.exposition("")[0].decode()
    assert 'rosetta_metrics_label_overflow_total{label="model",metric="rosetta_requests_total"} 5.0' in text


SECRETS = ("sk-provider-secret", "client-secret", "query-secret", "proxy-secret", "header-secret", "wrong-secret")


@pytest.mark.parametrize("good", [True, False])
def test_no_key_is_seen_anywhere(good: bool, capfd: pytest.CaptureFixture[str]) -> None:
    """Keys in headers, in the query, in a provider's row, in its proxy's address, in an upstream's error: none of them reaches a span, a metric or a line."""

    async def answer(caller: Caller) -> None:
        body = b'{"error":{"message":"no such key: sk-provider-secret","type":"invalid_request_error","code":"x"}}'
        await caller.send(
            b"HTTP/1.1 401 No\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body)
        )

    with RawUpstream(answer) as upstream:
        proxy = upstream.url if good else "http://127.0.0.1:9"
        document = {
            "providers": {
                "up": {
                    "type": "openai_chat",
                    "base_url": "http://provider.invalid/v1",
                    "proxy": proxy.replace("http://", "http://user:proxy-secret@"),
                    "api_key": "sk-provider-secret",
                    "headers": {"x-extra": "header-secret"},
                    "trusted": True,
                }
            },
            "models": {"m": "up"},
            "retries": {"attempts": 2, "backoff_base": 0.01, "backoff_max": 0.02},
            "keys": [
                {"name": "team-a", "key": "client-secret", "metrics": True},
                {"name": "team-b", "key": "query-secret", "metrics": True},
            ],
        }
        capture = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"}
        with recording(document, variables=capture) as running:
            count = 0
            for wire in WIRES.values():
                for stream in (False, True):
                    body = body_of(wire, "m", "hello", stream=stream)
                    path = wire.path("m", stream)
                    httpx.post(
                        running.url + path,
                        json=body,
                        headers={
                            **wire.headers,
                            "authorization": "Bearer client-secret",
                            "x-api-key": "client-secret",
                            "x-goog-api-key": "client-secret",
                        },
                    )
                    httpx.post(f"{running.url}{path}{'&' if '?' in path else '?'}key=query-secret", json=body)
                    httpx.post(running.url + path, json=body, headers={"authorization": "Bearer wrong-secret"})
                    count += 3
            httpx.get(f"{running.url}/v1/nothing?key=query-secret")
            spans = running.spans(count + 1)
            assert any(span.name == "POST" for span in spans)
            shown = "\n".join(span.to_json() for span in spans)
            shown += httpx.get(f"{running.url}/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"}).text
    shown += "".join(capfd.readouterr())
    assert "team-a" in shown
    assert [] == [secret for secret in SECRETS if secret in shown]


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (Usage(), []),
        (Usage(output_total=3), [("output", 3)]),
        (
            Usage(input_uncached=5, cache_read=90, cache_write=5, output_total=7, reasoning=2),
            [("input", 100), ("output", 7), ("cached_input", 90), ("cache_creation_input", 5), ("reasoning", 2)],
        ),
        (Usage(input_uncached=0, output_total=0), [("input", 0), ("output", 0)]),
        (Usage(tool_prompt=4), [("input", 4)]),
    ],
)
def test_input_includes_what_was_cached(usage: Usage, counts: list[tuple[str, int]]) -> None:
    """Cached and written tokens are part of the input, reasoning of the output; a count nobody gave is no zero."""
    assert counts == token_counts(usage)
