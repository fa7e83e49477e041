"""rosetta: any LLM client on any LLM provider.

    import rosetta
    reply = rosetta.completion("anthropic/claude-sonnet-4-5", [{"role": "user", "content": "Hello"}])       OpenAI's shape, any provider
    client = rosetta.Client("rosetta.yaml")                                                         the gateway's engine in this process
    http = httpx2.Client(transport=rosetta.transport("rosetta.yaml"))                               an official SDK's, on that engine
    out = rosetta.convert_request(body, source="anthropic", target="openai_chat")                   out.value, out.losses

Importing this costs msgspec and the standard library; each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rosetta.client.client import AsyncClient, Client
    from rosetta.client.default import acompletion, agenerate_content, completion, configure, generate_content, messages, responses
    from rosetta.client.errors import (
        APIConnectionError,
        APIError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        ConflictError,
        ContentPolicyViolationError,
        ContextWindowExceededError,
        InternalServerError,
        NotFoundError,
        PermissionDeniedError,
        RateLimitError,
        RosettaError,
        ServiceUnavailableError,
        UnprocessableEntityError,
        UnsupportedParamsError,
    )
    from rosetta.client.shapes import Reply, Shape
    from rosetta.client.stream import AsyncStream, Stream
    from rosetta.client.transport import transport
    from rosetta.config.faults import ConfigError
    from rosetta.convert import Converted, StreamConverter, convert_error, convert_request, convert_response
    from rosetta.converters.converter import Malformed, Unsupported, UpstreamFailed
    from rosetta.detect import detect_format
    from rosetta.estimate import cost, count_tokens
    from rosetta.ir.loss import Loss
    from rosetta.ir.usage import Usage

__version__ = "0.1.0"

_HOMES = {
    "rosetta.client.client": ("AsyncClient", "Client"),
    "rosetta.client.default": ("acompletion", "agenerate_content", "completion", "configure", "generate_content", "messages", "responses"),
    "rosetta.client.errors": (
        "APIConnectionError",
        "APIError",
        "APIStatusError",
        "APITimeoutError",
        "AuthenticationError",
        "BadRequestError",
        "ConflictError",
        "ContentPolicyViolationError",
        "ContextWindowExceededError",
        "InternalServerError",
        "NotFoundError",
        "PermissionDeniedError",
        "RateLimitError",
        "RosettaError",
        "ServiceUnavailableError",
        "UnprocessableEntityError",
        "UnsupportedParamsError",
    ),
    "rosetta.client.shapes": ("Reply", "Shape"),
    "rosetta.client.stream": ("AsyncStream", "Stream"),
    "rosetta.client.transport": ("transport",),
    "rosetta.config.faults": ("ConfigError",),
    "rosetta.convert": ("Converted", "StreamConverter", "convert_error", "convert_request", "convert_response"),
    "rosetta.converters.converter": ("Malformed", "Unsupported", "UpstreamFailed"),
    "rosetta.detect": ("detect_format",),
    "rosetta.estimate": ("cost", "count_tokens"),
    "rosetta.ir.loss": ("Loss",),
    "rosetta.ir.usage": ("Usage",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncClient",
    "AsyncStream",
    "AuthenticationError",
    "BadRequestError",
    "Client",
    "ConfigError",
    "ConflictError",
    "ContentPolicyViolationError",
    "ContextWindowExceededError",
    "Converted",
    "InternalServerError",
    "Loss",
    "Malformed",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "Reply",
    "RosettaError",
    "ServiceUnavailableError",
    "Shape",
    "Stream",
    "StreamConverter",
    "UnprocessableEntityError",
    "Unsupported",
    "UnsupportedParamsError",
    "UpstreamFailed",
    "Usage",
    "__version__",
    "acompletion",
    "agenerate_content",
    "completion",
    "configure",
    "convert_error",
    "convert_request",
    "convert_response",
    "cost",
    "count_tokens",
    "detect_format",
    "generate_content",
    "messages",
    "responses",
    "transport",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'rosetta' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value
