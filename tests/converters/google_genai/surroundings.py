"""What the tests of this wire share: a fixed target and client, requests in few words, and Google's own SDK as a judge of what goes out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import google.genai as genai
import google.genai.types as sdk
import httpx2

from rosetta.converters.converter import Reply, Sent, Target, Ticket, WireEvent, WireRequest
from rosetta.converters.google_genai import CONVERTER, Dialect
from rosetta.ir.loss import Loss
from rosetta.ir.parts import Part, Text, ToolCall, ToolResult
from rosetta.ir.request import FunctionTool, ReasoningRequest, Request, Role, Turn

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = FunctionTool("weather", "The weather.", SCHEMA, "tools.0")
CREATED = 1_790_000_000
GEMINI_3 = Dialect(signatures="required", penalties=False, candidates=False, link_media=True, name_limit=128)
GEMINI_25 = Dialect(thinking="budget", budget_min=128, thinking_off=True, call_ids=False, result_media=False, tools_with_json=False)
GEMINI_1 = Dialect(thinking="none", schemas="openapi", hosted_tools=(), call_ids=False, result_media=False)


def counted_ids() -> Callable[[str], str]:
    numbers = itertools.count(1)
    return lambda prefix: f"{prefix}{next(numbers)}"


def target(dialect: Dialect | None = None, *, provider: str = "gemini", model: str = "gemini-x") -> Target:
    return Target(provider, model, dialect or Dialect(), counted_ids())


def ticket(**fields: Any) -> Ticket:
    return Ticket(**{"provider": "gemini", "model": "gemini-x", "new_id": counted_ids(), "dialect": Dialect(), **fields})


def reply(request: Request | None = None, *, visible: bool | None = True) -> Reply:
    asked = request or Request("google_genai", "gemini-shown", (), reasoning=ReasoningRequest(visible=visible))
    return Reply(asked, "gemini-shown", CREATED, counted_ids())


def user(*parts: Part | str, at: str = "") -> Turn:
    return turn("user", *parts, at=at)


def assistant(*parts: Part | str, at: str = "") -> Turn:
    return turn("assistant", *parts, at=at)


def turn(role: Role, *parts: Part | str, at: str = "") -> Turn:
    return Turn(role, tuple(Text(part) if isinstance(part, str) else part for part in parts), at)


def call(id: str = "call_1", name: str = "weather", arguments: str = '{"city":"Oslo"}', **fields: Any) -> ToolCall:
    return ToolCall(id, name, arguments, **fields)


def result(id: str = "call_1", text: str = "cold", **fields: Any) -> ToolResult:
    return ToolResult(id, (Text(text),), **fields)


def foreign(*turns: Turn, **fields: Any) -> Request:
    """A request of a chat client."""
    return Request(**{"format": "openai_chat", "model": "m", "turns": turns or (user("Hello"),), **fields})


def encoded(request: Request, dialect: Dialect | None = None, **changes: Any) -> Sent:
    sent = CONVERTER.encode_request(request, target(dialect, **changes))
    check_request(sent.wire.body)
    return sent


def decoded(body: dict[str, Any], *, model: str = "gemini-x") -> Request:
    coded = CONVERTER.decode_request(WireRequest({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}], **body}, model=model))
    assert coded.losses == ()
    return coded.value


def contents(*contents: Any, dialect: Dialect | None = None, **changes: Any) -> tuple[list[Any], list[tuple[str, str, str]]]:
    """What becomes of contents on their way through the IR to their own wire, and what that loses."""
    sent = encoded(decoded({"contents": list(contents)}), dialect, **changes)
    return sent.wire.body["contents"], told(sent.losses)


def told(losses: tuple[Loss, ...] | list[Loss]) -> list[tuple[str, str, str]]:
    return [(loss.kind, loss.field, loss.at) for loss in losses]


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")


def check_request(body: dict[str, Any]) -> None:
    """The documented rules of the wire, and the SDK's types, which refuse every unknown field."""
    asked: list[tuple[str | None, str]] = []
    for content in body["contents"]:
        sdk.Content.model_validate(content)
        assert content["parts"], "a content without parts is refused"
        answered = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
        if content["role"] == "user":
            assert [(answer.get("id"), answer["name"]) for answer in answered] == asked, (
                "each call is answered in the next content, in order"
            )
            assert all("functionResponse" in part for part in content["parts"][: len(answered)]), "results stand first"
            asked = []
        if content["role"] == "model":
            assert asked == []
            calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
            asked = [(made.get("id"), made["name"]) for made in calls]
        assert all(_NAME.fullmatch(name) for _, name in asked)
    if "systemInstruction" in body:
        assert body["systemInstruction"]["parts"]
        sdk.Content.model_validate(body["systemInstruction"])
    assert sum("functionDeclarations" in tool for tool in body.get("tools", ())) <= 1, "all functions stand in one tool"
    for tool in body.get("tools", ()):
        sdk.Tool.model_validate(tool)
        names = [function["name"] for function in tool.get("functionDeclarations", ())]
        assert len(names) == len(set(names))
    if "toolConfig" in body:
        sdk.ToolConfig.model_validate(body["toolConfig"])
    if "generationConfig" in body:
        sdk.GenerationConfig.model_validate(body["generationConfig"])
        thinking = body["generationConfig"].get("thinkingConfig", {})
        assert not {"thinkingLevel", "thinkingBudget"} <= thinking.keys(), "both together are refused"


def sdk_client(data: bytes) -> genai.Client:
    """Google's client, for which ``data`` is whatever the server says."""
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=data))
    return genai.Client(api_key="test-key", http_options=sdk.HttpOptions(httpx_client=httpx2.Client(transport=transport)))


def read_by_sdk(body: dict[str, Any]) -> sdk.GenerateContentResponse:
    """A whole answer as Google's SDK reads it."""
    event = WireEvent(None, body)
    data = CONVERTER.frame(event).removeprefix(b"data: ")
    return sdk_client(data).models.generate_content(model="m", contents="Hello")


def streamed_to_sdk(wire: list[WireEvent]) -> list[sdk.GenerateContentResponse]:
    """The chunks of a stream as Google's SDK reads them. Raises its errors."""
    data = b"".join(CONVERTER.frame(event) for event in wire)
    return list(sdk_client(data).models.generate_content_stream(model="m", contents="Hello"))
