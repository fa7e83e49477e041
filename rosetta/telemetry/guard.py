"""Label values come from closed sets. What the config knows is let through until there is too much of it; what it does not know never is."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rosetta.telemetry.names import LABEL_VALUES_MAX, NONE, OTHER


class LabelGuard:
    """The values of one label. ``overflowed`` is called for each use of a value that the config knows and that found no room."""

    def __init__(self, overflowed: Callable[[], None], most: int = LABEL_VALUES_MAX) -> None:
        self._overflowed = overflowed
        self._most = most
        self._allowed: frozenset[str] = frozenset()
        self._seen: set[str] = set()

    def allow(self, values: Iterable[str]) -> None:
        """The config in force knows these."""
        self._allowed = frozenset(values)

    @property
    def allowed(self) -> frozenset[str]:
        """What the config knows."""
        return self._allowed

    def __call__(self, value: str) -> str:
        """``value`` itself, or ``_other``."""
        if value in self._seen:
            return value if value in self._allowed or value == NONE else OTHER
        if value == NONE:
            return value
        if value not in self._allowed:
            return OTHER
        if len(self._seen) >= self._most:
            self._overflowed()
            return OTHER
        self._seen.add(value)
        return value
