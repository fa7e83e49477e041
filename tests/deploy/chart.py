"""The chart as Helm renders it, and the gateway's config in it."""

from __future__ import annotations

import base64
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.chart import CHART
from tests.tools.toolbox import run

RELEASE = "llm"
HELMS = ("helm", "helm3")
CI = sorted((CHART / "ci").glob("*.yaml"))
OPERATOR = "--api-versions=monitoring.coreos.com/v1"
KUBERNETES = "1.37"


@functools.cache
def text(values: Path | None = None, *options: str, helm: str = "helm", release: str = RELEASE, kubernetes: str = KUBERNETES) -> str:
    """What ``helm template`` prints."""
    files = () if values is None else ("-f", str(values))
    done = run(helm, "template", release, CHART, *files, "--kube-version", kubernetes, OPERATOR, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def manifests(values: Path | None = None, *options: str, **more: str) -> list[dict[str, Any]]:
    """The rendered manifests."""
    return [document for document in yaml.safe_load_all(text(values, *options, **more)) if document]


def refusal(helm: str, *options: str) -> str:
    """Why Helm refuses these values; fails where it takes them."""
    done = run(helm, "template", RELEASE, CHART, *options)
    assert done.returncode != 0, f"{helm} took {options}"
    return done.stderr


def kind(documents: Iterable[dict[str, Any]], wanted: str) -> list[dict[str, Any]]:
    return [document for document in documents if document["kind"] == wanted]


def named(documents: Iterable[dict[str, Any]], wanted: str, suffix: str = "") -> dict[str, Any]:
    """The one of this kind, with the release's own name and ``suffix``."""
    (found,) = [document for document in kind(documents, wanted) if document["metadata"]["name"] == f"{RELEASE}-rosetta{suffix}"]
    return found


def gateway(documents: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The gateway's Deployment."""
    return named(documents, "Deployment")


def container(documents: Iterable[dict[str, Any]]) -> dict[str, Any]:
    (only,) = gateway(documents)["spec"]["template"]["spec"]["containers"]
    return only


def config_text(documents: Iterable[dict[str, Any]]) -> str:
    """rosetta.yaml as the gateway reads it."""
    return named(documents, "ConfigMap")["data"]["rosetta.yaml"]


def place(documents: list[dict[str, Any]], folder: Path, keys: Mapping[str, str], **changed: str) -> tuple[Path, dict[str, str]]:
    """Puts config and keys into ``folder`` as the pod has them below /etc/rosetta; gives the config's path and the environment that the pod would have.

    ``keys`` is what a Secret of the user's own would hold; ``changed`` are names of services and their addresses here."""
    config = config_text(documents).replace("/etc/rosetta", str(folder))
    for here, address in changed.items():
        assert here in config
        config = config.replace(here, address)
    secret = next((each for each in kind(documents, "Secret") if each["metadata"]["name"].endswith("-keys")), None)
    (folder / "keys").mkdir()
    for name, value in (keys if secret is None else _plain(secret)).items():
        (folder / "keys" / name).write_text(value)
    (folder / "rosetta.yaml").write_text(config)
    variables = {each["name"]: each["value"] for each in container(documents)["env"]}
    for each in kind(documents, "Secret"):
        if each["metadata"]["name"].endswith("-env"):
            variables |= _plain(each)
    return folder / "rosetta.yaml", variables


def _plain(secret: Mapping[str, Any]) -> dict[str, str]:
    return {**{name: base64.b64decode(value).decode() for name, value in secret.get("data", {}).items()}, **secret.get("stringData", {})}
