"""Values of a kind that nobody expects, in every place of what an upstream says."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

SHAPES: tuple[Any, ...] = ({"newer": [1]}, 5, [["newer"]])
"""What no field of these wires holds today, in one place or another."""


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of everything in an event."""
    if path:
        yield path
    for step, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, step))


def with_shape(data: Any, path: tuple[str | int, ...], shape: Any) -> Any:
    changed = copy.deepcopy(data)
    node = changed
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = shape
    return changed
