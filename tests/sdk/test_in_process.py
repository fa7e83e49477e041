"""The official SDKs without a server: the oracles that hold over HTTP hold through ``rosetta.transport`` as well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio

import rosetta
from tests.clients.upstream import Upstream
from tests.live import four_upstreams
from tests.sdk import oracles
from tests.sdk.oracles import SDKS, UPSTREAMS, Oracle, Voice
from tests.sdk.said import Wanted

every_sdk = pytest.mark.parametrize("sdk", SDKS.values(), ids=SDKS)
every_upstream = pytest.mark.parametrize("model", UPSTREAMS)


@pytest.fixture(scope="module")
def clients(upstream: Upstream) -> Iterator[dict[str, Any]]:
    """One transport for all four."""
    within = rosetta.transport(four_upstreams(upstream.url))
    with ExitStack() as stack:
        yield {name: stack.enter_context(sdk.connect_within(within)) for name, sdk in SDKS.items()}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asynchronous_clients(upstream: Upstream) -> AsyncIterator[dict[str, Any]]:
    within = rosetta.transport(four_upstreams(upstream.url))
    async with AsyncExitStack() as stack:
        yield {name: await stack.enter_async_context(sdk.connect_within_async(within)) for name, sdk in SDKS.items()}


@every_sdk
@every_upstream
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("oracle", oracles.ANSWERS.values(), ids=oracles.ANSWERS)
async def test_a_synchronous_client(
    clients: dict[str, Any], upstream: Upstream, sdk: ModuleType, model: str, streamed: bool, oracle: Oracle
) -> None:
    await oracle(Voice(sdk, clients[sdk.NAME], streamed=streamed), model, upstream)


@every_sdk
@every_upstream
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("oracle", oracles.ANSWERS.values(), ids=oracles.ANSWERS)
@pytest.mark.asyncio(loop_scope="module")
async def test_an_asynchronous_client(
    asynchronous_clients: dict[str, Any], upstream: Upstream, sdk: ModuleType, model: str, streamed: bool, oracle: Oracle
) -> None:
    await oracle(Voice(sdk, asynchronous_clients[sdk.NAME], streamed=streamed, asynchronous=True), model, upstream)


@every_sdk
@every_upstream
@pytest.mark.parametrize("oracle", oracles.STREAMS.values(), ids=oracles.STREAMS)
async def test_a_stream(clients: dict[str, Any], upstream: Upstream, sdk: ModuleType, model: str, oracle: Oracle) -> None:
    await oracle(Voice(sdk, clients[sdk.NAME], streamed=True), model, upstream)


@every_sdk
@every_upstream
@pytest.mark.parametrize("oracle", oracles.CALLS.values(), ids=oracles.CALLS)
async def test_another_call(clients: dict[str, Any], upstream: Upstream, sdk: ModuleType, model: str, oracle: Oracle) -> None:
    if oracle is oracles.count and not hasattr(sdk, "counted"):
        pytest.skip("this SDK's wire has no count of tokens")
    await oracle(Voice(sdk, clients[sdk.NAME]), model, upstream)


@every_sdk
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_the_gateways_own_refusals_are_the_sdks_exceptions(sdk: ModuleType, streamed: bool) -> None:
    """Keys that are configured hold in the process too."""
    keys = [{"name": "team-a", "key": "k", "models": ["echo"]}]
    with sdk.connect_within(rosetta.transport({"keys": keys, "models": {"secret": {"provider": "echo", "model": "echo"}}})) as client:
        voice = Voice(sdk, client, streamed=streamed)
        await voice.ask("echo", Wanted())
        with pytest.raises(sdk.ERRORS[403]) as raised:
            await voice.ask("secret", Wanted())
    assert 403 == sdk.status_of(raised.value)
    with (
        sdk.connect_within(rosetta.transport({"keys": [{"name": "team-a", "key": "other"}]})) as stranger,
        pytest.raises(sdk.ERRORS[401]) as raised,
    ):
        await Voice(sdk, stranger, streamed=streamed).ask("echo", Wanted())
    assert 401 == sdk.status_of(raised.value)
