"""Requests and tokens per minute, counted by the ``limits`` library in memory or in a Redis or Valkey that all replicas share.

A window is a minute of the clock, the same one for every replica: the minute's number is part of the counter's name. A counter costs the same however many
tokens it counts. Tokens are charged by estimate before the call; ``settle`` corrects the window that was charged.

While the store cannot be reached each replica counts for itself and allows its share, 1/``replicas`` of the limit; a store that comes back is used again.
No request fails because of it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import FixedWindowRateLimiter

from rosetta.config.schema import Limits
from rosetta.engine.admission import Charge, Exceeded, Rule

logger = logging.getLogger("rosetta.engine")

WINDOW_S = 60
STORE_TIMEOUT_S = 1.0
"""How long the store may take to answer; a slower one counts as away. It answers within a millisecond, but this process may be busy itself."""
RETRY_STORE_S = 1.0
"""How long a store that was away is left alone."""
PREFIX = "rosetta"


@dataclass(slots=True, frozen=True)
class WindowCharge:
    """What was counted for a request under one rule, and where: it is settled there, whatever window or store is in use by then."""

    rule: Rule
    amount: int
    minute: int
    limiter: FixedWindowRateLimiter
    item: RateLimitItemPerMinute


class Windows:
    """The counters. ``degraded`` is called with True when the store is lost and with False when it is back."""

    def __init__(
        self,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.time,
        degraded: Callable[[bool], None] | None = None,
    ) -> None:
        self._clock = clock
        self._replicas = limits.replicas
        self._local = FixedWindowRateLimiter(MemoryStorage())
        self._shared = _shared(limits.store.reveal())
        self._told = degraded
        self._away_until = 0.0
        self.away = False

    async def charge(self, rule: Rule, amount: int) -> WindowCharge | Exceeded:
        """Counts ``amount`` where it fits. More than a whole window holds is counted as a full window: such a request can pass alone."""
        now = self._clock()
        minute = int(now // WINDOW_S)
        if self._shared is not None and (not self.away or now >= self._away_until):
            if self.away:
                self._away_until = now + RETRY_STORE_S  # one request asks whether it is back, the others need not wait for it
            try:
                async with asyncio.timeout(STORE_TIMEOUT_S):
                    outcome = await self._charged(self._shared, rule, rule.most, amount, minute, now)
            except _STORE_TROUBLE as error:
                self._lost(error, now)
            else:
                self._found()
                return outcome
        most = rule.most if self._shared is None else max(rule.most // self._replicas, 1)
        return await self._charged(self._local, rule, most, amount, minute, now)

    async def settle(self, charge: Charge, amount: int) -> None:
        """Corrects a charge to what was really used; 0 gives it back whole."""
        assert isinstance(charge, WindowCharge)
        difference = amount - charge.amount
        if not difference:
            return
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                await charge.limiter.storage.incr(charge.item.key_for(*_name(charge.rule, charge.minute)), WINDOW_S, difference)
        except _STORE_TROUBLE as error:
            self._lost(error, self._clock())

    async def remaining(self, rule: Rule) -> int:
        """What is left of this minute's window under ``rule``, of this replica's share while the store is away."""
        limiter, most = (self._shared, rule.most) if self._shared is not None and not self.away else (self._local, rule.most)
        if limiter is self._local and self._shared is not None:
            most = max(rule.most // self._replicas, 1)
        item = RateLimitItemPerMinute(most, namespace=PREFIX)
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                used = await limiter.storage.get(item.key_for(*_name(rule, int(self._clock() // WINDOW_S))))
        except _STORE_TROUBLE as error:
            self._lost(error, self._clock())
            return 0
        return max(most - used, 0)

    def reset_s(self) -> float:
        """Seconds until the next window."""
        return WINDOW_S - self._clock() % WINDOW_S

    async def aclose(self) -> None:
        """Closes the connections to the store."""
        if self._shared is not None:
            storage = self._shared.storage
            assert isinstance(storage, RedisStorage)
            assert isinstance(storage.bridge, RedispyBridge)
            await storage.bridge.storage.aclose()

    async def _charged(
        self, limiter: FixedWindowRateLimiter, rule: Rule, most: int, amount: int, minute: int, now: float
    ) -> WindowCharge | Exceeded:
        item = RateLimitItemPerMinute(most, namespace=PREFIX)
        cost = min(amount, most)
        name = _name(rule, minute)
        if await limiter.hit(item, *name, cost=cost):
            return WindowCharge(rule, cost, minute, limiter, item)
        # The library has counted what it refused.
        used = await limiter.storage.incr(item.key_for(*name), WINDOW_S, -cost)
        return Exceeded(rule, max(most - used, 0), WINDOW_S - now % WINDOW_S)

    def _lost(self, error: BaseException, now: float) -> None:
        self._away_until = now + RETRY_STORE_S
        if not self.away:
            self.away = True
            logger.warning(
                "limits.store cannot be reached (%s): this replica counts for itself and allows 1/%d of each limit",
                type(error).__name__,
                self._replicas,
            )
            if self._told is not None:
                self._told(True)

    def _found(self) -> None:
        if self.away:
            self.away = False
            logger.warning("limits.store is back: limits are shared again")
            if self._told is not None:
                self._told(False)


def _name(rule: Rule, minute: int) -> tuple[str, str, str]:
    return rule.scope, rule.unit, str(minute)


def _shared(store: str) -> FixedWindowRateLimiter | None:
    if store == "memory":
        return None
    # Valkey speaks Redis' protocol, and one client library serves both.
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    uri = "async+" + store.replace("valkey", "redis", 1)
    # One more try: after a restart of the store every connection that is kept is a dead one, and only its use tells.
    options: dict[str, Any] = {"retry": Retry(NoBackoff(), 1), "socket_timeout": STORE_TIMEOUT_S, "socket_connect_timeout": STORE_TIMEOUT_S}
    storage: Storage = RedisStorage(uri, implementation="redispy", key_prefix=PREFIX, **options)
    return FixedWindowRateLimiter(storage)


def _trouble() -> tuple[type[BaseException], ...]:
    try:
        from redis.exceptions import RedisError
    except ImportError:
        return (TimeoutError, OSError)
    return (TimeoutError, OSError, RedisError)


_STORE_TROUBLE = _trouble()
