"""Which of a model's targets is asked first.

chain       rows are tried in their order
weights     neighbours that carry a weight are one group: two are drawn by weight, the clearly less busy of them goes first (power of two choices)
sticky      in a group a session goes where it went before, as long as that target is well: rendezvous hashing, so that every replica agrees
seals       reasoning state can only be read by who made it: that target goes first while it is well
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence
from itertools import groupby

from rosetta.engine.health import Health, TargetHealth
from rosetta.engine.plan import Step
from rosetta.ir.parts import Reasoning, Seal
from rosetta.ir.request import Request

CLEARLY = 0.75
"""The second one drawn goes first only if its load is below this share of the first one's: small differences must not bend the weights."""
LATENCY_UNKNOWN_S = 0.5


def arranged(steps: Sequence[Step], health: Health, *, session: str | None, sealed_by: Seal | None, draw: random.Random) -> list[Step]:
    """``steps`` in the order to try for one request. ``session`` is the caller's key for stickiness, None for none."""
    if len(steps) < 2:
        return list(steps)
    out: list[Step] = []
    for weighted, neighbours in groupby(steps, key=lambda step: step.weight is not None):
        group = list(neighbours)
        if weighted and len(group) > 1:
            group = _by_session(group, session) if session is not None else _by_weight(group, health, draw)
        out.extend(group)
    if sealed_by is not None:
        out.sort(key=lambda step: not (made(step, sealed_by) and _of(health, step).state == "closed"))
    return out


def made(step: Step, seal: Seal) -> bool:
    """Whether ``step`` is the target that made the seal, as far as the seal tells."""
    return step.provider.seal_group == seal.provider and (not seal.model or step.model == seal.model)


def latest_seal(request: Request) -> Seal | None:
    """The newest reasoning state in a conversation that says who made it."""
    for turn in reversed(request.turns):
        for part in reversed(turn.parts):
            seals = part.seals if isinstance(part, Reasoning) else (getattr(part, "seal", None),)
            for seal in reversed(seals):
                if seal is not None and seal.provider:
                    return seal
    return None


def _of(health: Health, step: Step) -> TargetHealth:
    return health.of(step.provider.name, step.model)


def _by_weight(group: list[Step], health: Health, draw: random.Random) -> list[Step]:
    weights = [step.weight or 1.0 for step in group]
    first, second = draw.choices(group, weights, k=2)
    if _load(_of(health, second)) < CLEARLY * _load(_of(health, first)):
        first = second
    # The others follow as they would have been drawn: by weight, each once.
    rest = [(step, draw.random() ** (1.0 / (step.weight or 1.0))) for step in group if step is not first]
    return [first, *(step for step, _ in sorted(rest, key=lambda pair: -pair[1]))]


def _load(target: TargetHealth) -> float:
    """Roughly how many seconds a new request would wait: those before it, each as long as the average. An unwell target is no relief."""
    if target.state == "open":
        return math.inf
    return (target.inflight + 1) * (LATENCY_UNKNOWN_S if target.latency_s is None else target.latency_s)


def _by_session(group: list[Step], session: str) -> list[Step]:
    def score(step: Step) -> float:
        digest = hashlib.blake2b(f"{step.provider.name}\0{step.model}\0{session}".encode(), digest_size=8).digest()
        unit = (int.from_bytes(digest, "big") + 1) / (2**64 + 1)
        return -(step.weight or 1.0) / math.log(unit)

    return sorted(group, key=score, reverse=True)
