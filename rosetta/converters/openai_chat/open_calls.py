"""The calls of an answer while they are streamed: which of them a piece belongs to, in whatever way a server tells."""

from __future__ import annotations

from typing import Any

from rosetta.converters import custom, jsontext
from rosetta.converters.converter import Json
from rosetta.ir.parts import Seal


class OpenCall:
    """A call that is open. Until its first byte of arguments its name may still grow, as some servers send it in pieces. ``said`` are the arguments so far
    of a call to which the server gave no id: only they tell where it ends."""

    __slots__ = ("custom", "held", "identity", "name", "number", "said", "seal", "unwrapper")

    def __init__(self, identity: str | None) -> None:
        self.identity = identity
        self.said: str | None = "" if identity is None else None
        self.name = ""
        self.number = -1  # of its block; -1: not begun
        self.custom = False  # the upstream has free-text tools itself
        self.held: list[str] = []  # arguments that came before the name
        self.unwrapper: custom.InputUnwrapper | None = None
        self.seal: Seal | None = None

    @property
    def whole(self) -> bool:
        """Whether the arguments of a call without an id are all there."""
        said = self.said or ""
        return said.endswith("}") and jsontext.arguments_object(said) is not None


class OpenCalls:
    """The calls of one choice. ``order`` has them as they were first named."""

    __slots__ = ("_by_index", "_last", "order")

    def __init__(self) -> None:
        self._by_index: dict[int, OpenCall] = {}
        self._last = -1  # the index of the call whose piece came last
        self.order: list[OpenCall] = []

    def of(self, piece: Json, name: Any) -> OpenCall:
        """The call that a piece belongs to. Servers leave the index out, send 0 always, or repeat the id."""
        index, identity = piece.get("index"), piece.get("id")
        identity = identity if type(identity) is str and identity else None
        if type(index) is not int:
            known = next((key for key, call in self._by_index.items() if identity is not None and call.identity == identity), None)
            if known is not None:
                index = known
            elif identity is not None or name or not self._by_index:
                index = max(self._by_index, default=-1) + 1
            else:
                index = self._last
        call = self._by_index.get(index)
        if call is not None and name and call.name:
            other_id = identity is not None and call.identity not in (None, identity)
            other_name = identity is None and call.number >= 0 and name != call.name
            if other_id or other_name or (identity is None and call.whole):
                call = None  # the same index with another id, or after whole arguments, is another call
        if call is None:
            call = self._by_index[index] = OpenCall(identity)
            self.order.append(call)
        elif call.identity is None and identity is not None and call.number < 0:
            call.identity, call.said = identity, None
        self._last = index
        return call
