"""Whether a request may go on now: the limits of its key, its model and the whole gateway, together.

    concurrency   a place under each limit, or the queue
    rpm           one request counted under each limit
    tpm           the estimated tokens counted under each limit, corrected when the usage is known

Either all of them let it pass, or nothing stays counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Literal, Protocol

from rosetta.config.routes import Route
from rosetta.config.schema import Config, Key, Quota
from rosetta.engine.call import Failed
from rosetta.engine.concurrency import Concurrency, Full, Slot
from rosetta.engine.headers import rate_limit_headers
from rosetta.ir.errors import Failure
from rosetta.ir.parts import Format

RETRY_FULL_S = 1.0
"""What a request is told that found no room: places come free at any moment."""

Limit = Literal["rpm", "tpm", "concurrency"]
Decision = Literal["allow", "deny"]
Told = Callable[[Limit, Decision, str], None]
"""Hears of each decision: which kind of limit, what it decided, and whose limit it is (``key``, ``model`` or ``gateway``)."""


@dataclass(slots=True, frozen=True)
class Rule:
    """One limit per minute. ``scope`` is who is limited: ``key:NAME``, ``model:ENTRY`` or ``gateway``. ``most`` is for all replicas together."""

    scope: str
    unit: Literal["rpm", "tpm"]
    most: int


class Charge(Protocol):
    """What was counted for a request under one rule."""

    @property
    def rule(self) -> Rule:
        """Under which."""

    @property
    def amount(self) -> int:
        """How much."""


@dataclass(slots=True, frozen=True)
class Exceeded:
    """A rule refused. ``remaining`` is what is left of its window, which ends after ``reset_s`` seconds."""

    rule: Rule
    remaining: int
    reset_s: float


class Counters(Protocol):
    """Who counts by the minute: ``limits.Windows``."""

    async def charge(self, rule: Rule, amount: int) -> Charge | Exceeded:
        """Counts where it fits."""

    async def settle(self, charge: Charge, amount: int) -> None:
        """Corrects what was counted."""


@dataclass(slots=True)
class Admitted:
    """A request's places and charges while it is under way. ``queued_s`` is how many seconds it waited for its places."""

    slots: tuple[Slot, ...] = ()
    charges: list[Charge] = field(default_factory=list)
    queued_s: float = 0.0


NOTHING_LIMITED = Admitted()


class Admission:
    """The limits of one config, on counters that outlive it."""

    def __init__(self, config: Config, concurrency: Concurrency, counters: Counters | None, told: Told | None = None) -> None:
        self._config = config
        self._concurrency = concurrency
        self._counters = counters
        self._told = told
        self._gateway = _own(config)
        self.limited = any(quota != _UNLIMITED for quota in _quotas(config))
        """Whether this config limits anything."""

    async def admit(self, key: Key | None, route: Route, tokens: int, format: Format) -> Admitted:
        """Lets the request in. ``tokens`` is the estimate to reserve. Raises Failed(rate_limited, or overloaded where the queue is full)."""
        if not self.limited:
            return NOTHING_LIMITED
        quotas = self._quotas(key, route)
        admitted = Admitted(tuple(self._slots(quotas)))
        began = perf_counter()
        try:
            await self._concurrency.enter(admitted.slots)
        except Full as full:
            self._tell("concurrency", "deny", full.scope)
            raise _no_room(full) from None
        admitted.queued_s = perf_counter() - began
        for slot in admitted.slots:
            self._tell("concurrency", "allow", slot.scope)
        try:
            await self._charge(admitted, quotas, tokens, format)
        except BaseException:
            await self.settle(admitted, None)
            raise
        return admitted

    async def settle(self, admitted: Admitted, tokens: int | None, *, used: bool = False) -> None:
        """The request is over. ``tokens`` is what it used; None gives the reserved tokens back, or keeps them where ``used`` says that a model was at
        work although nobody counted."""
        self._concurrency.leave(admitted.slots)
        counters = self._counters
        if counters is None or (tokens is None and used):
            return
        for charge in admitted.charges:
            if charge.rule.unit == "tpm":
                await counters.settle(charge, tokens or 0)

    async def _charge(self, admitted: Admitted, quotas: list[tuple[str, Quota]], tokens: int, format: Format) -> None:
        counters = self._counters
        for rule in _rules(quotas):
            assert counters is not None, "counts() tells who needs counters"
            result = await counters.charge(rule, 1 if rule.unit == "rpm" else tokens)
            if not isinstance(result, Exceeded):
                admitted.charges.append(result)
                self._tell(rule.unit, "allow", rule.scope)
                continue
            self._tell(rule.unit, "deny", rule.scope)
            for charge in admitted.charges:
                if charge.rule.unit == "rpm":  # the tokens go back in settle
                    await counters.settle(charge, 0)
            raise _exceeded(result, format)

    def _quotas(self, key: Key | None, route: Route) -> list[tuple[str, Quota]]:
        own = [] if key is None else [(f"key:{key.name}", key.limits)]
        return [*own, (f"model:{route.entry}", route.limits), ("gateway", self._gateway)]

    def _slots(self, quotas: list[tuple[str, Quota]]) -> Iterator[Slot]:
        replicas = self._config.limits.replicas
        return (Slot(scope, max(quota.concurrency // replicas, 1)) for scope, quota in quotas if quota.concurrency is not None)

    def _tell(self, limit: Limit, decision: Decision, scope: str) -> None:
        if self._told is not None:
            self._told(limit, decision, scope.partition(":")[0])


_UNLIMITED = Quota()


def counts(config: Config) -> bool:
    """Whether any limit of ``config`` is counted by the minute."""
    return any(quota.rpm is not None or quota.tpm is not None for quota in _quotas(config))


def _own(config: Config) -> Quota:
    limits = config.limits
    return Quota(rpm=limits.rpm, tpm=limits.tpm, concurrency=limits.concurrency)


def _quotas(config: Config) -> Iterator[Quota]:
    yield _own(config)
    yield from (key.limits for key in config.keys)
    yield from (model.limits for model in config.models.values())


def _rules(quotas: Iterable[tuple[str, Quota]]) -> Iterator[Rule]:
    for scope, quota in quotas:
        if quota.rpm is not None:
            yield Rule(scope, "rpm", quota.rpm)
        if quota.tpm is not None:
            yield Rule(scope, "tpm", quota.tpm)


def _whose(scope: str) -> str:
    kind, _, name = scope.partition(":")
    return {"key": f"the key {name!r}", "model": f"the model {name!r}"}.get(kind, "this gateway")


def _exceeded(exceeded: Exceeded, format: Format) -> Failed:
    rule = exceeded.rule
    unit: Literal["requests", "tokens"] = "requests" if rule.unit == "rpm" else "tokens"
    failure = Failure(
        "rate_limited",
        f"the limit of {_whose(rule.scope)}, {rule.most} {unit} per minute, is used up: try again in {exceeded.reset_s:.0f} s",
        code="rate_limit_exceeded",
        retry_after_s=max(exceeded.reset_s, 1.0),
        ours=True,
    )
    return Failed(failure, headers=rate_limit_headers(format, unit, rule.most, exceeded.remaining, exceeded.reset_s), limit=rule.unit)


def _no_room(full: Full) -> Failed:
    if full.queued:
        failure = Failure(
            "overloaded",
            f"{_whose(full.scope)} answers as many requests at once as it may, and the queue is full or too slow: try again",
            retry_after_s=RETRY_FULL_S,
            ours=True,
        )
        return Failed(failure, status=503, limit="concurrency")
    return Failed(
        Failure(
            "rate_limited",
            f"{_whose(full.scope)} has as many requests under way as it may: wait for one of them to end, then try again",
            code="rate_limit_exceeded",
            retry_after_s=RETRY_FULL_S,
            ours=True,
        ),
        limit="concurrency",
    )
