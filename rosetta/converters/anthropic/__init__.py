"""Anthropic Messages, API versions 2023-06-01 and 2026-10-21: https://docs.claude.com/en/api/messages."""

from __future__ import annotations

from rosetta.converters.anthropic.dialect import Dialect
from rosetta.converters.anthropic.endpoints import (
    PING,
    decode_count_reply,
    decode_models,
    encode_count_reply,
    encode_model,
    encode_models,
    endpoint,
    frame,
)
from rosetta.converters.anthropic.errors import decode_failure, encode_failure
from rosetta.converters.anthropic.request import decode_count_request, decode_request, encode_count_request, encode_request
from rosetta.converters.anthropic.response import decode_response, encode_response
from rosetta.converters.anthropic.stream_decoder import StreamDecoder
from rosetta.converters.anthropic.stream_encoder import StreamEncoder
from rosetta.converters.converter import Converter

WORDS: dict[str, str] = {
    "tool": "tools",
    "hosted_tool": "tools",
    "arguments": "input",
    "schema": "input_schema",
    "output": "output_config.format",
    "reasoning_text": "thinking",
    "max_output_tokens": "max_tokens",
    "stop": "stop_sequences",
    "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
    "deferred": "defer_loading",
    "effort": "output_config.effort",
    "budget": "thinking.budget_tokens",
    "reasoning": "thinking",
    "visible": "thinking.display",
    "tool_name": "name",
    "call_id": "id",
    "citable": "citations",
    "cache": "cache_control",
    "finish": "stop_reason",
    "user": "metadata.user_id",
    "betas": "anthropic-beta",
}
"""IR field -> Anthropic's word; a field that is not here has the same name or does not exist on this wire."""

CONVERTER = Converter(
    format="anthropic",
    dialect=Dialect,
    words=WORDS,
    endpoint=endpoint,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_response=decode_response,
    encode_response=encode_response,
    stream_decoder=StreamDecoder,
    stream_encoder=StreamEncoder,
    frame=frame,
    ping=PING,
    decode_failure=decode_failure,
    encode_failure=encode_failure,
    decode_count_request=decode_count_request,
    encode_count_request=encode_count_request,
    decode_count_reply=decode_count_reply,
    encode_count_reply=encode_count_reply,
    encode_models=encode_models,
    encode_model=encode_model,
    decode_models=decode_models,
)

__all__ = ["CONVERTER", "WORDS", "Dialect"]
