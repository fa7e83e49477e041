"""Calls and results made to match, as every provider demands: one result per call, right after it, each id once.

A pure function of the turns so far, but for calls that are still unanswered at the very end.
"""

from __future__ import annotations

import msgspec

from rosetta.converters.losses import Losses
from rosetta.converters.names import call_id
from rosetta.ir.parts import Part, Text, ToolCall, ToolResult
from rosetta.ir.request import Turn

NO_RESULT = "[no result provided]"


def paired(turns: tuple[Turn, ...], losses: Losses) -> tuple[Turn, ...]:
    """The turns with every call answered between it and the next assistant turn.

    A call without a result gets an error result (injected); a result without a call, or a second one for the same call, is dropped (the last one
    counts); a call id used again later in the history is renamed together with its result (approximated).
    """
    out: list[Turn] = []
    seen: set[str] = set()
    index = 0
    while index < len(turns):
        turn = turns[index]
        index += 1
        if turn.role != "assistant":
            kept = _without_orphans(turn, losses)
            if kept.parts:
                out.append(kept)
            continue
        end = index
        while end < len(turns) and turns[end].role != "assistant":
            end += 1
        following = turns[index:end]
        index = end
        ids: dict[str, list[str]] = {}  # the client's id -> those of its calls in this turn
        calls: list[ToolCall] = []
        parts: list[Part] = []
        for part in turn.parts:
            if isinstance(part, ToolCall):
                identity = part.id
                if identity in seen:
                    losses.approximated("call_id", part.at, "the id was used before")
                    part = msgspec.structs.replace(part, id=call_id(f"{identity}_{len(seen)}"))
                ids.setdefault(identity, []).append(part.id)
                seen.add(part.id)
                calls.append(part)
            parts.append(part)
        if any(found != [identity] for identity, found in ids.items()):
            turn = msgspec.structs.replace(turn, parts=tuple(parts))
            following = _renamed(following, ids)
        out.append(turn)
        out.extend(_answered(calls, following, losses))
    return tuple(out)


def _renamed(following: tuple[Turn, ...], ids: dict[str, list[str]]) -> tuple[Turn, ...]:
    """The turns with each result under the id that its call has now: of several calls with one id, the first result answers the first."""
    taken: dict[str, int] = {}
    out: list[Turn] = []
    for turn in following:
        parts: list[Part] = []
        for part in turn.parts:
            if isinstance(part, ToolResult) and part.call_id in ids:
                found = ids[part.call_id]
                place = taken[part.call_id] = taken.get(part.call_id, -1) + 1
                part = msgspec.structs.replace(part, call_id=found[min(place, len(found) - 1)])
            parts.append(part)
        out.append(msgspec.structs.replace(turn, parts=tuple(parts)))
    return tuple(out)


def _without_orphans(turn: Turn, losses: Losses) -> Turn:
    orphans = [part for part in turn.parts if isinstance(part, ToolResult)]
    if not orphans:
        return turn
    for orphan in orphans:
        losses.dropped("tool_result", orphan.at, "it answers no call")
    return msgspec.structs.replace(turn, parts=tuple(part for part in turn.parts if not isinstance(part, ToolResult)))


def _answered(calls: list[ToolCall], following: tuple[Turn, ...], losses: Losses) -> list[Turn]:
    wanted = {call.id for call in calls}
    last: dict[str, ToolResult] = {}
    count = 0
    for turn in following:
        for part in turn.parts:
            if isinstance(part, ToolResult):
                last[part.call_id] = part
                count += 1
    missing = [call for call in calls if call.id not in last]
    if not missing and count == len(wanted) and wanted == last.keys():
        return list(following)
    out: list[Turn] = []
    for turn in following:
        parts: list[Part] = []
        for part in turn.parts:
            if isinstance(part, ToolResult):
                if part.call_id not in wanted:
                    losses.dropped("tool_result", part.at, "it answers no call")
                    continue
                if last[part.call_id] is not part:
                    losses.dropped("tool_result", part.at, "a later result answers the same call")
                    continue
            parts.append(part)
        out.append(turn if len(parts) == len(turn.parts) else msgspec.structs.replace(turn, parts=tuple(parts)))
    if missing:
        results: list[Part] = []
        for call in missing:
            losses.injected("tool_result", call.at, "the call has no result")
            results.append(ToolResult(call_id=call.id, name=call.name, kind=call.kind, parts=(Text(NO_RESULT),), at=call.at, is_error=True))
        place = next((i for i, turn in enumerate(out) if turn.role == "user"), None)
        if place is None:
            out.insert(0, Turn(role="user", parts=tuple(results), at=missing[0].at))
        else:
            first = out[place]
            answers = [part for part in first.parts if isinstance(part, ToolResult)]
            others = [part for part in first.parts if not isinstance(part, ToolResult)]
            out[place] = msgspec.structs.replace(first, parts=(*answers, *results, *others))
    return [turn for turn in out if turn.parts]
