"""Reasoning effort between levels and token budgets: the conversion matrix's table, in one place."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rosetta.ir.request import EFFORTS, Effort, Request

BUDGET_TOKENS: dict[Effort, int] = {
    "none": 0,
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 32000,
    "max": 64000,
}


def nearest(effort: Effort, accepted: Sequence[Effort]) -> Effort | None:
    """The level itself where it is accepted, else the next lower accepted one, else the lowest; None when none is.

    ``none`` is only ever the answer to ``none``: a client that asked for thought gets some.
    """
    if effort in accepted:
        return effort
    ranked = [level for level in EFFORTS if level in accepted and level != "none"]
    if not ranked:
        return None
    rank = EFFORTS.index(effort)
    return next((level for level in reversed(ranked) if EFFORTS.index(level) < rank), ranked[0])


def of_budget(tokens: int) -> Effort:
    """The level that a budget in tokens amounts to."""
    if tokens <= 0:
        return "none"
    if tokens < 2048:
        return "low"
    if tokens < 8192:
        return "medium"
    if tokens < 24000:
        return "high"
    return "xhigh"


def of_last_turn(request: Request) -> Request:
    """The request with the effort that a turn last changed it to, for wires which know one for the whole conversation."""
    found = next((turn.effort for turn in reversed(request.turns) if turn.effort is not None), None)
    return (
        request if found is None else msgspec.structs.replace(request, reasoning=msgspec.structs.replace(request.reasoning, effort=found))
    )
