"""Trying the same target again: which failures are worth it, and how long to wait.

The first try is plain; tenacity is entered with its failure only, as its machinery costs more than a conversion.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from rosetta.config.schema import Retries
from rosetta.engine.call import Failed
from rosetta.ir.errors import Failure, FailureKind

# 400, 404, 413 and 422 never get better by waiting; a truncated stream is one that died before its first content.
RETRIED: frozenset[FailureKind] = frozenset({"conflict", "rate_limited", "upstream_error", "overloaded", "timeout", "truncated"})


async def again(
    failed: Failed,
    attempt: Callable[[], Awaitable[None]],
    settings: Retries,
    patience: Callable[[Failed], float],
    pause: Callable[[float, Failure], Awaitable[None]],
) -> None:
    """Repeats ``attempt``, whose first try ended in ``failed``. Raises the last Failed where it stays so.

    The wait is random below an exponential bound (full jitter). ``patience`` tells for a failure how many seconds may be waited before the next try: a
    Retry-After within them is kept to the letter; one beyond, or no patience at all, means that there is no further try here and the next target's turn
    has come. ``pause`` waits so many seconds before a further try, as the failure made it necessary.
    """
    first: Failed | None = failed
    jitter = wait_random_exponential(multiplier=settings.backoff_base, max=settings.backoff_max)

    async def once() -> None:
        nonlocal first
        if first is not None:
            error, first = first, None
            raise error
        await attempt()

    def worth_it(error: BaseException) -> bool:
        if not isinstance(error, Failed) or not (
            error.rotated or (error.failure.kind in RETRIED and (not error.failure.ours or error.failure.kind == "timeout"))
        ):
            return False
        return (error.failure.retry_after_s or 0.0) < patience(error)

    last = failed.failure

    def wait(state: RetryCallState) -> float:
        nonlocal last
        error = state.outcome.exception() if state.outcome is not None else None
        assert isinstance(error, Failed)
        last = error.failure
        if error.rotated:
            return 0.0
        asked = error.failure.retry_after_s
        return min(asked if asked is not None else jitter(state), max(patience(error), 0.0))

    async def sleep(seconds: float) -> None:
        await pause(seconds, last)

    retrying = AsyncRetrying(
        stop=stop_after_attempt(settings.attempts), retry=retry_if_exception(worth_it), wait=wait, sleep=sleep, reraise=True
    )
    await retrying(once)
