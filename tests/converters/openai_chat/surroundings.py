"""What the tests of this wire share: fixed targets and clients, requests in few words, and OpenAI's own SDK as a judge of what goes out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpx2
import openai
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from rosetta.converters.converter import Json, Reply, Target, Ticket, WireEvent, WireRequest
from rosetta.converters.openai_chat import CONVERTER, Dialect
from rosetta.ir.events import Event
from rosetta.ir.loss import Loss
from rosetta.ir.parts import Part, Text, ToolCall, ToolResult
from rosetta.ir.request import FunctionTool, Request, Role, Turn

OPENAI = Dialect(
    max_tokens_field="max_completion_tokens",
    system_role="developer",
    mid_system="keep",
    efforts=("none", "low", "medium", "high", "xhigh"),
    reasoning_back="none",
    hosted_tools=("web_search",),
    custom_tools=True,
    tool_choice="all",
    files=True,
    audio=True,
    user_field="safety_identifier",
    openai_extras=True,
    cache_marks="breakpoint",
)
"""A target that takes whatever the wire can say."""
PLAIN = Dialect()
"""A compatible server of unknown make."""
MISTRAL = Dialect(
    rewrite=True, seed=False, call_ids="mistral", stream_usage=False, user_field="none", after_tool_user=False, reasoning_back="thinking"
)
"""A server that answers 422 to what it does not know."""
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
WEATHER = FunctionTool("weather", "The weather.", SCHEMA, "tools.0")
HELLO = {"role": "user", "content": "Hello"}
CREATED = 1_790_000_000


def counted_ids() -> Callable[[str], str]:
    numbers = itertools.count(1)
    return lambda prefix: f"{prefix}{next(numbers)}"


def target(dialect: Dialect = OPENAI, *, provider: str = "maker", model: str = "m") -> Target:
    return Target(provider, model, dialect, counted_ids())


def ticket(**fields: Any) -> Ticket:
    return Ticket(**{"provider": "maker", "model": "m", "new_id": counted_ids(), "dialect": PLAIN, **fields})


def reply(request: Request | None = None, *, include_usage: bool = True) -> Reply:
    asked = request or Request("openai_chat", "shown", (), include_usage=include_usage)
    return Reply(asked, "shown", CREATED, counted_ids())


def turn(role: Role, *parts: Part | str, at: str = "") -> Turn:
    return Turn(role, tuple(Text(part) if isinstance(part, str) else part for part in parts), at)


def user(*parts: Part | str, at: str = "") -> Turn:
    return turn("user", *parts, at=at)


def assistant(*parts: Part | str, at: str = "") -> Turn:
    return turn("assistant", *parts, at=at)


def call(id: str = "call_1", name: str = "weather", arguments: str = '{"city":"Oslo"}', **fields: Any) -> ToolCall:
    return ToolCall(id, name, arguments, **fields)


def result(id: str = "call_1", *parts: Part | str, **fields: Any) -> ToolResult:
    return ToolResult(id, tuple(Text(part) if isinstance(part, str) else part for part in parts), **fields)


def foreign(*turns: Turn, **fields: Any) -> Request:
    """A request of an Anthropic client."""
    return Request(**{"format": "anthropic", "model": "m", "turns": turns or (user("Hello"),), **fields})


def decoded(**body: Any) -> Request:
    """The request in a chat client's body, which loses nothing on its way in."""
    coded = CONVERTER.decode_request(WireRequest({"model": "m", "messages": [HELLO], **body}))
    assert coded.losses == ()
    return coded.value


def messages(*given: Any, **fields: Any) -> Request:
    """The request whose messages are ``given``."""
    return decoded(messages=list(given), **fields)


def encoded(request: Request, dialect: Dialect = OPENAI, **changes: Any) -> tuple[Json, list[tuple[str, str, str]]]:
    """The body for a target, and what it lost: field, kind and place."""
    sent = CONVERTER.encode_request(request, target(dialect, **changes))
    check_request(sent.wire.body)
    return sent.wire.body, told(sent.losses)


def told(losses: Iterable[Loss]) -> list[tuple[str, str, str]]:
    return [(loss.field, loss.kind, loss.at) for loss in losses]


def check_request(body: Json) -> None:
    """The documented rules of the wire, which servers answer 400 for."""
    asked: list[str] = []
    assert body["messages"]
    for message in body["messages"]:
        if message["role"] == "tool":
            assert message["tool_call_id"] in asked, "a result answers a call of the message before"
            asked.remove(message["tool_call_id"])
            continue
        assert asked == [], "all calls are answered at once"
        if message["role"] == "assistant":
            asked = [made["id"] for made in message.get("tool_calls", ())]
            assert len(asked) == len(set(asked))
            assert message["content"] is not None or asked or message.get("refusal") or message.get("audio")
        else:
            assert message["role"] in ("system", "developer", "user")
            assert message["content"] is not None
    assert asked == []
    assert body.get("tools") != []
    assert "tools" in body or not {"tool_choice", "parallel_tool_calls"} & body.keys(), "without tools both are refused"
    named = [tool[tool["type"]]["name"] for tool in body.get("tools", ()) if tool["type"] in ("function", "custom")]
    assert len(named) == len(set(named))


# ------------------------------------------------------------------------------------------------------------------------ answers


def read(*chunks: Json | None, **fields: Any) -> list[Event]:
    """The IR events in an upstream's stream, its closing included; None is [DONE]."""
    decoder = CONVERTER.stream_decoder(ticket(**fields))
    found = [event for data in chunks for event in decoder.feed(None, data)]
    return found + decoder.finish()


def written(*events: Event, asked: Request | None = None) -> tuple[list[WireEvent], list[tuple[str, str, str]]]:
    """What a client gets of these events, and what they lost."""
    encoder = CONVERTER.stream_encoder(reply(asked))
    wire = [found for event in events for found in encoder.feed(event)]
    return wire + encoder.finish(), told(encoder.losses)


def _client(body: bytes, kind: str) -> openai.OpenAI:
    """OpenAI's client, for which ``body`` is whatever the server says."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": kind}, content=body)

    return openai.OpenAI(
        api_key="k", base_url="http://upstream/v1", max_retries=0, http_client=httpx2.Client(transport=httpx2.MockTransport(answer))
    )


def accumulated(wire: Iterable[WireEvent]) -> ChatCompletion:
    """The completion that OpenAI's helper puts together from a stream."""
    body = b"".join(CONVERTER.frame(event) for event in wire)
    with (
        _client(body, "text/event-stream") as client,
        client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "Hello"}]) as stream,
    ):
        for _ in stream:
            pass
        return stream.get_final_completion()


def iterated(wire: Iterable[WireEvent]) -> list[ChatCompletionChunk]:
    """The chunks as OpenAI's SDK yields them. Raises its errors."""
    body = b"".join(CONVERTER.frame(event) for event in wire)
    with _client(body, "text/event-stream") as client:
        return list(client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hello"}], stream=True))


def strictly(body: Json) -> ChatCompletion:
    """A whole answer, held strictly against the SDK's types."""
    return ChatCompletion.model_validate(body, strict=True)


def deltas(wire: Sequence[WireEvent]) -> list[Json]:
    """What each chunk adds to the first choice."""
    return [event.data["choices"][0]["delta"] for event in wire if event.data is not None and event.data.get("choices")]
