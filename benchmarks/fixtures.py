"""Makes what the fake upstream serves and the load generator sends, below ``fix/``; the same every time.

``<wire>.json`` is a unary reply; ``<wire>.ev`` the events of a stream (see upstream.c); ``<wire>-<size>[-stream].request.json`` a request of model
``fake``: ``small`` is one question, ``agent`` a coding agent's 100 messages and 50 tools, about 184 kB.
"""

import json
import random
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "fix"
WIRES = ("chat", "messages", "responses", "google")
SIZES = ("small", "agent")
STAMPED = "@0000000000000@ tok"
TEXT = "The capital of France is Paris. " * 8
CREATED = 1700000000

Json = dict[str, Any]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for wire, (unary, before, delta, after) in replies().items():
        write(f"{wire}.json", dump(unary))
        sections = ["".join(f"{event}\0" for event in events) for events in (before, [delta], after)]
        write(f"{wire}.ev", "\1".join(sections))
    for size, requests in (("small", small_requests()), ("agent", agent_requests())):
        for wire, request in requests.items():
            write(f"{wire}-{size}.request.json", dump(request))
            streamed = {} if wire == "google" else {"stream": True}
            if wire == "chat":
                streamed["stream_options"] = {"include_usage": True}
            write(f"{wire}-{size}-stream.request.json", dump({**request, **streamed}))


def write(name: str, text: str) -> None:
    (FOLDER / name).write_text(text)


def dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def data(value: Any) -> str:
    return f"data: {dump(value)}\n\n"


def named(value: Json) -> str:
    return f"event: {value['type']}\n{data(value)}"


Reply = tuple[Json, list[str], str, list[str]]
"""The unary reply, and the events before the deltas, the delta, and those after."""


def replies() -> dict[str, Reply]:
    return {"chat": chat_reply(), "messages": messages_reply(), "responses": responses_reply(), "google": google_reply()}


def chat_reply() -> Reply:
    base = {"id": "chatcmpl-AbCdEf0123456789", "created": CREATED, "model": "fake", "service_tier": "default", "system_fingerprint": "fp_1"}
    message = {"role": "assistant", "content": TEXT, "refusal": None, "annotations": []}
    usage = {
        "prompt_tokens": 12,
        "completion_tokens": 64,
        "total_tokens": 76,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}

    def chunk(delta: Json, finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return data({**base, "object": "chat.completion.chunk", "choices": [choice], "usage": None})

    after = [chunk({}, "stop"), data({**base, "object": "chat.completion.chunk", "choices": [], "usage": usage}), "data: [DONE]\n\n"]
    unary = {**base, "object": "chat.completion", "choices": [choice], "usage": usage}
    return unary, [chunk({"role": "assistant", "content": "", "refusal": None})], chunk({"content": STAMPED}), after


def messages_reply() -> Reply:
    usage = {"input_tokens": 12, "output_tokens": 1, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    message = {
        "id": "msg_0123456789",
        "type": "message",
        "role": "assistant",
        "model": "fake",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    before = [
        named({"type": "message_start", "message": message}),
        named({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ]
    delta = named({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": STAMPED}})
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    after = [
        named({"type": "content_block_stop", "index": 0}),
        named({"type": "message_delta", "delta": stop, "usage": {"output_tokens": 200}}),
        named({"type": "message_stop"}),
    ]
    return {**message, "content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn"}, before, delta, after


def responses_reply() -> Reply:
    begun = {
        "id": "resp_0123456789",
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "model": "fake",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "temperature": 1.0,
        "top_p": 1.0,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "usage": None,
    }
    item = {"id": "msg_01", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    part = {"type": "output_text", "text": "", "annotations": []}
    full_part = {**part, "text": TEXT}
    full_item = {**item, "status": "completed", "content": [full_part]}
    usage = {
        "input_tokens": 12,
        "output_tokens": 200,
        "total_tokens": 212,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    completed = {**begun, "status": "completed", "output": [full_item], "usage": usage}
    place = {"item_id": "msg_01", "output_index": 0, "content_index": 0}

    def event(number: int, kind: str, **fields: Any) -> str:
        return named({"type": f"response.{kind}", "sequence_number": number, **fields})

    before = [
        event(0, "created", response=begun),
        event(1, "in_progress", response=begun),
        event(2, "output_item.added", output_index=0, item=item),
        event(3, "content_part.added", **place, part=part),
    ]
    after = [
        event(5, "output_text.done", **place, text=TEXT, logprobs=[]),
        event(6, "content_part.done", **place, part=full_part),
        event(7, "output_item.done", output_index=0, item=full_item),
        event(8, "completed", response=completed),
    ]
    return completed, before, event(4, "output_text.delta", **place, delta=STAMPED, logprobs=[]), after


def google_reply() -> Reply:
    def chunk(text: str, finish: str | None = None) -> Json:
        candidate: Json = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        usage = {"promptTokenCount": 12, "candidatesTokenCount": 200, "totalTokenCount": 212}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "fake", "responseId": "r01"}

    return chunk(TEXT, "STOP"), [data(chunk("Hi"))], data(chunk(STAMPED)), [data(chunk(".", "STOP"))]


def small_requests() -> dict[str, Json]:
    question, system = "What is the capital of France? Answer in one sentence, please.", "You are a helpful assistant."
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": question}]}
    return {
        "chat": {
            "model": "fake",
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": question}],
            "max_tokens": 256,
            "temperature": 0.7,
        },
        "messages": {
            "model": "fake",
            "max_tokens": 256,
            "system": system,
            "messages": [{"role": "user", "content": question}],
            "temperature": 0.7,
        },
        "responses": {"model": "fake", "instructions": system, "input": [item], "max_output_tokens": 256, "temperature": 0.7},
        "google": {
            "systemInstruction": {"parts": [{"text": system}]},
            "contents": [{"role": "user", "parts": [{"text": question}]}],
            "generationConfig": {"maxOutputTokens": 256, "temperature": 0.7},
        },
    }


CODE_LINES = ["if x > 3:", "return foo(bar)", "self.state = {}", "for i in range(10):", "print('i', i)", 'print("a\\tb")']
TURNS = 34
TOOLS = 50


def agent_tool(number: int) -> Json:
    kinds = ("string", "integer", "boolean", "number")
    described = "; explains how it is used in detail. " * 2
    properties: Json = {
        f"arg_{k}": {"type": kinds[k % 4], "description": f"The argument number {k} of the tool{described}"} for k in range(5)
    }
    properties["opts"] = {
        "type": "object",
        "properties": {
            "mode": {"type": "string", "enum": ["fast", "safe", "deep"]},
            "paths": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["mode"],
        "additionalProperties": False,
    }
    return {
        "name": f"tool_{number}",
        "description": f"Tool number {number}. " + "It reads, edits or searches files in the workspace and returns what it found. " * 6,
        "schema": {"type": "object", "properties": properties, "required": ["arg_0", "arg_1"], "additionalProperties": False},
    }


def agent_requests() -> dict[str, Json]:
    """One conversation in the four wires: per turn a question, an answer with a call, and the call's result."""
    chance = random.Random(7)
    tools = [agent_tool(number) for number in range(TOOLS)]
    system = "You are a coding agent. " + "Follow the rules of the workspace and answer concisely. " * 60
    chat: list[Json] = [{"role": "system", "content": system}]
    messages: list[Json] = []
    responses: list[Json] = []
    google: list[Json] = []
    results: list[Json] = []
    for turn in range(TURNS):
        question = f"Please look at file number {turn} and fix the bug. " + "Some more words about it. " * 8
        answer = "I will read the file first, then I will edit it. " * 3
        name, call_id = f"tool_{turn % TOOLS}", f"call_{turn:04d}"
        arguments = {"arg_0": f"src/mod_{turn}.py", "arg_1": turn, "opts": {"mode": "fast", "paths": ["a", "b"]}}
        output = "\n".join(f"    {chance.choice(CODE_LINES)}  # line {line} – note" for line in range(52))
        call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": dump(arguments)}}
        chat += [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call_id, "content": output},
        ]
        messages += [
            {"role": "user", "content": [*results, {"type": "text", "text": question}]},
            {
                "role": "assistant",
                "content": [{"type": "text", "text": answer}, {"type": "tool_use", "id": call_id, "name": name, "input": arguments}],
            },
        ]
        results = [{"type": "tool_result", "tool_use_id": call_id, "content": [{"type": "text", "text": output}]}]
        responses += [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": question}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": answer}]},
            {"type": "function_call", "call_id": call_id, "name": name, "arguments": dump(arguments)},
            {"type": "function_call_output", "call_id": call_id, "output": output},
        ]
        google += [
            {"role": "user", "parts": [{"text": question}]},
            {"role": "model", "parts": [{"text": answer}, {"functionCall": {"name": name, "args": arguments}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": name, "response": {"output": output}}}]},
        ]
    messages.append({"role": "user", "content": results})
    return {
        "chat": {
            "model": "fake",
            "messages": chat,
            "tools": [{"type": "function", "function": declared(tool, "parameters")} for tool in tools],
            "tool_choice": "auto",
            "max_tokens": 4096,
            "temperature": 0.7,
        },
        "messages": {
            "model": "fake",
            "max_tokens": 4096,
            "system": [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}],
            "messages": messages,
            "tools": [declared(tool, "input_schema") for tool in tools],
            "tool_choice": {"type": "auto"},
            "temperature": 0.7,
        },
        "responses": {
            "model": "fake",
            "instructions": system,
            "input": responses,
            "tools": [{"type": "function", **declared(tool, "parameters"), "strict": False} for tool in tools],
            "tool_choice": "auto",
            "max_output_tokens": 4096,
            "temperature": 0.7,
        },
        "google": {
            "systemInstruction": {"parts": [{"text": system}]},
            "contents": google,
            "tools": [{"functionDeclarations": [declared(tool, "parametersJsonSchema") for tool in tools]}],
            "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
            "generationConfig": {"maxOutputTokens": 4096, "temperature": 0.7},
        },
    }


def declared(tool: Json, schema_key: str) -> Json:
    return {"name": tool["name"], "description": tool["description"], schema_key: tool["schema"]}


if __name__ == "__main__":
    main()
