"""The HTTP protocol with bounds that uvicorn's own lacks: on the size of a request's head, and on the time it takes to arrive."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rosetta.convert import new_id
from rosetta.converters import CONVERTERS, jsontext
from rosetta.gateway.routes import caller_format, find
from rosetta.ir.errors import Failure

HEAD_BYTES_MAX = 64 * 1024
"""The request line and all headers together, roughly: counted in the pieces in which they come."""
HEAD_S = 30.0
"""How long a head may take."""
BODY_IDLE_S = 60.0
"""How long the next piece of a body may take."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses endless and endlessly slow requests, and answers what is no HTTP with an error that a client's SDK can read.

    A request that arrives in one piece, as nearly all do, costs two flags: the timer is for those that do not.
    """

    _head_bytes = 0
    _in_head = True
    _whole = False  # nothing of a request is missing
    _heard = 0.0
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connects."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._waited()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request, or of several."""
        super().data_received(data)
        if self._whole:
            if self._patience is not None:
                self._waited()
            return
        if self.transport.is_closing():
            return
        self._heard = self.loop.time()
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.send_400_response(_TOO_LARGE)
                return
        if self._patience is None:
            self._wait()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head_bytes = 0
        self._in_head = True
        self._whole = False

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._whole = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuses what cannot be read, in the envelope of the format that the path or the headers name, and closes."""
        if msg == _TOO_LARGE:
            self._refuse(b"431 Request Header Fields Too Large", Failure("bad_request", msg, ours=True))
        else:
            self._refuse(b"400 Bad Request", Failure("bad_request", "this is not a valid HTTP request", ours=True))

    def _refuse(self, status: bytes, failure: Failure) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers or ()}
        path = (getattr(self, "url", b"") or b"/").decode("latin-1").partition("?")[0]
        format = find("POST", path, headers, {}).format if len(path) < 1000 else caller_format(headers)
        body = jsontext.encode(CONVERTERS[format].encode_failure(failure, new_id("req_")).body)
        head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (status, len(body))
        self.transport.write(head + body)
        self.transport.close()

    def _wait(self) -> None:
        self._heard = self.loop.time()
        self._patience = self.loop.call_later(HEAD_S if self._in_head else BODY_IDLE_S, self._look)

    def _waited(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _look(self) -> None:
        self._patience = None
        if self._whole or self.transport.is_closing():
            return
        left = BODY_IDLE_S - (self.loop.time() - self._heard)
        if self._in_head or (left <= 0 and self.cycle.response_started):
            self.transport.close()
        elif left > 0 or self.flow.read_paused:  # it sends, or it is we who do not read
            self._patience = self.loop.call_later(max(left, 1.0), self._look)
        else:
            failure = Failure("timeout", "the request's body did not arrive in time: send it again", ours=True)
            self._refuse(b"408 Request Timeout", failure)


_TOO_LARGE = f"the request line and headers are larger than {HEAD_BYTES_MAX} bytes"
