"""A failure -> the closed words of metrics and spans."""

from __future__ import annotations

from typing import Literal

from rosetta.ir.errors import Failure
from rosetta.telemetry.names import UPSTREAM_STATUSES
from rosetta.telemetry.observer import Outcome

RequestOutcome = Literal["ok", "error", "rate_limited", "client_disconnect", "auth"]

CLIENT_CLOSED = 499
"""The status of a request whose client left before it got one; it is never sent."""


def error_type(failure: Failure) -> str:
    """The ``error.type`` of a failed attempt or request: a status of the upstream, or a word of ``names.ERROR_WORDS``."""
    if failure.status is not None and failure.status >= 400:
        return str(failure.status) if failure.status in UPSTREAM_STATUSES else "_OTHER"
    match failure.kind:
        case "timeout":
            return "timeout_read" if failure.ours else "timeout_connect"
        case "truncated":
            return "protocol_error"
        case "rate_limited":
            return "rate_limited" if failure.ours else "429"
        case "auth" | "permission":
            return "auth"
        case "unsupported":
            return "conversion_error"
        case "overloaded":
            return "503"
        case "upstream_error":
            return "connection_error"
        case "cancelled":
            return "client_disconnect"
        case "bad_request" | "unprocessable":
            return "400"
        case "not_found":
            return "404"
        case "method_not_allowed":
            return "405"
        case "too_large" | "context_too_long":
            return "413"
        case "conflict":
            return "409"
        case _:
            return "_OTHER"


def request_outcome(outcome: Outcome) -> RequestOutcome:
    """The closed word for what became of a request."""
    failure = outcome.failure
    if outcome.client_gone:
        return "client_disconnect"
    if failure is None:
        return "ok" if 0 < outcome.status < 400 else "error"
    if failure.kind == "rate_limited":
        return "rate_limited"
    if failure.ours and failure.kind in ("auth", "permission") and not outcome.attempts:
        return "auth"
    return "error"


def request_error(outcome: Outcome) -> str | None:
    """The ``error.type`` of a request, None where it went well."""
    if outcome.client_gone:
        return "client_disconnect"
    if outcome.failure is not None:
        return error_type(outcome.failure)
    if 0 < outcome.status < 400:
        return None
    return str(outcome.status) if outcome.status in UPSTREAM_STATUSES else "_OTHER"


def status_class(outcome: Outcome) -> str:
    """``2xx`` to ``5xx``."""
    status = outcome.status or (CLIENT_CLOSED if outcome.client_gone else 500)
    return f"{status // 100}xx"
