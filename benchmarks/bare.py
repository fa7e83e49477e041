"""The yardstick: Anthropic messages to OpenAI chat written by hand, on the gateway's own libraries and on nothing else.

No routing, keys, limits, retries, telemetry or losses; it knows text and tools alone. ``python bare.py PORT UPSTREAM_URL``
"""

import sys
from typing import Any

import aiohttp
import httpx
import msgspec
import uvicorn
from httpx_aiohttp import AiohttpTransport
from litestar import Litestar, asgi

URL = httpx.URL(sys.argv[2] + "/v1/chat/completions")
HEADERS = {"content-type": "application/json", "authorization": "Bearer k", "accept-encoding": "identity"}
ROLES = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
transport = AiohttpTransport(
    client=lambda: aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=2000), cookie_jar=aiohttp.DummyCookieJar())
)


def text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content if part["type"] == "text")


def request_to_chat(body: dict[str, Any]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": text(body["system"])}] if body.get("system") else []
    for message in body["messages"]:
        parts = message["content"]
        if isinstance(parts, str):
            messages.append({"role": message["role"], "content": parts})
            continue
        for part in parts:
            if part["type"] == "tool_result":
                messages.append({"role": "tool", "tool_call_id": part["tool_use_id"], "content": text(part["content"])})
        calls = [
            {"id": part["id"], "type": "function", "function": {"name": part["name"], "arguments": encode(part["input"]).decode()}}
            for part in parts
            if part["type"] == "tool_use"
        ]
        words = text(parts)
        if words or calls:
            messages.append({"role": message["role"], "content": words or None, **({"tool_calls": calls} if calls else {})})
    out = {"model": body["model"], "messages": messages, "max_tokens": body["max_tokens"], "stream": body.get("stream", False)}
    if "temperature" in body:
        out["temperature"] = body["temperature"]
    if body.get("tools"):
        tools = [{"name": tool["name"], "description": tool["description"], "parameters": tool["input_schema"]} for tool in body["tools"]]
        out |= {"tools": [{"type": "function", "function": tool} for tool in tools], "tool_choice": "auto"}
    return out | ({"stream_options": {"include_usage": True}} if out["stream"] else {})


def response_to_messages(body: dict[str, Any], model: str) -> dict[str, Any]:
    choice, usage = body["choices"][0], body["usage"]
    content: list[dict[str, Any]] = [{"type": "text", "text": choice["message"]["content"]}] if choice["message"]["content"] else []
    for call in choice["message"].get("tool_calls") or []:
        function = call["function"]
        content.append({"type": "tool_use", "id": call["id"], "name": function["name"], "input": decode(function["arguments"])})
    counts = {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]}
    head = {"id": "msg_" + body["id"], "type": "message", "role": "assistant", "model": model, "content": content}
    return {**head, "stop_reason": ROLES.get(choice["finish_reason"], "end_turn"), "stop_sequence": None, "usage": counts}


def event(data: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (data["type"].encode(), encode(data))


class StreamToMessages:
    def __init__(self, model: str) -> None:
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": None}
        self.rest, self.stop, self.usage = b"", "end_turn", {"output_tokens": 0}
        self.start = event({"type": "message_start", "message": {**message, "usage": {"input_tokens": 0, "output_tokens": 0}}})
        self.start += event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})

    def feed(self, data: bytes) -> bytes:
        out, self.start = [self.start], b""
        *lines, self.rest = (self.rest + data).split(b"\n\n")
        for line in lines:
            if line == b"data: [DONE]":
                out.append(event({"type": "content_block_stop", "index": 0}))
                out.append(event({"type": "message_delta", "delta": {"stop_reason": self.stop}, "usage": self.usage}))
                out.append(event({"type": "message_stop"}))
                continue
            chunk = decode(line[6:])
            if chunk.get("usage"):
                self.usage = {"input_tokens": chunk["usage"]["prompt_tokens"], "output_tokens": chunk["usage"]["completion_tokens"]}
            for choice in chunk["choices"]:
                if words := choice["delta"].get("content"):
                    out.append(event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": words}}))
                if finish := choice["finish_reason"]:
                    self.stop = ROLES.get(finish, "end_turn")
        return b"".join(out)


@asgi("/v1/messages", copy_scope=False)
async def messages(scope: Any, receive: Any, send: Any) -> None:
    pieces, more = [], True
    while more:
        received = await receive()
        pieces.append(received["body"])
        more = received["more_body"]
    body = decode(b"".join(pieces))
    response = await transport.handle_async_request(httpx.Request("POST", URL, headers=HEADERS, content=encode(request_to_chat(body))))
    kind = b"text/event-stream" if body.get("stream") else b"application/json"
    await send({"type": "http.response.start", "status": response.status_code, "headers": [(b"content-type", kind)]})
    if body.get("stream"):
        converter = StreamToMessages(body["model"])
        async for piece in response.stream:
            await send({"type": "http.response.body", "body": converter.feed(piece), "more_body": True})
        answer = b""
    else:
        reply = decode(b"".join([piece async for piece in response.stream]))
        answer = encode(response_to_messages(reply, body["model"]))
    await response.aclose()
    await send({"type": "http.response.body", "body": answer, "more_body": False})


if __name__ == "__main__":
    app = Litestar([messages], openapi_config=None, logging_config=None)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_level="warning")
