"""The routing table of a config as rows of text."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from rosetta.config import Config, Provider, RouteTable
from rosetta.config.schema import ECHO
from rosetta.ir.parts import Format
from rosetta.providers import catalog

IN_PROCESS = "(inside the process)"


class Row(NamedTuple):
    """One target of one name. ``entry`` is the name in a name's first row, else empty; ``model`` ``*`` is the name that was asked for."""

    name: str
    entry: str
    provider: str
    model: str
    formats: tuple[Format, ...]
    base_url: str

    @property
    def target(self) -> str:
        """``provider/model``."""
        return f"{self.provider}/{self.model}"


def rows(config: Config) -> list[Row]:
    """Every target of every name, in the order in which they are tried."""
    found = []
    for route in RouteTable(config).routes:
        for index, target in enumerate(route.targets):
            formats, base_url = spoken(target.provider, config)
            found.append(Row(route.entry, "" if index else route.entry, target.provider, target.model or "*", formats, base_url))
    return found


def spoken(name: str, config: Config) -> tuple[tuple[Format, ...], str]:
    """A provider's formats, the preferred first, and its address without anything secret."""
    row = config.providers.get(name)
    if row is None:
        assert name == ECHO, name
        return ("openai_chat",), IN_PROCESS
    vendor = catalog.vendor(row.vendor or name, row.base_url, row.type)
    formats = row.formats or ((row.type,) if row.type else vendor.formats)
    return formats, address(row, vendor)


def address(row: Provider, vendor: catalog.Vendor) -> str:
    """The base URL; a user, a password and a query would be somebody's secret."""
    parts = urlsplit(row.base_url or vendor.base_url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
