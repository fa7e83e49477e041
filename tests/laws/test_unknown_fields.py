"""The law of unknown fields: wherever a client writes one, it goes on to its own wire, or its loss is told."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from rosetta.convert import convert_request
from rosetta.converters import CONVERTERS
from rosetta.converters.converter import Unsupported, UpstreamFailed, WireRequest
from rosetta.ir.loss import Loss
from rosetta.ir.parts import FORMATS, Format
from tests.laws import wires

SOURCES: tuple[Format, ...] = FORMATS
REQUESTS = [(format, name) for format, name in wires.files("requests") if format in SOURCES]
FIELD, VALUE = "freshfield", "fresh value"
FREE = {"parameters", "input_schema", "schema", "output_schema", "metadata", "logit_bias", "labels", "args", "response"}
FREE |= {
    "responseSchema",
    "responseJsonSchema",
    "response_schema",
    "response_json_schema",
    "parametersJsonSchema",
    "parameters_json_schema",
}
"""What lies under these is the client's own: no field there is unknown."""


def nodes(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of the objects in a body."""
    if isinstance(value, dict):
        yield path
        for key, inner in value.items():
            if key not in FREE and not (key == "input" and isinstance(inner, dict)):
                yield from nodes(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from nodes(inner, (*path, index))


def with_field(body: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
    changed = copy.deepcopy(body)
    node: Any = changed
    for step in path:
        node = node[step]
    node[FIELD] = VALUE
    return changed


def camel(name: str) -> str:
    """Google's two spellings in the one that losses name."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def covers(loss: Loss, path: tuple[str | int, ...]) -> bool:
    """Whether the loss names the field, or a node or unknown field that holds it and went as a whole."""
    place = [camel(str(step)) for step in path]
    whole = f"{loss.at}.{loss.field}" if loss.at else loss.field
    names = ([camel(step) for step in name.split(".")] for name in (loss.at, whole) if name)
    inside = any(place[: len(name)] == name for name in names)
    return FIELD in loss.field or FIELD in loss.at or (inside and loss.kind in ("dropped", "approximated"))


def told(wire: WireRequest, source: Format, target: Format, path: tuple[str | int, ...]) -> bool:
    coded = CONVERTERS[source].decode_request(msgspec.structs.replace(wire, body=with_field(wire.body, path)))
    try:
        sent = CONVERTERS[target].encode_request(coded.value, wires.target(target))
    except Unsupported:
        return True
    return VALUE in json.dumps(sent.wire.body) or any(covers(loss, path) for loss in (*coded.losses, *sent.losses))


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize(("source", "name"), REQUESTS, ids=wires.case_id)
def test_no_unknown_field_goes_in_silence(source: Format, name: str, target: Format) -> None:
    """New fields appear weekly, at any depth: a client must be able to learn which of them did not arrive."""
    wire = wires.wire_request(source, name)
    silent = [".".join(map(str, path)) for path in nodes(wire.body) if not told(wire, source, target, path)]
    assert [] == silent


@pytest.mark.parametrize("name", ["seal", "visible", "phase", "finish", "effort", "cache", "citable"])
@pytest.mark.parametrize("source", FORMATS)
def test_an_unknown_field_is_told_by_its_own_name(source: Format, name: str) -> None:
    """Also where rosetta has that word for something else, which this wire calls otherwise."""
    wire = wires.wire_request(source, next(case for format, case in REQUESTS if format == source))
    for target in FORMATS:
        if target != source:
            losses = convert_request({**wire.body, name: "x"}, source, target, model="m", headers=wire.headers).losses
            assert name in [loss.path for loss in losses if loss.kind == "dropped"]


@pytest.mark.parametrize(
    ("source", "name"), [(format, name) for format, name in wires.files("responses") if format in SOURCES], ids=wires.case_id
)
def test_an_answers_unknown_fields_go_back_to_their_own_wire(source: Format, name: str) -> None:
    """Or their loss is told. The echo of the request is the client's own."""
    body = wires.response(source, name)
    converter = CONVERTERS[source]
    silent = []
    for path in nodes(body):
        if path and path[0] in ("reasoning", "text", "tools", "tool_choice", "error", "prompt_cache_options"):
            continue
        try:
            coded = converter.decode_response(with_field(body, path), wires.ticket(source))
        except UpstreamFailed:
            continue
        out = converter.encode_response(coded.value, wires.reply(source))
        if VALUE not in json.dumps(out.value) and not any(covers(loss, path) for loss in (*coded.losses, *out.losses)):
            silent.append(".".join(map(str, path)))
    assert [] == silent


ENVELOPES = ("anthropic", "openai_responses")
"""Whose events are an envelope around what they tell: its own fields (a number, padding) are the transport's."""
TOLD_AGAIN = ("content_part", "reasoning_summary_part", "output_item.added")
"""Events of which another one tells the whole."""
AS_A_WHOLE = {
    "part": ("content", "item", "delta"),
    "citations": ("cit", "annotation", "grounding"),
    "finish": ("stop_details",),
    "image": ("inlinedata", "parts"),
    "audio": ("audio",),
    "choices": ("choices", "candidates"),
    "extra_content": ("extra_content",),
}
"""Losses that name the node which held the field, in the IR's words, and words on the way to it."""


def pieces(source: Format, name: str) -> Iterator[tuple[list[Any], int, tuple[str | int, ...]]]:
    """The events of a stream, and each place in them for a field that nobody knows; of pieces that look alike the first ones."""
    events = wires.parsed(wires.stream(source, name))
    seen: set[str] = set()
    for number, (_, data) in enumerate(events):
        if not isinstance(data, dict):
            continue
        kind = str(data.get("type"))
        for path in nodes(data):
            shape = f"{kind} {sorted(data)} {['N' if isinstance(step, int) else step for step in path]}"
            if (source in ENVELOPES and not path) or shape in seen or any(word in kind for word in TOLD_AGAIN) or _exempt(path, data):
                continue
            if number > 2:
                seen.add(shape)
            yield events, number, path


BELOW = ("content_filter", "prompt_filter", "safetyRatings", "promptFeedback", "xNew", "x_new", "context_management")
"""Fields that are unknown themselves, or told as a whole: what lies below them goes with them."""
COUNTED = ("usage", "usageMetadata", "usage_metadata", "logprobs", "logprobsResult")
"""Counts so far, which later pieces tell anew, and log probabilities one by one."""


def _exempt(path: tuple[str | int, ...], data: dict[str, Any]) -> bool:
    """Whether a field there says nothing that counts: beside the above the echo of the request, an annotation told again, and an empty text."""
    words = [step for step in path if isinstance(step, str)]
    node: Any = data
    for step in path:
        node = node[step]
    repeated = words[:1] == ["item"] and "annotations" in words
    echo = words[:1] == ["response"] and len(words) > 1 and words[1] not in ("output", "incomplete_details")
    return repeated or echo or node.get("text") == "" or any(word in COUNTED or word.startswith(BELOW) for word in words)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize(("source", "name"), wires.files("streams", "sse"), ids=wires.case_id)
def test_no_unknown_field_of_a_stream_goes_in_silence(source: Format, name: str, target: Format) -> None:
    """Whether it comes with the first piece or in the middle of a text."""
    silent = []
    for events, number, path in pieces(source, name):
        kind, data = events[number]
        decoder = CONVERTERS[source].stream_decoder(wires.ticket(source, stream=True))
        encoder = CONVERTERS[target].stream_encoder(wires.reply(target))
        out: list[Any] = list(encoder.open())
        for each in (*events[:number], (kind, with_field(data, path)), *events[number + 1 :]):
            for event in decoder.feed(*each):
                out.extend(encoder.feed(event))
        for event in decoder.finish():
            out.extend(encoder.feed(event))
        out.extend(encoder.finish())
        way = ".".join(map(str, path))
        told = any(
            FIELD in f"{loss.field} {loss.at} {loss.detail}" or any(word in way.lower() for word in AS_A_WHOLE.get(loss.field, ()))
            for loss in (*decoder.losses, *encoder.losses)
        )
        sealed = "reasoning_details" in way  # the thoughts' own state, which goes as it is
        if VALUE not in repr(out) and not told and not sealed:
            silent.append(f"{number} {kind or ''} {way}")
    assert silent == []


def test_what_a_foreign_finish_says_beside_its_reason_is_told() -> None:
    """Anthropic explains a refusal; the other wires have a word for it and nothing more."""
    body = {"content": [], "stop_reason": "refusal", "stop_details": {"type": "refusal", "category": "cyber", "explanation": "No."}}
    answer = CONVERTERS["anthropic"].decode_response(body, wires.ticket("anthropic")).value
    lost = CONVERTERS["openai_responses"].encode_response(answer, wires.reply("openai_responses")).losses
    assert [("finish", "approximated")] == [(loss.field, loss.kind) for loss in lost]
    assert () == CONVERTERS["anthropic"].encode_response(answer, wires.reply("anthropic")).losses
