"""Calls and results made to match."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rosetta.converters.losses import Losses
from rosetta.converters.pairing import NO_RESULT, paired
from rosetta.ir.parts import Part, Text, ToolCall, ToolResult
from rosetta.ir.request import Turn


def call(name: str, at: str = "c") -> ToolCall:
    return ToolCall(id=name, name="f", arguments="{}", at=at)


def result(name: str, text: str = "done", at: str = "r") -> ToolResult:
    return ToolResult(call_id=name, parts=(Text(text),), at=at)


def assistant(*parts: Part) -> Turn:
    return Turn("assistant", parts)


def user(*parts: Part) -> Turn:
    return Turn("user", parts)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Turn, ...]:
    names = st.sampled_from(["a", "b", "c"])
    part = st.one_of(names.map(call), st.just(Text("words")))
    answer = st.one_of(names.map(result), st.just(Text("words")))
    turn = st.one_of(
        st.lists(part, min_size=1, max_size=3).map(lambda parts: assistant(*parts)),
        st.lists(answer, min_size=1, max_size=3).map(lambda parts: user(*parts)),
        st.just(Turn("system", (Text("note"),))),
    )
    return tuple(draw(st.lists(turn, max_size=6)))


@given(conversations())
def test_every_call_is_answered_once_and_at_once(turns: tuple[Turn, ...]) -> None:
    """Whatever the history, each call has one result before the next assistant turn, each result a call, and each id is used once."""
    losses = Losses()
    before = list(turns)
    made = paired(turns, losses)
    assert list(turns) == before
    seen: list[str] = []
    waiting: list[str] = []
    for turn in made:
        if turn.role == "assistant":
            assert waiting == []
            waiting = [part.id for part in turn.parts if isinstance(part, ToolCall)]
            seen.extend(waiting)
        else:
            assert turn.parts
            for part in turn.parts:
                if isinstance(part, ToolResult):
                    assert part.call_id in waiting
                    waiting.remove(part.call_id)
    assert waiting == []
    assert len(set(seen)) == len(seen)
    assert paired(made, again := Losses()) == made
    assert again == []
    assert texts(made) == texts(turns) + [NO_RESULT] * 0
    if made != turns:
        assert losses


def texts(turns: tuple[Turn, ...]) -> list[str]:
    """All words of the conversation that are no result."""
    return [part.text for turn in turns for part in turn.parts if isinstance(part, Text)]


def test_a_good_history_is_left_alone() -> None:
    """Calls answered in another order than they were made are fine, and nothing is reported."""
    turns = (user(Text("go")), assistant(call("a"), call("b")), user(result("b"), result("a"), Text("and now")))
    losses = Losses()
    assert paired(turns, losses) == turns
    assert losses == []


def test_a_missing_result_is_made_up_as_an_error() -> None:
    """The provider is told that there was none, and the client that it was."""
    losses = Losses()
    made = paired((assistant(call("a", "messages.1.tool_calls.0")), user(Text("never mind"))), losses)
    answer, words = made[1].parts
    assert isinstance(answer, ToolResult)
    assert (answer.call_id, answer.is_error, answer.parts) == ("a", True, (Text(NO_RESULT),))
    assert words == Text("never mind")
    assert [(loss.kind, loss.field, loss.at) for loss in losses] == [("injected", "tool_result", "messages.1.tool_calls.0")]


def test_of_two_results_the_last_counts() -> None:
    """A repeated answer replaces the earlier one."""
    losses = Losses()
    made = paired((assistant(call("a")), user(result("a", "one", "r.0")), user(result("a", "two", "r.1"))), losses)
    answers = [part for turn in made for part in turn.parts if isinstance(part, ToolResult)]
    assert answers == [result("a", "two", "r.1")]
    assert [(loss.kind, loss.field, loss.at) for loss in losses] == [("dropped", "tool_result", "r.0")]


def test_an_answer_to_nothing_is_dropped() -> None:
    """Before any call, or to another call, a result has no place."""
    losses = Losses()
    made = paired((user(result("x", at="r.0"), Text("hi")), assistant(call("a")), user(result("a"), result("y", at="r.1"))), losses)
    assert made == (user(Text("hi")), assistant(call("a")), user(result("a")))
    assert [(loss.kind, loss.field, loss.at) for loss in losses] == [("dropped", "tool_result", "r.0"), ("dropped", "tool_result", "r.1")]


def test_an_id_used_again_is_renamed_with_its_result() -> None:
    """Histories born in Gemini call every call call_0; each pair gets an id of its own, the same each time."""
    turns = (assistant(call("call_0")), user(result("call_0", "1")), assistant(call("call_0")), user(result("call_0", "2")))
    losses = Losses()
    made = paired(turns, losses)
    ids = [part.id for turn in made for part in turn.parts if isinstance(part, ToolCall)]
    answered = [part.call_id for turn in made for part in turn.parts if isinstance(part, ToolResult)]
    assert ids == answered
    assert ids[0] == "call_0" != ids[1]
    assert [(loss.kind, loss.field) for loss in losses] == [("approximated", "call_id")]
    assert paired(turns, Losses()) == made
    assert paired(turns[:2], Losses()) == made[:2]


def test_calls_of_one_answer_that_share_an_id_keep_their_results() -> None:
    """Some servers number their calls anew or not at all: the first result answers the first call."""
    losses = Losses()
    turns = (assistant(call("a"), call("a")), user(result("a", "one"), result("a", "two")))
    made = paired(turns, losses)
    calls = [part.id for part in made[0].parts if isinstance(part, ToolCall)]
    answers = [(part.call_id, part.parts) for part in made[1].parts if isinstance(part, ToolResult)]
    assert answers == [(calls[0], (Text("one"),)), (calls[1], (Text("two"),))]
    assert [(loss.kind, loss.field) for loss in losses] == [("approximated", "call_id")]
