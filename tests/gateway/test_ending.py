"""The gateway as a process: a changed config takes over while it runs, and SIGTERM ends it without cutting anybody short."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients.gateway_process import ROOT, free_port
from tests.live import live_gateway
from tests.raw_upstream import Caller, RawUpstream

WITHIN_S = 30.0
HEAD = b'data: {"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":"%s"},"finish_reason":null}]}\n\n'
END = b'data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


class Process:
    """A running ``rosetta serve``."""

    def __init__(self, config: Path, log: Path) -> None:
        self.config = config
        self.log = log
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "rosetta", "serve", "--config", str(config), "--port", str(self.port)]
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
        with log.open("wb") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, env=kept, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)

    def until(self, what: str, holds: Any) -> None:
        """Waits for a condition that nobody announces."""
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            try:
                if holds():
                    return
            except httpx.TransportError:
                assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError(f"{what} did not happen within {WITHIN_S} s: {self.log.read_text()}")

    def ready(self) -> int:
        return httpx.get(f"{self.url}/readyz", timeout=5).status_code

    def models(self) -> set[str]:
        return {entry["id"] for entry in httpx.get(f"{self.url}/v1/models", timeout=5).json()["data"]}

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        return self.process.wait(WITHIN_S)


@contextmanager
def serving(tmp_path: Path, document: dict[str, Any]) -> Iterator[Process]:
    config = tmp_path / "rosetta.json"
    config.write_text(json.dumps(document))
    process = Process(config, tmp_path / "log")
    try:
        process.until("the start", lambda: process.ready() == 200)
        yield process
    finally:
        if process.process.poll() is None:
            process.process.kill()
        process.process.wait()


class Tale:
    """An upstream that says a word, then waits for the test."""

    def __init__(self) -> None:
        self.go = threading.Event()

    async def __call__(self, caller: Caller) -> None:
        import asyncio

        await caller.stream_head()
        await caller.send(HEAD % b"once")
        await asyncio.to_thread(self.go.wait, WITHIN_S)
        await caller.send(HEAD % b"upon" + END)


class Reader(threading.Thread):
    """A client that reads a stream to its end. ``began`` is set at the first word."""

    def __init__(self, url: str, model: str = "m") -> None:
        super().__init__()
        self.began = threading.Event()
        self.text = ""
        self._url = url
        self._model = model
        self.start()

    def run(self) -> None:
        body = {"model": self._model, "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "tell me"}]}
        with httpx.stream("POST", f"{self._url}/v1/messages", json=body, timeout=WITHIN_S) as response:
            for piece in response.iter_text():
                self.text += piece
                if "once" in self.text:
                    self.began.set()


def document(upstream: RawUpstream, **server: Any) -> dict[str, Any]:
    provider = {"type": "openai_chat", "base_url": f"{upstream.url}/v1", "api_key": "k"}
    return {"providers": {"p": provider}, "models": {"m": "p"}, "server": server}


def test_sigterm_lets_streams_finish_and_ends_with_0(tmp_path: Path) -> None:
    tale = Tale()
    with RawUpstream(tale) as upstream, serving(tmp_path, document(upstream)) as process:
        reader = Reader(process.url)
        assert reader.began.wait(WITHIN_S)
        process.signal(signal.SIGTERM)
        process.until("the notice", lambda: process.ready() == 503)
        late = httpx.post(
            f"{process.url}/v1/chat/completions", json={"model": "echo", "messages": [{"role": "user", "content": "hi"}]}, timeout=9
        )
        assert (200, "close") == (late.status_code, late.headers["connection"])
        tale.go.set()
        reader.join(WITHIN_S)
        assert "upon" in reader.text
        assert "message_stop" in reader.text
        assert 0 == process.ended()


def test_past_the_drain_timeout_a_stream_ends_with_an_error_in_its_format(tmp_path: Path) -> None:
    tale = Tale()
    with RawUpstream(tale) as upstream, serving(tmp_path, document(upstream, drain_timeout=0.2)) as process:
        reader = Reader(process.url)
        assert reader.began.wait(WITHIN_S)
        process.signal(signal.SIGTERM)
        reader.join(WITHIN_S)
        assert "event: error" in reader.text
        assert "shutting down" in reader.text
        assert "message_stop" not in reader.text
        assert 0 == process.ended()
        tale.go.set()


def test_a_second_sigterm_hurries(tmp_path: Path) -> None:
    tale = Tale()
    with RawUpstream(tale) as upstream, serving(tmp_path, document(upstream, drain_timeout=300)) as process:
        reader = Reader(process.url)
        assert reader.began.wait(WITHIN_S)
        process.signal(signal.SIGTERM)
        process.until("the notice", lambda: process.ready() == 503)
        process.signal(signal.SIGTERM)
        reader.join(WITHIN_S)
        assert "shutting down" in reader.text
        assert 0 == process.ended()
        tale.go.set()


def test_sigint_ends_at_once_where_nothing_runs(tmp_path: Path) -> None:
    with serving(tmp_path, {}) as process:
        process.signal(signal.SIGINT)
        assert 0 == process.ended()


def test_a_good_config_takes_over_and_a_bad_one_does_not(tmp_path: Path) -> None:
    tale = Tale()
    with RawUpstream(tale) as upstream:
        first = document(upstream)
        with serving(tmp_path, first) as process:
            reader = Reader(process.url)
            assert reader.began.wait(WITHIN_S)
            process.config.write_text(json.dumps({"models": {"new": "echo"}}))
            process.until("the reload", lambda: "new" in process.models())
            assert "m" not in process.models()
            process.config.write_text('{"models": {"newer": "nobody"}}')
            process.until("the refusal", lambda: "models.newer" in process.log.read_text())
            assert "new" in process.models()
            tale.go.set()
            reader.join(WITHIN_S)
            assert "message_stop" in reader.text, "a stream of the former config ends as it began"


def test_sighup_reads_the_environment_again_and_mounted_files_change_by_symlink(tmp_path: Path) -> None:
    mounted = tmp_path / "mounted"
    for name, models in (("..1", {"one": "echo"}), ("..2", {"two": "echo"})):
        (mounted / name).mkdir(parents=True)
        (mounted / name / "rosetta.json").write_text(json.dumps({"models": models}))
    (mounted / "..data").symlink_to("..1")
    (mounted / "rosetta.json").symlink_to("..data/rosetta.json")
    process = Process(mounted / "rosetta.json", tmp_path / "log")
    try:
        process.until("the start", lambda: process.ready() == 200)
        assert "one" in process.models()
        (mounted / "..new").symlink_to("..2")
        (mounted / "..new").rename(mounted / "..data")
        process.until("the reload", lambda: "two" in process.models())
        process.signal(signal.SIGHUP)
        process.until("it lived on", lambda: process.ready() == 200)
        assert process.process.poll() is None
    finally:
        process.process.kill()
        process.process.wait()


def test_a_new_key_works_and_an_old_one_stops_without_a_restart(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "a").write_text("key-a")
    body = {"model": "echo", "messages": [{"role": "user", "content": "hi"}]}
    with serving(tmp_path, {"keys_file": str(keys)}) as process:

        def status(key: str) -> int:
            headers = {"authorization": f"Bearer {key}"}
            return httpx.post(f"{process.url}/v1/chat/completions", json=body, headers=headers, timeout=5).status_code

        assert (200, 401) == (status("key-a"), status("key-b"))
        (keys / "b").write_text("key-b")
        process.until("the new key", lambda: status("key-b") == 200)
        (keys / "a").unlink()
        process.until("the old key's end", lambda: status("key-a") == 401)
        assert "key-b" not in process.log.read_text()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_without_a_key_only_loopback_is_served(tmp_path: Path, host: str) -> None:
    command = [sys.executable, "-m", "rosetta", "serve", "--host", host, "--port", "0"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "OLLAMA_HOST": "127.0.0.1:9"}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert 1 == ended.returncode
    assert "server.open: true" in ended.stderr


def raw(port: int, *pieces: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except OSError:
            pass  # refused in the middle, as it should be
        out = b""
        while data := connection.recv(65536):
            out += data
        return out


def test_endless_heads_are_refused_in_format(tmp_path: Path) -> None:
    with serving(tmp_path, {}) as process:
        many = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\n" + b"".join(b"x-%d: %s\r\n" % (number, b"y" * 100) for number in range(900))
        answer = raw(process.port, many)
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert b'"type":"error"' in answer
        assert raw(process.port, b"POST /v1/messages HTTP/1.1\r\nx: ", b"y" * 70_000).startswith(b"HTTP/1.1 431 ")
        assert raw(process.port, b"GET /" + b"y" * 70_000).startswith(b"HTTP/1.1 431 ")
        assert raw(process.port, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        assert 200 == process.ready()


def test_a_body_that_never_comes_is_a_408_in_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the protocol itself, with its patience shortened."""
    monkeypatch.setattr("rosetta.gateway.protocol.BODY_IDLE_S", 0.2)
    monkeypatch.setattr("rosetta.gateway.protocol.HEAD_S", 0.2)
    with live_gateway({}) as gateway:
        answer = raw(gateway.port, b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"type":"error"' in answer
        assert b"" == raw(gateway.port, b"POST /v1/messages HTTP/1.1\r\nho")
