"""Whatever a chain of upstreams does, and whenever: the story of a request keeps its bounds. The clock is virtual, the upstreams are scripted."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
from hypothesis import given
from hypothesis import strategies as st

from rosetta.config.load import build
from rosetta.config.schema import Provider as ProviderRow
from rosetta.engine.call import Call, Failed, Outcome
from rosetta.engine.engine import Engine
from rosetta.engine.provider import Provider
from tests.engine.virtual_time import run

TOTAL_S = 40.0
FIRST_TOKEN_S = 6.0
IDLE_S = 5.0
SLACK_S = 0.5
WORD = b'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"word"},"finish_reason":null}]}\n\n'
ROLE = b'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
END = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
PIECES = {
    "role": ROLE,
    "word": WORD,
    "comment": b": still here\n\n",
    "half": WORD[:30],
    "garbage": b"data: {no\n\n",
    "end": END,
    "error": b'data: {"error":{"message":"x"}}\n\n',
}


@dataclass
class Behaviour:
    """One try at an upstream: the head after ``head_s`` seconds, then pieces after gaps. ``status`` 0 is a refused connection."""

    head_s: float
    status: int
    retry_after: str | None
    pieces: list[tuple[float, str]]
    breaks: bool


class Body(httpx.AsyncByteStream):
    def __init__(self, upstream: "Scripted", behaviour: Behaviour) -> None:
        self.upstream = upstream
        self.behaviour = behaviour
        upstream.open += 1
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for gap, piece in self.behaviour.pieces:
            await asyncio.sleep(gap)
            yield PIECES[piece]
        if self.behaviour.breaks:
            raise httpx.ReadError("reset by peer")

    async def aclose(self) -> None:
        if not self.closed:
            self.closed = True
            self.upstream.open -= 1


@dataclass
class Scripted(httpx.AsyncBaseTransport):
    """All upstreams: what each try finds, and what was tried when. ``open`` counts answers not closed yet."""

    behaviours: list[Behaviour]
    tried: list[tuple[str, float]] = field(default_factory=list)
    open: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.tried.append((request.url.host, asyncio.get_running_loop().time()))
        behaviour = self.behaviours[min(len(self.tried), len(self.behaviours)) - 1]
        await asyncio.sleep(behaviour.head_s)
        if behaviour.status == 0:
            raise httpx.ConnectError("refused")
        headers = {"content-type": "text/event-stream" if behaviour.status == 200 else "application/json"}
        if behaviour.retry_after is not None:
            headers["retry-after"] = behaviour.retry_after
        return httpx.Response(behaviour.status, headers=headers, stream=Body(self, behaviour))

    async def aclose(self) -> None:
        return


@dataclass
class Recorder:
    heads: list[int] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)
    ended: bool = False

    async def start(self, status: int, headers: list[tuple[str, str]]) -> None:
        assert not self.heads, "a head comes once"
        self.heads.append(status)

    async def write(self, data: bytes) -> None:
        assert self.heads, "the head comes first"
        assert not self.ended, "nothing follows the end"
        self.body.append(data)
        self.ended = not data

    async def unary(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        await self.start(status, headers)
        await self.write(body)
        await self.write(b"")


gaps = st.sampled_from([0.0, 0.1, 1.0, 4.0, 5.5, 13.0, 100.0])
behaviours = st.builds(
    Behaviour,
    gaps,
    st.sampled_from([200, 200, 200, 200, 0, 400, 401, 404, 408, 429, 429, 500, 503, 529]),
    st.sampled_from([None, None, "0", "2", "30", "86400"]),
    st.lists(st.tuples(gaps, st.sampled_from([*PIECES, "word", "word", "end", "end"])), max_size=6),
    st.booleans(),
)


async def story(script: list[Behaviour], attempts: int, targets: int, client: str, *, gone_after: float | None) -> None:
    names = [f"t{number}" for number in range(targets)]
    timeout = {"first_token": FIRST_TOKEN_S, "idle": IDLE_S, "total": TOTAL_S}
    document = {
        "providers": {name: {"type": "openai_chat", "base_url": f"http://{name}/v1", "api_key": "k", "timeout": timeout} for name in names},
        "models": {"m": names},
        "retries": {"attempts": attempts},
    }
    config = build(document, {})
    transport = Scripted(script)
    rows: dict[str, ProviderRow] = dict(config.providers)
    engine = Engine(config, {name: Provider(name, row, transport=transport) for name, row in rows.items()})
    body = {"model": "m", "stream": True, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    call = Call(client, json.dumps(body).encode(), {}, "m", True, "r")  # type: ignore[arg-type]
    writer, outcome = Recorder(), Outcome()
    loop = asyncio.get_running_loop()
    began = loop.time()
    task = asyncio.ensure_future(engine.respond(call, writer, outcome))
    if gone_after is not None:
        loop.call_later(gone_after, task.cancel)
    failed = cancelled = False
    try:
        await task
    except Failed:
        failed = True
    except asyncio.CancelledError:
        cancelled = True
        assert gone_after is not None
    took = loop.time() - began
    assert took <= TOTAL_S + SLACK_S
    assert len(transport.tried) == outcome.attempts
    assert all(count <= attempts for count in Counter(host for host, _ in transport.tried).values())
    assert [at for _, at in transport.tried if at - began > TOTAL_S] == []
    assert [host for host, _ in transport.tried] == sorted(host for host, _ in transport.tried), "the chain is walked in its order"
    assert 0 == transport.open
    assert 0 == engine.active
    assert all(engine.health.of(name, "m").inflight == 0 for name in names)
    text = b"".join(writer.body).decode()
    if failed:
        assert not writer.heads, "an error with a status needs a head that is not out"
    elif not cancelled:
        assert [200] == writer.heads
        assert writer.ended
        events = [block for block in text.split("\n\n") if "data:" in block]
        polite = "message_stop" in events[-1] if client == "anthropic" else events[-1] == "data: [DONE]" and '"error"' not in text
        told = "error" in events[-1] or (client == "openai_chat" and '"error"' in text)
        assert polite or told, text
        assert polite == (outcome.failure is None), outcome.failure


@given(
    st.lists(behaviours, min_size=1, max_size=8),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from(["anthropic", "openai_chat"]),
    st.one_of(st.none(), st.none(), st.floats(0.0, 30.0)),
)
def test_a_request_keeps_its_bounds(script: list[Behaviour], attempts: int, targets: int, client: str, gone_after: float | None) -> None:
    """No attempt after the deadline, none beyond the configured number, every answer closed, every client told how it ended."""
    run(story(script, attempts, targets, client, gone_after=gone_after))
