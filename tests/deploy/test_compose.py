"""The compose stack: every combination of profiles resolves, and its own configs work with the real gateway and the real Prometheus."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from rosetta.gateway.drain import LAST_WORDS_S, NOTICE_S
from tests.clients.gateway_process import free_port, gateway_process
from tests.deploy.image import EXPORT_S, ROOT
from tests.deploy.test_chart_config import BODY, check
from tests.tools.toolbox import run, running

DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
PROFILES = ("ollama", "limits")
EVERY = ",".join(PROFILES)
COMBINATIONS = [",".join(each) for count in range(len(PROFILES) + 1) for each in itertools.combinations(PROFILES, count)]


def resolved(profiles: str = EVERY, env: Path | str = "/dev/null") -> dict[str, Any]:
    """The stack as compose understands it."""
    done = run("docker-compose", "-f", COMPOSE, "--env-file", env, "config", "--format", "json", COMPOSE_PROFILES=profiles)
    assert (0, "") == (done.returncode, done.stderr)
    return json.loads(done.stdout)


@pytest.fixture
def written() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE.read_text())


def test_images_are_pinned(written: dict[str, Any]) -> None:
    images = {service["image"] for name, service in written["services"].items() if name != "rosetta"}
    assert [] == [image for image in images if not re.search(r":v?\d+\.\d+\.\d+(-alpine)?$", image)]


def test_valkey_is_the_chart_s(written: dict[str, Any]) -> None:
    chart = yaml.safe_load((DEPLOY / "helm" / "rosetta" / "values.yaml").read_text())
    assert chart["valkey"]["image"] == written["services"]["valkey"]["image"]


def test_every_mounted_file_is_there(written: dict[str, Any]) -> None:
    """Docker makes an empty directory of one that is missing."""
    sources = [volume.split(":")[0] for service in written["services"].values() for volume in service.get("volumes", [])]
    files = [source for source in sources if source.startswith(".")]
    assert len(files) >= 7
    assert [] == [source for source in files if not (DEPLOY / source).exists()]


def test_example_names_what_the_stack_reads(written: dict[str, Any]) -> None:
    """Every variable of .env.example is one that compose reads, and every key and address of the stack is in it."""
    read = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text())) | {"COMPOSE_PROFILES"}
    told = set(re.findall(r"^#?([A-Z_]+)=", (DEPLOY / ".env.example").read_text(), re.MULTILINE))
    assert set() == told - read
    assert {"OLLAMA_CONTEXT_LENGTH"} == {name for name in read - told if not name.endswith("_PUBLISHED_PORT")}


def test_first_request_of_the_docs_asks_for_what_is_pulled(written: dict[str, Any]) -> None:
    (pulled,) = re.findall(r"OLLAMA_MODEL:-([^}]+)\}", str(written["services"]["ollama-pull"]["command"]))
    models = re.findall(r'"model": "([^"]+)"', (ROOT / "docs" / "deploy.md").read_text())
    assert {"echo", pulled} == set(models)


def test_grafana_is_wired() -> None:
    """Exemplars lead to the trace store by a label that the gateway writes, and the scrape interval is Prometheus's own."""
    sources = {
        each["name"]: each for each in yaml.safe_load((DEPLOY / "compose/grafana/datasources/rosetta.yaml").read_text())["datasources"]
    }
    prometheus = sources["Prometheus"]["jsonData"]
    (destination,) = prometheus["exemplarTraceIdDestinations"]
    assert sources["Jaeger"]["uid"] == destination["datasourceUid"]
    assert "trace_id" == destination["name"]
    scrape = yaml.safe_load((DEPLOY / "compose/prometheus.yml").read_text())
    assert scrape["global"]["scrape_interval"] == prometheus["timeInterval"]


def test_collector_s_pipelines_name_what_is_configured() -> None:
    """Its own program cannot be had from a package registry; this holds what can be held without it."""
    for name in ("otel-collector", "jaeger"):
        config = yaml.safe_load((DEPLOY / "compose" / f"{name}.yaml").read_text())
        for pipeline in config["service"]["pipelines"].values():
            for kind in ("receivers", "processors", "exporters"):
                assert set(pipeline[kind]) == set(config[kind])
        assert set(config["service"].get("extensions", [])) == set(config.get("extensions", {}))


@pytest.mark.tools
class TestResolved:
    @pytest.mark.parametrize("profiles", COMBINATIONS, ids=lambda profiles: profiles or "none")
    def test_profiles(self, profiles: str) -> None:
        expected = {"rosetta", "prometheus", "grafana", "otel-collector", "jaeger"}
        expected |= {"ollama", "ollama-pull"} if "ollama" in profiles else set()
        expected |= {"valkey"} if "limits" in profiles else set()
        assert expected == set(resolved(profiles)["services"])

    def test_example_env_resolves(self) -> None:
        stack = resolved(env=DEPLOY / ".env.example")
        assert "" == stack["services"]["rosetta"]["environment"]["ROSETTA_KEY"]

    def test_ports_are_on_loopback(self) -> None:
        published = [port for service in resolved()["services"].values() for port in service.get("ports", [])]
        assert {"8765", "9090", "3000", "16686"} == {port["published"] for port in published}
        assert {"127.0.0.1"} == {port["host_ip"] for port in published}

    def test_everything_is_hardened(self) -> None:
        services = resolved()["services"]
        for service in services.values():
            assert ["ALL"] == service["cap_drop"]
            assert ["no-new-privileges:true"] == service["security_opt"]
            assert not service.get("privileged")
        assert {"ollama", "ollama-pull"} == {name for name, service in services.items() if not service.get("read_only")}

    def test_grace_covers_the_drain(self) -> None:
        minutes, seconds = re.fullmatch(r"(\d+)m(\d+)s", resolved()["services"]["rosetta"]["stop_grace_period"]).groups()
        drain = yaml.safe_load((DEPLOY / "compose/rosetta.yaml").read_text())["server"]["drain_timeout"]
        assert int(minutes) * 60 + int(seconds) > NOTICE_S + drain + LAST_WORDS_S + EXPORT_S


def variables(tmp_path: Path, env: str) -> dict[str, str]:
    """The gateway's environment in the stack with this .env."""
    (tmp_path / "env").write_text(env)
    return resolved(env=tmp_path / "env")["services"]["rosetta"]["environment"]


@pytest.mark.tools
@pytest.mark.parametrize(
    "env", ["", "ROSETTA_KEY=k\nLIMITS_STORE=valkey://valkey:6379\nOLLAMA_URL=http://ollama:11434\nANTHROPIC_API_KEY=a\n"]
)
def test_rosetta_takes_the_config(tmp_path: Path, env: str) -> None:
    done = check(DEPLOY / "compose" / "rosetta.yaml", variables(tmp_path, env))
    assert 0 == done.returncode, done.stderr
    assert "claude-*" in done.stdout


@pytest.mark.tools
@pytest.mark.parametrize(("env", "status"), [("", 200), ("ROSETTA_KEY=the-key-of-this-test", 401)])
def test_a_key_closes_the_gateway(tmp_path: Path, env: str, status: int) -> None:
    """Without one it is open even on all addresses; with one nobody passes who does not send it."""
    given = {**variables(tmp_path, env), "ROSETTA_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with gateway_process(DEPLOY / "compose" / "rosetta.yaml", tmp_path / "log", "--host", "0.0.0.0", **given) as url:
        assert status == httpx.post(f"{url}/v1/messages", json=BODY).status_code
        if env:
            key = env.partition("=")[2]
            assert 200 == httpx.post(f"{url}/v1/messages", json=BODY, headers={"x-api-key": key}).status_code


@pytest.mark.tools
def test_prometheus_scrapes_and_knows_the_rules(tmp_path: Path) -> None:
    """The stack's own prometheus.yml and rules, by the real program; only addresses are this machine's."""
    port = free_port()
    own = {**variables(tmp_path, ""), "ROSETTA_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with gateway_process(DEPLOY / "compose" / "rosetta.yaml", tmp_path / "log", **own) as url:
        config = (DEPLOY / "compose" / "prometheus.yml").read_text()
        for there, here in (
            ("/etc/prometheus/rosetta-rules.yaml", str(ROOT / "dashboards" / "rosetta-rules.yaml")),
            ("rosetta:8765", url.removeprefix("http://")),
            ("scrape_interval: 15s", "scrape_interval: 1s"),
        ):
            assert there in config
            config = config.replace(there, here)
        (tmp_path / "prometheus.yml").write_text(config)
        assert 0 == run("promtool", "check", "config", tmp_path / "prometheus.yml").returncode
        own_options = [option for option in yaml.safe_load(COMPOSE.read_text())["services"]["prometheus"]["command"] if "feature" in option]
        base = f"http://127.0.0.1:{port}"

        def is_up() -> bool:
            try:
                answer = httpx.get(f"{base}/api/v1/query", params={"query": 'up{job="rosetta"}'}).json()
            except httpx.TransportError:
                return False
            return [each["value"][1] for each in answer["data"]["result"]] == ["1"]

        arguments = (
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            *own_options,
        )
        with running("prometheus", *arguments, log=tmp_path / "prometheus.log", ready=is_up):
            groups = httpx.get(f"{base}/api/v1/rules").json()["data"]["groups"]
            rules = yaml.safe_load((ROOT / "dashboards" / "rosetta-rules.yaml").read_text())["groups"]
            assert [rule["alert"] for group in rules for rule in group["rules"]] == [
                rule["name"] for group in groups for rule in group["rules"]
            ]
