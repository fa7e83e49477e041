"""What a client asks for, whatever it speaks."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from rosetta.ir.parts import NO_EXTRAS, CacheMark, Format, Part, ToolKind

Role = Literal["system", "developer", "user", "assistant"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
EFFORTS: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


class Turn(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One speaker's stretch of the conversation.

    Tool results live in ``user`` turns, in source order. What one model answer was is one ``assistant`` turn, however many wire
    items it took. ``system`` and ``developer`` turns may stand anywhere in ``Request.turns``.
    ``effort`` is a change of effort that came with this message (Anthropic ``output_config``, Responses ``configuration_update``).
    """

    role: Role
    parts: tuple[Part, ...]
    at: str = ""
    name: str | None = None
    effort: Effort | None = None
    extras: dict[str, Any] = NO_EXTRAS


class Grammar(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a custom tool's free text must match. ``syntax`` is ``lark`` or ``regex``."""

    syntax: str
    definition: str


class FunctionTool(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """A function with JSON arguments. ``schema`` is None when the client gave none (no arguments). ``deferred``: the client loads
    it later through tool search."""

    name: str
    description: str | None = None
    schema: dict[str, Any] | None = None
    at: str = ""
    strict: bool | None = None
    namespace: str | None = None
    deferred: bool | None = None
    cache: CacheMark | None = None
    extras: dict[str, Any] = NO_EXTRAS


class CustomTool(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """A tool that takes free text (OpenAI ``custom``). Without a grammar any text will do."""

    name: str
    description: str | None = None
    grammar: Grammar | None = None
    at: str = ""
    namespace: str | None = None
    deferred: bool | None = None
    extras: dict[str, Any] = NO_EXTRAS


class HostedTool(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """A tool the provider runs itself. ``kind`` is a common word (``web_search``, ``code_execution``, ``web_fetch``, ``mcp``, …)
    or the wire's own type; ``data`` the wire's own object."""

    kind: str
    format: Format
    data: dict[str, Any]
    at: str = ""


Tool = FunctionTool | CustomTool | HostedTool


class Namespace(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A named group of tools (OpenAI Responses). The tools name it in their ``namespace``."""

    name: str
    description: str = ""
    at: str = ""
    extras: dict[str, Any] = NO_EXTRAS


class ToolName(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Which tool a choice means."""

    name: str
    namespace: str | None = None
    kind: ToolKind = "function"


class ToolChoice(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Whether and which tool must be called.

    ``auto`` may, ``none`` must not, ``required`` must call some tool. With ``names`` the choice is among these only: ``required``
    and one name is the forced tool. ``hosted`` is a wire's own object that forces one of its hosted tools (then ``format`` is set).
    """

    mode: Literal["auto", "none", "required"]
    names: tuple[ToolName, ...] = ()
    hosted: dict[str, Any] | None = None
    format: Format | None = None
    extras: dict[str, Any] = NO_EXTRAS


class Sampling(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How tokens are drawn. None: the client did not say."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    n: int | None = None


class ReasoningRequest(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How much the model shall think, and what of it is shown.

    ``mode``: ``off`` no thinking, ``on`` with ``budget`` or ``effort``, ``adaptive`` the model decides, None unsaid.
    ``budget`` is in tokens, exactly as the client said it. ``visible``: True the client wants to read reasoning, False it wants the
    text left out, None unsaid. ``summary`` is OpenAI's ``auto``/``concise``/``detailed``.
    """

    mode: Literal["off", "on", "adaptive"] | None = None
    effort: Effort | None = None
    budget: int | None = None
    visible: bool | None = None
    summary: str | None = None
    extras: dict[str, Any] = NO_EXTRAS


class OutputFormat(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The shape of the answer. ``schema`` goes with ``json_schema``; ``name``, ``strict`` and ``description`` are OpenAI's. ``at`` is where the ``extras``
    stand."""

    kind: Literal["text", "json_object", "json_schema"]
    schema: dict[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    extras: dict[str, Any] = NO_EXTRAS
    at: str = ""


class CacheRequest(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Prompt caching for the request as a whole: OpenAI's routing ``key`` and ``retention``, Anthropic's top-level ``mark``,
    Google's ``content`` (the name of cached contents)."""

    key: str | None = None
    retention: str | None = None
    mark: CacheMark | None = None
    content: str | None = None


class State(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Conversation state kept at the provider."""

    store: bool | None = None
    previous_response_id: str | None = None
    conversation: Any = None
    background: bool | None = None


NO_SAMPLING = Sampling()
NO_REASONING = ReasoningRequest()
NO_CACHE = CacheRequest()
NO_STATE = State()


class Request(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One request for a model's answer.

    ``system`` holds the leading system and developer messages, each a Turn, so that several are not glued together; later ones
    stand in ``turns``. ``tools`` are flat, each with its namespace. ``stream`` and ``include_usage`` are what the client asked for.
    ``version`` and ``betas`` are Anthropic's headers. ``extras`` are the unknown top-level fields of ``format``. ``words`` are the client's own for
    fields of which its wire has several (``effort``: ``reasoning.effort``), so that a Loss names the one that is there.
    """

    format: Format
    model: str
    turns: tuple[Turn, ...]
    system: tuple[Turn, ...] = ()
    tools: tuple[Tool, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    sampling: Sampling = NO_SAMPLING
    max_output_tokens: int | None = None
    stop: tuple[str, ...] = ()
    reasoning: ReasoningRequest = NO_REASONING
    output: OutputFormat | None = None
    verbosity: str | None = None
    modalities: tuple[str, ...] = ()
    cache: CacheRequest = NO_CACHE
    state: State = NO_STATE
    service_tier: str | None = None
    user: str | None = None
    metadata: dict[str, Any] | None = None
    include: tuple[str, ...] = ()
    stream: bool = False
    include_usage: bool | None = None
    version: str | None = None
    betas: tuple[str, ...] = ()
    extras: dict[str, Any] = NO_EXTRAS
    words: dict[str, str] = NO_EXTRAS
