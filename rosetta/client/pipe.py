"""The engine's Writer for a caller in the same process: bounded, so that a slow reader slows the upstream down."""

from __future__ import annotations

import asyncio
from collections import deque

PIECES = 16
"""How many pieces may wait for the reader."""


class Pipe:
    """One answer on its way, from one task to another of the same loop."""

    __slots__ = ("_arrived", "_ended", "_error", "_pieces", "_room", "head")

    def __init__(self) -> None:
        self.head = asyncio.Event()
        """Set with the head of the answer, or with the end of a call that has none."""
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._pieces: deque[bytes] = deque()
        self._ended = False
        self._error: BaseException | None = None

    async def start(self, status: int, headers: list[tuple[str, str]]) -> None:  # noqa: ARG002 - the caller has no use for them
        """The head of a stream."""
        self.head.set()

    async def write(self, data: bytes) -> None:
        """A piece of the body; waits while the reader is slow. ``b""`` is its end."""
        if not data:
            return
        while len(self._pieces) >= PIECES:
            self._room.clear()
            await self._room.wait()
        self._pieces.append(data)
        self._arrived.set()

    async def unary(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:  # noqa: ARG002 - likewise
        """A whole answer."""
        self.head.set()
        await self.write(body)

    def end(self, error: BaseException | None) -> None:
        """Nothing follows; ``error`` is why, where something went wrong."""
        self._ended, self._error = True, error
        self.head.set()
        self._arrived.set()

    @property
    def ended(self) -> bool:
        """Nothing follows what is here, and nothing went wrong."""
        return self._ended and self._error is None

    def at_hand(self) -> bytes:
        """Everything that is here, ``b""`` if nothing is."""
        pieces = b"".join(self._pieces)
        self._pieces.clear()
        self._room.set()
        return pieces

    async def read(self) -> bytes:
        """The next piece, ``b""`` at the end. Raises the error that the pipe ended with."""
        while not self._pieces:
            if self._ended:
                if self._error is not None:
                    raise self._error
                return b""
            self._arrived.clear()
            await self._arrived.wait()
        piece = self._pieces.popleft()
        self._room.set()
        return piece
