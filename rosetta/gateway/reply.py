"""The ASGI side of an answer."""

from __future__ import annotations

from typing import Any

from litestar.types import Receive, Send


class ClientGone(Exception):
    """The client closed its connection before its request was whole."""


class BodyTooLarge(Exception):
    """The request's body passes the limit, in bytes."""


async def read_body(receive: Receive, limit: int, declared: str | None) -> bytes:
    """The request's body. Raises BodyTooLarge, as early as the declared length tells it, and ClientGone."""
    if declared is not None and declared.isdigit() and int(declared) > limit:
        raise BodyTooLarge
    message: Any = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        if len(body) > limit:
            raise BodyTooLarge
        return body
    pieces = [body]
    size = len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > limit:
            raise BodyTooLarge
    return b"".join(pieces)


def _encoded(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    # A later header replaces an earlier one of its name: the upstream's own request id wins over ours.
    return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in dict(headers).items()]


class AsgiWriter:
    """The engine's Writer over an ASGI ``send``. ``headers`` go with every reply."""

    __slots__ = ("_headers", "_send", "started")

    def __init__(self, send: Send, headers: list[tuple[str, str]]) -> None:
        self._send: Any = send
        self._headers = headers
        self.started = False

    async def start(self, status: int, headers: list[tuple[str, str]]) -> None:
        """The head of a stream."""
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": _encoded([*self._headers, *headers])})

    async def write(self, data: bytes) -> None:
        """A piece of the body; waits while the client is slow. ``b""`` is the end of it."""
        await self._send({"type": "http.response.body", "body": data, "more_body": bool(data)})

    async def unary(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Head and body at once."""
        self.started = True
        encoded = _encoded([*self._headers, *headers])
        encoded.append((b"content-length", str(len(body)).encode()))
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})
