"""The real clients on a chain whose first target breaks: their user's task is done all the same, by a target of another format."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.gateway_process import gateway_process
from tests.clients.programs import CLIENTS, RIG_ROOT
from tests.clients.run_client import run_client
from tests.clients.upstream import Upstream, start_upstream
from tests.clients.upstream.script import FAULT_STATUS

CELL_TIMEOUT_S = 120
CONFIG = Path(__file__).with_name("chain.yaml")
SCENARIOS = ("err429", "err529", "midstream", "drop", "empty")
# Kilo Code gives up once an answer broke off in its middle, whoever would answer next.
CELLS = [(client, scenario) for client in ("claude", "codex", "gemini") for scenario in SCENARIOS] + [("kilo", "err529"), ("kilo", "empty")]

pytestmark = [pytest.mark.clients, pytest.mark.timeout(CELL_TIMEOUT_S + 60)]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with start_upstream(strict=True) as started:
        yield started


@pytest.fixture
def gateway(upstream: Upstream, tmp_path: Path) -> Iterator[str]:
    """One for each cell: circuits remember what broke."""
    with gateway_process(CONFIG, tmp_path / "gateway.log", UPSTREAM_PORT=str(upstream.port)) as url:
        yield url


@pytest.mark.parametrize(("client", "scenario"), CELLS, ids=lambda value: value)
def test_the_task_is_done_although_the_first_target_breaks(
    client: str, scenario: str, upstream: Upstream, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if not CLIENTS[client].installed:
        missing = f"{client} is not below {RIG_ROOT}: run tests/clients/install.sh DIR and set RIG_ROOT=DIR"
        if os.environ.get("CI_REQUIRE_TOOLS") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    upstream.control("broken", scenario=scenario, strict=True)
    upstream.control(scenario="tool", strict=True)
    gateway: str = request.getfixturevalue("gateway")
    result = run_client(client, gateway, tmp_path / "run", model=f"chain-{client}", timeout=CELL_TIMEOUT_S)
    assert result.passed, str(result)
    assert upstream.run("broken").faults, "the first target was never asked"
    if scenario in FAULT_STATUS or scenario == "empty":
        assert upstream.log, "the second target was never asked"
