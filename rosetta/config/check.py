"""What no single value can tell: whether the names in a config lead somewhere, and whether its parts fit together."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import get_args
from urllib.parse import urlsplit

import msgspec

from rosetta.config import globs
from rosetta.config.faults import Fault, child, suggest
from rosetta.config.schema import ECHO, Config, Key, Model, Provider, Retries, TargetRow
from rosetta.ir.parts import Format

NAMES_SHOWN = 8

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_STORE = re.compile(r"memory|(rediss?|valkeys?)(\+[a-z]+)?://.+")


def check(
    config: Config,
    places: Sequence[tuple[str, msgspec.Struct]],
    provider_names: Collection[str],
    vendors: Collection[str] | None,
    told: Collection[str],
) -> Iterator[Fault]:
    """The faults of a decoded config. ``places`` are its parts with their paths; ``provider_names`` counts those which did not decode.

    ``vendors`` are the catalog's names; None leaves them unchecked. ``told`` are the paths of faults found before: what is broken there is
    not called missing here.
    """
    for name, provider in config.providers.items():
        path = child("providers", name)
        yield from _provider(path, name, provider)
        if child(path, "type") not in told and child(path, "vendor") not in told:
            yield from _vendor(path, name, provider, vendors)
    for name in config.models:
        if problem := globs.problem(name):
            yield Fault(child("models", name), problem)
    if not _STORE.fullmatch(config.limits.store.reveal()):
        yield Fault("limits.store", "expected memory, or the address of a Redis or Valkey: redis://host:6379 or valkey://host:6379")
    if config.telemetry.otlp_endpoint and (problem := _address(config.telemetry.otlp_endpoint)):
        yield Fault("telemetry.otlp_endpoint", problem)
    by_name: dict[str, str] = {}
    by_digest: dict[bytes, str] = {}
    for path, row in places:
        match row:
            case TargetRow():
                yield from _reference(path, row, provider_names, vendors)
            case Model(targets=()) if not any(each.startswith(path) for each in told):
                yield Fault(path, "has no target; name a provider")
            case Key():
                yield from _key_owner(path, row, by_name)
                waits = config.keys_file is not None and not row.key and not row.sha256  # its key comes from keys_file
                if not waits and not {child(path, "key"), child(path, "sha256")} & set(told):
                    yield from _key_text(path, row, by_digest)
            case Retries(backoff_base=base, backoff_max=most) if base > most:
                yield Fault(child(path, "backoff_max"), "must be at least backoff_base")


def check_keys(places: Sequence[tuple[str, Key]]) -> Iterator[Fault]:
    """The faults of a set of keys, each with its path: a missing or doubled key, a name that is taken."""
    by_name: dict[str, str] = {}
    by_digest: dict[bytes, str] = {}
    for path, key in places:
        yield from _key_owner(path, key, by_name)
        yield from _key_text(path, key, by_digest)


def _provider(path: str, name: str, provider: Provider) -> Iterator[Fault]:
    if not name or not name.isprintable() or re.search(r"[\s/*?]", name):
        yield Fault(path, "a provider's name holds no space, slash, * or ?, because provider/model is split at the slash; rename it")
    if name == ECHO:
        yield Fault(path, f"{ECHO} is the built-in provider; give yours another name")
    if provider.base_url is not None and (problem := _address(provider.base_url)):
        yield Fault(child(path, "base_url"), problem)
    if provider.proxy is not None and (problem := _address(provider.proxy.reveal(), credentials=True)):
        yield Fault(child(path, "proxy"), problem)
    for header in provider.headers:
        if not _HEADER_NAME.fullmatch(header):
            yield Fault(child(child(path, "headers"), header), "this is no header's name; write letters, digits and dashes")


def _vendor(path: str, name: str, provider: Provider, vendors: Collection[str] | None) -> Iterator[Fault]:
    vendor = provider.vendor or (name if provider.type is None else None)
    if vendor is not None and vendors is not None and vendor not in vendors:
        formats = f"type is one of {', '.join(get_args(Format))}"
        if provider.vendor is None:
            yield Fault(child(path, "type"), f"missing, and no vendor has this provider's name; {formats}; {_or_vendor(vendor, vendors)}")
        else:
            yield Fault(
                child(path, "vendor"), f"unknown vendor; {suggest(vendor, list(vendors), f'give type and base_url instead: {formats}')}"
            )


def _or_vendor(name: str, vendors: Collection[str]) -> str:
    return suggest(name, sorted(vendors), "or name the vendor with vendor:")


def _address(text: str, credentials: bool = False) -> str | None:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or " " in text:
        return "expected an address that begins with http:// or https:// and names a host"
    if parts.username is not None and not credentials:
        return "holds a user or password, which would show in logs; put them into api_key or headers"
    return None


def _reference(path: str, row: TargetRow, provider_names: Collection[str], vendors: Collection[str] | None) -> Iterator[Fault]:
    if row.provider in provider_names or row.provider == ECHO:
        return
    names = [*provider_names, ECHO]
    if vendors and row.provider in vendors:
        hint = f"to use the vendor's defaults, add it under providers: {row.provider}: {{ api_key: … }}"
    else:
        listed = ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")
        hint = suggest(row.provider, names, f"configured are {listed}")
    yield Fault(path, f"no provider of this name; {hint}")


def _key_owner(path: str, key: Key, by_name: dict[str, str]) -> Iterator[Fault]:
    if not key.name or not key.name.isprintable():
        yield Fault(child(path, "name"), "a key needs a name that can be printed; it stands for the key in logs and metrics")
    elif (other := by_name.setdefault(key.name, path)) != path:
        yield Fault(child(path, "name"), f"{other} has the same name; rename one")
    for index, pattern in enumerate(key.models or ()):
        if problem := globs.problem(pattern):
            yield Fault(child(child(path, "models"), index), problem)


def _key_text(path: str, key: Key, by_digest: dict[bytes, str]) -> Iterator[Fault]:
    if not key.key and not key.sha256:
        yield Fault(path, "has neither key nor sha256; give one of them")
    elif key.key and key.sha256:
        yield Fault(path, "has both key and sha256; give one of them")
    elif key.sha256 and not _SHA256.fullmatch(key.sha256.reveal()):
        yield Fault(child(path, "sha256"), "expected 64 hexadecimal digits, as `printf %s KEY | sha256sum` prints them")
    elif (other := by_digest.setdefault(key.digest, path)) != path:
        yield Fault(path, f"{other} is the same key; each key has one owner")
