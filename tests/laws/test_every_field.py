"""The law of every field: whatever a client's wire can say of a node, in whatever place, changes what the target hears, or its loss is told.

The fixtures say what clients say today. Here each field of each node is set alone, in each place where its wire has it: a conversion that comes out the same
with and without it, and tells the same losses, was deaf to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from rosetta.converters import CONVERTERS
from rosetta.converters.converter import Target, Unsupported
from rosetta.ir.parts import (
    FORMATS,
    CacheMark,
    Citation,
    FileId,
    Format,
    Inline,
    Link,
    Media,
    Opaque,
    Part,
    PlainText,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from rosetta.ir.request import (
    EFFORTS,
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
from rosetta.providers import catalog, models
from tests.laws import wires

C: Format = "openai_chat"
R: Format = "openai_responses"
A: Format = "anthropic"
G: Format = "google_genai"
ALL = frozenset(FORMATS)
OTHER = "A_VALUE_THAT_NOBODY_ELSE_SAYS"
FRESH = {"fresh": "value"}
DIALECTS: dict[Format, tuple[dict[str, Any], ...]] = {
    C: ({}, {"cache_marks": "cache_control"}, {"mid_system": "user", "rewrite": True}, {"rewrite": "needed", "either_role": False}),
    R: ({}, {"mid_system": "user"}, {"mid_system": "user", "system_items": False, "rewrite": "needed"}),
    A: ({"mid_system": True}, {"mid_system": False}),
    G: ({},),
}
WAYS = [(source, target, dialect) for source in FORMATS for target in FORMATS for dialect in DIALECTS[target]]
SERVERS: tuple[tuple[str, Format, str], ...] = (
    *[("openai", C, model) for model in ("gpt-5.6", "gpt-4o", "gpt-4o-audio-preview")],
    *[("openai", R, model) for model in ("gpt-6", "gpt-4o")],
    *[("anthropic", A, model) for model in ("claude-opus-5-5", "claude-opus-4-8", "claude-sonnet-4-5", "claude-3-5-haiku-latest")],
    *[("google", G, model) for model in ("gemini-3-pro-preview", "gemini-2.5-flash", "gemini-2.0-flash")],
    *[(vendor, C, "some-model") for vendor in ("ollama", "vllm", "llamacpp", "lmstudio", "groq", "together", "fireworks", "azure_openai")],
    *[("mistral", C, "mistral-large-latest"), ("xai", C, "grok-4"), ("deepseek", C, "deepseek-reasoner")],
    *[("openrouter", C, "anthropic/claude-opus-5-5"), ("ollama", A, "qwen3"), ("ollama", R, "qwen3"), ("vllm", R, "some-model")],
)
SERVED = [(source, *server) for source in FORMATS for server in SERVERS]


def server(vendor: str, format: Format, model: str) -> Target:
    """A model at a vendor of the catalog, with its own dialect."""
    return Target("the-provider", model, models.dialect(format, catalog.vendor(vendor, None, format).name, model, {}), wires.counted_ids())


def heard(request: Request, target: Format, dialect: dict[str, Any] | tuple[str, str]) -> tuple[Any, list[Any]]:
    """What the target hears, and what is told. The dialect is one of the settings given, or that of a vendor's model."""
    where = server(dialect[0], target, dialect[1]) if isinstance(dialect, tuple) else wires.target(target, **dialect)
    try:
        sent = CONVERTERS[target].encode_request(request, where)
    except Unsupported as refused:
        return str(refused), []
    return sent.wire.body, [(loss.field, loss.kind, loss.at, loss.path) for loss in sent.losses]


# ------------------------------------------------------------------------------------------------------------------------------ parts

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
PDF = "JVBERi0xLjQKJcOkw7zDtsOfCjEgMCBvYmoKPDw+PgplbmRvYmoK"
AT = "messages.1.content.0"


def parts_of(source: Format) -> list[Part]:
    """One part of each kind and source that a client of the wire can send."""
    found: list[Part] = [
        Text("hello", AT),
        Media("image", Inline(PNG), "image/png", AT),
        Media("document", Inline(PDF), "application/pdf", AT),
        Media("document", FileId("file_1"), None, AT),
        Opaque(source, "strange", {"type": "strange", "x": "y"}, AT),
    ]
    if source != G:
        found.append(Media("image", Link("https://a.test/a.png"), None, AT))
    if source != C:
        found.append(Media("document", Link("https://a.test/a.pdf"), "application/pdf" if source == G else None, AT))
    if source == A:
        found.append(Opaque(A, "strange", {"type": "strange", "x": "y"}, AT, "its words"))
        found.append(Media("document", PlainText("Some words."), "text/plain", AT))
        found.append(Media("image", FileId("file_1"), None, AT))
    else:
        found.append(Media("audio", Inline(WAV), "audio/wav", AT))
        found.append(Media("document", Inline("YSxiCjEsMgo="), "text/csv", AT))
    if source in (C, R):
        found.append(Refusal("No.", AT))
        found.append(Media("audio", Inline(WAV), "audio/ogg", AT))
    if source in (R, G):
        found.append(Media("video", Inline(WAV), "video/mp4", AT))
    return found


def fields_of(part: Part, source: Format, place: str) -> Iterator[dict[str, Any]]:
    """What the wire can say of the part in this place beside what it is."""
    model = place.startswith("assistant")
    if not isinstance(part, Opaque) and not (source == G and place == "result" and isinstance(part, Text)):  # Google's results are JSON
        yield {"extras": FRESH}
    if (
        source != G
        and isinstance(part, Text | Media)
        and not (source == R and part.at and isinstance(part, Media) and part.kind == "audio")
    ):
        yield from ({"cache": CacheMark(ttl)} for ttl in (None, "5m", "1h"))
    match part:
        case Text():
            if model or source == R:
                yield {"citations": (Citation(source, {"type": "strange"}, "https://a.test", "T", "quote", 0, 2),)}
            if model and source == R:
                yield {"phase": "commentary"}
            if model:
                yield {"seal": Seal("thought_signature", "QUJD", "other", "m")}
        case Media():
            if source == A and part.kind == "document":
                yield from ({"title": "A title"}, {"context": "A context"}, {"citable": True})
            if source in (G, R) or (source == C and not isinstance(part.source, Link)):
                yield {"name": "n.pdf"}
            if source == R or (source == C and part.kind == "image"):
                yield {"detail": "low"}
            if source == G and model:
                yield {"seal": Seal("thought_signature", "QUJD", "other", "m")}
        case Opaque():
            if source == A:
                yield {"cache": CacheMark()}
        case _:
            pass


def places(part: Part) -> Iterator[tuple[str, tuple[Turn, ...], tuple[Turn, ...]]]:
    """A conversation around the part for each place where it may stand: a name, the turns, the system prompt."""
    hello, more = Turn("user", (Text("a", "messages.0"),), "messages.0"), Text("more", "messages.1.content.1")
    call = ToolCall("call_1", "f", "{}", "messages.0.tool_calls.0")
    answered = Turn("user", (ToolResult("call_1", (Text("ok", "messages.2.content"),), "messages.2", "f"),), "messages.2")
    last = Turn("user", (Text("z", "messages.3"),), "messages.3")
    yield "user", (Turn("user", (part,), "messages.1"),), ()
    yield "user, before more", (Turn("user", (part, more), "messages.1"),), ()
    yield "assistant", (hello, Turn("assistant", (part,), "messages.1"), last), ()
    yield "assistant, with a call", (hello, Turn("assistant", (part, call), "messages.1"), answered), ()
    for failed in (None, True):
        result = ToolResult("call_1", (part,), "messages.1", "f", is_error=failed)
        yield "result", (hello, Turn("assistant", (call,), "messages.0"), Turn("user", (result,), "messages.1")), ()
    if isinstance(part, Refusal):
        return
    yield "system", (hello,), (Turn("system", (part,), "system"),)
    yield "system, before more", (hello,), (Turn("system", (part, more), "system"),)
    yield "system in mid-conversation", (hello, Turn("system", (part, more), "messages.1"), last), ()


def varied(part: Part) -> Part:
    """The part that says something else."""
    match part:
        case Media():
            other = {Inline: Inline("QUFBQUFB"), Link: Link("https://b.test/b"), FileId: FileId("file_2"), PlainText: PlainText(OTHER)}
            return msgspec.structs.replace(part, source=other[type(part.source)])
        case Opaque():
            return msgspec.structs.replace(part, data={"type": "strange", "x": OTHER}, text=part.text and OTHER)
        case _:
            return msgspec.structs.replace(part, text=OTHER)


@pytest.mark.parametrize(("source", "target", "dialect"), WAYS)
def test_no_field_of_a_part_goes_in_silence(source: Format, target: Format, dialect: dict[str, Any] | tuple[str, str]) -> None:
    """In each place where it may stand; and the part itself is said, or told by its own path."""
    silent = []
    for part in parts_of(source):
        for number, (place, turns, system) in enumerate(places(part)):
            body, losses = heard(Request(source, "m", turns, system), target, dialect)
            gone = any(
                at == part.at and kind == "dropped" and field in (getattr(part, "kind", ""), "part") for field, kind, at, _ in losses
            )
            if not gone:
                _, turns, system = list(places(varied(part)))[number]
                if heard(Request(source, "m", turns, system), target, dialect)[0] == body:
                    silent.append(f"{type(part).__name__} {getattr(part, 'kind', '')} ({place}) itself")
            for change in fields_of(part, source, place):
                _, turns, system = list(places(msgspec.structs.replace(part, **change)))[number]
                own = isinstance(part, Opaque) and source == target  # it goes as it came, its mark in it
                if not (gone or own) and heard(Request(source, "m", turns, system), target, dialect) == (body, losses):
                    silent.append(f"{type(part).__name__} {getattr(part, 'kind', '')} {getattr(part, 'source', '')} ({place}): {change}")
    assert silent == []


# ------------------------------------------------------------------------------------------------------------------------------ all else

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
Way = tuple[str | int, ...]
CALL: Way = ("turns", 1, "parts", 2)
CUSTOM_CALL: Way = ("turns", 1, "parts", 3)
THOUGHT: Way = ("turns", 1, "parts", 0)
RESULT: Way = ("turns", 2, "parts", 0)
TOOL: Way = ("tools", 0)
CUSTOM_TOOL: Way = ("tools", 2)
TOP: Way = ()


def conversation(source: Format) -> Request:
    """A request with one of each node that is no visible part."""
    tools = (FunctionTool("f", "Does f.", SCHEMA, "tools.0"), FunctionTool("g", "Does g.", SCHEMA, "tools.1"))
    said = (
        Reasoning(("thought",), at="messages.1.reasoning"),
        Text("said", "messages.1.content"),
        ToolCall("call_1", "f", '{"a":"b"}', "messages.1.tool_calls.0"),
        ToolCall("call_2", "p", "text", "messages.1.tool_calls.1", "custom"),
    )
    heard = (
        ToolResult("call_1", (Text("ok", "messages.2.content"),), "messages.2", "f"),
        ToolResult("call_2", (Text("ok", "messages.3.content"),), "messages.3", "p", "custom"),
        Text("more", "messages.4.content"),
    )
    turns = (
        Turn("user", (Text("a", "messages.0.content"),), "messages.0"),
        Turn("assistant", said, "messages.1"),
        Turn("user", heard, "messages.2"),
        Turn("developer", (Text("mid", "messages.5.content"),), "messages.5"),
        Turn("user", (Text("last", "messages.6.content"),), "messages.6"),
    )
    system = (Turn("system", (Text("prompt", "system.0"),), "system"),)
    return Request(source, "m", turns, system, (*tools, CustomTool("p", "Patches.", None, "tools.2")))


def changed(node: Any, way: Way, change: dict[str, Any]) -> Any:
    """The node with the fields at the end of the way replaced."""
    if not way:
        return msgspec.structs.replace(node, **change)
    step, *rest = way
    if isinstance(step, int):
        return (*node[:step], changed(node[step], tuple(rest), change), *node[step + 1 :])
    return msgspec.structs.replace(node, **{step: changed(getattr(node, step), tuple(rest), change)})


FOREIGN = Seal("signature", "QUJD", "other", "m")
CHANGES: list[tuple[Any, Way, dict[str, Any]]] = [
    *[([C], ("turns", place), {"name": "bob"}) for place in (0, 1, 3, 4)],
    *[([A, R], ("turns", place), {"effort": "low"}) for place in (0, 3, 4)],
    *[([R], ("turns", place), {"effort": "low"}) for place in (1, 2)],
    *[([A, G], ("turns", place), {"extras": FRESH}) for place in range(5)],
    *[([C, R], ("turns", place), {"extras": FRESH}) for place in (0, 3, 4)],
    ([C], ("turns", 1), {"extras": FRESH}),
    ([C], ("system", 0), {"name": "bob"}),
    ([C, R, G], ("system", 0), {"extras": FRESH}),
    *[change for call in (CALL, CUSTOM_CALL) for change in ([(ALL, call, {"extras": FRESH}), (ALL, call, {"seal": FOREIGN})])],
    ([R], CALL, {"namespace": "space"}),
    ([A], CALL, {"cache": CacheMark()}),
    ([A], RESULT, {"is_error": True}),
    ([A], RESULT, {"cache": CacheMark()}),
    (ALL, RESULT, {"extras": FRESH}),
    (ALL, RESULT, {"parts": ()}),
    (ALL, THOUGHT, {"extras": FRESH}),
    (ALL, THOUGHT, {"seals": (FOREIGN,)}),
    *[(ALL, TOOL, change) for change in ({"description": None}, {"schema": None}, {"extras": FRESH})],
    *[([C, R, A], TOOL, {"strict": True})],
    *[([R, A], TOOL, {"deferred": True})],
    ([R], TOOL, {"namespace": "space"}),
    ([A], TOOL, {"cache": CacheMark()}),
    *[([C, R], CUSTOM_TOOL, change) for change in ({"description": None}, {"grammar": Grammar("lark", "start: /x/")}, {"extras": FRESH})],
    *[([R], CUSTOM_TOOL, change) for change in ({"namespace": "space"}, {"deferred": True})],
    ([R], TOP, {"namespaces": (Namespace("empty", "A description.", "tools.9"),)}),
    ([R], TOP, {"namespaces": (Namespace("empty", "", "tools.9", FRESH),)}),
    *[
        (ALL, TOP, {"tool_choice": choice})
        for choice in (
            ToolChoice("auto"),
            ToolChoice("none"),
            ToolChoice("required"),
            ToolChoice("required", (ToolName("f"),)),
            ToolChoice("auto", (ToolName("f"),)),
            ToolChoice("required", (ToolName("f"), ToolName("g"))),
            ToolChoice("required", (ToolName("f"),), extras=FRESH),
        )
    ],
    ([C, R, A], TOP, {"parallel_tool_calls": False}),
    *[
        (sources, TOP, {"sampling": Sampling(**field)})
        for sources, field in (
            (ALL, {"temperature": 0.0}),
            (ALL, {"temperature": 1.7}),
            (ALL, {"top_p": 0.5}),
            ([A, G, C], {"top_k": 5}),
            ([C, G], {"seed": 3}),
            ([C, G], {"presence_penalty": 0.5}),
            ([C, G], {"frequency_penalty": 0.5}),
            ([C], {"logit_bias": {"5": 1.0}}),
            ([C, R, G], {"logprobs": True}),
            ([C, R, G], {"top_logprobs": 3}),
            ([C, G], {"n": 2}),
        )
    ],
    (ALL, TOP, {"max_output_tokens": 77}),
    ([C, A, G], TOP, {"stop": ("x",)}),
    ([C, A, G], TOP, {"stop": tuple("abcdefgh")}),
    *[(ALL, TOP, {"reasoning": ReasoningRequest(effort=effort)}) for effort in EFFORTS if effort != "none"],
    (ALL, TOP, {"reasoning": ReasoningRequest(mode="on", budget=2000)}),
    ([A, C], TOP, {"reasoning": ReasoningRequest(mode="on", budget=2000, effort="low")}),
    ([A, C, G], TOP, {"reasoning": ReasoningRequest(extras=FRESH)}),
    *[
        (sources, TOP, {"output": form})
        for sources, form in (
            (ALL, OutputFormat("json_object")),
            (ALL, OutputFormat("json_schema", SCHEMA)),
            ([C, R, A], OutputFormat("json_schema", SCHEMA, extras=FRESH)),
            ([C], OutputFormat("json_object", extras=FRESH)),
            ([C], OutputFormat("text", extras=FRESH)),
        )
    ],
    *[([C, R], TOP, {"verbosity": word}) for word in ("low", "medium", "high")],
    *[([C, G], TOP, {"modalities": words}) for words in (("audio",), ("text", "image"))],
    ([C, R], TOP, {"cache": CacheRequest(key="k")}),
    ([C, R], TOP, {"cache": CacheRequest(retention="24h")}),
    ([A], TOP, {"cache": CacheRequest(mark=CacheMark())}),
    ([G], TOP, {"cache": CacheRequest(content="cachedContents/x")}),
    ([C, R], TOP, {"state": State(store=True)}),
    ([R], TOP, {"state": State(previous_response_id="resp_1")}),
    ([R], TOP, {"state": State(conversation="conv_1")}),
    ([R], TOP, {"state": State(background=True)}),
    *[(ALL, TOP, {"service_tier": word}) for word in ("flex", "priority")],
    ([C, R, A], TOP, {"user": "u"}),
    ([C, R, G], TOP, {"metadata": {"k": "v"}}),
    ([R], TOP, {"include": ("file_search_call.results",)}),
    (ALL, TOP, {"extras": FRESH}),
]
"""Which wires can say it, where, and what. Defaults that are said aloud (``strict: false``, ``n: 1``) are not here: they may go unheard."""


@pytest.mark.parametrize(("source", "target", "dialect"), WAYS)
def test_no_setting_goes_in_silence(source: Format, target: Format, dialect: dict[str, Any] | tuple[str, str]) -> None:
    """Of turns, calls, results, thoughts, tools and the request as a whole."""
    request = conversation(source)
    before = heard(request, target, dialect)
    silent = [
        f"{'.'.join(map(str, way))}: {change}"
        for sources, way, change in CHANGES
        if source in sources and heard(changed(request, way, change), target, dialect) == before
    ]
    assert silent == []


@pytest.mark.parametrize(("source", "vendor", "target", "model"), SERVED)
def test_no_vendor_is_told_less_in_silence(source: Format, vendor: str, target: Format, model: str) -> None:
    """The same of the dialects of real servers."""
    test_no_field_of_a_part_goes_in_silence(source, target, (vendor, model))
    test_no_setting_goes_in_silence(source, target, (vendor, model))


@pytest.mark.parametrize("target", FORMATS)
def test_what_only_a_form_of_the_answer_says_is_heard(target: Format) -> None:
    """Beside a schema: its description, and that the model is to keep to it strictly."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    forms = [OutputFormat("json_schema", schema), OutputFormat("json_schema", schema, description="A.")]
    plain, described = (heard(msgspec.structs.replace(conversation(C), output=form), target, {}) for form in forms)
    assert plain != described


@pytest.mark.parametrize("source", FORMATS)
def test_hosted_tools_are_sent_or_told(source: Format) -> None:
    """Each vendor's own search."""
    own: dict[Format, dict[str, Any]] = {
        C: {"web_search_options": {"search_context_size": "low"}},
        R: {"type": "web_search"},
        A: {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
        G: {"googleSearch": {}},
    }
    request = conversation(source)
    searching = msgspec.structs.replace(request, tools=(*request.tools, HostedTool("web_search", source, own[source], "tools.3")))
    for target in FORMATS:
        assert heard(request, target, {}) != heard(searching, target, {})
