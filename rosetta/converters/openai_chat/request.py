"""Requests ⇄ IR: https://platform.openai.com/docs/api-reference/chat/create.

The normal form of a round trip: a lone text part is a string, empty ones among others are left out, a refusal stands in ``refusal``; null and absent are one;
``functions`` and ``function_call`` come back as ``tools`` and ``tool_choice``, role ``function`` as ``tool``; ``max_tokens`` and the user's name as the target
wants them; ``tool_calls`` without arguments have ``{}``; a JSON object with a schema is a ``json_schema``; one allowed tool that must be called is the named one;
a call of a custom tool, which streaming clients know as a function, is ``custom``.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from rosetta.converters import pairing, schema
from rosetta.converters.converter import Coded, Json, Malformed, Sent, Target, Ticket, WireCall, WireRequest
from rosetta.converters.effort import of_last_turn
from rosetta.converters.extras import restore
from rosetta.converters.fields import Fields, join, type_name
from rosetta.converters.losses import Losses
from rosetta.converters.openai_chat.outgoing import FORMAT, Outgoing
from rosetta.converters.openai_chat.reasoning import decode_settings, encode_settings
from rosetta.converters.openai_chat.tools import decode_choice, decode_tools, encode_choice, encode_tools
from rosetta.converters.openai_chat.turns import Messages, encode_messages
from rosetta.converters.state import refuse_foreign
from rosetta.ir.parts import NO_EXTRAS
from rosetta.ir.request import NO_CACHE, NO_SAMPLING, NO_STATE, CacheRequest, CustomTool, OutputFormat, Request, Sampling, State

PATH = "/v1/chat/completions"

_NOT_LABEL = re.compile(r"[^A-Za-z0-9_-]")
_OPENAI_ONLY = frozenset({"prediction", "audio", "moderation", "prompt_cache_options", "response_format"})
"""OpenAI's settings without a place in the IR, which a server that wants rewriting refuses."""

_SAMPLING = frozenset(
    {"temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "n"}
)


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_request(wire: WireRequest) -> Coded[Request]:
    """A request body. Raises Malformed."""
    try:
        return Coded(_decode(wire))
    except RecursionError:
        raise Malformed("", "nested too deeply") from None


def _decode(wire: WireRequest) -> Request:
    fields = Fields(wire.body)
    model = fields.maybe("model", str) or wire.model or ""
    messages = fields.take("messages", list)
    if not messages:
        raise Malformed("messages", "expected at least one message")
    extras: dict[str, Any] = {}
    tools = decode_tools(fields)
    choice = decode_choice(fields)
    read = Messages(frozenset(tool.name for tool in tools if isinstance(tool, CustomTool)))
    read.read(messages)
    sampling = _decode_sampling(fields)
    limit, old_limit = fields.maybe("max_completion_tokens", int), fields.maybe("max_tokens", int)
    options = fields.fields("stream_options")
    include_usage = None
    if options is not None:
        include_usage = options.maybe("include_usage", bool)
        rest = {key: value for key, value in options.rest().items() if value is not None}
        if rest:
            extras["stream_options"] = rest
    user, identifier = fields.maybe("user", str), fields.maybe("safety_identifier", str)
    words: dict[str, str] = {}
    if identifier is not None:
        if user is None:
            words["user"] = "safety_identifier"
        else:
            extras["safety_identifier"] = identifier
    if limit is None and old_limit is not None:
        words["max_output_tokens"] = "max_tokens"
    reasoning = decode_settings(fields, words)
    request = Request(
        format=FORMAT,
        model=model,
        turns=tuple(read.turns),
        system=tuple(read.system),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=fields.maybe("parallel_tool_calls", bool),
        sampling=sampling,
        max_output_tokens=old_limit if limit is None else limit,
        stop=_decode_stop(fields),
        reasoning=reasoning,
        output=_decode_output(fields, extras),
        verbosity=fields.maybe("verbosity", str),
        modalities=fields.strings("modalities"),
        cache=_decode_cache(fields),
        state=_decode_state(fields),
        service_tier=fields.maybe("service_tier", str),
        user=identifier if user is None else user,
        metadata=fields.maybe("metadata", dict),
        stream=bool(fields.maybe("stream", bool)),
        include_usage=include_usage,
        extras=_rest(fields, extras),
        words=words or NO_EXTRAS,
    )
    if not request.turns and not request.system:
        raise Malformed("messages", "expected at least one message")
    return request


def _rest(fields: Fields, extras: dict[str, Any]) -> dict[str, Any]:
    extras.update({key: value for key, value in fields.rest().items() if value is not None})
    return extras or NO_EXTRAS


def _decode_sampling(fields: Fields) -> Sampling:
    if not any(fields.has(name) for name in _SAMPLING):
        fields.drop(*_SAMPLING)
        return NO_SAMPLING
    n = fields.maybe("n", int)
    if n is not None and n < 1:
        raise Malformed("n", "expected at least 1")
    bias = fields.maybe("logit_bias", dict)
    if bias is not None:
        for token, value in bias.items():
            if type(value) not in (int, float):
                raise Malformed(join("logit_bias", token), f"expected number, got {type_name(value)}")
    return Sampling(
        temperature=fields.maybe("temperature", float),
        top_p=fields.maybe("top_p", float),
        top_k=fields.maybe("top_k", int),
        seed=fields.maybe("seed", int),
        presence_penalty=fields.maybe("presence_penalty", float),
        frequency_penalty=fields.maybe("frequency_penalty", float),
        logit_bias=bias,
        logprobs=fields.maybe("logprobs", bool),
        top_logprobs=fields.maybe("top_logprobs", int),
        n=n,
    )


def _decode_stop(fields: Fields) -> tuple[str, ...]:
    value = fields.any("stop")
    if value is None:
        return ()
    if type(value) is str:
        return (value,)
    if type(value) is not list or not all(type(word) is str for word in value):
        raise Malformed("stop", "expected str or array of str")
    return tuple(value)


def _decode_output(fields: Fields, extras: dict[str, Any]) -> OutputFormat | None:
    """``response_format``; a form that nobody knows goes into ``extras``."""
    whole = fields.maybe("response_format", dict)
    if whole is None:
        return None
    form = Fields(whole, "response_format")
    kind = form.take("type", str)
    flat = form.has("schema")  # llama.cpp, Fireworks and others: a JSON object of this schema
    inner = form.fields("json_schema") if kind == "json_schema" else None
    if kind == "json_schema" or (kind == "json_object" and flat):
        if inner is None and not flat:
            raise Malformed("response_format.json_schema", "expected object, got null or nothing")
        inner = inner or form
        read = OutputFormat(
            "json_schema",
            inner.maybe("schema", dict) or {},
            inner.maybe("name", str),
            inner.maybe("description", str),
            inner.maybe("strict", bool),
        )
        rest = {key: value for key, value in form.rest().items() if value is not None and key != "type"}
        if inner is not form:
            rest.update({f"json_schema.{key}": value for key, value in inner.rest().items() if value is not None})
        return msgspec.structs.replace(read, extras=rest, at=form.path) if rest else read
    if kind in ("json_object", "text"):
        rest = {key: value for key, value in form.rest().items() if value is not None}
        return OutputFormat("json_object" if kind == "json_object" else "text", extras=rest or NO_EXTRAS, at=form.path if rest else "")
    extras["response_format"] = whole
    return None


def _decode_cache(fields: Fields) -> CacheRequest:
    key, retention = fields.maybe("prompt_cache_key", str), fields.maybe("prompt_cache_retention", str)
    return NO_CACHE if key is None and retention is None else CacheRequest(key, retention)


def _decode_state(fields: Fields) -> State:
    store = fields.maybe("store", bool)
    return NO_STATE if store is None else State(store)


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_request(request: Request, target: Target) -> Sent:
    """The request as the target's server takes it. Raises Unsupported."""
    losses = Losses()
    out = Outgoing(source=request.format, target=target, tools=request.tools, losses=losses)
    refuse_foreign(request, FORMAT)
    _lose_state(request, losses)
    body: Json = {"model": target.model}
    turns = pairing.paired(request.turns, losses)
    body["messages"] = encode_messages(request, turns, out)
    if not body["messages"]:
        losses.injected("text", detail="a request must have a message")
        body["messages"] = [{"role": "user", "content": "(empty)"}]
    encode_tools(request, body, out)
    encode_choice(request, body, out)
    _encode_limits(request, body, out)
    _encode_sampling(request, body, out)
    encode_settings(request, body, out)
    _encode_output(request, body, out)
    _encode_hints(request, body, out)
    _encode_stream(request, body, out)
    _encode_extras(request, body, out)
    back = out.names.back
    if out.dialect.custom_tools:
        back = {wire: name for wire, name in back.items() if name.kind != "custom" or name.name != wire or name.namespace is not None}
    ticket = Ticket(target.provider, target.model, target.new_id, back, request.stream, target.dialect)
    return Sent(WireCall(PATH, body), tuple(losses), ticket)


def _encode_extras(request: Request, body: Json, out: Outgoing) -> None:
    extras = request.extras
    if not extras:
        return
    if not out.own:
        out.losses.extras(extras)
        return
    kept = {key: value for key, value in extras.items() if key != "stream_options" and (out.faithful or key not in _OPENAI_ONLY)}
    restore(body, kept, out.losses)
    if not out.faithful:
        out.losses.extras({key: value for key, value in extras.items() if key in _OPENAI_ONLY})


def _lose_state(request: Request, losses: Losses) -> None:
    state = request.state
    if state.background:
        losses.dropped("background")


def _encode_limits(request: Request, body: Json, out: Outgoing) -> None:
    if request.max_output_tokens is not None:
        body[out.dialect.max_tokens_field] = request.max_output_tokens
    if request.stop:
        limit = out.dialect.stop_limit
        stop = list(request.stop if out.faithful else request.stop[:limit])
        if len(stop) < len(request.stop):
            (out.losses.approximated if stop else out.losses.dropped)("stop", detail=f"at most {limit}")
        if stop:
            body["stop"] = stop


def _encode_sampling(request: Request, body: Json, out: Outgoing) -> None:
    sampling, dialect = request.sampling, out.dialect
    if sampling is NO_SAMPLING:
        return
    wanted = of_last_turn(request).reasoning
    # OpenAI's reasoning models take them where they shall not reason.
    off = "none" in dialect.efforts and (wanted.effort == "none" or (wanted.mode == "off" and wanted.effort is None))
    drawn = dialect.sampling or (off and dialect.reasoning_form == "reasoning_effort")
    allowed = {
        "temperature": drawn,
        "top_p": drawn,
        "top_k": dialect.top_k,
        "seed": dialect.seed,
        "presence_penalty": dialect.penalties,
        "frequency_penalty": dialect.penalties,
        "logit_bias": dialect.penalties,
        "logprobs": dialect.logprobs,
        "top_logprobs": dialect.logprobs,
        "n": dialect.n,
    }
    for name, fits in allowed.items():
        value = getattr(sampling, name)
        if value is None:
            continue
        if fits or out.faithful:
            body[name] = value
        elif name != "n" or value != 1:
            out.losses.dropped(name)
    if "top_logprobs" in body and "logprobs" not in body and not out.own:
        body["logprobs"] = True  # this wire wants both


def _encode_output(request: Request, body: Json, out: Outgoing) -> None:
    form = request.output
    if form is None:
        return
    strongest = "json_schema" if out.faithful else out.dialect.output
    if form.kind == "text":
        if out.own:
            body["response_format"] = {"type": "text", **form.extras}
        elif form.extras:
            out.losses.extras(form.extras, form.at)
        return
    if strongest == "none":
        out.losses.dropped("output", detail="the server knows no response_format")
        return
    wire: Json = {"type": "json_object"}
    if form.kind == "json_schema" and strongest == "json_object":
        out.losses.approximated("output", detail="as any JSON object: the server takes no schema")
    elif form.kind == "json_schema":
        label = form.name or "response"
        inner: Json = {"name": label if out.faithful else _NOT_LABEL.sub("_", label)[:64]}
        if form.description is not None:
            inner["description"] = form.description
        inner["schema"] = (form.schema or {}) if out.own else schema.plain(form.schema)
        strict = form.strict
        if strict is None and request.format == "anthropic" and schema.openai_strict(form.schema or {}):
            strict = True  # Anthropic always enforces
        if strict is not None and (out.faithful or out.dialect.strict):
            inner["strict"] = strict
        elif strict:
            out.losses.dropped("strict")
        wire = {"type": "json_schema", "json_schema": inner}
    out.extras(wire, form.extras, form.at)
    body["response_format"] = wire


def _encode_hints(request: Request, body: Json, out: Outgoing) -> None:
    openai = out.dialect.openai_extras or out.faithful
    losses = out.losses
    for field, name, value in (
        ("verbosity", "verbosity", request.verbosity),
        ("metadata", "metadata", request.metadata),
        ("cache_key", "prompt_cache_key", request.cache.key),
        ("cache_retention", "prompt_cache_retention", request.cache.retention),
    ):
        if value is None:
            continue
        if openai:
            body[name] = value
        else:
            losses.dropped(field)
    _encode_tier(request, body, out)
    if request.cache.mark is not None:
        losses.dropped("cache")
    if request.cache.content is not None:
        losses.dropped("prompt", detail="cached contents of another provider")
    if request.state.store is not None:
        if openai:
            body["store"] = request.state.store
        elif request.state.store:
            losses.dropped("store", detail="nothing is kept")
    if request.user is not None:
        _encode_user(request.user, body, out, both="safety_identifier" in request.extras)
    if request.modalities:
        if out.faithful or out.dialect.audio:
            body["modalities"] = list(request.modalities)
        elif tuple(word.lower() for word in request.modalities) != ("text",):
            losses.dropped("modalities")
    if request.include:
        unmet = [word for word in request.include if word != "reasoning.encrypted_content"]
        if unmet:
            losses.dropped("include", detail=", ".join(unmet))
    if request.betas:
        losses.dropped("betas")


_TIERS = {"standard": "default", "standard_only": "default", "fast": "priority"}


def _encode_tier(request: Request, body: Json, out: Outgoing) -> None:
    tier = request.service_tier
    if tier is None:
        return
    if out.faithful:
        body["service_tier"] = tier
    elif out.dialect.openai_extras:
        body["service_tier"] = _TIERS.get(tier, tier)
    elif tier not in ("auto", "default", "standard"):
        out.losses.dropped("service_tier")


def _encode_user(user: str, body: Json, out: Outgoing, *, both: bool) -> None:
    field = out.dialect.user_field
    if out.own and both:
        body["user"] = user  # beside safety_identifier
    elif out.own and (out.faithful or field != "none"):
        body["user" if field == "none" else field] = user
    else:  # who asks is the business of the client and its own vendor
        out.losses.dropped("user")


def _encode_stream(request: Request, body: Json, out: Outgoing) -> None:
    if not request.stream:
        return
    body["stream"] = True
    options: Json = dict(request.extras.get("stream_options") or {}) if out.own else {}
    if out.dialect.stream_usage:
        options["include_usage"] = True
    if options:
        body["stream_options"] = options
