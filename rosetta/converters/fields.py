"""A reader over one JSON object that knows its path.

``take`` wants a field, ``maybe`` takes null for absent, ``rest`` gives what nobody asked for. The object is copied once at its top level and
never changed. Errors read ``messages.0.content.0.text: expected str, got null``.
"""

from __future__ import annotations

from typing import Any, TypeVar

from rosetta.converters.converter import Json, Malformed
from rosetta.ir.parts import NO_EXTRAS

T = TypeVar("T")

_NAMES = {str: "str", int: "int", float: "number", bool: "bool", dict: "object", list: "array", type(None): "null"}


def type_name(value: Any) -> str:
    """The JSON word for a value's type."""
    return _NAMES.get(type(value), type(value).__name__)


def join(path: str, key: str | int) -> str:
    """``messages.0`` + ``content`` -> ``messages.0.content``."""
    return f"{path}.{key}" if path else str(key)


class Fields:
    """One JSON object at ``path``."""

    __slots__ = ("_values", "path")

    def __init__(self, value: Any, path: str = "") -> None:
        if type(value) is not dict:
            raise Malformed(path, f"expected object, got {type_name(value)}")
        self._values: dict[str, Any] = value.copy()
        self.path = path

    def take(self, key: str, kind: type[T]) -> T:
        """The field, which must be there and be a ``kind``."""
        value = self.maybe(key, kind)
        if value is None:
            raise Malformed(join(self.path, key), f"expected {_NAMES[kind]}, got null or nothing")
        return value

    def maybe(self, key: str, kind: type[T]) -> T | None:
        """The field, or None when it is absent or null. An int is accepted for a float, 1024.0 for an int; a bool never is a number."""
        value = self._values.pop(key, None)
        if value is None or type(value) is kind:
            return value
        if kind is float and type(value) is int:
            return float(value)  # type: ignore[return-value]
        if kind is int and type(value) is float and value.is_integer():
            return int(value)  # type: ignore[return-value]
        raise Malformed(join(self.path, key), f"expected {_NAMES[kind]}, got {type_name(value)}")

    def any(self, key: str) -> Any:
        """The field as it is, None when absent."""
        return self._values.pop(key, None)

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of strings, empty when absent."""
        values = self.maybe(key, list) or []
        for index, value in enumerate(values):
            if type(value) is not str:
                raise Malformed(f"{join(self.path, key)}.{index}", f"expected str, got {type_name(value)}")
        return tuple(values)

    def fields(self, key: str) -> Fields | None:
        """A nested object as a reader of its own, or None when absent."""
        value = self._values.pop(key, None)
        return None if value is None else type(self)(value, join(self.path, key))

    def drop(self, *keys: str) -> None:
        """These fields are known and carry nothing."""
        for key in keys:
            self._values.pop(key, None)

    def has(self, key: str) -> bool:
        """Whether the field is there and not null, without taking it."""
        return self._values.get(key) is not None

    def rest(self) -> dict[str, Any]:
        """The fields nobody took, null ones too."""
        return self._values


# One field of an object that is read where it lies: the parts of a message are many, and each has few fields.


def string(node: Json, key: str, at: str) -> str:
    """A string field which must be there. ``at`` is the node's path."""
    value = node.get(key)
    if type(value) is not str:
        raise Malformed(join(at, key), f"expected str, got {'null or nothing' if value is None else type_name(value)}")
    return value


def maybe_string(node: Json, key: str, at: str) -> str | None:
    """A string field, None when absent or null."""
    value = node.get(key)
    if value is not None and type(value) is not str:
        raise Malformed(join(at, key), f"expected str, got {type_name(value)}")
    return value


def maybe_object(node: Json, key: str, at: str) -> Json | None:
    """An object field, None when absent or null."""
    value = node.get(key)
    if value is not None and type(value) is not dict:
        raise Malformed(join(at, key), f"expected object, got {type_name(value)}")
    return value


def unknown(node: Json, known: frozenset[str]) -> dict[str, Any]:
    """The fields of ``node`` that nobody knows; null ones are absent."""
    if node.keys() <= known:
        return NO_EXTRAS
    return {key: value for key, value in node.items() if key not in known and value is not None} or NO_EXTRAS
