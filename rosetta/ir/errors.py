"""A failure, whoever made it: the client, rosetta or the provider. The table of statuses and envelopes is in each converter's ``errors.py``."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

FailureKind = Literal[
    "bad_request",
    "unsupported",
    "context_too_long",
    "auth",
    "billing",
    "permission",
    "not_found",
    "method_not_allowed",
    "conflict",
    "too_large",
    "unprocessable",
    "rate_limited",
    "content_policy",
    "upstream_error",
    "overloaded",
    "timeout",
    "cancelled",
    "truncated",
    "internal",
]


class Failure(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What went wrong.

    ``message`` tells what and the next step; it never holds a secret. ``param`` is the path of the fault in the client's request.
    ``code`` is a provider's own code (``context_length_exceeded``). ``status`` is the upstream's HTTP status, None for our own.
    ``retry_after_s`` is in seconds. ``ours`` is True when rosetta made it. ``raw`` is the provider's body, for logs and same-format replies.
    """

    kind: FailureKind
    message: str
    status: int | None = None
    code: str | None = None
    param: str | None = None
    retry_after_s: float | None = None
    ours: bool = False
    details: Any = None
