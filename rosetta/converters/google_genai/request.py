"""Requests ⇄ IR: https://ai.google.dev/api/generate-content.

The normal form of a round trip: camelCase; no nulls; role always there; standard base64; enum values in upper case (the service tier and modalities in lower and upper
case); ``parameters`` and ``responseSchema`` as JSON Schema, or the other way round, as the target takes it; all functions in one tool; neighbouring contents of the model
as one; the results of a content first; parts that say nothing left out; a result as ``{"output": text}`` or ``{"error": text}`` where its text is no JSON object,
else as that object.
"""

from __future__ import annotations

import math
from typing import Any

from rosetta.converters import pairing, schema
from rosetta.converters.converter import Coded, Json, Malformed, Sent, Target, Ticket, WireCall, WireRequest
from rosetta.converters.fields import Fields, type_name
from rosetta.converters.google_genai.parts import FORMAT, Outgoing, normal
from rosetta.converters.google_genai.reasoning import decode_settings, encode_settings
from rosetta.converters.google_genai.tools import NAME_INVALID, decode_choice, decode_tools, encode_choice, encode_tools
from rosetta.converters.google_genai.turns import Contents, decode_system, encode_contents, encode_system
from rosetta.converters.losses import Losses
from rosetta.converters.names import ToolNames
from rosetta.converters.state import refuse_foreign
from rosetta.ir.parts import NO_EXTRAS
from rosetta.ir.request import NO_CACHE, NO_STATE, CacheRequest, Effort, OutputFormat, Request, Sampling, State

STOP_LIMIT = 5
CONFIG = "generationConfig."
_JSON = "application/json"
_MIME = f"{CONFIG}responseMimeType"


def path(model: str, verb: str) -> str:
    """``/v1beta/models/MODEL:verb``; a name that has its collection keeps it."""
    name = model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"
    return f"/v1beta/{name}:{verb}"


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_request(wire: WireRequest) -> Coded[Request]:
    """A request body; the model and whether it streams come from the path. Raises Malformed."""
    try:
        return Coded(_decode(wire))
    except RecursionError:
        raise Malformed("", "nested too deeply") from None


def _decode(wire: WireRequest) -> Request:
    fields = Fields(normal(wire.body))
    model = (wire.model or fields.maybe("model", str) or "").removeprefix("models/")
    fields.drop("model")
    contents = fields.any("contents")
    if type(contents) is dict:
        contents = [contents]
    if type(contents) is not list:
        raise Malformed("contents", f"expected array, got {'null or nothing' if contents is None else type_name(contents)}")
    if not contents:
        raise Malformed("contents", "expected at least one content")
    read = Contents()
    read.read(contents)
    leading = next((index for index, turn in enumerate(read.turns) if turn.role != "system"), len(read.turns))
    config = fields.fields("generationConfig")
    extras: dict[str, Any] = {}
    tools = fields.maybe("tools", list) or []
    cached, store, tier = fields.maybe("cachedContent", str), fields.maybe("store", bool), fields.maybe("serviceTier", str)
    request = Request(
        format=FORMAT,
        model=model,
        turns=tuple(read.turns[leading:]),
        system=(*decode_system(fields.any("systemInstruction")), *read.turns[:leading]),
        tools=decode_tools(tools),
        tool_choice=decode_choice(fields.maybe("toolConfig", dict)),
        sampling=_decode_sampling(config),
        max_output_tokens=config.maybe("maxOutputTokens", int) if config is not None else None,
        stop=config.strings("stopSequences") if config is not None else (),
        reasoning=decode_settings(config),
        output=_decode_output(config),
        modalities=tuple([word.lower() for word in config.strings("responseModalities")]) if config is not None else (),
        cache=NO_CACHE if cached is None else CacheRequest(content=cached),
        state=NO_STATE if store is None else State(store),
        service_tier=None if tier is None else tier.lower(),
        metadata=fields.maybe("labels", dict),
        stream=bool(wire.stream),
        extras=extras,
    )
    if config is not None:
        extras.update({f"{CONFIG}{key}": value for key, value in config.rest().items() if value is not None})
    extras.update({key: value for key, value in fields.rest().items() if value is not None})
    return request


def _decode_sampling(config: Fields | None) -> Sampling:
    if config is None:
        return Sampling()
    top_k = config.any("topK")
    if top_k is not None and (type(top_k) not in (int, float) or not math.isfinite(top_k)):
        raise Malformed("generationConfig.topK", f"expected int, got {type_name(top_k)}")
    n = config.maybe("candidateCount", int) or None  # zero is proto's way to say nothing
    if n is not None and n < 0:
        raise Malformed("generationConfig.candidateCount", "expected at least 1")
    return Sampling(
        temperature=config.maybe("temperature", float),
        top_p=config.maybe("topP", float),
        top_k=None if top_k is None else int(top_k),
        seed=config.maybe("seed", int),
        presence_penalty=config.maybe("presencePenalty", float),
        frequency_penalty=config.maybe("frequencyPenalty", float),
        logprobs=config.maybe("responseLogprobs", bool),
        top_logprobs=config.maybe("logprobs", int),
        n=n,
    )


def _decode_output(config: Fields | None) -> OutputFormat | None:
    if config is None:
        return None
    mime = config.maybe("responseMimeType", str)
    plain, old = config.maybe("responseJsonSchema", dict), config.maybe("responseSchema", dict)
    found = plain if plain is not None else None if old is None else schema.from_google(old)
    if found is not None:
        extras = {_MIME: mime} if mime not in (None, _JSON) else NO_EXTRAS
        return OutputFormat("json_schema", found, extras=extras)
    if mime == _JSON:
        return OutputFormat("json_object")
    if mime is None:
        return None
    return OutputFormat("text", extras=NO_EXTRAS if mime == "text/plain" else {_MIME: mime})


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_request(request: Request, target: Target) -> Sent:
    """The request as the target's server takes it. Raises Unsupported."""
    body, losses, names = _encode(request, target)
    verb = "streamGenerateContent?alt=sse" if request.stream else "generateContent"
    ticket = Ticket(target.provider, target.model, target.new_id, names.back, request.stream, target.dialect)
    return Sent(WireCall(path(target.model, verb), body), tuple(losses), ticket)


def _encode(request: Request, target: Target) -> tuple[Json, Losses, ToolNames]:
    losses = Losses()
    dialect = target.dialect
    names = ToolNames(request.tools, limit=dialect.name_limit, invalid=NAME_INVALID)
    out = Outgoing(own=request.format == FORMAT, target=target, names=names, losses=losses)
    refuse_foreign(request, FORMAT)
    _lose_state(request, out)
    turns = pairing.paired(request.turns, losses)
    body: Json = {"contents": encode_contents(turns, out)}
    system = encode_system(request, out)
    if system is not None:
        body["systemInstruction"] = system
    tools = encode_tools(request, out)
    if tools:
        body["tools"] = tools
    choice = encode_choice(request, any("functionDeclarations" in tool for tool in tools), out)
    if choice:
        body["toolConfig"] = choice
    config = _encode_config(request, turns, tools, out)
    if config:
        body["generationConfig"] = config
    _encode_hints(request, body, out)
    out.extras(body, {key: value for key, value in request.extras.items() if not (out.own and key.startswith(CONFIG))}, "")
    return body, losses, names


def _lose_state(request: Request, out: Outgoing) -> None:
    state = request.state
    if state.background:
        out.losses.dropped("background")
    if state.store and not out.own:
        out.losses.dropped("store", detail="nothing is kept")


def _encode_config(request: Request, turns: Any, tools: list[Json], out: Outgoing) -> Json:
    config: Json = {}
    dialect, losses, sampling = out.dialect, out.losses, request.sampling
    if request.max_output_tokens is not None:
        config["maxOutputTokens"] = request.max_output_tokens
    if request.stop:
        stop = list(request.stop) if out.own else list(request.stop[:STOP_LIMIT])
        if len(stop) < len(request.stop):
            losses.approximated("stop", detail=f"at most {STOP_LIMIT}")
        config["stopSequences"] = stop
    for field, name, fits in (
        ("temperature", "temperature", dialect.sampling),
        ("top_p", "topP", dialect.sampling),
        ("top_k", "topK", dialect.sampling),
        ("seed", "seed", True),
        ("presence_penalty", "presencePenalty", dialect.penalties),
        ("frequency_penalty", "frequencyPenalty", dialect.penalties),
        ("logprobs", "responseLogprobs", True),
        ("top_logprobs", "logprobs", True),
        ("n", "candidateCount", dialect.candidates),
    ):
        value = getattr(sampling, field)
        if value is None:
            continue
        if fits:
            config[name] = value
        elif field != "n" or value != 1:
            losses.dropped(field)
    if "logprobs" in config and "responseLogprobs" not in config:
        config["responseLogprobs"] = True  # this wire wants both
    if sampling.logit_bias is not None:
        losses.dropped("logit_bias")
    effort: Effort | None = next((turn.effort for turn in reversed(turns) if turn.effort is not None), None)
    thinking = encode_settings(request, effort, out)
    if thinking is not None:
        config["thinkingConfig"] = thinking
    _encode_output(request, config, tools, out)
    if request.modalities and (out.own or tuple(word.lower() for word in request.modalities) != ("text",)):
        config["responseModalities"] = [word.upper() for word in request.modalities]
    if out.own:
        config.update({key[len(CONFIG) :]: value for key, value in request.extras.items() if key.startswith(CONFIG)})
    return config


def _encode_output(request: Request, config: Json, tools: list[Json], out: Outgoing) -> None:
    form = request.output
    if form is None:
        return
    if form.kind == "text":
        if not out.own:
            out.losses.extras(form.extras, form.at)
        elif form.extras:
            config["responseMimeType"] = form.extras[_MIME]
        return
    if not out.dialect.tools_with_json and any("functionDeclarations" in tool for tool in tools) and not out.own:
        out.losses.dropped("output", detail="the model takes no JSON form together with functions")
        return
    config["responseMimeType"] = _JSON
    if form.kind == "json_schema":
        wanted = form.schema or {}
        if form.description and "description" not in wanted:
            wanted = {**wanted, "description": form.description}
        if out.dialect.schemas == "openapi":
            config["responseSchema"] = schema.google_openapi(wanted, "", out.losses, "output")
        else:
            config["responseJsonSchema"] = schema.google_json_schema(wanted, foreign=not out.own)
    if out.own and form.extras:
        config["responseMimeType"] = form.extras[_MIME]
    elif form.extras:
        out.losses.extras(form.extras, form.at)


_TIERS = {
    "default": "standard",
    "standard": "standard",
    "standard_only": "standard",
    "flex": "flex",
    "priority": "priority",
    "fast": "priority",
}


def _encode_hints(request: Request, body: Json, out: Outgoing) -> None:
    losses = out.losses
    if request.service_tier is not None:
        tier = request.service_tier if out.own else _TIERS.get(request.service_tier)
        if tier is not None:
            body["serviceTier"] = tier
        elif request.service_tier != "auto":
            losses.dropped("service_tier")
    if request.metadata is not None:
        if out.own:
            body["labels"] = request.metadata
        else:
            losses.dropped("metadata")
    if request.cache.content is not None:
        if out.own:
            body["cachedContent"] = request.cache.content
        else:
            losses.dropped("prompt", detail="cached contents of another provider")
    if request.state.store is not None and out.own:
        body["store"] = request.state.store
    for field, value in (
        ("cache_key", request.cache.key),
        ("cache_retention", request.cache.retention),
        ("cache", request.cache.mark),
        ("verbosity", request.verbosity),
        ("user", request.user),
        ("betas", request.betas or None),
    ):
        if value is not None:
            losses.dropped(field)
    unmet = [word for word in request.include if word != "reasoning.encrypted_content"]
    if unmet:
        losses.dropped("include", detail=", ".join(unmet))


# ------------------------------------------------------------------------------------------------------------------------ counting


def decode_count_request(wire: WireRequest) -> Coded[Request]:
    """``countTokens`` in both its forms: contents alone, or a whole request inside."""
    if type(wire.body) is not dict:
        raise Malformed("", f"expected object, got {type_name(wire.body)}")
    inner = next((wire.body[key] for key in ("generateContentRequest", "generate_content_request") if key in wire.body), None)
    if inner is None:
        return decode_request(wire)
    if type(inner) is not dict:
        raise Malformed("generateContentRequest", f"expected object, got {type_name(inner)}")
    try:
        return decode_request(WireRequest(inner, wire.headers, wire.model))
    except Malformed as fault:
        raise Malformed(f"generateContentRequest.{fault.path}", fault.message) from None


def encode_count_request(request: Request, target: Target) -> Sent:
    """A count of everything that a generation would read."""
    body, losses, names = _encode(request, target)
    inner = {
        "model": path(target.model, "")[len("/v1beta/") : -1],
        **{key: value for key, value in body.items() if key != "generationConfig"},
    }
    ticket = Ticket(target.provider, target.model, target.new_id, names.back, dialect=target.dialect)
    return Sent(WireCall(path(target.model, "countTokens"), {"generateContentRequest": inner}), tuple(losses), ticket)
