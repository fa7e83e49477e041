"""Collecting what a conversion could not say."""

from __future__ import annotations

from rosetta.ir.loss import FIELD_CLASS, Loss, LossKind


class Losses(list[Loss]):
    """A list of losses with a verb for each kind. ``field`` is a key of ``FIELD_CLASS`` or an unknown field's own wire name;
    ``at`` the node's own ``at``."""

    def _add(self, kind: LossKind, field: str, at: str, detail: str) -> None:
        self.append(Loss(field=field, kind=kind, category=FIELD_CLASS.get(field, "setting"), at=at, detail=detail))

    def dropped(self, field: str, at: str = "", detail: str = "") -> None:
        """The target will not hear of it."""
        self._add("dropped", field, at, detail)

    def approximated(self, field: str, at: str = "", detail: str = "") -> None:
        """The target hears something near."""
        self._add("approximated", field, at, detail)

    def emulated(self, field: str, at: str = "", detail: str = "") -> None:
        """The target has no such thing; another of its means gives the same effect."""
        self._add("emulated", field, at, detail)

    def injected(self, field: str, at: str = "", detail: str = "") -> None:
        """The target hears something that the client did not say, because its wire demands it."""
        self._add("injected", field, at, detail)

    def once(self, field: str, detail: str = "") -> None:
        """Dropped by a stream, whose pieces each lose it anew: told for the first."""
        if all(loss.field != field for loss in self):
            self.dropped(field, detail=detail)

    def extras(self, extras: dict[str, object], at: str = "") -> None:
        """Unknown fields that another wire cannot carry."""
        for name in extras:
            path = f"{at}.{name}" if at else name  # it has its own word: no other is looked up for it
            self.append(Loss(name, "dropped", FIELD_CLASS.get(name, "setting"), at, "unknown to the target's format", path))

    def stray(self, extras: dict[str, object], at: str) -> None:
        """Unknown fields of a stream's pieces, which no wire carries on: each told once, however many pieces have it."""
        self.extras({name: value for name, value in extras.items() if not any(loss.field == name and loss.at == at for loss in self)}, at)
