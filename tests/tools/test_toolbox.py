"""Every tool that the marked tests rely on is there and runs: what install.sh promises."""

import socket
from pathlib import Path

import pytest

from tests.clients.gateway_process import free_port
from tests.tools.toolbox import run, running

pytestmark = pytest.mark.tools

VERSIONS = {
    "helm": (["version", "--short"], "v4."),
    "helm3": (["version", "--short"], "v3."),
    "promtool": (["--version"], "promtool, version"),
    "prometheus": (["--version"], "prometheus, version"),
    "docker-compose": (["version", "--short"], "2."),
    "hadolint": (["--version"], "Haskell Dockerfile Linter"),
    "pyright": (["--version"], "basedpyright"),
    "kubernetes-validate": (["--version"], "1."),
    "rotel-agent": (["--version"], "rotel"),
    "llama-server": (["--version"], "version"),
    "phoenix": (["--help"], "usage: phoenix"),
}


@pytest.mark.parametrize("name", sorted(VERSIONS))
def test_runs(name: str) -> None:
    arguments, said = VERSIONS[name]
    done = run(name, *arguments)
    assert 0 == done.returncode, done.stderr
    assert said in done.stdout + done.stderr


def test_redis_answers(tmp_path: Path) -> None:
    """Redis as the limits use it: on a port of its own, without a file."""
    port = free_port()

    def says_pong() -> bool:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16) == b"+PONG\r\n"

    arguments = ("--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", tmp_path)
    with running("redis-server", *arguments, log=tmp_path / "redis.log", ready=says_pong):
        assert says_pong()
