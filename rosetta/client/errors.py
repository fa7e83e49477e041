"""What goes wrong, as a tree with the openai package's names, so that ``except`` clauses move over as they are.

RosettaError
└── APIError                          provider, code, param, body
    ├── APIConnectionError            nobody answered
    │   └── APITimeoutError
    └── APIStatusError                status_code, retry_after
        ├── BadRequestError 400       ContextWindowExceededError, ContentPolicyViolationError, UnsupportedParamsError
        ├── AuthenticationError 401   PermissionDeniedError 403   NotFoundError 404   ConflictError 409   UnprocessableEntityError 422
        ├── RateLimitError 429
        └── InternalServerError 5xx   ServiceUnavailableError 503
"""

from __future__ import annotations

from typing import Any

from rosetta.converters import CONVERTERS
from rosetta.ir.errors import Failure, FailureKind


class RosettaError(Exception):
    """Everything that the SDK raises on purpose."""


class APIError(RosettaError):
    """A call failed. ``provider`` is who failed, ``""`` where it was nobody's; ``body`` is the error as OpenAI's chat wire writes it."""

    def __init__(self, failure: Failure, provider: str = "", model: str = "") -> None:
        super().__init__(failure.message)
        self.message = failure.message
        self.provider = provider
        self.model = model
        self.kind: FailureKind = failure.kind
        self.code = failure.code
        self.param = failure.param
        self.retry_after = failure.retry_after_s
        wire = CONVERTERS["openai_chat"].encode_failure(failure, "")
        self.status_code: int | None = failure.status or wire.status
        self.body: Any = wire.body.get("error")

    @property
    def status(self) -> int | None:
        """The HTTP status: the provider's own, or what a gateway would have said; None where there was no connection."""
        return self.status_code


class APIConnectionError(APIError):
    """The provider cannot be reached, or the connection broke off."""

    def __init__(self, failure: Failure, provider: str = "", model: str = "") -> None:
        super().__init__(failure, provider, model)
        self.status_code = failure.status


class APITimeoutError(APIConnectionError):
    """A limit of time was met."""


class APIStatusError(APIError):
    """The provider, or rosetta, refused."""


class BadRequestError(APIStatusError):
    """400."""


class ContextWindowExceededError(BadRequestError):
    """The prompt is longer than the model's context."""


class ContentPolicyViolationError(BadRequestError):
    """The provider's policy forbids it."""


class UnsupportedParamsError(BadRequestError):
    """The target cannot do what was asked, or the loss policy forbids what would be lost."""


class AuthenticationError(APIStatusError):
    """401: the key is missing or wrong."""


class PermissionDeniedError(APIStatusError):
    """403."""


class NotFoundError(APIStatusError):
    """404: no such model."""


class ConflictError(APIStatusError):
    """409."""


class UnprocessableEntityError(APIStatusError):
    """422."""


class RateLimitError(APIStatusError):
    """429; ``retry_after`` in seconds where the provider tells it."""


class InternalServerError(APIStatusError):
    """5xx."""


class ServiceUnavailableError(InternalServerError):
    """The provider is overloaded."""


_KINDS: dict[FailureKind, type[APIError]] = {
    "bad_request": BadRequestError,
    "unsupported": UnsupportedParamsError,
    "context_too_long": ContextWindowExceededError,
    "auth": AuthenticationError,
    "billing": RateLimitError,
    "permission": PermissionDeniedError,
    "not_found": NotFoundError,
    "method_not_allowed": BadRequestError,
    "conflict": ConflictError,
    "too_large": BadRequestError,
    "unprocessable": UnprocessableEntityError,
    "rate_limited": RateLimitError,
    "content_policy": ContentPolicyViolationError,
    "upstream_error": InternalServerError,
    "overloaded": ServiceUnavailableError,
    "timeout": APITimeoutError,
    "cancelled": APIConnectionError,
    "truncated": APIConnectionError,
    "internal": InternalServerError,
}


def raised(failure: Failure, provider: str = "", model: str = "") -> APIError:
    """The exception for a failure."""
    kind = _KINDS[failure.kind]
    if failure.kind == "upstream_error":
        # In the SDK the provider's key is the caller's own: its refusal is told as what it is.
        kind = {401: AuthenticationError, 403: PermissionDeniedError, None: APIConnectionError}.get(failure.status, kind)
    return kind(failure, provider, model)
