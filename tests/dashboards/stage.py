"""A gateway at work under a real Prometheus: every kind of request, every kind of trouble, three rounds of it, and the traces it sends.

Rates need a past: what happens in one round alone is counted, but grows from nothing, and Prometheus sees no growth.
"""

from __future__ import annotations

import contextlib
import functools
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from dashboards.files import HERE, RULES
from tests.clients.gateway_process import free_port, gateway_process
from tests.clients.upstream import Upstream, start_upstream
from tests.gateway.test_pairs import with_shell
from tests.gateway.wires import UPSTREAMS, WIRES, Wire, body_of
from tests.raw_upstream import Caller, RawUpstream
from tests.tools.toolbox import running

ROUNDS = 3
SCRAPE_EVERY_S = 1
WAIT_S = 30.0
TEAM, LIMITED = "team-secret", "limited-secret"
TROUBLES = {"busy": "err429bare", "overloaded": "err529", "broken": "err500", "dropping": "drop", "midstream": "midstream", "long": "long"}
"""Provider -> the scenario of its run of the scripted upstream."""
UNREADABLE = json.dumps({"id": "x", "object": "chat.completion", "choices": "none"}).encode()


@dataclass
class Stage:
    """What a test looks at. ``slow`` is the request id of the slowest request."""

    gateway: str
    prometheus: str
    spans: Callable[[], list[Span]]
    http: httpx.Client
    upstream: Upstream
    slow: str = ""
    statuses: list[int] = field(default_factory=list)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query, NaN left out, as Grafana draws none."""
        found = self.api("query", query=expression)["result"]
        return [series for series in found if "NaN" != series["value"][1]]

    def page(self) -> str:
        """The gateway's metrics as text."""
        return self.http.get(f"{self.gateway}/metrics").text

    def api(self, endpoint: str, **parameters: Any) -> Any:
        response = self.http.get(f"{self.prometheus}/api/v1/{endpoint}", params=parameters)
        body = response.json()
        assert "success" == body["status"], f"{parameters}: {body}"
        return body["data"]


@contextlib.contextmanager
def stage(directory: Path, rounds: int = ROUNDS) -> Iterator[Stage]:
    """Everything runs, has run its rounds, and Prometheus knows all of it."""
    config = directory / "rosetta.json"
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(start_upstream(scenario="think"))
        unreadable = stack.enter_context(RawUpstream(_unreadable))
        collector = stack.enter_context(_collector())
        document = _document(upstream, unreadable, collector.url)
        config.write_text(json.dumps(document), encoding="utf-8")
        gateway = stack.enter_context(
            gateway_process(config, directory / "gateway.log", TEAM_KEY=TEAM, LIMITED_KEY=LIMITED, OTEL_BSP_SCHEDULE_DELAY="200")
        )
        prometheus = stack.enter_context(_prometheus(directory, gateway))
        http = stack.enter_context(httpx.Client(timeout=WAIT_S))
        made = Stage(gateway, prometheus, collector.spans, http, upstream)
        for number in range(rounds):
            _round(made, upstream)
            _reload(made, config, document, number)
            _until(lambda: _counted(made) == _scraped(made), "Prometheus saw the round")
        yield made


def _document(upstream: Upstream, unreadable: RawUpstream, collector: str) -> dict[str, Any]:
    base = upstream.url
    key = {"api_key": "upstream-key"}
    providers: dict[str, Any] = {
        "up-chat": {"type": "openai_chat", "base_url": f"{base}/v1", **key},
        "up-responses": {"type": "openai_responses", "base_url": f"{base}/v1", **key},
        "up-anthropic": {"type": "anthropic", "base_url": base, **key},
        "up-google": {"type": "google", "base_url": base, **key},
        "unreadable": {"type": "openai_chat", "base_url": f"{unreadable.url}/v1", **key},
    }
    for name in TROUBLES:
        anthropic = name == "overloaded"
        root = f"{base}/run/{name}"
        providers[name] = {"type": "anthropic" if anthropic else "openai_chat", "base_url": root if anthropic else f"{root}/v1", **key}
    models: dict[str, Any] = {name: {"provider": name, "model": name} for name in providers}
    models["chain"] = [{"provider": "broken", "model": "broken"}, {"provider": "up-chat", "model": "up-chat"}]
    return {
        "providers": providers,
        "models": models,
        "keys": [
            {"name": "team", "key": "${TEAM_KEY}", "metrics": True},
            {"name": "limited", "key": "${LIMITED_KEY}", "limits": {"rpm": 2}},
        ],
        "limits": {"concurrency": 64},
        "retries": {"attempts": 2, "backoff_base": 0.05, "backoff_max": 0.1},
        "telemetry": {"otlp_endpoint": collector, "sample_ratio": 1.0, "log_format": "json"},
    }


def _round(made: Stage, upstream: Upstream) -> None:
    for name, scenario in TROUBLES.items():
        upstream.control(name, scenario=scenario)
    for wire in WIRES.values():
        upstream.control()  # it takes 30 requests of a run for a runaway
        for model in UPSTREAMS:
            for stream in (False, True):
                ask(made, wire, model, stream=stream)
        for model in ("busy", "overloaded", "chain"):
            ask(made, wire, model, stream=True)
    upstream.control()
    chat, anthropic, responses = WIRES["openai_chat"], WIRES["anthropic"], WIRES["openai_responses"]
    for model in ("dropping", "midstream", "unreadable"):
        ask(made, anthropic, model, stream=model != "unreadable")
    ask(made, chat, "up-chat", key="nobody's")
    ask(made, chat, "no-such-model")
    for _ in range(3):
        ask(made, chat, "up-chat", key=LIMITED)
    _lose_reasoning(made, responses)
    leave(made, chat)
    made.slow = ask(made, chat, "long", stream=True).headers["x-rosetta-request-id"]


def ask(
    made: Stage, wire: Wire, model: str, *, stream: bool = False, key: str = TEAM, body: dict[str, Any] | None = None
) -> httpx.Response:
    body = with_shell(wire, body_of(wire, model, "hi", stream=stream) if body is None else body)
    response = made.http.post(made.gateway + wire.path(model, stream), json=body, headers={**wire.headers, **_key(key)})
    made.statuses.append(response.status_code)
    return response


def _key(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", "x-api-key": key, "x-goog-api-key": key}


def _lose_reasoning(made: Stage, wire: Wire) -> None:
    """A conversation goes on at a chain in which nobody made its reasoning state."""
    first = ask(made, wire, "up-anthropic").json()
    calls = [item for item in first["output"] if item["type"] == "function_call"]
    results = [{"type": "function_call_output", "call_id": call["call_id"], "output": "MARK-00000000"} for call in calls]
    history = [{"role": "user", "content": "hi"}, *first["output"], *results]
    ask(made, wire, "chain", body={"model": "chain", "input": history})


def leave(made: Stage, wire: Wire) -> None:
    """The client hangs up amid a stream."""
    body = with_shell(wire, body_of(wire, "long", "hi", stream=True))
    with made.http.stream("POST", made.gateway + wire.path("long", True), json=body, headers=_key(TEAM)) as response:
        next(response.iter_raw())


def _reload(made: Stage, config: Path, document: dict[str, Any], number: int) -> None:
    """A faulty config is refused, then a good one is taken over."""
    settled = {**document, "retries": {**document["retries"], "backoff_max": 0.2 + number}}
    for outcome, changed in (("failure", {**document, "loss_policy": "nonsense"}), ("success", settled)):
        series = f'rosetta_config_reload_total{{outcome="{outcome}"}}'
        before = _metric(made, series)
        config.write_text(json.dumps(changed), encoding="utf-8")
        _until(functools.partial(_grew, made, series, before), f"a reload: {outcome}")


def _grew(made: Stage, series: str, before: float) -> bool:
    return _metric(made, series) > before


def _metric(made: Stage, series: str) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in made.page().splitlines() if line.startswith(series))


def _counted(made: Stage) -> float:
    return _metric(made, "rosetta_requests_total")


def _scraped(made: Stage) -> float:
    return sum(float(series["value"][1]) for series in made.query("sum(rosetta_requests_total)"))


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {WAIT_S} s: {what}"
        time.sleep(0.1)


async def _unreadable(caller: Caller) -> None:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(UNREADABLE)}\r\nconnection: close\r\n\r\n"
    await caller.send(head.encode() + UNREADABLE)


@contextlib.contextmanager
def _prometheus(directory: Path, gateway: str) -> Iterator[str]:
    port = free_port()
    config = directory / "prometheus.json"
    document = {
        "global": {"scrape_interval": f"{SCRAPE_EVERY_S}s", "evaluation_interval": f"{SCRAPE_EVERY_S}s"},
        "rule_files": [str(HERE / RULES)],
        "scrape_configs": [{"job_name": "rosetta", "static_configs": [{"targets": [gateway.removeprefix("http://")]}]}],
    }
    config.write_text(json.dumps(document), encoding="utf-8")
    arguments = (
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
        "--log.level=warn",
    )
    url = f"http://127.0.0.1:{port}"
    with running("prometheus", *arguments, log=directory / "prometheus.log", ready=lambda: _is_ready(url)):
        yield url


def _is_ready(url: str) -> bool:
    try:
        return 200 == httpx.get(f"{url}/-/ready", timeout=2).status_code
    except httpx.TransportError:
        return False


class _Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP and keeps the spans."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Export)
        self.kept: list[Span] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def spans(self) -> list[Span]:
        return list(self.kept)


class _Export(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        kept = cast("_Collector", self.server).kept
        kept.extend(span for resource in sent.resource_spans for scope in resource.scope_spans for span in scope.spans)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()


@contextlib.contextmanager
def _collector() -> Iterator[_Collector]:
    server = _Collector()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
