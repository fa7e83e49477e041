"""Writes answers as Anthropic Messages."""

import json
from collections.abc import Iterator

from tests.clients.upstream.answer import CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, Answer, Event, Json, pieces
from tests.clients.upstream.script import SIGNATURE, Call, FreeCall, Step, Text, Think

USAGE = {
    "input_tokens": INPUT_TOKENS - CACHED_TOKENS,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": CACHED_TOKENS,
    "output_tokens": OUTPUT_TOKENS,
}
SHELLS = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}
"""Block type -> what its start event holds instead of the content."""


def response(answer: Answer) -> Json:
    message = _begun(answer)
    return {**message, "content": [_block(answer, step) for step in answer.steps], "stop_reason": _stop_reason(answer), "usage": USAGE}


def stream(answer: Answer) -> Iterator[Event]:
    for data in _events(answer):
        yield data["type"], data


def _events(answer: Answer) -> Iterator[Json]:
    yield {"type": "message_start", "message": {**_begun(answer), "usage": {**USAGE, "output_tokens": 1}}}
    for index, step in enumerate(answer.steps):
        block = _block(answer, step)
        yield {"type": "content_block_start", "index": index, "content_block": {**block, **SHELLS[block["type"]]}}
        if index == 0:
            yield {"type": "ping"}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    stop = {"stop_reason": _stop_reason(answer), "stop_sequence": None}
    yield {"type": "message_delta", "delta": stop, "usage": {"output_tokens": OUTPUT_TOKENS}}
    yield {"type": "message_stop"}


def _begun(answer: Answer) -> Json:
    return {
        "id": answer.new_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": USAGE,
    }


def _block(answer: Answer, step: Step) -> Json:
    match step:
        case Text(text):
            return {"type": "text", "text": text}
        case Think(text):
            return {"type": "thinking", "thinking": text, "signature": SIGNATURE}
        case Call(name, arguments):
            return {"type": "tool_use", "id": answer.new_id("toolu_"), "name": name, "input": arguments}
        case FreeCall():
            raise TypeError("the anthropic wire declares no free-text tools")


def _deltas(block: Json) -> Iterator[Json]:
    match block["type"]:
        case "text":
            for piece in pieces(block["text"]):
                yield {"type": "text_delta", "text": piece}
        case "thinking":
            for piece in pieces(block["thinking"]):
                yield {"type": "thinking_delta", "thinking": piece}
            yield {"type": "signature_delta", "signature": SIGNATURE}
        case "tool_use":
            yield {"type": "input_json_delta", "partial_json": ""}
            for piece in pieces(json.dumps(block["input"])):
                yield {"type": "input_json_delta", "partial_json": piece}


def _stop_reason(answer: Answer) -> str:
    return "tool_use" if any(isinstance(step, Call) for step in answer.steps) else "end_turn"
