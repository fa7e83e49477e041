"""How requests of other wires are said on this one, and what that loses."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest

from rosetta.converters.anthropic import CONVERTER, Dialect
from rosetta.converters.converter import Unsupported, WireRequest
from rosetta.ir.parts import (
    CacheMark,
    Citation,
    FileId,
    Inline,
    Link,
    Media,
    Opaque,
    PlainText,
    Refusal,
    Seal,
    Text,
    ToolResult,
)
from rosetta.ir.request import (
    CacheRequest,
    CustomTool,
    FunctionTool,
    Grammar,
    HostedTool,
    Namespace,
    OutputFormat,
    ReasoningRequest,
    Request,
    Sampling,
    State,
    ToolChoice,
    ToolName,
    Turn,
)
from tests.converters.anthropic.surroundings import (
    FULL,
    SCHEMA,
    WEATHER,
    assistant,
    call,
    decoded,
    encoded,
    foreign,
    marks,
    result,
    target,
    told,
    turn,
    user,
)

PNG = "iVBORw0KGgo="


# ------------------------------------------------------------------------------------------------------------------------------ turns


def test_a_plain_conversation_loses_nothing() -> None:
    """System, a tool loop and an image are said in this wire's own way, and nothing is reported."""
    request = foreign(
        user("Weather?"),
        assistant("I look.", call()),
        user(result()),
        assistant("Cold."),
        user("And this?", Media("image", Inline(PNG), "image/png")),
        system=(turn("system", "You are terse."),),
        tools=(WEATHER,),
        tool_choice=ToolChoice("auto"),
        parallel_tool_calls=True,
    )
    sent = encoded(request)
    assert sent.losses == ()
    assert sent.wire.path == "/v1/messages"
    assert sent.wire.headers == {"anthropic-version": "2023-06-01"}
    assert sent.wire.body == {
        "model": "claude-x",
        "max_tokens": 4000,
        "system": "You are terse.",
        "messages": [
            {"role": "user", "content": "Weather?"},
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
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                ],
            },
        ],
        "tools": [{"name": "weather", "description": "The weather.", "input_schema": SCHEMA}],
        "tool_choice": {"type": "auto"},
    }


def test_several_system_texts_are_not_glued() -> None:
    """Each system and developer message is a block of its own."""
    sent = encoded(foreign(system=(turn("system", "A."), turn("developer", "B."))))
    assert sent.wire.body["system"] == [{"type": "text", "text": "A."}, {"type": "text", "text": "B."}]


def test_results_of_parallel_calls_share_one_message_in_the_order_of_the_calls() -> None:
    """All results of a batch stand first in the next user message, however the client ordered them."""
    request = foreign(
        user("Go"),
        assistant(call("a"), call("b")),
        user(result("b", "2"), result("a", "1")),
        user("And now?"),
    )
    sent = encoded(request)
    assert [block.get("tool_use_id") for block in sent.wire.body["messages"][2]["content"]] == ["a", "b", None]
    assert sent.losses == ()


def test_a_word_between_results_moves_behind_them() -> None:
    """Text that stood between results is said after them: the order is a loss."""
    request = foreign(
        user("Go"), assistant(call("a"), call("b")), user(result("a")), user("Hm", at="messages.3"), user(result("b"), at="messages.4")
    )
    sent = encoded(request)
    assert [loss[:2] for loss in told(sent.losses)] == [("approximated", "order")]


def test_unanswered_calls_and_orphans_are_made_to_match() -> None:
    """Every call gets its result, and no result stands alone."""
    request = foreign(user("Go"), assistant(call("a", at="messages.1.tool_calls.0")), user(result("zz", at="messages.2"), "Next"))
    sent = encoded(request)
    assert told(sent.losses) == [("dropped", "tool_result", "messages.2"), ("injected", "tool_result", "messages.1.tool_calls.0")]
    assert sent.wire.body["messages"][2]["content"][0] == {
        "type": "tool_result",
        "tool_use_id": "a",
        "content": "[no result provided]",
        "is_error": True,
    }


def test_empty_messages_vanish_or_are_filled() -> None:
    """An answer of nothing is left out; a user's message of nothing gets a placeholder, as the wire takes no empty one."""
    request = foreign(user(Text(""), at="messages.0"), assistant(Text("")), user("Hello"), assistant("Hi"), user(Text(""), at="messages.4"))
    sent = encoded(request)
    assert [message["content"] for message in sent.wire.body["messages"]] == ["Hello", "Hi", "(empty)"]
    assert told(sent.losses) == [("injected", "text", "messages.4")]


def test_the_user_speaks_first() -> None:
    """A conversation that begins with the model gets a beginning."""
    sent = encoded(foreign(assistant("Hi", at="messages.0"), user("Hello")))
    assert sent.wire.body["messages"][0] == {"role": "user", "content": "(continue)"}
    assert told(sent.losses) == [("injected", "text", "messages.0")]


def test_a_system_message_amid_the_others_stays_there() -> None:
    """A model that takes it hears it as such; for another it becomes text of the user in the same place, and that is a loss."""
    request = foreign(user("A"), turn("developer", "Be kind.", at="messages.1"), assistant("B"), user("C"))
    assert encoded(request, FULL).wire.body["messages"][1] == {"role": "system", "content": "Be kind."}
    assert encoded(request, FULL).losses == ()
    sent = encoded(request)
    assert sent.wire.body["messages"][0]["content"] == [
        {"type": "text", "text": "A"},
        {"type": "text", "text": "<system>\nBe kind.\n</system>"},
    ]
    assert told(sent.losses) == [("approximated", "role", "messages.1")]


def test_a_system_message_before_the_users_waits_for_it() -> None:
    """Where a system message may only follow the user's, it is moved behind the next one, joined with its neighbours."""
    request = foreign(
        user("A"),
        assistant("B"),
        turn("system", "1", at="messages.2"),
        turn("system", "2", at="messages.3"),
        user("C"),
        assistant("D"),
        user("E"),
    )
    sent = encoded(request, FULL)
    assert [message["role"] for message in sent.wire.body["messages"]] == ["user", "assistant", "user", "system", "assistant", "user"]
    assert sent.wire.body["messages"][3]["content"] == [{"type": "text", "text": "1"}, {"type": "text", "text": "2"}]
    assert [loss[:2] for loss in told(sent.losses)] == [("approximated", "order")] * 2


def test_a_system_message_without_a_user_is_said_by_one() -> None:
    """After the model's own message and before nothing there is no place for it."""
    sent = encoded(foreign(user("A"), assistant("B"), turn("system", "Go on.", at="messages.2")), FULL)
    assert sent.wire.body["messages"][2] == {"role": "user", "content": "<system>\nGo on.\n</system>"}


def test_an_effort_amid_messages() -> None:
    """Claude Code's change of effort goes with its message where the model takes that, else the last one holds for the whole request."""
    body = {
        "messages": [
            {"role": "user", "content": "A"},
            {"role": "system", "content": "B", "output_config": {"effort": "low"}},
        ],
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
    }
    request = decoded(body)
    assert encoded(request, FULL).wire.body["messages"][1]["output_config"] == {"effort": "low"}
    older = encoded(request, msgspec.structs.replace(FULL, mid_system=False))
    assert older.wire.body["output_config"] == {"effort": "low"}
    assert told(older.losses) == [("approximated", "effort", "messages.1"), ("approximated", "role", "messages.1")]


@pytest.mark.parametrize(("prefill", "losses"), [(True, []), (False, [("dropped", "prefill", "messages.1")])])
def test_the_beginning_of_an_answer(prefill: bool, losses: list[Any]) -> None:
    """A last message of the model is continued by models up to 4.5; newer ones refuse it."""
    sent = encoded(foreign(user("A"), assistant("Well,", at="messages.1")), Dialect(prefill=prefill))
    assert len(sent.wire.body["messages"]) == 1 + prefill
    assert told(sent.losses) == losses


def test_blanks_at_the_end_of_a_beginning_are_refused() -> None:
    """They are cut off, and that is told."""
    sent = encoded(foreign(user("A"), assistant("Well, ", at="messages.1")), Dialect(prefill=True))
    assert sent.wire.body["messages"][1]["content"] == "Well,"
    assert told(sent.losses) == [("approximated", "prefill", "messages.1")]


def test_a_paused_turn_goes_back_as_it_is() -> None:
    """After pause_turn the model's message is the last, and that is no beginning of an answer."""
    messages = [
        {"role": "user", "content": "Search"},
        {"role": "assistant", "content": [{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}]},
    ]
    sent = encoded(decoded({"messages": messages}))
    assert sent.wire.body["messages"] == messages
    assert sent.losses == ()


def test_what_was_sent_stays_a_prefix() -> None:
    """Each request of a growing conversation begins with the messages of the one before."""
    turns = [
        user("A"),
        turn("system", "S"),
        assistant("B", call("a"), call("b")),
        user(result("b"), result("a")),
        assistant("C"),
        user("D"),
        turn("developer", "T"),
        assistant(call("c")),
        user(result("c"), "E"),
        assistant("F"),
        user("G"),
    ]
    for dialect in (Dialect(), FULL):
        before: list[Any] = []
        for end in (2, 4, 7, 9, 11):
            messages = encoded(foreign(*turns[:end]), dialect).wire.body["messages"]
            assert messages[: len(before)] == before
            before = messages


def test_encoding_changes_nothing_that_it_is_given() -> None:
    """One request is encoded for several targets: its schemas and blocks stay as they are."""
    request = foreign(user("A", Text("B", cache=CacheMark())), tools=(WEATHER,), system=(turn("system", "S"),))
    before = copy.deepcopy(request)
    assert encoded(request).wire.body == encoded(request).wire.body
    assert request == before


# ------------------------------------------------------------------------------------------------------------------------------ parts


@pytest.mark.parametrize(
    ("part", "source"),
    [
        (Media("image", Inline(PNG)), {"type": "base64", "media_type": "image/png", "data": PNG}),
        (Media("image", Inline(PNG), "image/jpeg"), {"type": "base64", "media_type": "image/png", "data": PNG}),
        (Media("image", Link("https://e.com/a")), {"type": "url", "url": "https://e.com/a"}),
        (
            Media("document", Inline("JVBERi0xLg=="), "application/pdf"),
            {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLg=="},
        ),
        (Media("document", Inline("aGVsbG8="), "text/markdown"), {"type": "text", "media_type": "text/plain", "data": "hello"}),
        (Media("document", PlainText("hello")), {"type": "text", "media_type": "text/plain", "data": "hello"}),
        (Media("document", Link("https://e.com/a.pdf")), {"type": "url", "url": "https://e.com/a.pdf"}),
    ],
)
def test_media_that_the_wire_takes(part: Media, source: dict[str, Any]) -> None:
    """What the bytes are counts more than what the client calls them; text files are text."""
    sent = encoded(foreign(user("See", part)))
    assert sent.wire.body["messages"][0]["content"][1]["source"] == source
    assert sent.losses == ()


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (Media("audio", Inline("AAAA"), "audio/wav", "at"), "audio"),
        (Media("video", Link("https://e.com/v"), "video/mp4", "at"), "video"),
        (Media("image", Inline("AAAA"), "image/heic", "at"), "image"),
        (Media("image", FileId("file-1"), None, "at"), "image"),
        (Media("document", FileId("file-1"), None, "at"), "document"),
        (Media("document", Inline("/////w=="), "application/msword", "at"), "document"),
    ],
)
def test_media_that_the_wire_has_no_place_for(part: Media, field: str) -> None:
    """It is dropped, and named: the ids of another provider's files mean nothing here."""
    sent = encoded(foreign(user("See", part)))
    assert told(sent.losses) == [("dropped", field, "at")]
    assert sent.wire.body["messages"][0]["content"] == "See"


def test_documents_keep_their_titles() -> None:
    """A file's name is its title."""
    part = Media("document", PlainText("x"), name="a.txt", context="C", citable=True)
    (_, block) = encoded(foreign(user("See", part))).wire.body["messages"][0]["content"]
    assert (block["title"], block["context"], block["citations"]) == ("a.txt", "C", {"enabled": True})


def test_small_losses_of_parts() -> None:
    """Detail, phase, refusals, foreign citations, names and seals are named where they stood."""
    citation = Citation("openai_chat", {"type": "url_citation"}, url="https://e.com")
    seal = Seal("thought_signature", "x", "google", "g", bound="part")
    request = foreign(
        Turn("user", (Media("image", Link("https://e.com/a"), at="i", detail="high"),), "messages.0", name="bob"),
        assistant(Refusal("No.", "r"), Text("B", "t", citations=(citation,), phase="commentary", seal=seal), call("c", at="c", seal=seal)),
        user(result("c")),
    )
    sent = encoded(request)
    assert told(sent.losses) == [
        ("dropped", "name", "messages.0"),
        ("dropped", "detail", "i"),
        ("approximated", "refusal", "r"),
        ("dropped", "phase", "t"),
        ("dropped", "seal", "t"),
        ("dropped", "citations", "t"),
        ("dropped", "seal", "c"),
    ]


def test_foreign_opaques_are_said_in_words_or_dropped() -> None:
    """Search results of another wire have words, a compaction of another provider cannot be answered at all."""
    said = encoded(foreign(user(Opaque("google_genai", "grounding", {}, "a", "Found."), Opaque("google_genai", "x", {}, "b"), "Go")))
    assert said.wire.body["messages"][0]["content"][0] == {"type": "text", "text": "Found."}
    assert told(said.losses) == [("approximated", "part", "a"), ("dropped", "part", "b")]
    with pytest.raises(Unsupported) as refused:
        encoded(foreign(user(Opaque("openai_responses", "compaction", {}, "input.0"))))
    assert refused.value.path == "input.0"


def test_arguments_that_are_no_object_travel_and_come_back() -> None:
    """Cut arguments do not crash the history: they are wrapped, with a loss, and a client of this wire gives them back as they were."""
    sent = encoded(foreign(user("Go"), assistant(call("a", arguments='{"city": "Os', at="messages.1.tool_calls.0")), user(result("a"))))
    assert told(sent.losses) == [("approximated", "arguments", "messages.1.tool_calls.0")]
    again = CONVERTER.decode_request(WireRequest(sent.wire.body)).value
    assert again.turns[1].parts[0].arguments == '{"city": "Os'  # type: ignore[union-attr]


def test_ids_fit_the_wire_and_match() -> None:
    """A call id of foreign letters is rewritten alike on the call and on its result."""
    sent = encoded(foreign(user("Go"), assistant(call("functions.f:0")), user(result("functions.f:0"))))
    use = sent.wire.body["messages"][1]["content"][0]["id"]
    assert use == sent.wire.body["messages"][2]["content"][0]["tool_use_id"]
    assert use.replace("_", "a").isalnum()


def test_rich_and_failed_results() -> None:
    """Text and images of a result stay together, the error flag stays a flag, and an empty result has no content."""
    rich = ToolResult("a", (Text("See"), Media("image", Inline(PNG), "image/png")), is_error=True)
    sent = encoded(foreign(user("Go"), assistant(call("a"), call("b")), user(rich, ToolResult("b", ()))))
    first, second = sent.wire.body["messages"][2]["content"]
    assert [block["type"] for block in first["content"]] == ["text", "image"]
    assert first["is_error"] is True
    assert second == {"type": "tool_result", "tool_use_id": "b"}
    assert sent.losses == ()


# ------------------------------------------------------------------------------------------------------------------------------ tools


def test_free_text_tools_become_functions() -> None:
    """A tool with a grammar is a function with one string, here and in the history; the ticket remembers what it was."""
    tool = CustomTool("apply_patch", "Patches.", Grammar("lark", "start: x"), "tools.0")
    plain = CustomTool("say", at="tools.1")
    request = foreign(
        user("Go"), assistant(call("a", "apply_patch", "*** Begin", kind="custom")), user(result("a", kind="custom")), tools=(tool, plain)
    )
    sent = encoded(request)
    assert told(sent.losses) == [("emulated", "grammar", "tools.0"), ("emulated", "tool", "tools.1")]
    assert "start: x" in sent.wire.body["tools"][0]["description"]
    assert sent.wire.body["messages"][1]["content"][0]["input"] == {"input": "*** Begin"}
    assert sent.ticket.names["apply_patch"] == ToolName("apply_patch", None, "custom")


def test_namespaces_are_flattened_and_restored() -> None:
    """A group's tools get joined names; only the description of the group is lost."""
    tools = (FunctionTool("close", namespace="agents", schema=SCHEMA), FunctionTool("close", schema=SCHEMA))
    request = foreign(
        user("Go"),
        assistant(call("a", "close", namespace="agents")),
        user(result("a")),
        tools=tools,
        namespaces=(Namespace("agents", "Many.", "tools.0"), Namespace("quiet")),
        tool_choice=ToolChoice("required", (ToolName("close", "agents"),)),
    )
    sent = encoded(request)
    assert [tool["name"] for tool in sent.wire.body["tools"]] == ["agents__close", "close"]
    assert sent.wire.body["tool_choice"] == {"type": "tool", "name": "agents__close"}
    assert sent.wire.body["messages"][1]["content"][0]["name"] == "agents__close"
    assert sent.ticket.names["agents__close"] == ToolName("close", "agents")
    assert told(sent.losses) == [("dropped", "namespace", "tools.0")]


def test_a_tool_without_a_schema_has_no_arguments() -> None:
    """An absent schema is an object without properties."""
    (tool,) = encoded(foreign(tools=(FunctionTool("f"),))).wire.body["tools"]
    assert tool == {"name": "f", "input_schema": {"type": "object", "properties": {}}}


def test_strict_is_what_the_client_said() -> None:
    """Strict stays strict, with the schema in the subset; not strict is the default and is not said; an old server gets a loss."""
    strict = FunctionTool("f", schema={"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}, strict=True, at="tools.0")
    sent = encoded(foreign(tools=(strict, FunctionTool("g", schema=SCHEMA, strict=False))))
    assert sent.wire.body["tools"][0]["strict"] is True
    assert sent.wire.body["tools"][0]["input_schema"]["additionalProperties"] is False
    assert "strict" not in sent.wire.body["tools"][1]
    assert told(sent.losses) == [("approximated", "schema", "tools.0")]
    assert ("dropped", "strict", "tools.0") in told(encoded(foreign(tools=(strict,)), Dialect(strict=False)).losses)


def test_schemas_keep_what_the_wire_takes() -> None:
    """oneOf, const and references stay where they are below the root."""
    schema = {"type": "object", "properties": {"a": {"oneOf": [{"const": 1}, {"$ref": "#/$defs/b"}]}}, "$defs": {"b": {"type": "null"}}}
    sent = encoded(foreign(tools=(FunctionTool("f", schema=schema),)))
    assert sent.wire.body["tools"][0]["input_schema"] == schema
    assert sent.losses == ()


def test_hosted_tools_run_where_the_dialect_says_so() -> None:
    """Another wire's web search is Anthropic's own where the server runs it, else it is a loss."""
    search = HostedTool(
        "web_search", "openai_responses", {"type": "web_search", "user_location": {"type": "approximate", "city": "Oslo"}}, "tools.0"
    )
    (tool,) = encoded(foreign(tools=(search,)), FULL).wire.body["tools"]
    assert tool == {"type": "web_search_20250305", "name": "web_search", "user_location": {"type": "approximate", "city": "Oslo"}}
    sent = encoded(foreign(tools=(search,)))
    assert "tools" not in sent.wire.body
    assert told(sent.losses) == [("dropped", "hosted_tool", "tools.0")]


def test_hosted_tool_settings_without_a_like_are_a_loss() -> None:
    """What the search was told beyond its place and its domains is approximated."""
    search = HostedTool("web_search", "openai_responses", {"type": "web_search", "search_context_size": "high"}, "tools.0")
    assert told(encoded(foreign(tools=(search,)), FULL).losses) == [("approximated", "hosted_tool", "tools.0")]


def test_deferred_tools_of_another_wire_are_declared_at_once() -> None:
    """Only a client of this wire knows its tool search."""
    assert told(encoded(foreign(tools=(FunctionTool("f", at="tools.0", deferred=True),))).losses) == [
        ("approximated", "deferred", "tools.0")
    ]


@pytest.mark.parametrize(
    ("choice", "wire", "losses"),
    [
        (ToolChoice("auto"), {"type": "auto"}, []),
        (ToolChoice("none"), {"type": "none"}, []),
        (ToolChoice("required"), {"type": "any"}, []),
        (ToolChoice("required", (ToolName("weather"),)), {"type": "tool", "name": "weather"}, []),
        (ToolChoice("required", (ToolName("weather"), ToolName("f"))), {"type": "any"}, [("emulated", "tool_choice", "")]),
        (ToolChoice("auto", (ToolName("weather"),)), {"type": "auto"}, [("emulated", "tool_choice", "")]),
        (ToolChoice("auto", (ToolName("gone"),)), {"type": "auto"}, [("approximated", "tool_choice", "")]),
        (
            ToolChoice("required", hosted={"type": "file_search"}, format="openai_responses"),
            {"type": "auto"},
            [("approximated", "tool_choice", "")],
        ),
    ],
)
def test_tool_choice_in_every_form(choice: ToolChoice, wire: dict[str, Any], losses: list[Any]) -> None:
    """A choice among some tools is said by declaring only these."""
    tools = (WEATHER, FunctionTool("f"), FunctionTool("g"))
    sent = encoded(foreign(tools=tools, tool_choice=choice))
    assert sent.wire.body["tool_choice"] == wire
    assert told(sent.losses) == losses
    wanted = [name.name for name in choice.names] if losses == [("emulated", "tool_choice", "")] else ["weather", "f", "g"]
    assert [tool["name"] for tool in sent.wire.body["tools"]] == wanted


def test_a_choice_without_tools_is_left_out() -> None:
    """A forced call without any tool is a loss, all else says nothing."""
    assert encoded(foreign(tool_choice=ToolChoice("auto"), parallel_tool_calls=False)).losses == ()
    sent = encoded(foreign(tool_choice=ToolChoice("required")))
    assert "tool_choice" not in sent.wire.body
    assert told(sent.losses) == [("approximated", "tool_choice", "")]


def test_parallel_calls_are_switched_off_within_the_choice() -> None:
    """The switch has its place in tool_choice, which then is said."""
    assert encoded(foreign(tools=(WEATHER,), parallel_tool_calls=False)).wire.body["tool_choice"] == {
        "type": "auto",
        "disable_parallel_tool_use": True,
    }
    none = foreign(tools=(WEATHER,), parallel_tool_calls=False, tool_choice=ToolChoice("none"))
    assert encoded(none).wire.body["tool_choice"] == {"type": "none"}


def test_a_forced_tool_excludes_thinking() -> None:
    """Thinking is switched off where it can be, else the choice becomes words at the end of the last message."""
    request = foreign(tools=(WEATHER,), tool_choice=ToolChoice("required"), reasoning=ReasoningRequest(effort="high"))
    budget = encoded(request)
    assert "thinking" not in budget.wire.body
    assert budget.wire.body["tool_choice"] == {"type": "any"}
    assert told(budget.losses) == [("dropped", "reasoning", "")]
    adaptive = encoded(request, FULL)
    assert adaptive.wire.body["thinking"] == {"type": "disabled"}
    always = encoded(request, Dialect(thinking="always", thinking_off=False, forced_tools=False, efforts=("low", "high")))
    assert always.wire.body["tool_choice"] == {"type": "auto"}
    assert "calling one of the tools" in always.wire.body["messages"][0]["content"][1]["text"]
    assert told(always.losses) == [("approximated", "tool_choice", "")]


# ------------------------------------------------------------------------------------------------------------------------------ settings


def test_sampling_that_the_wire_lacks_is_named() -> None:
    """Each setting of its own, and none for a value that changes nothing."""
    sampling = Sampling(
        temperature=1.5, seed=1, presence_penalty=0.5, frequency_penalty=0.0, logit_bias={"1": 2}, logprobs=False, top_logprobs=2, n=2
    )
    sent = encoded(foreign(sampling=sampling))
    assert sent.wire.body["temperature"] == 1
    assert told(sent.losses) == [
        ("dropped", "seed", ""),
        ("dropped", "presence_penalty", ""),
        ("dropped", "logit_bias", ""),
        ("dropped", "top_logprobs", ""),
        ("dropped", "n", ""),
        ("approximated", "temperature", ""),
    ]


@pytest.mark.parametrize("dialect", [Dialect(sampling=False), Dialect(version="2026-10-21")])
def test_sampling_is_dropped_where_it_is_refused(dialect: Dialect) -> None:
    """Newer models, and the newer API version always, refuse all three."""
    sent = encoded(foreign(sampling=Sampling(0.5, 0.9, 40)), dialect)
    assert not sent.wire.body.keys() & {"temperature", "top_p", "top_k"}
    assert told(sent.losses) == [("dropped", "temperature", ""), ("dropped", "top_p", ""), ("dropped", "top_k", "")]


def test_one_of_temperature_and_top_p() -> None:
    """Some models take only one of them."""
    sent = encoded(foreign(sampling=Sampling(0.5, 0.9)), Dialect(temperature_with_top_p=False))
    assert (sent.wire.body["temperature"], sent.wire.body.get("top_p")) == (0.5, None)
    assert told(sent.losses) == [("dropped", "top_p", "")]


def test_the_limit_of_tokens_is_never_left_out() -> None:
    """The wire demands one: who named none hears that one was put in."""
    sent = encoded(foreign(max_output_tokens=None, stream=True))
    assert sent.wire.body["max_tokens"] == 32000
    assert told(sent.losses) == [("injected", "max_output_tokens", "")]
    assert encoded(foreign(max_output_tokens=None)).wire.body["max_tokens"] == 16000


def test_settings_of_other_wires_are_named() -> None:
    """Whatever has no place here is one loss each, under the IR's word."""
    request = foreign(
        stop=("END", " "),
        user="u",
        service_tier="flex",
        cache=CacheRequest(key="k", retention="24h"),
        state=State(store=True, background=True),
        verbosity="low",
        modalities=("text", "audio"),
        metadata={"a": "b"},
        include=("reasoning.encrypted_content", "message.output_text.logprobs"),
        extras={"prediction": {}},
    )
    sent = encoded(request)
    assert sent.wire.body["stop_sequences"] == ["END"]
    assert [field for _, field, _ in told(sent.losses)] == [
        "stop",
        "user",
        "service_tier",
        "cache_key",
        "cache_retention",
        "store",
        "background",
        "verbosity",
        "modalities",
        "metadata",
        "include",
        "prediction",
    ]


def test_settings_with_another_word_lose_nothing() -> None:
    """The end user's id where it may be passed on, the default tier, nothing stored, text alone."""
    request = foreign(
        user="u", service_tier="default", state=State(store=False), modalities=("text",), include=("reasoning.encrypted_content",)
    )
    sent = encoded(request, FULL)
    assert (sent.wire.body["metadata"], sent.wire.body["service_tier"]) == ({"user_id": "u"}, "standard_only")
    assert sent.losses == ()


@pytest.mark.parametrize(
    ("state", "path"), [(State(previous_response_id="resp_1"), "previous_response_id"), (State(conversation="c"), "conversation")]
)
def test_a_conversation_kept_elsewhere_cannot_be_answered(state: State, path: str) -> None:
    """The refusal says to send the whole input."""
    with pytest.raises(Unsupported) as refused:
        CONVERTER.encode_request(foreign(state=state), target())
    assert refused.value.path == path
    assert "whole input" in refused.value.message


def test_structured_output() -> None:
    """A schema goes into output_config in Anthropic's subset; JSON without one, or a server without the field, is asked for in words."""
    output = OutputFormat(
        "json_schema", {"type": "object", "properties": {"a": {"type": "string"}}}, name="x", strict=True, description="D"
    )
    sent = encoded(foreign(output=output))
    assert sent.wire.body["output_config"]["format"]["schema"]["additionalProperties"] is False
    assert sent.wire.body["output_config"]["format"]["schema"]["description"] == "D"
    lost = encoded(foreign(output=OutputFormat("json_schema", {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}})))
    assert told(lost.losses) == [("approximated", "output", "")]
    words = encoded(foreign(output=OutputFormat("json_object"), system=(turn("system", "S"),)))
    assert len(words.wire.body["system"]) == 2
    assert told(words.losses) == [("approximated", "output", "")]
    old = encoded(foreign(output=output), Dialect(output_format=False))
    assert '"properties"' in old.wire.body["system"]
    assert encoded(foreign(output=OutputFormat("text"))).losses == ()


def test_at_most_four_marks_and_the_last_count() -> None:
    """Marks of another wire are limited to four, the last of the prompt, and their lifetimes are Anthropic's."""
    texts = tuple(Text(str(index), f"m.{index}", cache=CacheMark("30m" if index == 5 else None)) for index in range(6))
    sent = encoded(foreign(Turn("user", texts)))
    assert marks(sent.wire.body) == 4
    assert told(sent.losses) == [("approximated", "cache", "m.5"), ("dropped", "cache", "m.0"), ("dropped", "cache", "m.1")]
    assert sent.wire.body["messages"][0]["content"][5]["cache_control"] == {"type": "ephemeral", "ttl": "5m"}


def test_marks_of_the_own_wire_are_all_kept() -> None:
    """What an Anthropic client marks stays marked: tools, system, messages, results and the whole."""
    body: dict[str, Any] = {
        "cache_control": {"type": "ephemeral", "ttl": "1h"},
        "system": [{"type": "text", "text": str(index), "cache_control": {"type": "ephemeral"}} for index in range(6)],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "novel"}}]}],
        "tools": [{"name": "f", "input_schema": {}, "cache_control": {"type": "ephemeral"}}],
    }
    sent = CONVERTER.encode_request(decoded(body), target())
    assert marks(sent.wire.body) == 9
    assert sent.losses == ()


# ------------------------------------------------------------------------------------------------------------------------------ the own wire


def test_claude_codes_request_keeps_its_header_and_betas() -> None:
    """The billing header stands first again, the client's version and beta flags go along, and only for this wire."""
    header = "x-anthropic-billing-header: a=b;"
    request = decoded(
        {"messages": [{"role": "user", "content": "Hello"}], "system": [{"type": "text", "text": header}, {"type": "text", "text": "S"}]},
        {"anthropic-version": "2023-06-01", "anthropic-beta": "x,y"},
    )
    sent = encoded(request)
    assert [block["text"] for block in sent.wire.body["system"]] == [header, "S"]
    assert sent.wire.headers == {"anthropic-version": "2023-06-01", "anthropic-beta": "x,y"}
    assert sent.losses == ()
    other = encoded(foreign(betas=("x",)), Dialect(version="2026-10-21"))
    assert other.wire.headers == {"anthropic-version": "2026-10-21"}


def test_what_the_newer_version_refuses_is_left_out() -> None:
    """Under 2026-10-21 no document stands in an answer, and the user's texts cite nothing."""
    citation = {"type": "char_location", "cited_text": "a", "document_index": 0}
    body = {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "x", "citations": [citation]}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}},
                    {"type": "text", "text": "y", "citations": [citation]},
                ],
            },
            {"role": "user", "content": "z"},
        ],
        "temperature": 1.0,
    }
    older = encoded(decoded(body, {"anthropic-version": "2023-06-01"}))
    assert older.losses == ()
    assert older.wire.body["messages"] == body["messages"]
    newer = encoded(decoded(body, {"anthropic-version": "2026-10-21"}))
    assert told(newer.losses) == [
        ("dropped", "citations", "messages.0.content.0"),
        ("dropped", "document", "messages.1.content.0"),
        ("dropped", "temperature", ""),
    ]
    assert newer.wire.body["messages"][1]["content"][0]["citations"] == [citation]


def test_unknown_fields_go_back_to_their_own_wire() -> None:
    """Of requests, messages, blocks, tools and results; another wire's are losses."""
    body: dict[str, Any] = {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "x", "a": 1}], "b": 2},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "direct"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "c": 3}]},
        ],
        "tools": [{"name": "f", "input_schema": {"type": "object"}, "eager_input_streaming": True}],
        "tool_choice": {"type": "auto", "d": 4},
        "output_config": {"task_budget": {"total": 1}, "effort": "low"},
        "metadata": {"user_id": "u", "e": 5},
        "f": [None],
    }
    request = decoded(body)
    sent = encoded(request, FULL)
    assert sent.losses == ()
    assert sent.wire.body == {"model": "claude-x", "max_tokens": 100, **body}
    other = msgspec.structs.replace(request, format="google_genai")
    fields = [field for _, field, _ in told(encoded(other, FULL).losses)]
    assert sorted(fields) == ["a", "b", "c", "caller", "d", "eager_input_streaming", "f", "metadata", "output_config"]


def test_counting_sends_what_is_counted() -> None:
    """The counting endpoint gets the prompt and no limits, and a limit that nobody named is no loss there."""
    assert CONVERTER.encode_count_request is not None
    request = foreign(tools=(WEATHER,), max_output_tokens=None, stream=True, stop=("a",))
    sent = CONVERTER.encode_count_request(request, target())
    assert sent.wire.path == "/v1/messages/count_tokens"
    assert sent.wire.body.keys() == {"model", "messages", "tools"}
    assert sent.losses == ()


def test_a_request_of_nothing_but_system_has_a_message() -> None:
    """The wire takes no request without a message of the user."""
    sent = encoded(Request("openai_chat", "m", (), system=(turn("system", "S"),), max_output_tokens=10))
    assert sent.wire.body["messages"] == [{"role": "user", "content": "(continue)"}]
    assert told(sent.losses) == [("injected", "text", "")]


def test_calls_of_the_past_have_their_tools() -> None:
    """Anthropic refuses a history with calls in a request without tools, as clients send it for a title or a summary."""
    strict = Dialect(undeclared_calls=False)
    turns = (user("Weather?"), assistant(call()), user(result()), user("Sum up."))
    sent = encoded(foreign(*turns), strict)
    assert sent.wire.body["tools"] == [{"name": "weather", "input_schema": {"type": "object", "properties": {}}}]
    assert sent.wire.body["tool_choice"] == {"type": "none"}
    assert told(sent.losses) == [("injected", "tool", "")]
    assert "tools" not in encoded(foreign(*turns)).wire.body
    assert "tools" not in encoded(foreign(), strict).wire.body


@pytest.mark.parametrize(
    ("container", "losses"),
    [({"type": "auto"}, []), ({"type": "auto", "file_ids": ["file_1"]}, [("approximated", "hosted_tool", "tools.0")])],
)
def test_a_container_with_files_is_more_than_one_that_is_made_as_needed(container: dict[str, Any], losses: list[Any]) -> None:
    """OpenAI's interpreter always has one; only its settings are lost."""
    tool = HostedTool("code_execution", "openai_responses", {"type": "code_interpreter", "container": container}, "tools.0")
    sent = encoded(foreign(tools=(tool,)), FULL)
    assert sent.wire.body["tools"] == [{"type": "code_execution_20250825", "name": "code_execution"}]
    assert told(sent.losses) == losses
