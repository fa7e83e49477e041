"""Where spans go: config first, then the standard variables, else nowhere."""

import sys
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from rosetta.config.faults import ConfigError
from rosetta.config.schema import Telemetry
from rosetta.telemetry.tracing import Tracing, tracing

COLLECTOR = "http://127.0.0.1:4318"


def exporter(traces: Tracing | None) -> Any:
    """The exporter behind the batches."""
    assert traces is not None
    (processor,) = traces.provider._active_span_processor._span_processors
    assert isinstance(processor, BatchSpanProcessor)
    traces.close()
    return processor.span_exporter


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": COLLECTOR},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": COLLECTOR},
    ],
)
def test_without_a_place_to_go_there_are_no_spans(environ: dict[str, str]) -> None:
    """Nothing is set up, so nothing is paid."""
    assert tracing(Telemetry(), environ) is None


def test_the_config_names_the_collector() -> None:
    """A base address gets the path of traces; a whole one stays as it is."""
    made = exporter(tracing(Telemetry(otlp_endpoint=COLLECTOR), {}))
    assert isinstance(made, OTLPSpanExporter)
    assert f"{COLLECTOR}/v1/traces" == made._endpoint
    assert "http://x/other" == exporter(tracing(Telemetry(otlp_endpoint="http://x/other"), {}))._endpoint


def test_the_standard_variables_do_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for every program with OpenTelemetry in it."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    assert f"{COLLECTOR}/v1/traces" == exporter(tracing(Telemetry()))._endpoint


def test_grpc_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the path of the fault and the next step."""
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.grpc.trace_exporter", None)
    with pytest.raises(ConfigError, match=r"telemetry\.otlp_protocol: .*rosetta-gateway\[otlp-grpc\]"):
        tracing(Telemetry(otlp_endpoint="http://127.0.0.1:4317", otlp_protocol="grpc"), {})


@pytest.mark.parametrize(("variables", "name"), [({}, "rosetta"), ({"OTEL_SERVICE_NAME": "mine"}, "mine")])
def test_the_service_has_a_name(variables: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours, unless the operator gave another."""
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    traces = tracing(Telemetry(otlp_endpoint=COLLECTOR), variables)
    assert traces is not None
    traces.close()
    assert name == traces.provider.resource.attributes["service.name"]


def test_as_many_are_recorded_as_the_ratio_says() -> None:
    """By the trace id, so that every service with the same ratio decides alike."""
    traces = tracing(Telemetry(otlp_endpoint=COLLECTOR, sample_ratio=0.25), {})
    assert traces is not None
    spans = [traces.server_span("anthropic", "generate", "r", stream=None, method="POST", path="/", headers=None) for _ in range(4000)]
    recorded = [span for span in spans if not isinstance(span, int)]
    assert all(span.is_recording() for span in recorded)
    assert 800 < len(recorded) < 1200
    traces.provider._active_span_processor._span_processors = ()  # nobody listens at the collector's address
