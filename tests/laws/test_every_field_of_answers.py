"""The law of every field, for answers: whatever an upstream's wire can say of an answer changes what the client reads, or its loss is told; streamed and whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from rosetta.converters import CONVERTERS
from rosetta.converters.converter import UpstreamFailed
from rosetta.fold import unfold
from rosetta.ir.parts import (
    FORMATS,
    Citation,
    FileId,
    Format,
    Inline,
    Link,
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
)
from rosetta.ir.response import Choice, Finish, FinishReason, Response
from rosetta.ir.usage import Usage
from tests.laws import wires

C: Format = "openai_chat"
R: Format = "openai_responses"
A: Format = "anthropic"
G: Format = "google_genai"
HELLO = Text("hello", "place.0")
CALL = ToolCall("call_1", "f", "{}", "place.9")
CALLED = Finish("tool_calls")
SIGNED = Seal("thought_signature", "QUJD", "maker", "m", bound="part")
STATE: dict[Format, Seal] = {
    R: Seal("encrypted", "RU5D", "maker", "m", "rs_1", texts=("think",)),
    A: Seal("signature", "c2ln", "maker", "m", texts=("think",)),
    G: Seal("thought_signature", "c2ln", "maker", "m"),
}
"""A chat server's state is the thought's own text."""
COUNTS: dict[str, tuple[frozenset[Format], Any]] = {
    "cache_read": (frozenset(FORMATS), 3),
    "cache_write": (frozenset({A, C, R}), 3),
    "tool_prompt": (frozenset({G}), 3),
    "reasoning": (frozenset(FORMATS), 1),
    "input_audio": (frozenset({C}), 2),
    "output_audio": (frozenset({C}), 1),
    "accepted_prediction": (frozenset({C}), 1),
    "rejected_prediction": (frozenset({C}), 1),
    "server_tools": (frozenset({A}), {"web_search_requests": 2}),
    "extras": (frozenset(FORMATS), {"fresh": 1}),
}
ENDS: dict[Format, tuple[FinishReason, ...]] = {
    C: ("length", "content_filter", "other"),
    R: ("length", "content_filter", "other"),
    A: ("length", "refusal", "context_window", "pause", "compaction", "other"),
    G: ("length", "content_filter", "malformed_tool_call", "too_many_tool_calls", "other"),
}
FIRST = Usage(input_uncached=10, output_total=5)


def answer(source: Format, *parts: Part, finish: Finish | None = None, **fields: Any) -> Response:
    about = {name: value for name, value in fields.items() if name in ("logprobs", "extras")}
    ended = finish or (CALLED if any(isinstance(part, ToolCall) for part in parts) else Finish("stop"))
    first = Choice(0, parts, ended, **about)
    rest = fields.get("rest", ())
    return Response(source, (first, *rest), "id", "m", 1, fields.get("usage", FIRST), fields.get("tier"))


Pair = tuple[str, Response, Response]


def differences(source: Format) -> Iterator[Pair]:
    """What is said, an answer without it, and the same with it."""
    for beside in ((), (CALL,)):
        yield from _of_texts(source, beside)
        yield from _of_media(source, beside)
        yield from _of_thoughts(source, beside)
    yield from _of_calls(source)
    yield from _of_the_whole(source)


def _of_texts(source: Format, beside: tuple[Part, ...]) -> Iterator[Pair]:
    plain = answer(source, HELLO, *beside)
    url, bare = (
        Citation(source, {"type": "strange"}, "https://a.test", "T", "quote", 0, 2),
        Citation(source, {"type": "strange"}, quote="quote"),
    )
    for citation in (url, bare):
        yield "a citation", plain, answer(source, msgspec.structs.replace(HELLO, citations=(citation,)), *beside)
    if source == R:
        yield "a phase", plain, answer(source, msgspec.structs.replace(HELLO, phase="commentary"), *beside)
    if source == G:
        yield "a text's seal", plain, answer(source, msgspec.structs.replace(HELLO, seal=SIGNED), *beside)
    if source in (C, R):
        yield "a refusal", plain, answer(source, HELLO, Refusal("No.", "place.1"), *beside)
    yield "a second text", plain, answer(source, HELLO, Text("more", "place.1"), *beside)
    for words in ("", "its words"):
        strange = Opaque(source, "strange", {"type": "strange", "id": "i_1"}, "output.3", words)
        yield f"a strange part with {words or 'no words'}", plain, answer(source, HELLO, strange, *beside)


def _of_media(source: Format, beside: tuple[Part, ...]) -> Iterator[Pair]:
    plain = answer(source, HELLO, *beside)
    image, sound = Media("image", Inline("iVBORw0KGgo="), "image/png", "place.1"), Media("audio", Inline("AAAA"), "audio/wav", "place.1")
    if source != A:
        yield "an image", plain, answer(source, HELLO, image, *beside)
    if source in (C, G):
        yield "a sound", plain, answer(source, HELLO, sound, *beside)
        yield "a link", plain, answer(source, HELLO, msgspec.structs.replace(image, source=Link("https://a.test")), *beside)
    if source == C:
        spoken = msgspec.structs.replace(sound, transcript="spoken words")
        yield "a transcript", answer(source, HELLO, sound, *beside), answer(source, HELLO, spoken, *beside)
    if source == G:
        for name, change in (("name", {"name": "n.png"}), ("seal", {"seal": SIGNED}), ("extras", {"extras": {"fresh": 1}})):
            yield (
                f"an image's {name}",
                answer(source, HELLO, image, *beside),
                answer(source, HELLO, msgspec.structs.replace(image, **change), *beside),
            )
        for media in (Media("video", Inline("AAAA"), "video/mp4"), Media("image", FileId("gs://a")), Media("document", Inline("AAAA"))):
            yield f"a {media.kind}", plain, answer(source, HELLO, msgspec.structs.replace(media, at="place.1"), *beside)


def _of_thoughts(source: Format, beside: tuple[Part, ...]) -> Iterator[Pair]:
    plain, thought = answer(source, HELLO, *beside), Reasoning(("think",), at="place.1")
    thinking = answer(source, thought, HELLO, *beside)
    yield "a thought", plain, thinking
    yield "another thought", thinking, answer(source, Reasoning(("thunk",), at="place.1"), HELLO, *beside)
    if source in STATE:
        yield "a state", thinking, answer(source, msgspec.structs.replace(thought, seals=(STATE[source],)), HELLO, *beside)
        yield "a state alone", plain, answer(source, Reasoning(at="place.1", seals=(STATE[source],)), HELLO, *beside)
    if source == A:
        yield (
            "a redacted thought",
            plain,
            answer(source, Reasoning(at="place.1", seals=(Seal("redacted", "ZGF0", "maker", "m"),)), HELLO, *beside),
        )
    if source == R:
        yield "a second summary", thinking, answer(source, Reasoning(("think", "more"), at="place.1"), HELLO, *beside)
        yield "the chain", plain, answer(source, Reasoning(raw="chain", at="place.1"), HELLO, *beside)
        yield "the chain beside a summary", thinking, answer(source, Reasoning(("think",), "chain", "place.1"), HELLO, *beside)


def _of_calls(source: Format) -> Iterator[Pair]:
    plain = answer(source, CALL)
    for change in (
        {"arguments": '{"a":1}'},
        {"arguments": "no json"},
        {"namespace": "space"},
        {"kind": "custom", "arguments": "x"},
        {"id": "call_2"},
    ):
        yield f"a call's {change}", plain, answer(source, msgspec.structs.replace(CALL, **change))
    if source in (C, G):
        yield "a call's seal", plain, answer(source, msgspec.structs.replace(CALL, seal=SIGNED))
    yield "a second call", plain, answer(source, CALL, ToolCall("call_2", "g", "{}", "place.3"))


def _of_the_whole(source: Format) -> Iterator[Pair]:
    plain, calling = answer(source, HELLO), answer(source, CALL)
    for reason in ENDS[source]:
        finish = Finish(reason, "strange")
        yield f"the finish {reason}", plain, answer(source, HELLO, finish=finish)
        if reason != "other" or source != C:  # a call explains an end that nobody knows
            yield f"the finish {reason} with a call", calling, answer(source, CALL, finish=finish)
    if source == A:
        yield "the sequence that was met", plain, answer(source, HELLO, finish=Finish("stop_sequence", "stop_sequence", "END"))
    if source in (A, G):
        yield "details of the finish", plain, answer(source, HELLO, finish=Finish("refusal", "refusal", details={"a": 1}))
    second = Choice(1, (Text("other", "place.1"),), Finish("stop"))
    if source in (C, G):
        yield "a second answer", plain, answer(source, HELLO, rest=(second,))
        yield "a choice's fields", plain, answer(source, HELLO, extras={"fresh": 1})
    token = {"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}
    if source != A:
        yield "log probabilities", plain, answer(source, HELLO, logprobs={"content": [token]})
    if source == C:
        yield "those of a refusal", plain, answer(source, HELLO, logprobs={"refusal": [token]})
    if source != G:
        yield "the tier", plain, answer(source, HELLO, tier="priority")
    for field, (sources, value) in COUNTS.items():
        if source in sources:
            yield f"the count {field}", plain, answer(source, HELLO, usage=msgspec.structs.replace(FIRST, **{field: value}))


def read(response: Response, client: Format, *, streamed: bool) -> tuple[str, list[Any]]:
    """What the client reads, and what is told."""
    try:
        if not streamed:
            out = CONVERTERS[client].encode_response(response, wires.reply(client))
            wire, losses = repr(out.value), out.losses
        else:
            encoder = CONVERTERS[client].stream_encoder(wires.reply(client))
            events = [*encoder.open(), *(wire for event in unfold(response) for wire in encoder.feed(event)), *encoder.finish()]
            wire, losses = repr(events), tuple(encoder.losses)
    except UpstreamFailed as failed:
        return repr(failed), []
    return wire, [(loss.field, loss.kind, loss.at, loss.path) for loss in losses]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("client", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_no_part_of_an_answer_goes_in_silence(source: Format, client: Format, streamed: bool) -> None:
    """What a client reads with it and without it is not the same, unless a loss tells the difference."""
    silent = [
        name
        for name, without, with_it in differences(source)
        if read(without, client, streamed=streamed) == read(with_it, client, streamed=streamed)
    ]
    if client == A:  # an image goes as a whole, and says so
        silent = [name for name in silent if not name.startswith("an image's")]
    assert silent == []
