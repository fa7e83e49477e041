"""OpenAI Chat Completions and the many servers that speak like it: https://platform.openai.com/docs/api-reference/chat."""

from __future__ import annotations

from rosetta.converters.converter import Converter
from rosetta.converters.openai_chat.dialect import Dialect
from rosetta.converters.openai_chat.endpoints import PING, endpoint, frame
from rosetta.converters.openai_chat.errors import decode_failure, encode_failure
from rosetta.converters.openai_chat.request import decode_request, encode_request
from rosetta.converters.openai_chat.response import decode_response, encode_response
from rosetta.converters.openai_chat.stream_decoder import StreamDecoder
from rosetta.converters.openai_chat.stream_encoder import StreamEncoder
from rosetta.converters.openai_models import decode_models, encode_model, encode_models

WORDS: dict[str, str] = {
    "tool": "tools",
    "hosted_tool": "tools",
    "arguments": "function.arguments",
    "schema": "response_format.json_schema.schema",
    "output": "response_format",
    "seal": "extra_content.google.thought_signature",
    "reasoning_text": "reasoning_content",
    "max_output_tokens": "max_completion_tokens",
    "effort": "reasoning_effort",
    "reasoning": "reasoning_effort",
    "budget": "reasoning.max_tokens",
    "visible": "reasoning.exclude",
    "tool_name": "function.name",
    "call_id": "id",
    "grammar": "custom.format",
    "cache": "prompt_cache_breakpoint",
    "cache_key": "prompt_cache_key",
    "cache_retention": "prompt_cache_retention",
    "detail": "image_url.detail",
    "filename": "file.filename",
    "citations": "../annotations",
    "finish": "finish_reason",
    "state": "messages",
    "prefill": "messages",
}
"""IR field -> this wire's word; a field that is not here has the same name or does not exist on this wire."""

CONVERTER = Converter(
    format="openai_chat",
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
    decode_count_request=None,
    encode_count_request=None,
    decode_count_reply=None,
    encode_count_reply=None,
    encode_models=encode_models,
    encode_model=encode_model,
    decode_models=decode_models,
)

__all__ = ["CONVERTER", "WORDS", "Dialect"]
