"""``rosetta check``: is the config right, where does each model go, and does everybody answer?"""

from __future__ import annotations

import asyncio
import sys
import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from rosetta.cli import OK, WRONG
from rosetta.cli.routing import rows
from rosetta.cli.settings import Settings, add_config, settings
from rosetta.cli.table import table
from rosetta.config import Config

if TYPE_CHECKING:
    from rosetta.engine.provider import Provider


def arguments(parser: ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--live", action="store_true", help="ask each upstream for its models")


def run(options: Namespace) -> int:
    found = settings(options.config)
    print(report(found))
    for line in _warnings(found.config):
        print(f"warning: {line}", file=sys.stderr)
    if not options.live:
        return OK
    faults = asyncio.run(_ask_all(found.config))
    for line in faults:
        print(line, file=sys.stderr)
    return WRONG if faults else OK


def report(found: Settings) -> str:
    """The config in a line, and its routing table."""
    config, path = found
    counts = f"{_count(len(config.providers), 'provider')}, {_count(len(config.models), 'model')}, {_count(len(config.keys), 'key')}"
    head = f"{path or 'no config file: providers of the environment'}: {counts}"
    lines = [(row.entry, row.target, ", ".join(row.formats), row.base_url) for row in rows(config)]
    return f"{head}\n\n{table(('MODEL', 'GOES TO', 'FORMATS', 'BASE URL'), lines)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _warnings(config: Config) -> list[str]:
    """What can be meant so, and mostly is not."""
    from rosetta.providers import catalog

    lines = []
    for name, row in config.providers.items():
        vendor = catalog.vendor(row.vendor or name, row.base_url, row.type)
        keyless = vendor.name == catalog.GENERIC or vendor.loopback or vendor.auth == "none"
        if row.auth == "own" and not row.credentials and not keyless:
            lines.append(f"providers.{name}.api_key: none, and {vendor.name} wants one; set ${vendor.env_keys[0]} or api_key")
    return lines


async def _ask_all(config: Config) -> list[str]:
    """The faults of all upstreams; what is well is printed."""
    from rosetta.engine.provider import Provider

    providers = []
    faults = []
    for name, row in config.providers.items():
        try:
            providers.append(Provider(name, row))
        except (ValueError, OSError) as error:
            faults.append(f"providers.{name}: {error}")
    print()
    try:
        results = await asyncio.gather(*(_ask(provider, config) for provider in providers))
    finally:
        for provider in providers:
            await provider.aclose()
    return [*faults, *(fault for result in results for fault in result)]


async def _ask(provider: Provider, config: Config) -> list[str]:
    from rosetta.converters.converter import Malformed
    from rosetta.engine import ollama
    from rosetta.engine.upstream import Unreachable
    from rosetta.gateway.listing import ask_models

    started = time.monotonic()
    try:
        listed = await ask_models(provider)
    except (Unreachable, Malformed) as error:
        return [f"providers.{provider.name}: {error}"]
    took = round((time.monotonic() - started) * 1000)
    print(f"{provider.name}: answers, {_count(len(listed), 'model')}, {took} ms")
    faults = []
    for row in rows(config):
        if row.provider != provider.name or row.model == "*":
            continue
        if provider.ollama is None:
            if listed and row.model not in listed:
                print(f"{provider.name}: does not list {row.model}, which may be an alias")
            continue
        if row.model not in listed and f"{row.model}:latest" not in listed:
            faults.append(f"models.{row.name}: {provider.name} has no {row.model}; ollama pull {row.model}")
            continue
        line = ollama.warning(row.model, await provider.ollama.facts(row.model))
        if line:
            print(f"warning: {line}", file=sys.stderr)
    return faults
