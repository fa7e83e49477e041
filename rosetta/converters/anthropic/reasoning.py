"""Thinking: https://docs.claude.com/en/docs/build-with-claude/extended-thinking. Settings, blocks, signatures.

dialect.thinking   on                                off                    effort
budget             enabled + budget_tokens           no field, or disabled  as a budget (and as effort where the model has levels)
adaptive           adaptive                          disabled               output_config.effort
always             adaptive or no field              never                  output_config.effort
none               never                             always                 never
"""

from __future__ import annotations

from typing import Any

import msgspec

from rosetta.converters import effort as levels
from rosetta.converters import seals
from rosetta.converters.anthropic.parts import FORMAT, Outgoing, told
from rosetta.converters.converter import Json, Malformed, Ticket
from rosetta.converters.fields import Fields, maybe_string, type_name
from rosetta.converters.losses import Losses
from rosetta.ir.parts import NO_EXTRAS, Reasoning, Seal
from rosetta.ir.request import EFFORTS, Effort, ReasoningRequest, Request

MIN_BUDGET_TOKENS = 1024
TYPE = "thinking.type"
"""Under this name an unknown thinking type is kept in ``ReasoningRequest.extras``."""
UNSIGNED = seals.wrap(()) or ""
"""The envelope of no seal at all: stands in for the signature of thoughts which nobody signed, as clients refuse a block without any."""

THINKING = frozenset({"type", "thinking", "signature", "cache_control"})
REDACTED = frozenset({"type", "data", "cache_control"})
_DISPLAY = {"summarized": True, "omitted": False}


# ------------------------------------------------------------------------------------------------------------------------------ settings in


def decode_settings(thinking: Fields | None, effort: Any) -> ReasoningRequest:
    """``thinking`` and ``output_config.effort``."""
    extras: dict[str, Any] = {}
    mode: Any = None
    budget = visible = None
    if thinking is not None:
        kind = thinking.take("type", str)
        budget = thinking.maybe("budget_tokens", int)
        match kind:
            case "enabled":
                mode = "on"
                if budget is None:
                    raise Malformed("thinking.budget_tokens", "expected int, got null or nothing")
            case "adaptive":
                mode = "adaptive"
            case "disabled":
                mode = "off"
            case "between_tools":
                mode, extras[TYPE] = "off", kind
            case _:
                extras[TYPE] = kind
        display = thinking.maybe("display", str)
        if display is not None:
            visible = _DISPLAY.get(display)
            if visible is None:
                extras["thinking.display"] = display
        elif mode == "on":
            visible = True  # the models that take a budget show their thoughts unasked
        extras.update({f"thinking.{key}": value for key, value in thinking.rest().items() if value is not None})
    return ReasoningRequest(
        mode=mode, effort=effort if effort in EFFORTS else None, budget=budget, visible=visible, extras=extras or NO_EXTRAS
    )


# ------------------------------------------------------------------------------------------------------------------------------ settings out


def switched_on(request: Request) -> bool:
    """Whether the client asks for thinking. For an Anthropic client effort alone is no such word: its models spend it on the answer too."""
    wanted = request.reasoning
    if wanted.mode == "off" or wanted.effort == "none":
        return False
    return wanted.mode is not None or wanted.budget is not None or (wanted.effort is not None and request.format != FORMAT)


class Settings(msgspec.Struct):
    """What a request says of thinking, and the room it needs."""

    thinking: Json | None = None
    effort: Effort | None = None
    max_tokens: int = 0

    @property
    def on(self) -> bool:
        """Whether a thinking mode was switched on."""
        return self.thinking is not None and self.thinking.get("type") in {"enabled", "adaptive"}


def encode_settings(request: Request, out: Outgoing, *, blocked: str = "") -> Settings:
    """Thinking, effort and max_tokens as the target takes them. ``blocked``: why this request cannot have thinking (a forced tool, a lost state)."""
    wanted, dialect = request.reasoning, out.dialect
    effort = wanted.effort
    default = dialect.max_output if request.stream else dialect.max_output_unary
    said = request.max_output_tokens
    settings = Settings(max_tokens=default if said is None else said)
    if said is None:
        out.losses.injected("max_output_tokens", detail=f"{settings.max_tokens}: the wire demands a limit")
    raw = wanted.extras.get(TYPE) if out.own else None
    if raw is not None and not blocked and dialect.thinking in {"adaptive", "always"}:
        settings.thinking = {"type": raw} if wanted.budget is None else {"type": raw, "budget_tokens": wanted.budget}
        settings.effort = _level(effort, out)
    elif wanted.mode == "off" or effort == "none":
        if wanted.mode == "off" and effort not in {None, "none"} and out.own:
            settings.effort = _level(effort, out)
        _encode_off(wanted, out, settings)
    elif wanted.mode is None and wanted.budget is None and effort is None:
        _encode_unsaid(wanted, out, settings, blocked)
    elif dialect.thinking == "none":
        for field, value in (("budget", wanted.budget), ("effort", effort)):
            if value is not None:
                out.losses.dropped(field, detail="the model does not think")
        if wanted.budget is None and effort is None:
            out.losses.dropped("reasoning", detail="the model does not think")
    else:
        if effort is not None and (dialect.efforts or dialect.thinking != "budget"):
            settings.effort = _level(effort, out)
        elif effort is not None and out.own and wanted.mode != "adaptive":  # beside a budget, or alone: it is no word for thinking there
            out.losses.dropped("effort", detail="the model has no levels of effort")
        if blocked:
            if switched_on(request):
                out.losses.dropped("reasoning", detail=blocked)
            if dialect.thinking == "adaptive":
                settings.thinking = {"type": "disabled"}
        elif dialect.thinking == "budget":
            _encode_budget(wanted, effort, said, default, out, settings)
        else:
            _encode_adaptive(wanted, effort, out, settings)
    _encode_display(wanted, out, settings)
    _encode_extras(wanted, out, settings)
    return settings


def _level(effort: Effort | None, out: Outgoing) -> Effort | None:
    if effort is None:
        return None
    found = levels.nearest(effort, out.dialect.efforts)
    if found is None:
        out.losses.dropped("effort", detail="the model has no levels of effort")
    elif found != effort:
        out.losses.approximated("effort", detail=f"{found} instead of {effort}")
    return found


def _encode_off(wanted: ReasoningRequest, out: Outgoing, settings: Settings) -> None:
    dialect = out.dialect
    if dialect.thinking == "none":
        return
    if dialect.thinking == "always" or (dialect.thinking == "adaptive" and not dialect.thinking_off):
        if wanted.effort == "none" or not out.own:
            settings.effort = levels.nearest("minimal", dialect.efforts)
        out.losses.approximated("effort" if wanted.effort == "none" else "reasoning", detail="the model always thinks")
    elif dialect.thinking_off and (out.own or dialect.thinking == "adaptive"):
        settings.thinking = {"type": "disabled"}  # on budget models the default is off already


def _encode_unsaid(wanted: ReasoningRequest, out: Outgoing, settings: Settings, blocked: str) -> None:
    """The client set nothing but, maybe, that it wants to read."""
    dialect = out.dialect
    if out.own:
        return
    if blocked and dialect.thinking == "adaptive" and dialect.thinking_off:
        settings.thinking = {"type": "disabled"}  # from Claude 5 on thinking is the default
        out.losses.injected("reasoning", detail=blocked)
    elif wanted.visible and dialect.thinking in {"adaptive", "always"} and not blocked:
        settings.thinking = {"type": "adaptive"}


def _encode_adaptive(wanted: ReasoningRequest, effort: Effort | None, out: Outgoing, settings: Settings) -> None:
    if wanted.budget is not None:
        out.losses.approximated("budget", detail="the model takes levels of effort only")
        if effort is None:
            settings.effort = levels.nearest(levels.of_budget(wanted.budget), out.dialect.efforts)
    if wanted.mode is not None or wanted.budget is not None or not out.own:
        settings.thinking = {"type": "adaptive"}


def _encode_budget(
    wanted: ReasoningRequest, effort: Effort | None, said: int | None, default: int, out: Outgoing, settings: Settings
) -> None:
    budget, most = wanted.budget, out.dialect.max_output
    if budget is None:
        if out.own and wanted.mode is None:
            return  # effort alone is effort alone
        if wanted.mode == "adaptive":
            out.losses.approximated("reasoning", detail="a budget instead of adaptive thinking")
        budget = min(levels.BUDGET_TOKENS[effort or "medium"], (most if said is None else said) // 2)  # half is left for the answer
    elif out.own:
        settings.thinking = {"type": "enabled", "budget_tokens": budget}
        return
    else:
        budget = min(budget, most - MIN_BUDGET_TOKENS if said is None else said - 1)
    budget = max(budget, MIN_BUDGET_TOKENS)
    field = "effort" if wanted.budget is None else "budget"
    if said is None:
        if budget > default // 2:
            settings.max_tokens = max(min(default + budget, most), budget + MIN_BUDGET_TOKENS)
    elif budget >= said:
        out.losses.dropped(field if effort or wanted.budget else "reasoning", detail=f"no room for thoughts within {said} tokens")
        return
    settings.thinking = {"type": "enabled", "budget_tokens": budget}
    if wanted.budget is not None:
        if budget != wanted.budget:
            out.losses.approximated("budget", detail=f"{budget} tokens")
    elif effort is None:
        if wanted.mode == "on":
            out.losses.injected("budget", detail=f"{budget}: the wire demands one")
    elif settings.effort is None:
        out.losses.emulated("effort", detail=f"as a budget of {budget} tokens")


def _encode_display(wanted: ReasoningRequest, out: Outgoing, settings: Settings) -> None:
    if wanted.summary not in {None, "auto"} and settings.on:
        out.losses.approximated("summary", detail="there is one kind of summary")
    if wanted.visible is None:
        return
    if settings.thinking is not None and settings.thinking.get("type") != "disabled":
        if out.own and wanted.visible and settings.thinking.get("type") == "enabled":
            return  # that is the default there
        if out.dialect.display:
            settings.thinking["display"] = "summarized" if wanted.visible else "omitted"
        elif not wanted.visible:
            out.losses.dropped("visible", detail="the server always shows its thoughts")
    elif wanted.visible and wanted.mode != "off" and wanted.effort != "none":
        out.losses.dropped("visible", detail="no thinking is asked for")


def _encode_extras(wanted: ReasoningRequest, out: Outgoing, settings: Settings) -> None:
    extras = wanted.extras
    if not extras:
        return
    if not out.own:
        out.losses.extras(extras)
        return
    for key, value in extras.items():
        if key == TYPE:
            if settings.thinking is None or settings.thinking.get("type") != value:
                out.losses.approximated(key, detail=f"{value} is not known to the model")
        elif settings.thinking is None:
            out.losses.dropped(key, detail="no thinking is asked for")
        else:
            settings.thinking[key.removeprefix("thinking.")] = value


# ------------------------------------------------------------------------------------------------------------------------------ blocks in


def decode_thinking(block: Json, kind: str, at: str, losses: Losses) -> tuple[Reasoning | None, tuple[Seal, ...]]:
    """A client's thinking block: its thoughts, and the seals of the visible part that it was put beside."""
    mark, extras = told(block, THINKING if kind == "thinking" else REDACTED, at)
    if mark is not None:
        losses.dropped("cache", at, "thinking takes no marks")
    if kind == "redacted_thinking":
        data = block.get("data")
        if type(data) is not str:
            raise Malformed(f"{at}.data", f"expected str, got {type_name(data)}")
        text, found = "", seals.opened(data, "redacted") if data else ()
    else:
        text = maybe_string(block, "thinking", at) or ""
        signature = maybe_string(block, "signature", at) or ""
        found = seals.opened(signature, "signature", texts=(text,)) if signature else ()
    own = tuple(seal for seal in found if seal.bound == "reasoning")
    beside = tuple(seal for seal in found if seal.bound != "reasoning")
    if not text and not own:
        return None, beside
    return Reasoning(summary=(text,) if text else (), at=at, seals=own, extras=extras), beside


def decode_thought(block: Json, kind: str, ticket: Ticket, at: str = "") -> Reasoning:
    """An upstream's thinking block, sealed as made by the ticket's provider and model."""
    if kind == "redacted_thinking":
        data = maybe_string(block, "data", at) or ""
        _, extras = told(block, REDACTED, at)
        return Reasoning(at=at, seals=(sealed("redacted", data, ticket),) if data else (), extras=extras)
    text = maybe_string(block, "thinking", at) or ""
    signature = maybe_string(block, "signature", at) or ""
    _, extras = told(block, THINKING, at)
    found = (sealed("signature", signature, ticket, text),) if signature else ()
    return Reasoning(summary=(text,) if text else (), at=at, seals=found, extras=extras)


def sealed(kind: Any, value: str, ticket: Ticket, *texts: str) -> Seal:
    """A seal of this very upstream."""
    return Seal(kind=kind, value=value, provider=ticket.provider, model=ticket.model, texts=texts)


# ------------------------------------------------------------------------------------------------------------------------------ blocks out


def encode_reasoning(part: Reasoning, out: Outgoing) -> list[Json]:
    """The thinking blocks which the target made itself, with the text that it signed. Of all else nothing is sent."""
    if not part.seals:
        if part.text:
            out.losses.dropped("reasoning_text", part.at, "thoughts without a signature are refused")
            out.thoughts_lost = True
        out.losses.extras(part.extras, part.at)
        return []
    blocks: list[Json] = []
    foreign = False
    for seal in part.seals:
        if not seals.belongs(seal, out.target, FORMAT):
            foreign = True
        elif seal.kind == "redacted":
            blocks.append({"type": "redacted_thinking", "data": seal.value})
        else:
            blocks.append({"type": "thinking", "thinking": seal.texts[0] if seal.texts else part.text, "signature": seal.value})
    if foreign:
        out.losses.dropped("seal", part.at, "made by another provider or model")
        out.thoughts_lost = True
    if blocks:
        out.extras(blocks[0], part.extras, part.at)
    else:
        out.losses.extras(part.extras, part.at)
    return blocks


def carrier(found: tuple[Seal, ...] | list[Seal], text: str = "") -> Json | None:
    """The thinking block that takes foreign seals to an Anthropic client and back; None when they are too large."""
    envelope = seals.wrap(found)
    return None if envelope is None else {"type": "thinking", "thinking": text, "signature": envelope}
