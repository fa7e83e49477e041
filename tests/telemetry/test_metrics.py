"""What /metrics shows."""

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from rosetta.config.faults import ConfigError
from rosetta.gateway.server import metrics_server
from rosetta.telemetry import names
from rosetta.telemetry.recorder import Recorder
from tests.gateway.wires import WIRES, body_of
from tests.live import LiveGateway, live_gateway

Labels = frozenset[tuple[str, str]]


def samples(url: str) -> dict[tuple[str, Labels], float]:
    text = httpx.get(f"{url}/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(url: str, name: str, **labels: str) -> float | None:
    return samples(url).get((name, frozenset((key.rstrip("_"), value) for key, value in labels.items())))


@pytest.fixture
def echo() -> Iterator[LiveGateway]:
    with live_gateway({"keys": [{"name": "team-a", "key": "k", "metrics": True}, {"name": "team-b", "key": "other"}]}) as running:
        yield running


def test_a_converted_request_is_counted_on_its_way(echo: LiveGateway) -> None:
    """One Anthropic request to a chat upstream: a request, two conversions, an attempt, tokens of every type, tokens of its key."""
    wire = WIRES["anthropic"]
    response = httpx.post(echo.url + wire.path("echo", False), json=body_of(wire, "echo", "hello", stream=False), headers=wire.headers)
    assert 200 == response.status_code
    request = {"client_format": "anthropic", "provider": "echo", "model": "echo", "status_class": "2xx", "outcome": "ok", "stream": "false"}
    assert 1 == value(echo.url, "rosetta_requests_total", **request)
    for source, target, direction in (("anthropic", "openai_chat", "request"), ("openai_chat", "anthropic", "response")):
        hop = {"from": source, "to": target, "direction": direction, "outcome": "ok"}
        assert 1 == value(echo.url, "rosetta_conversion_total", **hop)
    attempt = {"provider": "echo", "upstream_format": "openai_chat", "outcome": "ok", "error_type": "", "reason": "initial"}
    assert 1 == value(echo.url, "rosetta_upstream_attempts_total", **attempt)
    usage = response.json()["usage"]
    assert usage["input_tokens"] == value(echo.url, "rosetta_key_tokens_total", key="team-a", token_type="input")
    assert usage["output_tokens"] == value(echo.url, "rosetta_key_tokens_total", key="team-a", token_type="output")
    assert 0 == value(echo.url, "rosetta_inflight_requests", client_format="anthropic", stream="false")


def test_tokens_of_a_key_that_did_not_ask_are_not_shown(echo: LiveGateway) -> None:
    """A key's name is in /metrics only where the key says so."""
    wire = WIRES["openai_chat"]
    headers = {"authorization": "Bearer other"}
    assert 200 == httpx.post(echo.url + wire.path("echo", False), json=wire.body("echo", "hello"), headers=headers).status_code
    assert [] == [labels for name, labels in samples(echo.url) if name == "rosetta_key_tokens_total"]


def test_requests_that_never_reach_the_engine_are_counted(echo: LiveGateway) -> None:
    """A wrong key, an unknown path and a model that nobody knows."""
    wire = WIRES["openai_chat"]
    httpx.post(echo.url + wire.path("echo", False), json=wire.body("echo", "hi"), headers={"authorization": "Bearer wrong"})
    httpx.get(f"{echo.url}/v1/nothing/here")
    httpx.post(echo.url + wire.path("none", False), json=wire.body("none", "hi"), headers=wire.headers)
    common = {"client_format": "openai_chat", "provider": "_none", "status_class": "4xx", "stream": "false"}
    assert 1 == value(echo.url, "rosetta_requests_total", model="_none", outcome="auth", **common)
    assert 1 == value(echo.url, "rosetta_requests_total", model="_none", outcome="error", **common)
    assert 1 == value(echo.url, "rosetta_requests_total", model="_other", outcome="error", **common)


def test_exemplars_need_openmetrics_and_get_it_when_asked(echo: LiveGateway) -> None:
    """Prometheus asks for OpenMetrics; a browser gets the plain text."""
    plain = httpx.get(f"{echo.url}/metrics")
    assert "text/plain" in plain.headers["content-type"]
    asked = httpx.get(f"{echo.url}/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert "application/openmetrics-text" in asked.headers["content-type"]
    assert asked.text.endswith("# EOF\n")


def test_every_family_and_label_is_a_name_of_the_list(echo: LiveGateway) -> None:
    """What is served is in names.py; process and interpreter are the client library's own."""
    for wire in WIRES.values():
        for stream in (False, True):
            httpx.post(echo.url + wire.path("echo", stream), json=body_of(wire, "echo", "hi", stream=stream), headers=wire.headers)
    known = {metric.name.removesuffix("_total"): metric for metric in names.METRICS}
    families = text_string_to_metric_families(httpx.get(f"{echo.url}/metrics").text)
    own = [family for family in families if not family.name.startswith(("process_", "python_"))]
    assert own
    for family in own:
        metric = known[family.name]
        assert metric.kind == family.type
        for sample in family.samples:
            assert set(metric.label_names) == set(sample.labels) - {"le"}
            for label in metric.labels:
                assert label.values is None or sample.labels[label.name] in label.values


def test_metrics_on_a_port_of_their_own() -> None:
    """With server.metrics_port the main port has none; the other serves OpenMetrics when it is asked for."""
    recorder = Recorder()
    with metrics_server("127.0.0.1", 0, recorder) as port:
        accept = {"accept": "application/openmetrics-text; version=1.0.0"}
        assert "rosetta_build_info" in httpx.get(f"http://127.0.0.1:{port}/metrics", headers=accept).text
        with pytest.raises(ConfigError, match=r"server\.metrics_port: cannot listen on"), metrics_server("127.0.0.1", port, recorder):
            pass
        with live_gateway({"server": {"metrics_port": port}}) as running:
            assert 404 == httpx.get(f"{running.url}/metrics").status_code
