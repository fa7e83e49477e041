"""``rosetta serve``: runs the gateway."""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from rosetta.cli import OK
from rosetta.cli.settings import add_config, faults, reread, settings
from rosetta.cli.welcome import welcome
from rosetta.config import Config, ConfigError
from rosetta.config.globs import is_glob

if TYPE_CHECKING:
    from rosetta.gateway.gateway import Gateway

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - not bound here: what a client on this machine writes instead


def arguments(parser: ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--host", help="the address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, help="the port (8765); 0 takes a free one")
    parser.add_argument("--metrics-port", type=int, metavar="PORT", help="/metrics on a port of its own instead of the main one")


def run(options: Namespace) -> int:
    from rosetta.gateway.server import serve
    from rosetta.telemetry import logs

    given = {"server.host": options.host, "server.port": options.port, "server.metrics_port": options.metrics_port}
    config, path = settings(options.config, given)
    print(f"config: {path}" if path else "config: none, the providers are those of the environment", file=sys.stderr)
    logs.configure(config.telemetry)
    try:
        serve(
            config,
            ready=lambda gateway, base_url: _ready(gateway, config, base_url),
            load=lambda: reread(path, given),
            path=path,
        )
    except ConfigError as error:
        raise faults(error) from error
    return OK


def _ready(gateway: Gateway, config: Config, base_url: str) -> None:
    for everywhere, here in _EVERYWHERE.items():
        base_url = base_url.replace(f"//{everywhere}:", f"//{here}:")
    names = [route.entry for route in gateway.engine.routes.routes]
    print(welcome(base_url, names, keyed=bool(config.keys or config.keys_file)), flush=True)
    _TASKS.add(asyncio.ensure_future(_warn_of_small_windows(gateway)))


_TASKS: set[asyncio.Future[None]] = set()
"""What runs beside the gateway: the loop itself keeps no hold of it."""


async def _warn_of_small_windows(gateway: Gateway) -> None:
    from rosetta.engine import ollama

    for route in gateway.engine.routes.routes:
        for target in route.targets:
            native = gateway.engine.providers[target.provider].ollama
            if native is not None and target.model and not is_glob(target.model):
                line = ollama.warning(target.model, await native.facts(target.model))
                if line:
                    print(f"warning: {line}", file=sys.stderr, flush=True)
