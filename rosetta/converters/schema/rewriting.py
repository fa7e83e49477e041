"""One rewriting of one schema into a subset: what is shared by Anthropic's and Google's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from rosetta.converters.losses import Losses
from rosetta.converters.schema.keywords import DEPTH_LIMIT, MAPS, NODE_LIMIT, Schema, resolved


class Rewriter(ABC):
    """One rewriting of one schema: the root for references, and what changed its meaning."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self.changes: dict[str, None] = {}
        self.nodes = 0

    def build(self, at: str, losses: Losses, field: str) -> Schema:
        result = self.node(self.root, 0, ())
        if self.changes:
            losses.approximated(field, at, "; ".join(self.changes))
        return self.root if result == self.root else result

    @abstractmethod
    def node(self, schema: Any, depth: int, path: tuple[str, ...]) -> Schema:
        """``schema`` in the subset. ``depth`` is how deep it lies, ``path`` the references that led to it."""

    def changed(self, what: str) -> None:
        self.changes[what] = None

    def too_large(self, depth: int) -> bool:
        self.nodes += 1
        if depth > DEPTH_LIMIT or self.nodes > NODE_LIMIT:
            self.changed("the schema is too large and was cut")
            return True
        return False

    def merged(self, schema: Schema, depth: int) -> Schema:
        """``schema`` with its allOf merged into it."""
        parts = schema.get("allOf")
        if type(parts) is not list:
            return schema
        result = {key: value for key, value in schema.items() if key != "allOf"}
        if self.too_large(depth):
            return result
        for part in parts:
            if type(part) is not dict:
                continue
            seen: set[str] = set()
            while type(part.get("$ref")) is str and part["$ref"] not in seen:
                seen.add(part["$ref"])
                target = resolved(self.root, part["$ref"])
                if type(target) is not dict:
                    break
                part = {**target, **{key: value for key, value in part.items() if key != "$ref"}}
            part = self.merged(part, depth + 1)
            for key, value in part.items():
                known = result.get(key)
                if known is None or known == value:
                    result[key] = value
                elif key in MAPS and type(known) is dict and type(value) is dict:
                    result[key] = {**known, **{name: _both(known[name], one) if name in known else one for name, one in value.items()}}
                elif key == "required" and type(known) is list and type(value) is list:
                    result[key] = [*known, *(name for name in value if name not in known)]
                elif key not in ("title", "description", "$ref"):
                    self.changed(f"allOf: only one {key} is kept")
        return result


def _both(one: Any, other: Any) -> Any:
    return one if one == other else {"allOf": [one, other]}
