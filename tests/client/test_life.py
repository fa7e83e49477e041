"""Threads, loops, cancellation and the end of the process: nothing leaks, nothing hangs, nothing warns."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import rosetta
from rosetta.client.background import BACKGROUND
from tests.raw_upstream import Behaviour, Caller, RawUpstream

ROOT = Path(__file__).parents[2]
CHUNK = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}\n\n'
HELLO = [{"role": "user", "content": "hello"}]


async def endless(caller: Caller) -> None:
    """Words until the caller leaves, a whole answer at once."""
    if not caller.streams:
        body = b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"yes"},"finish_reason":"stop"}]}'
        await caller.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        return
    await caller.stream_head()
    leaving = asyncio.ensure_future(caller.gone())
    while not leaving.done():
        await caller.send(CHUNK % (b"word " * 50))
        await asyncio.sleep(0)
    await leaving


def config(upstream: RawUpstream) -> dict[str, object]:
    return {
        "providers": {"up": {"type": "openai_chat", "base_url": f"{upstream.url}/v1"}},
        "models": {"m": "up"},
        "retries": {"attempts": 1},
    }


def test_a_stream_that_is_closed_ends_the_upstreams_work() -> None:
    with RawUpstream(endless) as upstream, rosetta.Client(config(upstream)) as client:
        with client.completion(model="m", messages=HELLO, stream=True) as stream:
            assert "word" in next(stream).choices[0].delta.content
        assert upstream.hung_up.wait(10)
        with pytest.raises(StopIteration):
            next(stream)


def test_a_stream_that_is_forgotten_ends_it_too() -> None:
    with RawUpstream(endless) as upstream, rosetta.Client(config(upstream)) as client:
        stream = client.completion(model="m", messages=HELLO, stream=True)
        next(stream)
        del stream
        gc.collect()
        assert upstream.hung_up.wait(10)


def pushing(blocked: threading.Event) -> Behaviour:
    """Much, until nobody takes it: then ``blocked`` is set."""

    async def behaviour(caller: Caller) -> None:
        await caller.stream_head()
        while True:
            sending = asyncio.ensure_future(caller.send(CHUNK % (b"x" * 100_000)))
            done, _ = await asyncio.wait({sending}, timeout=1.0)
            if not done:
                blocked.set()
                await caller.gone()
                sending.cancel()
                return

    return behaviour


def test_a_slow_reader_slows_the_upstream_down() -> None:
    """Nothing is collected without bound on the way."""
    blocked = threading.Event()
    with RawUpstream(pushing(blocked)) as upstream, rosetta.Client(config(upstream)) as client:
        with client.completion(model="m", messages=HELLO, stream=True) as stream:
            next(stream)
            assert blocked.wait(30), "the upstream was never held back"
        assert upstream.hung_up.wait(10)


def test_many_threads_share_a_client() -> None:
    with rosetta.Client({}) as client, ThreadPoolExecutor(8) as pool:

        def ask(number: int) -> str:
            messages = [{"role": "user", "content": f"number {number}"}]
            if number % 2:
                return str(client.completion(model="echo", messages=messages).choices[0].message.content)
            chunks = client.completion(model="echo", messages=messages, stream=True)
            return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

        assert [f"number {number}" for number in range(200)] == list(pool.map(ask, range(200)))


def test_a_synchronous_call_on_rosettas_own_loop_is_refused() -> None:
    """It would wait for itself for ever."""
    client = rosetta.Client({})

    async def inside() -> None:
        client.completion(model="echo", messages=HELLO)

    with pytest.raises(RuntimeError, match="asynchronous face"):
        BACKGROUND.run(inside())
    client.close()


def test_one_loop_after_the_other() -> None:
    """The calls without a client may come from any loop."""

    async def ask() -> str:
        return str((await rosetta.acompletion("echo", HELLO)).choices[0].message.content)

    assert ["hello", "hello"] == [asyncio.run(ask()), asyncio.run(ask())]


@pytest.mark.parametrize("crossing", [False, True], ids=["on the caller's loop", "on rosetta's"])
def test_a_thousand_calls_that_are_cancelled_at_random(crossing: bool, recwarn: pytest.WarningsRecorder) -> None:
    """Whole answers and streams, each ended somewhere; then nothing of them is left, and the client answers as before."""
    draw = random.Random(5)

    async def one(client: rosetta.AsyncClient | None, number: int) -> str:
        ask = rosetta.acompletion if client is None else client.completion
        if number % 3 == 0:
            return str((await ask(model="m", messages=HELLO)).choices[0].message.content)
        async with await ask(model="m", messages=HELLO, stream=True) as stream:
            async for _ in stream:
                if number % 3 == 1:
                    return "left"
        return "ended"

    async def crowd(client: rosetta.AsyncClient | None) -> None:
        tasks = [asyncio.create_task(one(client, number)) for number in range(1000)]
        for task in draw.sample(tasks, 500):
            for _ in range(draw.randrange(20)):
                await asyncio.sleep(0)
            task.cancel()
        for task in tasks[2::3]:  # these never end by themselves
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError)]
        assert [] == failures
        assert {"yes", "left"} <= {result for result in results if isinstance(result, str)}
        assert "yes" == await one(client, 0)

    async def on_the_callers() -> None:
        async with rosetta.AsyncClient(config(upstream)) as client:
            await crowd(client)
            core = client._core()
            assert 0 == core._engine.active
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert set() == others

    with RawUpstream(endless) as upstream:
        if crossing:
            rosetta.configure(config(upstream))
            asyncio.run(crowd(None))
            rosetta.configure({})
        else:
            asyncio.run(on_the_callers())
    gc.collect()
    assert [] == [str(warning.message) for warning in recwarn]


ENDINGS = {
    "after an answer": "rosetta.completion('echo', HELLO)",
    "after answers on a loop": "asyncio.run(rosetta.acompletion('echo', HELLO))",
    "amid a stream": "stream = rosetta.Client({}).completion(model='echo', messages=HELLO, stream=True); next(stream)",
    "with an open client": "client = rosetta.Client({}); client.completion(model='echo', messages=HELLO)",
    "by an exception": "rosetta.completion('echo', HELLO); sys.exit(0)",
    "from a thread": "t = threading.Thread(target=rosetta.completion, args=('echo', HELLO)); t.start(); t.join()",
}


@pytest.mark.parametrize("code", ENDINGS.values(), ids=ENDINGS)
def test_the_end_of_the_process(code: str) -> None:
    """It ends at once, and says nothing."""
    program = f"import asyncio, sys, threading, rosetta\nHELLO = [{{'role': 'user', 'content': 'hello'}}]\n{code}\n"
    done = subprocess.run([sys.executable, "-X", "dev", "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    noise = [
        line for line in done.stderr.splitlines() if "took" not in line or "seconds" not in line
    ]  # slow callbacks, as -X dev tells them
    assert (0, []) == (done.returncode, noise), done.stderr


def test_the_base_install_is_enough(tmp_path: Path) -> None:
    """Nothing of the gateway's extra is needed but for limits per minute; what is missing is named."""
    program = textwrap.dedent(
        """
        import sys
        class Absent:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in {"litestar", "uvicorn", "opentelemetry", "prometheus_client", "limits", "redis", "yaml", "watchfiles", "uvloop"}:
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        sys.meta_path.insert(0, Absent())
        import rosetta
        for name in rosetta.__all__:
            getattr(rosetta, name)
        with rosetta.Client({"models": {"m": "echo"}}) as client:
            print(client.completion(model="m", messages=[{"role": "user", "content": "hello"}]).choices[0].message.content)
            print("".join(e.delta.text or "" for e in client.messages.create(
                model="m", max_tokens=9, messages=[{"role": "user", "content": "hello"}], stream=True) if e.type == "content_block_delta"))
        for wrong in ({"limits": {"rpm": 1}}, "config.yaml"):
            try:
                rosetta.Client(wrong).completion(model="echo", messages=[{"role": "user", "content": "hello"}])
            except rosetta.ConfigError as error:
                print(str(error).partition(": pip")[0])
        """
    )
    (tmp_path / "config.yaml").write_text("models: {}")
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ("hello\nhello\nlimits: limits need limits\nconfig.yaml: reading YAML needs yaml\n", "") == (done.stdout, done.stderr)


ANSWER = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"m","system_fingerprint":"fp",'
    b'"choices":[{"index":0,"message":{"role":"assistant","content":"yes","x_new":1},"finish_reason":"stop"}]}'
)


async def stubborn(caller: Caller) -> None:
    """A whole answer, whatever was asked for."""
    await caller.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER))


async def streaming(caller: Caller) -> None:
    """The same in pieces."""
    await caller.stream_head()
    for delta, finish in ((b'{"content":"yes","x_new":1}', b"null"), (b"{}", b'"stop"')):
        await caller.send(
            b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","system_fingerprint":"fp",'
            b'"choices":[{"index":0,"delta":%b,"finish_reason":%b}]}\n\n' % (delta, finish)
        )
    await caller.send(b"data: [DONE]\n\n")


@pytest.mark.parametrize("behaviour", [stubborn, streaming])
def test_what_a_streamed_answer_lost_is_told_by_path(behaviour: Behaviour) -> None:
    """At its end, also where the upstream answered a stream's request with a whole answer."""
    with RawUpstream(behaviour) as upstream, rosetta.Client(config(upstream)) as client:
        stream = client.messages.create(model="m", messages=HELLO, max_tokens=5, stream=True)
        assert "yes" in "".join(event.delta.text for event in stream if event.type == "content_block_delta")
        assert {"system_fingerprint", "choices.0.message.x_new"} <= {loss.path for loss in stream.losses}
