"""The OpenTelemetry collector takes the stack's own config, and passes the gateway's spans on by it."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from pathlib import Path

import httpx
import pytest

from rosetta.config.schema import Telemetry
from rosetta.telemetry.recorder import Recorder
from rosetta.telemetry.tracing import tracing
from tests.clients.gateway_process import free_port
from tests.live import live_gateway
from tests.tools.toolbox import run, running

pytestmark = [pytest.mark.originals, pytest.mark.timeout(180)]

CONFIG = Path(__file__).parents[2] / "deploy/compose/otel-collector.yaml"
ARRIVES_WITHIN_S = 60.0


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def test_the_config_is_valid() -> None:
    done = run("otelcol", "validate", "--config", CONFIG)
    assert 0 == done.returncode, done.stderr


def test_a_config_with_a_mistake_is_not(tmp_path: Path) -> None:
    """The check above can fail."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(CONFIG.read_text().replace("limit_mib", "limit_mb"))
    assert 0 != run("otelcol", "validate", "--config", wrong).returncode


def test_the_gateways_spans_pass_through(tmp_path: Path) -> None:
    """Its own receivers, processors and exporter on free ports, with a second collector in Jaeger's place."""
    http, grpc, store = free_port(), free_port(), free_port()
    keeper = tmp_path / "keeper.yaml"
    pipeline = {"receivers": ["otlp"], "exporters": ["debug"]}
    service = {"telemetry": {"metrics": {"level": "none"}}, "pipelines": {"traces": pipeline}}
    receivers = {"otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{store}"}}}}
    keeper.write_text(json.dumps({"receivers": receivers, "exporters": {"debug": {"verbosity": "detailed"}}, "service": service}))
    own = (
        *("--config", CONFIG),
        *("--set", f"receivers::otlp::protocols::http::endpoint=127.0.0.1:{http}"),
        *("--set", f"receivers::otlp::protocols::grpc::endpoint=127.0.0.1:{grpc}"),
        *("--set", f"exporters::otlp/jaeger::endpoint=127.0.0.1:{store}", "--set", "service::telemetry::metrics::level=none"),
    )
    kept = tmp_path / "kept.log"
    with (
        running("otelcol", "--config", keeper, log=kept, ready=lambda: accepts(store)),
        running("otelcol", *own, log=tmp_path / "collector.log", ready=lambda: accepts(http)),
    ):
        recorder = Recorder(tracing=tracing(Telemetry(otlp_endpoint=f"http://127.0.0.1:{http}", sample_ratio=1.0), {}))
        with live_gateway({}, recorder=recorder) as gateway:
            body = {"model": "echo", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]}
            answer = httpx.post(f"{gateway.url}/v1/messages", json=body, timeout=30)
            assert 200 == answer.status_code
        ends = time.monotonic() + ARRIVES_WITHIN_S
        while "chat echo" not in (text := kept.read_text()):
            assert time.monotonic() < ends, text[-2000:]
            time.sleep(0.1)
    assert answer.headers["x-rosetta-request-id"] in kept.read_text()
