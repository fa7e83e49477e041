"""The real client programs through the gateway to a scripted upstream of each type, strict: every cell must go the full circle.

Run two cells at a time with ``pytest -m clients -n 2 tests/clients``; each worker has a gateway and an upstream of its own. A run's files
stay where pytest says (``--basetemp``) when a cell fails.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.cells import Cell, continuous_integration
from tests.clients.gateway_process import gateway_process
from tests.clients.programs import CLIENTS, RIG_ROOT
from tests.clients.run_client import run_client
from tests.clients.upstream import Upstream, start_upstream

CELL_TIMEOUT_S = 120
CONFIG = Path(__file__).with_name("matrix.yaml")

pytestmark = [pytest.mark.clients, pytest.mark.timeout(CELL_TIMEOUT_S + 60)]


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with start_upstream(strict=True) as started:
        yield started


@pytest.fixture(scope="session")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("gateway") / "gateway.log"
    with gateway_process(CONFIG, log, UPSTREAM_PORT=str(upstream.port)) as url:
        yield url


@pytest.mark.parametrize("cell", list(continuous_integration()), ids=str)
def test_full_circle(cell: Cell, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A client asks, the model calls the client's shell tool, the result reaches the upstream, and the answer is printed."""
    if not CLIENTS[cell.client].installed:
        missing = f"{cell.client} is not below {RIG_ROOT}: run tests/clients/install.sh DIR and set RIG_ROOT=DIR"
        if os.environ.get("CI_REQUIRE_TOOLS") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    upstream: Upstream = request.getfixturevalue("upstream")
    gateway: str = request.getfixturevalue("gateway")
    result = run_client(
        cell.client,
        gateway,
        tmp_path / "run",
        model=cell.model,
        scenario=cell.scenario,
        upstream=upstream.url,
        expect_wire=cell.upstream,
        timeout=CELL_TIMEOUT_S,
        strict=True,
    )
    assert result.passed, str(result)
