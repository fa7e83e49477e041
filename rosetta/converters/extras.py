"""Unknown fields on their way through: read from where they stood in a node, written back to where they were.

A field of an inner object has its way from the node as its name, ``image_url.x``: a Loss names it so.
"""

from __future__ import annotations

from typing import Any

from rosetta.converters.converter import Json
from rosetta.converters.fields import unknown
from rosetta.converters.losses import Losses


def unknown_within(extras: dict[str, Any], node: Json, key: str, known: frozenset[str]) -> dict[str, Any]:
    """``extras`` and the unknown fields of the object under ``key``, by their way from ``node``: ``image_url.x``. A Loss names them so."""
    inner = unknown(node[key], known)
    return {**extras, **{f"{key}.{name}": value for name, value in inner.items()}} if inner else extras


def restore(node: Json, extras: dict[str, Any], losses: Losses, at: str = "") -> None:
    """Writes unknown fields back to where they were, ``function.strict`` into ``function``; what no longer has a place is lost."""
    for key, value in extras.items():
        if "." not in key:
            node[key] = value
        elif not _placed(node, key.split("."), value):
            losses.extras({key: value}, at)


def _placed(node: Json, steps: list[str], value: Any) -> bool:
    place: Any = node
    for step in steps[:-1]:
        key = int(step) if type(place) is list and step.isdigit() else step
        try:
            inner = place[key].copy()  # what is shared with the client's request is not changed
        except (KeyError, IndexError, TypeError, AttributeError):
            return False
        place[key] = place = inner
    if type(place) is not dict:
        return False
    place[steps[-1]] = value
    return True
