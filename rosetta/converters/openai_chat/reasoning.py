"""Effort, thoughts and opaque states. The official wire has ``reasoning_effort`` and no thoughts; servers add fields of their own.

    out    reasoning_content (DeepSeek, Qwen, llama.cpp, …), reasoning (vLLM, Ollama, OpenRouter), reasoning_details (OpenRouter)
    back   the same field on the assistant message, which DeepSeek demands and official OpenAI refuses

A foreign state travels in ``tool_calls[].extra_content.google.thought_signature``, which the Vercel SDK's provider for compatible servers sends back.
"""

from __future__ import annotations

from typing import Any, assert_never

import msgspec

from rosetta.converters import effort as levels
from rosetta.converters import jsontext, seals
from rosetta.converters.converter import Json, Malformed, Ticket, Unsupported
from rosetta.converters.fields import Fields, type_name
from rosetta.converters.openai_chat.outgoing import FORMAT, Outgoing
from rosetta.ir.parts import NO_EXTRAS, Reasoning, Seal, ToolCall
from rosetta.ir.request import EFFORTS, Effort, ReasoningRequest, Request

TEXT_FIELDS = ("reasoning_content", "reasoning")
DETAILS = "reasoning_details"
FIELDS = frozenset({*TEXT_FIELDS, DETAILS})


# ------------------------------------------------------------------------------------------------------------------------ settings


_NOTHING = ReasoningRequest()
_THINKING = {"enabled": "on", "disabled": "off", "adaptive": "adaptive"}


def decode_settings(fields: Fields, words: dict[str, str]) -> ReasoningRequest:
    """``reasoning_effort``, OpenRouter's ``reasoning``, DeepSeek's ``thinking``. Levels that nobody knows are kept as they are. ``words`` learns which of
    the spellings the client used."""
    extras: dict[str, Any] = {}
    word = fields.maybe("reasoning_effort", str)
    effort: Effort | None = word if word in EFFORTS else None
    if word is not None and effort is None:
        extras["reasoning_effort"] = word
    budget = visible = None
    mode: Any = None
    nested = fields.fields("reasoning")
    if nested is not None:
        level = nested.maybe("effort", str)
        if level in EFFORTS:
            if effort is None:
                effort, words["effort"] = level, "reasoning.effort"
            else:
                extras["reasoning.effort"] = level
        elif level is not None:
            extras["reasoning.effort"] = level
        budget = nested.maybe("max_tokens", int)
        excluded, enabled = nested.maybe("exclude", bool), nested.maybe("enabled", bool)
        visible = None if excluded is None else not excluded
        if enabled is not None:
            mode = "on" if enabled else "off"
        words["reasoning"] = "reasoning" if enabled is None else "reasoning.enabled"
        extras.update({f"reasoning.{key}": value for key, value in nested.rest().items() if value is not None})
    thinking = fields.fields("thinking")
    if thinking is not None:
        kind = thinking.maybe("type", str)
        mode = _THINKING.get(kind or "", mode)
        if kind is not None and kind not in _THINKING:
            extras["thinking.type"] = kind
        elif kind is not None:
            words["reasoning"] = "thinking.type"
        tokens = thinking.maybe("budget_tokens", int)
        if budget is None and tokens is not None:
            budget, words["budget"] = tokens, "thinking.budget_tokens"
        elif tokens is not None:
            extras["thinking.budget_tokens"] = tokens
        extras.update({f"thinking.{key}": value for key, value in thinking.rest().items() if value is not None})
    if mode is None and effort is None and budget is None and visible is None and not extras:
        return _NOTHING
    return ReasoningRequest(mode, effort, budget, visible, extras=extras or NO_EXTRAS)


def encode_settings(request: Request, body: Json, out: Outgoing) -> None:
    """Effort in the server's own form; a budget becomes the level that it amounts to."""
    wanted, dialect = request.reasoning, out.dialect
    latest = next((turn.effort for turn in reversed(request.turns) if turn.effort is not None), None)
    if latest is not None:
        wanted = msgspec.structs.replace(wanted, effort=latest)
    if not dialect.tools_with_reasoning and "tools" in body and not out.faithful:
        _encode_thoughtless(wanted, body, out)
        out.losses.extras(wanted.extras)
        return
    if wanted == _NOTHING:
        return
    if wanted.visible and dialect.reasoning_back == "none" and not out.own:
        out.losses.dropped("visible", detail="this wire shows no thoughts")
    if wanted.summary is not None and wanted.summary != "auto":
        out.losses.dropped("summary")
    match dialect.reasoning_form:
        case "reasoning":
            _encode_nested(wanted, body, out)
        case "thinking":
            _encode_switch(wanted, body, out)
        case "reasoning_effort":
            _encode_effort(wanted, body, out)
        case _:
            assert_never(dialect.reasoning_form)
    if out.own:
        _restore(wanted.extras, body)
    else:
        out.losses.extras(wanted.extras)


def _restore(extras: dict[str, Any], body: Json) -> None:
    for key, value in extras.items():
        outer, _, inner = key.partition(".")
        if inner:
            body[outer] = {**body.get(outer, {}), inner: value}
        else:
            body[key] = value


def _encode_thoughtless(wanted: ReasoningRequest, body: Json, out: Outgoing) -> None:
    """OpenAI's newer models refuse functions on this wire unless effort is none."""
    if "none" not in out.dialect.efforts:
        raise Unsupported(
            "tools", "this model takes functions on the Responses wire only: give its provider formats: [openai_responses, openai_chat]"
        )
    body["reasoning_effort"] = "none"
    if wanted.effort not in (None, "none"):
        out.losses.approximated("effort", detail="none: the model refuses functions with thinking on this wire")
    elif wanted.mode not in (None, "off") or wanted.budget is not None:
        out.losses.dropped("reasoning", detail="the model refuses functions with thinking on this wire")


def _level(wanted: ReasoningRequest, out: Outgoing) -> Effort | None:
    """The level to ask for, with the Loss that it costs; None for none at all."""
    efforts = out.dialect.efforts
    effort, field = wanted.effort, "effort"
    if effort is None and wanted.budget is not None:
        effort, field = levels.of_budget(wanted.budget), "budget"
    if effort is None:
        return None
    if field == "effort" and wanted.budget:
        out.losses.dropped("budget", detail="the server takes a level of effort")
    found = effort if out.faithful and not efforts else levels.nearest(effort, efforts)
    if found is None:
        out.losses.dropped(field, detail="the model has no levels of effort")
    elif field == "budget":
        out.losses.approximated(field, detail=f"effort {found}")
    elif found != effort:
        out.losses.approximated(field, detail=f"{found} instead of {effort}")
    return found


def _off(wanted: ReasoningRequest) -> bool:
    return wanted.mode == "off" or wanted.effort == "none" or (wanted.effort is None and wanted.budget == 0)


def _encode_effort(wanted: ReasoningRequest, body: Json, out: Outgoing) -> None:
    efforts = out.dialect.efforts
    if _off(wanted):
        if "none" in efforts or (out.faithful and not efforts):
            body["reasoning_effort"] = "none"
        elif efforts:  # a model without levels does not think: nothing to switch off
            body["reasoning_effort"] = lowest = levels.nearest("none", efforts)
            field = "effort" if wanted.effort == "none" else "reasoning"
            out.losses.approximated(field, detail=f"{lowest}: thinking cannot be switched off")
        return
    found = _level(wanted, out)
    if found is not None:
        body["reasoning_effort"] = found
    elif wanted.mode == "on" and wanted.effort is None and wanted.budget is None:
        out.losses.dropped("reasoning", detail="the server thinks as it likes")


def _encode_switch(wanted: ReasoningRequest, body: Json, out: Outgoing) -> None:
    """DeepSeek's switch, and the level beside it where the server has several."""
    if _off(wanted):
        body["thinking"] = {"type": "disabled"}
        return
    if wanted.mode == "on" or wanted.effort is not None or wanted.budget is not None:
        body["thinking"] = {"type": "enabled"}
    found = _level(wanted, out)
    if found is not None and sum(level != "none" for level in out.dialect.efforts) > 1:
        body["reasoning_effort"] = found


def _encode_nested(wanted: ReasoningRequest, body: Json, out: Outgoing) -> None:
    reasoning: Json = {}
    if wanted.mode == "off" and wanted.effort is None:
        reasoning["enabled"] = False
    elif wanted.budget is not None and wanted.mode != "off":
        reasoning["max_tokens"] = wanted.budget
        if wanted.effort is not None:
            out.losses.dropped("effort", detail="the server takes either a budget or a level")
    elif wanted.effort is not None:
        reasoning["effort"] = "none" if wanted.mode == "off" else wanted.effort
    elif wanted.mode == "on":
        reasoning["enabled"] = True
    if out.own and wanted.mode in ("on", "off"):
        reasoning["enabled"] = wanted.mode == "on"
    if wanted.visible is False:
        reasoning["exclude"] = True
    if reasoning:
        body["reasoning"] = reasoning


# ------------------------------------------------------------------------------------------------------------------------ history in


def decode_history(message: Json, at: str) -> Reasoning | None:
    """The thoughts which a client sends back with an assistant message: bare, as its own wire has them."""
    field = next((key for key in TEXT_FIELDS if message.get(key)), "")
    text = message[field] if field else ""
    if type(text) is not str:
        raise Malformed(f"{at}.{field}", f"expected str, got {type_name(text)}")
    details = message.get(DETAILS)
    if type(details) is list and details:
        found = Seal("text", jsontext.encode_text(details), texts=(text,) if text else ())
        text, at = text or details_text(details), at if field else f"{at}.{DETAILS}"
    elif text:
        found, at = Seal("text", "", texts=(text,)), f"{at}.{field}"
    else:
        return None
    return Reasoning(summary=(text,) if text else (), at=at, seals=(found,))


def told_otherwise(message: Json) -> dict[str, Any]:
    """The second of the two fields for thoughts, where it says something else than the first: most servers that fill both say the same."""
    first, second = (message.get(key) for key in TEXT_FIELDS)
    return {TEXT_FIELDS[1]: second} if first and second and first != second else NO_EXTRAS


def joined_details(pieces: list[Any]) -> list[Any]:
    """The details of a stream, whose texts come in pieces with one index, as a whole reply has them."""
    whole: list[Any] = []
    for piece in pieces:
        last = whole[-1] if whole else None
        if type(piece) is dict and type(last) is dict and piece.get("type") == last.get("type") and piece.get("index") == last.get("index"):
            joined = {**last, **{key: value for key, value in piece.items() if value is not None}}
            for key in ("text", "summary"):
                if type(last.get(key)) is str and type(piece.get(key)) is str:
                    joined[key] = last[key] + piece[key]
            if type(last.get("data")) is not str:  # an encrypted state is never in pieces
                whole[-1] = joined
                continue
        whole.append(piece)
    return whole


def details_text(details: list[Any]) -> str:
    """The readable text of OpenRouter's ``reasoning_details``."""
    pieces = []
    for entry in details:
        if type(entry) is dict:
            text = entry.get("text") or entry.get("summary")
            if type(text) is str:
                pieces.append(text)
    return "".join(pieces)


EXTRA = "extra_content"


def _signature(value: Json) -> str:
    """The thought signature in a call's ``extra_content``; empty where there is none."""
    extra = value.get(EXTRA)
    google = extra.get("google") if type(extra) is dict else None
    found = google.get("thought_signature") if type(google) is dict else None
    return found if type(found) is str else ""


def beside_signature(value: Json) -> dict[str, Any]:
    """What a call's ``extra_content`` holds besides, as an unknown field of the call."""
    extra = value.get(EXTRA)
    if extra is None or not _signature(value):
        return NO_EXTRAS if extra is None else {EXTRA: extra}
    google = {key: found for key, found in extra["google"].items() if key != "thought_signature"}
    rest = {key: found for key, found in {**extra, "google": google}.items() if found not in (None, {})}
    return {EXTRA: rest} if rest else NO_EXTRAS


def with_signature(wire: Json, text: str) -> None:
    """Puts a signature on a call, beside what its ``extra_content`` holds already."""
    extra = wire.get(EXTRA)
    extra = extra if type(extra) is dict else {}
    google = extra.get("google")
    wire[EXTRA] = {**extra, "google": {**(google if type(google) is dict else {}), "thought_signature": text}}


def carried(value: Json) -> tuple[Seal, ...]:
    """The seals that a call carries in ``extra_content``."""
    found = _signature(value)
    return seals.opened(found, "thought_signature", bound="part") if found else ()


# ------------------------------------------------------------------------------------------------------------------------ history out


def encode_history(parts: list[Reasoning], message: Json, out: Outgoing) -> None:
    """The thoughts which the server takes back in its own field; all others are left out."""
    texts: list[str] = []
    details: list[Any] = []
    field = out.dialect.reasoning_back
    for part in parts:
        out.losses.extras(part.extras, part.at)
        own = [seal for seal in part.seals if seals.belongs(seal, out.target, FORMAT)]
        if len(own) < len(part.seals):
            out.losses.dropped("seal", part.at, "made by another provider or model")
            if not own:
                continue
        if field == "none":
            if len(own) == len(part.seals) and (part.text or any(seal.texts or seal.value for seal in own)):
                out.losses.dropped("reasoning_text", part.at)
            continue
        for seal in own:
            texts.extend(seal.texts)
            details.extend(details_of(seal))
        if not part.seals and part.text:
            texts.append(part.text)
    text = "\n\n".join(texts)
    if details and (field == DETAILS or out.faithful or not text):
        message[DETAILS] = details
        text = "" if field == DETAILS else text
    if not text:
        return
    if field == "thinking":
        said = message.get("content") or []
        said = said if type(said) is list else [{"type": "text", "text": said}]
        message["content"] = [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}, *said]
    else:
        message["reasoning" if field == DETAILS else field] = text


def details_of(seal: Seal) -> list[Any]:
    """OpenRouter's ``reasoning_details`` in a chat server's state; a chat client gets them as they came."""
    if seal.kind != "text" or not seal.value:
        return []
    try:
        value = jsontext.decode(seal.value)
    except jsontext.InvalidJson:
        return []
    return value if type(value) is list else []


def encode_call_seal(part: ToolCall, wire: Json, out: Outgoing) -> None:
    """A call's own state, where the server is its maker."""
    if part.seal is None:
        return
    maker = part.seal.provider  # none: bare, as the client's own wire has it
    mine = maker == out.target.provider if maker else out.own and (out.faithful or out.dialect.thought_signatures)
    if mine and part.seal.kind == "thought_signature":
        with_signature(wire, part.seal.value)
    else:
        out.losses.dropped("seal", part.at, "made by another provider or model")


# ------------------------------------------------------------------------------------------------------------------------ answers


def sealed(text: str, details: list[Any], ticket: Ticket) -> tuple[Seal, ...]:
    """The state of an answer's thoughts: their very text, and OpenRouter's details."""
    if not text and not details:
        return ()
    value = jsontext.encode_text(joined_details(details)) if details else ""
    return (Seal("text", value, ticket.provider, ticket.model, texts=(text,) if text else ()),)


def signature(value: Json, ticket: Ticket) -> Seal | None:
    """The thought signature on a call, from servers that make them."""
    text = _signature(value)
    return Seal("thought_signature", text, ticket.provider, ticket.model, bound="part") if text else None


def envelope(pending: list[Seal]) -> str | None:
    """The value for the next call's signature, empty when what is pending needs no envelope, None when it is too large. A chain of thought alone
    needs none: this wire's clients send ``reasoning_content`` back by themselves."""
    return "" if all(seal.kind == "text" for seal in pending) else seals.wrap(pending)
