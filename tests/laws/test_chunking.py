"""The chunking law: bytes of an event stream mean the same however they are cut and whichever line ends they use."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosetta.converters.sse import SseParser
from tests.laws import wires

LINES = st.sampled_from(
    [
        "data: {}",
        "data:x",
        "data: a\u2028b\u0085c",
        "data",
        "event: e",
        "event:",
        ": ping",
        "id: 7",
        "retry: 1",
        "",
        "",
        "nonsense",
        "data: é😀",
        "data:  two",
    ]
)


def read(*chunks: bytes) -> list[tuple[str | None, bytes]]:
    parser = SseParser()
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    return events + parser.finish()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(st.lists(LINES, max_size=12), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.booleans(), st.lists(st.integers(0, 10_000), max_size=8))
def test_any_split_gives_the_same_events(lines: list[str], line_end: bytes, mark: bool, places: list[int]) -> None:
    """A stream cut anywhere, within a line end or a character too, gives the events of the whole."""
    data = (b"\xef\xbb\xbf" if mark else b"") + b"".join(line.encode() + line_end for line in lines)
    whole = read(data)
    assert read(*cut(data, places)) == whole
    assert read(*(bytes([byte]) for byte in data)) == whole


@given(st.lists(LINES, max_size=12))
def test_all_line_ends_mean_the_same(lines: list[str]) -> None:
    """CR LF, LF and CR end a line alike, and a byte order mark at the beginning is no content."""
    data = b"".join(line.encode() + b"\n" for line in lines)
    assert read(data.replace(b"\n", b"\r\n")) == read(data)
    assert read(data.replace(b"\n", b"\r")) == read(data)
    assert read(b"\xef\xbb\xbf" + data) == read(data)


@pytest.mark.parametrize(("format", "name"), wires.files("streams", "sse"), ids=wires.case_id)
def test_every_recorded_stream_survives_every_split(format: str, name: str) -> None:
    """Each recorded stream, cut into pieces of each small size, gives what it gives whole."""
    data = wires.stream(format, name)
    whole = read(data)
    assert whole
    for size in (1, 2, 3, 7, 64, 1021):
        assert read(*(data[start : start + size] for start in range(0, len(data), size))) == whole
