"""What a request says stands at its documented place on the target's wire, or a loss names it: feature by feature, all sixteen pairs.

Others were seen to lose most of these, in silence and even from a wire to itself.
"""

from __future__ import annotations

import copy
import json
from typing import Any, NamedTuple

import pytest

from rosetta.ir.parts import FORMATS, Format
from tests.defects.passage import MISSING, dig, passed, paths
from tests.laws.test_losses import PLAIN

PDF = "JVBERi0xLjQKJSVFT0YK"
WAV = "UklGRiQAAABXQVZFZm10IA=="
URL = "https://example.com/cat.png"
ANSWER: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


class Place(NamedTuple):
    """Where a wire says it, and what stands there."""

    path: str
    value: Any


class Feature(NamedTuple):
    """``said``: how each source says it (path -> value, set into a plain request). ``heard``: where each target hears it; absent: it cannot,
    and a loss must say so, of kind ``dropped``."""

    said: dict[Format, dict[str, Any]]
    heard: dict[Format, Place]


CHAT_LAST = "messages.-1.content.-1"
RESPONSES_LAST = "input.-1.content.-1"
ANTHROPIC_LAST = "messages.-1.content.-1"
GOOGLE_LAST = "contents.-1.parts.-1"

FEATURES: dict[str, Feature] = {
    "top_p": Feature(
        {
            "openai_chat": {"top_p": 0.31},
            "openai_responses": {"top_p": 0.31},
            "anthropic": {"top_p": 0.31},
            "google_genai": {"generationConfig.topP": 0.31},
        },
        {
            "openai_chat": Place("top_p", 0.31),
            "openai_responses": Place("top_p", 0.31),
            "anthropic": Place("top_p", 0.31),
            "google_genai": Place("generationConfig.topP", 0.31),
        },
    ),
    "top_k": Feature(
        {"anthropic": {"top_k": 17}, "google_genai": {"generationConfig.topK": 17}},
        {
            "openai_chat": Place("top_k", 17),
            "anthropic": Place("top_k", 17),
            "google_genai": Place("generationConfig.topK", 17),
        },
    ),
    "stop": Feature(
        {
            "openai_chat": {"stop": ["END"]},
            "anthropic": {"stop_sequences": ["END"]},
            "google_genai": {"generationConfig.stopSequences": ["END"]},
        },
        {
            "openai_chat": Place("stop", ["END"]),
            "anthropic": Place("stop_sequences", ["END"]),
            "google_genai": Place("generationConfig.stopSequences", ["END"]),
        },
    ),
    "seed": Feature(
        {"openai_chat": {"seed": 4711}, "google_genai": {"generationConfig.seed": 4711}},
        {"openai_chat": Place("seed", 4711), "google_genai": Place("generationConfig.seed", 4711)},
    ),
    "penalties": Feature(
        {"openai_chat": {"presence_penalty": 0.5}, "google_genai": {"generationConfig.presencePenalty": 0.5}},
        {"openai_chat": Place("presence_penalty", 0.5), "google_genai": Place("generationConfig.presencePenalty", 0.5)},
    ),
    "schema of the answer": Feature(
        {
            "openai_chat": {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": ANSWER}}},
            "openai_responses": {"text": {"format": {"type": "json_schema", "name": "answer", "schema": ANSWER}}},
            "anthropic": {"output_config": {"format": {"type": "json_schema", "schema": ANSWER}}},
            "google_genai": {"generationConfig.responseMimeType": "application/json", "generationConfig.responseJsonSchema": ANSWER},
        },
        {
            "openai_chat": Place("response_format.json_schema.schema", ANSWER),
            "openai_responses": Place("text.format.schema", ANSWER),
            "anthropic": Place("output_config.format.schema", ANSWER),
            "google_genai": Place("generationConfig.responseJsonSchema", ANSWER),
        },
    ),
    "strict tool": Feature(
        {
            "openai_chat": {"tools.0.function.strict": True},
            "openai_responses": {"tools.0.strict": True},
            "anthropic": {"tools.0.strict": True},
        },
        {
            "openai_chat": Place("tools.0.function.strict", True),
            "openai_responses": Place("tools.0.strict", True),
            "anthropic": Place("tools.0.strict", True),
        },
    ),
    "no parallel calls": Feature(
        {
            "openai_chat": {"parallel_tool_calls": False},
            "openai_responses": {"parallel_tool_calls": False},
            "anthropic": {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        },
        {
            "openai_chat": Place("parallel_tool_calls", False),
            "openai_responses": Place("parallel_tool_calls", False),
            "anthropic": Place("tool_choice.disable_parallel_tool_use", True),
        },
    ),
    "image by address": Feature(
        {
            "openai_chat": {CHAT_LAST: {"type": "image_url", "image_url": {"url": URL}}},
            "openai_responses": {RESPONSES_LAST: {"type": "input_image", "image_url": URL}},
            "anthropic": {ANTHROPIC_LAST: {"type": "image", "source": {"type": "url", "url": URL}}},
            "google_genai": {GOOGLE_LAST: {"fileData": {"fileUri": URL, "mimeType": "image/png"}}},
        },
        {
            "openai_chat": Place(f"{CHAT_LAST}.image_url.url", URL),
            "openai_responses": Place(f"{RESPONSES_LAST}.image_url", URL),
            "anthropic": Place(f"{ANTHROPIC_LAST}.source", {"type": "url", "url": URL}),
            "google_genai": Place(f"{GOOGLE_LAST}.fileData.fileUri", URL),
        },
    ),
    "PDF": Feature(
        {
            "openai_chat": {CHAT_LAST: {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}"}}},
            "openai_responses": {RESPONSES_LAST: {"type": "input_file", "file_data": f"data:application/pdf;base64,{PDF}"}},
            "anthropic": {ANTHROPIC_LAST: {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}},
            "google_genai": {GOOGLE_LAST: {"inlineData": {"mimeType": "application/pdf", "data": PDF}}},
        },
        {
            "openai_chat": Place(f"{CHAT_LAST}.file.file_data", f"data:application/pdf;base64,{PDF}"),
            "openai_responses": Place(f"{RESPONSES_LAST}.file_data", f"data:application/pdf;base64,{PDF}"),
            "anthropic": Place(f"{ANTHROPIC_LAST}.source", {"type": "base64", "media_type": "application/pdf", "data": PDF}),
            "google_genai": Place(f"{GOOGLE_LAST}.inlineData", {"mimeType": "application/pdf", "data": PDF}),
        },
    ),
    "audio": Feature(
        {
            "openai_chat": {CHAT_LAST: {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}},
            "google_genai": {GOOGLE_LAST: {"inlineData": {"mimeType": "audio/wav", "data": WAV}}},
        },
        {
            "openai_chat": Place(f"{CHAT_LAST}.input_audio", {"data": WAV, "format": "wav"}),
            "google_genai": Place(f"{GOOGLE_LAST}.inlineData", {"mimeType": "audio/wav", "data": WAV}),
        },
    ),
    "system prompt": Feature(
        {
            "openai_chat": {"messages.0": {"role": "developer", "content": "Speak Norwegian."}},
            "openai_responses": {"instructions": "Speak Norwegian."},
            "anthropic": {"system": "Speak Norwegian."},
            "google_genai": {"systemInstruction": {"parts": [{"text": "Speak Norwegian."}]}},
        },
        {
            "openai_chat": Place("messages.0.content", "Speak Norwegian."),
            "openai_responses": Place("instructions", "Speak Norwegian."),
            "anthropic": Place("system", "Speak Norwegian."),
            "google_genai": Place("systemInstruction.parts.0.text", "Speak Norwegian."),
        },
    ),
    "effort": Feature(
        {
            "openai_chat": {"reasoning_effort": "high"},
            "openai_responses": {"reasoning": {"effort": "high"}},
            "google_genai": {"generationConfig.thinkingConfig": {"thinkingLevel": "HIGH"}},
        },
        {
            "openai_chat": Place("reasoning_effort", "high"),
            "openai_responses": Place("reasoning.effort", "high"),
            "anthropic": Place("output_config.effort", "high"),
            "google_genai": Place("generationConfig.thinkingConfig.thinkingLevel", "HIGH"),
        },
    ),
}
CASES = [(name, source, target) for name, feature in FEATURES.items() for source in feature.said for target in FORMATS]


def with_said(source: Format, said: dict[str, Any]) -> dict[str, Any]:
    """A plain request of the source that says this too."""
    body: dict[str, Any] = copy.deepcopy(PLAIN[source])
    for path, value in said.items():
        parent, _, key = path.rpartition(".")
        holder = dig(body, parent) if parent else body
        assert holder is not MISSING, path
        holder[int(key) if isinstance(holder, list) else key] = value
    return body


@pytest.mark.parametrize(("name", "source", "target"), CASES)
def test_a_feature_is_heard_or_its_loss_is_named(name: str, source: Format, target: Format) -> None:
    """The value stands at its place on the target's wire; where the wire has no such place, a loss has the source's path of it."""
    feature = FEATURES[name]
    adaptive = {"thinking": "adaptive"} if target == "anthropic" and name == "effort" else {}
    converted = passed(with_said(source, feature.said[source]), source, target, **adaptive)
    place = feature.heard.get(target)
    if place is None:
        dropped = [loss.path for loss in converted.losses if loss.kind == "dropped"]
        assert [path for path in dropped if near(path, feature.said[source])], f"dropped without a word: {converted.losses}"
        return
    assert place.value == dig(converted.value, place.path)
    assert [] == [loss for loss in converted.losses if loss.kind == "dropped" and loss.detail != "fixed while thinking"]


def near(path: str, said: dict[str, Any]) -> bool:
    """True when a loss's path is at, above or below a place where the request said it, counting from the end or the beginning."""
    words = {key.split(".")[-1] for key in said} | {key.split(".")[0] for key in said}
    return any(word in path.split(".") for word in words)


USER: dict[Format, dict[str, Any]] = {
    "openai_chat": {"safety_identifier": "user-7"},
    "openai_responses": {"safety_identifier": "user-7"},
    "anthropic": {"metadata": {"user_id": "user-7"}},
}


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", USER)
def test_the_end_users_id_stays_with_its_own_wire_or_its_loss_is_named(source: Format, target: Format) -> None:
    """Another vendor gets it only where its row says so: whatever happens, it is told."""
    converted = passed({**PLAIN[source], **USER[source]}, source, target)
    heard = "user-7" in json.dumps(converted.value)
    assert heard or [loss for loss in converted.losses if loss.field == "user"]
    assert heard or source != target


NEW_FIELD = {"deep": [1, {"x": None}]}


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_an_unknown_field_reaches_its_own_wire_and_is_named_elsewhere(source: Format, target: Format) -> None:
    """Vendors add fields every week: the own wire gets them untouched, another one's absence of them is told."""
    name = "brandNewField" if source == "google_genai" else "brand_new_field"
    converted = passed({**PLAIN[source], name: NEW_FIELD}, source, target)
    if source == target:
        assert NEW_FIELD == converted.value[name]
        assert name not in paths(converted)
    else:
        assert name not in converted.value
        assert name in paths(converted)
