"""``${NAME}`` and ``${NAME:-default}`` in any string of a parsed document; ``$${`` is a plain ``${``.

As in a shell, the default also stands in for a variable that is set to nothing. Substitution happens after parsing, so that what a
variable holds can never become structure: a quote or a colon in a key stays a quote or a colon.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from rosetta.config.faults import BROKEN, ConfigError, Fault, FromEnvironment, child, is_unicode

DEPTH_LIMIT = 64
VALUE_LIMIT = 100_000

_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}|(\$\{)")
_KINDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    datetime: "a date",
    date: "a date",
    time: "a time",
    type(None): "nothing",
}


def interpolate(document: Any, environ: Mapping[str, str]) -> tuple[Any, list[Fault]]:
    """A copy of ``document`` with every reference filled in, and what went wrong. A string with a fault becomes ``BROKEN``.

    It also makes sure of what every later step relies on: keys are strings, numbers are finite, the depth is bounded.
    Raises ConfigError when the document is no tree (an alias inside itself) or larger than any config.
    """
    walk = _Walk(environ)
    return walk.value(document, "", 0), walk.faults


class _Walk:
    """One pass over one document."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.faults: list[Fault] = []
        self.count = 0

    def value(self, value: Any, path: str, depth: int) -> Any:
        self.count += 1
        if depth > DEPTH_LIMIT:
            raise ConfigError([Fault("", f"nested more than {DEPTH_LIMIT} levels deep")])
        if self.count > VALUE_LIMIT:
            raise ConfigError([Fault("", f"more than {VALUE_LIMIT} values; is an alias repeated inside itself?")])
        match value:
            case FromEnvironment():
                return value if is_unicode(value) else self.fault(path, f"{value.source} is not UTF-8")
            case None | bool() | int() | datetime() | date() | time():
                return value
            case str():
                return self.text(value, path)
            case float():
                return value if math.isfinite(value) else self.fault(path, "expected a finite number")
            case list() | tuple():
                return [self.value(item, child(path, index), depth + 1) for index, item in enumerate(value)]
            case Mapping():
                return self.mapping(value, path, depth)
        return self.fault(path, "this kind of value has no place in a config; write text, a number, true, false, a list or a mapping")

    def mapping(self, value: Mapping[Any, Any], path: str, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, item in value.items():
            if not isinstance(key, str):
                self.fault(path, f"a key is {_KINDS.get(type(key), 'no text')}; keys are text: put it in quotes")
                continue
            place = child(path, key)
            name = self.text(key, place)
            if name is BROKEN:
                continue
            if name in made:
                self.fault(place, "this key stands twice once its variable is filled in")
            made[FromEnvironment(name, key) if isinstance(name, FromEnvironment) else name] = self.value(item, place, depth + 1)
        return made

    def text(self, text: str, path: str) -> Any:
        if "${" not in text:
            return text if is_unicode(text) else self.fault(path, "half a surrogate pair; write the whole character")
        faults = len(self.faults)
        sources: list[str] = []

        def fill(match: re.Match[str]) -> str:
            name, default, stray = match.groups()
            if stray:
                self.fault(path, "a ${ without a variable's name and }; write $${ for a plain ${ (defaults do not nest)")
            if name is None:
                return "${"
            sources.append(f"${{{name}}}")
            found = self.environ.get(name)
            if found is None and default is None:
                self.fault(path, f"the environment variable {name} is not set; set it, or give a default: ${{{name}:-…}}")
            return (found or default or "") if default is not None else (found or "")

        filled = _REFERENCE.sub(fill, text)
        if len(self.faults) > faults:
            return BROKEN
        if not is_unicode(filled):
            return self.fault(path, f"{', '.join(sources)} is not UTF-8")
        return FromEnvironment(filled, ", ".join(sources)) if sources else filled

    def fault(self, path: str, message: str) -> Any:
        self.faults.append(Fault(path, message))
        return BROKEN
