"""One request, or one reply, for each thing that a client can say: what ``rosetta formats`` sends through every pair of converters.

The rows follow the conversion table of the formats. A probe is built in the source's name, for a source that may not be able to say it at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from rosetta.ir.parts import (
    FORMATS,
    CacheMark,
    Citation,
    FileId,
    Format,
    Inline,
    Link,
    Media,
    Part,
    PlainText,
    Reasoning,
    Refusal,
    Seal,
    SealKind,
    Text,
    ToolCall,
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
    Tool,
    ToolChoice,
    ToolName,
    Turn,
)
from rosetta.ir.response import Choice, Finish, Response
from rosetta.ir.usage import Usage

PROVIDER = "provider"
MODEL = "model"

Area = Literal["prompt", "media", "tools", "history", "reasoning", "answer", "settings", "bookkeeping"]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJSVFT0YK"
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="

OWN_SEAL: dict[Format, SealKind] = {
    "openai_chat": "text",
    "openai_responses": "encrypted",
    "anthropic": "signature",
    "google_genai": "thought_signature",
}
"""The form in which each wire's provider hands out its reasoning state."""


class Probe(msgspec.Struct, frozen=True):
    """``build`` gives the request in the name of ``source`` for ``target``, None where that source has no such thing. ``sources`` are the formats that
    have it, where their converters cannot tell: their wire would take it and mean less. ``dialects`` are what the two sides must accept for it. ``direct``: the request is not first written in the source's wire, because only a reply can put it there."""

    area: Area
    concept: str
    build: Callable[[Format, Format], Request | None]
    dialects: dict[Format, dict[str, Any]] = {}
    direct: bool = False
    sources: tuple[Format, ...] = FORMATS


class ReplyProbe(msgspec.Struct, frozen=True):
    """``parts`` are what the model answers, ``finish`` is why it stopped. ``sources`` are the formats whose upstreams tell it."""

    concept: str
    parts: tuple[Part, ...]
    finish: Finish = Finish("stop")
    logprobs: dict[str, Any] | None = None
    usage: Usage = Usage(input_uncached=10, output_total=5)
    choices: int = 1
    sources: tuple[Format, ...] = FORMATS

    def response(self, format: Format) -> Response:
        """The reply of an upstream that speaks ``format``."""
        choices = tuple(Choice(index, self.parts, self.finish, self.logprobs) for index in range(self.choices))
        return Response(format=format, choices=choices, id="id", model=MODEL, created=1_790_000_000, usage=self.usage)


# ---------------------------------------------------------------- what the probes are made of
HELLO = Turn("user", (Text("Hello"),))
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
WEATHER = FunctionTool("weather", "Tells the weather.", SCHEMA)
CLOCK = FunctionTool("clock", "Tells the time.", {"type": "object", "properties": {}, "additionalProperties": False})
HALT = FunctionTool("halt", "Stops.")
PATCH = CustomTool("patch", "Edits files.", Grammar("lark", 'start: "x"'))
CALL = ToolCall("call_000000000000000000000001", "weather", '{"city":"Oslo"}')
SECOND_CALL = ToolCall("call_000000000000000000000002", "weather", '{"city":"Rome"}')


def _request(source: Format, turns: tuple[Turn, ...] = (HELLO,), **fields: Any) -> Request:
    return Request(format=source, model=MODEL, turns=turns, **{"max_output_tokens": 32000, **fields})


def _asks(*turns: Turn, **fields: Any) -> Callable[[Format, Format], Request | None]:
    """The same request, whoever asks."""
    return lambda source, _target: _request(source, turns or (HELLO,), **fields)


def _says(*parts: Part, **fields: Any) -> Callable[[Format, Format], Request | None]:
    return _asks(Turn("user", (*parts, Text("Look."))), **fields)


def _answered(*parts: Part, **fields: Any) -> Callable[[Format, Format], Request | None]:
    return _asks(HELLO, Turn("assistant", parts), Turn("user", (Text("Go on."),)), **fields)


def _called(
    *results: ToolResult, calls: tuple[ToolCall, ...] = (CALL,), tool: Tool = WEATHER
) -> Callable[[Format, Format], Request | None]:
    return _asks(HELLO, Turn("assistant", calls), Turn("user", results), tools=(tool,))


def _tools(*tools: Tool, **fields: Any) -> Callable[[Format, Format], Request | None]:
    return _asks(tools=tools, **fields)


def _only(format: Format, **fields: Any) -> Callable[[Format, Format], Request | None]:
    return lambda source, _target: _request(source, **fields) if source == format else None


def _extra(**by_format: dict[str, Any]) -> Callable[[Format, Format], Request | None]:
    return lambda source, _target: _request(source, extras=by_format[source]) if source in by_format else None


def _hosted(kind: str, **data: dict[str, Any]) -> Callable[[Format, Format], Request | None]:
    return lambda source, _target: _request(source, tools=(HostedTool(kind, source, data[source]),)) if source in data else None


def _sealed(source: Format, target: Format) -> Request:
    seal = Seal(OWN_SEAL[target], "c2VhbGVk", PROVIDER, MODEL, texts=("I think.",))
    parts: tuple[Part, ...]
    if target == "google_genai":
        parts = (msgspec.structs.replace(CALL, seal=msgspec.structs.replace(seal, bound="part")),)
    else:
        parts = (Reasoning(("I think.",), seals=(seal,)), CALL)
    turns = (HELLO, Turn("assistant", parts), Turn("user", (ToolResult(CALL.id, (Text("Rain."),)),)))
    return _request(source, turns, tools=(WEATHER,))


def _foreign(source: Format, _target: Format) -> Request:
    seal = Seal("signature", "c2VhbGVk", "another", "another", texts=("I think.",))
    return _request(
        source, (HELLO, Turn("assistant", (Reasoning(("I think.",), seals=(seal,)), Text("Hi."))), Turn("user", (Text("Go on."),)))
    )


def _filed(source: Format, target: Format) -> Request | None:
    google = "https://generativelanguage.googleapis.com/v1beta/files/1"
    return _says(Media("image", FileId(google if source == "google_genai" else "file-1"), "image/png"))(source, target)


def _think(**fields: Any) -> Callable[[Format, Format], Request | None]:
    return _asks(reasoning=ReasoningRequest(**fields))


def _draw(**fields: Any) -> Callable[[Format, Format], Request | None]:
    return _asks(sampling=Sampling(**fields))


_BUDGETS: dict[Format, dict[str, Any]] = {"anthropic": {"thinking": "budget"}, "google_genai": {"thinking": "budget", "thinking_off": True}}

_OPENAI: tuple[Format, ...] = ("openai_chat", "openai_responses")

PROBES: tuple[Probe, ...] = (
    Probe("prompt", "user text", _asks()),
    Probe("prompt", "system prompt", _asks(system=(Turn("system", (Text("Be brief."),)),))),
    Probe("prompt", "several system prompts", _asks(system=(Turn("system", (Text("Be brief."),)), Turn("system", (Text("Be kind."),))))),
    Probe("prompt", "developer prompt", _asks(system=(Turn("developer", (Text("Be brief."),)),)), sources=_OPENAI),
    Probe(
        "prompt",
        "system message in mid-conversation",
        _asks(HELLO, Turn("assistant", (Text("Hi."),)), Turn("user", (Text("Go on."),)), Turn("system", (Text("Be brief."),))),
    ),
    Probe("prompt", "name of a speaker", _asks(msgspec.structs.replace(HELLO, name="ann"))),
    Probe("media", "image, inline", _says(Media("image", Inline(PNG), "image/png"))),
    Probe("media", "image, by address", _says(Media("image", Link("https://example.com/a.png"), "image/png"))),
    Probe("media", "image, by file id", _filed),
    Probe("media", "image detail", _says(Media("image", Inline(PNG), "image/png", detail="high"))),
    Probe("media", "PDF, inline", _says(Media("document", Inline(PDF), "application/pdf"))),
    Probe("media", "PDF, by address", _says(Media("document", Link("https://example.com/a.pdf"), "application/pdf"))),
    Probe("media", "document as text", _says(Media("document", PlainText("Some text."), "text/plain"))),
    Probe("media", "document title and context", _says(Media("document", Inline(PDF), "application/pdf", title="A title", context="Old."))),
    Probe("media", "audio, inline", _says(Media("audio", Inline(WAV), "audio/wav")), sources=("openai_chat", "google_genai")),
    Probe("media", "video, by address", _says(Media("video", Link("https://www.youtube.com/watch?v=1"), "video/mp4"))),
    Probe("tools", "function tool", _tools(WEATHER)),
    Probe("tools", "function without arguments", _tools(HALT)),
    Probe("tools", "strict function", _tools(msgspec.structs.replace(WEATHER, strict=True))),
    Probe("tools", "free-text tool with a grammar", _tools(PATCH)),
    Probe(
        "tools",
        "tools in a namespace",
        _tools(msgspec.structs.replace(WEATHER, namespace="sky"), namespaces=(Namespace("sky"),)),
        sources=("openai_responses",),
    ),
    Probe("tools", "deferred tools", _tools(msgspec.structs.replace(WEATHER, deferred=True), CLOCK)),
    Probe(
        "tools",
        "hosted web search",
        _hosted(
            "web_search",
            openai_responses={"type": "web_search"},
            anthropic={"type": "web_search_20250305", "name": "web_search"},
            google_genai={"googleSearch": {}},
        ),
    ),
    Probe(
        "tools",
        "hosted code execution",
        _hosted(
            "code_execution",
            openai_responses={"type": "code_interpreter", "container": {"type": "auto"}},
            anthropic={"type": "code_execution_20250825", "name": "code_execution"},
            google_genai={"codeExecution": {}},
        ),
    ),
    Probe("tools", "tool choice: none", _tools(WEATHER, tool_choice=ToolChoice("none"))),
    Probe("tools", "tool choice: any tool", _tools(WEATHER, tool_choice=ToolChoice("required"))),
    Probe("tools", "tool choice: one tool", _tools(WEATHER, CLOCK, tool_choice=ToolChoice("required", (ToolName("weather"),)))),
    Probe(
        "tools",
        "tool choice: some tools",
        _tools(WEATHER, CLOCK, HALT, tool_choice=ToolChoice("required", (ToolName("weather"), ToolName("clock")))),
    ),
    Probe("tools", "no parallel calls", _tools(WEATHER, parallel_tool_calls=False)),
    Probe("history", "tool call and result", _called(ToolResult(CALL.id, (Text("Rain."),)))),
    Probe(
        "history",
        "parallel calls",
        _called(ToolResult(CALL.id, (Text("Rain."),)), ToolResult(SECOND_CALL.id, (Text("Sun."),)), calls=(CALL, SECOND_CALL)),
    ),
    Probe(
        "history",
        "failed tool result",
        _called(ToolResult(CALL.id, (Text("No such city."),), is_error=True)),
        sources=("anthropic", "google_genai"),
    ),
    Probe("history", "tool result with an image", _called(ToolResult(CALL.id, (Text("Here."), Media("image", Inline(PNG), "image/png"))))),
    Probe(
        "history",
        "free-text call and result",
        _called(
            ToolResult("call_000000000000000000000003", (Text("Done."),), kind="custom"),
            calls=(ToolCall("call_000000000000000000000003", "patch", "x", kind="custom"),),
            tool=PATCH,
        ),
    ),
    Probe(
        "history",
        "citations",
        lambda source, _target: _request(
            source,
            (
                HELLO,
                Turn("assistant", (Text("Oslo is wet.", citations=(_citation(source),)),)),
                Turn("user", (Text("Go on."),)),
            ),
        ),
    ),
    Probe("history", "refusal", _answered(Refusal("I will not.")), sources=_OPENAI),
    Probe("history", "phase of a message", _answered(Text("Let me see.", phase="commentary"))),
    Probe(
        "history",
        "unfinished last answer (prefill)",
        _asks(HELLO, Turn("assistant", (Text("Once upon"),))),
        sources=("anthropic", "google_genai"),
    ),
    Probe("reasoning", "effort", _think(effort="high", mode="on")),
    Probe("reasoning", "budget in tokens", _think(budget=4096, mode="on"), _BUDGETS),
    Probe("reasoning", "no reasoning", _think(mode="off"), _BUDGETS),
    Probe(
        "reasoning",
        "visible reasoning",
        _think(effort="high", mode="on", visible=True),
        sources=("openai_responses", "anthropic", "google_genai"),
    ),
    Probe("reasoning", "reasoning text of earlier turns", _answered(Reasoning(("I think.",)), Text("Hi."))),
    Probe("reasoning", "sealed reasoning, back to its maker", _sealed, direct=True),
    Probe("reasoning", "sealed reasoning, to another provider", _foreign, direct=True),
    Probe("answer", "JSON schema", _asks(output=OutputFormat("json_schema", SCHEMA, "city"))),
    Probe("answer", "any JSON object", _asks(output=OutputFormat("json_object"))),
    Probe("answer", "verbosity", _asks(verbosity="low")),
    Probe("answer", "audio answer", _asks(modalities=("text", "audio"))),
    Probe("answer", "several answers", _draw(n=2)),
    Probe("settings", "output limit", _asks(max_output_tokens=1000)),
    Probe("settings", "temperature up to 1", _draw(temperature=0.5)),
    Probe("settings", "temperature above 1", _draw(temperature=1.5), sources=("openai_chat", "openai_responses", "google_genai")),
    Probe("settings", "top_p", _draw(top_p=0.9)),
    Probe("settings", "top_k", _draw(top_k=40)),
    Probe("settings", "stop sequences", _asks(stop=("END",))),
    Probe("settings", "seed", _draw(seed=7)),
    Probe("settings", "penalties", _draw(presence_penalty=0.5, frequency_penalty=0.5)),
    Probe("settings", "logit bias", _draw(logit_bias={"50256": -100})),
    Probe("settings", "log probabilities", _draw(logprobs=True, top_logprobs=2)),
    Probe(
        "settings",
        "safety settings",
        _extra(google_genai={"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]}),
    ),
    Probe("bookkeeping", "cache mark on a message", _asks(Turn("user", (Text("Hello", cache=CacheMark("5m")),)))),
    Probe("bookkeeping", "cache mark on a tool", _tools(msgspec.structs.replace(WEATHER, cache=CacheMark("5m")))),
    Probe("bookkeeping", "cache key", _asks(cache=CacheRequest(key="session-1"))),
    Probe("bookkeeping", "user id", _asks(user="user-1")),
    Probe("bookkeeping", "metadata", _asks(metadata={"team": "a"})),
    Probe("bookkeeping", "service tier", _asks(service_tier="default")),
    Probe("bookkeeping", "stored answer", _only("openai_responses", state=State(store=True))),
    Probe("bookkeeping", "previous answer by id", _only("openai_responses", state=State(previous_response_id="resp_1"))),
    Probe("bookkeeping", "background", _only("openai_responses", state=State(background=True))),
    Probe(
        "bookkeeping",
        "unknown field",
        lambda source, _target: _request(source, extras={"some_new_field": 1}),
    ),
)


def _citation(source: Format) -> Citation:
    raw: dict[Format, dict[str, Any]] = {
        "openai_chat": {
            "type": "url_citation",
            "url_citation": {"start_index": 0, "end_index": 12, "url": "https://example.com", "title": "A"},
        },
        "openai_responses": {"type": "url_citation", "start_index": 0, "end_index": 12, "url": "https://example.com", "title": "A"},
        "anthropic": {
            "type": "web_search_result_location",
            "url": "https://example.com",
            "title": "A",
            "encrypted_index": "e",
            "cited_text": "Oslo is wet.",
        },
        "google_genai": {"startIndex": 0, "endIndex": 12, "uri": "https://example.com", "title": "A"},
    }
    return Citation(source, raw[source], "https://example.com", "A", "Oslo is wet.", 0, 12)


REPLIES: tuple[ReplyProbe, ...] = (
    ReplyProbe("text", (Text("Hi."),)),
    ReplyProbe("reasoning summary", (Reasoning(("I think.",)), Text("Hi."))),
    ReplyProbe("reasoning, verbatim", (Reasoning(raw="I think."), Text("Hi.")), sources=("openai_responses",)),
    ReplyProbe("tool calls", (CALL, SECOND_CALL), Finish("tool_calls")),
    ReplyProbe(
        "text between calls",
        (Text("First."), CALL, Text("Then."), SECOND_CALL),
        Finish("tool_calls"),
        sources=("openai_responses", "anthropic", "google_genai"),
    ),
    ReplyProbe("refusal", (Refusal("I will not."),), Finish("refusal"), sources=("openai_chat", "openai_responses", "anthropic")),
    ReplyProbe("cut at the output limit", (Text("Hi"),), Finish("length")),
    ReplyProbe("stopped by a stop sequence", (Text("Hi"),), Finish("stop_sequence", sequence="END"), sources=("anthropic",)),
    ReplyProbe(
        "stopped by a content filter",
        (Text("Hi"),),
        Finish("content_filter"),
        sources=("openai_chat", "openai_responses", "google_genai"),
    ),
    ReplyProbe("several answers", (Text("Hi."),), choices=2),
    ReplyProbe("usage: cache reads", (Text("Hi."),), usage=Usage(input_uncached=10, cache_read=100, output_total=50)),
    ReplyProbe("usage: cache writes", (Text("Hi."),), usage=Usage(input_uncached=10, cache_write=100, output_total=50)),
    ReplyProbe("usage: reasoning", (Text("Hi."),), usage=Usage(input_uncached=10, output_total=50, reasoning=30)),
)
