"""The stream laws: every stream is told by the grammar, whoever tells it, and one that was cut or broken never ends politely."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosetta.converters import CONVERTERS
from rosetta.fold import fold
from rosetta.ir.events import BlockStart, End, Event, Failed, Start
from rosetta.ir.parts import FORMATS, Format, Opaque, Part, Refusal, Text
from rosetta.ir.response import Response
from tests.laws import grammar, strategies, wires

STREAMS = wires.files("streams", "sse")
BROKEN = wires.files("streams/broken", "sse")


@pytest.mark.parametrize(("format", "name"), STREAMS, ids=wires.case_id)
def test_a_whole_stream_is_decoded_to_its_end(format: Format, name: str) -> None:
    """However oddly a recorded stream tells its answer, the events obey the grammar and end well."""
    events = wires.decoded_stream(format, wires.parsed(wires.stream(format, name)))
    grammar.check_events(events)
    assert isinstance(events[-1], End), events[-1]
    assert fold(events, format).choices


@pytest.mark.parametrize(("format", "name"), BROKEN, ids=wires.case_id)
def test_a_broken_stream_fails(format: Format, name: str) -> None:
    """An error inside, a cut, or what is no stream at all ends as a failure and never as an answer."""
    events = wires.decoded_stream(format, wires.parsed(wires.stream(format, name, "streams/broken")))
    grammar.check_events(events)
    assert isinstance(events[-1], Failed), events[-1]


@pytest.mark.parametrize(("format", "name"), STREAMS, ids=wires.case_id)
def test_a_stream_cut_anywhere_is_never_told_as_complete(format: Format, name: str) -> None:
    """Cut after any event, a stream either holds its whole answer already, or fails."""
    wire = wires.parsed(wires.stream(format, name))
    whole = fold(wires.decoded_stream(format, wire), format)
    for end in range(len(wire)):
        events = wires.decoded_stream(format, wire[:end])
        grammar.check_events(events)
        if isinstance(events[-1], End):
            answer = fold(events, format)
            assert [choice.parts for choice in answer.choices] == [choice.parts for choice in whole.choices], f"cut after {end} events"
            assert [choice.finish for choice in answer.choices] == [choice.finish for choice in whole.choices], f"cut after {end} events"


@pytest.mark.parametrize("format", FORMATS)
def test_an_upstream_that_says_nothing_has_failed(format: Format) -> None:
    """A stream of no events at all is truncated."""
    (only,) = [event for event in wires.decoded_stream(format, []) if not isinstance(event, Start)]
    assert isinstance(only, Failed)
    assert only.failure.kind == "truncated"


@pytest.mark.parametrize(("format", "name"), STREAMS + BROKEN, ids=wires.case_id)
def test_a_decoder_is_silent_after_the_end(format: Format, name: str) -> None:
    """Whatever an upstream sends after its end, nothing follows."""
    folder = "streams" if (format, name) in STREAMS else "streams/broken"
    wire = wires.parsed(wires.stream(format, name, folder))
    decoder = CONVERTERS[format].stream_decoder(wires.ticket(format, stream=True))
    events: list[Event] = []
    for event, data in [*wire, *wire]:
        events.extend(decoder.feed(event, data))
    events.extend(decoder.finish())
    grammar.check_events(events)
    assert decoder.finish() == []
    assert decoder.feed(*wire[0]) == [] if wire else True


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=150)
@given(events=strategies.event_sequences())
def test_an_encoder_tells_every_valid_stream_validly(format: Format, events: list[Event]) -> None:
    """Blocks in any order and interleaving, ended, failed or cut off, come out as a stream the wire's own clients accept."""
    wire = wires.encoded_stream(format, events)
    grammar.check_wire(format, wire, failed=not isinstance(events[-1], End))


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=150)
@given(events=strategies.event_sequences())
def test_what_an_encoder_writes_its_decoder_reads(format: Format, events: list[Event]) -> None:
    """The wire's own decoder reads every encoded stream, complete ones as complete, failed ones as failed."""
    wire = wires.encoded_stream(format, events)
    read = wires.decoded_stream(format, wires.through_bytes(format, wire))
    grammar.check_events(read)
    assert isinstance(read[-1], End if isinstance(events[-1], End) else Failed)


@pytest.mark.parametrize("format", FORMATS)
@given(events=strategies.event_sequences(), opened_late=st.booleans())
def test_opening_twice_opens_once(format: Format, events: list[Event], opened_late: bool) -> None:
    """A stream may be opened before its first event, by it, or both: the client sees one opening."""
    encoder = CONVERTERS[format].stream_encoder(wires.reply(format))
    wire = [] if opened_late else [*encoder.open(), *encoder.open()]
    for event in events:
        wire.extend(encoder.feed(event))
        if wire:
            assert encoder.open() == []
    wire.extend(encoder.finish())
    assert encoder.finish() == []
    grammar.check_wire(format, wire, failed=not isinstance(events[-1], End))


@pytest.mark.parametrize("format", FORMATS)
@given(events=strategies.event_sequences(ends=("end", "failed")))
def test_an_encoder_is_silent_after_the_end(format: Format, events: list[Event]) -> None:
    """After End or Failed nothing more comes out."""
    encoder = CONVERTERS[format].stream_encoder(wires.reply(format))
    for event in events:
        encoder.feed(event)
    assert encoder.feed(BlockStart(99, "text")) == []
    assert encoder.feed(End()) == []
    assert encoder.finish() == []


@pytest.mark.parametrize("format", FORMATS)
@given(events=strategies.event_sequences(choices=1, ends=("end",)))
def test_no_text_is_lost_or_doubled_on_the_way_to_a_client(format: Format, events: list[Event]) -> None:
    """The visible texts and the arguments of calls arrive at the client's decoder as they were sent."""
    wire = wires.encoded_stream(format, events)
    sent, read = fold(events, format), fold(wires.decoded_stream(format, wires.through_bytes(format, wire)), format)
    assert visible(format, read) == visible(format, sent)


def visible(format: Format, answer: Response) -> list[str]:
    """All visible text of each choice, letter by letter: wires join neighbouring parts, and tell parts that are open together in their own order.

    A foreign opaque part says its text.
    """
    return ["".join(sorted("".join(shown(format, part) for part in choice.parts))) for choice in answer.choices]


def shown(format: Format, part: Part) -> str:
    match part:
        case Text(text=text) | Refusal(text=text):
            return text
        case Opaque(format=own, text=text) if own != format or format == "openai_chat":  # a chat delta has no other place for it
            return text
    return ""
