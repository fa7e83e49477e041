"""Writes answers as OpenAI Chat Completions."""

import json
from collections.abc import Iterator

from tests.clients.upstream.answer import CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, REASONING_TOKENS, Answer, Event, Json, pieces
from tests.clients.upstream.script import SIGNATURE, Call, FreeCall, Text, Think

USAGE = {
    "prompt_tokens": INPUT_TOKENS,
    "completion_tokens": OUTPUT_TOKENS,
    "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS},
    "completion_tokens_details": {"reasoning_tokens": REASONING_TOKENS},
}


def response(answer: Answer) -> Json:
    base = _base(answer, "chat.completion")
    content = "".join(step.text for step in answer.steps if isinstance(step, Text))
    message: Json = {"role": "assistant", "content": content or None, "refusal": None}
    calls = [step for step in answer.steps if isinstance(step, Call | FreeCall)]
    if calls:
        message["tool_calls"] = [_call(answer, step, first=number == 0) for number, step in enumerate(calls)]
    thought = "".join(step.text for step in answer.steps if isinstance(step, Think))
    if thought:
        message |= _reasoning(answer, thought)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer)}
    return {**base, "choices": [choice], "usage": USAGE}


def stream(answer: Answer) -> Iterator[Event]:
    base = _base(answer, "chat.completion.chunk")

    def chunk(delta: Json, finish: str | None = None) -> Event:
        return None, {**base, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    index = 0
    for step in answer.steps:
        match step:
            case Text(text):
                for piece in pieces(text):
                    yield chunk({"content": piece})
            case Think(text):
                for piece in pieces(text):
                    yield chunk(_reasoning(answer, piece))
            case Call() | FreeCall():
                call = _call(answer, step, first=index == 0)
                kind = call["type"]
                key = "arguments" if kind == "function" else "input"
                whole = call[kind][key]
                yield chunk({"tool_calls": [{"index": index, **call, kind: {**call[kind], key: ""}}]})
                for piece in pieces(whole):
                    yield chunk({"tool_calls": [{"index": index, kind: {key: piece}}]})
                index += 1
    yield chunk({}, _finish(answer))
    if answer.include_usage:
        yield None, {**base, "choices": [], "usage": USAGE}
    yield None, "[DONE]"


def _base(answer: Answer, kind: str) -> Json:
    return {
        "id": answer.new_id("chatcmpl-"),
        "object": kind,
        "created": answer.created,
        "model": answer.model,
        "system_fingerprint": "fp_scripted",
    }


def _call(answer: Answer, step: Call | FreeCall, *, first: bool) -> Json:
    call: Json = {"id": answer.new_id("call_")}
    if isinstance(step, FreeCall):
        call |= {"type": "custom", "custom": {"name": step.name, "input": step.text}}
    else:
        call |= {"type": "function", "function": {"name": step.name, "arguments": json.dumps(step.arguments)}}
    if first and answer.thought_signature:
        call["extra_content"] = {"google": {"thought_signature": SIGNATURE}}
    return call


def _reasoning(answer: Answer, text: str) -> Json:
    match answer.reasoning_field:
        case "reasoning_details":
            return {"reasoning": text, "reasoning_details": [{"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}]}
        case "thinking_parts":
            return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]}
        case field:
            return {field: text}


def _finish(answer: Answer) -> str:
    return "tool_calls" if any(isinstance(step, Call | FreeCall) for step in answer.steps) else "stop"
