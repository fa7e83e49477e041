"""Text -> plain values, for each syntax that a config may be written in. YAML follows https://yaml.org/spec/1.2.2/#103-core-schema.

The libraries are imported when a file of their syntax is read, not before.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from rosetta.config.faults import ConfigError, Fault

if TYPE_CHECKING:
    import yaml

Syntax = Literal["yaml", "json", "jsonc", "toml"]

SUFFIXES: dict[str, Syntax] = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".jsonc": "jsonc", ".json5": "jsonc", ".toml": "toml"}

_LONG_QUOTE = re.compile(r"""(?<!['"].)['"](?!<)(?=[^'"]{2})""")  # before 'some text', but neither '<block end>' nor a single character


class Unreadable(ValueError):
    """The text breaks the rules of its syntax."""

    def __init__(self, syntax: str, problem: str) -> None:
        super().__init__(f"not valid {syntax}: {problem}")


class DuplicateKey(ValueError):
    """A mapping says the same key twice. ``where`` is the line, where the parser knows it."""

    def __init__(self, key: object, where: str = "") -> None:
        super().__init__(f"the key {key} stands twice in one mapping{where}; keep one")


def syntax_of(name: str) -> Syntax:
    """The syntax of a file by its ending; no ending is YAML, of which JSON is a part. Raises ConfigError for another ending."""
    suffix = PurePath(name).suffix.lower()
    if not suffix:
        return "yaml"
    if suffix not in SUFFIXES:
        raise ConfigError([Fault("", f"the ending {suffix} is none of {', '.join(SUFFIXES)}; rename the file")], name)
    return SUFFIXES[suffix]


def read(text: str, syntax: Syntax) -> Any:
    """The document in ``text``; None for an empty one. Raises ConfigError with the line of the fault, without quoting the line."""
    text = text.removeprefix("\ufeff")
    if not text.strip():
        return None
    try:
        return _READERS[syntax](text)
    except (DuplicateKey, Unreadable) as error:
        message = str(error)
    except RecursionError:
        message = "nested too deeply"
    except ModuleNotFoundError as error:
        message = (
            f"reading {syntax.upper()} needs {error.name}: pip install 'rosetta-gateway[gateway]', or write the config as .json or .toml"
        )
    except Exception:  # noqa: BLE001 - on odd text the parsers raise KeyError, AttributeError and more besides their own, with the text in it
        message = f"not valid {syntax.upper()}: it holds a number, a date or a tag that cannot be read"
    raise ConfigError([Fault("", message)])


def _read_json(text: str) -> Any:
    import json

    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        hint = "; for comments and trailing commas give the file the ending .jsonc" if error.msg.startswith("Expecting") else ""
        raise Unreadable("JSON", f"{error.msg} (line {error.lineno}, column {error.colno}){hint}") from None


def _read_jsonc(text: str) -> Any:
    import json5

    value, problem, _ = json5.parse(text, object_pairs_hook=_unique)
    if problem is not None:  # "<string>:3 Unexpected "x" at column 4", or what _unique raised
        raise Unreadable("JSONC", problem.removeprefix("<string>:1 ").replace("<string>:", "line ", 1))
    return value


def _read_toml(text: str) -> Any:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Unreadable("TOML", str(error)) from None


def _read_yaml(text: str) -> Any:
    import yaml

    try:
        loader = _yaml_loader()(text)  # it reads the first characters here
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        problem = _LONG_QUOTE.split(error.problem or "it cannot be read", maxsplit=1)[0].strip()
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        raise Unreadable("YAML", problem + place) from None
    except yaml.YAMLError:
        raise Unreadable("YAML", "it holds a character that YAML does not allow") from None


_READERS: dict[Syntax, Callable[[str], Any]] = {"yaml": _read_yaml, "json": _read_json, "jsonc": _read_jsonc, "toml": _read_toml}


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise DuplicateKey(key)
        made[key] = value
    return made


@functools.cache
def _yaml_loader() -> type[yaml.SafeLoader]:
    import yaml

    class Loader(yaml.SafeLoader):
        """PyYAML speaks YAML 1.1, where ``no`` is false, ``012`` is ten and ``2023-06-01`` a date. A config means text there: 1.2's core schema."""

        def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
            # Here and not in construct_mapping, which may see a mapping after its merge keys were spliced in.
            node = super().compose_mapping_node(anchor)
            seen: set[tuple[str, str]] = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                    if (key.tag, key.value) in seen:
                        raise DuplicateKey(key.value, f" (line {key.start_mark.line + 1})")
                    seen.add((key.tag, key.value))
            return node

    Loader.yaml_implicit_resolvers = {}
    for tag, pattern, first in (
        ("null", r"~|null|Null|NULL|", "~nN\0"),
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("int", r"0|-?[1-9][0-9]*", "-0123456789"),
        ("float", r"-?(0|[1-9][0-9]*)\.[0-9]*([eE][-+]?[0-9]+)?|-?(0|[1-9][0-9]*)[eE][-+]?[0-9]+", "-0123456789"),
        ("merge", r"<<", "<"),
    ):
        keys = ["" if character == "\0" else character for character in first]
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"), keys)
    return Loader
