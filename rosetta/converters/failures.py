"""What the errors of all wires share: HTTP statuses, how a body hides its message, how long to wait. Envelopes and their words are each wire's own."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping
from typing import Any

from rosetta.converters import jsontext
from rosetta.converters.converter import Json
from rosetta.ir.errors import Failure, FailureKind

STATUSES: dict[int, FailureKind] = {
    400: "bad_request",
    401: "auth",
    402: "billing",
    403: "permission",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    422: "unprocessable",
    429: "rate_limited",
    499: "cancelled",
    501: "unsupported",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
FINAL: frozenset[FailureKind] = frozenset(
    {
        "bad_request",
        "unsupported",
        "context_too_long",
        "auth",
        "billing",
        "permission",
        "not_found",
        "method_not_allowed",
        "too_large",
        "unprocessable",
        "content_policy",
    }
)
"""The same request would fail again: clients are told not to repeat it."""

BAD_KEY = "API_KEY_INVALID"
"""Google's reason for a bad key, to which it says 400, on its OpenAI endpoint too."""
MESSAGE_LIMIT = 1000
"""How many characters of a fault that is no text are told."""

_TOO_LONG = re.compile(
    r"prompt is too long|input is too long|exceeds? (?:the )?(?:model's )?(?:maximum )?context|context[ _](?:length|window|limit|size)|maximum context"
    r"|input token count .{0,40}exceeds",
    re.IGNORECASE,
)
_TITLE = re.compile(r"<title>([^<]*)</title>", re.IGNORECASE)
_SECRET = re.compile(r"\b(?:sk-|AIza|gsk_|xai-)[A-Za-z0-9_\-*]{8,}")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)s")


def of_status(status: int) -> FailureKind:
    """The kind that a status alone tells."""
    return STATUSES.get(status, "bad_request" if 400 <= status < 500 else "upstream_error")


def read_body(body: bytes) -> Any:
    """The JSON of an error reply. Where it is none, the words that proxies and servers say instead: a line of text, a page's title; None where there are
    none."""
    try:
        return jsontext.decode(body)
    except jsontext.InvalidJson:
        text = body.decode("utf-8", "replace")
    if "<" in text:
        title = _TITLE.search(text)
        text = html.unescape(title[1]) if title is not None else ""
    return " ".join(text.split())[:MESSAGE_LIMIT] or None


def read_error(value: Any, status: int | None) -> tuple[Json, str]:
    """The error object in a reply and its message, without secrets: an envelope, a list of one, ``{"detail": …}``, ``{"error": "text"}``, a flat error,
    or nothing readable. ``status`` is None within a stream or a reply with status 200."""
    if type(value) is list and value:  # Google's OpenAI endpoint
        value = value[0]
    error: Any = value
    if type(value) is dict and value.get("error") is not None:
        error = value["error"]
    message = None
    if type(error) is dict:
        message = next((error[key] for key in ("message", "detail", "msg") if type(error.get(key)) is str and error[key]), None)
        if message is None and error.get("detail") is not None:  # FastAPI's list of faults
            message = jsontext.encode_text(error["detail"])[:MESSAGE_LIMIT]
    elif type(error) is str and error:
        message = error
    if message is None:
        message = "the upstream sent an error without a message" if status is None else f"the upstream answered {status} without a message"
    return error if type(error) is dict else {}, without_secrets(message)


def without_secrets(text: str) -> str:
    """A message without the keys that some upstreams repeat in it."""
    return _SECRET.sub("…", text)


def is_too_long(message: str) -> bool:
    """Whether the words say that the prompt does not fit into the model's context."""
    return _TOO_LONG.search(message) is not None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, by the headers. A date would need a clock."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None


def reason(details: Any) -> str | None:
    """Google's own word for the cause, by the ``ErrorInfo`` among the details."""
    for detail in details if type(details) is list else ():
        found = detail.get("reason") if type(detail) is dict else None
        if type(found) is str:
            return found
    return None


def retry_info(details: Any) -> float | None:
    """Seconds to wait, by Google's ``RetryInfo`` among the details."""
    for detail in details if type(details) is list else ():
        delay = detail.get("retryDelay") if type(detail) is dict else None
        match = _DURATION.fullmatch(delay) if type(delay) is str else None
        if match is not None:
            return float(match[1])
    return None


def whole_seconds(failure: Failure) -> str:
    """The delay as ``retry-after`` has it."""
    return str(math.ceil(failure.retry_after_s or 0))


def status_of(failure: Failure, usual: int) -> int:
    """The status for a client: the envelope's usual one, but an upstream's own 500 stays a 500."""
    return 500 if failure.kind == "upstream_error" and failure.status == 500 and not failure.ours else usual
