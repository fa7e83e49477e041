"""Which config a command works with: a file, or what the environment and a running Ollama tell."""

from __future__ import annotations

import http.client
import os
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from rosetta.cli import Wrong
from rosetta.config import Config, ConfigError, discover, find, load, with_keys
from rosetta.config.faults import Fault
from rosetta.providers import catalog, models

OLLAMA_TIMEOUT_S = 0.5


class Settings(NamedTuple):
    """A config and where it comes from; ``path`` is None where there is no file."""

    config: Config
    path: Path | None


def add_config(parser: ArgumentParser) -> None:
    """``--config``, as every command that reads one has it."""
    parser.add_argument(
        "--config", metavar="FILE", help="YAML, JSON, JSONC or TOML; else $ROSETTA_CONFIG, ./rosetta.yaml and its kin, ~/.config/rosetta/"
    )


def reread(path: Path | None, options: Mapping[str, object] | None = None) -> Config:
    """The config of a running gateway, read again from where it came from. Raises ConfigError with every fault."""
    made = (
        discover(os.environ, catalog.KEY_VARIABLES, answers, options)
        if path is None
        else load(path, options=options, vendors=catalog.VENDORS)
    )
    made = with_keys(made)
    found = list(_faults(made))
    if found:
        raise ConfigError(found, str(path or ""))
    return made


def settings(config: str | None, options: Mapping[str, object] | None = None) -> Settings:
    """The config that is meant. ``options`` come from the command line: ``{"server.port": 9000}``. Raises Wrong with a line for each fault."""
    try:
        path = find(config)
        return Settings(reread(path, options), path)
    except ConfigError as error:
        raise faults(error) from error


def faults(error: ConfigError) -> Wrong:
    """Each fault in a line of its own: ``rosetta.yaml: providers.claude.base_url: …``."""
    opening = f"{error.source}: " if error.source else ""
    return Wrong(*(f"{opening}{fault}" for fault in error.faults))


def _faults(config: Config) -> list[Fault]:
    """What only the catalog and the model rows can tell of a config."""
    found = []
    for name, row in config.providers.items():
        vendor = catalog.vendor(row.vendor or name, row.base_url, row.type)
        if not (row.base_url or vendor.base_url):
            found.append(Fault(f"providers.{name}.base_url", f"missing; {vendor.name} has no address that is the same for everybody"))
        try:
            models.check_overrides(row.formats or ((row.type,) if row.type else vendor.formats), row.dialect)
        except ValueError as error:
            field, _, message = str(error).removeprefix("dialect").lstrip(".: ").partition(": ")
            found.append(Fault(f"providers.{name}.dialect.{field}" if message else f"providers.{name}.dialect", message or field))
    return found


def answers(address: str) -> bool:
    """Whether an Ollama listens at ``address``. No proxy is asked."""
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "localhost", parts.port, timeout=OLLAMA_TIMEOUT_S)
    try:
        connection.request("GET", f"{parts.path}/api/version")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
