"""``rosetta serve`` as a process: it says where it is, answers there, and ends when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from rosetta.cli import main

READY_WITHIN_S = 5.0


def test_it_tells_its_address_and_answers_there(tmp_path: Path) -> None:
    """Without a config, without a key, without anything else on the machine: the model echo."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment = {**kept, "HOME": str(tmp_path), "OLLAMA_HOST": "127.0.0.1:9", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "rosetta", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline().split()
            assert ["rosetta", "listens", "on"] == [first[0], *first[2:4]]
            assert 200 == _status(f"{first[4]}/readyz")
            assert "models: echo " in process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) in (0, -signal.SIGTERM)
        finally:
            process.kill()


def _status(url: str) -> int:
    """The line is said as the loop begins to turn: the first connection may come a moment too early."""
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "server.host: 0.0.0.0 can be reached from outside and no key is configured"),
        (["--port", "70000"], "server.port: "),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the path of the fault, and code 1."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    monkeypatch.delenv("ROSETTA_CONFIG", raising=False)
    assert 1 == main(["serve", *arguments])
    assert words in capsys.readouterr().err.splitlines()[-1]
