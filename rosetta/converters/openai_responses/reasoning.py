"""Reasoning settings, items and their seals: https://platform.openai.com/docs/guides/reasoning.

An item is ``{id, summary: [summary_text…], content: [reasoning_text…], encrypted_content}``. OpenAI shows summaries only; open models write the
verbatim chain into ``content``. What other providers sealed travels in ``encrypted_content`` as an envelope (``rosetta.converters.seals``).
"""

from __future__ import annotations

import hashlib
from typing import Any

from rosetta.converters import effort as levels
from rosetta.converters import seals
from rosetta.converters.converter import Json, Malformed, Ticket
from rosetta.converters.fields import Fields, maybe_string, type_name, unknown
from rosetta.converters.losses import Losses
from rosetta.converters.openai_responses.parts import FORMAT, Outgoing
from rosetta.ir.parts import Reasoning, Seal
from rosetta.ir.request import EFFORTS, NO_REASONING, Effort, ReasoningRequest, Request

ITEM = frozenset({"type", "id", "status", "summary", "content", "encrypted_content"})
SUMMARY_PART = frozenset({"type", "text"})


# ------------------------------------------------------------------------------------------------------------------------ settings


def decode_settings(fields: Fields | None, extras: dict[str, Any]) -> ReasoningRequest:
    """``reasoning``. What only OpenAI knows of it goes to ``extras`` as ``reasoning.context`` and the like."""
    if fields is None:
        return NO_REASONING
    word = fields.maybe("effort", str)
    summary = fields.maybe("summary", str) or fields.maybe("generate_summary", str)
    fields.drop("generate_summary")
    level: Effort | None = None
    if word is not None and word in EFFORTS:
        level = word
    elif word is not None:
        extras["reasoning.effort"] = word
    for name, value in fields.rest().items():
        if value is not None:
            extras[f"reasoning.{name}"] = value
    return ReasoningRequest(
        mode="off" if level == "none" else None,
        effort=level,
        visible=True if summary is not None and summary != "none" else None,
        summary=summary,
    )


def encode_settings(request: Request, effort: Effort | None, out: Outgoing) -> Json:
    """``reasoning``, empty when there is nothing to say. ``effort`` is a later turn's word, where it cannot be said in its place."""
    wanted = request.reasoning
    wire: Json = {}
    level = effort or wanted.effort
    if wanted.budget is not None and effort is None:
        out.losses.approximated("budget", detail="as a level of effort")
        if level is None:
            level = levels.of_budget(wanted.budget) if wanted.budget >= 0 else None
    if wanted.mode == "off" and effort is None:
        level = "none"
    if level is not None:
        found = levels.nearest(level, out.dialect.efforts)
        if found is None:
            out.losses.dropped("reasoning" if level == "none" else "effort", detail="the model has no levels of effort")
        else:
            if found != level and wanted.budget is None:
                out.losses.approximated("effort", detail=f"{found} instead of {level}")
            wire["effort"] = found
    summary = wanted.summary or ("auto" if wanted.visible else None)
    if summary is not None:
        if out.dialect.summaries:
            wire["summary"] = summary
        elif wanted.summary is None or wanted.summary != "none":
            out.losses.dropped("visible" if wanted.summary is None else "summary", detail="the server writes no summaries")
    if not out.own:
        out.losses.extras(wanted.extras)
    return wire


# ------------------------------------------------------------------------------------------------------------------------ items in


def _texts(item: Json, key: str, at: str, losses: Losses) -> tuple[str, ...]:
    """The texts of ``summary`` or ``content``: a list of parts, for some servers of strings; Codex sends ``content: null``."""
    found = item.get(key)
    if found is None:
        return ()
    if type(found) is not list:
        raise Malformed(f"{at}.{key}", f"expected array, got {type_name(found)}")
    texts = []
    for index, part in enumerate(found):
        text = part.get("text") if type(part) is dict else part
        if type(text) is not str:
            raise Malformed(f"{at}.{key}.{index}.text", f"expected str, got {type_name(text)}")
        texts.append(text)
        if type(part) is dict and len(part) > len(SUMMARY_PART):
            losses.extras(unknown(part, SUMMARY_PART), f"{at}.{key}.{index}")
    return tuple(texts)


def decode_reasoning(item: Json, at: str, losses: Losses) -> tuple[Reasoning | None, tuple[Seal, ...]]:
    """A client's reasoning item: its thoughts, None when it holds none, and the seals of the visible part that it was put beside."""
    summary = _texts(item, "summary", at, losses)
    raw = "".join(_texts(item, "content", at, losses))
    value = maybe_string(item, "encrypted_content", at)
    found = seals.opened(value, "encrypted", texts=summary, item_id=maybe_string(item, "id", at)) if value else ()
    own = tuple([seal for seal in found if seal.bound == "reasoning"])
    beside = tuple([seal for seal in found if seal.bound != "reasoning"])
    extras = unknown(item, ITEM)
    if not (summary or raw or own or extras):
        return None, beside
    return Reasoning(summary, raw, at, own, extras), beside


def decode_thought(item: Json, at: str, ticket: Ticket, losses: Losses) -> Reasoning:
    """An upstream's reasoning item, sealed as made by the ticket's provider and model."""
    summary = _texts(item, "summary", at, losses)
    value = maybe_string(item, "encrypted_content", at)
    found = (sealed(value, maybe_string(item, "id", at), summary, ticket),) if value else ()
    return Reasoning(summary, "".join(_texts(item, "content", at, losses)), at, found, unknown(item, ITEM))


def sealed(value: str, item_id: str | None, summary: tuple[str, ...], ticket: Ticket) -> Seal:
    """A seal of this very upstream."""
    return Seal("encrypted", value, ticket.provider, ticket.model, item_id, texts=summary)


# ------------------------------------------------------------------------------------------------------------------------ items out


def encode_reasoning(part: Reasoning, out: Outgoing) -> list[Json]:
    """The reasoning items which the target made itself. Of all else nothing is sent."""
    if not part.seals:
        return _encode_open(part, out)
    if not out.dialect.encrypted or not all(seals.belongs(seal, out.target, FORMAT) for seal in part.seals):
        out.losses.dropped("seal", part.at, "made by another provider" if out.dialect.encrypted else "the server takes no sealed reasoning")
        out.losses.extras(part.extras, part.at)
        return []
    items = []
    for seal in part.seals:
        item: Json = {"type": "reasoning"}
        if seal.item_id:
            item["id"] = seal.item_id
        texts = part.summary if not seal.provider else seal.texts
        item["summary"] = [{"type": "summary_text", "text": text} for text in texts]
        if part.raw and not seal.provider:
            item["content"] = [{"type": "reasoning_text", "text": part.raw}]
        item["encrypted_content"] = seal.value
        items.append(item)
    out.extras(items[0], part.extras, part.at)
    return items


def _encode_open(part: Reasoning, out: Outgoing) -> list[Json]:
    """Thoughts that nobody sealed. Servers of open models take their own text back; a server that seals refuses an item without its seal."""
    if not part.text and not part.extras:
        return []
    if not out.own or out.dialect.encrypted:
        if part.text:
            out.losses.dropped("reasoning_text", part.at)
        out.losses.extras(part.extras, part.at)
        return []
    identity = hashlib.sha256("\n".join((*part.summary, part.raw)).encode("utf-8", "replace")).hexdigest()[:24]
    item: Json = {"type": "reasoning", "id": f"rs_{identity}", "summary": [{"type": "summary_text", "text": text} for text in part.summary]}
    if part.raw:
        item["content"] = [{"type": "reasoning_text", "text": part.raw}]
    out.extras(item, part.extras, part.at)
    return [item]


# ------------------------------------------------------------------------------------------------------------------------ to the client


def bare(found: tuple[Seal, ...]) -> Seal | None:
    """The seal that may stand as it is in an item of its own: one of this very wire."""
    return found[0] if len(found) == 1 and seals.HOME[found[0].kind] == FORMAT else None
