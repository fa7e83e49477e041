"""What we write for a client of another wire is valid to the vendor's own published types: whole answers, every event of a stream, and requests.

An answer of the own wire is left out: it may hold what is newer than the types.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from anthropic.types import Message, MessageCreateParams, RawMessageStreamEvent
from google.genai.types import GenerateContentResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParams
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParams
from pydantic import TypeAdapter

from rosetta.converters import CONVERTERS
from rosetta.converters.converter import Unsupported, UpstreamFailed
from rosetta.ir.parts import FORMATS, Format
from tests.laws import wires

pytestmark = pytest.mark.filterwarnings("ignore:.* is not a valid:UserWarning")
"""The google-genai package warns of words that it does not know, and takes them."""

ANSWERS: dict[Format, Any] = {
    "openai_chat": ChatCompletion,
    "openai_responses": Response,
    "anthropic": Message,
    "google_genai": GenerateContentResponse,
}
EVENTS: dict[Format, Any] = {
    "openai_chat": ChatCompletionChunk,
    "openai_responses": ResponseStreamEvent,
    "anthropic": RawMessageStreamEvent,
    "google_genai": GenerateContentResponse,
}
REQUESTS: dict[Format, Any] = {
    "openai_chat": CompletionCreateParams,
    "openai_responses": ResponseCreateParams,
    "anthropic": MessageCreateParams,
}
"""The google-genai package has types for its own words alone, which are not the wire's."""


@cache
def checker(type: Any) -> TypeAdapter[Any]:
    return TypeAdapter(type)


def others(format: Format, among: dict[Format, Any]) -> list[Format]:
    return [target for target in FORMATS if target != format and target in among]


@pytest.mark.parametrize(("format", "name"), wires.files("responses"), ids=wires.case_id)
def test_an_answer_is_valid_to_its_clients_types(format: Format, name: str) -> None:
    """Each recorded answer, as the clients of the three other wires get it."""
    try:
        answer = CONVERTERS[format].decode_response(wires.response(format, name), wires.ticket(format)).value
    except UpstreamFailed:
        return  # an error in the body of a 200: told as an error
    for target in others(format, ANSWERS):
        try:
            body = CONVERTERS[target].encode_response(answer, wires.reply(target)).value
        except UpstreamFailed:
            continue
        checker(ANSWERS[target]).validate_python(body)


@pytest.mark.parametrize(("format", "name"), wires.files("streams", "sse"), ids=wires.case_id)
def test_each_event_is_valid_to_its_clients_types(format: Format, name: str) -> None:
    """Each recorded stream, as the clients of the three other wires get it."""
    events = wires.decoded_stream(format, wires.parsed(wires.stream(format, name)))
    for target in others(format, EVENTS):
        for _, data in wires.through_bytes(target, wires.encoded_stream(target, events)):
            if data is not None and "error" not in data:
                checker(EVENTS[target]).validate_python(data)


@pytest.mark.parametrize(
    ("format", "name"),
    wires.files("requests"),
    ids=wires.case_id,
)
def test_a_request_is_valid_to_the_vendors_types(format: Format, name: str) -> None:
    """Each recorded request, as the vendors of the other wires get it."""
    request = CONVERTERS[format].decode_request(wires.wire_request(format, name)).value
    for target in others(format, REQUESTS):
        try:
            body = CONVERTERS[target].encode_request(request, wires.target(target)).wire.body
        except Unsupported:
            continue
        checker(REQUESTS[target]).validate_python(as_typed(target, body))


def as_typed(target: Format, body: dict[str, Any]) -> dict[str, Any]:
    """The body with what the types want and the vendors do not."""
    if target == "openai_chat" and "image" in body.get("modalities", ()):
        return {**body, "modalities": ["text"]}  # what image models behind this wire are asked with
    if target == "openai_responses" and isinstance(body["input"], list):
        typed = {"type": "message", "id": "msg_1", "status": "completed"}
        return {**body, "input": [{**typed, **item} if item.get("role") == "assistant" else item for item in body["input"]]}
    return body
