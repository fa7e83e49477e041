"""Effort, thoughts and opaque states. The official wire has ``reasoning_effort`` and no thoughts; servers add fields of their own.

    out    reasoning_content (DeepSeek, Qwen, llama.cpp, …), reasoning (vLLM, Ollama, OpenRouter), reasoning_details (OpenRouter)
    back   the same field on the assistant message, which DeepSeek demands and official OpenAI refuses

A foreign state travels in ``tool_calls[].extra_content.google.thought_signature``, which the Vercel SDK's provider for compatible servers sends back.
"""

from __future__ import annotations

from typing import Any

from rosetta.converters import effort as levels
from rosetta.converters import jsontext, seals
from rosetta.converters.converter import Json, Malformed, Ticket, Unsupported
from rosetta.converters.fields import Fields
from rosetta.converters.openai_chat.parts import FORMAT, Outgoing
from rosetta.ir.parts import Reasoning, Seal, ToolCall
from rosetta.ir.request import EFFORTS, Effort, ReasoningRequest, Request

TEXT_FIELDS = ("reasoning_content", "reasoning")
DETAILS = "reasoning_details"
FIELDS = frozenset({*TEXT_FIELDS, DETAILS})


# ------------------------------------------------------------------------------------------------------------------------ settings


def decode_settings(fields: Fields) -> ReasoningRequest:
    """``reasoning_effort``, OpenRouter's ``reasoning``, DeepSeek's ``thinking``."""
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
            effort = effort or level
        budget = nested.maybe("max_tokens", int)
        excluded, enabled = nested.maybe("exclude", bool), nested.maybe("enabled", bool)
        visible = None if excluded is None else not excluded
        if enabled is not None:
            mode = "on" if enabled else "off"
        rest = {key: value for key, value in nested.rest().items() if value is not None}
        if rest:
            extras["reasoning"] = rest
    thinking = fields.fields("thinking")
    if thinking is not None:
        kind = thinking.maybe("type", str)
        mode = {"enabled": "on", "disabled": "off", "adaptive": "adaptive"}.get(kind or "", mode)
        budget = budget if budget is not None else thinking.maybe("budget_tokens", int)
    if mode is None and effort is None and budget is None and visible is None and not extras:
        return _NOTHING
    return ReasoningRequest(mode, effort, budget, visible, extras=extras)


_NOTHING = ReasoningRequest()


def encode_settings(request: Request, body: Json, out: Outgoing) -> None:
    """Effort in the server's own form; a budget becomes the level that it amounts to."""
    wanted, dialect = request.reasoning, out.dialect
    if not dialect.tools_with_reasoning and "tools" in body:
        _encode_thoughtless(wanted, body, out)
        return
    if wanted is _NOTHING or wanted == _NOTHING:
        return
    if not out.own:
        out.losses.extras(wanted.extras)
    elif "reasoning_effort" in wanted.extras:
        body["reasoning_effort"] = wanted.extras["reasoning_effort"]
    effort = wanted.effort
    field = "effort"
    if wanted.mode == "off":
        effort, field = "none", "reasoning"
    elif effort is None and wanted.budget is not None:
        effort, field = levels.of_budget(wanted.budget), "budget"
    if wanted.visible and dialect.reasoning_back == "none" and not out.own:
        out.losses.dropped("visible", detail="this wire shows no thoughts")
    if wanted.summary is not None and wanted.summary != "auto":
        out.losses.dropped("summary")
    if dialect.reasoning_form == "reasoning":
        _encode_nested(wanted, effort, body)
        return
    if effort is None:
        if wanted.mode == "on":
            out.losses.dropped("reasoning", detail="the server thinks as it likes")
        return
    if effort == "none" and "none" not in dialect.efforts and not out.own:
        if dialect.reasoning_form == "thinking":
            body["thinking"] = {"type": "disabled"}
        elif dialect.efforts:
            lowest = levels.nearest("none", dialect.efforts)
            body["reasoning_effort"] = lowest
            out.losses.approximated(field, detail=f"{lowest}: thinking cannot be switched off")
        return  # a model without levels does not think: nothing to switch off
    found = effort if out.own and not dialect.efforts else levels.nearest(effort, dialect.efforts)
    if found is None:
        out.losses.dropped(field, detail="the model has no levels of effort")
        return
    if dialect.reasoning_form == "thinking":
        body["thinking"] = {"type": "enabled"}
    body["reasoning_effort"] = found
    if field == "budget":
        out.losses.approximated("budget", detail=f"effort {found}")
    elif found != effort:
        out.losses.approximated(field, detail=f"{found} instead of {effort}")


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


def _encode_nested(wanted: ReasoningRequest, effort: Effort | None, body: Json) -> None:
    reasoning: Json = dict(wanted.extras.get("reasoning") or {})
    if wanted.budget is not None and wanted.mode != "off":
        reasoning["max_tokens"] = wanted.budget
    elif effort is not None:
        reasoning["effort"] = effort
    elif wanted.mode is not None:
        reasoning["enabled"] = True
    if wanted.visible is False:
        reasoning["exclude"] = True
    if reasoning:
        body["reasoning"] = reasoning


# ------------------------------------------------------------------------------------------------------------------------ history in


def decode_history(message: Json, at: str) -> Reasoning | None:
    """The thoughts which a client sends back with an assistant message: bare, as its own wire has them."""
    field = next((key for key in TEXT_FIELDS if message.get(key)), DETAILS)
    text = message.get(field, "") if field != DETAILS else ""
    if type(text) is not str:
        raise Malformed(f"{at}.{field}", "expected str")
    if field == DETAILS or not message.get(DETAILS):
        at = f"{at}.{field}"
    found: tuple[Seal, ...] = ()
    details = message.get(DETAILS)
    if type(details) is list and details:
        found = (Seal("text", jsontext.encode_text(details), texts=(text,) if text else ()),)
        text = text or details_text(details)
    elif text:
        found = (Seal("text", "", texts=(text,)),)
    return Reasoning(summary=(text,) if text else (), at=at, seals=found) if found else None


def details_text(details: list[Any]) -> str:
    """The readable text of OpenRouter's ``reasoning_details``."""
    pieces = []
    for entry in details:
        if type(entry) is dict:
            text = entry.get("text") or entry.get("summary")
            if type(text) is str:
                pieces.append(text)
    return "".join(pieces)


def carried(value: Json) -> tuple[Seal, ...]:
    """The seals that a call carries in ``extra_content``."""
    extra = value.get("extra_content")
    google = extra.get("google") if type(extra) is dict else None
    signature = google.get("thought_signature") if type(google) is dict else None
    return seals.opened(signature, "thought_signature", bound="part") if type(signature) is str and signature else ()


# ------------------------------------------------------------------------------------------------------------------------ history out


def encode_history(parts: list[Reasoning], message: Json, out: Outgoing) -> None:
    """The thoughts which the server takes back in its own field; all others are left out."""
    texts: list[str] = []
    details: list[Any] = []
    for part in parts:
        own = [seal for seal in part.seals if seals.belongs(seal, out.target, FORMAT)]
        if part.seals and len(own) < len(part.seals):
            out.losses.dropped("seal", part.at, "made by another provider or model")
        if part.seals and not own:
            continue
        if out.dialect.reasoning_back == "none":
            if (part.text and not part.seals) or (own and any(seal.texts or seal.value for seal in own)):
                out.losses.dropped("reasoning_text", part.at)
            continue
        for seal in own:
            texts.extend(seal.texts)
            if seal.value:
                value = _list(seal.value)
                details.extend(value)
        if not part.seals and part.text:
            texts.append(part.text)
    text = "\n\n".join(texts)
    field = out.dialect.reasoning_back
    if details and (field == DETAILS or not text or out.own):
        message[DETAILS] = details
    if text and field == DETAILS and (not details or out.own):
        message["reasoning"] = text
    elif text and field != DETAILS:
        message[field] = text


def _list(text: str) -> list[Any]:
    try:
        value = jsontext.decode(text)
    except jsontext.InvalidJson:
        return []
    return value if type(value) is list else []


def encode_call_seal(part: ToolCall, wire: Json, out: Outgoing) -> None:
    """A call's own state, where the server is its maker."""
    if part.seal is None:
        return
    mine = part.seal.provider == out.target.provider and out.dialect.thought_signatures
    if part.seal.kind == "thought_signature" and (mine or (out.own and not part.seal.provider)):
        wire["extra_content"] = {"google": {"thought_signature": part.seal.value}}
    else:
        out.losses.dropped("seal", part.at, "made by another provider or model")


# ------------------------------------------------------------------------------------------------------------------------ answers


def sealed(text: str, details: list[Any], ticket: Ticket) -> tuple[Seal, ...]:
    """The state of an answer's thoughts: their very text, and OpenRouter's details."""
    if not text and not details:
        return ()
    # Their place in the list is what ``index`` says: it is put back on the way out.
    bare = [{key: value for key, value in entry.items() if key != "index"} if type(entry) is dict else entry for entry in details]
    value = jsontext.encode_text(bare) if bare else ""
    return (Seal("text", value, ticket.provider, ticket.model, texts=(text,) if text else ()),)


def signature(value: Json, ticket: Ticket) -> Seal | None:
    """The thought signature on a call, from servers that make them."""
    if ticket.dialect is None or not ticket.dialect.thought_signatures:
        return None
    extra = value.get("extra_content")
    google = extra.get("google") if type(extra) is dict else None
    text = google.get("thought_signature") if type(google) is dict else None
    return Seal("thought_signature", text, ticket.provider, ticket.model, bound="part") if type(text) is str and text else None


def details_of(seal: Seal) -> list[Any]:
    """OpenRouter's ``reasoning_details`` in a chat server's state; a chat client gets them as they came."""
    found = _list(seal.value) if seal.kind == "text" and seal.value else []
    # OpenAI's stream helper wants an index in every entry of a list that it does not know.
    return [{"index": place, **entry} if type(entry) is dict else entry for place, entry in enumerate(found)]


def envelope(pending: list[Seal]) -> Json | None:
    """``extra_content`` for the next call; None when what is pending needs no envelope or is too large. A chain of thought alone needs none: this
    wire's clients send ``reasoning_content`` back by themselves."""
    if all(seal.kind == "text" for seal in pending):
        return {}
    wrapped = seals.wrap(pending)
    return None if wrapped is None else {"google": {"thought_signature": wrapped}}
