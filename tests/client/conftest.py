"""One scripted upstream of four wires, and clients that know it as four providers."""

from collections.abc import Iterator

import pytest

import rosetta
from tests.clients.upstream import Upstream, start_upstream
from tests.live import four_upstreams


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with start_upstream(strict=True) as running:
        yield running


@pytest.fixture(scope="module")
def client(upstream: Upstream) -> Iterator[rosetta.Client]:
    with rosetta.Client(four_upstreams(upstream.url)) as running:
        yield running
