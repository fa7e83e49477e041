"""A config file becomes a Config, or every reason why it does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rosetta.config import (
    Config,
    ConfigError,
    Fault,
    Limits,
    Model,
    Provider,
    Queue,
    Quota,
    Retries,
    Secret,
    Server,
    TargetRow,
    Telemetry,
    Timeout,
    build,
    find,
    load,
    parse,
)

PROMISED = """
providers:
  local-ollama: { type: openai_chat, api_key: ollama, base_url: "http://localhost:11434/v1" }
  claude:       { type: anthropic, api_key: "${ANTHROPIC_API_KEY}" }
  openai:       { type: openai_responses, formats: [openai_responses, openai_chat], api_key: "${OPENAI_API_KEY}" }
  gemini:       { type: google, api_key: "${GEMINI_API_KEY:-}", timeout: { connect: 5, first_token: 60, idle: 120, total: 900 } }
models:
  llama3.2: local-ollama
  "qwen3:8b": local-ollama
  claude-sonnet-4-20250514:
    - claude
    - { provider: local-ollama, model: "qwen3:8b" }
  "gpt-*": { provider: openai }
server: { host: 127.0.0.1, port: 8765 }
keys:
  - { name: team-a, key: "${TEAM_A_KEY}", models: ["llama3.2"], limits: { rpm: 60, tpm: 100000, concurrency: 8 } }
limits: { store: memory }
retries: { attempts: 3 }
loss_policy: report
telemetry: { otlp_endpoint: "", sample_ratio: 0.1 }
"""
ENVIRON = {"ANTHROPIC_API_KEY": "sk-ant", "OPENAI_API_KEY": "sk-proj", "TEAM_A_KEY": "team-a-key"}


def faults(document: Any, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        build(document, environ)
    return [str(fault) for fault in caught.value.faults]


def providers(**rows: Any) -> Any:
    return {"providers": {name.replace("_", "-"): row for name, row in rows.items()}}


def test_the_documented_example() -> None:
    """The example of the documentation loads, and its shorthands become plain targets."""
    config = parse(PROMISED, "yaml", ENVIRON)

    assert Provider(type="openai_chat", api_key=Secret("ollama"), base_url="http://localhost:11434/v1") == config.providers["local-ollama"]
    assert Secret("sk-ant") == config.providers["claude"].api_key
    assert ("openai_responses", "openai_chat") == config.providers["openai"].formats
    assert Provider(type="google_genai", timeout=Timeout(connect=5, first_token=60, idle=120, total=900)) == config.providers["gemini"]
    assert {
        "llama3.2": Model(targets=(TargetRow(provider="local-ollama"),)),
        "qwen3:8b": Model(targets=(TargetRow(provider="local-ollama"),)),
        "claude-sonnet-4-20250514": Model(targets=(TargetRow(provider="claude"), TargetRow(provider="local-ollama", model="qwen3:8b"))),
        "gpt-*": Model(targets=(TargetRow(provider="openai"),)),
    } == config.models
    (key,) = config.keys
    assert ("team-a", Secret("team-a-key"), ("llama3.2",), Quota(rpm=60, tpm=100000, concurrency=8)) == (
        key.name,
        key.key,
        key.models,
        key.limits,
    )


def test_every_promised_key_is_taken() -> None:
    """Each key that the documentation names can be set, at once, and arrives."""
    document = {
        "providers": {
            "one": {
                "type": "openai_chat",
                "vendor": "openai",
                "api_key": "k0",
                "api_keys": ["k1", "k2"],
                "base_url": "https://example.com/v1",
                "headers": {"x-team": "red"},
                "proxy": "http://user:word@proxy:3128",
                "ca_file": "/etc/ssl/ca.pem",
                "max_connections": 10,
                "trusted": True,
                "formats": ["anthropic"],
                "seal_group": "shared",
                "auth": "client",
                "weight": 2,
                "timeout": {"connect": 1, "first_token": 2, "idle": 3, "total": 4},
                "dialect": {"top_k": True, "efforts": ["low"]},
            }
        },
        "models": {
            "m": {
                "targets": [{"provider": "one", "model": "x", "weight": 0.5, "context_window": 8192, "timeout": {"idle": 9}}],
                "sticky": True,
                "loss_policy": "lossless",
                "timeout": {"total": 5},
                "limits": {"rpm": 1},
            }
        },
        "keys": [
            {
                "name": "a",
                "sha256": "ab" * 32,
                "expires": "2027-01-31T12:00:00Z",
                "models": ["gpt-*"],
                "limits": {"tpm": 5},
                "metrics": True,
            }
        ],
        "keys_file": "/run/secrets/keys",
        "server": {
            "host": "::",
            "port": 80,
            "metrics_port": 9090,
            "open": True,
            "drain_timeout": 0,
            "max_body": "1MiB",
            "cors_origins": ["https://a.example"],
            "queue": {"size": 5, "timeout": 2},
        },
        "limits": {"store": "redis://:word@redis:6379/0", "replicas": 2, "rpm": 1, "tpm": 2, "concurrency": 3},
        "retries": {"attempts": 1, "backoff_base": 0.1, "backoff_max": 1},
        "loss_policy": "contract",
        "telemetry": {
            "otlp_endpoint": "http://collector:4318",
            "otlp_protocol": "grpc",
            "sample_ratio": 1,
            "log_format": "json",
            "log_level": "debug",
        },
    }

    config = build(document, {})

    one = config.providers["one"]
    assert (Secret("k0"), Secret("k1"), Secret("k2")) == one.credentials
    assert ({"x-team": Secret("red")}, "client", 2.0, Timeout(connect=1, first_token=2, idle=3, total=4)) == (
        one.headers,
        one.auth,
        one.weight,
        one.timeout,
    )
    assert {"top_k": True, "efforts": ["low"]} == one.dialect
    target = TargetRow(provider="one", model="x", weight=0.5, context_window=8192, timeout=Timeout(idle=9))
    assert (
        Model(targets=(target,), sticky=True, loss_policy="lossless", timeout=Timeout(total=5), limits=Quota(rpm=1)) == config.models["m"]
    )
    assert datetime(2027, 1, 31, 12, tzinfo=UTC) == config.keys[0].expires
    assert (
        Server(
            host="::",
            port=80,
            metrics_port=9090,
            open=True,
            drain_timeout=0,
            max_body=1024 * 1024,
            cors_origins=("https://a.example",),
            queue=Queue(size=5, timeout=2),
        )
        == config.server
    )
    assert Limits(store=Secret("redis://:word@redis:6379/0"), replicas=2, rpm=1, tpm=2, concurrency=3) == config.limits
    assert Retries(attempts=1, backoff_base=0.1, backoff_max=1) == config.retries
    assert ("contract", "/run/secrets/keys") == (config.loss_policy, config.keys_file)
    assert (
        Telemetry(otlp_endpoint="http://collector:4318", otlp_protocol="grpc", sample_ratio=1, log_format="json", log_level="debug")
        == config.telemetry
    )


def test_nothing_said_is_the_default() -> None:
    """An empty file, empty sections and nulls all mean the defaults."""
    assert Config() == parse("", "yaml", {})
    assert Config() == parse("# nothing yet\n", "yaml", {})
    assert Config() == parse("providers:\nmodels:\nserver:\nkeys:\nlimits: { store: null }\n", "yaml", {})


def test_all_faults_at_once() -> None:
    """Whoever mends a config learns of every fault in one go, each with its path."""
    document = {
        "provders": {},
        "providers": {"claude": {"type": "antropic", "base_ur": "https://api.example", "max_connections": 0}},
        "models": {"llama3.2": {"targets": ["claude", {"provider": "cluade"}]}},
        "server": {"port": "${PORT}", "open": "perhaps"},
        "loss_policy": "losless",
    }

    assert [
        "server.port: the environment variable PORT is not set; set it, or give a default: ${PORT:-…}",
        "provders: unknown key; did you mean providers?",
        "providers.claude.type: expected one of anthropic, google_genai, openai_chat, openai_responses; did you mean anthropic?",
        "providers.claude.base_ur: unknown key; did you mean base_url?",
        "providers.claude.max_connections: must be at least 1",
        "server.open: expected true or false",
        "loss_policy: expected one of contract, lossless, report; did you mean lossless?",
        'models."llama3.2".targets.1: no provider of this name; did you mean claude?',
    ] == faults(document)


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        ("claud", "models.m: no provider of this name; did you mean claude?"),
        ("claud/opus", "models.m: no provider of this name; did you mean claude?"),
        (["claude", "ollama"], "models.m.1: no provider of this name; configured are claude, echo"),
        ({"provider": "claude", "modle": "x"}, "models.m.modle: unknown key; did you mean model?"),
        ({"provider": "claude", "stickey": True}, "models.m.stickey: unknown key; did you mean sticky?"),
        ([{"provider": "claude", "weight": 0}], "models.m.0.weight: must be more than 0"),
        ({"model": "x"}, "models.m.provider: missing; it has no default"),
        ({"targets": []}, "models.m: has no target; name a provider"),
        ([], "models.m: has no target; name a provider"),
        (None, "models.m: expected a provider's name, a mapping with the key provider, or a list of them"),
        (5, "models.m: expected a provider's name, a mapping with the key provider, or a list of them"),
        ([["claude"]], "models.m.0: expected a provider's name, a mapping with the key provider, or a list of them"),
    ],
)
def test_a_model_that_leads_nowhere(model: Any, fault: str) -> None:
    """A model row with a fault is told where, in the shape in which the user wrote it."""
    assert [fault] == faults({"providers": {"claude": {"type": "anthropic"}}, "models": {"m": model}})


def test_a_single_target_takes_the_models_own_keys() -> None:
    """A model with one target needs no list, and may still be sticky."""
    document = {
        "providers": {"p": {"type": "openai_chat"}},
        "models": {
            "m": {"provider": "p", "model": "x", "sticky": "yes", "timeout": {"total": 9}},
            "n": "p/meta/llama",
        },
    }

    assert {
        "m": Model(targets=(TargetRow(provider="p", model="x"),), sticky=True, timeout=Timeout(total=9)),
        "n": Model(targets=(TargetRow(provider="p", model="meta/llama"),)),
    } == build(document, {}).models


@pytest.mark.parametrize("name", ["gpt-**", "", " gpt", "gpt\n"])
def test_a_bad_glob(name: str) -> None:
    """A model name that can match nothing, or is a slip of the pen, is refused."""
    (fault,) = faults({"models": {name: "echo"}})

    assert fault.startswith(f"models.{json.dumps(name)}: ")


def test_a_provider_is_named_like_its_vendor() -> None:
    """Without a type the catalog decides, by ``vendor`` or by the provider's own name; an unknown one is refused."""
    document = {"providers": {"groq": None, "mine": {"vendor": "groq"}, "other": {"type": "openai_chat"}}}

    config = build(document, {}, vendors=["groq", "openai"])

    assert {"groq": "groq", "mine": "groq", "other": None} == {name: row.vendor for name, row in config.providers.items()}
    with pytest.raises(ConfigError) as caught:
        build({"providers": {"grok": {}, "mine": {"vendor": "opnai"}, "zzz": {}}}, {}, vendors=["groq", "openai"])
    messages = [str(fault) for fault in caught.value.faults]
    assert messages[0].startswith("providers.grok.type: missing, and no vendor has this provider's name; ")
    assert messages[0].endswith("did you mean groq?")
    assert "providers.mine.vendor: unknown vendor; did you mean openai?" == messages[1]
    assert messages[2].endswith("or name the vendor with vendor:")


def test_a_vendor_that_is_not_configured_yet() -> None:
    """A model row that names a vendor of the catalog is told the line that is missing."""
    with pytest.raises(ConfigError) as caught:
        build({"models": {"m": "groq"}}, {}, vendors=["groq"])

    assert "models.m: no provider of this name; to use the vendor's defaults, add it under providers: groq: { api_key: … }" == str(
        caught.value
    )


@pytest.mark.parametrize(
    ("provider", "fault"),
    [
        (
            {"base_url": "localhost:11434"},
            "providers.p.base_url: expected an address that begins with http:// or https:// and names a host",
        ),
        ({"base_url": "http://[::1"}, "providers.p.base_url: expected an address that begins with http:// or https:// and names a host"),
        (
            {"base_url": "https://me:word@example.com"},
            "providers.p.base_url: holds a user or password, which would show in logs; put them into api_key or headers",
        ),
        ({"proxy": "socks5://proxy:1080"}, "providers.p.proxy: expected an address that begins with http:// or https:// and names a host"),
        ({"headers": {"x team": "a"}}, 'providers.p.headers."x team": this is no header\'s name; write letters, digits and dashes'),
        ({"headers": {"x-team": "a\r\nx-admin: b"}}, "providers.p.headers.x-team: holds a line break or a control character"),
        ({"api_key": 12345}, "providers.p.api_key: expected text; put it in quotes"),
        ({"api_keys": [1]}, "providers.p.api_keys.0: expected text; put it in quotes"),
        ({"timeout": 30}, "providers.p.timeout: expected a mapping with the keys connect, first_token, idle, total"),
        ({"timeout": {"idle": 0}}, "providers.p.timeout.idle: must be more than 0"),
        ({"weight": float("inf")}, "providers.p.weight: expected a finite number"),
        ({"formats": ["openai"]}, None),
    ],
)
def test_a_provider_with_a_fault(provider: dict[str, Any], fault: str | None) -> None:
    """What would fail at the first request, or leak, is told at the start."""
    told = faults({"providers": {"p": {"type": "openai_chat", **provider}}})

    assert 1 == len(told)
    assert fault is None or [fault] == told


@pytest.mark.parametrize("name", ["a/b", "a b", "a*", "", "echo"])
def test_a_provider_that_cannot_be_addressed(name: str) -> None:
    """A provider's name must work in ``provider/model``, and ``echo`` is taken."""
    assert 1 == len(faults({"providers": {name: {"type": "openai_chat"}}}))


def test_the_keys_of_callers() -> None:
    """A key has a name and one form; plain and hashed forms of one key are the same key."""
    digest = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"  # printf key | sha256sum
    plain, hashed, prefixed = (
        build({"keys": [{"name": "a", **row}]}, {}).keys[0]
        for row in ({"key": "key"}, {"sha256": digest.upper()}, {"key": f"sha256:{digest}"})
    )
    assert bytes.fromhex(digest) == plain.digest == hashed.digest == prefixed.digest

    assert [
        "keys.0: has neither key nor sha256; give one of them",
        "keys.1.name: keys.0 has the same name; rename one",
        "keys.1: has both key and sha256; give one of them",
        "keys.2.sha256: expected 64 hexadecimal digits, as `printf %s KEY | sha256sum` prints them",
        "keys.4: keys.3 is the same key; each key has one owner",
    ] == faults(
        {
            "keys": [
                {"name": "a", "key": "${EMPTY:-}"},
                {"name": "a", "key": "x", "sha256": digest},
                {"name": "b", "key": "sha256:beef"},
                {"name": "c", "key": "key"},
                {"name": "d", "sha256": f"sha256:{digest}"},
            ]
        }
    )


def test_a_broken_part_is_not_also_called_missing() -> None:
    """One mistake is one fault: an unset variable in a key does not make the key missing."""
    document = {
        "keys": [{"name": "a", "key": "${NOPE}"}],
        "providers": {"zzz": {"type": "${NOPE}"}},
        "models": {"m": {"provider": "${NOPE}"}},
    }

    with pytest.raises(ConfigError) as caught:
        build(document, {}, vendors=[])

    assert ["keys.0.key", "providers.zzz.type", "models.m.provider"] == [fault.path for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T10:00:00", datetime(2027, 1, 31, 10, tzinfo=UTC)),
        ("2027-01-31T12:00:00+02:00", datetime(2027, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_a_key_expires_at_the_same_moment_in_every_syntax(text: str, moment: datetime) -> None:
    """Dates of TOML, text of YAML and JSON: a day is its beginning, a time without zone is UTC."""
    for document, syntax in (
        (f"keys: [{{ name: a, key: k, expires: {text} }}]", "yaml"),
        (f'[[keys]]\nname = "a"\nkey = "k"\nexpires = {text}', "toml"),
        (f'{{"keys": [{{"name": "a", "key": "k", "expires": "{text}"}}]}}', "json"),
    ):
        assert moment == parse(document, syntax, {}).keys[0].expires  # type: ignore[arg-type]  # the table mixes texts and syntaxes


@pytest.mark.parametrize(
    ("text", "size"),
    [("64MiB", 64 << 20), ("64Mi", 64 << 20), ("1.5 GB", 1_500_000_000), ("512k", 512_000), ("100", 100), (100, 100), (100.0, 100)],
)
def test_sizes(text: Any, size: int) -> None:
    """A size is a number of bytes, or text with the unit that people write."""
    assert size == build({"server": {"max_body": text}}, {}).server.max_body


@pytest.mark.parametrize("text", ["lots", "", "64XB", "-1", "9" * 400 + "G", True, [1]])
def test_a_size_that_is_none(text: Any) -> None:
    """What is no size is refused, however large."""
    assert 1 == len(faults({"server": {"max_body": text}}))


@pytest.mark.parametrize("store", ["mysql://db", "redis", "redis://", ""])
def test_a_store_that_is_none(store: str) -> None:
    """Limits are kept in memory, Redis or Valkey; a password in the address is never quoted."""
    assert ["limits.store: expected memory, or the address of a Redis or Valkey: redis://host:6379 or valkey://host:6379"] == faults(
        {"limits": {"store": store}}
    )


def test_the_callers_values_stay_as_they_are() -> None:
    """A document given as values is read, never written: the SDK's user may use it again."""
    document = {
        "providers": {"p": {"type": "google", "api_key": "${K}"}},
        "models": {"m": ["p"]},
        "keys": [{"name": "a", "key": "sha256:" + "ab" * 32}],
    }
    before = json.dumps(document)

    build(document, {"K": "v", "ROSETTA_PORT": "1", "ROSETTA_KEY": "k", "ROSETTA_PROVIDERS__P__API_KEY": "w"}, {"server.host": "h"})

    assert before == json.dumps(document)


def test_a_file_is_read_by_its_ending(tmp_path: Path) -> None:
    """The ending names the syntax; a file without one is YAML; another ending is refused with the ones there are."""
    texts = {
        "a.yaml": "server: { port: 1 }",
        "a.yml": "server: { port: 1 }",
        "a.json": '{"server": {"port": 1}}',
        "a.jsonc": '{"server": {"port": 1,},} // done',
        "a.toml": "[server]\nport = 1",
        "config": "server: { port: 1 }",
        "bom.json": '\ufeff{"server": {"port": 1}}',
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert 1 == load(tmp_path / name, {}).server.port
    (tmp_path / "a.ini").write_text("")
    with pytest.raises(ConfigError, match=r"a\.ini: the ending \.ini is none of \.yaml"):
        load(tmp_path / "a.ini", {})


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """Absent, a directory, not UTF-8, an impossible name: always a ConfigError that names the file."""
    (tmp_path / "bytes.yaml").write_bytes(b"a: \xff")
    (tmp_path / "dir.yaml").mkdir()

    told = []
    for name in ("absent.yaml", "bytes.yaml", "dir.yaml", "nul\0.yaml"):
        with pytest.raises(ConfigError) as caught:
            load(tmp_path / name, {})
        assert str(tmp_path / name) == caught.value.source
        told.append(caught.value.faults)
    assert [
        (Fault("", "cannot be read: No such file or directory"),),
        (Fault("", "not UTF-8 at byte 3; save the file as UTF-8"),),
        (Fault("", "cannot be read: Is a directory"),),
        (Fault("", "cannot be read: its name is no path"),),
    ] == told


def test_the_file_is_found(tmp_path: Path) -> None:
    """--config, then $ROSETTA_CONFIG, then this directory in the documented order, then the home directory."""
    here, home = tmp_path / "here", tmp_path / "home"
    kept = home / ".config" / "rosetta"
    here.mkdir()
    kept.mkdir(parents=True)
    environ = {"HOME": str(home)}

    assert None is find(None, environ, here)
    for directory, name in (
        (kept, "config.yaml"),
        (kept, "rosetta.toml"),
        (here, "config.jsonc"),
        (here, "rosetta.toml"),
        (here, "rosetta.jsonc"),
        (here, "rosetta.json"),
        (here, "rosetta.yml"),
        (here, "rosetta.yaml"),
    ):
        (directory / name).write_text("")
        assert directory / name == find(None, environ, here)
    assert kept / "config.yaml" == find(None, {**environ, "ROSETTA_CONFIG": str(kept / "config.yaml")}, here)
    assert kept / "rosetta.toml" == find(kept, {**environ, "ROSETTA_CONFIG": "elsewhere"}, here)


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    """A misspelled --config never falls back to another file in silence."""
    (tmp_path / "rosetta.yaml").write_text("")
    (tmp_path / "empty").mkdir()

    with pytest.raises(ConfigError, match="--config: there is no such file"):
        find(tmp_path / "rosetta.yml", {}, tmp_path)
    with pytest.raises(ConfigError, match="ROSETTA_CONFIG: there is no such file"):
        find(None, {"ROSETTA_CONFIG": str(tmp_path / "x.yaml")}, tmp_path)
    with pytest.raises(ConfigError, match=r"holds none of rosetta\.yaml"):
        find(tmp_path / "empty", {}, tmp_path)


def test_the_parsers_are_imported_late() -> None:
    """Importing the config costs no YAML or JSON5 library; reading a file of that syntax does."""
    code = "import sys, rosetta, rosetta.config; print([name for name in ('yaml', 'json5', 'tomllib') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})

    assert "[]" == done.stdout.strip()
