"""The chart, rendered by Helm 3 and 4 with every set of values in ci/."""

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from deploy.chart import CHART
from rosetta.cli import welcome
from rosetta.config.schema import Server
from rosetta.gateway.drain import LAST_WORDS_S, NOTICE_S
from tests.deploy.api_server import api_server
from tests.deploy.chart import CI, HELMS, RELEASE, container, gateway, kind, manifests, named, refusal, text
from tests.deploy.image import EXPORT_S, ROOT, read
from tests.tools.toolbox import run

pytestmark = pytest.mark.tools

KUBERNETES = [f"1.{minor}" for minor in range(29, 38)]
SCHEMAS = {
    name: json.loads((Path(__file__).parent / "schemas" / f"{name.lower()}.json").read_text())
    for name in ("ServiceMonitor", "PrometheusRule", "HTTPRoute")
}
ALL = CHART / "ci" / "all-values.yaml"
every_values = pytest.mark.parametrize("values", CI, ids=lambda path: path.stem)
every_helm = pytest.mark.parametrize("helm", HELMS)


@every_helm
@every_values
def test_lint(helm: str, values: Path) -> None:
    done = run(helm, "lint", "--strict", "-f", values, CHART)
    assert 0 == done.returncode, done.stdout + done.stderr


@every_values
def test_both_helms_render_the_same(values: Path) -> None:
    """All but the random key."""
    made = [re.sub(r"(?m)^( +default): .*$", r"\1", text(values, helm=helm)) for helm in HELMS]
    assert list(yaml.safe_load_all(made[0])) == list(yaml.safe_load_all(made[1]))


@pytest.mark.parametrize("kubernetes", KUBERNETES)
def test_manifests_are_valid(kubernetes: str, tmp_path: Path) -> None:
    """Each kind of Kubernetes itself against the schemas of that version: all sets of values at both ends, the smallest and the largest between."""
    sets = CI if kubernetes in (KUBERNETES[0], KUBERNETES[-1]) else [ALL, CHART / "ci" / "default-values.yaml"]
    documents = [each for values in sets for each in manifests(values, kubernetes=kubernetes) if each["kind"] not in SCHEMAS]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(documents))
    done = run("kubernetes-validate", "-k", kubernetes, "--strict", tmp_path / "all.yaml")
    assert 0 == done.returncode, done.stdout + done.stderr
    assert len(documents) == done.stdout.count("passed for resource") + done.stderr.count("passed for resource")


@every_values
def test_manifests_of_operators_are_valid(values: Path) -> None:
    for document in manifests(values):
        if document["kind"] in SCHEMAS:
            jsonschema.validate(document, SCHEMAS[document["kind"]])


@every_values
def test_names_fit(values: Path) -> None:
    """Also with the longest name that a release may have."""
    for document in manifests(values, release="r" * 53):
        assert len(document["metadata"]["name"]) <= 63
        assert all(len(value) <= 63 for value in document["metadata"]["labels"].values())


@every_values
def test_names_are_unique(values: Path) -> None:
    made = [(document["kind"], document["metadata"]["name"]) for document in manifests(values)]
    assert len(set(made)) == len(made)


def pods(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The spec of every pod: Deployments' and the test's."""
    return [
        document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]
        for document in documents
        if document["kind"] in ("Pod", "Deployment")
    ]


@every_values
def test_pods_are_restricted(values: Path) -> None:
    """What Kubernetes' pod security standard `restricted` asks for, and a read-only root file system."""
    for pod in pods(manifests(values)):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert {"type": "RuntimeDefault"} == pod["securityContext"]["seccompProfile"]
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert not [volume for volume in pod.get("volumes", []) if "hostPath" in volume]
        for each in pod["containers"]:
            assert {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            } == each["securityContext"]
            assert "memory" in each["resources"]["limits"]


def test_user_is_that_of_the_image() -> None:
    context = gateway(manifests())["spec"]["template"]["spec"]["securityContext"]
    assert read().user == f"{context['runAsUser']}:{context['runAsGroup']}"


@every_values
def test_grace_covers_the_drain(values: Path) -> None:
    """preStop, the gateway's notice, the time for streams, its last words and traces, before anybody kills it."""
    documents = manifests(values)
    pod = gateway(documents)["spec"]["template"]["spec"]
    config = yaml.safe_load(named(documents, "ConfigMap")["data"]["rosetta.yaml"])
    needed = (
        container(documents)["lifecycle"]["preStop"]["sleep"]["seconds"]
        + NOTICE_S
        + config["server"]["drain_timeout"]
        + LAST_WORDS_S
        + EXPORT_S
    )
    assert needed < pod["terminationGracePeriodSeconds"] <= needed + 20


def test_drains_as_long_as_the_gateway_itself_would() -> None:
    config = yaml.safe_load(named(manifests(), "ConfigMap")["data"]["rosetta.yaml"])
    assert Server().drain_timeout == config["server"]["drain_timeout"]
    assert Server().port == config["server"]["port"]


@pytest.mark.parametrize(("kubernetes", "action"), [("1.29", "exec"), ("1.30", "sleep")])
def test_waits_before_the_end(kubernetes: str, action: str) -> None:
    """The sleep action came with 1.30; before it the image's python sleeps, as there need not be a shell."""
    pre_stop = container(manifests(kubernetes=kubernetes))["lifecycle"]["preStop"]
    assert [action] == list(pre_stop)
    assert "10" in json.dumps(pre_stop)


@every_values
def test_probes_and_ports(values: Path) -> None:
    documents = manifests(values)
    made = container(documents)
    config = yaml.safe_load(named(documents, "ConfigMap")["data"]["rosetta.yaml"])["server"]
    assert {"http": config["port"], "metrics": config["metrics_port"]} == {port["name"]: port["containerPort"] for port in made["ports"]}
    variables = {each["name"]: each["value"] for each in made["env"]}
    assert (str(config["port"]), config["host"]) == (variables["ROSETTA_PORT"], variables["ROSETTA_HOST"])
    paths = {name: made[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {"/healthz", "/readyz"} == {probe["path"] for probe in paths.values()}
    assert "/readyz" == paths["readinessProbe"]["path"]
    assert {"http"} == {probe["port"] for probe in paths.values()}


@every_values
def test_selectors_find_their_pods(values: Path) -> None:
    """Services, disruption budget, policies and monitor select what they are about, and the gateway's Service never Valkey."""
    documents = manifests(values)
    labels = {each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"] for each in kind(documents, "Deployment")}
    for service in kind(documents, "Service"):
        found = [name for name, each in labels.items() if _selects(service["spec"]["selector"], each)]
        assert [service["metadata"]["name"].removesuffix("-metrics")] == found
    for wanted, place in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector"), ("Deployment", "selector")):
        for each in kind(documents, wanted):
            found = [name for name, has in labels.items() if _selects(each["spec"][place]["matchLabels"], has)]
            assert [each["metadata"]["name"]] == found
    for monitor in kind(documents, "ServiceMonitor"):
        selector = monitor["spec"]["selector"]["matchLabels"]
        found = [each for each in kind(documents, "Service") if _selects(selector, each["metadata"]["labels"])]
        assert [f"{RELEASE}-rosetta-metrics"] == [each["metadata"]["name"] for each in found]
        assert {monitor["spec"]["endpoints"][0]["port"]} == {port["name"] for port in found[0]["spec"]["ports"]}


def _selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return selector.items() <= labels.items()


def checksums(*options: str) -> dict[str, str]:
    annotations = gateway(manifests(None, *options))["spec"]["template"]["metadata"]["annotations"]
    return {name: value for name, value in annotations.items() if name.startswith("checksum/")}


def test_a_change_restarts_the_pods() -> None:
    """A new random key does not: keys are files, which the gateway reads again."""
    before = checksums()
    assert before == checksums("--set=podLabels.a=b")
    assert before["checksum/config"] != checksums("--set=config.loss_policy=contract")["checksum/config"]
    assert before["checksum/secret"] != checksums("--set=secrets.values.A=b")["checksum/secret"]
    assert {"checksum/secret"} == set(checksums("--set=rolloutOnConfigChange=false"))


@every_values
def test_no_secret_in_a_config_map(values: Path) -> None:
    given = yaml.safe_load(values.read_text())
    secrets = [*given.get("keys", {}).get("values", {}).values(), *given.get("secrets", {}).get("values", {}).values()]
    open_text = yaml.safe_dump_all(each for each in manifests(values) if each["kind"] != "Secret")
    assert [] == [secret for secret in secrets if secret in open_text]


def test_own_secrets_are_left_alone() -> None:
    documents = manifests(CHART / "ci" / "existing-secret-values.yaml")
    assert [] == kind(documents, "Secret")
    assert [{"secretRef": {"name": "rosetta-providers"}}] == container(documents)["envFrom"]
    volumes = {volume["name"]: volume for volume in gateway(documents)["spec"]["template"]["spec"]["volumes"]}
    assert "rosetta-callers" == volumes["keys"]["secret"]["secretName"]


def test_autoscaling() -> None:
    """With it nobody else says how many pods there are, and the limits count with the most."""
    documents = manifests(CHART / "ci" / "hpa-values.yaml")
    assert "replicas" not in gateway(documents)["spec"]
    spec = named(documents, "HorizontalPodAutoscaler")["spec"]
    assert [("Resource", 60), ("Pods", "50")] == [
        (
            each["type"],
            each.get("resource", each.get("pods"))["target"].get(
                "averageUtilization", each.get("pods", {}).get("target", {}).get("averageValue")
            ),
        )
        for each in spec["metrics"]
    ]
    assert 8 == yaml.safe_load(named(documents, "ConfigMap")["data"]["rosetta.yaml"])["limits"]["replicas"]
    assert 300 == spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"]


def test_disruption_budget_only_for_two_and_more() -> None:
    """With one pod it would hold up every drain of its node."""
    assert [] == kind(manifests(), "PodDisruptionBudget")
    (budget,) = kind(manifests(None, "--set=replicaCount=2"), "PodDisruptionBudget")
    assert {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}.items() <= budget["spec"].items()


def test_rollout_never_takes_a_pod_away_first() -> None:
    assert {"maxUnavailable": 0, "maxSurge": 1} == gateway(manifests())["spec"]["strategy"]["rollingUpdate"]


def test_network_policy() -> None:
    documents = manifests(CHART / "ci" / "network-policy-values.yaml")
    spec = named(documents, "NetworkPolicy")["spec"]
    assert [53, 53, 443, 11434] == [port["port"] for rule in spec["egress"] for port in rule["ports"]]
    assert ["http", "metrics"] == [port["port"] for rule in spec["ingress"] for port in rule["ports"]]
    (peers,) = [rule.get("from") for rule in spec["ingress"] if rule["ports"][0]["port"] == "metrics"]
    assert [{"namespaceSelector": {}}] == peers


def test_valkey_is_reached_by_the_gateway_alone() -> None:
    documents = manifests(CHART / "ci" / "hpa-values.yaml")
    spec = named(documents, "NetworkPolicy", "-valkey")["spec"]
    (peer,) = spec["ingress"][0]["from"]
    assert gateway(documents)["spec"]["selector"]["matchLabels"] == peer["podSelector"]["matchLabels"]
    assert [] == spec["egress"]


def test_routes_hold_long_streams() -> None:
    documents = manifests(ALL)
    annotations = named(documents, "Ingress")["metadata"]["annotations"]
    assert "off" == annotations["nginx.ingress.kubernetes.io/proxy-buffering"]
    assert int(annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"]) >= 3600
    assert Server().max_body == int(annotations["nginx.ingress.kubernetes.io/proxy-body-size"].removesuffix("m")) * 1024 * 1024
    (rule,) = named(documents, "HTTPRoute")["spec"]["rules"]
    assert {"request": "0s", "backendRequest": "0s"} == rule["timeouts"]


def test_published_service_has_no_metrics() -> None:
    assert ["http"] == [port["name"] for port in named(manifests(ALL), "Service")["spec"]["ports"]]


def test_rules_and_dashboards_are_those_of_the_project() -> None:
    documents = manifests(ALL)
    rules = yaml.safe_load((ROOT / "dashboards" / "rosetta-rules.yaml").read_text())
    assert rules == named(documents, "PrometheusRule")["spec"]
    shown = {
        name: json.loads(content)
        for each in kind(documents, "ConfigMap")
        if each["metadata"]["labels"].get("grafana_dashboard") == "1"
        for name, content in each["data"].items()
    }
    assert {path.name: json.loads(path.read_text()) for path in (ROOT / "dashboards").glob("*.json")} == shown


def test_operators_kinds_wait_for_their_operator() -> None:
    done = run("helm", "template", RELEASE, CHART, "-f", ALL)
    assert not {"ServiceMonitor", "PrometheusRule"} & {each["kind"] for each in yaml.safe_load_all(done.stdout) if each}


@every_helm
@pytest.mark.parametrize(
    "option",
    [
        "replicas=2",
        "image.tga=x",
        "image.digest=sha256:short",
        "service.type=Loadbalancer",
        "config.providers.a.api_kye=x",
        "config.server.drain_timeout=soon",
        "keys.existingsecret=x",
        "secrets.values.not-a-variable=x",
        "ingress.enabled=true",
        "httpRoute.enabled=true",
        "autoscaling.maxReplicas=many",
        "ollama.url=ollama:11434",
    ],
)
def test_schema_refuses(helm: str, option: str) -> None:
    assert "values don't meet the specifications of the schema" in refusal(helm, "--set", option)


@every_helm
@pytest.mark.parametrize(
    ("option", "told"),
    [
        ('config={"providers":{"a":{"type":"anthropic","api_key":"sk-plain"}}}', "secrets.values.NAME"),
        ('config={"providers":{"a":{"type":"anthropic","api_keys":["${A}","sk-plain"]}}}', "secrets.values.NAME"),
        ('config={"providers":{"a":{"type":"anthropic","headers":{"x-api-key":"sk-plain"}}}}', "secrets.values.NAME"),
        ('config={"providers":{"a":{"type":"anthropic","proxy":"http://u:sk-plain@proxy:3128"}}}', "secrets.values.NAME"),
        ('config={"keys":[{"name":"team","key":"sk-plain"}]}', "keys.values.team"),
        ('config={"limits":{"store":"redis://:sk-plain@redis:6379"}}', "secrets.values.REDIS_URL"),
    ],
)
def test_plain_secrets_are_refused(helm: str, option: str, told: str) -> None:
    """With the way to do it, and without the secret."""
    said = refusal(helm, "--set-json", option)
    assert told in said
    assert "sk-plain" not in said


@every_helm
def test_no_key_at_all_is_refused(helm: str) -> None:
    assert "config.server.open: true" in refusal(helm, "--set=keys.enabled=false")


@pytest.mark.parametrize(
    ("options", "url", "model", "key"),
    [
        ((), "http://127.0.0.1:8765", "echo", "YOUR-KEY"),
        (("-f", str(ALL)), "https://llm.example.com", "balanced", "YOUR-KEY"),
        (("-f", str(CHART / "ci" / "ingress-values.yaml")), "http://llm.example.com", "echo", "anything"),
        (("-f", str(CHART / "ci" / "httproute-values.yaml")), "https://llm.example.com", "echo", "YOUR-KEY"),
    ],
)
def test_notes_have_the_lines_for_each_client(options: tuple[str, ...], url: str, model: str, key: str) -> None:
    """The same lines as the gateway's own start prints."""
    done = run("helm", "install", RELEASE, CHART, "--dry-run=client", *options)
    assert 0 == done.returncode, done.stderr
    notes = done.stdout.partition("NOTES:")[2]
    for lines in (
        welcome.claude_code(url, model, key),
        welcome.codex(url, model),
        welcome.gemini_cli(url, model, key),
        welcome.kilo(url, model, key),
    ):
        assert "\n".join(f"  {line}" for line in lines.splitlines()) in notes


@every_helm
def test_random_key_survives_an_upgrade(helm: str, tmp_path: Path) -> None:
    """Helm finds the Secret in the cluster, and leaves the key that callers have."""

    def key(secrets: dict[str, dict[str, str]]) -> str:
        with api_server(RELEASE, secrets) as url:
            home = {"HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}
            done = run(
                helm,
                "template",
                RELEASE,
                CHART,
                "--dry-run=server",
                "--disable-openapi-validation",
                "--kube-apiserver",
                url,
                "--namespace",
                "default",
                **home,
            )
        assert 0 == done.returncode, done.stderr
        return named(yaml.safe_load_all(done.stdout), "Secret", "-keys")["data"]["default"]

    first = key({})
    assert re.fullmatch(r"sk-rosetta-\w{40}", base64.b64decode(first).decode())
    assert first != key({})
    assert first == key({f"{RELEASE}-rosetta-keys": {"default": first}})
