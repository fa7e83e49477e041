"""``rosetta models``: what can be asked for, and who answers."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import msgspec

from rosetta.cli import OK
from rosetta.cli.routing import Row, rows
from rosetta.cli.settings import add_config, settings
from rosetta.cli.table import table


def arguments(parser: ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="as a JSON list")


def run(options: Namespace) -> int:
    found = rows(settings(options.config).config)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(_grouped(found)), indent=2).decode())
    else:
        print(table(("MODEL", "ANSWERED BY"), [(row.entry, row.target) for row in found]))
    return OK


def _grouped(found: list[Row]) -> list[dict[str, object]]:
    names = dict.fromkeys(row.name for row in found)
    return [
        {
            "model": name,
            "targets": [{"provider": row.provider, "model": row.model, "formats": row.formats} for row in found if row.name == name],
        }
        for name in names
    ]
