"""OpenAI Responses: https://platform.openai.com/docs/api-reference/responses."""

from __future__ import annotations

from rosetta.converters.converter import Converter
from rosetta.converters.openai_models import decode_models, encode_model, encode_models
from rosetta.converters.openai_responses.dialect import Dialect
from rosetta.converters.openai_responses.endpoints import PING, decode_count_reply, encode_count_reply, endpoint, frame
from rosetta.converters.openai_responses.errors import decode_failure, encode_failure
from rosetta.converters.openai_responses.request import decode_count_request, decode_request, encode_count_request, encode_request
from rosetta.converters.openai_responses.response import decode_response, encode_response
from rosetta.converters.openai_responses.stream_decoder import StreamDecoder
from rosetta.converters.openai_responses.stream_encoder import StreamEncoder

WORDS: dict[str, str] = {
    "text": "input",
    "tool": "tools",
    "hosted_tool": "tools",
    "tool_call": "input",
    "tool_result": "output",
    "schema": "parameters",
    "output": "text.format",
    "reasoning_text": "summary",
    "system": "instructions",
    "state": "previous_response_id",
    "logprobs": "include",
    "grammar": "format",
    "namespace": "description",
    "deferred": "defer_loading",
    "effort": "reasoning.effort",
    "summary": "reasoning.summary",
    "visible": "reasoning.summary",
    "verbosity": "text.verbosity",
    "tool_name": "name",
    "citations": "annotations",
    "cache": "prompt_cache_breakpoint",
    "cache_key": "prompt_cache_key",
    "cache_retention": "prompt_cache_retention",
    "user": "safety_identifier",
    "finish": "status",
    "choices": "output",
}
"""IR field -> the word of Responses; a field that is not here has the same name or does not exist on this wire."""

CONVERTER = Converter(
    format="openai_responses",
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
