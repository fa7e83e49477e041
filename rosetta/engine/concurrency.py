"""How many requests may be under way at once, per key, per model and for the whole gateway; and the queue before that limit.

Counted per replica: with ``limits.replicas`` = n each of them allows 1/n of the limit, at least 1.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

from rosetta.config.schema import Queue


@dataclass(slots=True, frozen=True)
class Slot:
    """One limit on requests at once. ``scope`` is ``key:NAME``, ``model:ENTRY`` or ``gateway``; ``most`` is this replica's share."""

    scope: str
    most: int


class Full(Exception):
    """No room. ``queued`` tells whether there is a queue, which was full or too slow; ``scope`` is the limit that was met."""

    def __init__(self, scope: str, *, queued: bool) -> None:
        super().__init__(scope)
        self.scope = scope
        self.queued = queued


class Concurrency:
    """The requests under way, by scope."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self._under_way: Counter[str] = Counter()
        self._waiting: deque[tuple[Sequence[Slot], asyncio.Future[None]]] = deque()

    @property
    def waiting(self) -> int:
        """How many requests stand in the queue."""
        return len(self._waiting)

    async def enter(self, slots: Sequence[Slot]) -> None:
        """Takes a place under every limit, or waits in the queue for it, first come first served. Raises Full."""
        if not slots:
            return
        met = self._met(slots)
        if met is None and not any(_overlap(slots, others) for others, _ in self._waiting):
            self._take(slots)
            return
        scope = met.scope if met is not None else slots[0].scope
        if len(self._waiting) >= self.queue.size:
            raise Full(scope, queued=self.queue.size > 0)
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (slots, place)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(self.queue.timeout):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():  # the place came in the same moment
                self.leave(slots)
            else:
                self._waiting.remove(entry)
                self._let_in()  # whoever stood behind only because of this one
            if isinstance(error, TimeoutError):
                raise Full(scope, queued=True) from None
            raise

    def leave(self, slots: Sequence[Slot]) -> None:
        """Gives the places back and lets in whoever waits for them."""
        for slot in slots:
            self._under_way[slot.scope] -= 1
            if not self._under_way[slot.scope]:
                del self._under_way[slot.scope]
        self._let_in()

    def _let_in(self) -> None:
        blocked: set[str] = set()
        for entry in tuple(self._waiting):
            wanted, place = entry
            if place.done():  # gave up, and is about to leave
                continue
            scopes = {slot.scope for slot in wanted}
            if scopes & blocked or self._met(wanted) is not None:
                blocked |= scopes  # nobody overtakes within a scope
                continue
            self._waiting.remove(entry)
            self._take(wanted)
            place.set_result(None)

    def _met(self, slots: Sequence[Slot]) -> Slot | None:
        return next((slot for slot in slots if self._under_way[slot.scope] >= slot.most), None)

    def _take(self, slots: Sequence[Slot]) -> None:
        for slot in slots:
            self._under_way[slot.scope] += 1


def _overlap(slots: Sequence[Slot], others: Sequence[Slot]) -> bool:
    return any(slot.scope == other.scope for slot in slots for other in others)
