"""Server-sent events at byte level; the law that cuts do not matter is in tests/laws/test_chunking.py."""

from __future__ import annotations

import pytest

from rosetta.converters import sse
from rosetta.converters.sse import EventTooLarge, SseParser


def read(data: bytes) -> list[tuple[str | None, bytes]]:
    parser = SseParser()
    return parser.feed(data) + parser.finish()


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"data: x\n\n", [(None, b"x")]),
        (b"data:x\n\n", [(None, b"x")]),
        (b"data:  x\n\n", [(None, b" x")]),
        (b"event: ping\ndata: {}\n\n", [("ping", b"{}")]),
        (b"data: {}\nevent: ping\n\n", [("ping", b"{}")]),
        (b"data: a\ndata: b\n\n", [(None, b"a\nb")]),
        (b"data:\n\n", [(None, b"")]),
        (b": comment\n\ndata: x\n\n: more\n\n", [(None, b"x")]),
        (b"event: lonely\n\n", []),
        (b"id: 1\nretry: 5\ndata: x\n\n", [(None, b"x")]),
        (b"\n\n\ndata: x\n\n\n\n", [(None, b"x")]),
        (b"data: last", [(None, b"last")]),
        (b"data: last\n", [(None, b"last")]),
        ("data: a\u2028b\u0085c\n\n".encode(), [(None, "a\u2028b\u0085c".encode())]),
        (b"", []),
    ],
)
def test_the_format_as_the_standard_has_it(data: bytes, events: list[tuple[str | None, bytes]]) -> None:
    """Names, comments, many data lines, missing blanks and missing ends mean what the standard says, or what the world does."""
    assert read(data) == events


def test_an_event_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upstream cannot fill the memory with one event."""
    monkeypatch.setattr(sse, "EVENT_LIMIT_BYTES", 100)
    parser = SseParser()
    parser.feed(b"data: " + b"x" * 80)
    with pytest.raises(EventTooLarge):
        parser.feed(b"x" * 80)
