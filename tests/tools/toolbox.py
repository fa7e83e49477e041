"""The real operations tools that ``tests/tools/install.sh DIR`` installs, found through ``TOOLS_ROOT=DIR``.

A test that uses one carries ``pytest.mark.tools``. Where the tool is missing it is skipped and says why; with CI_REQUIRE_TOOLS=1 it fails.

    run("promtool", "check", "rules", path)                    # a CompletedProcess; its output as text
    with running("redis-server", "--port", port, log=log, ready=lambda: answers(port)): ...
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

RUN_TIMEOUT_S = 60.0
READY_WITHIN_S = 60.0
STOPPED_WITHIN_S = 15.0
LAST_WORDS = 2000
ORIGINALS = frozenset({"crds", "etcd", "kube-apiserver", "kubeconform", "kubectl", "ollama", "otelcol"})


class ToolFailed(RuntimeError):
    """A tool that serves did not start, or did not end by itself; the message holds its last words."""


def tool(name: str) -> Path:
    """Where the tool ``name`` is (helm, helm3, prometheus, promtool, docker-compose, redis-server, hadolint, kubernetes-validate,
    pyright, rotel-agent, phoenix, llama-server), or one of those that tests/originals/build.sh makes below ORIGINALS_ROOT. Ends the test when it is
    not there."""
    if (made := os.environ.get("ORIGINALS_ROOT")) and (path := Path(made) / "bin" / name).exists():
        return path
    if name in ORIGINALS:
        pytest.skip(f"{name} is an original: run tests/originals/build.sh DIR and set ORIGINALS_ROOT=DIR")
    root = os.environ.get("TOOLS_ROOT")
    if root and (path := Path(root) / "bin" / name).exists():
        return path
    where = f"is not in {root}/bin" if root else "cannot be found as TOOLS_ROOT is not set"
    missing = f"{name} {where}: run tests/tools/install.sh DIR and set TOOLS_ROOT=DIR"
    if os.environ.get("CI_REQUIRE_TOOLS") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


def run(
    name: str,
    *arguments: object,
    input: str | None = None,
    cwd: Path | None = None,
    timeout: float = RUN_TIMEOUT_S,
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Runs a tool to its end, whatever its exit code; ``variables`` are added to the environment. ``timeout`` is in seconds."""
    command = [str(tool(name)), *(str(argument) for argument in arguments)]
    environment = {**os.environ, **variables}
    return subprocess.run(command, input=input, capture_output=True, text=True, cwd=cwd, env=environment, timeout=timeout, check=False)


@contextlib.contextmanager
def running(
    name: str,
    *arguments: object,
    log: Path,
    ready: Callable[[], bool],
    variables: Mapping[str, str] | None = None,
    within_s: float = READY_WITHIN_S,
) -> Iterator[subprocess.Popen[bytes]]:
    """A tool that serves: its output goes to ``log``, it is there when ``ready`` says so (an OSError is a no), at the latest after
    ``within_s`` seconds, and SIGTERM ends it."""
    command = [str(tool(name)), *(str(argument) for argument in arguments)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **(variables or {})}, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_ready(name, process, log, ready, within_s)
        yield process
    finally:
        _stop(name, process, log)


def _wait_until_ready(name: str, process: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ToolFailed(f"{name} ended with exit code {process.returncode}: {_last_words(log)}")
        with contextlib.suppress(OSError):
            if ready():
                return
        time.sleep(0.1)
    raise ToolFailed(f"{name} was not ready within {within_s} s: {_last_words(log)}")


def _stop(name: str, process: subprocess.Popen[bytes], log: Path) -> None:
    process.terminate()
    try:
        process.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise ToolFailed(f"{name} did not end within {STOPPED_WITHIN_S} s of SIGTERM: {_last_words(log)}") from None


def _last_words(log: Path) -> str:
    return log.read_text(errors="replace")[-LAST_WORDS:]
