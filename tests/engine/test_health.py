"""Circuits, with a clock in the hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rosetta.engine.health import FAILURES_IN_A_ROW, REST_MAX_S, REST_S, RETRY_AFTER_MAX_S, Health, State, TargetHealth
from rosetta.ir.errors import Failure

BROKEN = Failure("upstream_error", "it broke")
SLOW_DOWN = Failure("rate_limited", "slow down", retry_after_s=30.0)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def target(clock: Clock) -> TargetHealth:
    return Health(clock).of("p", "m")


def test_a_circuit_opens_after_failures_in_a_row_and_probes_after_its_rest() -> None:
    clock = Clock()
    circuit = target(clock)
    for _ in range(FAILURES_IN_A_ROW):
        assert circuit.admits()
        circuit.failed(BROKEN)
    assert circuit.state == "open"
    assert not circuit.admits()
    clock.now += REST_S
    assert circuit.state == "half_open"
    assert circuit.admits()
    assert not circuit.admits(), "one probe at a time"
    circuit.succeeded(0.1)
    assert circuit.state == "closed"
    assert circuit.admits()


def test_a_failed_probe_doubles_the_rest_up_to_a_bound() -> None:
    clock = Clock()
    circuit = target(clock)
    for _ in range(FAILURES_IN_A_ROW):
        circuit.failed(BROKEN)
    rests = []
    for _ in range(8):
        rests.append(circuit.rests_until - clock.now)
        clock.now = circuit.rests_until
        assert circuit.admits()
        circuit.failed(BROKEN)
    assert rests == [REST_S, REST_S * 2, REST_S * 4, REST_S * 8, REST_S * 16, REST_MAX_S, REST_MAX_S, REST_MAX_S]


def test_half_of_the_recent_results_is_enough() -> None:
    clock = Clock()
    circuit = target(clock)
    for _ in range(4):
        circuit.succeeded()
        circuit.failed(BROKEN)
    assert circuit.state == "closed"
    circuit.succeeded()
    circuit.failed(BROKEN)
    assert circuit.state == "open"


def test_failures_of_long_ago_do_not_count() -> None:
    clock = Clock()
    circuit = target(clock)
    for _ in range(9):
        circuit.succeeded()
        circuit.failed(BROKEN)
        clock.now += 60.0
    assert circuit.state == "closed"


def test_retry_after_rests_at_once_for_as_long_as_it_says() -> None:
    clock = Clock()
    circuit = target(clock)
    circuit.failed(SLOW_DOWN)
    assert circuit.rests_until == clock.now + 30.0
    circuit.failed(Failure("overloaded", "busy", retry_after_s=86400.0))
    assert circuit.rests_until == clock.now + RETRY_AFTER_MAX_S


def test_what_the_client_got_wrong_says_nothing_of_the_target() -> None:
    circuit = target(Clock())
    for kind in ("bad_request", "context_too_long", "unsupported", "content_policy", "too_large"):
        for _ in range(10):
            circuit.failed(Failure(kind, "no"))
    assert circuit.state == "closed"


def test_a_probe_whose_client_went_away_leaves_its_place_to_the_next() -> None:
    clock = Clock()
    circuit = target(clock)
    circuit.failed(SLOW_DOWN)
    clock.now += 30.0
    assert circuit.admits()
    circuit.abandoned()
    assert circuit.admits()


def test_each_change_is_told_once() -> None:
    clock = Clock()
    heard: list[tuple[str, str, State]] = []
    circuit = Health(clock, lambda *told: heard.append(told)).of("p", "m")
    for _ in range(FAILURES_IN_A_ROW + 2):
        circuit.failed(BROKEN)
    clock.now += REST_MAX_S
    circuit.admits()
    circuit.succeeded()
    circuit.succeeded()
    assert heard == [("p", "m", "open"), ("p", "m", "half_open"), ("p", "m", "closed")]


@given(st.lists(st.sampled_from(["ask", "good", "bad", "429", "gone", "wait"]), max_size=60))
def test_at_most_one_probe_is_out_and_a_success_always_closes(moves: list[str]) -> None:
    clock = Clock()
    circuit = target(clock)
    probes = 0
    for move in moves:
        before = circuit.state
        match move:
            case "ask":
                if circuit.admits() and before != "closed":
                    probes += 1
                    assert before == "half_open"
                    assert not circuit.admits()
            case "good":
                circuit.succeeded(0.1)
                assert circuit.state == "closed"
            case "bad":
                circuit.failed(BROKEN)
            case "429":
                circuit.failed(SLOW_DOWN)
                assert circuit.state == "open"
            case "gone":
                circuit.abandoned()
            case "wait":
                clock.now += 7.0
        assert circuit.rests_until <= clock.now + RETRY_AFTER_MAX_S


def test_models_that_clients_make_up_do_not_pile_up() -> None:
    health = Health(Clock())
    busy = health.of("p", "busy")
    busy.inflight = 1
    ill = health.of("p", "ill")
    ill.failed(SLOW_DOWN)
    for number in range(5000):
        health.of("p", f"made-up-{number}")
    assert len(health._targets) <= 2000
    assert health.of("p", "busy") is busy
    assert health.of("p", "ill") is ill
