"""Places and the queue before them."""

from __future__ import annotations

import asyncio
import random

import pytest

from rosetta.config.schema import Queue
from rosetta.engine.concurrency import Concurrency, Full, Slot

ONE = (Slot("key:a", 1),)


async def waiting(concurrency: Concurrency, number: int) -> None:
    while concurrency.waiting != number:
        await asyncio.sleep(0)


async def test_without_a_queue_the_next_one_is_refused_at_once() -> None:
    concurrency = Concurrency(Queue())
    await concurrency.enter(ONE)
    with pytest.raises(Full) as full:
        await concurrency.enter(ONE)
    assert (full.value.scope, full.value.queued) == ("key:a", False)
    concurrency.leave(ONE)
    await concurrency.enter(ONE)


async def test_the_queue_lets_in_by_turn_and_refuses_past_its_size() -> None:
    concurrency = Concurrency(Queue(size=2, timeout=30.0))
    await concurrency.enter(ONE)
    order: list[int] = []

    async def guest(number: int) -> None:
        await concurrency.enter(ONE)
        order.append(number)

    tasks = []
    for number in (1, 2):
        tasks.append(asyncio.create_task(guest(number)))
        await waiting(concurrency, number)
    with pytest.raises(Full) as full:
        await concurrency.enter(ONE)
    assert full.value.queued
    concurrency.leave(ONE)
    await tasks[0]
    assert order == [1]
    concurrency.leave(ONE)
    await tasks[1]
    assert order == [1, 2]


async def test_who_waits_too_long_is_refused_and_blocks_nobody() -> None:
    concurrency = Concurrency(Queue(size=5, timeout=0.01))
    await concurrency.enter(ONE)
    with pytest.raises(Full):
        await concurrency.enter(ONE)
    assert concurrency.waiting == 0
    concurrency.leave(ONE)
    await concurrency.enter(ONE)


async def test_a_full_scope_does_not_hold_up_another() -> None:
    concurrency = Concurrency(Queue(size=5, timeout=30.0))
    a, b, gateway = Slot("key:a", 1), Slot("key:b", 1), Slot("gateway", 10)
    await concurrency.enter((a, gateway))
    blocked = asyncio.create_task(concurrency.enter((a,)))
    await waiting(concurrency, 1)
    await concurrency.enter((b,))
    assert not blocked.done()
    concurrency.leave((a, gateway))
    await blocked
    assert concurrency.waiting == 0


async def test_a_waiter_that_goes_away_lets_those_behind_it_in() -> None:
    concurrency = Concurrency(Queue(size=5, timeout=30.0))
    a, gateway = Slot("key:a", 1), Slot("gateway", 2)
    await concurrency.enter((a, gateway))
    first = asyncio.create_task(concurrency.enter((a, gateway)))
    await waiting(concurrency, 1)
    second = asyncio.create_task(concurrency.enter((gateway,)))
    await waiting(concurrency, 2)
    first.cancel()
    await second
    assert concurrency.waiting == 0


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_comes_and_goes_no_limit_is_passed_and_no_place_is_lost(seed: int) -> None:
    chance = random.Random(seed)
    concurrency = Concurrency(Queue(size=45, timeout=60.0))
    limits = {"gateway": 6, "key:a": 2, "key:b": 3}
    now = dict.fromkeys(limits, 0)

    async def visit() -> None:
        scopes = ["gateway", chance.choice(["key:a", "key:b"])]
        slots = [Slot(scope, limits[scope]) for scope in scopes]
        await concurrency.enter(slots)
        for scope in scopes:
            now[scope] += 1
            assert now[scope] <= limits[scope]
        try:
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
        finally:
            for scope in scopes:
                now[scope] -= 1
            concurrency.leave(slots)

    tasks = [asyncio.create_task(visit()) for _ in range(45)]
    for task in chance.sample(tasks, 15):
        for _ in range(chance.randrange(6)):
            await asyncio.sleep(0)
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
    assert concurrency.waiting == 0
    assert not any(now.values())
    assert not concurrency._under_way
