"""Whole answers both ways: what chat servers really send, and what chat clients get, with exactly what that loses."""

from __future__ import annotations

from typing import Any

import pytest

from rosetta.converters import CONVERTERS
from rosetta.converters.converter import Malformed, UpstreamFailed
from rosetta.converters.openai_chat import CONVERTER, Dialect
from rosetta.ir.parts import (
    Citation,
    FileId,
    Format,
    Inline,
    Link,
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from rosetta.ir.request import ToolName
from rosetta.ir.response import Choice, Finish, FinishReason, Response
from rosetta.ir.usage import Usage
from tests.converters.openai_chat.surroundings import CREATED, call, reply, strictly, ticket, told

PNG = "iVBORw0KGgo="


def answer(message: dict[str, Any], finish: Any = "stop", **fields: Any) -> dict[str, Any]:
    """A whole answer of a server."""
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **fields}


def read(body: Any, **fields: Any) -> Response:
    """What the IR has of it; nothing is lost on the way in."""
    coded = CONVERTER.decode_response(body, ticket(**fields))
    assert coded.losses == ()
    return coded.value


def parts(message: dict[str, Any], **fields: Any) -> tuple[Part, ...]:
    return read(answer(message), **fields).choices[0].parts


def shown(
    *given: Part, finish: Finish | None = None, format: Format = "anthropic", **fields: Any
) -> tuple[Any, list[tuple[str, str, str]]]:
    """The answer that a chat client gets, and what it lost."""
    return whole(Response(format, (Choice(0, given, finish or Finish("stop")),), **fields))


def whole(response: Response) -> tuple[Any, list[tuple[str, str, str]]]:
    coded = CONVERTER.encode_response(response, reply())
    strictly(coded.value)
    return coded.value, told(coded.losses)


def message(*given: Part, **fields: Any) -> tuple[Any, list[tuple[str, str, str]]]:
    body, losses = shown(*given, **fields)
    return body["choices"][0]["message"], losses


# ------------------------------------------------------------------------------------------------------------------------ in


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thoughts_come_in_either_field(field: str) -> None:
    """Their very text is what their maker wants back."""
    assert parts({field: "Hm.", "content": "Yes"}) == (
        Reasoning(("Hm.",), at="choices.0.message.reasoning_content", seals=(Seal("text", "", "maker", "m", texts=("Hm.",)),)),
        Text("Yes", "choices.0.message.content"),
    )


def test_openrouters_details_are_a_state() -> None:
    """Their texts are shown once, whether they stand beside the plain field or alone."""
    details = [
        {"type": "reasoning.text", "text": "Hm.", "signature": "s", "index": 0},
        {"type": "reasoning.encrypted", "data": "e", "index": 1},
    ]
    for extra in ({}, {"reasoning": "Hm."}):
        (thought,) = parts({"reasoning_details": details, **extra})
        assert isinstance(thought, Reasoning)
        assert (thought.summary, thought.seals[0].texts) == (("Hm.",), ("Hm.",))
        assert '"data":"e"' in thought.seals[0].value


def test_mistrals_thoughts_are_content() -> None:
    """Content is a list there, thoughts first."""
    content = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Yes"}]
    assert [type(part) for part in parts({"content": content})] == [Reasoning, Text]


def test_leaked_thoughts_are_split_off_where_the_server_is_known_to_leak() -> None:
    """And none is lost where thoughts came in their own field too."""
    leaky = {"content": "<think>\nHm.\n</think>\n\nYes"}
    assert parts(leaky) == (Text("<think>\nHm.\n</think>\n\nYes", "choices.0.message.content"),)
    thought, text = parts({**leaky, "reasoning_content": "First."}, dialect=Dialect(think_tags=True))
    assert isinstance(thought, Reasoning)
    assert isinstance(text, Text)
    assert (thought.summary, text.text) == (("First.\n\nHm.\n",), "Yes")


def test_calls_come_back_under_the_clients_names() -> None:
    """Custom input is unwrapped, namespaces are restored, an id that is missing is made; objects for arguments are Ollama's."""
    names = {"ns__patch": ToolName("patch", "ns", "custom")}
    calls = [
        {"id": "a", "type": "function", "function": {"name": "ns__patch", "arguments": '{"input":"*** x"}'}},
        {"function": {"name": "f", "arguments": {"x": 1}}},
        {"id": "b", "type": "custom", "custom": {"name": "raw", "input": "y"}},
        {"id": "c", "type": "function", "function": {"name": "g"}},
    ]
    made = parts({"tool_calls": calls}, names=names)
    assert [(c.id, c.namespace, c.name, c.kind, c.arguments) for c in made if isinstance(c, ToolCall)] == [
        ("a", "ns", "patch", "custom", "*** x"),
        ("call_1", None, "f", "function", '{"x":1}'),
        ("b", None, "raw", "custom", "y"),
        ("c", None, "g", "function", ""),
    ]


def test_the_deprecated_call_is_a_call() -> None:
    """``function_call`` has no id; the finish says the new word."""
    response = read(answer({"function_call": {"name": "f", "arguments": "{}"}}, "function_call"))
    (made,) = response.choices[0].parts
    assert isinstance(made, ToolCall)
    assert (made.id, made.name, response.choices[0].finish) == ("call_1", "f", Finish("tool_calls", "function_call"))
    assert whole(response)[0]["choices"][0]["finish_reason"] == "tool_calls"


def test_a_calls_signature_is_kept_whoever_sends_it() -> None:
    """Google's endpoint behind another gateway is not known by its address; what stands beside the signature is kept too."""
    extra = {"google": {"thought_signature": "s", "x": 1}, "other": 2}
    body = answer({"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": extra}]})
    (made,) = read(body).choices[0].parts
    assert isinstance(made, ToolCall)
    assert made.seal == Seal("thought_signature", "s", "maker", "m", bound="part")
    assert made.extras == {"extra_content": {"google": {"x": 1}, "other": 2}}
    shown_call = whole(read(body))[0]["choices"][0]["message"]["tool_calls"][0]
    assert shown_call["extra_content"]["google"]["thought_signature"].startswith("rst1.")
    assert (shown_call["extra_content"]["other"], shown_call["extra_content"]["google"]["x"]) == (2, 1)


@pytest.mark.parametrize(
    ("word", "given", "reason", "back"),
    [
        ("stop", {"content": "x"}, "stop", "stop"),
        ("length", {"content": "x"}, "length", "length"),
        ("content_filter", {"content": "x"}, "content_filter", "content_filter"),
        ("stop", {"tool_calls": True}, "tool_calls", "tool_calls"),
        ("length", {"tool_calls": True}, "length", "length"),
        (None, {"tool_calls": True}, "tool_calls", "tool_calls"),
        (None, {"content": "x"}, "stop", "stop"),
        ("eos", {"content": "x"}, "stop", "stop"),
        ("model_length", {"content": "x"}, "length", "length"),
        ("stop", {"refusal": "No."}, "refusal", "stop"),
        ("content_filter", {"refusal": "No."}, "content_filter", "content_filter"),
    ],
)
def test_why_it_stopped(word: Any, given: dict[str, Any], reason: FinishReason, back: str) -> None:
    """Calls are the reason of a plain stop and hide no other; a chat client reads OpenAI's words only."""
    if "tool_calls" in given:
        given = {"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
    response = read(answer(given, word))
    assert response.choices[0].finish == Finish(reason, word)
    body, losses = whole(response)
    assert (body["choices"][0]["finish_reason"], losses) == (back, [])


def test_a_word_that_nobody_knows_is_told() -> None:
    """A client gets ``stop``, and the loss says what it was."""
    body, losses = whole(read(answer({"content": "x"}, "eaten")))
    assert (body["choices"][0]["finish_reason"], losses) == ("stop", [("finish", "approximated", "")])


@pytest.mark.parametrize(
    ("wire", "usage"),
    [
        (
            {"prompt_tokens": 18014, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 18011}},
            Usage(input_uncached=3, cache_read=0, cache_write=18011, output_total=2),
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 1}},
            Usage(input_uncached=10, output_total=5, reasoning=4, output_audio=1),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 396, "completion_tokens_details": {"reasoning_tokens": 386}},
            Usage(input_uncached=9, output_total=387, reasoning=386),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 387, "total_tokens": 396, "completion_tokens_details": {"reasoning_tokens": 386}},
            Usage(input_uncached=9, output_total=387, reasoning=386),
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 6},
            Usage(input_uncached=6, cache_read=4, output_total=5),
        ),
        ({"prompt_tokens": 3, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 9}}, Usage(0, 9, output_total=1)),
        ({"prompt_tokens": 3.0, "completion_tokens": None}, Usage(input_uncached=3)),
        (
            {"prompt_tokens": 3, "completion_tokens": 1, "prompt_tokens_details": {"image_tokens": 2}, "cost": 0.1},
            Usage(input_uncached=3, output_total=1, extras={"cost": 0.1, "prompt_tokens_details.image_tokens": 2}),
        ),
        (None, Usage()),
        ("many", Usage()),
    ],
)
def test_counts(wire: Any, usage: Usage) -> None:
    """The prompt includes what was cached and what was written to the cache, the completion the thoughts, unless the total says that xAI's counts them
    apart; nothing is below zero."""
    assert read(answer({"content": "x"}, usage=wire)).usage == usage


def test_counts_come_back_as_they_were() -> None:
    """Those too that only this server knows; another wire's client is told what it lost, but for zeros."""
    counts = {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 4, "image_tokens": 2, "text_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 1, "text_tokens": 4},
        "cost": 0.1,
    }
    response = read(answer({"content": "x"}, usage=counts))
    assert whole(response)[0]["usage"] == counts


def test_what_a_server_adds_comes_back() -> None:
    """On the answer, the choice, the message and the call."""
    body = answer(
        {"content": "x", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}, "w": 1}], "y": 2},
        "tool_calls",
        system_fingerprint="fp",
        service_tier="default",
    )
    body["choices"][0]["content_filter_results"] = {}
    back, losses = whole(read(body))
    assert losses == []
    assert (back["system_fingerprint"], back["service_tier"], back["id"], back["created"]) == ("fp", "default", "c", 1)
    assert back["choices"][0]["content_filter_results"] == {}
    assert (back["choices"][0]["message"]["y"], back["choices"][0]["message"]["tool_calls"][0]["w"]) == (2, 1)


def test_several_answers() -> None:
    """Each in its place, whatever its index says first."""
    one, two = answer({"content": "b"})["choices"][0], answer({"content": "a"})["choices"][0]
    response = read(answer({}, choices=[{**one, "index": 1}, {**two, "index": 0}]))
    assert [(choice.index, choice.parts[0].text) for choice in response.choices if isinstance(choice.parts[0], Text)] == [
        (1, "b"),
        (0, "a"),
    ]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"message": "Slow down", "code": 429}}, "rate_limited"),
        ({"error": "no such model"}, "upstream_error"),
        ({"object": "error", "message": "too many at once", "type": "rate_limit_error", "code": 429}, "rate_limited"),
        (answer({}, choices=[]), "upstream_error"),
        (answer({}, choices=[{"index": 0, "message": {"content": "x"}, "error": {"message": "Overloaded", "code": 503}}]), "overloaded"),
        (answer({"content": "x"}, "error"), "upstream_error"),
    ],
)
def test_a_failure_with_status_200_is_a_failure(body: Any, kind: str) -> None:
    """OpenRouter says so in the body, or in a choice; no choice at all is no answer."""
    with pytest.raises(UpstreamFailed) as caught:
        read(body)
    assert caught.value.failure.kind == kind


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"choices": None}, "choices"),
        ({"choices": [1]}, "choices.0"),
        ({"choices": [{"message": "x"}]}, "choices.0.message"),
        (answer({"content": 1}), "choices.0.message.content"),
        (answer({"tool_calls": [{"id": "a"}]}), "choices.0.message.tool_calls.0.function.name"),
        (answer({"tool_calls": [{"function": {"name": "f", "arguments": 1}}]}), "choices.0.message.tool_calls.0.function.arguments"),
    ],
)
def test_what_is_no_answer_is_named_by_its_path(body: Any, path: str) -> None:
    """A broken upstream's reply says where it is broken."""
    with pytest.raises(Malformed) as caught:
        read(body)
    assert caught.value.path == path


# ------------------------------------------------------------------------------------------------------------------------ out


def test_an_answer_under_the_clients_own_name() -> None:
    """An id of this wire, the model that was asked for, every field that may be null written as null."""
    body, losses = shown(
        Text("Yes"), id="msg_1", model="claude", usage=Usage(input_uncached=3, cache_read=4, cache_write=5, output_total=2)
    )
    assert body == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": CREATED,
        "model": "shown",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Yes", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 12,
            "completion_tokens": 2,
            "total_tokens": 14,
            "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 5},
        },
    }
    assert losses == []


@pytest.mark.parametrize(
    ("given", "losses"),
    [
        ((Reasoning(("a",)), Text("b"), ToolCall("c", "f", "{}")), []),
        ((Text("a"), ToolCall("c", "f", "{}"), Text("b", "p")), [("order", "approximated", "p")]),
        ((Text("a"), Reasoning(("b",), at="p"), Text("c")), [("order", "approximated", "p")]),
        ((ToolCall("c", "f", "{}"), Reasoning(("b",), at="p"), ToolCall("d", "f", "{}")), [("order", "approximated", "p")]),
        ((ToolCall("c", "f", "{}"), Text("", "p")), []),
        ((Media("image", Inline(PNG), "image/png", "i"), Text("b", "p")), [("image", "emulated", "i"), ("order", "approximated", "p")]),
    ],
)
def test_the_order_of_parts_is_this_wires(given: Any, losses: Any) -> None:
    """Thoughts, words, media, calls: an answer that told them otherwise lost its order, once."""
    assert message(*given)[1] == losses


def test_texts_are_one_text() -> None:
    """Messages of Responses are paragraphs; Anthropic cuts one text to cite it, and begins a new one after a call."""
    assert message(Text("a"), Text("b"), format="openai_responses")[0]["content"] == "a\n\nb"
    assert message(Text("a"), Text("b"))[0]["content"] == "ab"
    assert message(Text("a"), Reasoning(("t",)), Text("b"))[0]["content"] == "a\n\nb"


def test_thoughts_are_shown_and_their_states_ride_on_the_next_call() -> None:
    """Where none follows, that is a Loss."""
    seal = Seal("signature", "sig", "claude", "m", texts=("Hm.",))
    told_, losses = message(Reasoning(("Hm.",), seals=(seal,)), call("a"))
    assert told_["reasoning_content"] == "Hm."
    assert told_["tool_calls"][0]["extra_content"]["google"]["thought_signature"].startswith("rst1.")
    assert losses == []
    assert message(Reasoning(("Hm.",), seals=(seal,)), Text("Yes"))[1] == [("seal", "dropped", "")]
    large = Seal("encrypted", "x" * 300_000, "openai", "m")
    assert message(Reasoning(seals=(large,)), call("a", at="c"))[1] == [("seal", "dropped", "c")]


def test_calls() -> None:
    """Arguments as they came, none as an empty object; free text as a custom call; long ids are cut, namespaces joined."""
    made, losses = message(
        call("a", arguments=""), call("b", "patch", "*** x", kind="custom"), call("x" * 80, namespace="ns"), finish=Finish("tool_calls")
    )
    assert made["content"] is None
    assert made["tool_calls"][0]["function"] == {"name": "weather", "arguments": "{}"}
    assert made["tool_calls"][1] == {"id": "b", "type": "custom", "custom": {"name": "patch", "input": "*** x"}}
    assert (len(made["tool_calls"][2]["id"]), made["tool_calls"][2]["function"]["name"]) == (64, "ns__weather")
    assert losses == []


@pytest.mark.parametrize(
    ("finish", "given", "word", "losses"),
    [
        (Finish("stop_sequence", "stop_sequence", "END"), (Text("a"),), "stop", [("finish", "approximated", "")]),
        (Finish("context_window", "x"), (Text("a"),), "length", [("finish", "approximated", "")]),
        (Finish("pause", "pause_turn"), (Text("a"),), "length", [("finish", "approximated", "")]),
        (Finish("compaction", "compaction"), (Text("a"),), "length", [("finish", "approximated", "")]),
        (Finish("refusal", "refusal"), (Text("a"),), "content_filter", []),
        (Finish("refusal"), (Refusal("No."),), "stop", []),
        (Finish("content_filter", "SAFETY"), (), "content_filter", []),
        (Finish("malformed_tool_call", "X"), (Text("a"),), "stop", [("finish", "approximated", "")]),
        (Finish("too_many_tool_calls", "X"), (Text("a"),), "stop", [("finish", "approximated", "")]),
        (Finish("too_many_tool_calls", "X"), (ToolCall("a", "f", "{}"),), "tool_calls", [("finish", "approximated", "")]),
        (Finish("other", "X"), (Text("a"),), "stop", [("finish", "approximated", "")]),
    ],
)
def test_reasons_in_this_wires_words(finish: Finish, given: Any, word: str, losses: Any) -> None:
    """The nearest word, and a Loss where it is not the same."""
    body, lost = shown(*given, finish=finish)
    assert (body["choices"][0]["finish_reason"], lost) == (word, losses)


def test_a_malformed_call_alone_is_no_answer() -> None:
    """The engine tries again."""
    with pytest.raises(UpstreamFailed):
        shown(finish=Finish("malformed_tool_call", "MALFORMED_FUNCTION_CALL"), format="google_genai")


def test_sources() -> None:
    """Offsets are moved to where the text begins in the message; a source without an address is lost."""
    cited = Text("cold", "t", citations=(Citation("anthropic", {}, "https://a", "A", "quote", 0, 2), Citation("anthropic", {}, None, "B")))
    made, losses = message(Text("Oslo is "), cited)
    assert made["annotations"] == [
        {"type": "url_citation", "url_citation": {"url": "https://a", "title": "A", "start_index": 8, "end_index": 10}}
    ]
    assert losses == [("citations", "approximated", "t"), ("citations", "dropped", "t")]


def test_images_and_speech() -> None:
    """Images stand in ``images``, each with its index, as OpenAI's helper joins lists by it; files of another provider are not there for the client."""
    made, losses = message(
        Media("image", Inline(PNG), "image/png", "a"),
        Media("image", Link("https://h/a.png"), at="b"),
        Media("audio", Inline("AAAA"), "audio/wav", "c", transcript="Hi"),
        Media("video", Inline("AAAA"), "video/mp4", "d"),
        Media("image", FileId("f"), at="e"),
    )
    assert [(image["index"], image["image_url"]["url"]) for image in made["images"]] == [
        (0, f"data:image/png;base64,{PNG}"),
        (1, "https://h/a.png"),
    ]
    assert made["audio"] == {"id": "audio_2", "data": "AAAA", "expires_at": CREATED, "transcript": "Hi"}
    assert losses == [("image", "emulated", "a"), ("image", "emulated", "b"), ("video", "dropped", "d"), ("image", "dropped", "e")]


def test_what_has_no_place_is_told() -> None:
    """Hosted tools speak in words where they have some."""
    made, losses = message(
        Opaque("anthropic", "search", {}, "a", "Found."),
        Opaque("anthropic", "upload", {}, "b"),
        ToolResult("x", (), "c"),
        Text("T", "d", phase="p"),
    )
    assert made["content"] == "Found.\n\nT"
    assert losses == [("part", "approximated", "a"), ("part", "dropped", "b"), ("tool_result", "dropped", "c"), ("phase", "dropped", "d")]


def test_counts_that_this_wire_has_no_word_for() -> None:
    """One Loss for all of them; counters at zero tell nothing."""
    usage = Usage(1, output_total=1, cache_write_long=2, server_tools={"web_search_requests": 1}, extras={"x": 1, "y": 0})
    assert shown(Text("a"), usage=usage)[1] == [("usage", "dropped", "")]
    assert shown(Text("a"), usage=Usage(1, output_total=1, server_tools={"web_search_requests": 0}))[1] == []
    assert shown(Text("a"))[0]["usage"] is None


def test_logprobs_have_both_channels() -> None:
    """Clients in JavaScript look into both."""
    entry = {"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}
    body, _ = whole(Response("google_genai", (Choice(0, (Text("a"),), Finish("stop"), {"content": [entry]}),)))
    assert body["choices"][0]["logprobs"] == {"content": [entry], "refusal": None}


@pytest.mark.parametrize(
    ("logprobs", "paths"),
    [
        ({"tokens": ["Yes"], "token_logprobs": [-0.1], "token_ids": None}, ["logprobs.tokens", "logprobs.token_logprobs"]),
        ({"content": {"newer": 1}}, ["logprobs.content"]),
        ([["newer"]], ["logprobs"]),
    ],
)
def test_logprobs_as_some_servers_tell_them_are_a_chat_clients_alone(logprobs: Any, paths: list[str]) -> None:
    """Together's and Fireworks' are of an older shape: the next wire is told that it does not hear of them, streaming or not."""
    body = answer({"content": "Yes"})
    body["choices"][0]["logprobs"] = logprobs
    response = read(body)
    coded = CONVERTER.encode_response(response, reply())
    assert (coded.value["choices"][0]["logprobs"], coded.losses) == (
        {key: value for key, value in logprobs.items() if value} if type(logprobs) is dict else logprobs,
        (),
    )
    others: tuple[Format, ...] = ("anthropic", "openai_responses", "google_genai")
    for other in others:
        coded = CONVERTERS[other].encode_response(response, reply())
        assert [loss.path for loss in coded.losses] == [f"choices.0.{path}" for path in paths]
    decoder = CONVERTER.stream_decoder(ticket())
    for _ in range(2):
        assert decoder.feed(None, {"choices": [{"index": 0, "delta": {"content": "Yes"}, "logprobs": logprobs}]})
    assert [loss.path for loss in decoder.losses] == [f"choices.0.{path}" for path in paths]
