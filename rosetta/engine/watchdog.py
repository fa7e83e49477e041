"""Time, for one request: one timer instead of one per chunk.

The attempt tells when it waits for the upstream and when a chunk came; the timer looks at the earliest moment at which something is due and
moves itself on when nothing is. What is due: a timeout (the task is cancelled, ``tripped`` names the limit), the head of a held stream, a ping.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter
from typing import Any

from rosetta.ir.errors import Failure

HEAD_HOLD_S = 5.0
"""How long the head of a stream waits for the first content; then it is opened and pinged, and other targets can still answer."""
PING_S = 12.0
"""A silent stream gets a ping after this long."""
FIRST_TOKEN_S = 120.0
FIRST_TOKEN_LOCAL_S = 600.0
"""A small machine chews on a prompt of 49 kB for minutes."""
IDLE_S = 120.0
TOTAL_S = 1800.0

_FOREVER = float("inf")


class Watchdog:
    """Watches the running task. ``waited_s`` is how long it waited for upstream and client, ``longest_gap_s`` the longest silence of the attempt's upstream
    after its first content. ``open_head`` and ``ping`` are started as tasks of their own when they are due; None where there is nothing to do."""

    __slots__ = (
        "_began_waiting",
        "_first_token",
        "_handle",
        "_idle",
        "_interruption",
        "_loop",
        "_open_head",
        "_ping",
        "_side_tasks",
        "_started",
        "_task",
        "_total_at",
        "committed",
        "head_at",
        "last_written",
        "longest_gap_s",
        "tripped",
        "waited_s",
        "waiting_since",
    )

    def __init__(
        self,
        *,
        total_s: float,
        open_head: Callable[[], Coroutine[Any, Any, None]] | None = None,
        ping: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._started = self._loop.time()
        self._total_at = self._started + total_s
        self._first_token = FIRST_TOKEN_S
        self._idle = IDLE_S
        self._open_head = open_head
        self._ping = ping
        self._side_tasks: set[asyncio.Task[None]] = set()
        self.waiting_since: float | None = None
        self._began_waiting = 0.0  # on the fine clock: the loop's may count in milliseconds
        self.waited_s = 0.0
        self.longest_gap_s = 0.0
        self.committed = False
        self.head_at: float | None = None if open_head is None else self._started + HEAD_HOLD_S
        self.last_written: float | None = None
        self.tripped: str | None = None
        self._interruption: Failure | None = None
        self._handle: asyncio.TimerHandle | None = None

    def attempt(self, *, first_token_s: float, idle_s: float) -> None:
        """A new attempt begins to wait for its upstream."""
        self._first_token, self._idle = first_token_s, idle_s
        self.committed = False
        self.longest_gap_s = 0.0
        self.waiting()
        self._schedule()

    def commit(self) -> None:
        """The first content came: from now on the gaps count."""
        self.committed = True
        if self._handle is not None:
            self._schedule()

    def waiting(self) -> None:
        """The attempt waits for the upstream's next bytes."""
        self.arrived()
        self.waiting_since = self._loop.time()
        self._began_waiting = perf_counter()

    def arrived(self) -> float:
        """What the attempt waited for came, or it waits no longer. Gives the time of ``perf_counter``."""
        now = perf_counter()
        if self.waiting_since is not None:
            self.waiting_since = None
            gap = now - self._began_waiting
            self.waited_s += gap
            if self.committed and gap > self.longest_gap_s:
                self.longest_gap_s = gap
        return now

    def written(self) -> None:
        """Bytes went to the client."""
        first = self.last_written is None
        self.last_written = self._loop.time()
        if first and self._handle is not None:
            self._schedule()  # from now on there are pings

    def elapsed(self) -> float:
        """Seconds since the request began."""
        return self._loop.time() - self._started

    def remaining(self) -> float:
        """Seconds until the total limit."""
        return self._total_at - self._loop.time()

    def failure(self) -> Failure:
        """The failure for ``tripped``."""
        if self._interruption is not None:
            return self._interruption
        limit = {"first_token": self._first_token, "idle": self._idle}.get(self.tripped or "", self._total_at - self._started)
        words = {
            "first_token": f"the model did not begin to answer within {limit:g} s (timeout.first_token)",
            "idle": f"the model fell silent for {limit:g} s in the middle of the answer (timeout.idle)",
            "total": f"the request took longer than {limit:g} s (timeout.total)",
        }
        return Failure("timeout", words[self.tripped or "total"], ours=True)

    def _due(self) -> float:
        # While nobody waits for the upstream its limit cannot be due, but it may be by the time it could be at the earliest.
        since = self._loop.time() if self.waiting_since is None else self.waiting_since
        due = min(self._total_at, since + (self._idle if self.committed else self._first_token))
        if self.head_at is not None:
            due = min(due, self.head_at)
        if self._ping is not None and self.last_written is not None:
            due = min(due, self.last_written + PING_S)
        return due

    def _schedule(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._loop.call_at(self._due(), self._tick)

    def _tick(self) -> None:
        self._handle = None
        now = self._loop.time() + 0.001
        if now >= self._total_at:
            self._trip("total")
            return
        if self.waiting_since is not None and now >= self.waiting_since + (self._idle if self.committed else self._first_token):
            self._trip("idle" if self.committed else "first_token")
            return
        if self.head_at is not None and self._open_head is not None and now >= self.head_at:
            self.head_at = None
            self._start(self._open_head())
        if self._ping is not None and self.last_written is not None and now >= self.last_written + PING_S:
            self.last_written = now
            self._start(self._ping())
        self._schedule()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._side_tasks.add(task)
        task.add_done_callback(self._side_tasks.discard)

    def _trip(self, limit: str) -> None:
        self.tripped = limit
        self._task.cancel()

    def interrupt(self, failure: Failure) -> None:
        """Ends the request with ``failure``, whatever it is doing: the gateway stops."""
        if self.tripped != "interrupted":
            self._interruption = failure
            self._trip("interrupted")

    def recovered(self) -> bool:
        """Whether the CancelledError just caught was this watchdog's; then the task goes on."""
        if self.tripped is None:
            return False
        self._task.uncancel()
        return True

    def reset(self) -> None:
        """A tripped limit was dealt with; the next attempt has its own."""
        self.tripped = None

    async def close(self) -> None:
        """Stops the timer, waits for what it started, and lets go of those whose clock it is: no collection of cycles need find them."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._open_head = self._ping = None
        for task in tuple(self._side_tasks):
            await asyncio.wait({task})
