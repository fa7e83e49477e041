"""What holds for every config, whatever is in it."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rosetta.config import Config, ConfigError, Provider, RouteTable, Secret, UnknownModel, build, parse
from rosetta.config.decode import rows_of
from rosetta.config.schema import Key, Limits, Model, Quota, Retries, Server, TargetRow, Telemetry, Timeout
from rosetta.config.syntax import Syntax

STRUCTS = (Config, Provider, Model, TargetRow, Timeout, Key, Quota, Limits, Retries, Server, Telemetry)
WORDS = sorted({name for kind in STRUCTS for name in rows_of(kind)})
VALUES = [
    "openai_chat",
    "google",
    "own",
    "p",
    "p/x",
    "gpt-*",
    "**",
    "${HOME}",
    "${A:-1}",
    "${",
    "$${",
    "64MiB",
    "1e400",
    "nan",
    "yes",
    "sha256:00",
    "",
    " ",
    "\n",
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.binary(max_size=3),
    st.text(max_size=8),
    st.sampled_from(VALUES),
    st.sampled_from(WORDS),
)
keys = st.one_of(st.sampled_from(WORDS), st.text(max_size=6), st.sampled_from(["p", "a.b", "gpt-*", "${A}", "echo"]))
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(keys, inner, max_size=4),
        st.dictionaries(scalars.filter(lambda key: key.__hash__), inner, max_size=2),
    ),
    max_leaves=20,
)
# Documents that look like a config, so that the later steps are reached as well.
configs = st.fixed_dictionaries(
    {},
    optional={
        name: st.one_of(
            documents,
            st.dictionaries(keys, documents, max_size=3),
            st.dictionaries(keys, st.dictionaries(st.sampled_from(WORDS), documents, max_size=4), max_size=3),
            st.lists(st.dictionaries(st.sampled_from(WORDS), documents, max_size=4), max_size=3),
        )
        for name in rows_of(Config)
    },
)
environs = st.dictionaries(
    st.one_of(
        st.sampled_from(["A", "HOME", "ROSETTA_PORT", "ROSETTA_KEY"]), st.from_regex(r"\AROSETTA_[A-Z]{1,6}(__[A-Z0-9]{1,6}){0,3}\Z")
    ),
    st.text(max_size=6),
    max_size=3,
)


def config_or_faults(make: Any) -> Config | None:
    refusal: ConfigError | None = None
    config: Config | None = None
    try:
        config = make()
    except ConfigError as error:
        refusal = error
    if refusal is not None:
        assert str(refusal).encode()
        assert refusal.faults
        assert all(fault.message for fault in refusal.faults)
    else:
        assert type(config) is Config
    return config


@settings(max_examples=400, deadline=None)
@given(st.one_of(documents, configs), environs)
def test_any_value_is_a_config_or_faults(document: Any, environ: dict[str, str]) -> None:
    """Whatever the values, the end is a Config whose routes work, or a ConfigError."""
    before = copy.deepcopy(document)
    config = config_or_faults(lambda: build(document, environ))

    assert repr(before) == repr(document)
    if config is not None:
        table = RouteTable(config)
        for name in (*config.models, "p/x", "echo"):
            try:
                assert all(target.model for target in table.resolve(name).targets)
            except UnknownModel:
                assert name == "p/x"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["yaml", "json", "jsonc", "toml"]))
def test_any_text_is_a_config_or_faults(text: str, syntax: Syntax) -> None:
    """Whatever the file holds, nothing but a ConfigError comes out of reading it."""
    config_or_faults(lambda: parse(text, syntax, {}))


JSON_PIECES = r"""[ ] { } , : " ' \ \u // /* */ 1 0x 1e9 inf nan true null é a"""
YAML_PIECES = "&a |*a|<<: |: |- |!!int |!!timestamp |!!binary |!!set |!x |> |? |---\n|%YAML 1.1\n|#|\n|\n  | |  |\t|\x00|\ufeff|\u2028"
TOML_PIECES = """= [[ ]] 2020-13-41 10:00 \"\"\" ''' ${A} ${ providers models server"""
fragments = st.lists(
    st.sampled_from([*JSON_PIECES.split(), *YAML_PIECES.split("|"), "| ", *TOML_PIECES.split(), *WORDS[:12], "9" * 5000]), max_size=25
).map("".join)


@settings(max_examples=500, deadline=None)
@given(fragments, st.sampled_from(["yaml", "json", "jsonc", "toml"]))
def test_any_broken_syntax_is_faults(text: str, syntax: Syntax) -> None:
    """Pieces of the syntaxes in any order end as a Config or a ConfigError: no parser's own exception gets out."""
    config_or_faults(lambda: parse(text, syntax, {"A": "a"}))


@settings(max_examples=150, deadline=None)
@given(configs)
def test_yaml_and_json_agree(document: Any) -> None:
    """The same values written in JSON and in YAML are the same config, or have the same faults."""
    try:
        text = json.dumps(document, allow_nan=False)
        assert text.isascii()
    except (TypeError, ValueError):
        return

    def outcome(syntax: Syntax) -> Any:
        try:
            return parse(text, syntax, {"HOME": "h"})
        except ConfigError as error:
            return [fault.path for fault in error.faults]

    # JSON's surrogate pairs (\ud83d\ude00) are two broken characters in YAML; and YAML spells what is above 2^64 and below 1e-5 alike.
    if "\\ud" not in text:
        assert outcome("json") == outcome("yaml")


CANARY = "sk-canary-5dc1"


@pytest.mark.parametrize("syntax", ["yaml", "json", "toml"])
def test_a_secret_is_never_shown(syntax: Syntax) -> None:
    """Neither a config that loads nor the faults of one that does not show what a secret field or a variable held."""
    document = {
        "providers": {
            "p": {
                "type": "openai_chat",
                "api_key": CANARY,
                "api_keys": [CANARY],
                "headers": {"authorization": f"Bearer {CANARY}"},
                "proxy": f"http://u:{CANARY}@h:1",
            }
        },
        "keys": [{"name": "a", "key": CANARY}, {"name": "b", "sha256": "ab" * 32}],
        "limits": {"store": f"redis://:{CANARY}@h:1"},
    }
    broken = copy.deepcopy(document)
    broken["providers"]["p"].update(api_key=[CANARY], proxy=CANARY, base_url=f"https://u:{CANARY}@h", type="${CANARY}", timeout=CANARY)
    broken["providers"]["p"]["headers"] = {"authorization": f"{CANARY}\nx"}
    broken["keys"].append({"name": "c", "key": CANARY, "sha256": CANARY, "expires": CANARY, "metrics": CANARY})
    broken["limits"] = {"store": CANARY, "rpm": "${CANARY}"}
    broken["models"] = {"m": "${CANARY}", "n": ["${CANARY}/${CANARY}"]}
    broken["server"] = {"port": CANARY, "max_body": CANARY, "queue": CANARY}

    def written(values: Any) -> str:
        if syntax == "yaml":
            return yaml.safe_dump(values)
        return json.dumps(values) if syntax == "json" else _toml(values)

    config = parse(written(document), syntax, {})
    with pytest.raises(ConfigError) as caught:
        parse(written(broken), syntax, {"CANARY": CANARY, "ROSETTA_PORT": CANARY, "ROSETTA_SERVER__OPEN": CANARY})

    assert CANARY not in f"{config!r} {config!s} {config}"
    assert "ab" * 32 not in repr(config)
    assert CANARY not in str(caught.value) + repr(caught.value) + repr(caught.value.faults)
    assert None is caught.value.__context__ or CANARY not in repr(caught.value.__context__)
    assert len(caught.value.faults) > 12


def _toml(value: Any) -> str:
    """Inline TOML for dicts, lists and text."""

    def inline(item: Any) -> str:
        if isinstance(item, dict):
            return "{" + ", ".join(f"{json.dumps(key)} = {inline(inner)}" for key, inner in item.items()) + "}"
        return "[" + ", ".join(map(inline, item)) + "]" if isinstance(item, list) else json.dumps(item)

    return "\n".join(f"{key} = {inline(item)}" for key, item in value.items())


def test_a_secret_is_a_value() -> None:
    """Secrets compare and hash as their text, are false when empty, and cannot be written out by accident."""
    secret = Secret("k")

    assert Secret("k") == secret
    assert secret != "k"
    assert Secret("l") != secret
    assert 1 == len({secret, Secret("k")})
    assert (True, False) == (bool(secret), bool(Secret("")))
    assert ("***", "***", "k") == (str(secret), f"{secret}", secret.reveal())
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_a_config_is_a_value() -> None:
    """A Config cannot be changed, so that a request may hold on to it while a reload swaps in another."""
    config = build({"providers": {"p": {"type": "google"}}}, {})

    with pytest.raises(AttributeError):
        config.loss_policy = "lossless"  # type: ignore[misc]  # that it is refused is the point
    with pytest.raises(AttributeError):
        config.providers["p"].base_url = "x"  # type: ignore[misc]  # that it is refused is the point
    assert config == build({"providers": {"p": {"type": "google"}}}, {})
