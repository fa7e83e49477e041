"""The model ``echo``: an upstream inside the process that speaks the OpenAI Chat Completions wire for real.

It answers with the last user text, in a stream or whole, counts tokens at four bytes each, and calls the first tool that it was offered when the last
user text holds the word ``CALL_TOOL``: with arguments made from the tool's schema. So every route can be tried without any key.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from rosetta.converters import CONVERTERS, jsontext
from rosetta.converters.converter import Malformed, WireRequest
from rosetta.ir.errors import Failure

TOOL_WORD = "CALL_TOOL"
PIECE_CHARACTERS = 16
BYTES_PER_TOKEN = 4
_SAMPLES: dict[str, Any] = {"array": [], "integer": 1, "number": 1.0, "boolean": True, "null": None}
_CHAT = CONVERTERS["openai_chat"]


class _Pieces(httpx.AsyncByteStream):
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


class EchoTransport(httpx.AsyncBaseTransport):
    """An httpx transport that is its own server."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answers ``POST …/chat/completions`` and ``GET …/models``."""
        if request.method == "GET":
            return _json(200, {"object": "list", "data": [{"id": "echo", "object": "model", "created": 0, "owned_by": "rosetta"}]})
        try:
            body = jsontext.decode(request.content)
            _CHAT.decode_request(WireRequest(body, {}))  # a body that was relayed has met no reader yet
        except jsontext.InvalidJson as error:
            return _refusal(Failure("bad_request", str(error)))
        except Malformed as error:
            return _refusal(Failure("bad_request", str(error), param=error.path or None))
        answer = _answer(body)
        if body.get("stream"):
            usage = bool((body.get("stream_options") or {}).get("include_usage"))
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=_Pieces(_events(answer, usage=usage)))
        return _json(200, answer)


def _json(status: int, body: dict[str, Any]) -> httpx.Response:
    return httpx.Response(status, headers={"content-type": "application/json"}, stream=_Pieces(iter([jsontext.encode(body)])))


def _refusal(failure: Failure) -> httpx.Response:
    told = _CHAT.encode_failure(failure, "")
    return _json(told.status, told.body)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or [] if isinstance(part, dict))


def _sample(schema: Any) -> Any:
    """The smallest value that fits a JSON Schema, as far as it is one: a tool's schema is its author's own."""
    if not isinstance(schema, dict):
        return "echo"
    enum = _listed(schema, "enum")
    if enum:
        return enum[0]
    if "const" in schema:
        return schema["const"]
    choices = _listed(schema, "anyOf") or _listed(schema, "oneOf")
    if choices:
        return _sample(choices[0])
    properties = schema.get("properties")
    kind = (_listed(schema, "type") or [schema.get("type", "string" if properties is None else "object")])[0]
    if kind == "object":
        known = properties if isinstance(properties, dict) else {}
        return {name: _sample(known.get(name)) for name in _listed(schema, "required") if isinstance(name, str)}
    return _SAMPLES.get(kind, "echo") if isinstance(kind, str) else "echo"


def _listed(schema: dict[str, Any], key: str) -> list[Any]:
    value = schema.get(key)
    return value if isinstance(value, list) else []


def _answer(body: dict[str, Any]) -> dict[str, Any]:
    messages = [message for message in body.get("messages") or [] if isinstance(message, dict)]
    last = messages[-1] if messages else {}
    said = next((_text(message.get("content")) for message in reversed(messages) if message.get("role") == "user"), "")
    tools = [tool["function"] for tool in body.get("tools") or [] if isinstance(tool, dict) and isinstance(tool.get("function"), dict)]
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    finish = "stop"
    form = body.get("response_format") or {}
    if last.get("role") == "tool":
        message["content"] = f"The tool said: {_text(last.get('content'))}"
    elif tools and TOOL_WORD in said and body.get("tool_choice") != "none":
        call = {"name": tools[0]["name"], "arguments": jsontext.encode_text(_sample(tools[0].get("parameters") or {"type": "object"}))}
        message["tool_calls"] = [{"id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": call}]
        finish = "tool_calls"
    elif form.get("type") == "json_schema":
        message["content"] = jsontext.encode_text(_sample((form.get("json_schema") or {}).get("schema")))
    else:
        message["content"] = said or "echo"
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if message["content"] is not None and isinstance(limit, int) and len(message["content"]) > limit * BYTES_PER_TOKEN:
        message["content"] = message["content"][: limit * BYTES_PER_TOKEN]
        finish = "length"
    prompt = len(jsontext.encode(messages)) // BYTES_PER_TOKEN
    completion = max(1, len(jsontext.encode(message)) // BYTES_PER_TOKEN)
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex[:24]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": "echo",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
    }


def _events(answer: dict[str, Any], *, usage: bool) -> Iterator[bytes]:
    base = {key: answer[key] for key in ("id", "created", "model")} | {"object": "chat.completion.chunk"}

    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        chunk = {**base, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}
        return b"data: " + jsontext.encode(chunk) + b"\n\n"

    choice = answer["choices"][0]
    message = choice["message"]
    yield event({"role": "assistant", "content": ""})
    for index, call in enumerate(message.get("tool_calls") or []):
        yield event({"tool_calls": [{"index": index, **call, "function": {**call["function"], "arguments": ""}}]})
        for piece in _pieces(call["function"]["arguments"]):
            yield event({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    for piece in _pieces(message["content"] or ""):
        yield event({"content": piece})
    yield event({}, choice["finish_reason"])
    if usage:
        yield b"data: " + jsontext.encode({**base, "choices": [], "usage": answer["usage"]}) + b"\n\n"
    yield b"data: [DONE]\n\n"


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), PIECE_CHARACTERS):
        yield text[start : start + PIECE_CHARACTERS]
