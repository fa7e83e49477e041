"""An answered request leaves nothing that only the collector of cycles could free: it seldom runs in the gateway. A failed one leaves its traceback."""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.clients.upstream import Upstream
from tests.gateway.test_pairs import with_shell
from tests.gateway.wires import UPSTREAMS, WIRES, Wire, body_of
from tests.live import LiveGateway

REQUESTS = 4


@contextmanager
def left_behind() -> Iterator[Counter[str]]:
    """The gateway's objects that a collection finds when the block has ended, by type."""
    found: Counter[str] = Counter()
    gc.collect()
    gc.freeze()  # what the process holds already is not looked at again and again
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found.update(type(thing).__qualname__ for thing in gc.garbage if type(thing).__module__.startswith("rosetta."))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.unfreeze()
        gc.enable()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("scenario", ["text", "think", "parallel"])
@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_a_request_leaves_no_cycle(gateway: LiveGateway, upstream: Upstream, wire: Wire, scenario: str, stream: bool) -> None:
    """Whole or streamed, from each upstream: what it held goes with it."""
    with left_behind() as found, httpx.Client() as client:
        for target in UPSTREAMS:
            for _ in range(REQUESTS):  # the task of the last one may not have ended yet
                upstream.control(scenario=scenario, strict=True)
                body = with_shell(wire, body_of(wire, target, "hi", stream=stream))
                reply = client.post(gateway.url + wire.path(target, stream), json=body, headers=wire.headers, timeout=20)
                assert 200 == reply.status_code, reply.text
    assert {} == dict(found)
