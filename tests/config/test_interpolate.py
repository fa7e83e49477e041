"""``${NAME}`` takes its value from the environment, after parsing, in any string."""

from __future__ import annotations

from typing import Any

import pytest

from rosetta.config.faults import BROKEN, ConfigError
from rosetta.config.interpolate import VALUE_LIMIT, interpolate
from rosetta.config.load import build, parse


def filled(text: str, **environ: str) -> Any:
    tree, faults = interpolate({"a": text}, environ)
    return [str(fault) for fault in faults] or tree["a"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${NAME}", "value"),
        ("Bearer ${NAME}!", "Bearer value!"),
        ("${NAME}${NAME}", "valuevalue"),
        ("${UNSET:-other}", "other"),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY}", ""),
        ("${UNSET:-}", ""),
        ("${UNSET:-http://h:1/v1}", "http://h:1/v1"),
        ("$${NAME}", "${NAME}"),
        ("$NAME costs 5$", "$NAME costs 5$"),
        ("${QUOTE}", '": {}, "x": ${NAME}'),
    ],
)
def test_references(text: str, value: str) -> None:
    """Shell's own rules for the two forms; a doubled dollar is a plain one; a value is never read as structure or again."""
    assert value == filled(text, NAME="value", EMPTY="", QUOTE='": {}, "x": ${NAME}')


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("${UNSET}", "a: the environment variable UNSET is not set; set it, or give a default: ${UNSET:-…}"),
        ("${NAME", "a: a ${ without a variable's name and }; write $${ for a plain ${ (defaults do not nest)"),
        ("${a-b}", "a: a ${ without a variable's name and }; write $${ for a plain ${ (defaults do not nest)"),
        ("${X:-${NAME}}", "a: a ${ without a variable's name and }; write $${ for a plain ${ (defaults do not nest)"),
        ("\ud83d", "a: half a surrogate pair; write the whole character"),
        ("${RAW}", "a: ${RAW} is not UTF-8"),
    ],
)
def test_faults(text: str, fault: str) -> None:
    """A reference that cannot be filled is a start-up fault with path and name, never a literal that travels upstream."""
    assert [fault] == filled(text, NAME="value", RAW="\udcff")


def test_names_are_filled_in_too() -> None:
    """A mapping's names are strings as well; a fault beneath one shows the reference, not what it holds."""
    config = parse('models: { "${ALIAS}": echo }', "yaml", {"ALIAS": "fast"})
    assert ["fast"] == list(config.models)

    with pytest.raises(ConfigError) as caught:
        parse('models: { "${ALIAS}": nobody }', "yaml", {"ALIAS": "fast"})
    assert 'models."${ALIAS}"' == caught.value.faults[0].path
    with pytest.raises(ConfigError, match="stands twice once its variable is filled in"):
        parse('models: { "${ALIAS}": echo, fast: echo }', "yaml", {"ALIAS": "fast"})


def test_numbers_and_truths_from_the_environment() -> None:
    """A variable is text; where a number, a truth, a size or a list is wanted it becomes one, else the variable is named."""
    document = {
        "server": {"port": "${PORT}", "open": "${OPEN}", "max_body": "${SIZE}", "cors_origins": "${ORIGINS}", "metrics_port": "${NONE:-}"},
        "telemetry": {"sample_ratio": "${RATIO:-0.5}"},
    }

    config = build(document, {"PORT": " 80\n", "OPEN": "on", "SIZE": "2MiB", "ORIGINS": "http://a, http://b"})

    server = config.server
    assert (80, True, 2 << 20, ("http://a", "http://b"), None) == (
        server.port,
        server.open,
        server.max_body,
        server.cors_origins,
        server.metrics_port,
    )
    assert 0.5 == config.telemetry.sample_ratio
    with pytest.raises(ConfigError, match=r"^server\.port: expected a whole number \(from \$\{PORT\}\)$"):
        build({"server": {"port": "${PORT}"}}, {"PORT": "eighty"})


def test_keys_must_be_text() -> None:
    """YAML allows a number for a key; a config asks for quotes, because 4.10 and 4.1 are one number."""
    assert ["a key is a number; keys are text: put it in quotes"] == [str(fault) for fault in interpolate({4.10: "x"}, {})[1]]
    with pytest.raises(ConfigError, match=r"^models: a key is a number; keys are text: put it in quotes$"):
        parse("models: { 4.10: echo }", "yaml", {})


def test_no_tree() -> None:
    """An alias inside itself and a bomb of aliases end as a fault, not in a hang."""
    with pytest.raises(ConfigError, match="nested more than 64 levels deep"):
        parse("&a [*a]", "yaml", {})
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 10)]
    with pytest.raises(ConfigError, match=f"more than {VALUE_LIMIT} values"):
        parse("\n".join(lines), "yaml", {})


def test_what_is_broken_stays_recognisable() -> None:
    """A later step can tell a value whose fault is already told from one that is missing."""
    tree, _ = interpolate({"a": "${NOPE}", "b": float("nan"), "c": {1, 2}, "d": [1]}, {})

    assert {"a": BROKEN, "b": BROKEN, "c": BROKEN, "d": [1]} == tree
