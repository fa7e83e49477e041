"""Chat requests in, and what other servers of this wire can take."""

from typing import Any

import msgspec
import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

from rosetta.converters.converter import Malformed, Target, Unsupported, WireRequest
from rosetta.converters.openai_chat import CONVERTER, Dialect
from rosetta.ir.parts import Inline, Media, Reasoning, Seal, Text, ToolCall, ToolResult
from rosetta.ir.request import CustomTool, FunctionTool, Grammar, ReasoningRequest, Request, State, ToolChoice, ToolName, Turn

HELLO = {"role": "user", "content": "hi"}


def decode(**body: Any) -> Request:
    return CONVERTER.decode_request(WireRequest({"model": "m", "messages": [HELLO], **body})).value


def encode(request: Request, dialect: Dialect | None = None) -> tuple[Any, list[tuple[str, str]]]:
    """The body, and the losses as (field, kind)."""
    sent = CONVERTER.encode_request(request, Target("there", "m", dialect or Dialect(), lambda prefix: f"{prefix}new"))
    TypeAdapter(CompletionCreateParamsNonStreaming).validate_python(
        {key: value for key, value in sent.wire.body.items() if key != "stream"}
    )
    return sent.wire.body, [(loss.field, loss.kind) for loss in sent.losses]


def foreign(*turns: Turn, **more: Any) -> Request:
    return Request("anthropic", "m", turns or (Turn("user", (Text("hi"),)),), **more)


def test_legacy_functions_are_read_as_tools() -> None:
    """``functions``, ``function_call`` and role ``function`` become what replaced them, matched by name."""
    request = decode(
        functions=[{"name": "f", "parameters": {"type": "object"}}],
        function_call={"name": "f"},
        messages=[
            HELLO,
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "42"},
        ],
    )
    assert [FunctionTool("f", schema={"type": "object"}, at="functions.0")] == list(request.tools)
    assert ToolChoice("required", (ToolName("f"),)) == request.tool_choice
    call, result = request.turns[1].parts[0], request.turns[2].parts[0]
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    assert (call.id, "f") == (result.call_id, result.name)


def test_tool_messages_are_one_turn_in_call_order_on_the_way_out() -> None:
    """Results may come in any order; every call is followed by its answer, in the order of the calls."""
    turns = (
        Turn("user", (Text("go"),)),
        Turn("assistant", (ToolCall("a", "f", "{}"), ToolCall("b", "f", "{}"))),
        Turn("user", (ToolResult("b", (Text("2"),)), ToolResult("a", (Text("1"),)), Text("and?"))),
    )
    body, losses = encode(foreign(*turns))
    assert [("tool", "a"), ("tool", "b"), ("user", None)] == [(m["role"], m.get("tool_call_id")) for m in body["messages"][2:]]
    assert [] == losses


def test_an_image_in_a_result_follows_in_a_user_message() -> None:
    """A tool message holds text only: the image is not lost, and the emulation is named."""
    image = Media("image", Inline("aGk="), "image/png")
    turns = (
        Turn("user", (Text("go"),)),
        Turn("assistant", (ToolCall("a", "f", "{}"),)),
        Turn("user", (ToolResult("a", (Text("see"), image)),)),
    )
    body, losses = encode(foreign(*turns))
    assert "user" == body["messages"][-1]["role"]
    assert "data:image/png;base64,aGk=" == body["messages"][-1]["content"][1]["image_url"]["url"]
    assert [("tool_result", "emulated")] == losses


def test_a_failed_result_says_so_in_words() -> None:
    """This wire has no error flag; words that say it already are left alone."""
    for text, expected, lost in (("no file", "Error: no file", True), ("Error: no file", "Error: no file", False)):
        turns = (
            Turn("user", (Text("go"),)),
            Turn("assistant", (ToolCall("a", "f", "{}"),)),
            Turn("user", (ToolResult("a", (Text(text),), is_error=True),)),
        )
        body, losses = encode(foreign(*turns))
        assert expected == body["messages"][-1]["content"]
        assert [("is_error", "emulated")] * lost == losses


def test_a_custom_tool_becomes_a_function_with_its_grammar_in_words() -> None:
    """Servers without free-text tools get one string; its grammar is not lost."""
    request = foreign(tools=(CustomTool("patch", "Edit", Grammar("lark", "start: X")),))
    body, losses = encode(request)
    assert "start: X" in body["tools"][0]["function"]["description"]
    assert [("grammar", "emulated")] == losses


def test_text_alone_is_a_string_and_system_is_one_message() -> None:
    """Many servers fail on lists of parts and on a second system message."""
    request = foreign(system=(Turn("system", (Text("one"), Text("two"))),))
    body, losses = encode(request)
    assert [{"role": "system", "content": "one\n\ntwo"}, HELLO] == body["messages"]
    assert [] == losses


def test_a_late_system_message_is_said_in_place() -> None:
    """Servers refuse system in mid-conversation: it is never hoisted, as that would rewrite the cached prefix."""
    turns = (Turn("user", (Text("hi"),)), Turn("system", (Text("be brief"),)))
    body, losses = encode(foreign(*turns))
    assert {"role": "user", "content": "<system>\nbe brief\n</system>"} == body["messages"][1]
    assert [("role", "approximated")] == losses


def test_thoughts_go_back_to_their_maker_only() -> None:
    """DeepSeek wants its own text back, exactly; the same text to another provider is dropped with one Loss."""
    mine = Reasoning(("edited by the client",), seals=(Seal("text", "", "there", "m", texts=("exact",)),))
    theirs = msgspec.structs.replace(mine, seals=(Seal("text", "", "elsewhere", "m", texts=("exact",)),))
    for part, field, lost in ((mine, "exact", []), (theirs, None, [("seal", "dropped")])):
        turns = (Turn("user", (Text("hi"),)), Turn("assistant", (part, Text("yes"))), Turn("user", (Text("more"),)))
        body, losses = encode(foreign(*turns))
        assert field == body["messages"][1].get("reasoning_content")
        assert lost == losses


def test_conversation_state_is_refused_with_advice() -> None:
    """Nobody here keeps conversations: the error says to send the whole input."""
    with pytest.raises(Unsupported, match="send the whole input") as caught:
        encode(foreign(state=State(previous_response_id="resp_1")))
    assert "previous_response_not_found" == caught.value.code


def test_tools_with_thinking_are_settled_for_models_that_refuse_both() -> None:
    """OpenAI's newer models take functions on this wire with effort none only."""
    request = foreign(tools=(FunctionTool("f", schema={"type": "object"}),), reasoning=ReasoningRequest(effort="high"))
    body, losses = encode(request, Dialect(efforts=("none", "high"), tools_with_reasoning=False))
    assert "none" == body["reasoning_effort"]
    assert [("effort", "approximated")] == losses
    with pytest.raises(Unsupported, match="Responses wire"):
        encode(request, Dialect(efforts=("high",), tools_with_reasoning=False))


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"messages": "hi"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": [1]}]}, "messages.0.content.0"),
        ({"temperature": "hot"}, "temperature"),
        ({"tools": [{"type": "function"}]}, "tools.0.function"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"n": True}, "n"),
    ],
)
def test_a_wrong_type_is_named_by_its_path(body: dict[str, Any], path: str) -> None:
    """The client's fault comes back with the place where it is."""
    with pytest.raises(Malformed) as caught:
        decode(**body)
    assert path == caught.value.path
