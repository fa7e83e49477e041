"""What one model accepts on one wire: the format's defaults, the vendor's row, the model's row, the user's word, each over the one before."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from rosetta.converters import CONVERTERS
from rosetta.ir.parts import FORMATS, Format
from rosetta.providers.catalog import GENERIC, VENDORS
from rosetta.providers.families import FAMILIES, Family

CACHED = 4096
"""How many answers are kept. The names of models come from clients."""
CACHED_NAME_LENGTH = 200
"""Longer names, in characters, are nobody's, and not kept."""

_SNAPSHOT = re.compile(r"(-20\d{6}|-20\d\d-\d\d-\d\d|@\d{8}|@latest|@default)$")
_CLAUDE_ENDINGS = re.compile(r"(-v\d+(:\d+)?|\[1m\]|-latest)$")
_REGION = re.compile(r"^(?:[a-z]{2,6}\.)?(?:anthropic|openai|google|meta|mistral|deepseek|qwen|xai)\.")
_OPENROUTER_VARIANT = re.compile(r":(?:free|beta|extended|thinking|nitro|floor|online|exacto)$")


class Limits(NamedTuple):
    """How many tokens a model takes and gives; None where nobody knows."""

    context_window: int | None = None
    max_output: int | None = None


def plain(model: str) -> str:
    """The name that the rows know: ``us.anthropic.claude-opus-4-5-20251101-v1:0``, ``anthropic/claude-opus-4.5`` and ``claude-opus-4-5@20251101``
    are all ``claude-opus-4-5``. An Ollama tag stays: ``qwen3:8b``."""
    name = model.rsplit("/", 1)[-1].lower()
    name = _OPENROUTER_VARIANT.sub("", _REGION.sub("", name))
    if name.startswith("claude"):
        name = _CLAUDE_ENDINGS.sub("", name).replace(".", "-")
    return _SNAPSHOT.sub("", name)


def dialect(format: Format, vendor: str, model: str, overrides: Mapping[str, Any]) -> Any:
    """The Dialect Struct of ``format`` for ``model`` on ``vendor``'s servers (a catalog name, or any other for an unknown server).

    ``overrides`` are the user's: flat fields, or under a format's name those of one wire. A flat field that only another format has is
    passed over, because a provider may speak several. Raises ValueError that names the nearest field, or the value's fault.
    """
    name = model if len(model) <= CACHED_NAME_LENGTH else ""
    if not overrides:
        return _cached(format, vendor, name)
    merged = {**_rows(format, vendor, name), **_chosen(format, overrides)}
    try:
        return msgspec.convert(merged, CONVERTERS[format].dialect)
    except msgspec.ValidationError as error:
        raise ValueError(f"dialect: {_readable(error)}") from error


@lru_cache(CACHED)
def _cached(format: Format, vendor: str, model: str) -> Any:
    return msgspec.convert(_rows(format, vendor, model), CONVERTERS[format].dialect)


def check_overrides(formats: Iterable[Format], overrides: Mapping[str, Any]) -> None:
    """Raises ValueError where a provider that speaks ``formats`` can have no use for one of its dialect's fields, or where a value is wrong."""
    spoken = tuple(formats)
    for name in overrides:
        if name not in FORMATS and not any(name in _fields(format) for format in spoken):
            raise _unknown(name, spoken)
    for format in spoken:
        dialect(format, "", "", overrides)


def _chosen(format: Format, overrides: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    own: Mapping[str, Any] = {}
    for name, value in overrides.items():
        if name == format:
            own = value
        elif name in _fields(format):
            flat[name] = value
        elif name not in FORMATS and not any(name in _fields(other) for other in FORMATS):
            raise _unknown(name, (format,))
    for name in own:
        if name not in _fields(format):
            raise _unknown(name, (format,))
    return {**flat, **own}


@lru_cache
def _fields(format: Format) -> frozenset[str]:
    return frozenset(field.name for field in msgspec.structs.fields(CONVERTERS[format].dialect))


def _unknown(name: str, formats: tuple[Format, ...]) -> ValueError:
    known = sorted({field for format in formats for field in _fields(format)})
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
    return ValueError(f"dialect.{name}: {' and '.join(formats)} has no such field; {hint}")


def _readable(error: msgspec.ValidationError) -> str:
    message, _, path = str(error).partition(" - at `$.")
    return f"{path.rstrip('`')}: {message}" if path else message


@lru_cache(CACHED)
def _rows(format: Format, vendor: str, model: str) -> dict[str, Any]:
    row = VENDORS.get(vendor)
    from_vendor = row.dialects.get(format, {}) if row is not None else {}
    family = _best(model, vendor, lambda family: format in family.dialects)
    return {**from_vendor, **(family.dialects[format] if family is not None else {})}


def _best(model: str, vendor: str, tells: Callable[[Family], bool]) -> Family | None:
    """The most specific row that ``tells`` something; among equals one that names the vendor."""
    name = plain(model)
    house = vendor if vendor in VENDORS else GENERIC
    best: Family | None = None
    best_rank = (-1, False)
    for family in FAMILIES:
        if not tells(family) or (family.vendors and house not in family.vendors):
            continue
        for pattern in family.names:
            if fnmatchcase(name, pattern):
                rank = (_specificity(pattern), bool(family.vendors))
                if rank > best_rank:
                    best, best_rank = family, rank
    return best


def _specificity(pattern: str) -> int:
    """How many characters are said outright; a name without a wildcard stands above all patterns."""
    letters = len(re.sub(r"\[[^]]*\]", "?", pattern).replace("*", ""))
    return letters if "*" in pattern or "[" in pattern else letters + 1000


def formats(vendor: str, model: str, has_tools: bool) -> tuple[Format, ...]:
    """The wires on which ``vendor`` serves ``model``, the best first. Those that its base URL answers stand first; whether a provider speaks
    the others, its config tells. A model's row may leave only some: OpenAI refuses function tools on chat from gpt-5.4 on."""
    return _formats(vendor, model if len(model) <= CACHED_NAME_LENGTH else "", has_tools)


@lru_cache(CACHED)
def _formats(vendor: str, model: str, has_tools: bool) -> tuple[Format, ...]:
    row = VENDORS.get(vendor)
    every = tuple(dict.fromkeys((*(row.formats if row is not None else ()), *FORMATS)))
    family = _best(model, vendor, lambda family: bool(family.dialects))
    only = None if family is None else (family.tool_formats or family.formats) if has_tools else family.formats
    return every if only is None else tuple(format for format in only if format in every)


def limits(vendor: str, model: str) -> Limits:
    """How many tokens ``model`` holds, as far as its family is known."""
    family = _best(model[:CACHED_NAME_LENGTH], vendor, lambda family: family.context_window is not None)
    return Limits() if family is None else Limits(family.context_window, family.max_output)
