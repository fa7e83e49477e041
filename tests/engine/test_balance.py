"""The order of a model's targets."""

from __future__ import annotations

import random
from collections import Counter

from rosetta.config.load import build
from rosetta.engine.balance import arranged
from rosetta.engine.call import Call
from rosetta.engine.engine import Engine
from rosetta.engine.plan import Step, plan
from rosetta.ir.errors import Failure
from rosetta.ir.parts import Seal


def engine(targets: list[dict[str, object]]) -> Engine:
    names = {str(target["provider"]) for target in targets}
    document = {
        "providers": {name: {"type": "openai_chat", "base_url": f"http://{name}.test/v1"} for name in names},
        "models": {"m": {"targets": targets}},
    }
    return Engine(build(document, {}))


def steps(engine: Engine) -> tuple[Step, ...]:
    return plan(Call("openai_chat", b"{}", {}, "m", False, "r"), engine.routes, engine.providers).steps


def order(engine: Engine, *, session: str | None = None, sealed_by: Seal | None = None, seed: int = 0) -> list[str]:
    found = arranged(steps(engine), engine.health, session=session, sealed_by=sealed_by, draw=random.Random(seed))
    return [step.provider.name for step in found]


CHAIN = [{"provider": "a"}, {"provider": "b"}, {"provider": "c"}]
SHARED = [{"provider": "a", "weight": 9}, {"provider": "b", "weight": 1}, {"provider": "c"}]


def test_a_chain_keeps_its_order() -> None:
    assert [order(engine(CHAIN), seed=seed) for seed in range(5)] == [["a", "b", "c"]] * 5


def test_neighbours_share_by_weight_and_the_rest_of_the_chain_stays_behind() -> None:
    made = engine(SHARED)
    found = [order(made, seed=seed) for seed in range(2000)]
    assert {names[2] for names in found} == {"c"}
    share = Counter(names[0] for names in found)
    assert 1700 < share["a"] < 1900


def test_a_much_busier_target_steps_back() -> None:
    made = engine([{"provider": "a", "weight": 1}, {"provider": "b", "weight": 1}])
    made.health.of("a", "m").inflight = 20
    share = Counter(order(made, seed=seed)[0] for seed in range(400))
    assert share["b"] > 250


def test_latency_counts_as_load() -> None:
    made = engine([{"provider": "a", "weight": 1}, {"provider": "b", "weight": 1}])
    made.health.of("a", "m").succeeded(8.0)
    made.health.of("b", "m").succeeded(0.2)
    share = Counter(order(made, seed=seed)[0] for seed in range(400))
    assert share["b"] > 250


def test_a_session_stays_where_it_was_and_sessions_spread() -> None:
    made = engine(SHARED)
    sessions = [f"session-{number}" for number in range(1000)]
    first = {session: order(made, session=session, seed=1) for session in sessions}
    another = engine(SHARED)
    assert first == {session: order(another, session=session, seed=2) for session in sessions}
    share = Counter(names[0] for names in first.values())
    assert 850 < share["a"] < 950


def test_reasoning_state_goes_back_to_who_made_it_while_that_target_is_well() -> None:
    made = engine(CHAIN)
    seal = Seal("signature", "x", provider="c", model="m")
    assert order(made, sealed_by=seal) == ["c", "a", "b"]
    made.health.of("c", "m").failed(Failure("rate_limited", "later", retry_after_s=20.0))
    assert order(made, sealed_by=seal) == ["a", "b", "c"]
