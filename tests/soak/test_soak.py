"""Load with bounds: nobody gets another one's answer, nothing piles up, and a rolling restart cuts nobody. Marked, because it takes a minute or two."""

import asyncio
import json
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.clients.gateway_process import ROOT, free_port
from tests.soak.upstream import MarkerUpstream, marker_upstream

pytestmark = [pytest.mark.soak, pytest.mark.timeout(400)]

AT_ONCE = 48
START_S = 60.0


class Gateway:
    """A ``rosetta serve`` of its own, on a given port."""

    def __init__(self, port: int, process: asyncio.subprocess.Process) -> None:
        self.port = port
        self.process = process
        self.url = f"http://127.0.0.1:{port}"

    def memory_kib(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1])


async def start(config: Path, http: aiohttp.ClientSession, port: int) -> Gateway:
    command = [sys.executable, "-m", "rosetta", "serve", "--config", str(config), "--port", str(port)]
    with (config.parent / f"{port}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log)
    gateway = Gateway(port, process)
    async with asyncio.timeout(START_S):
        while not await ready(http, gateway):
            await asyncio.sleep(0.05)
    return gateway


async def ready(http: aiohttp.ClientSession, gateway: Gateway) -> bool:
    try:
        async with http.get(f"{gateway.url}/readyz") as response:
            return response.status == 200
    except aiohttp.ClientConnectionError:
        assert gateway.process.returncode is None, "the gateway ended"
        return False


async def stop(gateway: Gateway) -> int:
    if gateway.process.returncode is None:
        gateway.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        return await gateway.process.wait()


def configured(tmp_path: Path, upstream: MarkerUpstream) -> Path:
    timeout = {"first_token": 1.0, "idle": 5.0, "total": 20.0}
    provider = {"type": "openai_chat", "base_url": f"{upstream.url}/v1", "api_key": "k", "timeout": timeout}
    document = {"providers": {"p": provider}, "models": {"m": "p"}, "retries": {"attempts": 1}}
    config = tmp_path / "rosetta.json"
    config.write_text(json.dumps(document))
    return config


@asynccontextmanager
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as http:
        yield http


def request(kind: str, text: str, stream: bool) -> tuple[str, dict[str, Any]]:
    if kind == "chat":
        return "/v1/chat/completions", {"model": "m", "stream": stream, "messages": [{"role": "user", "content": text}]}
    if kind == "responses":
        return "/v1/responses", {"model": "m", "stream": stream, "input": text}
    if kind == "google":
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/v1beta/models/m:{verb}", {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    return "/v1/messages", {"model": "m", "stream": stream, "max_tokens": 99, "messages": [{"role": "user", "content": text}]}


KINDS = ("chat", "responses", "anthropic", "google")


async def test_ten_thousand_mixed_requests_each_get_their_own_answer(tmp_path: Path) -> None:
    """Timeouts, cut answers and clients that leave are among them: a connection that one of them spoiled must not serve the next."""
    chance = random.Random(7)
    ends: Counter[str] = Counter()
    async with marker_upstream() as upstream, session() as http:
        gateway = await start(configured(tmp_path, upstream), http, free_port())
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            how = chance.choices(["plain", "cut", "slow", "leave"], [94, 3, 1, 2])[0]
            stream, kind = chance.random() < 0.5, chance.choice(KINDS)
            marker = f"<{number}-{chance.getrandbits(48):x}>"
            path, body = request(kind, f"{'hold' if how == 'leave' else how} {marker}", stream)
            async with gate:
                try:
                    patience = aiohttp.ClientTimeout(total=0.3 if how == "leave" else 30)
                    async with http.post(gateway.url + path, json=body, timeout=patience) as response:
                        text = await response.text()
                except TimeoutError:
                    assert how == "leave"
                    ends["left"] += 1
                    return
            seen = {part.split(">")[0] for part in text.split("you said <")[1:]} | {part.split(">")[0] for part in text.split("said <")[1:]}
            assert seen <= {marker[1:-1]}, f"{marker} got {seen}"
            if how == "plain":
                assert response.status == 200, text
                assert seen == {marker[1:-1]}, text
            elif response.status == 200 and not (how == "leave" and not stream):
                assert "error" in text or "failed" in text, text
            ends[f"{how} {response.status}"] += 1

        try:
            await asyncio.gather(*(one(number) for number in range(10_000)))
        finally:
            assert await stop(gateway) == 0
    assert ends["plain 200"] > 9_000
    assert ends["left"] > 50
    assert ends["slow 504"] > 50, ends


async def test_memory_stays_flat_and_no_upstream_connection_stays_open(tmp_path: Path) -> None:
    """20,000 requests and 2,000 streams whose client leaves: within 10 % of what the first requests took."""
    async with marker_upstream() as upstream, session() as http:
        gateway = await start(configured(tmp_path, upstream), http, free_port())
        gate = asyncio.Semaphore(AT_ONCE)

        async def whole(number: int) -> None:
            path, body = request(KINDS[number % 4], f"plain <{number}>", number % 2 == 0)
            async with gate, http.post(gateway.url + path, json=body) as response:
                assert f"<{number}>" in await response.text()

        async def aborted(number: int) -> None:
            path, body = request(KINDS[number % 4], f"hold <{number}>", True)
            async with gate, http.post(gateway.url + path, json=body) as response:
                await response.content.readany()
                response.close()

        try:
            await asyncio.gather(*(whole(number) for number in range(3_000)), *(aborted(number) for number in range(200)))
            before = gateway.memory_kib()
            await asyncio.gather(*(whole(number) for number in range(20_000)), *(aborted(number) for number in range(2_000)))
            after = gateway.memory_kib()
            assert after <= before * 1.1, f"{before} KiB before, {after} KiB after"
            async with asyncio.timeout(20):
                while upstream.connections > AT_ONCE:  # what the pool keeps is no more than was ever in use at once
                    await asyncio.sleep(0.1)
        finally:
            assert await stop(gateway) == 0
        async with asyncio.timeout(20):
            while upstream.connections:
                await asyncio.sleep(0.05)


class Balancer:
    """As small as one can be: it forwards connections to those gateways that are ready, and asks each of them ten times a second."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.gateways: list[Gateway] = []
        self.well: list[Gateway] = []
        self.turn = 0
        self.port = 0

    async def watch(self) -> None:
        while True:
            found = []
            for gateway in list(self.gateways):
                if gateway.process.returncode is None and await self._asks(gateway):
                    found.append(gateway)
            self.well = found
            await asyncio.sleep(0.1)

    async def _asks(self, gateway: Gateway) -> bool:
        try:
            async with self.http.get(f"{gateway.url}/readyz") as response:
                return response.status == 200
        except (aiohttp.ClientConnectionError, TimeoutError):
            return False

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.turn += 1
        gateway = self.well[self.turn % len(self.well)]
        there, back = await asyncio.open_connection("127.0.0.1", gateway.port)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    except ConnectionError:
        return  # the other direction tells its side
    finally:
        target.close()


async def test_a_rolling_restart_fails_no_request_and_cuts_no_stream(tmp_path: Path) -> None:
    async with marker_upstream() as upstream, session() as http:
        config = configured(tmp_path, upstream)
        balancer = Balancer(http)
        balancer.gateways = [await start(config, http, free_port()) for _ in range(2)]
        watching = asyncio.create_task(balancer.watch())
        server = await asyncio.start_server(balancer.forward, "127.0.0.1", 0, backlog=512)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with asyncio.timeout(20):
            while len(balancer.well) < 2:
                await asyncio.sleep(0.05)
        over = asyncio.Event()
        done: Counter[str] = Counter()

        async def client(number: int) -> None:
            count = 0
            while not over.is_set():
                count += 1
                marker = f"<{number}-{count}>"
                stream = count % 2 == 0
                path, body = request(KINDS[number % 4], f"plain {marker}", stream)
                # A connection for each request, as a balancer of connections decides at their beginning.
                async with http.post(url + path, json=body, headers={"connection": "close"}) as response:
                    text = await response.text()
                assert (response.status, marker in text, '"error":{' in text) == (200, True, False), text
                done["stream" if stream else "whole"] += 1

        clients = [asyncio.create_task(client(number)) for number in range(8)]
        try:
            for place in range(2):
                old = balancer.gateways[place]
                new = await start(config, http, free_port())
                balancer.gateways.append(new)
                async with asyncio.timeout(20):
                    while new not in balancer.well:
                        await asyncio.sleep(0.05)
                assert await stop(old) == 0
                balancer.gateways[place] = new
            over.set()
            await asyncio.gather(*clients)
        finally:
            over.set()
            watching.cancel()
            server.close()
            for task in clients:
                task.cancel()
            for gateway in set(balancer.gateways):
                await stop(gateway)
        assert done["stream"] > 50
        assert done["whole"] > 50
