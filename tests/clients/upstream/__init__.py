"""A scripted stand-in for four kinds of LLM provider on one port. The standard library alone.

with start_upstream(scenario="think", strict=True) as upstream:
    ...  # a client or a gateway talks to upstream.url
    assert upstream.log[-1]["reasoning_back"]
"""

from tests.clients.upstream.runs import Run
from tests.clients.upstream.script import SCENARIOS, SIGNATURE
from tests.clients.upstream.server import Upstream, start_upstream

__all__ = ["SCENARIOS", "SIGNATURE", "Run", "Upstream", "start_upstream"]
