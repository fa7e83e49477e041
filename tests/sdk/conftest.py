"""One gateway on one scripted upstream for the whole folder. The tests run one after another, so the upstream's default run is each one's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.sdk.oracles", "tests.sdk.chat", "tests.sdk.responses", "tests.sdk.messages", "tests.sdk.google")

from tests.clients.upstream import Upstream, start_upstream  # noqa: E402 (the oracles are rewritten before anything imports them)
from tests.live import LiveGateway, four_upstreams, live_gateway  # noqa: E402


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with start_upstream(strict=True) as running:
        yield running


@pytest.fixture(scope="session")
def gateway(upstream: Upstream) -> Iterator[LiveGateway]:
    with live_gateway(four_upstreams(upstream.url)) as running:
        yield running
