"""The ASGI side of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from litestar.types import Send


def closing(send: Send) -> Send:
    """``send`` for a gateway that is about to end: the client is told to take another connection for its next request."""

    async def wrapped(message: Any) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        await send(message)

    return wrapped


def _encoded(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    # A later header replaces an earlier one of its name: the upstream's own request id wins over ours.
    return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in dict(headers).items()]


class AsgiWriter:
    """The engine's Writer over an ASGI ``send``. ``headers`` go with every reply. ``ended`` is True once its last byte is handed over."""

    __slots__ = ("_headers", "_send", "ended", "started", "status")

    def __init__(self, send: Send, headers: list[tuple[str, str]]) -> None:
        self._send: Any = send
        self._headers = headers
        self.started = False
        self.ended = False
        self.status = 0

    async def start(self, status: int, headers: list[tuple[str, str]]) -> None:
        """The head of a stream."""
        self.started, self.status = True, status
        await self._send({"type": "http.response.start", "status": status, "headers": _encoded([*self._headers, *headers])})

    async def write(self, data: bytes) -> None:
        """A piece of the body; waits while the client is slow. ``b""`` is the end of it."""
        self.ended = not data
        await self._send({"type": "http.response.body", "body": data, "more_body": bool(data)})

    async def unary(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Head and body at once."""
        self.started, self.ended, self.status = True, True, status
        encoded = _encoded([*self._headers, *headers])
        encoded.append((b"content-length", str(len(body)).encode()))
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})
