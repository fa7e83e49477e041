"""Two gateways and one real Redis: one limit; and what happens when the Redis is killed and comes back."""

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from tests.clients.gateway_process import ROOT, free_port
from tests.tools.toolbox import tool

pytestmark = [pytest.mark.tools, pytest.mark.timeout(240)]

START_S = 60.0
LIMIT = 120
REPLICAS = 2
FEW_S = 20.0
"""Less than so much of a minute left: the next window is waited for."""


class Redis:
    """A Redis of its own, which keeps nothing on disk."""

    def __init__(self, directory: Path) -> None:
        self.binary = str(tool("redis-server"))
        self.directory = directory
        self.port = free_port()
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self.directory)]
        self.process = await asyncio.create_subprocess_exec(
            self.binary, *options, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(START_S):
            while not await self._answers():
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.write(b"PING\r\n")
        answer = await reader.readline()
        writer.close()
        return answer == b"+PONG\r\n"

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


class Fleet:
    """Two gateways on one config."""

    def __init__(self, directory: Path, http: aiohttp.ClientSession) -> None:
        self.directory = directory
        self.http = http
        self.urls: list[str] = []
        self.processes: list[asyncio.subprocess.Process] = []

    async def start(self, config: Path) -> None:
        for _ in range(REPLICAS):
            port = free_port()
            with (self.directory / f"{port}.log").open("wb") as log:
                command = [sys.executable, "-m", "rosetta", "serve", "--config", str(config), "--port", str(port)]
                self.processes.append(await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=log, stderr=log))
            self.urls.append(f"http://127.0.0.1:{port}")
        async with asyncio.timeout(START_S):
            for url in self.urls:
                while await self._status(url) != 200:
                    await asyncio.sleep(0.05)

    async def _status(self, url: str) -> int:
        try:
            async with self.http.get(f"{url}/readyz") as response:
                return response.status
        except aiohttp.ClientConnectionError:
            return 0

    async def ask(self, number: int, key: str = "key-a", words: int = 1) -> int:
        body = {"model": "echo", "messages": [{"role": "user", "content": "word " * words}]}
        url = f"{self.urls[number % REPLICAS]}/v1/chat/completions"
        async with self.http.post(url, json=body, headers={"authorization": f"Bearer {key}"}) as response:
            await response.read()
            return response.status

    async def stop(self) -> None:
        for process in self.processes:
            if process.returncode is None:
                process.terminate()
        for process in self.processes:
            await process.wait()

    def logs(self) -> str:
        return "".join(file.read_text() for file in self.directory.glob("*.log"))


async def a_window_with_room() -> None:
    left = 60.0 - time.time() % 60.0
    if left < FEW_S:
        await asyncio.sleep(left + 0.2)


async def test_two_gateways_share_their_limits_and_survive_the_loss_of_the_store(tmp_path: Path) -> None:
    redis = Redis(tmp_path)
    await redis.start()
    keys = [
        {"name": "a", "key": "key-a", "limits": {"rpm": LIMIT}},
        {"name": "b", "key": "key-b", "limits": {"tpm": 5000}},
        {"name": "c", "key": "key-c", "limits": {"rpm": LIMIT}},
        {"name": "free", "key": "key-free", "limits": {"rpm": 1_000_000}},
    ]
    config = tmp_path / "rosetta.json"
    config.write_text(json.dumps({"keys": keys, "limits": {"store": f"redis://127.0.0.1:{redis.port}/0", "replicas": REPLICAS}}))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=16), timeout=aiohttp.ClientTimeout(total=30)) as http:
        fleet = Fleet(tmp_path, http)
        try:
            await fleet.start(config)
            await a_window_with_room()
            shared = Counter(await asyncio.gather(*(fleet.ask(number) for number in range(LIMIT + 60))))
            assert shared == {200: LIMIT, 429: 60}
            tokens = Counter(await asyncio.gather(*(fleet.ask(number, "key-b", words=400) for number in range(20))))
            # A prompt of 400 words is some 500 tokens by estimate, its echoed answer counts once more when it is settled.
            assert 3 <= tokens[200] <= 10
            assert tokens[200] + tokens[429] == 20

            await redis.kill()
            during = Counter(await asyncio.gather(*(fleet.ask(number, "key-free") for number in range(100))))
            assert during == {200: 100}, "no request fails because the store is away"
            alone = Counter(await asyncio.gather(*(fleet.ask(0, "key-c") for _ in range(LIMIT))))
            assert alone == {200: LIMIT // REPLICAS, 429: LIMIT - LIMIT // REPLICAS}, "a replica allows its share"
            assert "limits.store cannot be reached" in fleet.logs()

            await redis.start()
            async with asyncio.timeout(30):
                while fleet.logs().count("limits.store is back") < REPLICAS:
                    await asyncio.gather(*(fleet.ask(number, "key-free") for number in range(REPLICAS)))
                    await asyncio.sleep(0.1)
            await a_window_with_room()
            again = Counter(await asyncio.gather(*(fleet.ask(number, "key-a") for number in range(LIMIT + 20))))
            assert again == {200: LIMIT, 429: 20}, "the limit is shared again"
        finally:
            await fleet.stop()
            await redis.kill()
