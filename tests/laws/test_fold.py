"""The fold law: a stream tells the same answer as the whole reply."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given

from rosetta.converters import CONVERTERS, jsontext
from rosetta.converters.converter import UpstreamFailed
from rosetta.fold import fold, unfold
from rosetta.ir.errors import Failure
from rosetta.ir.events import End, Event, Failed, Start
from rosetta.ir.parts import FORMATS, Format, Reasoning, ToolCall
from rosetta.ir.request import ToolName
from rosetta.ir.response import Choice, Finish, Response
from tests.laws import grammar, strategies, wires


def normal(response: Response) -> Response:
    """Without what events do not carry: the written normal form of ``rosetta.fold``."""
    choices = []
    for choice in response.choices:
        parts = []
        for part in choice.parts:
            changes: dict[str, Any] = {"at": ""}
            if hasattr(part, "extras"):
                changes["extras"] = {}
            if isinstance(part, Reasoning):
                summary = list(part.summary)
                while summary and not summary[-1]:
                    summary.pop()
                changes["summary"] = tuple(summary)
            parts.append(msgspec.structs.replace(part, **changes))
        logprobs = {channel: entries for channel, entries in (choice.logprobs or {}).items() if entries}
        choices.append(msgspec.structs.replace(choice, parts=tuple(parts), logprobs=logprobs or None))
    return msgspec.structs.replace(response, choices=tuple(choices))


@given(strategies.responses())
def test_an_answer_survives_being_told_in_events(response: Response) -> None:
    """Unfolding and folding gives the same answer, and the events between obey the grammar."""
    events = unfold(response)
    grammar.check_events(events)
    assert fold(events, response.format) == normal(response)


@given(strategies.event_sequences(ends=("end",)))
def test_folding_twice_changes_nothing(events: list[Event]) -> None:
    """What a stream tells, told again in whole parts, is the same answer."""
    once = fold(events, "anthropic")
    assert fold(unfold(once), "anthropic") == once


def test_a_stream_that_failed_is_no_answer() -> None:
    """Folding a failed stream raises its failure, folding an unfinished one says so."""
    failure = Failure("overloaded", "too busy")
    with pytest.raises(UpstreamFailed) as failed:
        fold([Start(), Failed(failure)], "anthropic")
    assert failed.value.failure is failure
    with pytest.raises(UpstreamFailed) as cut:
        fold([Start()], "anthropic")
    assert cut.value.failure.kind == "truncated"


def test_an_answer_of_nothing_is_an_answer() -> None:
    """A stream without any choice folds into an answer without choices."""
    assert fold([Start(id="x"), End()], "openai_chat") == Response("openai_chat", (), id="x")


@pytest.mark.parametrize(("format", "name"), wires.files("responses"), ids=wires.case_id)
def test_a_client_reads_the_same_from_a_stream_and_from_a_whole_reply(format: Format, name: str) -> None:
    """A recorded answer, encoded for a client of its own wire as a stream and as a whole, is read back as the same answer."""
    assert_read_alike(decoded(format, name), format)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize(("format", "name"), wires.files("responses"), ids=wires.case_id)
def test_a_foreign_client_reads_the_same_from_a_stream_and_from_a_whole_reply(format: Format, name: str, target: Format) -> None:
    """A recorded answer for a client of another wire is the same, streamed or whole."""
    assert_read_alike(decoded(format, name), target)


def assert_read_alike(answer: Response, client: Format) -> None:
    """The client's own decoder makes the same of both; it knows which tools were its free-text ones."""
    converter = CONVERTERS[client]
    calls = [part for choice in answer.choices for part in choice.parts if isinstance(part, ToolCall)]
    names = {name: ToolName(call.name, call.namespace, "custom") for call in calls if call.kind == "custom" for name in wire_names(call)}
    wire = wires.encoded_stream(client, unfold(answer))
    if any(choice.finish is not None and choice.finish.reason == "malformed_tool_call" and not choice.parts for choice in answer.choices):
        return  # the upstream's failure, told as one: each converter's own tests hold it to that
    whole = converter.decode_response(converter.encode_response(answer, wires.reply(client)).value, wires.ticket(client, names=names)).value
    grammar.check_wire(client, wire, failed=False)
    streamed = fold(wires.decoded_stream(client, wires.through_bytes(client, wire), names=names), client)
    assert comparable(streamed) == comparable(whole)


def wire_names(call: ToolCall) -> tuple[str, ...]:
    return (call.name, f"{call.namespace}__{call.name}")


def decoded(format: Format, name: str) -> Response:
    """The recorded answer; an empty one where the upstream failed with status 200, which is told as an answer all the same."""
    try:
        return CONVERTERS[format].decode_response(wires.response(format, name), wires.ticket(format)).value
    except UpstreamFailed:
        return Response(format, (Choice(0, (), Finish("stop")),))


def comparable(response: Response) -> Any:
    """Plain data without what only one of the two ways can say, and without ids that each of them makes afresh."""
    plain = wires.said(normal(response))
    for choice in plain["choices"]:
        choice.pop("extras", None)
        for part in choice["parts"]:
            for seal in [*part.get("seals", ()), part.get("seal") or {}]:
                seal.pop("item_id", None)
            if part["type"] == "ToolCall" and "kind" not in part:  # some wires have an object for the text
                part["arguments"] = jsontext.encode_text(jsontext.arguments_object(part["arguments"])) if part["arguments"] else "{}"
    plain.pop("extras", None)
    plain.pop("id", None)
    plain.pop("created", None)
    if response.format == "google_genai":
        for choice in plain["choices"]:
            choice["parts"] = joined(choice["parts"])
            choice["sources"] = sorted(jsontext.encode_text(source) for part in choice["parts"] for source in sources(part))
            choice["parts"] = [part for part in choice["parts"] if part != {"type": "Text", "text": ""}]
    if response.format == "openai_chat":
        for choice in plain["choices"]:
            choice["parts"] = unordered(choice["parts"])
    if response.format == "anthropic":  # its message_delta has no split of cache writes and no tier
        plain.pop("service_tier", None)
        plain.get("usage", {}).pop("cache_write_long", None)
    return plain


def sources(part: dict[str, Any]) -> list[Any]:
    """The sources of a part, which is left without them: a candidate has them for its whole text, a stream at its end, when other parts have come."""
    return [citation["raw"] for citation in part.pop("citations", ())]


def joined(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parts of a Google answer: in a stream neighbouring texts are pieces of one."""
    made: list[dict[str, Any]] = []
    for part in parts:
        if part["type"] == "Text" and made and made[-1]["type"] == "Text" and "seal" not in made[-1]:
            made[-1] = {**made[-1], **part, "text": made[-1]["text"] + part["text"]}
        else:
            made.append(part)
    return made


def unordered(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The parts of a chat message, which has one place for each kind and no order among them."""
    merged: dict[str, Any] = {}
    for part in parts:
        match part["type"]:
            case "Text" | "Refusal":
                merged[part["type"]] = merged.get(part["type"], "") + part["text"]
                merged.setdefault("citations", []).extend(part.get("citations", ()))
            case "Reasoning":
                merged["Reasoning"] = merged.get("Reasoning", "") + "".join(part.get("summary", ())) + part.get("raw", "")
                merged.setdefault("seals", []).extend(seal for seal in part.get("seals", ()) if seal["kind"] != "text")
            case _:
                merged["others"] = sorted([*merged.get("others", ()), part], key=repr)
    return merged


SCRIPTED = sorted(
    {(format, name) for format, name in wires.files("responses") if name.startswith("scripted-")} & set(wires.files("streams", "sse"))
)


@pytest.mark.parametrize(("format", "name"), SCRIPTED, ids=wires.case_id)
def test_an_upstream_means_the_same_streamed_and_whole(format: Format, name: str) -> None:
    """What one upstream recorded both ways is decoded to the same answer."""
    whole = CONVERTERS[format].decode_response(wires.response(format, name), wires.ticket(format)).value
    streamed = fold(wires.decoded_stream(format, wires.parsed(wires.stream(format, name))), format)
    assert comparable(streamed) == comparable(whole)
