"""Variables win over the file, options win over variables."""

from __future__ import annotations

from typing import Any

import pytest

from rosetta.config import Config, ConfigError, Secret, build
from rosetta.config.environment import short_names

FILE: dict[str, Any] = {
    "providers": {"local-ollama": {"type": "openai_chat", "base_url": "http://localhost:11434/v1"}},
    "models": {"llama3.2": {"provider": "local-ollama"}, "short": "local-ollama"},
    "server": {"host": "10.0.0.1", "port": 1},
    "keys": [{"name": "team-a", "key": "a"}],
}


def faults(environ: dict[str, str], document: Any = FILE) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        build(document, environ)
    return [str(fault) for fault in caught.value.faults]


def test_who_wins() -> None:
    """File, then variable, then its longer form, then the command line."""
    assert 1 == build(FILE, {}).server.port
    assert 2 == build(FILE, {"ROSETTA_PORT": "2"}).server.port
    assert 3 == build(FILE, {"ROSETTA_PORT": "2", "ROSETTA_SERVER__PORT": "3"}).server.port
    assert 4 == build(FILE, {"ROSETTA_PORT": "2", "ROSETTA_SERVER__PORT": "3"}, {"server.port": 4, "server.host": None}).server.port
    assert "10.0.0.1" == build(FILE, {"ROSETTA_HOST": ""}, {"server.host": None}).server.host


def test_every_plain_value_has_a_short_name() -> None:
    """Server, limits and telemetry can be set without a file; no two of them share a variable."""
    names = short_names()

    assert ("server", "host") == names["ROSETTA_HOST"]
    assert ("limits", "rpm") == names["ROSETTA_RPM"]
    assert ("telemetry", "otlp_endpoint") == names["ROSETTA_OTLP_ENDPOINT"]
    assert ("loss_policy",) == names["ROSETTA_LOSS_POLICY"]
    assert len(set(names.values())) == len(names)
    assert not {"ROSETTA_KEY", "ROSETTA_CONFIG", "ROSETTA_QUEUE"} & set(names)


def test_a_config_without_a_file() -> None:
    """A container needs no file for the usual switches."""
    environ = {
        "ROSETTA_OPEN": "true",
        "ROSETTA_MAX_BODY": "1MiB",
        "ROSETTA_CORS_ORIGINS": "https://a.example, https://b.example",
        "ROSETTA_STORE": "redis://redis:6379",
        "ROSETTA_REPLICAS": "3",
        "ROSETTA_LOSS_POLICY": "contract",
        "ROSETTA_SAMPLE_RATIO": "0",
        "ROSETTA_RETRIES__ATTEMPTS": "5",
        "ROSETTA_SERVER__QUEUE__SIZE": "7",
        "ROSETTA_PROVIDERS__CLAUDE__TYPE": "anthropic",
        "ROSETTA_PROVIDERS__CLAUDE__TIMEOUT__IDLE": "30",
        "ROSETTA_MODELS__FAST": "claude",
    }

    config = build(None, environ)

    server = config.server
    assert (True, 1 << 20, ("https://a.example", "https://b.example"), 7) == (
        server.open,
        server.max_body,
        server.cors_origins,
        server.queue.size,
    )
    assert (Secret("redis://redis:6379"), 3, "contract", 0.0, 5) == (
        config.limits.store,
        config.limits.replicas,
        config.loss_policy,
        config.telemetry.sample_ratio,
        config.retries.attempts,
    )
    assert 30.0 == config.providers["claude"].timeout.idle
    assert "claude" == config.models["fast"].targets[0].provider


def test_one_key() -> None:
    """ROSETTA_KEY adds a caller's key to those of the file; set to nothing, as compose files do, it adds none."""
    assert {"environment": Secret("k")} == {key.name: key.key for key in build(None, {"ROSETTA_KEY": "k"}).keys}
    assert ["team-a", "environment"] == [key.name for key in build(FILE, {"ROSETTA_KEY": "k"}).keys]
    assert ["team-a"] == [key.name for key in build(FILE, {"ROSETTA_KEY": ""}).keys]
    own = {"keys": [{"name": "environment", "key": "old"}]}
    assert (Secret("new"),) == tuple(key.key for key in build(own, {"ROSETTA_KEY": "new"}).keys)
    assert [
        "ROSETTA_KEY: cannot be added, because keys is no list; write keys as a list",
        "keys: expected a list",
    ] == faults({"ROSETTA_KEY": "k"}, {"keys": {"a": 1}})


def test_names_in_a_path() -> None:
    """A variable's name has neither dashes nor dots nor lower case; the config's names are found all the same, lists by number."""
    config = build(
        FILE,
        {
            "ROSETTA_PROVIDERS__LOCAL_OLLAMA__BASE_URL": "http://ollama:11434/v1",
            "ROSETTA_MODELS__LLAMA3_2__MODEL": "llama3.2:1b",
            "ROSETTA_KEYS__0__LIMITS__RPM": "5",
        },
    )

    assert {"local-ollama": "http://ollama:11434/v1"} == {name: row.base_url for name, row in config.providers.items()}
    assert "llama3.2:1b" == config.models["llama3.2"].targets[0].model
    assert 5 == config.keys[0].limits.rpm


def test_a_variable_without_a_place() -> None:
    """A misspelled path is told with the variable's name and the nearest key; so is a value that does not fit, unquoted."""
    assert ["server.prot: unknown key (from ROSETTA_SERVER__PROT); did you mean port?"] == faults({"ROSETTA_SERVER__PROT": "1"})
    assert ["sever: unknown key; did you mean server?"] == faults({"ROSETTA_SEVER__PORT": "1"})
    assert ["server.port: expected a whole number (from ROSETTA_PORT)"] == faults({"ROSETTA_PORT": "sk-secret"})
    assert ["ROSETTA_HOST: is not UTF-8"] == faults({"ROSETTA_HOST": "\udcff"})
    assert [
        "ROSETTA_MODELS__SHORT__MODEL: models.short is written as a single value or a shorter list; write it out in the file"
    ] == faults({"ROSETTA_MODELS__SHORT__MODEL": "x"})
    assert ["ROSETTA_KEYS__7__KEY: keys is written as a single value or a shorter list; write it out in the file"] == faults(
        {"ROSETTA_KEYS__7__KEY": "x"}
    )


def test_kubernetes_has_its_own_rosetta_variables() -> None:
    """A service named rosetta puts ROSETTA_PORT=tcp://… and others into every pod of its namespace; they are not settings."""
    links = {
        "ROSETTA_PORT": "tcp://10.96.0.7:8765",
        "ROSETTA_PORT_8765_TCP": "tcp://10.96.0.7:8765",
        "ROSETTA_PORT_8765_TCP_ADDR": "10.96.0.7",
        "ROSETTA_SERVICE_HOST": "10.96.0.7",
        "ROSETTA_SERVICE_PORT": "8765",
    }

    assert Config() == build(None, links)
