"""What the process says: one line per request, and what an operator must know besides; as JSON, or as text for people at a terminal.

No body and no secret ever reaches a line. The words of an upstream's error stay out too, as it may repeat what it was sent.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
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


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, event, and a request's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        fields: Mapping[str, Any] | None = getattr(record, "fields", None)
        if fields is not None:
            line.update(fields)
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
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        fields: Mapping[str, Any] | None = getattr(record, "fields", None)
        if fields is not None:
            text = self._request(fields)
        elif record.levelno >= logging.WARNING:
            text = f"{self._paint(record.levelname.lower(), 33 if record.levelno < logging.ERROR else 31)}: {_plain(record.getMessage())}"
        else:
            text = _plain(record.getMessage())
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return f"{self._paint(clock, 2)} {text}"

    def _paint(self, text: str, code: int) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._color else text

    def _request(self, fields: Mapping[str, Any]) -> str:
        status = int(fields.get("status", 0))
        color = 32 if fields["outcome"] == "ok" else 33 if status < 500 and fields["outcome"] != "error" else 31
        words = [self._paint(str(status or "---"), color), _way(fields)]
        if "duration_s" in fields:
            first = f" (first {fields['first_token_s']:.2f} s)" if fields.get("stream") and "first_token_s" in fields else ""
            words.append(f"{fields['duration_s']:.2f} s{first}")
        if "input_tokens" in fields or "output_tokens" in fields:
            words.append(f"{fields.get('input_tokens', '?')} -> {fields.get('output_tokens', '?')} tokens")
        if fields.get("attempts", 1) > 1:
            words.append(f"{fields['attempts']} attempts")
        if fields.get("losses"):
            words.append(self._paint(f"lost: {', '.join(fields['losses'])}", 33))
        if "error_type" in fields:
            told = fields.get("error", "")
            words.append(self._paint(_plain(f"{fields['error_type']}: {told}" if told else fields["error_type"]), color))
        words.append(self._paint(fields["request_id"], 2))
        return "  ".join(words)


def _way(fields: Mapping[str, Any]) -> str:
    if "model" not in fields:
        return f"{fields['client_format']} {fields['operation']}"
    way = f"{fields['client_format']} {_plain(fields['model'])}"
    if "provider" in fields:
        way += f" -> {fields['upstream_format']} {fields['provider']}/{_plain(fields['upstream_model'])}"
    return way


def _plain(text: str) -> str:
    # A terminal obeys escapes, and a line break would forge a line.
    return "".join(character if character.isprintable() else "?" for character in text)


def lost(losses: Sequence[Loss]) -> list[str]:
    """Losses as ``field;kind``, each once, in closed words."""
    return list(dict.fromkeys(f"{loss.field if loss.field in FIELD_CLASS else OTHER};{loss.kind}" for loss in losses))


def configure(settings: Telemetry, stream: TextIO | None = None) -> None:
    """Sets the process's logging: ours at ``log_level``, the libraries' only from warnings on. ``auto`` is text on a terminal and JSON elsewhere."""
    stream = sys.stderr if stream is None else stream
    terminal = stream.isatty()
    text = settings.log_format == "console" or (settings.log_format == "auto" and terminal)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ConsoleFormatter(color=terminal) if text else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("rosetta").setLevel(settings.log_level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.raiseExceptions = False  # a pipe that nobody reads any more must not take requests down with it
