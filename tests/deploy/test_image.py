"""The image: what the Dockerfile promises, and the gateway started exactly as it would start it."""

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

import rosetta
from rosetta.config.schema import Server
from tests.clients.gateway_process import free_port
from tests.deploy.image import DOCKERFILE, ROOT, Image, read
from tests.deploy.installed import USER_ID, Installed, installed
from tests.tools.toolbox import run

WITHIN_S = 60.0
KEY = "a-key-for-this-test"


@pytest.fixture
def image() -> Image:
    return read()


def test_version_is_that_of_the_package(image: Image) -> None:
    assert rosetta.__version__ == image.arguments["VERSION"]


def test_base_is_pinned_to_a_patch_release(image: Image) -> None:
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", image.arguments["PYTHON_IMAGE"])
    assert image.labels["org.opencontainers.image.base.name"] == f"docker.io/library/{image.arguments['PYTHON_IMAGE']}"


def test_user_is_a_number_and_not_root(image: Image) -> None:
    """Kubernetes can check runAsNonRoot only against a number."""
    assert f"{USER_ID}:{USER_ID}" == image.user


def test_ends_on_the_signal_that_drains(image: Image) -> None:
    assert "SIGTERM" == image.stop_signal


def test_port_is_the_default_one(image: Image) -> None:
    """The health check asks the port of the environment; a config that leaves it alone is served there too."""
    assert str(Server().port) == image.variables["ROSETTA_PORT"]


def test_no_shell_is_run(image: Image) -> None:
    assert ["rosetta", "serve"] == image.command
    assert "python" == image.healthcheck[0]


def test_no_secret_is_built_in(image: Image) -> None:
    assert [] == [name for name in (*image.variables, *image.arguments) if re.search(r"KEY|TOKEN|PASSWORD|SECRET", name)]


def test_the_build_sees_only_what_it_needs() -> None:
    """A .env or a rosetta.yaml with keys beside the Dockerfile must not get into a layer."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert "*" == lines[0]
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE))
    assert allowed == {word for words in copied for word in words.split()}


@pytest.fixture(scope="module")
def made() -> Iterator[Installed]:
    with installed(read()) as made:
        yield made


@pytest.mark.tools
def test_hadolint_has_nothing_to_say() -> None:
    done = run("hadolint", DOCKERFILE)
    assert (0, "") == (done.returncode, done.stdout)


@pytest.mark.tools
@pytest.mark.timeout(400)
def test_refuses_to_be_open_to_all(made: Installed, tmp_path: Path) -> None:
    """The image listens on every address: without a key it says so and ends."""
    log = tmp_path / "log"
    assert 1 == made.start(made.image.command, log, ROSETTA_PORT=str(free_port())).wait(WITHIN_S)
    assert "no key is configured: add keys, or set server.open: true" in log.read_text()


@pytest.mark.tools
@pytest.mark.timeout(400)
def test_serves_answers_and_ends(made: Installed, tmp_path: Path) -> None:
    """One life: started, healthy, asked with and without its key, ended by the signal; and nothing was written meanwhile."""
    port, log = free_port(), tmp_path / "log"
    url = f"http://127.0.0.1:{port}"
    before = made.files()
    variables = {"ROSETTA_PORT": str(port), "ROSETTA_KEY": KEY}
    gateway = made.start(made.image.command, log, **variables)
    try:
        _until(lambda: httpx.get(f"{url}/readyz").status_code == 200, gateway, log)
        assert 0 == made.start(made.image.healthcheck, log, **variables).wait(WITHIN_S), log.read_text()
        body = {"model": "echo", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]}
        assert 401 == httpx.post(f"{url}/v1/messages", json=body).status_code
        answer = httpx.post(f"{url}/v1/messages", json=body, headers={"x-api-key": KEY})
        assert (200, "Hello") == (answer.status_code, answer.json()["content"][0]["text"])
        gateway.send_signal(getattr(signal, made.image.stop_signal))
        assert 0 == gateway.wait(WITHIN_S), log.read_text()
    finally:
        gateway.kill()
        gateway.wait()
    assert before == made.files()
    assert 0 != made.start(made.image.healthcheck, log, **variables).wait(WITHIN_S)
    assert KEY not in log.read_text()


def _until(holds: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            if holds():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"not ready within {WITHIN_S} s: {log.read_text()}")
