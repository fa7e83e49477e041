"""Writes answers as OpenAI Responses."""

import json
from collections.abc import Iterator
from typing import Any

from tests.clients.upstream.answer import CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, REASONING_TOKENS, Answer, Event, Json, pieces
from tests.clients.upstream.script import SIGNATURE, Call, FreeCall, Step, Text, Think

USAGE = {
    "input_tokens": INPUT_TOKENS,
    "input_tokens_details": {"cached_tokens": CACHED_TOKENS},
    "output_tokens": OUTPUT_TOKENS,
    "output_tokens_details": {"reasoning_tokens": REASONING_TOKENS},
    "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
}
ECHO = {
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": False,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "metadata": {},
}
Events = Iterator[tuple[str, Json]]


def response(answer: Answer) -> Json:
    return _finished(*_begun(answer))


def stream(answer: Answer) -> Iterator[Event]:
    begun, items = _begun(answer)
    for number, (kind, fields) in enumerate(_events(begun, items)):
        yield kind, {"type": kind, "sequence_number": number, **fields}


def _begun(answer: Answer) -> tuple[Json, list[Json]]:
    begun = {
        "id": answer.new_id("resp_"),
        "object": "response",
        "created_at": answer.created,
        "status": "in_progress",
        "model": answer.model,
        "output": [],
        "usage": None,
        **ECHO,
    }
    return begun, [_item(answer, step) for step in answer.steps]


def _finished(begun: Json, items: list[Json]) -> Json:
    return {**begun, "status": "completed", "output": items, "usage": USAGE}


def _item(answer: Answer, step: Step) -> Json:
    match step:
        case Text(text):
            content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
            return {"id": answer.new_id("msg_"), "type": "message", "status": "completed", "role": "assistant", "content": content}
        case Think(text):
            summary = [{"type": "summary_text", "text": text}]
            return {"id": answer.new_id("rs_"), "type": "reasoning", "summary": summary, "encrypted_content": SIGNATURE}
        case Call(name, arguments):
            return {"id": answer.new_id("fc_"), "type": "function_call", **_named(answer, name), "arguments": json.dumps(arguments)}
        case FreeCall(name, text):
            return {"id": answer.new_id("ctc_"), "type": "custom_tool_call", **_named(answer, name), "input": text}


def _named(answer: Answer, name: str) -> Json:
    namespace, _, name = name.rpartition(".")
    return {"status": "completed", "call_id": answer.new_id("call_"), "name": name, **({"namespace": namespace} if namespace else {})}


def _events(begun: Json, items: list[Json]) -> Events:
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    writers = {"message": _message, "reasoning": _reasoning, "function_call": _function_call, "custom_tool_call": _custom_call}
    for index, item in enumerate(items):
        shell, events = writers[item["type"]](item, {"item_id": item["id"], "output_index": index})
        yield "response.output_item.added", {"output_index": index, "item": {**item, **shell}}
        yield from events
        yield "response.output_item.done", {"output_index": index, "item": item}
    yield "response.completed", {"response": _finished(begun, items)}


def _message(item: Json, place: Json) -> tuple[Json, Events]:
    part, place = item["content"][0], {**place, "content_index": 0}

    def events() -> Events:
        yield "response.content_part.added", {**place, "part": {**part, "text": ""}}
        for piece in pieces(part["text"]):
            yield "response.output_text.delta", {**place, "delta": piece, "logprobs": []}
        yield "response.output_text.done", {**place, "text": part["text"], "logprobs": []}
        yield "response.content_part.done", {**place, "part": part}

    return {"status": "in_progress", "content": []}, events()


def _reasoning(item: Json, place: Json) -> tuple[Json, Events]:
    part, place = item["summary"][0], {**place, "summary_index": 0}

    def events() -> Events:
        yield "response.reasoning_summary_part.added", {**place, "part": {**part, "text": ""}}
        for piece in pieces(part["text"]):
            yield "response.reasoning_summary_text.delta", {**place, "delta": piece}
        yield "response.reasoning_summary_text.done", {**place, "text": part["text"]}
        yield "response.reasoning_summary_part.done", {**place, "part": part}

    return {"summary": []}, events()


def _function_call(item: Json, place: Json) -> tuple[Json, Events]:
    return _call_events("response.function_call_arguments", item, "arguments", place, {"name": item["name"]})


def _custom_call(item: Json, place: Json) -> tuple[Json, Events]:
    return _call_events("response.custom_tool_call_input", item, "input", place, {})


def _call_events(kind: str, item: Json, key: str, place: Json, more: dict[str, Any]) -> tuple[Json, Events]:
    def events() -> Events:
        for piece in pieces(item[key]):
            yield f"{kind}.delta", {**place, "delta": piece}
        yield f"{kind}.done", {**place, **more, key: item[key]}

    return {"status": "in_progress", key: ""}, events()
