"""Opaque reasoning state: bare to and from its own wire, as an envelope through a client of this one, and to nobody who did not make it."""

from __future__ import annotations

from typing import Any

import pytest

from rosetta.converters import seals
from rosetta.converters.openai_responses import CONVERTER, Dialect
from rosetta.fold import unfold
from rosetta.ir.events import BlockEnd, BlockStart, ChoiceEnd, End, ReasoningDelta, SealDelta, Start
from rosetta.ir.parts import Format, Inline, Media, Part, Reasoning, Seal, Text, ToolCall, ToolResult
from rosetta.ir.response import Choice, Finish, Response
from tests.converters.openai_responses.surroundings import assistant, encoded, items, names, reply, request, told, user, written

NATIVE = Seal("encrypted", "ZW5j", "openai", "gpt-x", "rs_7", texts=("Hm.",))
SIGNED = Seal("signature", "c2ln", "claude", "claude-x", texts=("I think.",))
REDACTED = Seal("redacted", "cmVk", "claude", "claude-x")
THOUGHT = Seal("thought_signature", "dGhv", "google", "gemini-x", bound="part")


def shown(*parts: Part, format: Format = "anthropic", streamed: bool) -> tuple[list[dict[str, Any]], list[tuple[str, str, str]]]:
    """The items which a client keeps of an answer, and what the answer lost."""
    answer = Response(format, (Choice(0, parts, Finish("stop")),))
    if not streamed:
        coded = CONVERTER.encode_response(answer, reply())
        return coded.value["output"], told(coded.losses)
    wire, losses = written(*unfold(answer))
    done = [event.data["item"] for event in wire if event.event == "response.output_item.done" and event.data is not None]
    assert wire[-1].data is not None
    assert done == wire[-1].data["response"]["output"]
    return done, losses


def back(*kept: dict[str, Any]) -> tuple[Part, ...]:
    """The parts of the answer that a client sends back."""
    return items({"role": "user", "content": "A"}, *kept, {"role": "user", "content": "B"}).turns[1].parts


@pytest.mark.parametrize("streamed", [False, True])
def test_this_wires_own_state_goes_bare(streamed: bool) -> None:
    """Under its own id, as OpenAI refuses it under another; and back it is the client's own."""
    (item,), losses = shown(Reasoning(("Hm.",), seals=(NATIVE,)), format="openai_responses", streamed=streamed)
    assert item == {
        "id": "rs_7",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Hm."}],
        "encrypted_content": "ZW5j",
    }
    assert losses == []
    assert back(item) == (Reasoning(("Hm.",), at="input.1", seals=(Seal("encrypted", "ZW5j", item_id="rs_7", texts=("Hm.",)),)),)


@pytest.mark.parametrize("streamed", [False, True])
def test_anothers_state_travels_in_an_envelope(streamed: bool) -> None:
    """One item, the words as its summary, and all seals of the part in order."""
    (item,), losses = shown(Reasoning(("I think.",), seals=(SIGNED, REDACTED)), streamed=streamed)
    assert (item["type"], item["summary"], losses) == ("reasoning", [{"type": "summary_text", "text": "I think."}], [])
    assert seals.unwrap(item["encrypted_content"]) == (SIGNED, REDACTED)
    (part,) = back(item)
    assert part == Reasoning(("I think.",), at="input.1", seals=(SIGNED, REDACTED))


@pytest.mark.parametrize("streamed", [False, True])
def test_a_state_without_words_is_an_item_without_summary(streamed: bool) -> None:
    """Redacted thoughts have nothing to show."""
    (item,), _ = shown(Reasoning(seals=(REDACTED,)), streamed=streamed)
    assert item["summary"] == []
    assert back(item) == (Reasoning(at="input.1", seals=(REDACTED,)),)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_calls_own_seal_stands_before_the_call(streamed: bool) -> None:
    """Google's signatures sit on calls: an item without words right before carries it, and vanishes on the way back."""
    first = ToolCall("c1", "weather", "{}", seal=THOUGHT)
    kept, losses = shown(Text("Looking."), first, ToolCall("c2", "weather", "{}"), format="google_genai", streamed=streamed)
    assert ([item["type"] for item in kept], losses) == (["message", "reasoning", "function_call", "function_call"], [])
    assert back(*kept) == (
        Text("Looking.", "input.1.content.0"),
        ToolCall("c1", "weather", "{}", "input.3", seal=THOUGHT),
        ToolCall("c2", "weather", "{}", "input.4"),
    )


@pytest.mark.parametrize("streamed", [False, True])
def test_a_texts_own_seal_stands_after_the_text(streamed: bool) -> None:
    """With no call behind it the carrier belongs to the text before; an empty text is made where there is none."""
    kept, losses = shown(Text("Done.", seal=THOUGHT), format="google_genai", streamed=streamed)
    assert ([item["type"] for item in kept], losses) == (["message", "reasoning"], [])
    assert back(*kept) == (Text("Done.", "input.1.content.0", seal=THOUGHT),)
    kept, _ = shown(Text("", seal=THOUGHT), format="google_genai", streamed=streamed)
    assert back(*kept) == (Text("", seal=THOUGHT),)


def test_two_carriers_in_a_row_each_find_their_part() -> None:
    """The text's carrier is followed by the call's own."""
    other = Seal("thought_signature", "b3RoZXI=", "google", "gemini-x", bound="part")
    kept, _ = shown(Text("Looking.", seal=THOUGHT), ToolCall("c1", "weather", "{}", seal=other), format="google_genai", streamed=False)
    text, call = back(*kept)
    assert isinstance(text, Text)
    assert isinstance(call, ToolCall)
    assert (text.seal, call.seal) == (THOUGHT, other)


@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_too_large_is_dropped(streamed: bool) -> None:
    """Clients keep the state in every later request."""
    huge = Seal("signature", "x" * seals.SEAL_LIMIT_BYTES, "claude", "claude-x")
    kept, losses = shown(Reasoning(("Hm.",), seals=(huge,)), ToolCall("c", "w", "{}", seal=huge), streamed=streamed)
    assert [item["type"] for item in kept] == ["reasoning", "function_call"]
    assert "encrypted_content" not in kept[0]
    assert losses == [("seal", "dropped", ""), ("seal", "dropped", "")]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_pictures_seal_has_no_carrier(streamed: bool) -> None:
    """The picture comes back as a hosted call, which can hold none."""
    picture = Media("image", Inline("iVBORw0KGgo="), "image/png", seal=THOUGHT)
    kept, losses = shown(picture, format="google_genai", streamed=streamed)
    assert ([item["type"] for item in kept], losses) == (["image_generation_call"], [("seal", "dropped", "")])


@pytest.mark.parametrize("streamed", [False, True])
def test_raw_thoughts_are_a_summary_for_clients_that_read_summaries(streamed: bool) -> None:
    """Codex shows summaries; of this very wire the verbatim chain stays where it was."""
    raw = Reasoning(raw="Step one.", seals=(Seal("text", "", "deepseek", "d", texts=("Step one.",)),))
    (item,), _ = shown(raw, format="openai_chat", streamed=streamed)
    assert item["summary"] == [{"type": "summary_text", "text": "Step one."}]
    assert "content" not in item
    (item,), _ = shown(Reasoning(("A", "B"), "Step one."), format="openai_responses", streamed=streamed)
    assert item["summary"] == [{"type": "summary_text", "text": "A"}, {"type": "summary_text", "text": "B"}]
    assert item["content"] == [{"type": "reasoning_text", "text": "Step one."}]


def test_an_own_state_under_a_made_up_id_travels_in_an_envelope() -> None:
    """A stream tells the item's id before it knows the state: where they differ the state is wrapped, with its id."""
    events = (Start(format="openai_responses"), BlockStart(0, "reasoning"), ReasoningDelta(0, "Hm."), SealDelta(0, NATIVE), BlockEnd(0))
    wire, _ = written(*events, ChoiceEnd(0, Finish("stop")), End())
    item = wire[-1].data["response"]["output"][0]  # type: ignore[index] # the terminal event has data
    assert item["id"] != "rs_7"
    assert seals.unwrap(item["encrypted_content"]) == (NATIVE,)


def test_thoughts_resumed_after_other_words_keep_their_seal() -> None:
    """An upstream that goes on thinking after it began to speak: the seal comes last, in an item of its own."""
    events = (
        Start(format="anthropic"),
        BlockStart(0, "reasoning"),
        ReasoningDelta(0, "Hm."),
        BlockStart(1, "tool_call", id="c", name="w"),
        SealDelta(0, SIGNED),
        BlockEnd(0),
        BlockEnd(1),
        ChoiceEnd(0, Finish("tool_calls")),
        End(),
    )
    wire, losses = written(*events)
    output = wire[-1].data["response"]["output"]  # type: ignore[index] # the terminal event has data
    assert [item["type"] for item in output] == ["reasoning", "function_call", "reasoning"]
    assert seals.unwrap(output[2]["encrypted_content"]) == (SIGNED,)
    assert losses == []
    assert names(wire).count("output_item.added") == names(wire).count("output_item.done") == 3


# ------------------------------------------------------------------------------------------------------------------------ to the upstream


def test_the_maker_gets_its_state_back_with_its_own_words() -> None:
    """Restored bare under its own id; what the client made of the summary does not matter."""
    body, losses = encoded(request(user("A"), assistant(Reasoning(("changed",), seals=(NATIVE,)), "B"), user("C")))
    assert body["input"][1] == {
        "type": "reasoning",
        "id": "rs_7",
        "summary": [{"type": "summary_text", "text": "Hm."}],
        "encrypted_content": "ZW5j",
    }
    assert losses == []


def test_a_clients_own_bare_state_goes_to_this_wire() -> None:
    """As it came, its chain of open models too; opencode sends no id."""
    item = {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Hm."}],
        "content": [{"type": "reasoning_text", "text": "Step."}],
        "encrypted_content": "ZW5j",
    }
    asked = items({"role": "user", "content": "A"}, item, {"role": "assistant", "content": "B"})
    assert encoded(asked)[0]["input"][1] == item


@pytest.mark.parametrize("seal", [SIGNED, REDACTED, THOUGHT, Seal("encrypted", "x", "azure", "gpt-x"), Seal("signature", "bare")])
def test_nobody_gets_anothers_state(seal: Seal) -> None:
    """The whole part is left out, never its words as words, and named once."""
    part = Reasoning(("Secret.",), at="messages.1.content.0", seals=(seal, seal))
    body, losses = encoded(request(user("A"), assistant(part, "B"), user("C")))
    assert body["input"] == [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}, {"role": "user", "content": "C"}]
    assert losses == [("seal", "dropped", "messages.1.content.0")]


def test_seals_of_visible_parts_are_dropped_by_name() -> None:
    """Only Google takes them."""
    parts = (Text("B", "m.1.0", seal=THOUGHT), ToolCall("c", "weather", "{}", "m.1.1", seal=THOUGHT))
    answered = user(ToolResult("c", (Text("12°"),)))
    assert encoded(request(user("A"), assistant(*parts), answered))[1] == [("seal", "dropped", "m.1.0"), ("seal", "dropped", "m.1.1")]


def test_thoughts_without_a_seal() -> None:
    """A server that seals refuses them. One of open models takes its own client's back, under an id that is always the same."""
    thoughts = Reasoning(("Hm.",), at="m.1")
    assert encoded(request(user("A"), assistant(thoughts, "B"), user("C")))[1] == [("reasoning_text", "dropped", "m.1")]
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
    asked = items({"role": "user", "content": "A"}, item, {"role": "assistant", "content": "B"})
    open_server = Dialect(encrypted=False)
    first, second = encoded(asked, open_server)[0]["input"][1], encoded(asked, open_server)[0]["input"][1]
    assert first == second
    assert {key: value for key, value in first.items() if key != "id"} == {key: value for key, value in item.items() if key != "id"}
    assert encoded(asked)[1] == [("reasoning_text", "dropped", "input.1")]


def test_reasoning_that_nothing_follows_is_left_out() -> None:
    """Of a cut answer: OpenAI refuses a reasoning item "without its required following item"."""
    part = Reasoning(("Hm.",), at="m.1.0", seals=(NATIVE,))
    body, losses = encoded(request(user("A"), assistant("B", part, at="m.1"), user("C")))
    assert [item.get("role") for item in body["input"]] == ["user", "assistant", "user"]
    assert losses == [("seal", "dropped", "m.1")]
