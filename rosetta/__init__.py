"""rosetta: any LLM client on any LLM provider.

Four wire formats, converted through one intermediate representation:

    import rosetta
    out = rosetta.convert_request(body, source="anthropic", target="openai_chat")
    out.value, out.losses

Importing this costs msgspec and the standard library; each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rosetta.convert import Converted, StreamConverter, convert_error, convert_request, convert_response
    from rosetta.converters.converter import Malformed, Unsupported, UpstreamFailed
    from rosetta.ir.loss import Loss

__version__ = "0.1.0"

_HOME = {
    "Converted": "rosetta.convert",
    "StreamConverter": "rosetta.convert",
    "convert_error": "rosetta.convert",
    "convert_request": "rosetta.convert",
    "convert_response": "rosetta.convert",
    "Malformed": "rosetta.converters.converter",
    "Unsupported": "rosetta.converters.converter",
    "UpstreamFailed": "rosetta.converters.converter",
    "Loss": "rosetta.ir.loss",
}

__all__ = [
    "Converted",
    "Loss",
    "Malformed",
    "StreamConverter",
    "Unsupported",
    "UpstreamFailed",
    "__version__",
    "convert_error",
    "convert_request",
    "convert_response",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'rosetta' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value
