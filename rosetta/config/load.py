"""A config file -> a Config, or everything that is wrong with it.

find      which file
load      file -> Config
parse     text of a known syntax -> Config
build     plain values -> Config:  interpolate ${…} -> overlay ROSETTA_* and options -> decode by the schema -> check across
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from rosetta.config.check import check
from rosetta.config.decode import Decoder
from rosetta.config.environment import CONFIG_VARIABLE, overlay
from rosetta.config.faults import BROKEN, ConfigError, Fault
from rosetta.config.interpolate import interpolate
from rosetta.config.schema import Config, Provider
from rosetta.config.syntax import Syntax, read, syntax_of

FILE_NAMES = ("rosetta.yaml", "rosetta.yml", "rosetta.json", "rosetta.jsonc", "rosetta.toml", "config.jsonc")
HOME_NAMES = (*FILE_NAMES, "config.yaml", "config.yml", "config.json", "config.toml")


def find(explicit: str | Path | None = None, environ: Mapping[str, str] | None = None, directory: Path | None = None) -> Path | None:
    """The config file to read, or None when there is none anywhere.

    In this order: ``explicit`` (``--config``), $ROSETTA_CONFIG, ``FILE_NAMES`` in ``directory`` (by default the current one), ``HOME_NAMES``
    in ~/.config/rosetta. Raises ConfigError when a file that was asked for is not there. A directory that was asked for is looked into.
    """
    environ = os.environ if environ is None else environ
    for wanted, asked_by in ((explicit, "--config"), (environ.get(CONFIG_VARIABLE), CONFIG_VARIABLE)):
        if wanted:
            path = Path(wanted)
            found = _first(path, HOME_NAMES) if path.is_dir() else path if path.exists() else None
            if found is None:
                problem = f"holds none of {', '.join(HOME_NAMES)}" if path.is_dir() else "there is no such file"
                raise ConfigError([Fault(asked_by, f"{problem}; give the path of a config file")], str(wanted))
            return found
    home = environ.get("XDG_CONFIG_HOME") or (f"{environ['HOME']}/.config" if environ.get("HOME") else None)
    return _first(directory or Path(), FILE_NAMES) or (_first(Path(home) / "rosetta", HOME_NAMES) if home else None)


def load(
    path: str | Path,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
    vendors: Collection[str] | None = None,
) -> Config:
    """The config in a file. Raises ConfigError with every fault; arguments as for ``build``."""
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return parse(text, syntax_of(path.name), environ, options, vendors)
    except UnicodeDecodeError as error:
        faults: tuple[Fault, ...] = (Fault("", f"not UTF-8 at byte {error.start}; save the file as UTF-8"),)
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigError):
            faults = error.faults
        else:
            faults = (Fault("", f"cannot be read: {getattr(error, 'strerror', None) or 'its name is no path'}"),)
    raise ConfigError(faults, str(path))


def parse(
    text: str,
    syntax: Syntax,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
    vendors: Collection[str] | None = None,
) -> Config:
    """The config in a text. Raises ConfigError; arguments as for ``build``."""
    return build(read(text, syntax), environ, options, vendors)


def build(
    document: Any,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
    vendors: Collection[str] | None = None,
) -> Config:
    """The config in plain values (dicts, lists, text, numbers), which are not changed.

    ``environ`` is what ``${NAME}`` reads and where ROSETTA_* is looked for, by default the process's. ``options`` win over both, by path:
    ``{"server.port": 9000}``. ``vendors`` are the names that the catalog knows; None accepts any. Raises ConfigError with every fault.
    """
    environ = os.environ if environ is None else environ
    tree, faults = interpolate({} if document is None else document, environ)
    if not isinstance(tree, dict):
        raise ConfigError(faults or [Fault("", "expected a mapping with the keys providers, models, server, …")])
    faults += overlay(tree, environ, options or {})
    decoder = Decoder()
    config = decoder.struct(Config, tree, "")
    faults += decoder.faults
    if config is not BROKEN:
        named = tree.get("providers")
        told = {fault.path for fault in faults}
        faults += check(config, decoder.places, list(named) if isinstance(named, dict) else (), vendors, told)
    if faults:
        raise ConfigError(faults)
    providers = {name: _with_vendor(name, provider) for name, provider in config.providers.items()}
    made: Config = msgspec.structs.replace(config, providers=providers)
    return made


def _with_vendor(name: str, provider: Provider) -> Provider:
    if provider.type is None and provider.vendor is None:
        return msgspec.structs.replace(provider, vendor=name)
    return provider


def _first(directory: Path, names: Collection[str]) -> Path | None:
    try:
        return next((directory / name for name in names if (directory / name).is_file()), None)
    except OSError as error:
        raise ConfigError([Fault("", f"cannot be looked into: {error.strerror}")], str(directory)) from None
