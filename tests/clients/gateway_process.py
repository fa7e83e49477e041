"""The gateway as a process of its own, as users run it: started on a free port, ready when /readyz says so, ended by SIGTERM."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

READY_WITHIN_S = 60
STOPPED_WITHIN_S = 30
LAST_WORDS = 2000
ROOT = Path(__file__).parents[2]


class GatewayFailed(RuntimeError):
    """It did not start, or did not end by itself; the message holds its last words."""


@contextlib.contextmanager
def gateway_process(config: Path, log: Path, *arguments: str, **variables: str) -> Iterator[str]:
    """Gives the base URL. ``variables`` are environment variables for the config; provider keys of this machine are not passed on."""
    port = free_port()
    command = [sys.executable, "-m", "rosetta", "serve", "--config", str(config), "--host", "127.0.0.1", "--port", str(port), *arguments]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH") if name in os.environ}
    environment = {"OLLAMA_HOST": "127.0.0.1:9", **kept, **variables}
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        _stop(process, log)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise GatewayFailed(f"the gateway ended with exit code {process.returncode}: {_last_words(log)}")
        with contextlib.suppress(OSError, urllib.error.URLError), urllib.request.urlopen(f"{url}/readyz", timeout=2):
            return
        time.sleep(0.1)
    raise GatewayFailed(f"the gateway was not ready within {READY_WITHIN_S} s: {_last_words(log)}")


def _stop(process: subprocess.Popen[bytes], log: Path) -> None:
    process.terminate()
    try:
        process.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise GatewayFailed(f"the gateway did not end within {STOPPED_WITHIN_S} s of SIGTERM: {_last_words(log)}") from None


def _last_words(log: Path) -> str:
    return log.read_text(errors="replace")[-LAST_WORDS:]
