"""Errors ⇄ Failure: https://ai.google.dev/gemini-api/docs/troubleshooting. ``{"error": {code, message, status, details}}``; the code is a number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rosetta.converters import failures
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
_RETRY_IN = re.compile(r"retry in (\d+(?:\.\d+)?)s", re.IGNORECASE)
"""What Gemini says in words, with and without a RetryInfo: "Please retry in 34.07s."."""


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_failure(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """An upstream's error reply, whatever it is made of."""
    return failure_of(failures.read_body(body), status, failures.retry_after(headers))


def failure_of(value: Any, status: int | None, retry_after_s: float | None = None) -> Failure:
    """The failure in an error object, whatever that is. ``status`` is None within a stream or a reply with status 200."""
    error, message = failures.read_error(value, status)
    word, details = error.get("status"), error.get("details")
    if type(error.get("code")) is int and 400 <= error["code"] < 600:
        status = error["code"]
    if retry_after_s is None:
        retry_after_s = failures.retry_info(details)
    if retry_after_s is None:
        said = _RETRY_IN.search(message)
        retry_after_s = None if said is None else float(said[1])
    code = failures.reason(details)
    return Failure(_kind(word, status, message, code), message, status, code, retry_after_s=retry_after_s, details=details)


def _kind(word: Any, status: int | None, message: str, code: str | None) -> FailureKind:
    known = _STATUS_WORDS.get(word) if type(word) is str else None
    if known is None or known == "upstream_error":  # the status tells more than INTERNAL
        known = (None if status is None else failures.of_status(status)) or known or "upstream_error"
    if code == failures.BAD_KEY:
        return "auth"
    if known == "bad_request" and failures.is_too_long(message):
        return "context_too_long"
    return known


# ------------------------------------------------------------------------------------------------------------------------ encode


def error_object(failure: Failure) -> tuple[int, Json]:
    """Status and ``error`` of a failure. A delay is told in a RetryInfo, as Google has no header for it."""
    usual, word = _ENVELOPES[failure.kind]
    status = failures.status_of(failure, usual)
    error: Json = {"code": status, "message": failures.without_secrets(failure.message), "status": word}
    details: list[Json] = []
    if failure.param is not None and failure.kind in ("bad_request", "unsupported", "unprocessable", "not_found"):
        violation = {"field": failure.param, "description": error["message"]}
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]})
    if failure.retry_after_s is not None:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{failures.whole_seconds(failure)}s"})
    if details:
        error["details"] = details
    return status, {"error": error}


def encode_failure(failure: Failure, request_id: str) -> WireFailure:  # noqa: ARG001 - the request's id goes into a header
    """The envelope for a failure."""
    status, body = error_object(failure)
    headers = {} if failure.retry_after_s is None else {"retry-after": failures.whole_seconds(failure)}
    return WireFailure(status, body, headers)
