"""Google GenAI generateContent, under v1, v1beta and v1alpha: https://ai.google.dev/api/generate-content."""

from __future__ import annotations

from rosetta.converters.converter import Converter
from rosetta.converters.google_genai.dialect import Dialect
from rosetta.converters.google_genai.endpoints import (
    PING,
    ArrayFraming,
    decode_count_reply,
    decode_models,
    encode_count_reply,
    encode_model,
    encode_models,
    endpoint,
    frame,
)
from rosetta.converters.google_genai.errors import decode_failure, encode_failure
from rosetta.converters.google_genai.request import decode_count_request, decode_request, encode_count_request, encode_request
from rosetta.converters.google_genai.response import decode_response, encode_response
from rosetta.converters.google_genai.stream_decoder import StreamDecoder
from rosetta.converters.google_genai.stream_encoder import StreamEncoder

WORDS: dict[str, str] = {
    "tool": "tools",
    "hosted_tool": "tools",
    "tool_choice": "toolConfig.functionCallingConfig",
    "arguments": "functionCall.args",
    "is_error": "functionResponse.response.error",
    "system": "systemInstruction",
    "schema": "parametersJsonSchema",
    "output": "generationConfig.responseMimeType",
    "seal": "thoughtSignature",
    "reasoning_text": "thought",
    "n": "generationConfig.candidateCount",
    "choices": "candidates",
    "prompt": "cachedContent",
    "temperature": "generationConfig.temperature",
    "top_p": "generationConfig.topP",
    "top_k": "generationConfig.topK",
    "seed": "generationConfig.seed",
    "presence_penalty": "generationConfig.presencePenalty",
    "frequency_penalty": "generationConfig.frequencyPenalty",
    "logprobs": "generationConfig.responseLogprobs",
    "top_logprobs": "generationConfig.logprobs",
    "max_output_tokens": "generationConfig.maxOutputTokens",
    "stop": "generationConfig.stopSequences",
    "effort": "generationConfig.thinkingConfig.thinkingLevel",
    "budget": "generationConfig.thinkingConfig.thinkingBudget",
    "reasoning": "generationConfig.thinkingConfig",
    "visible": "generationConfig.thinkingConfig.includeThoughts",
    "modalities": "generationConfig.responseModalities",
    "tool_name": "functionCall.name",
    "call_id": "functionCall.id",
    "name": "displayName",
    "filename": "displayName",
    "citations": "citationMetadata",
    "service_tier": "serviceTier",
    "metadata": "labels",
    "finish": "finishReason",
    "usage": "usageMetadata",
}
"""IR field -> this wire's word; a field that is not here has the same name or does not exist on this wire."""

CONVERTER = Converter(
    format="google_genai",
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

__all__ = ["CONVERTER", "WORDS", "ArrayFraming", "Dialect"]
