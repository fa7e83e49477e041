"""One gateway and one scripted upstream for the whole folder; each test has a run of its own on the upstream."""

import uuid
from collections.abc import Iterator

import pytest

from tests.clients.upstream import Upstream, start_upstream
from tests.live import LiveGateway, four_upstreams, live_gateway


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with start_upstream(strict=True) as running:
        yield running


@pytest.fixture(scope="session")
def gateway(upstream: Upstream) -> Iterator[LiveGateway]:
    with live_gateway(four_upstreams(upstream.url)) as running:
        yield running


@pytest.fixture
def run() -> str:
    return uuid.uuid4().hex[:8]
