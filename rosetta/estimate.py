"""How many tokens a request has, where nobody can be asked.

A rule, not a tokenizer: the bytes of all text, tool definitions and settings divided by four, as the well-kept tokenizer libraries download their
vocabularies. It errs by some 20 % on English and code, and to the high side on other scripts, which is the safe one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rosetta.converters import CONVERTERS, jsontext
from rosetta.converters.converter import WireRequest
from rosetta.ir.parts import Media
from rosetta.ir.request import Request
from rosetta.ir.usage import Usage

BYTES_PER_TOKEN = 4
MEDIA_TOKENS = 1500
"""An image or a page, whatever its bytes."""


def estimate(request: Request) -> int:
    """The rule."""
    media = [part for turn in (*request.system, *request.turns) for part in turn.parts if isinstance(part, Media)]
    size = len(jsontext.encode([turn.parts for turn in (*request.system, *request.turns)]))
    size -= sum(len(jsontext.encode(part)) for part in media)
    size += len(jsontext.encode(request.tools)) if request.tools else 0
    return max(1, size // BYTES_PER_TOKEN + MEDIA_TOKENS * len(media))


def count_tokens(messages: Sequence[Any], model: str = "", *, tools: Sequence[Any] | None = None) -> int:
    """About how many tokens a prompt in OpenAI's chat format has, without asking anybody. ``model`` changes nothing today. Raises Malformed, with the path,
    for messages that are none. The exact count of a provider that tells it: ``/v1/messages/count_tokens`` and ``:countTokens`` of the gateway."""
    body: dict[str, Any] = {"model": model or "any", "messages": list(messages)}
    if tools:
        body["tools"] = list(tools)
    return estimate(CONVERTERS["openai_chat"].decode_request(WireRequest(body, {}, None)).value)


def cost(usage: Usage, *, input: float, output: float, cached_input: float | None = None, cache_creation: float | None = None) -> float:
    """What a call costs, at prices per million tokens in any currency. Cached and newly cached tokens have the price of ``input`` where theirs is not given;
    reasoning tokens are output. ``usage`` is canonical: ``reply.tokens``, ``StreamConverter.usage``."""
    cached, created = usage.cache_read or 0, usage.cache_write or 0
    fresh = max(usage.input_total - cached - created, 0)
    total = fresh * input + (usage.output_total or 0) * output
    total += cached * (input if cached_input is None else cached_input)
    total += created * (input if cache_creation is None else cache_creation)
    return total / 1_000_000
