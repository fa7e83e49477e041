"""The keys in ``keys_file``: a mounted directory or file, as a Kubernetes Secret is.

    directory   a file for each key: its name is the key's name, its text the key, or ``sha256:…``
    file        the rows of ``keys``, or a mapping of names to keys or to rows (YAML, JSON, JSONC, TOML)

A row of ``keys`` in the config without key and sha256 says what the key of its name may do; the key itself comes from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from rosetta.config.check import check_keys
from rosetta.config.decode import Decoder
from rosetta.config.faults import BROKEN, ConfigError, Fault, child
from rosetta.config.schema import Config, Key
from rosetta.config.syntax import read, syntax_of

KEY_BYTES_MAX = 8 * 1024
FILE_BYTES_MAX = 4 * 1024 * 1024


def with_keys(config: Config) -> Config:
    """``config`` with the keys of its ``keys_file``; as it is where it names none. Raises ConfigError with every fault, and no key in any of them."""
    if config.keys_file is None:
        return config
    path = Path(config.keys_file)
    source = str(path)
    try:
        rows = list(_directory(path)) if path.is_dir() else list(_file(path))
    except (OSError, UnicodeDecodeError) as error:
        problem = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else f"cannot be read: {error.strerror}"
        raise ConfigError([Fault("keys_file", f"{source} {problem}")]) from None
    decoder = Decoder()
    named = {key.name: (place, key) for place, key in enumerate(config.keys)}
    keys: list[Key] = list(config.keys)
    places: list[tuple[str, Key]] = []
    for name, row in rows:
        key = decoder.struct(Key, row, name)
        if key is BROKEN:
            continue
        place, known = named.get(key.name, (-1, None))
        if known is None:
            keys.append(key)
        elif known.key or known.sha256:
            decoder.faults.append(Fault(name, f"keys.{place} has the same name and a key of its own; rename one"))
        else:
            key = keys[place] = msgspec.structs.replace(known, key=key.key, sha256=key.sha256)
        places.append((name, key))
    faults = [*decoder.faults, *check_keys(places)]
    if faults:
        raise ConfigError(faults, source)
    # Those that wait for a key from here and got none; and a key that stands in both places.
    faults = list(check_keys([(child("keys", index), key) for index, key in enumerate(keys)]))
    if faults:
        raise ConfigError(faults, source)
    return msgspec.structs.replace(config, keys=tuple(keys))


def _directory(path: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    for file in sorted(path.iterdir()):
        # A mounted Secret keeps its generations in ..data and ..2027_01_31…
        if file.name.startswith(".") or not file.is_file():
            continue
        with file.open("rb") as opened:
            text = opened.read(KEY_BYTES_MAX + 1)
        if len(text) > KEY_BYTES_MAX:
            raise ConfigError([Fault(file.name, f"is larger than {KEY_BYTES_MAX} bytes; a file holds one key and nothing else")], str(path))
        yield file.name, {"name": file.name, "key": text.decode("utf-8-sig").strip()}


def _file(path: Path) -> Iterable[tuple[str, Any]]:
    with path.open("rb") as opened:
        data = opened.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise ConfigError([Fault("", f"is larger than {FILE_BYTES_MAX} bytes")], str(path))
    document = read(data.decode("utf-8-sig"), syntax_of(path.name))
    if isinstance(document, Mapping) and set(document) == {"keys"}:
        document = document["keys"]
    if isinstance(document, Mapping):
        for name, value in document.items():
            yield str(name), {"name": str(name), **value} if isinstance(value, Mapping) else {"name": str(name), "key": value}
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield child("keys", index), value
    elif document is not None:
        raise ConfigError([Fault("", "expected a list of keys, or a mapping of names to keys")], str(path))
