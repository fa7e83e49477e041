"""What the process says: one line per request, and what an operator must know besides; as JSON, or as text for people at a terminal.

No body and no secret ever reaches a line. The words of an upstream's error stay out too, as it may repeat what it was sent.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, TextIO

import msgspec

from rosetta.config.schema import Telemetry
from rosetta.ir.loss import FIELD_CLASS, Loss
from rosetta.telemetry.names import OTHER

requests = logging.getLogger("rosetta.requests")

NAME_SHOWN = 200
"""A model's name is the client's text: more characters than this are cut off."""
QUIET = ("aiohttp", "asyncio", "httpcore", "httpx", "litestar", "opentelemetry", "uvicorn", "watchfiles")
"""Libraries that speak only when something is wrong."""

Level = Literal["debug", "info", "warning", "error"]

_encode = msgspec.json.Encoder().encode


class RequestLine(msgspec.Struct, omit_defaults=True, gc=False, kw_only=True):
    """A request's line. What is None is left out. Times in seconds; ``losses`` are ``field;kind`` in closed words; ``error`` is ours, never an
    upstream's."""

    time: str
    level: str
    logger: str
    event: str
    request_id: str
    operation: str
    client_format: str
    status: int
    outcome: str
    trace_id: str | None = None
    key: str | None = None
    model: str | None = None
    stream: bool | None = None
    error_type: str | None = None
    error: str | None = None
    provider: str | None = None
    upstream_format: str | None = None
    upstream_model: str | None = None
    attempts: int | None = None
    relayed: bool | None = None
    duration_s: float | None = None
    first_token_s: float | None = None
    overhead_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    losses: list[str] | None = None


HELD_S = 0.05
"""How long a line may wait for others, so that a busy gateway writes many at once."""
HELD_LINES = 500


class Output:
    """Where requests' lines go, past the logging machinery: it costs five times as much as the line. ``held_s``: how long a line may wait for others to be
    written with; a person at a terminal gets each at once."""

    def __init__(self, stream: TextIO, render: Callable[[RequestLine], str], held_s: float = 0.0) -> None:
        self._stream = stream
        self._render = render
        self._held_s = held_s
        self._lines: list[str] = []

    def write(self, line: RequestLine) -> None:
        """Writes it, soon."""
        lines = self._lines
        lines.append(self._render(line))
        if len(lines) == 1 and self._held_s:
            try:
                asyncio.get_running_loop().call_later(self._held_s, self.flush)
            except RuntimeError:  # no loop runs that could do it later
                self.flush()
        elif not self._held_s or len(lines) >= HELD_LINES:
            self.flush()

    def flush(self) -> None:
        """Writes what waits. A reader that is gone must not take requests down with it."""
        if not self._lines:
            return
        text = "\n".join((*self._lines, ""))
        self._lines.clear()
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


_output: Output | None = None


def listening() -> bool:
    """Whether anybody wants requests' lines."""
    return _output is not None or requests.isEnabledFor(logging.INFO)


def tell(line: RequestLine) -> None:
    """Writes a request's line; where ``configure`` was not called, to whatever logging the program has."""
    if _output is not None:
        _output.write(line)
    else:
        requests.info("request", extra={"fields": msgspec.to_builtins(line)})


@atexit.register
def flush() -> None:
    """Writes the lines that wait."""
    if _output is not None:
        _output.flush()


_second = 0
_second_text = ""


def now() -> str:
    """The time in UTC, to the millisecond."""
    global _second, _second_text
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
    if seconds != _second:
        _second, _second_text = seconds, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{_second_text}.{milliseconds:03d}Z"


def _json(line: RequestLine) -> str:
    return _encode(line).decode()


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, event."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {"time": now(), "level": record.levelname.lower(), "logger": record.name, "event": record.getMessage()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line).decode()


class ConsoleFormatter(logging.Formatter):
    """Text for people. ``color``: with the terminal's escapes."""

    def __init__(self, *, color: bool) -> None:
        super().__init__()
        self._color = color

    def format(self, record: logging.LogRecord) -> str:
        """The line, and a traceback beneath it where there is one."""
        text = _plain(record.getMessage())
        if record.levelno >= logging.WARNING:
            text = f"{self._paint(record.levelname.lower(), 33 if record.levelno < logging.ERROR else 31)}: {text}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return f"{self._clock()} {text}"

    def request(self, line: RequestLine) -> str:
        """A request's line."""
        color = 32 if line.outcome == "ok" else 33 if line.status < 500 and line.outcome != "error" else 31
        words = [f"{self._clock()} {self._paint(str(line.status or '---'), color)}", _way(line)]
        if line.duration_s is not None:
            first = f" (first {line.first_token_s:.2f} s)" if line.stream and line.first_token_s is not None else ""
            words.append(f"{line.duration_s:.2f} s{first}")
        if line.input_tokens is not None or line.output_tokens is not None:
            words.append(f"{_count(line.input_tokens)} -> {_count(line.output_tokens)} tokens")
        if line.attempts is not None and line.attempts > 1:
            words.append(f"{line.attempts} attempts")
        if line.losses:
            words.append(self._paint(f"lost: {', '.join(line.losses)}", 33))
        if line.error_type is not None:
            words.append(self._paint(_plain(f"{line.error_type}: {line.error}" if line.error else line.error_type), color))
        words.append(self._paint(line.request_id, 2))
        return "  ".join(words)

    def _clock(self) -> str:
        return self._paint(time.strftime("%H:%M:%S"), 2)

    def _paint(self, text: str, code: int) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._color else text


def _way(line: RequestLine) -> str:
    if line.model is None:
        return f"{line.client_format} {line.operation}"
    way = f"{line.client_format} {_plain(line.model)}"
    if line.provider is not None:
        way += f" -> {line.upstream_format} {line.provider}/{_plain(line.upstream_model or '')}"
    return way


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else str(tokens)


def _plain(text: str) -> str:
    # A terminal obeys escapes, and a line break would forge a line.
    return "".join(character if character.isprintable() else "?" for character in text)


def lost(losses: Sequence[Loss]) -> list[str]:
    """Losses as ``field;kind``, each once, in closed words."""
    return list(dict.fromkeys(f"{loss.field if loss.field in FIELD_CLASS else OTHER};{loss.kind}" for loss in losses))


def configure(settings: Telemetry, stream: TextIO | None = None) -> None:
    """Sets the process's logging: ours at ``log_level``, the libraries' only from warnings on. ``auto`` is text on a terminal and JSON elsewhere."""
    global _output
    stream = sys.stderr if stream is None else stream
    terminal = stream.isatty()
    text = settings.log_format == "console" or (settings.log_format == "auto" and terminal)
    console = ConsoleFormatter(color=terminal)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(console if text else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("rosetta").setLevel(settings.log_level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    if _output is not None:
        _output.flush()
    render, held_s = (console.request, 0.0) if text else (_json, HELD_S)
    _output = Output(stream, render, held_s) if requests.isEnabledFor(logging.INFO) else None
    logging.raiseExceptions = False  # a pipe that nobody reads any more must not take requests down with it
