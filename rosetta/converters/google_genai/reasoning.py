"""Thinking and thought signatures: https://ai.google.dev/gemini-api/docs/thought-signatures.

A signature is bound to a visible part, mostly the first call of a step. Foreign states travel to a Google client as the base64 of their envelope in the same field.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rosetta.converters import effort as levels
from rosetta.converters import media, seals
from rosetta.converters.converter import Json, Ticket
from rosetta.converters.fields import Fields
from rosetta.converters.google_genai.parts import FORMAT, Outgoing
from rosetta.ir.parts import Part, Reasoning, Seal, ToolCall
from rosetta.ir.request import Effort, ReasoningRequest, Request

SKIP = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
"""The documented value that switches validation off for a call whose signature was made by nobody here. Only the current turn is validated, but a call
that said otherwise once the user speaks again would begin the cached prefix anew."""

LEVELS: dict[str, Effort] = {"MINIMAL": "minimal", "LOW": "low", "MEDIUM": "medium", "HIGH": "high", "XHIGH": "xhigh"}
_WORDS: dict[Effort, str] = {effort: word for word, effort in LEVELS.items()}
_NOTHING = ReasoningRequest()
CONFIG = "generationConfig.thinkingConfig"


# ------------------------------------------------------------------------------------------------------------------------ settings


def decode_settings(config: Fields | None) -> ReasoningRequest:
    """``thinkingConfig``."""
    thinking = config.fields("thinkingConfig") if config is not None else None
    if thinking is None:
        return _NOTHING
    extras: dict[str, Any] = {}
    visible, budget, word = (
        thinking.maybe("includeThoughts", bool),
        thinking.maybe("thinkingBudget", int),
        thinking.maybe("thinkingLevel", str),
    )
    effort = LEVELS.get((word or "").upper())
    if word is not None and effort is None and word.upper() != "THINKING_LEVEL_UNSPECIFIED":
        extras[f"{CONFIG}.thinkingLevel"] = word
    extras.update({f"{CONFIG}.{key}": value for key, value in thinking.rest().items() if value is not None})
    mode: Any = "off" if budget == 0 else "adaptive" if budget == -1 else "on" if budget is not None else None
    return ReasoningRequest(mode, effort, budget if budget is not None and budget > 0 else None, visible, extras=extras)


def encode_settings(request: Request, turn_effort: Effort | None, out: Outgoing) -> Json | None:
    """``thinkingConfig``: a level or a budget, never both."""
    wanted, dialect = request.reasoning, out.dialect
    effort = turn_effort or wanted.effort
    if wanted == _NOTHING and effort is None:
        return None
    if not out.own or dialect.thinking == "none":
        out.losses.extras(wanted.extras)
    if wanted.summary not in (None, "auto"):
        out.losses.approximated("summary", detail="there is one kind of summary")
    if dialect.thinking == "none":
        for field, value in (("effort", effort), ("budget", wanted.budget), ("visible", wanted.visible)):
            if value not in (None, "none", False):
                out.losses.dropped(field, detail="the model does not think")
        return None
    config: Json = {key.rpartition(".")[2]: value for key, value in wanted.extras.items()} if out.own else {}
    if wanted.visible is not None:
        config["includeThoughts"] = wanted.visible
    elif wanted.summary is not None:
        config["includeThoughts"] = True
    off = wanted.mode == "off" or effort == "none"
    if dialect.thinking == "level":
        _encode_level(wanted, effort, off, config, out)
    else:
        _encode_budget(wanted, effort, off, config, out)
    return config or None


def _encode_level(wanted: ReasoningRequest, effort: Effort | None, off: bool, config: Json, out: Outgoing) -> None:
    accepted = [LEVELS[word] for word in out.dialect.levels]
    field = "effort"
    if off:
        lowest = levels.nearest("minimal", accepted)
        field, effort = "effort" if wanted.effort == "none" else "reasoning", lowest
        if lowest is not None:
            config["thinkingLevel"] = _WORDS[lowest]
        out.losses.approximated(field, detail="the model always thinks")
        return
    if wanted.budget is not None:
        if effort is None:
            field, effort = "budget", levels.of_budget(wanted.budget)
        out.losses.approximated("budget", detail=f"as the level {effort}")
    if effort is None:
        return
    found = levels.nearest(effort, accepted)
    if found is None:
        out.losses.dropped(field)
        return
    config["thinkingLevel"] = _WORDS[found]
    if found != effort and field == "effort":
        out.losses.approximated("effort", detail=f"{found} instead of {effort}")


def _encode_budget(wanted: ReasoningRequest, effort: Effort | None, off: bool, config: Json, out: Outgoing) -> None:
    dialect = out.dialect
    if off:
        if dialect.thinking_off:
            config["thinkingBudget"] = 0
        else:
            config["thinkingBudget"] = dialect.budget_min
            out.losses.approximated("effort" if wanted.effort == "none" else "reasoning", detail="the model always thinks")
        return
    if wanted.budget is not None:
        budget = min(max(wanted.budget, dialect.budget_min), dialect.budget_max)
        config["thinkingBudget"] = budget
        if budget != wanted.budget:
            out.losses.approximated("budget", detail=f"{budget} tokens")
        if effort is not None:
            out.losses.approximated("effort", detail="the budget tells how much")
    elif effort is not None:
        budget = min(max(levels.BUDGET_TOKENS[effort], dialect.budget_min), dialect.budget_max)
        config["thinkingBudget"] = budget
        out.losses.emulated("effort", detail=f"as a budget of {budget} tokens")
    elif wanted.mode == "adaptive":
        config["thinkingBudget"] = -1


# ------------------------------------------------------------------------------------------------------------------------ requests


def opened(part: Json) -> tuple[list[Seal], list[Seal]]:
    """What a client's ``thoughtSignature`` holds: the seals of thoughts, and the seals of visible parts (mostly of the very part, the last one)."""
    value = part.get("thoughtSignature")
    if type(value) is not str or not value:
        return [], []
    found = seals.opened(value, "thought_signature", bound="part")
    return [seal for seal in found if seal.bound == "reasoning"], [seal for seal in found if seal.bound == "part"]


def is_envelope(part: Json) -> bool:
    """Whether the signature is one of ours; a bare one stays where it stood."""
    value = part.get("thoughtSignature")
    return type(value) is str and seals.unwrap(value) is not None


def give_back(parts: list[Part], carried: list[Seal], at: str) -> None:
    """Gives the seals that came on a call to the thoughts since the call before: the client may have dropped, joined, cut or tidied them.

    Seals with texts and visible thoughts are matched in order, from the last one back. Where the client kept no thought, the seals begin the step.
    """
    begin = next((index + 1 for index in range(len(parts) - 1, -1, -1) if isinstance(parts[index], ToolCall)), 0)
    thoughts = [index for index in range(begin, len(parts)) if _unsealed(parts[index])]
    runs: list[list[int]] = []
    for index in thoughts:
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    if not runs:
        parts.insert(begin, Reasoning(at=at, seals=tuple(carried)))
        return
    groups = _grouped(carried, len(runs))
    for run, group in zip(reversed(runs), reversed(groups), strict=True):
        kept = [part for index in run if isinstance(part := parts[index], Reasoning)]
        text = "".join(part.text for part in kept)
        parts[run[0] : run[-1] + 1] = [msgspec.structs.replace(kept[0], summary=(text,) if text else (), seals=tuple(group))]


def _unsealed(part: Part) -> bool:
    return isinstance(part, Reasoning) and not part.seals


def _grouped(carried: list[Seal], count: int) -> list[list[Seal]]:
    """The seals in ``count`` groups, in order: each begins a new one where it has texts of its own, as long as there are groups left."""
    groups: list[list[Seal]] = [[]]
    for seal in carried:
        if any(seal.texts) and len(groups) < count and any(any(known.texts) for known in groups[-1]):
            groups.append([])
        groups[-1].append(seal)
    while len(groups) < count:
        groups.insert(0, [])
    return groups


def encode_seal(seal: Seal | None, at: str, out: Outgoing) -> str | None:
    """The value for ``thoughtSignature`` where the target made it; a Loss where somebody else did."""
    if seal is None:
        return None
    if seals.belongs(seal, out.target, FORMAT):
        return media.standard_base64(seal.value)
    out.losses.dropped("seal", at, "made by another provider")
    return None


def encode_thought(part: Reasoning, out: Outgoing) -> Json | None:
    """A thought part which the target made itself; of all else nothing is sent."""
    own = next((seal for seal in part.seals if seals.belongs(seal, out.target, FORMAT)), None)
    if own is None and part.seals:
        out.losses.dropped("seal", part.at, "made by another provider or model")
        out.losses.extras(part.extras, part.at)
        return None
    if own is None and not out.own:
        if part.text:
            out.losses.dropped("reasoning_text", part.at, "thoughts of another model")
        out.losses.extras(part.extras, part.at)
        return None
    if own is None and not part.text:
        return None
    wire: Json = {"text": part.text, "thought": True}
    if own is not None:
        wire["thoughtSignature"] = media.standard_base64(own.value)
    out.extras(wire, part.extras, part.at)
    return wire


# ------------------------------------------------------------------------------------------------------------------------ answers


def sealed(part: Json, ticket: Ticket, bound: str) -> Seal | None:
    """The signature on a part of an answer."""
    value = part.get("thoughtSignature")
    if type(value) is not str or not value:
        return None
    return Seal("thought_signature", value, ticket.provider, ticket.model, bound="part" if bound == "part" else "reasoning")


def carried(pending: list[Seal], *, own: bool) -> str | None:
    """The value for a client's ``thoughtSignature``: Google's own bare, others as one envelope; None where it is too large. Google's OpenAI endpoint
    makes the same kind of seal, which must find back to it: it goes in an envelope."""
    if own and len(pending) == 1 and seals.HOME[pending[0].kind] == FORMAT:
        return media.standard_base64(pending[0].value)
    return seals.wrap_base64(pending)
