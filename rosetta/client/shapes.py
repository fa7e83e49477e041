"""What comes back: plain JSON with attribute access.

``reply.choices[0].message.content`` and ``reply["choices"][0]["message"]["content"]`` are the same; ``reply.model_dump()`` is the dict. A field that the
answer does not have is None as an attribute, as in the vendors' own packages.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from rosetta.ir.loss import Loss
from rosetta.ir.usage import NO_USAGE, Usage


class Shape(dict[str, Any]):
    """A JSON object. Objects within it are Shapes too."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)

    def model_dump(self) -> dict[str, Any]:
        """Plain dicts and lists."""
        return {key: _plain(value) for key, value in self.items()}

    def model_dump_json(self, *, indent: int | None = None) -> str:
        """The JSON text."""
        return json.dumps(self, indent=indent, ensure_ascii=False)


class Reply(Shape):
    """A whole answer. ``losses`` is what request and answer lost on their way, ``provider`` and ``attempts`` who answered at which try, ``tokens`` its usage in
    one arithmetic whatever the provider's. None of them is part of the JSON."""

    losses: tuple[Loss, ...]
    provider: str
    attempts: int
    tokens: Usage
    parse: Callable[[str], Any] | None

    def __init__(
        self,
        value: dict[str, Any],
        *,
        losses: tuple[Loss, ...] = (),
        provider: str = "",
        attempts: int = 1,
        tokens: Usage = NO_USAGE,
        parse: Callable[[str], Any] | None = None,
    ) -> None:
        super().__init__({key: shaped(item) for key, item in value.items()})
        for name, given in (("losses", losses), ("provider", provider), ("attempts", attempts), ("tokens", tokens), ("parse", parse)):
            object.__setattr__(self, name, given)

    @property
    def parsed(self) -> Any:
        """The first choice's content as the type that ``response_format`` named; None without one. Raises the type's own validation error."""
        if self.parse is None:
            return None
        return self.parse(self["choices"][0]["message"]["content"])


def shaped(value: Any) -> Any:
    """``value`` with every dict in it a Shape."""
    if isinstance(value, dict):
        return Shape({key: shaped(item) for key, item in value.items()})
    return [shaped(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
