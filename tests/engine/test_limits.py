"""Windows of a minute, counted in memory; the shared store has its tests in test_shared_limits."""

from __future__ import annotations

import pytest

from rosetta.config.schema import Limits
from rosetta.config.secret import Secret
from rosetta.engine.admission import Exceeded, Rule
from rosetta.engine.limits import Windows

REQUESTS = Rule("key:a", "rpm", 3)
TOKENS = Rule("key:a", "tpm", 1000)


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def windows(clock: Clock, **limits: object) -> Windows:
    return Windows(Limits(**limits), clock=clock)  # type: ignore[arg-type]


async def test_a_window_is_a_minute_of_the_clock() -> None:
    clock = Clock(59.0)
    counters = windows(clock)
    for _ in range(3):
        assert not isinstance(await counters.charge(REQUESTS, 1), Exceeded)
    assert await counters.charge(REQUESTS, 1) == Exceeded(REQUESTS, 0, 1.0)
    clock.now = 60.0
    assert not isinstance(await counters.charge(REQUESTS, 1), Exceeded)


async def test_what_was_refused_is_not_counted() -> None:
    counters = windows(Clock(0.0))
    assert not isinstance(await counters.charge(TOKENS, 600), Exceeded)
    for _ in range(5):
        assert await counters.charge(TOKENS, 500) == Exceeded(TOKENS, 400, 60.0)
    assert not isinstance(await counters.charge(TOKENS, 400), Exceeded)


async def test_settling_corrects_the_window_that_was_charged() -> None:
    clock = Clock(0.0)
    counters = windows(clock)
    charge = await counters.charge(TOKENS, 1000)
    assert not isinstance(charge, Exceeded)
    clock.now = 60.0
    assert not isinstance(await counters.charge(TOKENS, 1000), Exceeded)
    await counters.settle(charge, 10)
    assert await counters.remaining(TOKENS) == 0, "the new window is not touched"
    clock.now = 0.0
    assert await counters.remaining(TOKENS) == 990


async def test_more_than_was_reserved_is_counted_too() -> None:
    counters = windows(Clock(0.0))
    charge = await counters.charge(TOKENS, 100)
    assert not isinstance(charge, Exceeded)
    await counters.settle(charge, 900)
    assert isinstance(await counters.charge(TOKENS, 200), Exceeded)
    assert await counters.remaining(TOKENS) == 100


async def test_a_request_larger_than_a_window_passes_alone() -> None:
    counters = windows(Clock(0.0))
    charge = await counters.charge(TOKENS, 50_000)
    assert not isinstance(charge, Exceeded)
    assert isinstance(await counters.charge(TOKENS, 1), Exceeded)


@pytest.mark.parametrize("replicas", [1, 4])
async def test_a_store_that_is_away_leaves_each_replica_its_share(replicas: int, unused_tcp_port: int) -> None:
    told: list[bool] = []
    store = Secret(f"redis://127.0.0.1:{unused_tcp_port}/0")
    counters = Windows(Limits(store=store, replicas=replicas), clock=Clock(0.0), degraded=told.append)
    rule = Rule("gateway", "rpm", 8)
    passed = [not isinstance(await counters.charge(rule, 1), Exceeded) for _ in range(10)]
    assert passed.count(True) == 8 // replicas
    assert told == [True]
    await counters.aclose()
