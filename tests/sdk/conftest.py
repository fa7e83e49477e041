"""One gateway on one scripted upstream for the whole folder. The tests run one after another, so the upstream's default run is each one's own."""

from __future__ import annotations

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
