"""The HTTP protocol with bounds that uvicorn's own lacks: on the size of a request's head, and on the time it takes to arrive."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rosetta.convert import new_id
from rosetta.converters import CONVERTERS, jsontext
from rosetta.gateway.routes import caller_format, find
from rosetta.ir.errors import Failure

HEAD_BYTES_MAX = 64 * 1024
"""The request line and all headers together."""
HEAD_S = 30.0
"""From the connection's or the request's beginning to the end of its headers."""


class HeadTooLarge(Exception):
    """The request's head passes HEAD_BYTES_MAX."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses endless and endlessly slow heads, and answers what is no HTTP with an error that a client's SDK can read."""

    _head_bytes = 0
    _in_head = True
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connects."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request, or of several."""
        super().data_received(data)
        # A header that never ends makes no callback; only the bytes tell.
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.send_400_response(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head_bytes = 0
        self._in_head = True
        if self._patience is None:
            self._await_head()

    def on_url(self, url: bytes) -> None:
        """A piece of the request's target."""
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        super().on_header(name, value)
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        self._head_bytes = 0
        self._head_came()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuses what cannot be read, in the envelope of the format that the path or the headers name, and closes."""
        too_large = msg == _TOO_LARGE or self._head_bytes > HEAD_BYTES_MAX
        failure = Failure("bad_request", _TOO_LARGE if too_large else "this is not a valid HTTP request", ours=True)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers or ()}
        path = (getattr(self, "url", b"") or b"/").decode("latin-1").partition("?")[0]
        format = find("POST", path, headers, {}).format if len(path) < 1000 else caller_format(headers)
        body = jsontext.encode(CONVERTERS[format].encode_failure(failure, new_id("req_")).body)
        status = b"431 Request Header Fields Too Large" if too_large else b"400 Bad Request"
        head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (status, len(body))
        self.transport.write(head + body)
        self.transport.close()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX:
            raise HeadTooLarge

    def _await_head(self) -> None:
        self._patience = self.loop.call_later(HEAD_S, self._give_up)

    def _head_came(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        self.transport.close()


_TOO_LARGE = f"the request line and headers are larger than {HEAD_BYTES_MAX} bytes"
