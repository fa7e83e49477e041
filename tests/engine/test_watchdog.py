"""One timer keeps all the limits of a request."""

import asyncio

import pytest

from rosetta.engine import watchdog
from rosetta.engine.watchdog import Watchdog


async def tripped_by(watch: Watchdog) -> str | None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        assert watch.recovered()
    return watch.tripped


async def test_a_model_that_never_begins_trips_the_first_token_limit() -> None:
    """Waiting for the first content is bounded, and the failure names the setting."""
    watch = Watchdog(total_s=10)
    watch.attempt(first_token_s=0.05, idle_s=10)
    assert "first_token" == await tripped_by(watch)
    assert "timeout.first_token" in watch.failure().message
    await watch.close()


async def test_silence_after_content_trips_the_idle_limit() -> None:
    """After the commit the gaps count, not the beginning."""
    watch = Watchdog(total_s=10)
    watch.attempt(first_token_s=10, idle_s=0.05)
    watch.committed = True
    watch.waiting()
    watch._schedule()
    assert "idle" == await tripped_by(watch)
    await watch.close()


async def test_time_in_a_slow_clients_write_is_not_the_upstreams() -> None:
    """While nobody waits for the upstream only the total limit runs."""
    watch = Watchdog(total_s=0.2)
    watch.attempt(first_token_s=0.05, idle_s=0.05)
    watch.waiting_since = None
    watch._schedule()
    assert "total" == await tripped_by(watch)
    await watch.close()


async def test_a_foreign_cancellation_is_not_the_watchdogs() -> None:
    """A client that goes away cancels too, and that must not be swallowed."""
    watch = Watchdog(total_s=10)
    assert not watch.recovered()
    await watch.close()


async def test_the_head_opens_and_pings_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A held head is opened after its time, and a silent stream is pinged after that."""
    monkeypatch.setattr(watchdog, "HEAD_HOLD_S", 0.02)
    monkeypatch.setattr(watchdog, "PING_S", 0.02)
    pinged = asyncio.Event()
    happened: list[str] = []

    async def open_head() -> None:
        happened.append("head")
        watch.written()

    async def ping() -> None:
        happened.append("ping")
        pinged.set()

    watch = Watchdog(total_s=10, open_head=open_head, ping=ping)
    watch.attempt(first_token_s=10, idle_s=10)
    await asyncio.wait_for(pinged.wait(), 5)
    assert ["head", "ping"] == happened[:2]
    await watch.close()
