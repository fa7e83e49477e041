"""Four syntaxes, one meaning; and a fault in any of them is told with its line and without its text."""

from __future__ import annotations

from typing import Any

import pytest

from rosetta.config.faults import ConfigError
from rosetta.config.syntax import Syntax, read

SAME: dict[Syntax, str] = {
    "yaml": "server:\n  host: 0.0.0.0\n  port: 80\nkeys:\n  - { name: a, key: k }\n",
    "json": '{"server": {"host": "0.0.0.0", "port": 80}, "keys": [{"name": "a", "key": "k"}]}',
    "jsonc": "// for the team\n{server: {'host': '0.0.0.0', \"port\": 80,}, /* one */ keys: [{name: 'a', key: 'k'},],}",
    "toml": '[server]\nhost = "0.0.0.0"\nport = 80\n[[keys]]\nname = "a"\nkey = "k"\n',
}


def refused(text: str, syntax: Syntax) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text, syntax)
    (fault,) = caught.value.faults
    assert "" == fault.path
    return fault.message


@pytest.mark.parametrize("syntax", SAME)
def test_one_meaning(syntax: Syntax) -> None:
    """The same config in each syntax gives the same values."""
    assert {"server": {"host": "0.0.0.0", "port": 80}, "keys": [{"name": "a", "key": "k"}]} == read(SAME[syntax], syntax)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("012", "012"),
        ("22:22", "22:22"),
        ("2023-06-01", "2023-06-01"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("true", True),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("~", None),
        ("", None),
    ],
)
def test_yaml_means_what_it_looks_like(text: str, value: Any) -> None:
    """A header ``anthropic-version: 2023-06-01`` is no date, a model ``no`` is no boolean, a key ``0123`` is no octal number."""
    assert {"a": value} == read(f"a: {text}", "yaml")


def test_yaml_anchors_and_merge_keys() -> None:
    """Shared settings may be written once, and a mapping's own key wins over a merged one."""
    text = "base: &base { idle: 1, total: 2 }\nlist: [{ own: &own { <<: *base, idle: 3 } }]\ntimeout: { <<: *own }\n"

    assert {"idle": 3, "total": 2} == read(text, "yaml")["timeout"]


@pytest.mark.parametrize(
    ("text", "syntax", "message"),
    [
        ("a: 1\nb: 2\na: 3", "yaml", "the key a stands twice in one mapping (line 3); keep one"),
        ('{"a": 1, "a": 2}', "json", "the key a stands twice in one mapping; keep one"),
        ("{a: 1, 'a': 2}", "jsonc", "not valid JSONC: the key a stands twice in one mapping; keep one"),
        ("a = 1\na = 2", "toml", "not valid TOML: Cannot overwrite a value (at end of document)"),
    ],
)
def test_a_key_that_stands_twice(text: str, syntax: Syntax, message: str) -> None:
    """The parsers would keep the last one in silence; half of such a config was meant and is lost."""
    assert message == refused(text, syntax)


@pytest.mark.parametrize(
    ("text", "syntax", "place"),
    [
        ("a: 'sk-secret", "yaml", "line 1"),
        ("a:\n  b: sk-secret: x", "yaml", "line 2, column 15"),
        ("a: *sk-secret", "yaml", "line 1, column 4"),
        ("a: !sk-secret x", "yaml", "line 1, column 4"),
        ("a: !sk-sec!ret x", "yaml", "line 1, column 4"),
        ("a: !!int sk-secret", "yaml", ""),
        ("a: !!float sk-secret", "yaml", ""),
        ("a: !!bool sk-secret", "yaml", ""),
        ("a: !!timestamp sk-secret", "yaml", ""),
        ("a: !!binary sk-secrét", "yaml", ""),
        ("a: @sk-secret", "yaml", "found character '@' that cannot start any token (line 1, column 4)"),
        ("a: sk-secret\x00", "yaml", "a character that YAML does not allow"),
        ("a: 1\n---\nb: sk-secret", "yaml", "line 2"),
        ("? [sk-secret]\n: 1", "yaml", "line 1"),
        ('{\n"a": sk-secret}', "json", "line 2, column 6"),
        ('{"a": "sk-secret",}', "json", "give the file the ending .jsonc"),
        ("{\na: sk-secret}", "jsonc", "line 2"),
        ('a = 1\nb = "sk-secret', "toml", ""),
        ("b = sk-secret", "toml", "line 1, column 5"),
    ],
)
def test_a_fault_has_its_place_and_not_its_text(text: str, syntax: Syntax, place: str) -> None:
    """The line at fault may hold a key, so the message gives its number and never quotes it."""
    message = refused(text, syntax)

    assert "secr" not in message
    assert "sk-" not in message
    assert place in message


@pytest.mark.parametrize("syntax", ["yaml", "json", "jsonc"])
def test_nested_too_deeply(syntax: Syntax) -> None:
    """A file of nothing but brackets is refused, not a crash."""
    assert "nested too deeply" == refused("[" * 20_000, syntax)
