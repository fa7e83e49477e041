"""The ids of an answer's calls, each once: some servers give two calls of one function the same, and clients tell their results apart by nothing else."""

from __future__ import annotations

from rosetta.converters.losses import Losses


class CallIds:
    """Those of one answer. ``losses`` tells of each that had to change."""

    __slots__ = ("_seen", "losses")

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self.losses = Losses()

    def distinct(self, identity: str, at: str = "") -> str:
        """The id itself, or one made of it where it was there before; the same in every replay of the answer."""
        found, number = identity, 1
        while found in self._seen:
            number += 1
            found = f"{identity}_{number}"
        self._seen.add(found)
        if found != identity:
            self.losses.approximated("call_id", at, "two calls had one id")
        return found
