"""Thinking: settings for each group of models, signatures on their way through every kind of client."""

from __future__ import annotations

from typing import Any

import pytest

from rosetta.converters import seals
from rosetta.converters.anthropic import CONVERTER, Dialect
from rosetta.converters.converter import WireRequest
from rosetta.ir.parts import Reasoning, Seal, Text, ToolCall
from rosetta.ir.request import ReasoningRequest, ToolChoice
from rosetta.ir.response import Choice, Finish, Response
from tests.converters.anthropic.surroundings import WEATHER, assistant, call, decoded, encoded, foreign, reply, result, ticket, told, user

BUDGET = Dialect(thinking="budget", max_output=64000, prefill=True)
EFFORTFUL = Dialect(thinking="budget", efforts=("low", "medium", "high"), max_output=64000)
ADAPTIVE = Dialect(thinking="adaptive", efforts=("low", "medium", "high", "max"))
ALWAYS = Dialect(thinking="always", thinking_off=False, forced_tools=False, efforts=("low", "medium", "high", "xhigh", "max"))
NONE = Dialect(thinking="none")

ON = ReasoningRequest("on", budget=10000)
HIGH = ReasoningRequest(effort="high")
OFF = ReasoningRequest("off", effort="none")
SEEN = ReasoningRequest(visible=True, summary="auto")

FOREIGN: list[tuple[str, Dialect, ReasoningRequest, Any, Any, list[Any]]] = [
    ("budget", BUDGET, ReasoningRequest(), None, None, []),
    ("budget", BUDGET, ReasoningRequest("on", budget=3000), {"type": "enabled", "budget_tokens": 3000}, None, []),
    (
        "budget",
        BUDGET,
        ReasoningRequest("on", budget=500),
        {"type": "enabled", "budget_tokens": 1024},
        None,
        [("approximated", "budget", "")],
    ),
    ("budget", BUDGET, ON, {"type": "enabled", "budget_tokens": 3999}, None, [("approximated", "budget", "")]),
    ("budget", BUDGET, HIGH, {"type": "enabled", "budget_tokens": 2000}, None, [("emulated", "effort", "")]),
    ("budget", BUDGET, OFF, None, None, []),
    ("budget", BUDGET, SEEN, None, None, [("dropped", "visible", "")]),
    (
        "budget",
        BUDGET,
        ReasoningRequest("adaptive"),
        {"type": "enabled", "budget_tokens": 2000},
        None,
        [("approximated", "reasoning", "")],
    ),
    ("budget", BUDGET, ReasoningRequest("on"), {"type": "enabled", "budget_tokens": 2000}, None, [("injected", "budget", "")]),
    (
        "budget",
        BUDGET,
        ReasoningRequest(effort="low", visible=True),
        {"type": "enabled", "budget_tokens": 2000, "display": "summarized"},
        None,
        [("emulated", "effort", "")],
    ),
    ("4.5", EFFORTFUL, HIGH, {"type": "enabled", "budget_tokens": 2000}, "high", []),
    (
        "4.5",
        EFFORTFUL,
        ReasoningRequest(effort="max"),
        {"type": "enabled", "budget_tokens": 2000},
        "high",
        [("approximated", "effort", "")],
    ),
    ("adaptive", ADAPTIVE, HIGH, {"type": "adaptive"}, "high", []),
    ("adaptive", ADAPTIVE, ReasoningRequest(effort="xhigh"), {"type": "adaptive"}, "high", [("approximated", "effort", "")]),
    ("adaptive", ADAPTIVE, ON, {"type": "adaptive"}, "high", [("approximated", "budget", "")]),
    ("adaptive", ADAPTIVE, OFF, {"type": "disabled"}, None, []),
    ("adaptive", ADAPTIVE, SEEN, {"type": "adaptive", "display": "summarized"}, None, []),
    ("adaptive", ADAPTIVE, ReasoningRequest(), None, None, []),
    (
        "adaptive",
        ADAPTIVE,
        ReasoningRequest("on", "low", visible=False, summary="detailed"),
        {"type": "adaptive", "display": "omitted"},
        "low",
        [("approximated", "summary", "")],
    ),
    ("always", ALWAYS, HIGH, {"type": "adaptive"}, "high", []),
    ("always", ALWAYS, OFF, None, "low", [("approximated", "effort", "")]),
    ("none", NONE, HIGH, None, None, [("dropped", "effort", "")]),
    ("none", NONE, ON, None, None, [("dropped", "budget", "")]),
    ("none", NONE, ReasoningRequest("adaptive"), None, None, [("dropped", "reasoning", "")]),
    ("none", NONE, OFF, None, None, []),
]


@pytest.mark.parametrize(("group", "dialect", "wanted", "thinking", "effort", "losses"), FOREIGN)
def test_reasoning_for_each_group_of_models(
    group: str, dialect: Dialect, wanted: ReasoningRequest, thinking: Any, effort: Any, losses: list[Any]
) -> None:
    """A client of another wire says effort or budget or neither; each group of models hears it in its own form."""
    sent = encoded(foreign(reasoning=wanted), dialect)
    assert sent.wire.body.get("thinking") == thinking, group
    assert sent.wire.body.get("output_config", {}).get("effort") == effort
    assert told(sent.losses) == losses


OWN: list[tuple[Dialect, dict[str, Any], dict[str, Any], list[Any]]] = [
    (
        BUDGET,
        {"type": "enabled", "budget_tokens": 31999, "display": "omitted"},
        {"type": "enabled", "budget_tokens": 31999, "display": "omitted"},
        [],
    ),
    (BUDGET, {"type": "disabled"}, {"type": "disabled"}, []),
    (ADAPTIVE, {"type": "adaptive", "block_binding": {"x": 1}}, {"type": "adaptive", "block_binding": {"x": 1}}, []),
    (ADAPTIVE, {"type": "between_tools"}, {"type": "between_tools"}, []),
    (ADAPTIVE, {"type": "novel", "display": "updates"}, {"type": "novel", "display": "updates"}, []),
    (BUDGET, {"type": "between_tools"}, {"type": "disabled"}, [("approximated", "thinking.type", "")]),
    (ADAPTIVE, {"type": "enabled", "budget_tokens": 2048}, {"type": "adaptive", "display": "summarized"}, [("approximated", "budget", "")]),
    (ALWAYS, {"type": "disabled"}, {}, [("approximated", "reasoning", "")]),
    (NONE, {"type": "disabled"}, {}, []),
    (
        Dialect(display=False),
        {"type": "enabled", "budget_tokens": 2048, "display": "omitted"},
        {"type": "enabled", "budget_tokens": 2048},
        [("dropped", "visible", "")],
    ),
]


@pytest.mark.parametrize(("dialect", "thinking", "expected", "losses"), OWN)
def test_thinking_of_the_own_wire_is_said_as_it_was(
    dialect: Dialect, thinking: dict[str, Any], expected: dict[str, Any], losses: list[Any]
) -> None:
    """What an Anthropic client says goes on unchanged where the model takes it, and is adapted where it does not."""
    request = decoded({"messages": [{"role": "user", "content": "Hello"}], "thinking": thinking})
    sent = CONVERTER.encode_request(request, _target(dialect))
    assert sent.wire.body.get("thinking", {}) == expected
    assert told(sent.losses) == losses


def test_effort_alone_is_effort_alone() -> None:
    """An Anthropic client's effort switches nothing on."""
    request = decoded({"messages": [{"role": "user", "content": "Hello"}], "output_config": {"effort": "medium"}})
    sent = encoded(request, ADAPTIVE)
    assert "thinking" not in sent.wire.body
    assert sent.wire.body["output_config"] == {"effort": "medium"}


def test_the_limit_of_tokens_leaves_room_for_the_answer() -> None:
    """Who named no limit gets budget and answer; who named one gets a budget below it, or none where there is no room."""
    sent = encoded(foreign(reasoning=ReasoningRequest(effort="high"), max_output_tokens=None), BUDGET)
    assert sent.wire.body["thinking"]["budget_tokens"] == 16384
    assert sent.wire.body["max_tokens"] == 32384
    assert (
        encoded(foreign(reasoning=ReasoningRequest("on", budget=90000), max_output_tokens=None, stream=True), BUDGET).wire.body[
            "max_tokens"
        ]
        == 64000
    )
    sent = encoded(foreign(reasoning=ReasoningRequest(effort="high"), max_output_tokens=900), BUDGET)
    assert "thinking" not in sent.wire.body
    assert told(sent.losses) == [("dropped", "effort", "")]


def test_thinking_fixes_the_sampling() -> None:
    """While it thinks a budget model takes no temperature but 1, no top_k, and a top_p from 0.95 on."""
    from rosetta.ir.request import Sampling

    sent = encoded(foreign(reasoning=ReasoningRequest("on", budget=2048), sampling=Sampling(0.5, 0.5, 40)), BUDGET)
    assert sent.wire.body["top_p"] == 0.95
    assert told(sent.losses) == [("dropped", "temperature", ""), ("dropped", "top_k", ""), ("approximated", "top_p", "")]


def test_no_answer_is_begun_while_thinking() -> None:
    """Thinking and the beginning of an answer exclude each other."""
    sent = encoded(foreign(user("A"), assistant("B", at="m"), reasoning=ReasoningRequest("on", budget=2048)), BUDGET)
    assert told(sent.losses) == [("dropped", "prefill", "m")]


# ------------------------------------------------------------------------------------------------------------------------------ seals upward


def _target(dialect: Dialect | None = None, *, provider: str = "claude", model: str = "claude-x") -> Any:
    from tests.converters.anthropic.surroundings import target

    return target(dialect, provider=provider, model=model)


def signed(**fields: Any) -> Reasoning:
    return Reasoning(
        ("shown",),
        at="r",
        seals=(Seal("signature", "c2ln", **{"provider": "claude", "model": "claude-x", "texts": ("signed",), **fields}),),
    )


def thinking_sent(part: Reasoning, **changes: Any) -> tuple[list[Any], list[Any]]:
    sent = encoded(foreign(user("A"), assistant(part, call("c")), user(result("c"))), ADAPTIVE, **changes)
    content = sent.wire.body["messages"][1]["content"]
    return [block for block in content if "thinking" in block["type"]], told(sent.losses)


def test_a_signature_goes_back_with_the_text_that_it_signs() -> None:
    """The maker gets its own text, whatever the client did to its copy; another provider or model gets nothing, not even the text."""
    block = {"type": "thinking", "thinking": "signed", "signature": "c2ln"}
    assert thinking_sent(signed()) == ([block], [])
    assert thinking_sent(signed(provider="", model="")) == ([block], [])
    for part, changes in ((signed(), {"provider": "other"}), (signed(), {"model": "claude-y"}), (signed(provider="x"), {})):
        assert thinking_sent(part, **changes) == ([], [("dropped", "seal", "r")])


def test_redacted_thinking_goes_back() -> None:
    """It has no text, and is sent as it came."""
    part = Reasoning(at="r", seals=(Seal("redacted", "cmVk", "claude", "claude-x"),))
    assert thinking_sent(part) == ([{"type": "redacted_thinking", "data": "cmVk"}], [])


@pytest.mark.parametrize(
    ("part", "losses"),
    [
        (Reasoning(("t",), at="r"), [("dropped", "reasoning_text", "r")]),
        (Reasoning(at="r"), []),
        (Reasoning(("t",), at="r", seals=(Seal("text", "", "claude", "claude-x", texts=("t",)),)), [("dropped", "seal", "r")]),
        (Reasoning(("t",), at="r", seals=(Seal("encrypted", "x", "", ""), Seal("encrypted", "y"))), [("dropped", "seal", "r")]),
    ],
)
def test_nothing_is_forged(part: Reasoning, losses: list[Any]) -> None:
    """Thoughts without a signature of this provider are not sent, and one loss says so."""
    assert thinking_sent(part) == ([], losses)


def test_a_tool_loop_without_its_thoughts_goes_on_without_thinking() -> None:
    """A budget model refuses calls without the thoughts before them: thinking is switched off for that request."""
    request = foreign(
        user("A"), assistant(signed(provider="other"), call("c")), user(result("c")), reasoning=ReasoningRequest("on", budget=2048)
    )
    sent = encoded(request, BUDGET)
    assert "thinking" not in sent.wire.body
    assert told(sent.losses) == [("dropped", "seal", "r"), ("dropped", "reasoning", "")]
    assert "thinking" in encoded(request, ADAPTIVE).wire.body
    kept = foreign(user("A"), assistant(signed(), call("c")), user(result("c")), reasoning=ReasoningRequest("on", budget=2048))
    assert "thinking" in encoded(kept, BUDGET).wire.body


def test_forced_tools_of_the_own_wire_with_unsaid_thinking() -> None:
    """Where thinking is the default a forced tool of another wire's client switches it off, and says so."""
    request = foreign(tools=(WEATHER,), tool_choice=ToolChoice("required"))
    sent = encoded(request, ADAPTIVE)
    assert sent.wire.body["thinking"] == {"type": "disabled"}
    assert told(sent.losses) == [("injected", "reasoning", "")]
    assert encoded(request, BUDGET).losses == ()


# ------------------------------------------------------------------------------------------------------------------------------ seals downward


GOOGLE = Seal("thought_signature", "R09PR0xF", "google", "gemini", bound="part")
ENCRYPTED = Seal("encrypted", "RU5D", "openai", "gpt", item_id="rs_1", texts=("a", "b"))
TEXT = Seal("text", "", "deepseek", "ds", texts=("chain",))


def content_for(*parts: Any, visible: bool | None = None) -> list[Any]:
    response = Response("openai_chat", (Choice(0, tuple(parts), Finish("stop")),))
    return list(CONVERTER.encode_response(response, reply(visible=visible)).value["content"])


def round_trip(*parts: Any) -> tuple[Any, ...]:
    messages = [{"role": "user", "content": "A"}, {"role": "assistant", "content": content_for(*parts)}]
    return CONVERTER.decode_request(WireRequest({"model": "m", "max_tokens": 1, "messages": messages})).value.turns[1].parts


def test_foreign_states_travel_in_signatures() -> None:
    """One envelope for the seals of a thought, one in an empty block before a call or after a text; all of them come back to their places."""
    parts = (
        Reasoning(("a", "b"), seals=(ENCRYPTED, TEXT)),
        Text("Said.", seal=GOOGLE),
        Reasoning(("more",), seals=(TEXT,)),
        ToolCall("c", "f", "{}", seal=GOOGLE),
        ToolCall("d", "f", "{}"),
    )
    content = content_for(*parts)
    assert [block["type"] for block in content] == ["thinking", "text", "thinking", "thinking", "thinking", "tool_use", "tool_use"]
    assert content[0]["thinking"] == "a\n\nb"
    assert all(block["signature"].startswith(seals.PREFIX) for block in content if block["type"] == "thinking")
    found = round_trip(*parts)
    assert [type(part).__name__ for part in found] == ["Reasoning", "Text", "Reasoning", "ToolCall", "ToolCall"]
    assert found[0].seals == (ENCRYPTED, TEXT)
    assert found[1].seal == GOOGLE
    assert found[2].seals == (TEXT,)
    assert (found[3].seal, found[4].seal) == (GOOGLE, None)


def test_a_seal_without_any_text_gets_an_empty_one() -> None:
    """A signature on a part that said nothing is not lost."""
    assert round_trip(Text("", seal=GOOGLE)) == (Text("", seal=GOOGLE),)


def test_no_block_is_unsigned() -> None:
    """Thoughts that nobody signed carry an envelope of nothing: clients refuse a block without a signature, and no provider ever gets it."""
    (block,) = content_for(Reasoning(("hm",)))
    assert seals.unwrap(block["signature"]) == ()
    (part,) = round_trip(Reasoning(("hm",)))
    assert (part.summary, part.seals) == (("hm",), ())
    assert content_for(Reasoning()) == []


def test_omitted_thoughts_keep_their_state() -> None:
    """A client that asked for no text gets none, and carries the state all the same."""
    (block,) = content_for(Reasoning(("hm",), seals=(TEXT,)), visible=False)
    assert block["thinking"] == ""
    assert seals.unwrap(block["signature"]) == (TEXT,)
    assert content_for(Reasoning(("hm",)), visible=False) == []


def test_a_state_too_large_is_a_loss() -> None:
    """Past the limit the state is dropped, not the thoughts."""
    large = Seal("encrypted", "x" * seals.SEAL_LIMIT_BYTES, "openai", "gpt")
    response = Response("openai_responses", (Choice(0, (Reasoning(("hm",), seals=(large,)), ToolCall("c", "f", "{}", seal=large))),))
    coded = CONVERTER.encode_response(response, reply())
    assert [block["type"] for block in coded.value["content"]] == ["thinking", "tool_use"]
    assert told(coded.losses) == [("dropped", "seal", ""), ("dropped", "seal", "")]


def test_an_upstreams_thoughts_are_sealed_by_their_maker() -> None:
    """Signatures of an answer name provider, model and the signed text; to an Anthropic client they go bare."""
    body = {
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "cmVk"},
            {"type": "thinking", "thinking": "Unsigned."},
        ],
        "stop_reason": "end_turn",
    }
    response = CONVERTER.decode_response(body, ticket()).value
    assert response.choices[0].parts == (
        Reasoning(("Hm.",), at="content.0", seals=(Seal("signature", "c2ln", "claude", "claude-x", texts=("Hm.",)),)),
        Reasoning(at="content.1", seals=(Seal("redacted", "cmVk", "claude", "claude-x"),)),
        Reasoning(("Unsigned.",), at="content.2"),
    )
    content = CONVERTER.encode_response(response, reply(visible=False)).value["content"]
    assert content[:2] == body["content"][:2]
    assert content[2] == {"type": "thinking", "thinking": "Unsigned.", "signature": ""}
