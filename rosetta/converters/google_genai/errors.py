"""Errors ⇄ Failure: https://ai.google.dev/gemini-api/docs/troubleshooting. ``{"error": {code, message, status, details}}``; the code is a number."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from rosetta.converters import jsontext
from rosetta.converters.converter import Json, WireFailure
from rosetta.ir.errors import Failure, FailureKind

_STATUS_WORDS: dict[str, FailureKind] = {
    "INVALID_ARGUMENT": "bad_request",
    "FAILED_PRECONDITION": "bad_request",
    "OUT_OF_RANGE": "bad_request",
    "UNAUTHENTICATED": "auth",
    "PERMISSION_DENIED": "permission",
    "NOT_FOUND": "not_found",
    "ABORTED": "conflict",
    "ALREADY_EXISTS": "conflict",
    "RESOURCE_EXHAUSTED": "rate_limited",
    "CANCELLED": "cancelled",
    "INTERNAL": "upstream_error",
    "UNKNOWN": "upstream_error",
    "UNIMPLEMENTED": "unsupported",
    "UNAVAILABLE": "overloaded",
    "DEADLINE_EXCEEDED": "timeout",
}
_STATUSES: dict[int, FailureKind] = {
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
_ENVELOPES: dict[FailureKind, tuple[int, str]] = {
    "bad_request": (400, "INVALID_ARGUMENT"),
    "unsupported": (400, "INVALID_ARGUMENT"),
    "context_too_long": (400, "INVALID_ARGUMENT"),
    "auth": (401, "UNAUTHENTICATED"),
    "billing": (429, "RESOURCE_EXHAUSTED"),
    "permission": (403, "PERMISSION_DENIED"),
    "not_found": (404, "NOT_FOUND"),
    "method_not_allowed": (405, "INVALID_ARGUMENT"),
    "conflict": (409, "ABORTED"),
    "too_large": (413, "INVALID_ARGUMENT"),
    "unprocessable": (400, "INVALID_ARGUMENT"),
    "rate_limited": (429, "RESOURCE_EXHAUSTED"),
    "content_policy": (400, "INVALID_ARGUMENT"),
    "upstream_error": (502, "INTERNAL"),
    "overloaded": (503, "UNAVAILABLE"),
    "timeout": (504, "DEADLINE_EXCEEDED"),
    "cancelled": (499, "CANCELLED"),
    "truncated": (502, "INTERNAL"),
    "internal": (500, "INTERNAL"),
}
_TOO_LONG = re.compile(
    r"input token count .{0,40}exceeds|prompt is too long|exceeds? (?:the )?(?:model's )?(?:maximum )?context|context[ _](?:length|window|limit)|maximum context",
    re.IGNORECASE,
)
_SECRET = re.compile(r"\b(?:sk-|AIza|gsk_|xai-)[A-Za-z0-9_\-]{8,}")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)s")
_RETRY_IN = re.compile(r"retry in (\d+(?:\.\d+)?)s", re.IGNORECASE)
"""What Gemini says in words, with and without a RetryInfo: "Please retry in 34.07s."."""


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_failure(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """An upstream's error reply, whatever it is made of."""
    try:
        value: Any = jsontext.decode(body)
    except jsontext.InvalidJson:
        value = None
    return failure_of(value, status, _retry_after(headers))


def failure_of(value: Any, status: int | None, retry_after_s: float | None = None) -> Failure:
    """The failure in an error object: an envelope, a list of one, ``{"error": "text"}``, ``{"detail": …}``, or nothing readable.
    ``status`` is None within a stream or a reply with status 200."""
    if type(value) is list and value:
        value = value[0]
    error: Any = value.get("error", value) if type(value) is dict else None
    word = message = details = None
    if type(error) is dict:
        word, details = error.get("status"), error.get("details")
        message = next((error[key] for key in ("message", "detail", "msg") if type(error.get(key)) is str and error[key]), None)
        if type(error.get("code")) is int and 400 <= error["code"] < 600:
            status = error["code"]
    elif type(error) is str and error:
        message = error
    if message is None:
        message = "the upstream sent an error without a message" if status is None else f"the upstream answered {status} without a message"
    message = _SECRET.sub("…", message)
    if retry_after_s is None:
        retry_after_s = _retry_info(details)
    if retry_after_s is None:
        said = _RETRY_IN.search(message)
        retry_after_s = None if said is None else float(said[1])
    code = _reason(details)
    return Failure(_kind(word, status, message, code), message, status, code, retry_after_s=retry_after_s, details=details)


def _kind(word: Any, status: int | None, message: str, code: str | None) -> FailureKind:
    known = _STATUS_WORDS.get(word) if type(word) is str else None
    by_status = None if status is None else _STATUSES.get(status, "bad_request" if 400 <= status < 500 else "upstream_error")
    if known is None or known == "upstream_error":  # the status tells more than INTERNAL
        known = by_status or known or "upstream_error"
    if code == "API_KEY_INVALID":  # Google says 400 to a bad key
        return "auth"
    if known == "bad_request" and _TOO_LONG.search(message):
        return "context_too_long"
    return known


def _reason(details: Any) -> str | None:
    for detail in details if type(details) is list else ():
        reason = detail.get("reason") if type(detail) is dict else None
        if type(reason) is str:
            return reason
    return None


def _retry_info(details: Any) -> float | None:
    for detail in details if type(details) is list else ():
        delay = detail.get("retryDelay") if type(detail) is dict else None
        match = _DURATION.fullmatch(delay) if type(delay) is str else None
        if match is not None:
            return float(match[1])
    return None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None


# ------------------------------------------------------------------------------------------------------------------------ encode


def error_object(failure: Failure) -> tuple[int, Json]:
    """Status and ``error`` of a failure. A delay is told in a RetryInfo, as Google has no header for it."""
    status, word = _ENVELOPES[failure.kind]
    if failure.kind == "upstream_error" and failure.status == 500 and not failure.ours:
        status = 500
    error: Json = {"code": status, "message": _SECRET.sub("…", failure.message), "status": word}
    details: list[Json] = []
    if failure.param is not None and failure.kind in ("bad_request", "unsupported", "unprocessable", "not_found"):
        violation = {"field": failure.param, "description": error["message"]}
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]})
    if failure.retry_after_s is not None:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{math.ceil(failure.retry_after_s)}s"})
    if details:
        error["details"] = details
    return status, {"error": error}


def encode_failure(failure: Failure, request_id: str) -> WireFailure:  # noqa: ARG001 - the request's id goes into a header
    """The envelope for a failure."""
    status, body = error_object(failure)
    headers = {} if failure.retry_after_s is None else {"retry-after": str(math.ceil(failure.retry_after_s))}
    return WireFailure(status, body, headers)
