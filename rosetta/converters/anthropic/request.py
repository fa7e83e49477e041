"""The top level of a Messages request ⇄ Request: https://docs.claude.com/en/api/messages.

``encode_request(decode_request(x)) == x`` for a target that takes all of it, up to this normal form:

    content, system, tool_result.content   a string, where they hold one plain text and nothing else; an empty result has none
    messages                               consecutive ones of one role are joined; tool results stand first; no blank texts, no nulls
    system messages that lead              stand in ``system``, behind Claude Code's billing header and the blocks of ``system``
    tools                                  ``type: custom`` is left out, an absent schema is an object without properties
    tool_choice                            ``disable_parallel_tool_use: false`` is left out, the whole where there is no tool
    output_format                          is ``output_config.format``
    thinking                               has no cache marks; with a budget ``display: summarized``, the default there, is left out
"""

from __future__ import annotations

from typing import Any

import msgspec

from rosetta.converters import effort as levels
from rosetta.converters import schema
from rosetta.converters.anthropic import tools as tool_rules
from rosetta.converters.anthropic.finish import decode_tier, encode_tier
from rosetta.converters.anthropic.parts import FORMAT, STRICT_VERSION, Outgoing, cache_mark
from rosetta.converters.anthropic.reasoning import Settings, decode_settings, encode_settings, switched_on
from rosetta.converters.anthropic.turns import (
    BILLING_HEADER,
    decode_effort,
    decode_messages,
    decode_system,
    encode_messages,
    encode_system,
    without_thoughts,
)
from rosetta.converters.converter import Coded, Json, Malformed, Sent, Target, Ticket, WireCall, WireRequest
from rosetta.converters.fields import Fields
from rosetta.converters.jsontext import encode_text
from rosetta.converters.losses import Losses
from rosetta.converters.names import ToolNames
from rosetta.converters.state import refuse_foreign
from rosetta.ir.parts import NO_EXTRAS, CacheMark
from rosetta.ir.request import NO_CACHE, NO_SAMPLING, CacheRequest, OutputFormat, Request, Sampling

MESSAGES_PATH = "/v1/messages"
TOP_P_WITH_THINKING = 0.95
"""The least top_p that may go with thinking."""


# ------------------------------------------------------------------------------------------------------------------------------ decode


def decode_request(wire: WireRequest) -> Coded[Request]:
    """A Messages request. Raises Malformed."""
    return _decode(wire, counting=False)


def decode_count_request(wire: WireRequest) -> Coded[Request]:
    """A count_tokens request: as a Messages request, without ``max_tokens``."""
    return _decode(wire, counting=True)


def _decode(wire: WireRequest, *, counting: bool) -> Coded[Request]:
    losses = Losses()
    body = Fields(wire.body)
    model = body.maybe("model", str) or wire.model
    if not model:
        raise Malformed("model", "expected str, got null or nothing")
    max_tokens = body.maybe("max_tokens", int)
    if max_tokens is None and not counting:
        raise Malformed("max_tokens", "expected int, got null or nothing")
    leading, turns = decode_messages(body.take("messages", list), losses)
    system, found = decode_system(body.any("system"), losses)
    extras = dict(found)
    tools = tool_rules.decode_tools(body.maybe("tools", list))
    choice, parallel = tool_rules.decode_tool_choice(body.fields("tool_choice"), tools)
    effort, given = decode_effort(body.any("output_config"), "output_config")
    config = dict(given.get("output_config", NO_EXTRAS))
    output = _decode_format(config, body.any("output_format"))
    if config:
        extras["output_config"] = config
    user = None
    metadata = body.fields("metadata")
    if metadata is not None:
        user = metadata.maybe("user_id", str)
        others = {key: value for key, value in metadata.rest().items() if value is not None}
        if others:
            extras["metadata"] = others
    temperature, top_p, top_k = body.maybe("temperature", float), body.maybe("top_p", float), body.maybe("top_k", int)
    drawn = temperature is not None or top_p is not None or top_k is not None
    control = body.any("cache_control")
    mark = cache_mark(control, "cache_control") if control is not None else None
    if control is not None and mark is None:
        extras["cache_control"] = control
    tier = body.maybe("service_tier", str)
    reasoning = decode_settings(body.fields("thinking"), effort)
    request = Request(
        format=FORMAT,
        model=model,
        turns=turns,
        system=system + leading,
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        sampling=Sampling(temperature=temperature, top_p=top_p, top_k=top_k) if drawn else NO_SAMPLING,
        max_output_tokens=max_tokens,
        stop=body.strings("stop_sequences"),
        reasoning=reasoning,
        output=output,
        cache=NO_CACHE if mark is None else CacheRequest(mark=mark),
        service_tier=decode_tier(tier),
        user=user,
        stream=bool(body.maybe("stream", bool)) if wire.stream is None else wire.stream,
        version=wire.headers.get("anthropic-version"),
        betas=_decode_betas(wire.headers.get("anthropic-beta")),
        extras=_rest(body, extras),
    )
    return Coded(request, tuple(losses))


def _decode_betas(header: str | None) -> tuple[str, ...]:
    return tuple([beta.strip() for beta in header.split(",") if beta.strip()]) if header else ()


def _rest(body: Fields, extras: dict[str, Any]) -> dict[str, Any]:
    body.drop("stream")
    if body.rest():
        extras.update({key: value for key, value in body.rest().items() if value is not None})
    return extras or NO_EXTRAS


def _decode_format(config: dict[str, Any], old: Any) -> OutputFormat | None:
    value = config.pop("format", None)
    where = "output_config.format"
    if value is None:
        value, where = old, "output_format"
    if value is None:
        return None
    form = Fields(value, where)
    kind = form.take("type", str)
    if kind != "json_schema":
        config["format"] = value
        return None
    wanted = form.take("schema", dict)
    rest = {key: found for key, found in form.rest().items() if found is not None}
    return OutputFormat("json_schema", wanted, extras=rest or NO_EXTRAS, at=where if rest else "")


# ------------------------------------------------------------------------------------------------------------------------------ encode


def encode_request(request: Request, target: Target) -> Sent:
    """A Messages request for ``target``. Raises Unsupported where the conversation is kept at another provider."""
    own = request.format == FORMAT
    dialect = target.dialect
    losses = Losses()
    refuse_foreign(request, FORMAT)
    if not (own and dialect.mid_system):
        request = levels.of_last_turn(request)
    version = (request.version if own else None) or dialect.version
    out = Outgoing(own=own, version=version, target=target, names=ToolNames(request.tools, limit=tool_rules.TOOL_NAME_LIMIT), losses=losses)
    tools = tool_rules.encode_tools(request, out)
    output, instruction = _encode_format(request, out)
    body: Json = {"model": target.model}
    system = encode_system(request, out, instruction)
    switched_off = request.reasoning.mode == "off" or request.reasoning.effort == "none"
    thinks = switched_on(request) or (dialect.thinking in {"adaptive", "always"} and not switched_off)
    force = tool_rules.forced(request)
    downgraded = force and not (dialect.forced_tools and (not thinks or dialect.thinking_off))
    if downgraded:
        losses.approximated("tool_choice", detail="the model cannot be forced: it is told to")
    messages = encode_messages(request, out, thinking=switched_on(request), addition=_forcing(request, out) if downgraded else "")
    blocked = ""
    if force and not downgraded:
        blocked = "a forced tool excludes thinking"
    elif dialect.thinking == "budget" and out.thoughts_lost and without_thoughts(messages):
        blocked = "the thoughts before the tool calls are lost"
    settings = encode_settings(request, out, blocked=blocked)
    body["max_tokens"] = settings.max_tokens
    if system is not None:
        body["system"] = system
    body["messages"] = messages
    if not tools and not own and not dialect.undeclared_calls:
        tools = tool_rules.declared_by_history(messages)
        if tools:
            losses.injected("tool", detail="calls of the past need their tools: declared, and shut out")
            body["tool_choice"] = {"type": "none"}
            request = msgspec.structs.replace(request, tool_choice=None, parallel_tool_calls=None)
    if tools:
        body["tools"] = tools
    choice = tool_rules.encode_tool_choice(request, tools, out, downgraded=downgraded)
    if choice is not None:
        body["tool_choice"] = choice
    if settings.thinking is not None:
        body["thinking"] = settings.thinking
    config: Json = {}
    if settings.effort is not None:
        config["effort"] = settings.effort
    if output is not None:
        config["format"] = output
    if config:
        body["output_config"] = config
    _encode_sampling(request, out, settings, body)
    _encode_rest(request, out, body)
    out.limit_marks()
    headers = {"anthropic-version": version}
    if own and request.betas:
        headers["anthropic-beta"] = ",".join(request.betas)
    ticket = Ticket(target.provider, target.model, target.new_id, names=out.names.back, stream=request.stream, dialect=dialect)
    return Sent(WireCall(MESSAGES_PATH, body, headers), tuple(losses), ticket)


def _forcing(request: Request, out: Outgoing) -> str:
    """The words for a tool that cannot be forced. They stand at the end, so that what was signed before them stays valid."""
    choice = request.tool_choice
    if choice is not None and len(choice.names) == 1:
        name = out.names.wire(choice.names[0].name, choice.names[0].namespace)
        return f"<system>\nAnswer by calling the tool {name}.\n</system>"
    return "<system>\nAnswer by calling one of the tools.\n</system>"


def _encode_format(request: Request, out: Outgoing) -> tuple[Json | None, str]:
    """``output_config.format``, or the words for it where there is no such field."""
    output = request.output
    if output is None:
        return None, ""
    if not (out.own and out.dialect.output_format):
        out.losses.extras(output.extras, output.at)
    if output.kind == "text":
        return None, ""
    if output.kind == "json_object":
        out.losses.approximated("output", detail="asked for in words: the wire has no mode for it")
        return None, "Answer with one JSON object and nothing else."
    wanted = output.schema or {}
    if not out.dialect.output_format:
        out.losses.approximated("output", detail="asked for in words: the server has no field for it")
        return None, f"Answer with JSON alone, valid against this JSON Schema:\n{encode_text(wanted)}"
    if out.own:
        return {"type": "json_schema", "schema": wanted, **output.extras}, ""
    strict = schema.anthropic_strict(wanted, "", out.losses, field="output")
    if output.description and "description" not in strict:
        strict = {**strict, "description": output.description}
    return {"type": "json_schema", "schema": strict}, ""


def _encode_sampling(request: Request, out: Outgoing, settings: Settings, body: Json) -> None:
    sampling, losses = request.sampling, out.losses
    if sampling is NO_SAMPLING:
        return
    for field, value, silent in (
        ("seed", sampling.seed, None),
        ("presence_penalty", sampling.presence_penalty, 0),
        ("frequency_penalty", sampling.frequency_penalty, 0),
        ("logit_bias", sampling.logit_bias or None, None),
        ("logprobs", sampling.logprobs, False),
        ("top_logprobs", sampling.top_logprobs, 0),
        ("n", sampling.n, 1),
    ):
        if value is not None and value != silent:
            losses.dropped(field)
    temperature, top_p, top_k = sampling.temperature, sampling.top_p, sampling.top_k
    if not out.dialect.sampling or out.strict_version:
        why = f"refused from version {STRICT_VERSION} on" if out.dialect.sampling else "the model takes none"
        for field, value in (("temperature", temperature), ("top_p", top_p), ("top_k", top_k)):
            if value is not None:
                losses.dropped(field, detail=why)
        return
    if not out.own:
        thinking = settings.on
        if temperature is not None and temperature > 1:
            losses.approximated("temperature", detail="1 is the highest")
            temperature = 1.0
        if thinking and temperature is not None and temperature != 1:
            losses.dropped("temperature", detail="fixed while thinking")
            temperature = None
        if thinking and top_k is not None:
            losses.dropped("top_k", detail="not while thinking")
            top_k = None
        if thinking and top_p is not None and top_p < TOP_P_WITH_THINKING:
            losses.approximated("top_p", detail=f"at least {TOP_P_WITH_THINKING} while thinking")
            top_p = TOP_P_WITH_THINKING
    if temperature is not None and top_p is not None and not out.dialect.temperature_with_top_p:
        losses.dropped("top_p", detail="only one of temperature and top_p is accepted")
        top_p = None
    for field, value in (("temperature", temperature), ("top_p", top_p), ("top_k", top_k)):
        if value is not None:
            body[field] = value


def _encode_rest(request: Request, out: Outgoing, body: Json) -> None:
    own, losses = out.own, out.losses
    stops = [sequence for sequence in request.stop if sequence and not sequence.isspace()]
    if len(stops) < len(request.stop):
        losses.dropped("stop", detail="sequences of blanks are refused")
    if stops:
        body["stop_sequences"] = stops
    if request.stream:
        body["stream"] = True
    if request.user is not None:
        if own or out.dialect.user_id:
            body["metadata"] = {"user_id": request.user}
        else:
            losses.dropped("user", detail="not passed on to another vendor")
    if request.service_tier is not None:
        tier = encode_tier(request.service_tier, own=own)
        if tier is None:
            losses.dropped("service_tier", detail=request.service_tier)
        else:
            body["service_tier"] = tier
    cache = request.cache
    if cache.mark is not None:
        body["cache_control"] = out.cache_control(CacheMark(cache.mark.ttl), "")
    if cache.key is not None:
        losses.dropped("cache_key")
    if cache.retention is not None:
        losses.dropped("cache_retention")
    if cache.content is not None:
        losses.dropped("prompt", detail="the cached contents stay at their provider")
    if request.state.store:
        losses.dropped("store", detail="nothing is stored")
    if request.state.background:
        losses.dropped("background", detail="the answer comes at once")
    if request.verbosity is not None:
        losses.dropped("verbosity")
    if set(request.modalities) - {"text"}:
        losses.dropped("modalities", detail="the model answers in text")
    if request.metadata:
        losses.dropped("metadata")
    if set(request.include) - {"reasoning.encrypted_content"}:
        losses.dropped("include")
    if not own:
        losses.extras(request.extras)
        return
    for key, value in request.extras.items():
        if key == BILLING_HEADER:
            continue
        known = body.get(key)
        body[key] = {**known, **value} if key in {"output_config", "metadata"} and type(known) is dict else value


_COUNTED = frozenset({"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control", "speed"}) | {
    "mcp_servers",
    "context_management",
}


def encode_count_request(request: Request, target: Target) -> Sent:
    """What of the request the counting endpoint takes, and the losses that matter to a count."""
    sent = encode_request(request, target)
    body = {key: value for key, value in sent.wire.body.items() if key in _COUNTED}
    losses = tuple(loss for loss in sent.losses if loss.field != "max_output_tokens" or request.max_output_tokens is not None)
    return Sent(WireCall(f"{MESSAGES_PATH}/count_tokens", body, sent.wire.headers), losses, sent.ticket)
