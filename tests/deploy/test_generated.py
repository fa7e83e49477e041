"""One source of truth: what chart and docs repeat is made from what the gateway itself reads."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from deploy.__main__ import ROOT, generated, stale
from deploy.chart import CHART, VALUES
from deploy.config_keys import rows, structs
from rosetta import __version__
from rosetta.config import ConfigError
from rosetta.config.decode import rows_of
from rosetta.config.load import build

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
FULL = {
    "providers": {
        "a": {"type": "google", "api_keys": ["${A}", "${B}"], "timeout": {"connect": 5, "total": "${TOTAL:-9}"}, "weight": 2},
        "b": {"vendor": "openai", "formats": ["openai_chat", "openai_responses"], "auth": "client", "dialect": {"custom_tools": True}},
    },
    "models": {
        "one": "a",
        "two": ["a", {"provider": "b", "model": "m", "context_window": 8192}],
        "three": {"provider": "a", "model": "m", "sticky": True, "limits": {"rpm": 5}},
        "four": {"targets": [{"provider": "a", "weight": 1}, "b/m"], "loss_policy": "lossless"},
    },
    "server": {"max_body": "8MiB", "queue": 5, "cors_origins": "https://a.example,https://b.example", "open": False},
    "keys": [{"name": "k", "key": "${A}", "expires": "2030-01-31", "models": ["one"]}],
    "limits": {"store": "redis://localhost", "tpm": 5},
    "retries": {"attempts": "${TRIES:-3}", "backoff_base": 0.1},
    "telemetry": {"sample_ratio": 1},
}
FAULTY: dict[str, dict[str, Any]] = {
    "a provider's key": {"providers": {"a": {"type": "anthropic", "apikey": "x"}}},
    "a word": {"providers": {"a": {"type": "anthropik"}}},
    "a key of the top": {"modles": {}},
    "a target": {"providers": {"a": {"type": "anthropic"}}, "models": {"m": {"provider": "a", "wieght": 1}}},
    "a target without provider": {"providers": {"a": {"type": "anthropic"}}, "models": {"m": [{"model": "x"}]}},
    "a bound": {"retries": {"attempts": 0}},
    "a ratio": {"telemetry": {"sample_ratio": 2}},
    "a kind": {"server": {"port": True}},
    "a key's field": {"keys": [{"name": "a", "key": "b", "model": ["x"]}]},
}


@pytest.mark.parametrize("path", sorted(generated(), key=str), ids=lambda path: path.name)
def test_is_as_its_source_says(path: Path) -> None:
    """After a change of the source: make generate."""
    assert generated()[path] == path.read_text()


def test_dashboards_and_rules_are_in_the_chart() -> None:
    names = {path.name for path in (CHART / "files").iterdir()}
    assert {path.name for path in (ROOT / "dashboards").glob("*.json")} | {"rosetta-rules.yaml"} == names
    assert [] == stale()


def test_every_key_of_the_config_is_told() -> None:
    told = {(row.struct, row.name) for row in rows()}
    assert {(name, field) for name, struct in structs().items() for field in rows_of(struct)} == told


def test_versions_agree() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (__version__, __version__) == (chart["version"], chart["appVersion"])


def test_schema_takes_what_the_gateway_takes() -> None:
    environ = {"A": "one-key-for-tests", "B": "another-key"}
    build(FULL, environ)
    jsonschema.validate({"config": FULL}, SCHEMA)


@pytest.mark.parametrize("name", FAULTY)
def test_schema_refuses_what_the_gateway_refuses(name: str) -> None:
    with pytest.raises(ConfigError):
        build(FAULTY[name], {})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"config": FAULTY[name]}, SCHEMA)


def test_own_values_are_valid() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    for path in (VALUES, *(CHART / "ci").glob("*.yaml")):
        jsonschema.validate(yaml.safe_load(path.read_text()), SCHEMA)


def test_values_of_the_docs_are_valid() -> None:
    """Each block of YAML in docs/deploy.md that is values, and those names of values that its text gives."""
    page = (ROOT / "docs" / "deploy.md").read_text()
    blocks = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)]
    assert 1 == len(blocks)
    for block in blocks:
        jsonschema.validate(block, SCHEMA)
    values = yaml.safe_load(VALUES.read_text())
    sections = "|".join(name for name, value in values.items() if isinstance(value, dict) and value)
    for section, name in set(re.findall(rf"`({sections})\.(\w+)", page)):
        assert name in values[section]
