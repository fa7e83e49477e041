"""The law of losses: what a conversion could not say is named, with its place; nothing else is; and what was not named comes back."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from rosetta.convert import located
from rosetta.converters import CONVERTERS, jsontext, media
from rosetta.converters.converter import Unsupported, WireRequest
from rosetta.ir.loss import FIELD_CLASS, Loss
from rosetta.ir.parts import FORMATS, Format
from tests.laws import strategies, wires

PAIRS = strategies.formats_pairs()
REQUESTS = wires.files("requests")

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
PLAIN: dict[Format, dict[str, Any]] = {
    "openai_chat": {
        "model": wires.MODEL,
        "messages": [
            {"role": "developer", "content": "You are terse."},
            {"role": "user", "content": "Weather in Oslo?"},
            {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "cold"},
            {"role": "assistant", "content": "Cold."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "And this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                ],
            },
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "The weather.", "parameters": SCHEMA}}],
        "tool_choice": "auto",
        "max_completion_tokens": 500,
        "temperature": 0.5,
        "top_p": 0.9,
    },
    "openai_responses": {
        "model": wires.MODEL,
        "instructions": "You are terse.",
        "input": [
            {"role": "user", "content": "Weather in Oslo?"},
            {"role": "assistant", "content": "I look."},
            {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Oslo"}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "cold"},
            {"role": "assistant", "content": "Cold."},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "And this?"},
                    {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="},
                ],
            },
        ],
        "tools": [{"type": "function", "name": "weather", "description": "The weather.", "parameters": SCHEMA, "strict": False}],
        "tool_choice": "auto",
        "max_output_tokens": 500,
        "temperature": 0.5,
        "top_p": 0.9,
        "store": False,
    },
    "anthropic": {
        "model": wires.MODEL,
        "system": "You are terse.",
        "messages": [
            {"role": "user", "content": "Weather in Oslo?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Oslo"}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "cold"}]},
            {"role": "assistant", "content": "Cold."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "And this?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                ],
            },
        ],
        "tools": [{"name": "weather", "description": "The weather.", "input_schema": SCHEMA}],
        "tool_choice": {"type": "auto"},
        "max_tokens": 500,
        "temperature": 0.5,
        "top_p": 0.9,
    },
    "google_genai": {
        "systemInstruction": {"parts": [{"text": "You are terse."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Weather in Oslo?"}]},
            {
                "role": "model",
                "parts": [{"text": "I look."}, {"functionCall": {"id": "call_1", "name": "weather", "args": {"city": "Oslo"}}}],
            },
            {"role": "user", "parts": [{"functionResponse": {"id": "call_1", "name": "weather", "response": {"output": "cold"}}}]},
            {"role": "model", "parts": [{"text": "Cold."}]},
            {"role": "user", "parts": [{"text": "And this?"}, {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "weather", "description": "The weather.", "parametersJsonSchema": SCHEMA}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
        "generationConfig": {"maxOutputTokens": 500, "temperature": 0.5, "topP": 0.9},
    },
}
"""One conversation which every wire can say."""


def as_request(format: Format, body: dict[str, Any]) -> WireRequest:
    return WireRequest(body=body, model=wires.MODEL if format == "google_genai" else None)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=wires.case_id)
def test_what_every_wire_can_say_loses_nothing(source: Format, target: Format) -> None:
    """A plain conversation with a tool and an image goes from each wire to each other one, and back, without a loss or a difference."""
    request = CONVERTERS[source].decode_request(as_request(source, PLAIN[source])).value
    there = CONVERTERS[target].encode_request(request, wires.target(target))
    assert there.losses == ()
    own = CONVERTERS[target].decode_request(as_request(target, PLAIN[target])).value
    assert unsaid(there.wire.body) == unsaid(CONVERTERS[target].encode_request(own, wires.target(target)).wire.body), (
        "it is the same conversation"
    )
    again = CONVERTERS[target].decode_request(as_request(target, there.wire.body)).value
    back = CONVERTERS[source].encode_request(again, wires.target(source))
    assert back.losses == ()
    assert unsaid(back.wire.body) == unsaid(CONVERTERS[source].encode_request(request, wires.target(source)).wire.body)


def unsaid(value: Any) -> Any:
    """Without ``store: false`` and ``detail: auto``, which a Responses server must be told and others may be."""
    if type(value) is dict:
        return {key: unsaid(inner) for key, inner in value.items() if (key, inner) not in (("store", False), ("detail", "auto"))}
    return [unsaid(inner) for inner in value] if type(value) is list else value


MINIMAL: dict[Format, dict[str, Any]] = {
    "openai_chat": {"model": "m", "messages": [{"role": "user", "content": "Hello"}]},
    "openai_responses": {"model": "m", "input": "Hello", "store": False},
    "anthropic": {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]},
    "google_genai": {"contents": [{"parts": [{"text": "Hello"}]}]},
}


@pytest.mark.parametrize(("source", "target"), [(source, target) for source in FORMATS for target in FORMATS], ids=wires.case_id)
def test_what_was_not_said_is_not_lost(source: Format, target: Format) -> None:
    """A hello to a server of which nothing is known reports nothing but what its wire demands: Anthropic wants a limit of tokens."""
    request = CONVERTERS[source].decode_request(as_request(source, MINIMAL[source])).value
    sent = CONVERTERS[target].encode_request(request, wires.target(target, **default_dialect(target)))
    injected = [("max_output_tokens", "injected")] if target == "anthropic" != source else []
    assert [(loss.field, loss.kind) for loss in sent.losses] == injected


def default_dialect(format: Format) -> dict[str, Any]:
    default = CONVERTERS[format].dialect()
    return {name: getattr(default, name) for name in default.__struct_fields__}


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize(("source", "name"), REQUESTS, ids=wires.case_id)
def test_each_loss_names_a_place_that_is_there(source: Format, name: str, target: Format) -> None:
    """Every loss of every recorded request is of a known class and points to a node of the client's own body."""
    wire = wires.wire_request(source, name)
    coded = CONVERTERS[source].decode_request(wire)
    losses = [*coded.losses, *encoded_losses(coded.value, target)]
    for loss in losses:
        assert loss.category == FIELD_CLASS.get(loss.field, "setting")
        assert found(wire.body, loss.at), f"{loss} points nowhere"
    for loss in located((loss for loss in losses if loss.kind != "injected"), CONVERTERS[source].words, coded.value.words):
        assert points(wire, loss), f"{loss.path} is not what the client wrote"
    assert [loss for loss, count in Counter(losses).items() if count > 1] == [], "each loss is told once"


def points(wire: WireRequest, loss: Loss) -> bool:
    """Whether a loss's path is in the body or the headers; a node's own loss may name what the node implies (``input.3.order``)."""
    implied = found(wire.body, loss.at) and loss.at != ""
    return implied or found(wire.body, loss.path) or loss.path in wire.headers or loss.path.endswith("x-anthropic-billing-header")


def encoded_losses(request: Any, target: Format) -> tuple[Loss, ...]:
    try:
        return CONVERTERS[target].encode_request(request, wires.target(target)).losses
    except Unsupported as unsupported:
        assert_tells(unsupported)
        return ()


def assert_tells(unsupported: Unsupported) -> None:
    """A refusal says what to do instead."""
    assert len(unsupported.message) > 10


def found(body: Any, at: str) -> bool:
    """Whether a path in the wire's words leads to something; camelCase and snake_case are the same word."""
    node = body
    for step in at.split(".") if at else ():
        if isinstance(node, dict):
            node = next((value for key, value in node.items() if key == step or camel(key) == camel(step)), None)
        elif isinstance(node, list) and step.isdecimal() and int(step) < len(node):
            node = node[int(step)]
        else:
            return False
        if node is None:
            return False
    return True


def camel(key: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), key)


# Said by every wire in its own words, where an equal word would be chance.
OWN_WORDS = frozenset(
    {"type", "role", "status", "mode", "id", "call_id", "tool_call_id", "tool_use_id", "model", "tool_choice", "effort", "reasoning_effort"}
    | {
        "thinkingLevel",
        "thinking_level",
        "include",
        "phase",
        "display",
        "modalities",
        "responseModalities",
        "responseMimeType",
        "response_mime_type",
        "summary",
        "ttl",
        "format",
        "media_type",
        "mimeType",
        "mime_type",
        "service_tier",
        "serviceTier",
        "$schema",
    }
)


LABELS = (("format", "name"), ("json_schema", "name"))
"""What OpenAI demands a schema to be called, which means nothing."""


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize(("source", "name"), REQUESTS, ids=wires.case_id)
def test_what_was_said_is_said_again_or_named(source: Format, name: str, target: Format) -> None:
    """Each text, name and number of a recorded request stands somewhere in what is sent, or a loss names its field or its node."""
    wire = wires.wire_request(source, name)
    coded = CONVERTERS[source].decode_request(wire)
    try:
        sent = CONVERTERS[target].encode_request(coded.value, wires.target(target))
    except Unsupported as unsupported:
        assert_tells(unsupported)
        return
    texts, numbers = told(sent.wire.body)
    losses = located((*coded.losses, *sent.losses), CONVERTERS[source].words, coded.value.words)
    unnamed = [
        (".".join(path), value)
        for path, value in leaves(wire.body)
        if not OWN_WORDS & {path[-1], next(step for step in reversed(path) if not step.isdecimal())}
        and path[-2:] not in LABELS
        and not (
            path[0] == "tools"
            and path[-1] == "name"
            and wire.body["tools"][int(path[1])].get("type", "custom") not in ("custom", "function", "namespace")
        )
        and not isinstance(value, bool)
        and not said_again(value, texts, numbers)
        and not is_named(path, losses, {**CONVERTERS[source].words, **coded.value.words})
    ]
    assert unnamed == [], f"losses: {[loss.path for loss in losses]}"


def said_again(value: Any, texts: str, numbers: set[float]) -> bool:
    match value:
        case None | "":
            return True
        case int() | float():
            return float(value) in numbers or str(value) in texts
        case str():
            forms = {
                value,
                value.strip(),
                json.dumps(value)[1:-1],
                json.dumps(value, ensure_ascii=False)[1:-1],
                media.standard_base64(value),
            }
            data = media.parse_data_url(value)
            if data is not None:
                return data[1] in texts
            parsed = jsontext.arguments_object(value)
            return any(form in texts for form in forms) or (
                bool(parsed) and all(said_again(each, texts, numbers) for _, each in leaves(parsed))
            )
    return False


def told(body: Any) -> tuple[str, set[float]]:
    """All texts, field names and numbers in a body."""
    texts: list[str] = []
    numbers: set[float] = set()
    for path, value in leaves(body):
        texts.extend(path)
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, int | float):
            numbers.add(float(value))
    return "\n".join(texts), numbers


def is_named(path: tuple[str, ...], losses: tuple[Loss, ...], words: Any) -> bool:
    """Whether a loss tells of the value: of the whole node it stands in, or of a field on the way to it."""
    steps = [camel(step) for step in path]
    for loss in losses:
        place = [camel(step) for step in loss.path.split(".")]
        if steps[: len(place)] == place:
            return True
        at = [camel(step) for step in loss.at.split(".")] if loss.at else []
        if steps[: len(at)] != at:
            continue
        fields = {camel(step) for word in (loss.field, words.get(loss.field, "")) for step in word.split(".") if step}
        if loss.field == "name" and at:
            fields.add("filename")
        if fields & set(steps[len(at) :]) or (at and loss.field in WHOLE_NODES):
            return True
    return False


WHOLE_NODES = frozenset(
    {
        "part",
        "text",
        "image",
        "audio",
        "video",
        "document",
        "refusal",
        "tool",
        "tool_call",
        "tool_result",
        "system",
        "seal",
        "reasoning_text",
        "hosted_tool",
        "state",
        "compaction",
    }
)


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each scalar of a body, under its path."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from leaves(value, (*path, str(index)))
    else:
        yield path, node
