"""Which targets are well: a circuit for each provider and model.

    closed      requests go through; failures are counted
    open        the target rests: nothing is sent to it until its rest is over
    half-open   its rest is over: one request probes it; a success closes the circuit, a failure sends it to rest for twice as long

A circuit opens after FAILURES_IN_A_ROW, or when of the last RECENT results within WINDOW_S seconds (at least RECENT_LEAST of them) half are failures.
A 429 or 503 that says when to come back (Retry-After) opens it for that long at once. What the client got wrong says nothing about the target.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Literal

from rosetta.ir.errors import Failure, FailureKind

FAILURES_IN_A_ROW = 5
RECENT = 20
RECENT_LEAST = 10
WINDOW_S = 60.0
FAILED_SHARE = 0.5
REST_S = 5.0
REST_MAX_S = 120.0
RETRY_AFTER_MAX_S = 300.0
"""However long a provider asks to be left alone, after this it is probed."""
LATENCY_WEIGHT = 0.2
"""How much the newest latency counts in the average."""
KNOWN_MAX = 2000
"""Clients may name any model of a provider: past so many targets those that nobody uses and that are well are forgotten."""

State = Literal["closed", "half_open", "open"]

UNWELL: frozenset[FailureKind] = frozenset(
    {"auth", "billing", "permission", "not_found", "rate_limited", "upstream_error", "overloaded", "timeout", "truncated"}
)
"""Failures that say something about the target. ``not_found`` is among them: a model that is not there now will not be there in a second."""

Watcher = Callable[[str, str, State], None]


class TargetHealth:
    """One provider's one model: its circuit, how many requests it is answering, and how fast it begins to."""

    __slots__ = (
        "_clock",
        "_in_a_row",
        "_opened",
        "_probing",
        "_recent",
        "_told",
        "_until",
        "_watcher",
        "inflight",
        "latency_s",
        "model",
        "provider",
    )

    def __init__(self, provider: str, model: str, clock: Callable[[], float], watcher: Watcher | None) -> None:
        self.provider = provider
        self.model = model
        self.inflight = 0
        self.latency_s: float | None = None
        self._clock = clock
        self._watcher = watcher
        self._recent: deque[tuple[float, bool]] = deque(maxlen=RECENT)
        self._in_a_row = 0
        self._opened = 0  # times in a row without a success between them
        self._until: float | None = None  # the end of the rest; None: closed
        self._probing = False
        self._told: State = "closed"

    @property
    def state(self) -> State:
        """The circuit as it is now."""
        if self._until is None:
            return "closed"
        return "half_open" if self._probing or self._clock() >= self._until else "open"

    @property
    def rests_until(self) -> float:
        """When it may be tried again, on the clock's scale; 0.0 while it is well."""
        return self._until or 0.0

    def admits(self) -> bool:
        """Whether a request may go there now. A half-open circuit admits one, its probe: who was admitted reports what came of it."""
        if self._until is None:
            return True
        if self._probing or self._clock() < self._until:
            return False
        self._probing = True
        self._tell()
        return True

    def forced(self) -> None:
        """It is tried although it rests, as nobody else is left."""
        self._probing = True

    def succeeded(self, latency_s: float | None = None) -> None:
        """Content came, ``latency_s`` seconds after the request went out."""
        if latency_s is not None:
            before = self.latency_s
            self.latency_s = latency_s if before is None else before + LATENCY_WEIGHT * (latency_s - before)
        self._recent.append((self._clock(), True))
        self._in_a_row = self._opened = 0
        self._probing = False
        self._until = None
        self._tell()

    def failed(self, failure: Failure) -> None:
        """A try failed. What was the client's own fault is only noted as over."""
        if failure.kind not in UNWELL:
            self.abandoned()
            return
        now = self._clock()
        self._recent.append((now, False))
        self._in_a_row += 1
        asked = failure.retry_after_s if failure.kind in ("rate_limited", "overloaded") else None
        if asked is not None and asked > 0:
            self._open(now, min(asked, RETRY_AFTER_MAX_S))
        elif self._until is not None:  # a probe, or a forced try
            self._open(now, min(REST_S * 2**self._opened, REST_MAX_S))
        elif self._in_a_row >= FAILURES_IN_A_ROW or self._mostly_fails(now):
            self._open(now, REST_S)
        self._probing = False
        self._tell()

    def abandoned(self) -> None:
        """A try ended without a verdict: the client went away, or its request was at fault."""
        self._probing = False
        self._tell()

    def _open(self, now: float, rest_s: float) -> None:
        self._until = now + rest_s
        self._opened += 1

    def _mostly_fails(self, now: float) -> bool:
        recent = [good for at, good in self._recent if now - at <= WINDOW_S]
        return len(recent) >= RECENT_LEAST and recent.count(False) >= FAILED_SHARE * len(recent)

    def _tell(self) -> None:
        if self._watcher is not None and (state := self.state) != self._told:
            self._told = state
            self._watcher(self.provider, self.model, state)


class Health:
    """The health of every target that was used. It outlives a reload of the config. ``watcher`` hears of every change of a circuit."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, watcher: Watcher | None = None) -> None:
        self._clock = clock
        self._watcher = watcher
        self._targets: dict[tuple[str, str], TargetHealth] = {}

    def of(self, provider: str, model: str) -> TargetHealth:
        """The health of a target."""
        found = self._targets.get((provider, model))
        if found is None:
            if len(self._targets) >= KNOWN_MAX:
                self._targets = {key: target for key, target in self._targets.items() if target.inflight or target.state != "closed"}
            found = self._targets[provider, model] = TargetHealth(provider, model, self._clock, self._watcher)
        return found
