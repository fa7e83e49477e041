"""Server-sent events at byte level: https://html.spec.whatwg.org/multipage/server-sent-events.html.

Lines end with CR LF, LF or CR and nothing else: U+2028 and U+0085 inside JSON are content. Any split of the bytes gives the same events.
"""

from __future__ import annotations

EVENT_LIMIT_BYTES = 64 * 1024 * 1024
"""An event larger than this is taken for an attack or a fault; images in a stream stay far below."""


class EventTooLarge(ValueError):
    """An upstream sends an event without end."""


class SseParser:
    """Bytes in, ``(event name or None, data)`` out. Comments, ids and retry hints are passed over."""

    __slots__ = ("_begun", "_rest", "_skip_line_feed")

    def __init__(self) -> None:
        self._rest = b""
        self._skip_line_feed = False
        self._begun = False

    def feed(self, chunk: bytes) -> list[tuple[str | None, bytes]]:
        """The events which ``chunk`` completes."""
        if not chunk:
            return []
        if self._skip_line_feed:  # a CR ended the last chunk: its LF belongs to it
            self._skip_line_feed = False
            if chunk[0] == 10:
                chunk = chunk[1:]
        if b"\r" in chunk:
            self._skip_line_feed = chunk[-1] == 13
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        data = self._rest + chunk if self._rest else chunk
        if not self._begun and len(data) >= 3:
            self._begun = True
            data = data.removeprefix(b"\xef\xbb\xbf")
        blocks = data.split(b"\n\n")
        self._rest = blocks.pop()
        if len(self._rest) > EVENT_LIMIT_BYTES:
            raise EventTooLarge(f"an event is larger than {EVENT_LIMIT_BYTES} bytes")
        events = []
        for block in blocks:
            event = _parse(block)
            if event is not None:
                events.append(event)
        return events

    def finish(self) -> list[tuple[str | None, bytes]]:
        """The event which the end of the stream completes: the last one may come without its blank line."""
        event = _parse(self._rest)
        self._rest = b""
        return [] if event is None else [event]


def _parse(block: bytes) -> tuple[str | None, bytes] | None:
    if block.startswith(b"data: ") and b"\n" not in block:
        return None, block[6:]
    name: str | None = None
    data: list[bytes] = []
    for line in block.split(b"\n"):
        if line.startswith(b"data:"):
            data.append(line[6:] if line.startswith(b"data: ") else line[5:])
        elif line.startswith(b"event:"):
            name = line[6:].strip().decode("utf-8", "replace") or None
    if not data:
        return None
    return name, data[0] if len(data) == 1 else b"\n".join(data)
