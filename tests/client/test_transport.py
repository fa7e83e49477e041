"""The transport under httpx and httpx2: nothing is held back, nothing piles up, and who leaves takes the upstream's work along."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import httpx
import httpx2
import pytest

import rosetta
from tests.client.test_life import CHUNK, config, endless, pushing
from tests.raw_upstream import Caller, RawUpstream

CHAT = "https://nobody.example/v1/chat/completions"
ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
STREAMED = {**ASKED, "stream": True}

both = pytest.mark.parametrize("package", [httpx, httpx2], ids=["httpx", "httpx2"])


@both
def test_the_answer_is_of_the_package_that_asked(package: ModuleType) -> None:
    with package.Client(transport=rosetta.transport({})) as client:
        answer = client.post(CHAT, json={**ASKED, "model": "echo"})
    assert isinstance(answer, package.Response)
    assert "hello" == answer.json()["choices"][0]["message"]["content"]
    assert "echo" == answer.headers["x-rosetta-provider"]
    assert len(answer.content) == int(answer.headers["content-length"])


@both
async def test_one_transport_serves_both_kinds_of_client(package: ModuleType) -> None:
    transport = rosetta.transport({})
    async with package.AsyncClient(transport=transport) as asynchronous:
        synchronous = package.Client(transport=transport)
        answers = [
            await asynchronous.post(CHAT, json={**ASKED, "model": "echo"}),
            await asyncio.to_thread(synchronous.post, CHAT, json={**ASKED, "model": "echo"}),
        ]
    assert [200, 200] == [answer.status_code for answer in answers]


@both
@pytest.mark.parametrize(
    ("method", "path", "status"), [("POST", "/v1/nothing", 404), ("GET", "/v1/messages", 405), ("POST", "/v1/chat/completions", 400)]
)
def test_what_is_wrong_is_said_as_over_http(package: ModuleType, method: str, path: str, status: int) -> None:
    with package.Client(transport=rosetta.transport({}), base_url="http://x") as client:
        answer = client.request(method, path, content=b"{" if method == "POST" else None)
    assert status == answer.status_code
    assert answer.json()["error"]["message"]


def test_a_request_may_be_streamed_and_packed() -> None:
    """What httpx itself would send over a socket: pieces, compressed."""
    import gzip
    import json

    packed = gzip.compress(json.dumps({**ASKED, "model": "echo"}).encode())
    with httpx.Client(transport=rosetta.transport({})) as client:
        pieces = (packed[at : at + 10] for at in range(0, len(packed), 10))
        answer = client.post(CHAT, content=pieces, headers={"content-encoding": "gzip", "content-type": "application/json"})
    assert 200 == answer.status_code


@both
async def test_an_event_is_read_before_the_next_is_sent(package: ModuleType) -> None:
    second = threading.Event()

    async def in_steps(caller: Caller) -> None:
        await caller.stream_head()
        await caller.send(CHUNK % b"first")
        await asyncio.to_thread(second.wait, 30)
        await caller.send(CHUNK % b"second" + b"data: [DONE]\n\n")

    with RawUpstream(in_steps) as upstream:
        transport = rosetta.transport(config(upstream))

        def heard() -> str:
            with package.Client(transport=transport).stream("POST", CHAT, json=STREAMED) as answer:
                lines = answer.iter_lines()
                first = next(line for line in lines if "first" in line)
                second.set()
                return first + "".join(lines)

        assert "second" in await asyncio.to_thread(heard)
        second.clear()
        async with package.AsyncClient(transport=transport) as client, client.stream("POST", CHAT, json=STREAMED) as answer:
            told = ""
            async for piece in answer.aiter_text():
                told += piece
                if "first" in told:
                    second.set()
            assert "second" in told


@both
def test_a_stream_that_is_closed_ends_the_upstreams_work(package: ModuleType) -> None:
    with RawUpstream(endless) as upstream, package.Client(transport=rosetta.transport(config(upstream))) as client:
        with client.stream("POST", CHAT, json=STREAMED) as answer:
            assert "word" in next(answer.iter_text())
        assert upstream.hung_up.wait(10)


@both
async def test_a_task_that_is_cancelled_ends_it_too(package: ModuleType) -> None:
    with RawUpstream(endless) as upstream:
        async with package.AsyncClient(transport=rosetta.transport(config(upstream))) as client:
            reading = asyncio.Event()

            async def read() -> None:
                async with client.stream("POST", CHAT, json=STREAMED) as answer:
                    async for _ in answer.aiter_text():
                        reading.set()

            task = asyncio.create_task(read())
            await reading.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(upstream.hung_up.wait, 10)


async def silent(caller: Caller) -> None:
    await caller.gone()


@both
async def test_a_request_that_is_cancelled_before_its_answer(package: ModuleType) -> None:
    with RawUpstream(silent) as upstream:
        async with package.AsyncClient(transport=rosetta.transport(config(upstream))) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.post(CHAT, json=ASKED, timeout=None), 0.3)
            assert await asyncio.to_thread(upstream.hung_up.wait, 10)


@both
def test_the_clients_read_timeout_holds(package: ModuleType) -> None:
    with RawUpstream(silent) as upstream, package.Client(transport=rosetta.transport(config(upstream)), timeout=0.3) as client:
        with pytest.raises(package.ReadTimeout, match=r"0\.3 s"):
            client.post(CHAT, json=ASKED)
        assert upstream.hung_up.wait(10)


def test_a_stream_that_is_forgotten_ends() -> None:
    with RawUpstream(endless) as upstream, httpx.Client(transport=rosetta.transport(config(upstream))) as client:
        answer = client.send(client.build_request("POST", CHAT, json=STREAMED), stream=True)
        next(answer.iter_raw())
        del answer
        gc.collect()
        assert upstream.hung_up.wait(10)


def test_a_slow_reader_slows_the_upstream_down() -> None:
    blocked = threading.Event()

    with RawUpstream(pushing(blocked)) as upstream, httpx.Client(transport=rosetta.transport(config(upstream))) as client:
        with client.stream("POST", CHAT, json=STREAMED) as answer:
            next(answer.iter_raw())
            assert blocked.wait(30), "the upstream was never held back"
        assert upstream.hung_up.wait(10)


def test_closing_ends_what_is_under_way() -> None:
    with RawUpstream(endless) as upstream:
        transport = rosetta.transport(config(upstream))
        client = httpx.Client(transport=transport)
        answer = client.send(client.build_request("POST", CHAT, json=STREAMED), stream=True)
        pieces = answer.iter_raw()
        next(pieces)
        client.close()
        transport.close()
        assert upstream.hung_up.wait(10)
        answer.close()
        with pytest.raises(RuntimeError, match="closed"):
            httpx.Client(transport=transport).post(CHAT, json=ASKED)


def test_threads_share_a_transport() -> None:
    with httpx2.Client(transport=rosetta.transport({})) as client, ThreadPoolExecutor(8) as pool:

        def ask(number: int) -> str:
            messages = [{"role": "user", "content": f"number {number}"}]
            answer = client.post(CHAT, json={"model": "echo", "messages": messages})
            return str(answer.json()["choices"][0]["message"]["content"])

        assert [f"number {number}" for number in range(200)] == list(pool.map(ask, range(200)))


def test_something_else_than_httpx_is_refused_by_name() -> None:
    with rosetta.transport({}) as transport, pytest.raises(TypeError, match=r"builtins\.dict"):
        transport.handle_request({})


def test_a_process_that_closes_nothing_ends_without_a_word() -> None:
    """Neither the service's packages are needed, nor does anything hang or warn at the end."""
    program = f"""
        import sys
        for name in ("litestar", "uvicorn", "opentelemetry", "prometheus_client", "limits", "watchfiles"):
            sys.modules[name] = None
        import httpx, rosetta
        client = httpx.Client(transport=rosetta.transport({{}}))
        answer = client.send(client.build_request("POST", {CHAT!r}, json={{**{ASKED!r}, "model": "echo", "stream": True}}), stream=True)
        print(next(answer.iter_text())[:5])
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, "data:\n", "") == (done.returncode, done.stdout, done.stderr)
