"""``ROSETTA_*`` variables and command-line options, laid over the file: an option wins over a variable, a variable over the file.

    ROSETTA_PORT=9000                         any plain value of server, limits and telemetry, and the few of the top, by its own name
    ROSETTA_KEY=…                             one more key, named ``environment``
    ROSETTA_RETRIES__ATTEMPTS=5               any value, by its path
    ROSETTA_PROVIDERS__LOCAL_OLLAMA__BASE_URL=…   names in a path: case and punctuation do not count

A variable that is set to nothing is not set: compose files pass ``ROSETTA_KEY=${ROSETTA_KEY:-}``. A list is written with commas.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import inspect

from rosetta.config.decode import rows_of
from rosetta.config.faults import BROKEN, Fault, FromEnvironment, is_unicode
from rosetta.config.schema import Config

PREFIX = "ROSETTA_"
KEY_VARIABLE = "ROSETTA_KEY"
KEY_NAME = "environment"
CONFIG_VARIABLE = "ROSETTA_CONFIG"

_SHORT_SECTIONS = ("server", "limits", "telemetry")
_KUBERNETES_LINK = re.compile(r"(tcp|udp|sctp)://")
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")


@functools.cache
def short_names() -> Mapping[str, tuple[str, ...]]:
    """Every single-underscore variable and the path that it sets."""
    names: dict[str, tuple[str, ...]] = {}
    for name, row in rows_of(Config).items():
        if name in _SHORT_SECTIONS and isinstance(row.type, inspect.StructType):
            paths: list[tuple[str, ...]] = [
                (name, field) for field, inner in rows_of(row.type.cls).items() if not isinstance(inner.type, inspect.StructType)
            ]
        elif not isinstance(row.type, inspect.StructType | inspect.DictType | inspect.VarTupleType):
            paths = [(name,)]
        else:
            continue
        names.update({PREFIX + path[-1].upper(): path for path in paths})
    return names


def overlay(document: dict[str, Any], environ: Mapping[str, str], options: Mapping[str, object]) -> list[Fault]:
    """Writes variables and then ``options`` (``{"server.port": 9000}``, None is not given) into ``document``; returns what had no place.

    A variable with a single underscore that is none of ours is left alone: in Kubernetes a service named rosetta puts
    ROSETTA_SERVICE_HOST and the like into every pod of its namespace.
    """
    faults: list[Fault] = []
    given = {name: text for name, text in sorted(environ.items()) if name.startswith(PREFIX) and text}
    for name in [name for name, text in given.items() if not is_unicode(text)]:
        faults.append(Fault(name, "is not UTF-8"))
        del given[name]
    for name, path in short_names().items():
        # The same Kubernetes service makes ROSETTA_PORT=tcp://10.0.0.1:8765.
        if name in given and not _KUBERNETES_LINK.match(given[name]):
            _put(document, path, FromEnvironment(given[name], name), name, faults)
    if KEY_VARIABLE in given:
        _add_key(document, given[KEY_VARIABLE], faults)
    for name, text in given.items():
        path = tuple(name.removeprefix(PREFIX).lower().split("__"))
        if len(path) > 1 and all(path):
            _put(document, path, FromEnvironment(text, name), name, faults)
    for dotted, value in options.items():
        if value is not None:
            _put(document, dotted.split("."), value, dotted, faults)
    return faults


def _put(document: dict[str, Any], path: Sequence[str], value: object, name: str, faults: list[Fault]) -> None:
    """Sets one value, making mappings on the way. Where the way is barred, a Fault under the variable's own name."""
    place: Any = document
    for depth, word in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(place, list) and word.isdecimal() and int(word) < len(place):
            key: Any = int(word)
        elif isinstance(place, dict):
            key = next((known for known in place if _fold(known) == _fold(word)), word)
        elif place is BROKEN:
            return
        else:
            faults.append(Fault(name, f"{'.'.join(path[:depth])} is written as a single value or a shorter list; write it out in the file"))
            return
        if last:
            place[key] = value
        else:
            if isinstance(place, dict) and place.get(key) is None:
                place[key] = {}
            place = place[key]


def _add_key(document: dict[str, Any], text: str, faults: list[Fault]) -> None:
    keys = document.get("keys")
    if keys is None:
        keys = document["keys"] = []
    if not isinstance(keys, list):
        faults.append(Fault(KEY_VARIABLE, "cannot be added, because keys is no list; write keys as a list"))
        return
    row = {"name": KEY_NAME, "key": FromEnvironment(text, KEY_VARIABLE)}
    keys[:] = [*(key for key in keys if not (isinstance(key, dict) and key.get("name") == KEY_NAME)), row]


def _fold(name: str) -> str:
    return _NOT_A_WORD.sub("_", name.lower())
