"""The log: one line per request, in JSON or for people, and nothing secret in it."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from rosetta.config.schema import Telemetry
from rosetta.telemetry import logs
from tests.gateway.wires import WIRES, body_of
from tests.live import live_gateway

REQUESTS = "rosetta.requests"


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logging is the process's own: what a test sets is put back."""
    monkeypatch.setattr(logs, "_output", None)
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions
    levels = {name: logging.getLogger(name).level for name in ("rosetta", *logs.QUIET)}
    yield
    root.handlers[:], _, logging.raiseExceptions = before
    root.setLevel(before[1])
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines_of(settings: Telemetry, model: str, *, stream: bool = False, key: str = "k-secret", terminal: bool = False) -> list[str]:
    """What is logged for one request."""
    output = Terminal() if terminal else io.StringIO()
    logs.configure(settings, output)
    wire = WIRES["anthropic"]
    with live_gateway({"keys": [{"name": "team-a", "key": "k-secret"}]}) as live:
        body = {**body_of(wire, model, "a secret word", stream=stream), "top_k": 3}
        httpx.post(live.url + wire.path(model, stream), json=body, headers={**wire.headers, "x-api-key": key})
    return output.getvalue().splitlines()


def test_a_request_is_one_line_of_json() -> None:
    """Everything that is worth knowing of it, in closed words."""
    lines = lines_of(Telemetry(), "echo", stream=True)
    assert 1 == len(lines), lines
    line: dict[str, Any] = json.loads(lines[0])
    expected = {
        "level": "info",
        "logger": REQUESTS,
        "event": "request",
        "key": "team-a",
        "operation": "generate",
        "client_format": "anthropic",
        "model": "echo",
        "stream": True,
        "status": 200,
        "outcome": "ok",
        "provider": "echo",
        "upstream_format": "openai_chat",
        "upstream_model": "echo",
        "attempts": 1,
        "relayed": False,
        "losses": ["top_k;dropped"],
    }
    assert expected == {name: line.get(name) for name in expected}
    assert {"time", "request_id", "duration_s", "first_token_s", "overhead_s", "input_tokens", "output_tokens"} <= set(line)
    assert "secret" not in lines[0]


def test_a_refused_request_is_a_line_too() -> None:
    """It says why, in our own words."""
    (line,) = lines_of(Telemetry(log_format="json"), "echo", key="wrong-secret")
    told = json.loads(line)
    assert (401, "auth", "auth") == (told["status"], told["outcome"], told["error_type"])
    assert "secret" not in line


def test_people_get_text() -> None:
    """On a terminal the same is one readable line, and a model's name cannot move the cursor."""
    (line,) = lines_of(Telemetry(), "echo", terminal=True)
    assert "\x1b[32m200\x1b[0m  anthropic echo -> openai_chat echo/echo  " in line
    assert "lost: top_k;dropped" in line
    (line,) = lines_of(Telemetry(log_format="console"), "no\x1b[2Jsuch\nmodel")
    assert "anthropic no?[2Jsuch?model" in line
    assert "\x1b" not in line


def test_a_level_above_info_silences_requests() -> None:
    """log_level: warning keeps what an operator must know."""
    assert [] == lines_of(Telemetry(log_level="warning"), "echo")


def test_an_exception_keeps_its_traceback() -> None:
    """In both forms."""
    for format in ("json", "console"):
        output = io.StringIO()
        logs.configure(Telemetry(log_format=format), output)  # type: ignore[arg-type]
        try:
            raise KeyError("lost")
        except KeyError:
            logging.getLogger("rosetta.gateway").exception("request %s failed inside rosetta", "req_1")
        assert "request req_1 failed inside rosetta" in output.getvalue()
        assert "KeyError" in output.getvalue()
        logging.getLogger("httpx").info("GET ?key=secret")
        assert "secret" not in output.getvalue()


class Counting(io.StringIO):
    """Counts how often it is written to."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def test_lines_of_the_same_moment_are_written_at_once() -> None:
    """A write costs as much as the conversion of a small request."""
    stream = Counting()
    rest: dict[str, Any] = {"operation": "generate", "client_format": "anthropic", "status": 200, "outcome": "ok"}

    async def three() -> None:
        output = logs.Output(stream, lambda line: line.request_id, held_s=0.01)
        for number in range(3):
            output.write(logs.RequestLine(time="", level="info", logger="", event="request", request_id=f"req_{number}", **rest))
        while not stream.writes:
            await asyncio.sleep(0)

    asyncio.run(three())
    assert ("req_0\nreq_1\nreq_2\n", 1) == (stream.getvalue(), stream.writes)
