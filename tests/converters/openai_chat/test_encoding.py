"""Requests out: every row of the conversion matrix as it is said on this wire, and exactly what that loses."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from rosetta.converters.converter import Unsupported
from rosetta.converters.openai_chat import CONVERTER, Dialect
from rosetta.ir.parts import (
    CacheMark,
    Citation,
    FileId,
    Inline,
    Link,
    Media,
    Opaque,
    PlainText,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from rosetta.ir.request import (
    CacheRequest,
    CustomTool,
    Effort,
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
from tests.converters.openai_chat.surroundings import (
    HELLO,
    MISTRAL,
    OPENAI,
    PLAIN,
    SCHEMA,
    WEATHER,
    assistant,
    call,
    decoded,
    encoded,
    foreign,
    messages,
    result,
    target,
    told,
    turn,
    user,
)

PNG = "iVBORw0KGgo="
PDF = base64.b64encode(b"%PDF-1.4").decode()


def said(*turns: Turn, dialect: Dialect = PLAIN, **fields: Any) -> tuple[list[Any], list[tuple[str, str, str]]]:
    """The messages for a foreign client's turns, and what they lost."""
    body, losses = encoded(foreign(*turns, **fields), dialect)
    return body["messages"], losses


def again(*given: Any, dialect: Dialect = PLAIN, **fields: Any) -> dict[str, Any]:
    """A chat client's body on its way to a chat server, without a loss."""
    body, losses = encoded(messages(*given, **fields), dialect)
    assert losses == []
    return body


# ------------------------------------------------------------------------------------------------------------------------------ messages


def test_a_foreign_prompt_is_one_message() -> None:
    """Texts are kept apart by a blank line; many templates take one system message only."""
    system = (turn("system", "One.", "Two."), turn("developer", "Three."))
    assert said(user("Hello"), system=system)[0] == [{"role": "system", "content": "One.\n\nTwo.\n\nThree."}, HELLO]
    assert said(user("Hello"), system=system, dialect=OPENAI)[0][0]["role"] == "developer"


def test_a_chat_clients_messages_stay_as_they_are() -> None:
    """Roles, names, several prompts and unknown fields: nothing is touched, nothing is lost."""
    given = [
        {"role": "system", "content": "One."},
        {"role": "developer", "content": "Two."},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "name": "bob", "x": 1},
        {"role": "assistant", "content": None, "refusal": "No."},
        {"role": "system", "content": "Late."},
        {"role": "user", "content": ""},
    ]
    assert again(*given)["messages"] == given


def test_a_late_system_message_where_the_server_takes_none() -> None:
    """It becomes the user's words in its place, media and marks with it."""
    late = Turn("system", (Text("Brief.", cache=CacheMark()), Text("Now.")), "messages.1")
    sent, losses = said(user("Hello"), late, dialect=Dialect(cache_marks="cache_control"))
    text = "<system>\nBrief.\n\nNow.\n</system>"
    assert sent[1]["content"] == [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]
    assert losses == [("role", "approximated", "messages.1")]
    kept, losses = said(user("Hello"), turn("system", "Brief."), dialect=OPENAI)
    assert (kept[1], losses) == ({"role": "developer", "content": "Brief."}, [])


def test_templates_that_want_roles_to_alternate() -> None:
    """Two user messages become one, texts and media."""
    sent, losses = said(
        user("One"), user("Two", Media("image", Inline(PNG), "image/png")), turn("system", "S"), dialect=Dialect(alternate=True)
    )
    assert [message["role"] for message in sent] == ["user"]
    assert [part.get("text") for part in sent[0]["content"]] == ["One", "Two", None, "<system>\nS\n</system>"]
    assert [loss[0] for loss in losses] == ["role"]


def test_results_come_right_after_their_calls() -> None:
    """Whatever the client said between calls and results is said after them, and results stand in the order of the calls."""
    sent, losses = said(
        user("Go"),
        assistant("I look.", call("a"), call("b")),
        turn("system", "Note."),
        user("Wait.", result("b", "2")),
        user(result("a", "1")),
        dialect=OPENAI,
    )
    assert [(message["role"], message["content"]) for message in sent[1:]] == [
        ("assistant", "I look."),
        ("tool", "1"),
        ("tool", "2"),
        ("developer", "Note."),
        ("user", "Wait."),
    ]
    assert losses == []


def test_a_longer_conversation_begins_with_the_shorter_one() -> None:
    """Each next request repeats the messages of the last, which servers cache."""
    turns = [
        user("Go"),
        assistant(call("a")),
        user(result("a", "1", Media("image", Inline(PNG), "image/png")), "So?"),
        turn("system", "Brief."),
        assistant("Well.", call("b")),
        user(result("b", is_error=True)),
        assistant("Done."),
        user("Thanks"),
    ]
    longest = said(*turns)[0]
    for end in (1, 3, 4, 6, 8):
        shorter = said(*turns[:end])[0]
        assert longest[: len(shorter)] == shorter


def test_empty_turns() -> None:
    """An answer of which nothing is left goes; a user's message must say something."""
    sent, losses = said(user(""), assistant(""), user("Hello"))
    assert sent == [{"role": "user", "content": "(empty)"}, HELLO]
    assert losses == [("text", "injected", "")]


def test_calls_and_results_are_made_to_match() -> None:
    """A call without a result gets one, a result without a call goes."""
    sent, losses = said(user("Go"), assistant(call("a", at="x")), user(result("z", at="y"), "Hm"))
    assert sent[2:] == [{"role": "tool", "tool_call_id": "a", "content": "[no result provided]"}, {"role": "user", "content": "Hm"}]
    assert sorted(losses) == [("tool_result", "dropped", "y"), ("tool_result", "injected", "x")]


def test_a_begun_answer_is_mostly_not_continued() -> None:
    """Few servers continue the last assistant message."""
    sent, losses = said(user("Hello"), Turn("assistant", (Text("One: "),), "messages.1"))
    assert sent[1] == {"role": "assistant", "content": "One: "}
    assert losses == [("prefill", "approximated", "messages.1")]


def test_cited_texts_are_one_text() -> None:
    """Anthropic cuts a sentence to cite a piece of it; other texts are paragraphs. Sources have no place in history."""
    cited = Text("cold", "c", citations=(Citation("anthropic", {}, "https://a"),))
    sent, losses = said(user("Hello"), assistant("Oslo is ", cited, " now.", "Well."), user("Ok"))
    assert sent[1]["content"] == "Oslo is cold now.\n\nWell."
    assert losses == [("citations", "dropped", "c")]


# ------------------------------------------------------------------------------------------------------------------------------ results


def test_results_are_text_and_media_follow() -> None:
    """An image and a PDF cannot stand in a tool message: a user message brings them, and says whose they are."""
    image, pdf = Media("image", Inline(PNG), "image/png", "i"), Media("document", Inline(PDF), "application/pdf", "d", name="a.pdf")
    sent, losses = said(user("Go"), assistant(call("a")), user(result("a", "Seen.", image, pdf)), dialect=OPENAI)
    assert sent[2]["content"] == "Seen.\n\n[the media of this result follow: a]"
    assert [part["type"] for part in sent[3]["content"]] == ["text", "image_url", "file"]
    assert losses == [("tool_result", "emulated", "i"), ("tool_result", "emulated", "d")]


def test_media_that_the_server_does_not_take_leave_no_trace() -> None:
    """Where the image is dropped nothing is announced."""
    image = Media("image", Inline(PNG), "image/png", "i")
    sent, losses = said(user("Go"), assistant(call("a")), user(result("a", "Seen.", image)), dialect=Dialect(images=False))
    assert sent[2:] == [{"role": "tool", "tool_call_id": "a", "content": "Seen."}]
    assert losses == [("image", "dropped", "i")]


def test_a_text_document_in_a_result_is_text() -> None:
    """Its words can be said."""
    document = Media("document", PlainText("words"), "text/plain", "d", title="T", context="C")
    sent, losses = said(user("Go"), assistant(call("a")), user(result("a", document)))
    assert sent[2]["content"] == "T (C)\n\nwords"
    assert losses == [("document", "approximated", "d")]


def test_a_failed_result_says_so_in_words() -> None:
    """This wire has no error flag; words that say it already are left alone."""
    for text, expected, losses in (
        ("no file", "Error: no file", [("is_error", "emulated", "r")]),
        ("Error: no file", "Error: no file", []),
        ("Traceback (most recent call last)", "Traceback (most recent call last)", []),
    ):
        sent, lost = said(user("Go"), assistant(call("a")), user(result("a", text, at="r", is_error=True)))
        assert (sent[2]["content"], lost) == (expected, losses)


def test_a_failed_result_without_words_says_that_it_failed() -> None:
    """The flag has no field here."""
    sent, losses = said(user("Go"), assistant(call("a")), user(ToolResult("a", (), "r", is_error=True)))
    assert (sent[2]["content"], losses) == ("Error", [("is_error", "emulated", "r")])


def test_a_chat_clients_result_stays_as_it_is() -> None:
    """Servers that take images in tool messages get them from their own clients."""
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    given = [
        HELLO,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "x"}, image]},
    ]
    assert again(*given)["messages"] == given


# ------------------------------------------------------------------------------------------------------------------------------ parts


@pytest.mark.parametrize(
    ("part", "expected", "losses"),
    [
        (Media("image", Link("https://h/a.png"), detail="low"), {"url": "https://h/a.png", "detail": "low"}, []),
        (Media("image", Inline(PNG)), {"url": f"data:image/png;base64,{PNG}"}, []),
        (Media("image", Inline(PNG), name="a.png", at="p"), {"url": f"data:image/png;base64,{PNG}"}, [("filename", "dropped", "p")]),
        (Media("image", FileId("f"), at="p"), None, [("image", "dropped", "p")]),
    ],
)
def test_images(part: Media, expected: Any, losses: Any) -> None:
    """Links and bytes; a file of another provider is not there for this one."""
    sent, lost = said(user("See", part))
    assert (sent[0]["content"][1]["image_url"] if expected else sent[0]["content"]) == (expected or "See")
    assert lost == losses


@pytest.mark.parametrize(
    ("part", "dialect", "kind", "losses"),
    [
        (Media("document", Inline(PDF), "application/pdf", "p", name="a.pdf"), OPENAI, "file", []),
        (Media("document", Inline(PDF), "application/pdf", "p", title="R"), OPENAI, "file", []),
        (Media("document", Inline(PDF), "application/pdf", "p"), OPENAI, "file", [("name", "injected", "p")]),
        (
            Media("document", Inline(PDF), "application/pdf", "p", name="a.pdf", context="c", citable=True),
            OPENAI,
            "file",
            [("context", "dropped", "p"), ("citable", "dropped", "p")],
        ),
        (Media("document", Inline(PDF), "application/pdf", "p"), PLAIN, None, [("document", "dropped", "p")]),
        (Media("document", Link("https://h/a.pdf"), "application/pdf", "p"), OPENAI, None, [("document", "dropped", "p")]),
        (Media("document", FileId("f"), None, "p"), OPENAI, None, [("document", "dropped", "p")]),
        (Media("document", Inline(base64.b64encode(b"w").decode()), "text/plain", "p"), PLAIN, "text", [("document", "approximated", "p")]),
        (Media("audio", Inline("AAAA"), "audio/wav", "p"), OPENAI, "input_audio", []),
        (Media("audio", Inline("AAAA"), "audio/wav", "p"), PLAIN, None, [("audio", "dropped", "p")]),
        (Media("audio", Inline("AAAA"), "audio/x-odd", "p"), OPENAI, None, [("audio", "dropped", "p")]),
        (Media("video", Inline("AAAA"), "video/mp4", "p"), OPENAI, None, [("video", "dropped", "p")]),
    ],
)
def test_documents_speech_and_video(part: Media, dialect: Dialect, kind: str | None, losses: Any) -> None:
    """What the server takes, in its form, and a Loss for all else."""
    sent, lost = said(user("See", part), dialect=dialect)
    content = sent[0]["content"]
    if kind == "text":
        assert content == "See\n\nw"
    else:
        assert (content if type(content) is str else content[1]["type"]) == (kind or "See")
    assert lost == losses


def test_a_chat_clients_parts_stay_as_they_are() -> None:
    """File ids, speech, marks, unknown parts and unknown fields at their place."""
    content = [
        {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}, "x": 1},
        {"type": "image_url", "image_url": {"url": "https://h/a.png", "detail": "auto", "x": 1}},
        {"type": "file", "file": {"file_id": "file_1", "x": 1}},
        {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,dw=="}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3", "x": 1}},
        {"type": "novelty", "text": "words"},
    ]
    assert again({"role": "user", "content": content}, dialect=Dialect(images=False))["messages"][0]["content"] == content


def test_foreign_parts_say_what_they_can() -> None:
    """Another wire's own part has words or is lost; a refusal is a refusal where the server knows it."""
    opaque, mute = Opaque("anthropic", "search_result", {}, "a", "Found."), Opaque("anthropic", "upload", {}, "b")
    assert said(user(opaque, mute)) == (
        [{"role": "user", "content": "Found."}],
        [("part", "approximated", "a"), ("part", "dropped", "b")],
    )
    refused = assistant(Refusal("No."))
    assert said(user("Hello"), refused, user("Ok"))[0][1] == {"role": "assistant", "content": "No."}
    assert said(user("Hello"), refused, user("Ok"), dialect=OPENAI)[0][1] == {"role": "assistant", "content": None, "refusal": "No."}


def test_an_answers_media_have_no_place() -> None:
    """An assistant message holds text only; phases and signatures of text have no field."""
    seal = Seal("thought_signature", "s", "google", "g", bound="part")
    sent, losses = said(
        user("Draw"), assistant(Media("image", Inline(PNG), at="i"), Text("Here.", "t", phase="commentary", seal=seal)), user("Ok")
    )
    assert sent[1]["content"] == "Here."
    assert losses == [("image", "dropped", "i"), ("phase", "dropped", "t"), ("seal", "dropped", "t")]


@pytest.mark.parametrize(
    ("form", "mark", "expected", "losses"),
    [
        ("none", CacheMark(), None, [("cache", "dropped", "t")]),
        ("breakpoint", CacheMark(), ("prompt_cache_breakpoint", {"mode": "explicit"}), []),
        ("breakpoint", CacheMark("30m"), ("prompt_cache_breakpoint", {"mode": "explicit", "ttl": "30m"}), []),
        ("breakpoint", CacheMark("1h"), ("prompt_cache_breakpoint", {"mode": "explicit", "ttl": "30m"}), [("cache", "approximated", "t")]),
        ("cache_control", CacheMark("1h"), ("cache_control", {"type": "ephemeral", "ttl": "1h"}), []),
        ("cache_control", CacheMark("30m"), ("cache_control", {"type": "ephemeral", "ttl": "1h"}), [("cache", "approximated", "t")]),
    ],
)
def test_cache_marks(form: Any, mark: CacheMark, expected: Any, losses: Any) -> None:
    """OpenAI's breakpoints, OpenRouter's cache_control, or nothing; other lifetimes are approximated."""
    sent, lost = said(user(Text("a", "t", mark)), dialect=Dialect(cache_marks=form))
    content = sent[0]["content"]
    assert (content if expected is None else content[0]) == (
        "a" if expected is None else {"type": "text", "text": "a", expected[0]: expected[1]}
    )
    assert lost == losses


def test_marks_elsewhere_are_lost() -> None:
    """Tools, calls, results and the request as a whole have no marks here."""
    mark = CacheMark()
    _, losses = encoded(
        foreign(
            user("Go"),
            assistant(call("a", at="c", cache=mark)),
            user(result("a", at="r", cache=mark)),
            tools=(msgspec.structs.replace(WEATHER, cache=mark),),
            cache=CacheRequest(mark=mark, content="cachedContents/1"),
        )
    )
    assert losses == [
        ("cache", "dropped", "c"),
        ("cache", "dropped", "r"),
        ("cache", "dropped", "tools.0"),
        ("cache", "dropped", ""),
        ("prompt", "dropped", ""),
    ]


# ------------------------------------------------------------------------------------------------------------------------------ tools


def test_functions() -> None:
    """Nested, with a schema that the server takes; no schema is an object without properties."""
    body, losses = encoded(foreign(tools=(WEATHER, FunctionTool("now", at="tools.1"))))
    assert body["tools"] == [
        {"type": "function", "function": {"name": "weather", "description": "The weather.", "parameters": SCHEMA}},
        {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
    ]
    assert losses == []


@pytest.mark.parametrize(
    ("schema", "strict", "dialect", "expected", "losses"),
    [
        (SCHEMA, True, OPENAI, True, []),
        (SCHEMA, False, OPENAI, None, []),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, True, OPENAI, None, [("strict", "dropped", "t")]),
        (SCHEMA, True, Dialect(strict=False), None, [("strict", "dropped", "t")]),
    ],
)
def test_strict_is_never_made_up(schema: Any, strict: bool, dialect: Dialect, expected: Any, losses: Any) -> None:
    """Where the schema does not fit strict mode it is left out: making it fit would change what it means."""
    body, lost = encoded(foreign(tools=(FunctionTool("f", schema=schema, at="t", strict=strict),)), dialect)
    assert body["tools"][0]["function"].get("strict") == expected
    assert lost == losses


def test_free_text_where_the_server_has_it_and_where_not() -> None:
    """Native, or a function with one string; its calls in history likewise, and the ticket knows which it was."""
    tool = CustomTool("patch", "Edit.", Grammar("lark", "start: X"), "tools.0")
    request = foreign(
        user("Go"),
        assistant(call("a", "patch", "*** x", kind="custom")),
        user(result("a", kind="custom")),
        tools=(tool,),
        format="openai_responses",
    )
    body, losses = encoded(request, OPENAI)
    assert body["tools"][0]["custom"]["format"] == {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: X"}}
    assert body["messages"][1]["tool_calls"] == [{"id": "a", "type": "custom", "custom": {"name": "patch", "input": "*** x"}}]
    assert losses == []
    body, losses = encoded(request, PLAIN)
    assert body["tools"][0]["function"]["parameters"]["required"] == ["input"]
    assert body["messages"][1]["tool_calls"][0]["function"] == {"name": "patch", "arguments": '{"input":"*** x"}'}
    assert losses == [("grammar", "emulated", "tools.0")]
    assert CONVERTER.encode_request(request, target(PLAIN)).ticket.names == {"patch": ToolName("patch", kind="custom")}
    assert CONVERTER.encode_request(request, target(OPENAI)).ticket.names == {}


def test_namespaces_are_flattened_and_found_again() -> None:
    """``ns__name`` on the wire; only what the namespace says of itself is lost."""
    request = foreign(
        user("Go"),
        assistant(call("a", "close", "{}", namespace="agents")),
        user(result("a")),
        tools=(FunctionTool("close", schema=SCHEMA, namespace="agents"), FunctionTool("bad name!", schema=SCHEMA)),
        namespaces=(Namespace("agents", "Helpers.", "tools.0"),),
        format="openai_responses",
    )
    sent = CONVERTER.encode_request(request, target(PLAIN))
    assert [tool["function"]["name"] for tool in sent.wire.body["tools"]] == ["agents__close", "bad_name_"]
    assert sent.wire.body["messages"][1]["tool_calls"][0]["function"]["name"] == "agents__close"
    assert sent.ticket.names == {"agents__close": ToolName("close", "agents"), "bad_name_": ToolName("bad name!")}
    assert told(sent.losses) == [("namespace", "dropped", "tools.0")]


def test_a_chat_clients_names_are_its_own_business() -> None:
    """Ollama takes names that OpenAI refuses."""
    body = again(
        HELLO, tools=[{"type": "function", "function": {"name": "server.tool/do it", "parameters": {}, "strict": False, "x": 1}, "y": 2}]
    )
    assert body["tools"] == [
        {"type": "function", "function": {"name": "server.tool/do it", "parameters": {}, "strict": False, "x": 1}, "y": 2}
    ]


def test_hosted_tools() -> None:
    """A search where the server runs one, in its own words; all others are lost."""
    search = HostedTool(
        "web_search",
        "openai_responses",
        {"type": "web_search", "search_context_size": "low", "user_location": {"type": "approximate", "city": "Oslo"}, "filters": {"a": 1}},
        "tools.0",
    )
    google = HostedTool("web_search", "google_genai", {"googleSearch": {}}, "tools.1")
    mcp = HostedTool("mcp", "openai_responses", {"type": "mcp"}, "tools.2")
    body, losses = encoded(foreign(tools=(search, mcp)))
    assert body["web_search_options"] == {
        "search_context_size": "low",
        "user_location": {"type": "approximate", "approximate": {"city": "Oslo"}},
    }
    assert losses == [("filters", "dropped", "tools.0"), ("hosted_tool", "dropped", "tools.2")]
    assert encoded(foreign(tools=(google,)))[0]["web_search_options"] == {}
    assert encoded(foreign(tools=(google,)), PLAIN) == (
        {"model": "m", "messages": [HELLO]},
        [("hosted_tool", "dropped", "tools.1")],
    )


def test_deferred_tools_are_sent_at_once() -> None:
    """There is no loading later."""
    _, losses = encoded(foreign(tools=(msgspec.structs.replace(WEATHER, deferred=True),)))
    assert losses == [("deferred", "approximated", "tools.0")]


def test_a_model_without_tools_gets_none() -> None:
    """Each is a Loss, and so is a choice among them."""
    body, losses = encoded(foreign(tools=(WEATHER,), tool_choice=ToolChoice("required"), parallel_tool_calls=False), Dialect(tools=False))
    assert body == {"model": "m", "messages": [HELLO]}
    assert losses == [("tool", "dropped", "tools.0"), ("tool_choice", "approximated", "")]


NAMED = {"type": "function", "function": {"name": "weather"}}
BOTH = (WEATHER, FunctionTool("now", schema=SCHEMA))


@pytest.mark.parametrize(
    ("choice", "form", "expected", "losses"),
    [
        (ToolChoice("auto"), "auto_only", "auto", []),
        (ToolChoice("none"), "auto_only", "none", []),
        (ToolChoice("required"), "no_subset", "required", []),
        (ToolChoice("required"), "auto_only", "auto", [("tool_choice", "approximated", "")]),
        (ToolChoice("required", (ToolName("weather"),)), "no_subset", NAMED, []),
        (ToolChoice("required", (ToolName("weather"),)), "auto_only", "auto", [("tool_choice", "approximated", "")]),
        (
            ToolChoice("auto", (ToolName("weather"),)),
            "all",
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}},
            [],
        ),
        (ToolChoice("auto", (ToolName("weather"),)), "no_subset", "auto", [("tool_choice", "emulated", "")]),
        (
            ToolChoice("required", hosted={"type": "mcp"}, format="openai_responses"),
            "all",
            "required",
            [("tool_choice", "approximated", "")],
        ),
    ],
)
def test_tool_choice(choice: ToolChoice, form: Any, expected: Any, losses: Any) -> None:
    """All forms where the server takes them; a subset by offering no other tool; a force that is not taken is told."""
    body, lost = encoded(foreign(tools=BOTH, tool_choice=choice), Dialect(tool_choice=form))
    assert body["tool_choice"] == expected
    assert lost == losses
    assert len(body["tools"]) == (1 if losses and losses[0][1] == "emulated" else 2)


def test_parallel_calls() -> None:
    """Said where the server knows the word; true is what it does anyway."""
    assert encoded(foreign(tools=BOTH, parallel_tool_calls=False), PLAIN)[0]["parallel_tool_calls"] is False
    without = Dialect(parallel_tool_calls=False)
    assert encoded(foreign(tools=BOTH, parallel_tool_calls=False), without)[1] == [("parallel_tool_calls", "dropped", "")]
    assert encoded(foreign(tools=BOTH, parallel_tool_calls=True), without)[1] == []


@pytest.mark.parametrize(("form", "expected"), [("any", "x" * 80), ("openai", 64), ("mistral", 9)])
def test_call_ids_fit_the_server(form: Any, expected: Any) -> None:
    """The same id gives the same id, on call and result."""
    sent, losses = said(user("Go"), assistant(call("x" * 80)), user(result("x" * 80)), dialect=Dialect(call_ids=form))
    (made,) = [each["id"] for each in sent[1]["tool_calls"]]
    assert made == sent[2]["tool_call_id"]
    assert (made if type(expected) is str else len(made)) == expected
    assert losses == []


def test_arguments_stay_text() -> None:
    """As they came, even where they are no JSON; none are an empty object."""
    sent, _ = said(user("Go"), assistant(call("a", arguments='{"a": '), call("b", arguments="")), user(result("a"), result("b")))
    assert [each["function"]["arguments"] for each in sent[1]["tool_calls"]] == ['{"a": ', "{}"]


# ------------------------------------------------------------------------------------------------------------------------------ settings


def test_limits_and_sampling() -> None:
    """Under the server's own names; what it does not take is a Loss each."""
    sampling = Sampling(0.5, 0.9, 40, 7, 0.1, 0.2, {"1": 1.0}, True, 3, 2)
    request = foreign(sampling=sampling, max_output_tokens=9, stop=("a", "b"))
    body, losses = encoded(request, OPENAI)
    assert {key: body[key] for key in ("temperature", "top_p", "seed", "n", "max_completion_tokens", "stop")} == {
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
        "n": 2,
        "max_completion_tokens": 9,
        "stop": ["a", "b"],
    }
    assert losses == [("top_k", "dropped", "")]
    bare = Dialect(sampling=False, penalties=False, logprobs=False, seed=False, stop_limit=0, n=False)
    body, losses = encoded(request, bare)
    assert body == {"model": "m", "messages": [HELLO], "max_tokens": 9}
    assert [loss[0] for loss in losses] == ["stop", *Sampling.__struct_fields__]
    assert encoded(foreign(stop=("a", "b")), Dialect(stop_limit=1))[1] == [("stop", "approximated", "")]
    assert encoded(foreign(sampling=Sampling(n=1)), bare)[1] == []


@pytest.mark.parametrize(
    ("wanted", "efforts", "expected", "losses"),
    [
        (ReasoningRequest(effort="high"), ("low", "high"), "high", []),
        (ReasoningRequest(effort="medium"), ("low", "high"), "low", [("effort", "approximated", "")]),
        (ReasoningRequest(effort="high"), (), None, [("effort", "dropped", "")]),
        (ReasoningRequest("on", budget=10000), ("low", "high"), "high", [("budget", "approximated", "")]),
        (ReasoningRequest("off"), ("none", "low"), "none", []),
        (ReasoningRequest("off"), ("low",), "low", [("reasoning", "approximated", "")]),
        (ReasoningRequest("off"), (), None, []),
        (ReasoningRequest(effort="none"), ("low",), "low", [("effort", "approximated", "")]),
        (ReasoningRequest("on"), ("low",), None, [("reasoning", "dropped", "")]),
        (ReasoningRequest("adaptive"), ("low",), None, []),
        (ReasoningRequest(summary="detailed"), ("low",), None, [("summary", "dropped", "")]),
    ],
)
def test_effort(wanted: ReasoningRequest, efforts: tuple[Effort, ...], expected: Any, losses: Any) -> None:
    """The level, else the next lower one; a budget is the level that it amounts to."""
    body, lost = encoded(foreign(reasoning=wanted), Dialect(efforts=efforts))
    assert body.get("reasoning_effort") == expected
    assert lost == losses


def test_the_last_effort_of_the_conversation_counts() -> None:
    """Anthropic and Responses may change it with a message: it is asked for, and the Loss says that it holds for all."""
    turns = (Turn("user", (Text("Hello"),), "messages.0", effort="low"), assistant("Hi"), user("Ok"))
    body, losses = encoded(foreign(*turns, reasoning=ReasoningRequest(effort="high")))
    assert (body["reasoning_effort"], losses) == ("low", [("effort", "approximated", "messages.0")])


def test_tools_with_thinking_where_the_model_refuses_both() -> None:
    """OpenAI's newer models take functions on this wire with effort none only."""
    request = foreign(tools=(WEATHER,), reasoning=ReasoningRequest(effort="high"))
    body, losses = encoded(request, Dialect(efforts=("none", "high"), tools_with_reasoning=False))
    assert (body["reasoning_effort"], losses) == ("none", [("effort", "approximated", "")])
    with pytest.raises(Unsupported, match="Responses wire"):
        encoded(request, Dialect(efforts=("high",), tools_with_reasoning=False))


def test_the_order_of_an_answer_in_history() -> None:
    """A message says thoughts, words, calls: where the model did otherwise that is told, once."""
    mixed = assistant(Text("a"), call("c"), Text("b", "p"), call("d"))
    assert said(user("Go"), mixed, user(result("c"), result("d")))[1] == [("order", "approximated", "p")]
    late = assistant(Text("a"), Reasoning(("t",), at="r", seals=(OWN,)), Text("b"))
    assert said(user("Go"), late, user("Ok"))[1] == [("order", "approximated", "r")]
    assert said(user("Go"), late, user("Ok"), dialect=OPENAI)[1] == [("reasoning_text", "dropped", "r")]


@pytest.mark.parametrize(
    ("wanted", "efforts", "expected"),
    [
        (ReasoningRequest(effort="high"), ("none", "low", "high"), {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),
        (ReasoningRequest(effort="high"), ("none", "high"), {"thinking": {"type": "enabled"}}),
        (ReasoningRequest("on"), ("none", "high"), {"thinking": {"type": "enabled"}}),
        (ReasoningRequest("off"), ("none", "high"), {"thinking": {"type": "disabled"}}),
        (ReasoningRequest(effort="none"), ("low", "high"), {"thinking": {"type": "disabled"}}),
    ],
)
def test_deepseeks_switch(wanted: ReasoningRequest, efforts: tuple[Effort, ...], expected: Any) -> None:
    """Thinking is switched on or off, with a level where the server has several."""
    body, losses = encoded(foreign(reasoning=wanted), Dialect(reasoning_form="thinking", efforts=efforts))
    assert {key: body[key] for key in ("thinking", "reasoning_effort") if key in body} == expected
    assert losses == []


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (ReasoningRequest(effort="high", visible=False), {"effort": "high", "exclude": True}),
        (ReasoningRequest("on", budget=2000), {"max_tokens": 2000}),
        (ReasoningRequest("on"), {"enabled": True}),
        (ReasoningRequest("off"), {"enabled": False}),
    ],
)
def test_openrouters_object(wanted: ReasoningRequest, expected: Any) -> None:
    """Budgets stay exact there."""
    body, losses = encoded(foreign(reasoning=wanted), Dialect(reasoning_form="reasoning", reasoning_back="reasoning_details"))
    assert (body["reasoning"], losses) == (expected, [])


@pytest.mark.parametrize(
    ("form", "dialect"),
    [
        ({"reasoning": {"effort": "huge", "x": 1}}, Dialect(reasoning_form="reasoning")),
        ({"thinking": {"type": "enabled", "clear": False}}, Dialect(reasoning_form="thinking")),
        ({"reasoning_effort": "huge"}, PLAIN),
    ],
)
def test_a_chat_clients_own_effort_comes_back(form: Any, dialect: Dialect) -> None:
    """In its server's form, with levels and fields that nobody knows."""
    body = again(HELLO, dialect=dialect, **form)
    assert {key: body[key] for key in form} == form


def test_thoughts_cannot_be_asked_for_where_there_are_none() -> None:
    """The official wire shows no thoughts."""
    _, losses = encoded(foreign(reasoning=ReasoningRequest(effort="low", visible=True)), Dialect(reasoning_back="none"))
    assert losses == [("visible", "dropped", "")]


@pytest.mark.parametrize(
    ("form", "strongest", "expected", "losses"),
    [
        (OutputFormat("json_object"), "json_schema", {"type": "json_object"}, []),
        (
            OutputFormat("json_schema", SCHEMA, "na me", "D", False),
            "json_schema",
            {"type": "json_schema", "json_schema": {"name": "na_me", "description": "D", "schema": SCHEMA, "strict": False}},
            [],
        ),
        (
            OutputFormat("json_schema", SCHEMA),
            "json_schema",
            {"type": "json_schema", "json_schema": {"name": "response", "schema": SCHEMA, "strict": True}},
            [],
        ),
        (OutputFormat("json_schema", SCHEMA), "json_object", {"type": "json_object"}, [("output", "approximated", "")]),
        (OutputFormat("json_schema", SCHEMA), "none", None, [("output", "dropped", "")]),
        (OutputFormat("text"), "none", None, []),
    ],
)
def test_the_shape_of_the_answer(form: OutputFormat, strongest: Any, expected: Any, losses: Any) -> None:
    """The strongest form that the server takes; Anthropic's formats are always enforced, so strict where that is possible."""
    body, lost = encoded(foreign(output=form), Dialect(output=strongest))
    assert body.get("response_format") == expected
    assert lost == losses


def test_openais_own_settings() -> None:
    """Where the server is OpenAI's they are said, elsewhere they are lost."""
    fields: dict[str, Any] = {
        "verbosity": "low",
        "metadata": {"a": "b"},
        "cache": CacheRequest("k", "24h"),
        "service_tier": "standard",
        "state": State(store=True),
        "modalities": ("text", "audio"),
        "include": ("reasoning.encrypted_content",),
    }
    body, losses = encoded(foreign(**fields), OPENAI)
    assert {key: body[key] for key in ("verbosity", "metadata", "prompt_cache_key", "prompt_cache_retention", "service_tier", "store")} == {
        "verbosity": "low",
        "metadata": {"a": "b"},
        "prompt_cache_key": "k",
        "prompt_cache_retention": "24h",
        "service_tier": "default",
        "store": True,
    }
    assert losses == []
    body, losses = encoded(foreign(**fields), PLAIN)
    assert body == {"model": "m", "messages": [HELLO]}
    assert [loss[0] for loss in losses] == ["verbosity", "metadata", "cache_key", "cache_retention", "store", "modalities"]
    assert encoded(foreign(service_tier="priority", include=("x",), betas=("b",), extras={"y": 1}), PLAIN)[1] == [
        ("service_tier", "dropped", ""),
        ("include", "dropped", ""),
        ("betas", "dropped", ""),
        ("y", "dropped", ""),
    ]


def test_who_asks_is_not_told_to_another_vendor() -> None:
    """A chat client's own server hears it under the name it knows."""
    assert encoded(foreign(user="u")) == ({"model": "m", "messages": [HELLO]}, [("user", "dropped", "")])
    assert encoded(decoded(user="u"), OPENAI)[0]["safety_identifier"] == "u"
    assert encoded(decoded(user="u"), Dialect(user_field="none"))[0]["user"] == "u"
    body, losses = encoded(decoded(user="u", safety_identifier="s"), OPENAI)
    assert ((body["user"], body["safety_identifier"]), losses) == (("u", "s"), [])


def test_conversations_kept_elsewhere_are_refused() -> None:
    """The path is the client's, the message says what to do."""
    for state, path in ((State(previous_response_id="r"), "previous_response_id"), (State(conversation="c"), "conversation")):
        with pytest.raises(Unsupported) as caught:
            encoded(foreign(state=state))
        assert (caught.value.path, caught.value.code) == (path, "previous_response_not_found")
    assert encoded(foreign(state=State(background=True)))[1] == [("background", "dropped", "")]


def test_usage_is_always_asked_for() -> None:
    """Clients that do not ask spend tokens too; a server that does not know the option is spared it."""
    assert encoded(foreign(stream=True), PLAIN)[0]["stream_options"] == {"include_usage": True}
    assert "stream_options" not in encoded(foreign(stream=True), Dialect(stream_usage=False))[0]
    own = decoded(stream=True, stream_options={"include_obfuscation": False})
    assert encoded(own)[0]["stream_options"] == {"include_obfuscation": False, "include_usage": True}


def test_effort_in_mid_conversation_holds_for_all() -> None:
    """There is one setting for the whole request."""
    turns = (
        Turn("user", (Text("Hello"),), "messages.0", effort="low"),
        Turn("assistant", (Text("Hi"),), "messages.1", effort="high"),
        user("Ok"),
    )
    assert encoded(foreign(*turns))[1] == [("effort", "approximated", "messages.0"), ("effort", "approximated", "messages.1")]


def test_nothing_but_a_prompt() -> None:
    """A system message alone is a request; nothing at all gets a word."""
    body, losses = encoded(Request("google_genai", "m", (), (turn("system", "Be."),)), PLAIN)
    assert (body["messages"], losses) == ([{"role": "system", "content": "Be."}], [])
    body, losses = encoded(Request("google_genai", "m", ()), PLAIN)
    assert (body["messages"], losses) == ([{"role": "user", "content": "(empty)"}], [("text", "injected", "")])


# ------------------------------------------------------------------------------------------------------------------------------ a strict server


def test_a_server_that_refuses_what_it_does_not_know() -> None:
    """Mistral answers 422 to unknown fields: OpenAI's own are left out and named, its own are kept."""
    body, losses = encoded(
        decoded(
            messages=[{"role": "developer", "content": "Be."}, HELLO],
            seed=7,
            user="u",
            verbosity="low",
            prediction={"type": "content", "content": "x"},
            safe_prompt=True,
            store=False,
            stream=True,
        ),
        MISTRAL,
    )
    assert body == {"model": "m", "messages": [{"role": "system", "content": "Be."}, HELLO], "safe_prompt": True, "stream": True}
    assert losses == [("seed", "dropped", ""), ("verbosity", "dropped", ""), ("user", "dropped", ""), ("prediction", "dropped", "")]


def test_no_user_message_after_a_tools() -> None:
    """Its words go into the tool's message; media cannot, so that a short answer is put between."""
    turns = (
        user("Go"),
        assistant(call("abcdefghi")),
        user(result("abcdefghi", "1"), Text("And?", "messages.2.content.1"), at="messages.2"),
    )
    body, losses = encoded(foreign(*turns), MISTRAL)
    assert body["messages"][2:] == [{"role": "tool", "tool_call_id": "abcdefghi", "content": "1\n\nAnd?"}]
    assert losses == [("role", "approximated", "messages.2")]
    seen = user(result("abcdefghi", "1"), Media("image", Inline(PNG), "image/png"), at="messages.2")
    body, losses = encoded(foreign(turns[0], turns[1], seen), MISTRAL)
    assert [message["role"] for message in body["messages"][2:]] == ["tool", "assistant", "user"]
    assert losses == [("text", "injected", "messages.2")]


# ------------------------------------------------------------------------------------------------------------------------------ thoughts


def thoughts(*seals: Seal, text: str = "shown", at: str = "r") -> Turn:
    return assistant(Reasoning((text,) if text else (), at=at, seals=seals), "Yes")


OWN = Seal("text", "", "maker", "m", texts=("exact",))
DETAILS = Seal("text", '[{"type":"reasoning.text","text":"exact","signature":"s"}]', "maker", "m", texts=("exact",))
FOREIGN = Seal("signature", "sig", "claude", "m", texts=("signed",))


@pytest.mark.parametrize(
    ("field", "turn_", "expected", "losses"),
    [
        ("reasoning_content", thoughts(OWN), {"reasoning_content": "exact"}, []),
        ("reasoning", thoughts(OWN), {"reasoning": "exact"}, []),
        ("reasoning_details", thoughts(OWN), {"reasoning": "exact"}, []),
        (
            "reasoning_details",
            thoughts(DETAILS),
            {"reasoning_details": [{"type": "reasoning.text", "text": "exact", "signature": "s"}]},
            [],
        ),
        (
            "thinking",
            thoughts(OWN),
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "exact"}]}, {"type": "text", "text": "Yes"}]},
            [],
        ),
        ("none", thoughts(OWN), {}, [("reasoning_text", "dropped", "r")]),
        ("reasoning_content", thoughts(), {"reasoning_content": "shown"}, []),
        ("none", thoughts(), {}, [("reasoning_text", "dropped", "r")]),
        ("reasoning_content", thoughts(FOREIGN), {}, [("seal", "dropped", "r")]),
        ("none", thoughts(OWN, FOREIGN), {}, [("seal", "dropped", "r")]),
        ("reasoning_content", thoughts(OWN, FOREIGN), {"reasoning_content": "exact"}, [("seal", "dropped", "r")]),
        ("reasoning_content", thoughts(text=""), {}, []),
    ],
)
def test_thoughts_go_back_in_their_makers_field(field: Any, turn_: Turn, expected: Any, losses: Any) -> None:
    """The exact text, never the client's copy; another maker's thoughts are left out whole, with one Loss."""
    request = foreign(user("Hello"), turn_, user("Ok"))
    sent = CONVERTER.encode_request(request, target(Dialect(reasoning_back=field)))
    message = sent.wire.body["messages"][1]
    assert message == {"role": "assistant", "content": "Yes", **expected}
    assert told(sent.losses) == losses


def test_a_chat_clients_thoughts_go_back_as_they_came() -> None:
    """Both the text and OpenRouter's details, whatever the field that the server prefers."""
    details = [{"type": "reasoning.encrypted", "data": "e", "index": 0}]
    body = again(HELLO, {"role": "assistant", "content": "Yes", "reasoning_content": "Hm.", "reasoning_details": details}, HELLO)
    assert body["messages"][1] == {"role": "assistant", "content": "Yes", "reasoning_content": "Hm.", "reasoning_details": details}


def test_a_bare_signature_is_nobodys_at_a_nameless_server() -> None:
    """A conversion without a provider is no reason to believe that the target made it."""
    request = foreign(user("Go"), assistant(call("a", at="c", seal=Seal("thought_signature", "s", bound="part"))), user(result("a")))
    body, losses = encoded(request, PLAIN, provider="")
    assert "extra_content" not in body["messages"][1]["tool_calls"][0]
    assert losses == [("seal", "dropped", "c")]


@pytest.mark.parametrize(
    ("format", "seal", "signatures", "kept"),
    [
        ("anthropic", Seal("thought_signature", "s", "maker", "m", bound="part"), True, True),
        ("anthropic", Seal("thought_signature", "s", "maker", "m", bound="part"), False, True),
        ("anthropic", Seal("thought_signature", "s", "other", "m", bound="part"), True, False),
        ("openai_chat", Seal("thought_signature", "s", bound="part"), True, True),
        ("openai_chat", Seal("thought_signature", "s", bound="part"), False, True),
        ("google_genai", Seal("thought_signature", "s", bound="part"), True, False),
    ],
)
def test_a_calls_signature_goes_to_its_maker(format: Any, seal: Seal, signatures: bool, kept: bool) -> None:
    """Google's OpenAI endpoint gets back what it made, from an envelope or bare from a chat client; nobody else gets any."""
    request = foreign(user("Go"), assistant(call("a", at="c", seal=seal)), user(result("a")), format=format)
    sent = CONVERTER.encode_request(request, target(Dialect(thought_signatures=signatures)))
    wire = sent.wire.body["messages"][1]["tool_calls"][0]
    assert wire.get("extra_content") == ({"google": {"thought_signature": "s"}} if kept else None)
    assert told(sent.losses) == ([] if kept else [("seal", "dropped", "c")])


def test_the_call_itself_is_never_changed() -> None:
    """Several targets are encoded from one request."""
    request = foreign(user("Go"), assistant(call("a")), user(result("a", is_error=True)), tools=(WEATHER,))
    before = msgspec.json.encode(request)
    for dialect in (OPENAI, PLAIN, MISTRAL):
        encoded(request, dialect)
    assert msgspec.json.encode(request) == before
    assert isinstance(request.turns[1].parts[0], ToolCall)


def test_the_pieces_of_a_streamed_gemini_are_one_text() -> None:
    """google-genai's chats send each chunk back as a content of its own."""
    parts = (Text("Hel", "contents.1.parts.0"), Text("lo", "contents.2.parts.0"))
    turns = (Turn("user", (Text("x"),)), Turn("assistant", parts), Turn("user", (Text("y"),)))
    body, losses = encoded(Request("google_genai", "m", turns))
    assert ("Hello", []) == (body["messages"][1]["content"], losses)


def test_of_an_effort_and_a_budget_one_is_told_and_the_other_named() -> None:
    wanted = ReasoningRequest("on", effort="low", budget=5000)
    body, losses = encoded(foreign(reasoning=wanted), Dialect(efforts=("low", "high")))
    assert ("low", [("budget", "dropped", "")]) == (body["reasoning_effort"], losses)
    body, losses = encoded(foreign(reasoning=wanted), Dialect(reasoning_form="reasoning", reasoning_back="reasoning_details"))
    assert ({"max_tokens": 5000}, [("effort", "dropped", "")]) == (body["reasoning"], losses)


def test_marks_within_results_reach_a_server_that_takes_them() -> None:
    """On the text that has it, or on the last one of a result that has it as a whole; elsewhere the loss is told."""
    marked = {"type": "text", "text": "ok", "cache_control": {"type": "ephemeral"}}
    inside = ToolResult("a", (Text("ok", cache=CacheMark()),), "r", "f")
    outside = ToolResult("a", (Text("ok"),), "r", "f", cache=CacheMark())
    for one in (inside, outside):
        sent, losses = said(user("Go"), assistant(call("a")), user(one), dialect=Dialect(cache_marks="cache_control"))
        assert (sent[2]["content"], losses) == ([marked], [])
        sent, losses = said(user("Go"), assistant(call("a")), user(one))
        assert (sent[2]["content"], [loss[:2] for loss in losses]) == ("ok", [("cache", "dropped")])


def test_a_mark_that_wanders_changes_nothing_but_itself() -> None:
    """What was cached with the mark must be found without it: an Anthropic client's texts stay apart for a server that takes its marks."""
    dialect = Dialect(cache_marks="cache_control")
    marked, plain = (
        said(user(Text("One."), Text("Two.", cache=mark)), dialect=dialect, format="anthropic")[0] for mark in (CacheMark(), None)
    )
    for message in marked:
        for part in message["content"]:
            part.pop("cache_control", None)
    assert marked == plain


@pytest.mark.parametrize(("mime", "form"), [("audio/wav", "wav"), ("audio/mpeg", "mp3"), ("audio/ogg", None), ("audio/flac", None)])
def test_a_foreign_clients_sound_in_a_form_that_the_wire_has(mime: str, form: str | None) -> None:
    """``wav`` and ``mp3`` are all it knows; a chat client's own word goes as it is."""
    sound = Media("audio", Inline("AAAA"), mime, "p")
    sent, losses = said(user("Listen", sound), dialect=Dialect(audio=True))
    if form is None:
        assert (sent[0]["content"], losses) == ("Listen", [("audio", "dropped", "p")])
    else:
        assert (sent[0]["content"][1]["input_audio"]["format"], losses) == (form, [])
    own = {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "ogg"}}]}
    assert again(own, dialect=Dialect(audio=True))["messages"] == [own]
