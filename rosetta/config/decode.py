"""Plain values -> the Structs of schema.py, by the types written there, collecting every fault instead of stopping at the first.

msgspec's own ``convert`` stops at the first fault and quotes values, which may be secrets.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from msgspec import inspect

from rosetta.config.faults import BROKEN, Fault, child, origin, suggest
from rosetta.config.schema import FORMAT_ALIASES, Key, Model, Queue, TargetRow
from rosetta.config.secret import Secret

SIZE_LENGTH = 32

_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)(i?)b?", re.IGNORECASE)
_HASHED = "sha256:"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Decoder:
    """One pass over one document. ``places`` lists every Struct that was made, with its path, for checks that look across the whole."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.places: list[tuple[str, msgspec.Struct]] = []

    def struct(self, kind: type[msgspec.Struct], value: Any, path: str) -> Any:
        """``value`` as a ``kind``; BROKEN where it is no mapping or lacks something required. A broken field is left at its default."""
        shorthand = _SHORTHANDS.get(kind)
        return shorthand(self, value, path) if shorthand else self.fields(kind, value, path)

    def fields(
        self, kind: type[msgspec.Struct], value: Any, path: str, given: Mapping[str, Any] | None = None, known: Sequence[str] = ()
    ) -> Any:
        """As ``struct``, field by field. ``given`` fields are decoded already; ``known`` are names to suggest besides the Struct's own."""
        rows = rows_of(kind)
        if value is None:
            value = {}
        if value is BROKEN:
            return BROKEN
        if not isinstance(value, Mapping):
            return self.fault(path, f"expected a mapping with the keys {', '.join(rows)}", value)
        names = [*rows, *known]
        made = dict(given or {})
        for name, item in value.items():
            if name not in rows or name in made:
                hint = suggest(name, names, f"known here: {', '.join(names)}")
                self.faults.append(Fault(child(path, name), f"unknown key{origin(item)}; {hint}"))
            elif item is not None:
                decoded = self.value(rows[name].type, item, child(path, name))
                if decoded is not BROKEN:
                    made[rows[name].name] = decoded
        complete = True
        for name, row in rows.items():
            if row.required and name not in made:
                complete = False
                if value.get(name) is not BROKEN and not self._told(child(path, name)):
                    self.faults.append(Fault(child(path, name), "missing; it has no default"))
        if not complete:
            return BROKEN
        struct = kind(**made)
        self.places.append((path, struct))
        return struct

    def value(self, kind: inspect.Type, value: Any, path: str) -> Any:
        """``value`` as ``kind``, strings coerced where a number or a truth is wanted; BROKEN, with its fault told, where it does not fit."""
        if value is BROKEN:
            return BROKEN
        match kind:
            case inspect.UnionType(types=types):
                inner = next(each for each in types if not isinstance(each, inspect.NoneType))
                return None if value is None or value == "" else self.value(inner, value, path)
            case inspect.Metadata(type=inner, extra=extra):
                if (extra or {}).get("unit") == "bytes" and isinstance(value, str):
                    size = _size(value)
                    return (
                        self.fault(path, "expected a number of bytes, or text such as 64MiB", value)
                        if size is None
                        else self.value(inner, size, path)
                    )
                return self.value(inner, value, path)
            case inspect.StructType(cls=cls):
                return self.struct(cls, value, path)
            case inspect.DictType(value_type=inner):
                return self.mapping(inner, value, path)
            case inspect.VarTupleType(item_type=inner):
                return self.sequence(inner, value, path)
            case inspect.AnyType():
                return _plain(value)
            case inspect.LiteralType(values=values):
                return self.choice([str(each) for each in values], value, path)
            case inspect.IntType() | inspect.FloatType():
                return self.number(kind, value, path)
        return self.scalar(kind, value, path)

    def scalar(self, kind: inspect.Type, value: Any, path: str) -> Any:
        match kind:
            case inspect.BoolType():
                truth = value if isinstance(value, bool) else _WORDS.get(value.strip().lower()) if isinstance(value, str) else None
                return truth if truth is not None else self.fault(path, "expected true or false", value)
            case inspect.StrType():
                return self.text(value, path)
            case inspect.CustomType():
                text = self.text(value, path)
                return BROKEN if text is BROKEN else Secret(text)
            case inspect.DateTimeType():
                return self.moment(value, path)
        raise AssertionError(f"schema.py holds a type that the decoder does not know: {kind}")

    def text(self, value: Any, path: str) -> Any:
        if not isinstance(value, str):
            return self.fault(path, "expected text; put it in quotes", value)
        text = str(value).strip()  # a mounted Secret often ends with a line break
        return self.fault(path, "holds a line break or a control character", value) if _CONTROL.search(text) else text

    def number(self, kind: inspect.IntType | inspect.FloatType, value: Any, path: str) -> Any:
        whole = isinstance(kind, inspect.IntType)
        number: int | float | None = None
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = value
        elif isinstance(value, str):
            try:
                number = int(value) if whole else float(value)
            except ValueError:
                number = None
        if number is None or not _is_finite(number) or (whole and number != int(number)):
            return self.fault(path, f"expected a {'whole ' if whole else ''}number", value)
        for bound, holds, words in (
            (kind.ge, number >= (kind.ge or 0), "at least"),
            (kind.gt, number > (kind.gt or 0), "more than"),
            (kind.le, number <= (kind.le or 0), "at most"),
        ):
            if bound is not None and not holds:
                return self.fault(path, f"must be {words} {bound}", value)
        return int(number) if whole else float(number)

    def choice(self, values: Sequence[str], value: Any, path: str) -> Any:
        if isinstance(value, str):
            word = FORMAT_ALIASES.get(value, value)
            if word in values:
                return str(word)
            return self.fault(path, f"expected one of {', '.join(values)}; {suggest(value, values, 'write one of them')}", value)
        return self.fault(path, f"expected one of {', '.join(values)}", value)

    def moment(self, value: Any, path: str) -> Any:
        """A point in time; one without a time zone, or a day alone (its beginning), is read as UTC."""
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value.strip())
            except ValueError:
                return self.fault(path, "expected a date or a time as 2027-01-31 or 2027-01-31T12:00:00Z", value)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if not isinstance(value, datetime):
            return self.fault(path, "expected a date or a time as 2027-01-31 or 2027-01-31T12:00:00Z", value)
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)

    def mapping(self, inner: inspect.Type, value: Any, path: str) -> Any:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            return self.fault(path, "expected a mapping of names", value)
        made = {str(key): self.value(inner, item, child(path, key)) for key, item in value.items()}
        return {key: item for key, item in made.items() if item is not BROKEN}

    def sequence(self, inner: inspect.Type, value: Any, path: str) -> Any:
        """A list; where it holds words, text is read as words between commas, because an environment variable cannot hold a list."""
        if isinstance(value, str) and not isinstance(inner, inspect.StructType):
            value = [word for word in value.split(",") if word.strip()]
        if not isinstance(value, list):
            return self.fault(path, "expected a list", value)
        made = [self.value(inner, item, child(path, index)) for index, item in enumerate(value)]
        return tuple(item for item in made if item is not BROKEN)

    def fault(self, path: str, message: str, value: object = None) -> Any:
        self.faults.append(Fault(path, message + origin(value)))
        return BROKEN

    def _told(self, path: str) -> bool:
        return any(fault.path == path or fault.path.startswith(f"{path}.") for fault in self.faults)


def _model(decoder: Decoder, value: Any, path: str) -> Any:
    """A provider's name, one target, a list (chain) of both, or a mapping with ``targets``."""
    if isinstance(value, Mapping) and "targets" in value:
        return decoder.fields(Model, value, path)
    if isinstance(value, list):
        rows = tuple(decoder.struct(TargetRow, item, child(path, index)) for index, item in enumerate(value))
        return BROKEN if BROKEN in rows else decoder.fields(Model, {}, path, given={"targets": rows})
    if isinstance(value, Mapping):
        own = [name for name in rows_of(Model) if name != "targets"]
        target = decoder.fields(
            TargetRow, {name: item for name, item in value.items() if name not in own}, path, known=list(rows_of(Model))
        )
        given = {"targets": () if target is BROKEN else (target,)}
        model = decoder.fields(Model, {name: item for name, item in value.items() if name in own}, path, given=given)
        return BROKEN if target is BROKEN else model
    target = _target(decoder, value, path)
    return BROKEN if target is BROKEN else decoder.fields(Model, {}, path, given={"targets": (target,)})


def _target(decoder: Decoder, value: Any, path: str) -> Any:
    """A provider's name, ``provider/model``, or a mapping."""
    if isinstance(value, str):
        provider, _, model = value.partition("/")
        return decoder.fields(TargetRow, {"provider": provider, "model": model or None}, path)
    if isinstance(value, Mapping):
        return decoder.fields(TargetRow, value, path)
    return (
        BROKEN
        if value is BROKEN
        else decoder.fault(path, "expected a provider's name, a mapping with the key provider, or a list of them", value)
    )


def _key(decoder: Decoder, value: Any, path: str) -> Any:
    """``sha256:…`` in either place is the hash of a key."""
    if isinstance(value, Mapping):
        plain, hashed = value.get("key"), value.get("sha256")
        if isinstance(plain, str) and plain.startswith(_HASHED) and not hashed:
            value = {**value, "key": None, "sha256": plain.removeprefix(_HASHED)}
        elif isinstance(hashed, str):
            value = {**value, "sha256": hashed.removeprefix(_HASHED)}
    return decoder.fields(Key, value, path)


def _queue(decoder: Decoder, value: Any, path: str) -> Any:
    """How many may wait, or a mapping."""
    return decoder.fields(Queue, value if isinstance(value, Mapping) else {"size": value}, path)


_SHORTHANDS: dict[type[msgspec.Struct], Callable[[Decoder, Any, str], Any]] = {Key: _key, Model: _model, TargetRow: _target, Queue: _queue}


@functools.cache
def rows_of(kind: type[msgspec.Struct]) -> dict[str, inspect.Field]:
    """The fields of a Struct by name, with their types, defaults and bounds."""
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    return {row.name: row for row in described.fields}


def _size(text: str) -> int | None:
    """Bytes from ``1048576``, ``64MiB``, ``1.5 GB`` or ``512k``. With an ``i`` (KiB, Mi) a letter counts by 1024, else by 1000."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or len(text) > SIZE_LENGTH:
        return None
    number, letter, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** " kmg".index(letter.lower() or " "))


def _is_finite(number: int | float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an int beyond every float
        return False


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
