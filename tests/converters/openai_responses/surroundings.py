"""What the tests of this wire share: fixed targets and clients, requests in few words, and OpenAI's own SDK as the reader of streams."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import httpx2
import openai
from openai.types.responses import Response as SdkResponse

from rosetta.converters.converter import Json, Reply, Sent, Target, Ticket, WireEvent, WireRequest
from rosetta.converters.openai_responses import CONVERTER, Dialect
from rosetta.ir.events import Event
from rosetta.ir.loss import Loss
from rosetta.ir.parts import Format, Part, Text
from rosetta.ir.request import FunctionTool, Request, Role, Turn

OPENAI = Dialect(
    efforts=("none", "low", "medium", "high", "xhigh"),
    custom_tools=True,
    namespaces=True,
    hosted_tools=("web_search", "code_execution"),
    verbosity=True,
    openai_extras=True,
    cache_marks=True,
    phases=True,
)
"""A target that takes whatever the wire can say."""
PLAIN = Dialect()
"""A compatible server of unknown make."""
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
WEATHER = FunctionTool("weather", "The weather.", SCHEMA, "tools.0")
CREATED = 1_790_000_000


def counted_ids() -> Callable[[str], str]:
    numbers = itertools.count(1)
    return lambda prefix: f"{prefix}{next(numbers)}"


def target(dialect: Dialect = OPENAI, *, provider: str = "openai", model: str = "gpt-x") -> Target:
    return Target(provider, model, dialect, counted_ids())


def ticket(**fields: Any) -> Ticket:
    return Ticket(**{"provider": "openai", "model": "gpt-x", "new_id": counted_ids(), **fields})


def reply(request: Request | None = None) -> Reply:
    return Reply(request or Request("openai_responses", "gpt-shown", ()), "gpt-shown", CREATED, counted_ids())


def decoded(body: Json) -> Request:
    """The request in a body that loses nothing on its way in. A model and an input are added where the case is about something else."""
    coded = CONVERTER.decode_request(WireRequest({"model": "gpt-x", "input": "Hello", **body}))
    assert coded.losses == ()
    return coded.value


def items(*given: Json, **fields: Any) -> Request:
    """The request whose input is ``given``."""
    return decoded({"input": list(given), **fields})


def request(*turns: Turn, format: Format = "anthropic", **fields: Any) -> Request:
    """A request of another wire's client."""
    return Request(format, "m", turns or (user("Hello"),), **fields)


def encoded(asked: Request, dialect: Dialect = OPENAI) -> tuple[Json, list[tuple[str, str, str]]]:
    """The body for a target, and what it lost: field, kind and place."""
    sent: Sent = CONVERTER.encode_request(asked, target(dialect))
    return sent.wire.body, told(sent.losses)


def told(losses: Iterable[Loss]) -> list[tuple[str, str, str]]:
    return [(loss.field, loss.kind, loss.at) for loss in losses]


def said(role: Role, *parts: Part | str, at: str = "") -> Turn:
    return Turn(role, tuple(Text(part) if isinstance(part, str) else part for part in parts), at)


def user(*parts: Part | str, at: str = "") -> Turn:
    return said("user", *parts, at=at)


def assistant(*parts: Part | str, at: str = "") -> Turn:
    return said("assistant", *parts, at=at)


# ------------------------------------------------------------------------------------------------------------------------ streams


def written(*events: Event, asked: Request | None = None) -> tuple[list[WireEvent], list[tuple[str, str, str]]]:
    """What a client gets of these events, and what they lost."""
    encoder = CONVERTER.stream_encoder(reply(asked))
    wire = [found for event in events for found in encoder.feed(event)]
    return wire + encoder.finish(), told(encoder.losses)


def names(wire: Iterable[WireEvent]) -> list[str]:
    """The events' names, without the prefix they share."""
    return [(event.event or "").removeprefix("response.") for event in wire]


def read(*events: Json, **fields: Any) -> list[Event]:
    """The IR events in an upstream's stream, its closing included."""
    decoder = CONVERTER.stream_decoder(ticket(**fields))
    found = [event for data in events for event in decoder.feed(data.get("type"), data)]
    return found + decoder.finish()


def _client(body: bytes, kind: str) -> openai.OpenAI:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": kind}, content=body)

    return openai.OpenAI(
        api_key="k", base_url="http://upstream/v1", max_retries=0, http_client=httpx2.Client(transport=httpx2.MockTransport(answer))
    )


def accumulated(wire: Iterable[WireEvent]) -> SdkResponse:
    """The response that OpenAI's SDK puts together from a stream."""
    body = b"".join(CONVERTER.frame(event) for event in wire)
    with _client(body, "text/event-stream") as client, client.responses.stream(model="m", input="Hello") as stream:
        for _ in stream:
            pass
        return stream.get_final_response()


def iterated(wire: Iterable[WireEvent]) -> list[str]:
    """The types of the events as OpenAI's SDK yields them."""
    body = b"".join(CONVERTER.frame(event) for event in wire)
    with _client(body, "text/event-stream") as client:
        return [event.type for event in client.responses.create(model="m", input="Hello", stream=True)]


def strictly(body: Json) -> SdkResponse:
    """A whole answer, held strictly against the SDK's types."""
    return SdkResponse.model_validate(body, strict=False)
