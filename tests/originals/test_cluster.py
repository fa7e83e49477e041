"""A real API server takes the chart: every rendered manifest by server-side dry run under restricted pod security, an install and an upgrade by Helm."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy.chart import CHART
from tests.clients.gateway_process import free_port
from tests.deploy.chart import CI, OPERATOR, RELEASE, gateway, manifests
from tests.tools.toolbox import run, running

pytestmark = [pytest.mark.originals, pytest.mark.timeout(300)]

TOKEN = "an-administrators-token"
NAMESPACE = "llm"


class Cluster:
    """An API server without nodes: what it is given is judged and kept, and nothing runs."""

    def __init__(self, url: str, kubeconfig: Path) -> None:
        self.url = url
        self.kubeconfig = kubeconfig
        self.version = self.get("/version")["gitVersion"]

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.url}{path}", headers={"authorization": f"Bearer {TOKEN}"}, verify=False, timeout=30).json()

    def apply(self, documents: list[dict[str, Any]], *options: str) -> subprocess.CompletedProcess[str]:
        """``kubectl apply --server-side``; a warning of the server is a failure."""
        text = yaml.safe_dump_all(documents)
        arguments = ("apply", "--server-side", "--warnings-as-errors", "-n", NAMESPACE, *options, "-f", "-")
        return run("kubectl", "--kubeconfig", self.kubeconfig, *arguments, input=text, timeout=120)


def openssl(*arguments: str, cwd: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    etcd, peer, secure = free_port(), free_port(), free_port()
    stored, url = f"http://127.0.0.1:{etcd}", f"https://127.0.0.1:{secure}"
    openssl("genrsa", "-out", "accounts.key", "2048", cwd=folder)
    (folder / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "it",
                "clusters": [{"name": "it", "cluster": {"server": url, "insecure-skip-tls-verify": True}}],
                "users": [{"name": "admin", "user": {"token": TOKEN}}],
                "contexts": [{"name": "it", "context": {"cluster": "it", "user": "admin"}}],
            }
        )
    )
    kubeconfig.chmod(0o600)
    addresses = ("--listen-client-urls", stored, "--advertise-client-urls", stored, "--listen-peer-urls", f"http://127.0.0.1:{peer}")
    store = running(
        "etcd",
        *("--data-dir", folder / "etcd", *addresses),
        log=folder / "etcd.log",
        ready=lambda: _is_well(f"{stored}/health", "true"),
    )
    arguments = (
        *("--etcd-servers", stored, "--bind-address", "127.0.0.1", "--secure-port", secure, "--cert-dir", folder / "certificates"),
        *("--token-auth-file", folder / "tokens.csv", "--authorization-mode", "RBAC", "--service-cluster-ip-range", "10.96.0.0/16"),
        *("--service-account-issuer", "https://it", "--service-account-key-file", folder / "accounts.key"),
        *("--service-account-signing-key-file", folder / "accounts.key", "--disable-admission-plugins", "ServiceAccount"),
    )
    with (
        store,
        running(
            "kube-apiserver", *arguments, log=folder / "kube-apiserver.log", ready=lambda: _is_well(f"{url}/readyz", "ok"), within_s=120
        ),
    ):
        made = Cluster(url, kubeconfig)
        restricted = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": restricted}}
        high = {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": "high"},
            "value": 1000,
        }  # of ci/all-values.yaml
        done = made.apply([space, high])
        assert done.returncode == 0, done.stderr
        kinds = [kind for kind in yaml.safe_load_all(run("crds").stdout) if kind]
        done = made.apply(kinds)
        assert done.returncode == 0, done.stderr
        for kind in kinds:
            name = kind["metadata"]["name"]
            done = run(
                "kubectl", "--kubeconfig", kubeconfig, "wait", "--for=condition=Established", f"crd/{name}", "--timeout=60s", timeout=90
            )
            assert done.returncode == 0, done.stderr
        yield made


def _is_well(url: str, word: str) -> bool:
    try:
        answer = httpx.get(url, headers={"authorization": f"Bearer {TOKEN}"}, verify=False, timeout=2)
    except httpx.TransportError:
        return False
    return answer.status_code == 200 and word in answer.text


@pytest.mark.parametrize("values", CI, ids=lambda path: path.stem)
def test_the_server_takes_every_manifest(cluster: Cluster, values: Path) -> None:
    documents = [document for document in manifests(values) if "helm.sh/hook" not in document["metadata"].get("annotations", {})]
    done = cluster.apply(documents, "--dry-run=server")
    assert 0 == done.returncode, done.stderr
    assert len(documents) == done.stdout.count("serverside-applied (server dry run)"), done.stdout


@pytest.mark.parametrize("values", CI, ids=lambda path: path.stem)
def test_its_pods_pass_restricted_pod_security(cluster: Cluster, values: Path) -> None:
    """What a Deployment's controller would create; a pod that breaks the rules is refused, not warned about. Hooks are pods too."""
    documents = manifests(values)
    template = gateway(documents)["spec"]["template"]
    pods = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one", **template["metadata"]}, "spec": template["spec"]}]
    pods += [document for document in documents if document["kind"] == "Pod"]
    for pod in pods:
        pod["metadata"].pop("annotations", None)
        done = cluster.apply([pod], "--dry-run=server")
        assert 0 == done.returncode, done.stderr


def test_a_pod_that_breaks_the_rules_is_refused(cluster: Cluster) -> None:
    """The check above can fail."""
    template = gateway(manifests())["spec"]["template"]
    template["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "one", "labels": template["metadata"]["labels"]},
        "spec": template["spec"],
    }
    done = cluster.apply([pod], "--dry-run=server")
    assert 0 != done.returncode
    assert "violates PodSecurity" in done.stderr


@pytest.mark.parametrize("helm", ["helm", "helm3"])
def test_an_install_and_an_upgrade_keep_the_random_key(cluster: Cluster, helm: str) -> None:
    release = f"with-{helm}"

    def at(verb: str, *options: str) -> subprocess.CompletedProcess[str]:
        return run(helm, "--kubeconfig", cluster.kubeconfig, "-n", NAMESPACE, verb, release, *options, timeout=120)

    def key() -> str:
        secrets = cluster.get(f"/api/v1/namespaces/{NAMESPACE}/secrets?labelSelector=app.kubernetes.io/instance%3D{release}")["items"]
        (data,) = [secret["data"] for secret in secrets if secret["type"] == "Opaque"]
        (value,) = data.values()
        return base64.b64decode(value).decode()

    done = at("install", str(CHART))
    assert 0 == done.returncode, done.stderr
    assert "ANTHROPIC_BASE_URL" in done.stdout
    first = key()
    assert len(first) >= 32
    done = at("upgrade", str(CHART), "--set", "replicaCount=2")
    assert 0 == done.returncode, done.stderr
    assert first == key()
    deployments = cluster.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments?labelSelector=app.kubernetes.io/instance%3D{release}")[
        "items"
    ]
    assert [2] == [deployment["spec"]["replicas"] for deployment in deployments]
    done = at("uninstall")
    assert 0 == done.returncode, done.stderr


@pytest.fixture(scope="module")
def schemas(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JSON schemas as kubeconform reads them, of what the server itself publishes; no object takes a field that it does not know."""
    folder = tmp_path_factory.mktemp("schemas")
    definitions: dict[str, Any] = cluster.get("/openapi/v2")["definitions"]
    for definition in definitions.values():
        if definition.get("properties") and "additionalProperties" not in definition:
            definition["additionalProperties"] = False
        if definition.get("format") == "int-or-string":
            del definition["type"], definition["format"]
            definition["oneOf"] = [{"type": "string"}, {"type": "integer"}]
    text = json.dumps(definitions).replace('"#/definitions/', '"_definitions.json#/definitions/')
    (folder / "_definitions.json").write_text('{"definitions": ' + text + "}")
    for name, definition in definitions.items():
        for kind in definition.get("x-kubernetes-group-version-kind", ()):
            group = kind["group"].split(".")[0]
            file = "-".join(word.lower() for word in (kind["kind"], group, kind["version"]) if word)
            (folder / f"{file}.json").write_text(json.dumps({"$ref": f"_definitions.json#/definitions/{name}"}))
    return folder


@pytest.mark.parametrize("values", CI, ids=lambda path: path.stem)
def test_kubeconform_finds_nothing(schemas: Path, values: Path) -> None:
    rendered = run("helm", "template", RELEASE, CHART, "-f", values, "--kube-version", "1.36", OPERATOR).stdout
    location = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    done = run("kubeconform", "-strict", "-summary", "-schema-location", location, input=rendered)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "Invalid: 0, Errors: 0, Skipped: 0" in done.stdout
