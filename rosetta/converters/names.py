"""Tool names and call ids that every wire accepts, by pure functions: the same id in gives the same id out, because the next request repeats history."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from rosetta.ir.request import CustomTool, FunctionTool, Tool, ToolName

CALL_ID_LIMIT = 64
NAMESPACE_SEPARATOR = "__"

_NOT_ID = re.compile(r"[^A-Za-z0-9_-]")
_NOT_NAME = re.compile(r"[^A-Za-z0-9_-]")


def _hash(text: str, length: int = 8) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:length]


def call_id(value: str, limit: int = CALL_ID_LIMIT) -> str:
    """``value`` itself where it fits ``[A-Za-z0-9_-]`` and ``limit``; else a readable beginning and a hash of the whole."""
    if len(value) <= limit and value and not _NOT_ID.search(value):
        return value
    return f"{_NOT_ID.sub('_', value)[: limit - 9].rstrip('_') or 'call'}_{_hash(value)}"


def short_id(value: str, limit: int = CALL_ID_LIMIT) -> str:
    """``value`` itself where it fits ``limit`` in any characters; else shortened with a hash."""
    return value if len(value) <= limit else call_id(value, limit)


def mistral_id(value: str) -> str:
    """Nine letters and digits, as Mistral wants them."""
    return value if len(value) == 9 and value.isalnum() and value.isascii() else _hash(value, 9)


class ToolNames:
    """The wire names of a request's tools, unique and within the wire's charset and length.

    A namespaced tool is flattened to ``namespace__name``. ``wire`` gives the name to write; ``back`` is what the Ticket needs: wire name ->
    the client's tool, for the names that changed and for custom tools.
    """

    __slots__ = ("_invalid", "_limit", "_taken", "_wire", "back")

    def __init__(self, tools: Iterable[Tool], *, limit: int = 64, invalid: re.Pattern[str] = _NOT_NAME) -> None:
        self._limit = limit
        self._invalid = invalid
        self._wire: dict[tuple[str | None, str], str] = {}
        self._taken: set[str] = set()
        self.back: dict[str, ToolName] = {}
        for tool in tools:
            if isinstance(tool, FunctionTool | CustomTool) and tool.namespace is None:
                self._claim(None, tool.name, "custom" if isinstance(tool, CustomTool) else "function")
        for tool in tools:
            if isinstance(tool, FunctionTool | CustomTool) and tool.namespace is not None:
                self._claim(tool.namespace, tool.name, "custom" if isinstance(tool, CustomTool) else "function")

    def _claim(self, namespace: str | None, name: str, kind: str) -> str:
        key = (namespace, name)
        if key in self._wire:
            return self._wire[key]
        wire = self._fit(name if namespace is None else f"{namespace}{NAMESPACE_SEPARATOR}{name}")
        while wire in self._taken:
            wire = self._fit(f"{wire[: self._limit - 9]}_{_hash(f'{namespace}/{name}/{wire}')}")
        self._wire[key] = wire
        self._taken.add(wire)
        if wire != name or namespace is not None or kind == "custom":
            self.back[wire] = ToolName(name=name, namespace=namespace, kind="custom" if kind == "custom" else "function")
        return wire

    def _fit(self, name: str) -> str:
        wire = self._invalid.sub("_", name) or "tool"
        return wire if len(wire) <= self._limit else f"{wire[: self._limit - 9]}_{_hash(name)}"

    def wire(self, name: str, namespace: str | None = None) -> str:
        """The wire name of a tool, of one no longer declared too (history may call it)."""
        found = self._wire.get((namespace, name))
        return found if found is not None else self._claim(namespace, name, "function")
