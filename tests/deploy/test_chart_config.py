"""The config that the chart renders, at work: `rosetta check` takes it, and the gateway serves from it as the pod would."""

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import yaml

from rosetta.config.load import load
from tests.clients.gateway_process import free_port, gateway_process
from tests.deploy.chart import CI, config_text, manifests, named, place
from tests.deploy.image import ROOT
from tests.tools.toolbox import running

pytestmark = pytest.mark.tools

OWN_KEYS = {"team-a": "a-key-for-this-test"}
OWN_SECRETS = {"ANTHROPIC_API_KEY": "an-upstream-key"}
BODY = {"model": "echo", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]}


def check(config: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rosetta", "check", "--config", str(config)]
    return subprocess.run(command, env={"PYTHONPATH": str(ROOT), **variables}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("values", CI, ids=lambda path: path.stem)
def test_rosetta_takes_it(values: Path, tmp_path: Path) -> None:
    documents = manifests(values)
    config, variables = place(documents, tmp_path, OWN_KEYS)
    done = check(config, OWN_SECRETS | variables)
    assert (0, "") == (done.returncode, done.stderr)
    models = yaml.safe_load(config_text(documents)).get("models", {})
    assert [] == [name for name in models if name not in done.stdout]


def test_everything_survives_the_rendering(tmp_path: Path) -> None:
    """Helm's numbers are floating-point; what the gateway reads is what was written."""
    config, variables = place(
        manifests(None, "--set=config.server.max_body=67108864,config.limits.tpm=123456789,config.telemetry.sample_ratio=0.05"),
        tmp_path,
        {},
    )
    read = load(config, variables)
    assert (67108864, 123456789, 0.05) == (read.server.max_body, read.limits.tpm, read.telemetry.sample_ratio)


def test_nothing_set_is_a_gateway_that_answers(tmp_path: Path) -> None:
    """The random key opens it, and only that; the metrics are on a port of their own."""
    documents = manifests()
    metrics = free_port()
    config, variables = place(documents, tmp_path, {}, **{"metrics_port: 9090": f"metrics_port: {metrics}"})
    key = (tmp_path / "keys" / "default").read_text()
    with gateway_process(config, tmp_path / "log", **variables) as url:
        assert 401 == httpx.post(f"{url}/v1/messages", json=BODY, headers={"x-api-key": "another"}).status_code
        answer = httpx.post(f"{url}/v1/messages", json=BODY, headers={"x-api-key": key})
        assert "Hello" == answer.json()["content"][0]["text"]
        assert 404 == httpx.get(f"{url}/metrics").status_code
        assert "rosetta_requests_total" in httpx.get(f"http://127.0.0.1:{metrics}/metrics").text
    assert key not in (tmp_path / "log").read_text()


def test_replicas_share_one_limit(tmp_path: Path) -> None:
    """Two gateways with the chart's config and a real Redis in Valkey's place let through what one may, together."""
    port, limit = free_port(), 6
    documents = manifests(None, "--set=replicaCount=2,valkey.enabled=true", f"--set=config.limits.rpm={limit}")
    store = f"{named(documents, 'Service', '-valkey')['metadata']['name']}:6379"

    def answers() -> bool:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True

    arguments = ("--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", tmp_path)
    with running("redis-server", *arguments, log=tmp_path / "redis.log", ready=answers), ExitStack() as stack:
        urls, keys = [], []
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            places = {store: f"127.0.0.1:{port}", "valkey://": "redis://", "metrics_port: 9090": f"metrics_port: {free_port()}"}
            config, variables = place(documents, folder, {}, **places)
            keys.append((folder / "keys" / "default").read_text())
            urls.append(stack.enter_context(gateway_process(config, folder / "log", **variables)))

        def ask(number: int) -> int:
            turn = number % 2
            return httpx.post(f"{urls[turn]}/v1/messages", json=BODY, headers={"x-api-key": keys[turn]}, timeout=30).status_code

        with ThreadPoolExecutor(4) as threads:
            answers_given = sorted(threads.map(ask, range(4 * limit)))
    # The window of a minute may end between two requests, once: then it counts anew.
    assert answers_given.count(200) in (limit, 2 * limit)
    assert {200, 429} == set(answers_given)
