"""The top level of a Responses request ⇄ Request: https://platform.openai.com/docs/api-reference/responses/create.

``encode_request(decode_request(x)) == x`` for a target that takes all of it, up to this normal form:

    input                  a list of items; a string is one message of the user
    messages               without ``type``, ``id`` and ``status``; a content that is one plain text is a string; no nulls; outputs before the message after them
    assistant messages     in the easy form, ``output_text`` with its ``annotations`` and without ``logprobs``; empty texts are left out
    calls, outputs         without ``id``, ``status``, ``name`` of outputs; blank ``arguments`` are ``{}``; an output that is one plain text is a string
    reasoning              without ``status`` and null fields; one that holds nothing, and to a server that seals one without a seal, is left out
    additional_tools       stand in ``tools``; a later tool takes the place of an earlier one of its name; an empty namespace is left out
    configuration_update   stands before the turn it came with; its text format is the request's
    tools                  absent parameters are an object without properties; a text ``format`` is left out
    include                always names ``reasoning.encrypted_content`` where the target takes it
    text.format            ``{"type": "text"}`` is left out, as are ``truncation: disabled``, ``stream: false``, ``background: false``
    user                   is ``safety_identifier``
    tool_choice            is left out where there is no tool
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from rosetta.converters import schema
from rosetta.converters.converter import Coded, Json, Malformed, Sent, Target, Ticket, WireCall, WireRequest
from rosetta.converters.fields import Fields, type_name
from rosetta.converters.losses import Losses
from rosetta.converters.names import call_id
from rosetta.converters.openai_responses.parts import FORMAT, Outgoing
from rosetta.converters.openai_responses.reasoning import decode_settings, encode_settings
from rosetta.converters.openai_responses.tools import Declared, decode_choice, encode_choice, encode_tools, ticket_names, wire_names
from rosetta.converters.openai_responses.turns import INSTRUCTIONS, Input, encode_system, encode_turns
from rosetta.converters.state import refuse_foreign
from rosetta.ir.parts import NO_EXTRAS, Opaque, Text
from rosetta.ir.request import (
    NO_CACHE,
    NO_SAMPLING,
    NO_STATE,
    CacheRequest,
    OutputFormat,
    Request,
    Sampling,
    State,
    Turn,
)

RESPONSES_PATH = "/v1/responses"
COUNT_PATH = "/v1/responses/input_tokens"

ENCRYPTED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"
USER_LIMIT = 64
"""The longest end-user id that OpenAI takes in practice."""

_COUNTED = frozenset(
    {
        "model",
        "input",
        "instructions",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "reasoning",
        "text",
        "truncation",
        "conversation",
        "previous_response_id",
    }
)
"""What the count endpoint takes."""

_STATE_KINDS = frozenset({"item_reference", "compaction"})
_TIERS = {"standard_only": "default", "standard": "default"}
_NOT_NAME = re.compile(r"[^A-Za-z0-9_-]")


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_request(wire: WireRequest) -> Coded[Request]:
    """A Responses request. Raises Malformed."""
    losses = Losses()
    body = Fields(wire.body)
    extras: dict[str, Any] = {}
    state = _decode_state(body)
    model = body.maybe("model", str) or wire.model
    if not model and not body.has("prompt"):
        raise Malformed("model", "expected str, got null or nothing")
    declared = Declared(losses)
    declared.read(body.maybe("tools", list) or [], "tools")
    system, read = _decode_input(body, declared, losses, empty=state is not NO_STATE or body.has("prompt"))
    words: dict[str, str] = {}
    if read.effort_at and not body.has("reasoning"):
        words = {"reasoning": f"{read.effort_at}.reasoning", "effort": f"{read.effort_at}.reasoning.effort"}
    reasoning = decode_settings(body.fields("reasoning"), extras)
    output, verbosity = _decode_text(body.fields("text"), read.output, extras, losses)
    include = body.strings("include")
    logprobs = True if LOGPROBS in include else None
    sampling = Sampling(
        temperature=body.maybe("temperature", float),
        top_p=body.maybe("top_p", float),
        logprobs=logprobs,
        top_logprobs=body.maybe("top_logprobs", int),
    )
    user, identifier = body.maybe("user", str), body.maybe("safety_identifier", str)
    if user and not identifier:
        words["user"] = "user"
    if user and identifier and user != identifier:
        extras["user"] = user
    choice = decode_choice(body.any("tool_choice"), losses)
    key, retention = body.maybe("prompt_cache_key", str), body.maybe("prompt_cache_retention", str)
    request = Request(
        format=FORMAT,
        model=model or "",
        turns=tuple(read.turns),
        system=system,
        tools=tuple(declared.tools),
        namespaces=tuple(declared.namespaces.values()),
        tool_choice=choice,
        parallel_tool_calls=body.maybe("parallel_tool_calls", bool),
        sampling=NO_SAMPLING if sampling == NO_SAMPLING else sampling,
        max_output_tokens=body.maybe("max_output_tokens", int),
        reasoning=reasoning,
        output=output,
        verbosity=verbosity,
        cache=CacheRequest(key=key, retention=retention) if key or retention else NO_CACHE,
        state=state,
        service_tier=body.maybe("service_tier", str),
        user=identifier or user,
        metadata=body.maybe("metadata", dict),
        include=tuple([word for word in include if word not in (ENCRYPTED, LOGPROBS)]),
        stream=wire.stream if wire.stream is not None else body.maybe("stream", bool) or False,
        extras=_rest(body, extras),
        words=words or NO_EXTRAS,
    )
    return Coded(request, tuple(losses))


def _rest(body: Fields, extras: dict[str, Any]) -> dict[str, Any]:
    body.drop("stream")
    rest = body.rest().items()
    extras.update({name: value for name, value in rest if value is not None and (name, value) != ("truncation", "disabled")})
    return extras or NO_EXTRAS


def _decode_state(body: Fields) -> State:
    conversation = body.any("conversation")
    if conversation is not None and type(conversation) not in (str, dict):
        raise Malformed("conversation", f"expected str or object, got {type_name(conversation)}")
    state = State(
        store=body.maybe("store", bool),
        previous_response_id=body.maybe("previous_response_id", str) or None,
        conversation=conversation,
        background=body.maybe("background", bool) or None,
    )
    return NO_STATE if state == NO_STATE else state


def _decode_input(body: Fields, declared: Declared, losses: Losses, *, empty: bool) -> tuple[tuple[Turn, ...], Input]:
    """The system prompt and the input."""
    read = Input(declared, losses)
    instructions = body.any(INSTRUCTIONS)
    system: list[Turn] = []
    if type(instructions) is str:
        if instructions:
            system.append(Turn("system", (Text(instructions, INSTRUCTIONS),), INSTRUCTIONS))
    elif instructions is not None:
        raise Malformed(INSTRUCTIONS, f"expected str, got {type_name(instructions)}")
    given = body.any("input")
    if given is None or given == "" or given == []:
        if not empty:
            raise Malformed("input", "expected a text or a list of items that is not empty")
        return tuple(system), read
    if type(given) is str:
        read.turns.append(Turn("user", (Text(given, "input"),), "input"))
        return tuple(system), read
    if type(given) is not list:
        raise Malformed("input", f"expected str or array, got {type_name(given)}")
    read.read(given)
    return (*system, *read.system), read


def _decode_text(
    fields: Fields | None, update: Json | None, extras: dict[str, Any], losses: Losses
) -> tuple[OutputFormat | None, str | None]:
    verbosity = None
    form = None
    if fields is not None:
        form = fields.fields("format")
        verbosity = fields.maybe("verbosity", str)
        for name, value in fields.rest().items():
            if value is not None:
                extras[f"text.{name}"] = value
    if update is not None:
        form = Fields(update, "text.format")
    return (None if form is None else _decode_format(form, extras, losses)), verbosity


def _decode_format(form: Fields, extras: dict[str, Any], losses: Losses) -> OutputFormat | None:
    whole = dict(form.rest())
    kind = form.take("type", str)
    if kind == "json_schema":
        shape = form.maybe("schema", dict)
        name, description = form.maybe("name", str), form.maybe("description", str)
        strict = form.maybe("strict", bool)
        rest = {key: value for key, value in form.rest().items() if value is not None}
        return OutputFormat("json_schema", shape, name, description, strict, rest or NO_EXTRAS, form.path if rest else "")
    if kind not in ("json_object", "text"):
        extras["text.format"] = whole
        return None
    losses.extras({key: value for key, value in form.rest().items() if value is not None}, form.path)
    return OutputFormat("json_object") if kind == "json_object" else None


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_request(request: Request, target: Target) -> Sent:
    """A Responses request for ``target``. Raises Unsupported where the conversation is kept at another provider."""
    refuse_foreign(request, FORMAT)
    losses = Losses()
    dialect = target.dialect
    own = request.format == FORMAT
    out = Outgoing(own=own, target=target, names=wire_names(request, dialect.namespaces), losses=losses)
    body: Json = {"model": target.model}
    if own and not request.model and "prompt" in request.extras:
        del body["model"]
    instructions, leading = encode_system(request, out)
    if instructions is not None:
        body["instructions"] = instructions
    stateful = own and _is_stateful(request)
    items = [*leading, *encode_turns(request, out, stateful=stateful)]
    if instructions is not None and not items and not stateful:  # an empty input is refused
        role = request.system[0].role if out.dialect.system_items else "system"
        items = [{"role": role, "content": body.pop("instructions")}]
    if items or not stateful:
        body["input"] = items
    tools = encode_tools(request, out)
    if tools:
        body["tools"] = tools
    choice = encode_choice(request, tools, out)
    if choice is not None:
        body["tool_choice"] = choice
    if request.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = request.parallel_tool_calls
    reasoning = encode_settings(request, _turn_effort(request, out), out)
    _encode_limits(request, body, out, thinks=reasoning.get("effort") != "none")
    text = _encode_text(request, out)
    _encode_extras(request, body, reasoning, text, out)
    _encode_openai(request, body, out)
    _encode_state(request, body, out)
    if request.stream:
        body["stream"] = True
    ticket = Ticket(target.provider, target.model, target.new_id, names=ticket_names(request, out), stream=request.stream, dialect=dialect)
    return Sent(WireCall(RESPONSES_PATH, body), tuple(losses), ticket)


def _is_stateful(request: Request) -> bool:
    """Whether results may answer calls that are kept at the provider."""
    if request.state.previous_response_id or request.state.conversation or "prompt" in request.extras:
        return True
    return any(isinstance(part, Opaque) and part.kind in _STATE_KINDS for turn in request.turns for part in turn.parts)


def _turn_effort(request: Request, out: Outgoing) -> Any:
    """The last turn's word on effort, where the wire cannot say it in its place."""
    if out.dialect.openai_extras:
        return None
    changed = [turn for turn in request.turns if turn.effort is not None]
    if not changed:
        return None
    out.losses.approximated("effort", changed[-1].at, "for the whole request")
    return changed[-1].effort


def _encode_limits(request: Request, body: Json, out: Outgoing, *, thinks: bool) -> None:
    losses, dialect, sampling = out.losses, out.dialect, request.sampling
    limit = request.max_output_tokens
    if limit is not None:
        if limit < dialect.min_output_tokens:
            losses.approximated("max_output_tokens", detail=f"{dialect.min_output_tokens}, the least that is taken")
            limit = dialect.min_output_tokens
        body["max_output_tokens"] = limit
    if request.stop:
        losses.dropped("stop")
    for name in ("temperature", "top_p"):
        value = getattr(sampling, name)
        if value is None:
            continue
        if dialect.sampling or not thinks:
            body[name] = value
        else:
            losses.dropped(name, detail="the model refuses it")
    for name in ("top_k", "seed", "presence_penalty", "frequency_penalty", "logit_bias"):
        if getattr(sampling, name) is not None:
            losses.dropped(name)
    if sampling.n is not None and sampling.n != 1:
        losses.dropped("n", detail="there is one answer")
    if sampling.top_logprobs is not None:
        body["top_logprobs"] = sampling.top_logprobs
    include = list(request.include) if out.own else []
    if not out.own and request.include:
        losses.dropped("include")
    if sampling.logprobs:
        include.append(LOGPROBS)
    if dialect.encrypted:
        include.append(ENCRYPTED)
    if include:
        body["include"] = include
    if request.modalities and request.modalities != ("text",):
        losses.dropped("modalities")
    if request.betas:
        losses.dropped("betas")


def _encode_text(request: Request, out: Outgoing) -> Json:
    text: Json = {}
    if request.output is not None:
        form = _encode_format(request.output, out)
        if form is not None:
            text["format"] = form
    if request.verbosity is not None:
        if out.dialect.verbosity:
            text["verbosity"] = request.verbosity
        else:
            out.losses.dropped("verbosity")
    return text


def _encode_format(output: OutputFormat, out: Outgoing) -> Json | None:
    best = out.dialect.output
    if output.kind == "text":
        out.losses.extras(output.extras, output.at)
        return None
    if best == "none":
        out.losses.dropped("output")
        return None
    if output.kind == "json_object" or best == "json_object" or output.schema is None:
        if output.kind == "json_schema":
            out.losses.approximated("output", detail="any JSON object")
        form: Json = {"type": "json_object"}
        out.extras(form, output.extras, output.at)
        return form
    form = {
        "type": "json_schema",
        "name": _NOT_NAME.sub("_", output.name or "response")[:64],
        "schema": schema.plain(output.schema, foreign=not out.own),
    }
    if output.description is not None:
        form["description"] = output.description
    if output.strict is not None:
        form["strict"] = output.strict
    elif not out.own:
        # Other wires always hold the model to the schema; here that is the strict mode, which takes a part of JSON Schema.
        form["strict"] = schema.openai_strict(output.schema)
    out.extras(form, output.extras, output.at)
    return form


def _encode_extras(request: Request, body: Json, reasoning: Json, text: Json, out: Outgoing) -> None:
    if not out.own:
        out.losses.extras(request.extras)
    else:
        for name, value in request.extras.items():
            group, _, inner = name.partition(".")
            if group == "reasoning" and inner:
                reasoning.setdefault(inner, value)
            elif group == "text" and inner:
                text.setdefault(inner, value)
            else:
                body[name] = value
    if reasoning:
        body["reasoning"] = reasoning
    if text:
        body["text"] = text


def _encode_openai(request: Request, body: Json, out: Outgoing) -> None:
    """The settings which only OpenAI's own servers know."""
    losses, known, cache = out.losses, out.dialect.openai_extras, request.cache
    if request.metadata:
        if known:
            body["metadata"] = request.metadata
        else:
            losses.dropped("metadata")
    if request.service_tier is not None:
        tier = request.service_tier if out.own else _TIERS.get(request.service_tier, request.service_tier)
        if known:
            body["service_tier"] = tier
        elif tier not in ("auto", "default"):
            losses.dropped("service_tier")
    for name, field, value, taken in (
        ("prompt_cache_key", "cache_key", cache.key, known or out.dialect.cache_key),
        ("prompt_cache_retention", "cache_retention", cache.retention, known),
    ):
        if value is None:
            continue
        if taken:
            body[name] = value
        else:
            losses.dropped(field)
    if cache.mark is not None:
        losses.dropped("cache", detail="the server caches by itself")
    if cache.content is not None:
        losses.dropped("prompt", detail="the cached contents are kept at another provider")
    if request.user is not None:
        _encode_user(request, body, out)


def _encode_user(request: Request, body: Json, out: Outgoing) -> None:
    user = request.user or ""
    if not out.dialect.openai_extras:
        out.losses.dropped("user")
    elif out.own:
        body["safety_identifier"] = user
    elif request.format == "openai_chat":
        body["safety_identifier"] = call_id(user, USER_LIMIT) if len(user) > USER_LIMIT else user
    elif "prompt_cache_key" not in body:  # no name for another vendor's eyes, but the same user's prompts meet the same cache
        body["prompt_cache_key"] = hashlib.sha256(user.encode("utf-8", "replace")).hexdigest()[:32]
        out.losses.approximated("user", detail="as prompt_cache_key, hashed")
    else:
        out.losses.dropped("user")


def _encode_state(request: Request, body: Json, out: Outgoing) -> None:
    state = request.state
    if not out.own:
        # Here the default is to keep everything.
        body["store"] = False
        if state.store:
            out.losses.dropped("store", detail="nothing is kept")
        if state.background:
            out.losses.dropped("background")
        return
    if state.store is not None:
        body["store"] = state.store
    if state.previous_response_id is not None:
        body["previous_response_id"] = state.previous_response_id
    if state.conversation is not None:
        body["conversation"] = state.conversation
    if state.background:
        body["background"] = True


# ------------------------------------------------------------------------------------------------------------------------ counting


def decode_count_request(wire: WireRequest) -> Coded[Request]:
    """A request to count input tokens: the same fields."""
    return decode_request(wire)


def encode_count_request(request: Request, target: Target) -> Sent:
    """A request to count input tokens."""
    sent = encode_request(request, target)
    body = {name: value for name, value in sent.wire.body.items() if name in _COUNTED}
    return Sent(WireCall(COUNT_PATH, body), sent.losses, sent.ticket)
