"""The openai package, Responses."""

from __future__ import annotations

from typing import Any

import openai
from openai.types.responses import Response, ResponseUsage

from tests.sdk import chat
from tests.sdk.said import SHELL_DESCRIPTION, SHELL_SCHEMA, UNCOUNTED, Place, Said, Tokens, Wanted, arguments

NAME = "openai_responses"
TOOL_FINISH, STOP_FINISH = "completed", "completed"
ERRORS = chat.ERRORS
BROKEN: tuple[type[Exception], ...] = (openai.APIError, RuntimeError)
"""Of ``response.failed`` the SDK only says that no ``response.completed`` came."""
connect, connect_async, models, model, status_of = chat.connect, chat.connect_async, chat.models, chat.model, chat.status_of
connect_within, connect_within_async, retry_after = chat.connect_within, chat.connect_within_async, chat.retry_after


def asked(model: str, wanted: Wanted) -> dict[str, Any]:
    content: Any = wanted.text
    if wanted.image:
        image = {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{wanted.image}"}
        content = [{"type": "input_text", "text": wanted.text}, image]
    body: dict[str, Any] = {
        "model": model,
        "instructions": "You are terse.",
        "input": [{"role": "user", "content": content}, *wanted.history],
        "store": False,
    }
    if wanted.tools:
        body["tools"] = [{"type": "function", "name": "bash", "description": SHELL_DESCRIPTION, "parameters": SHELL_SCHEMA, "strict": True}]
    if wanted.think:
        body |= {"reasoning": {"effort": "medium", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    return body


def whole(client: openai.OpenAI, body: dict[str, Any]) -> Response:
    answer: Response = client.responses.create(**body)
    return answer


async def whole_async(client: openai.AsyncOpenAI, body: dict[str, Any]) -> Response:
    answer: Response = await client.responses.create(**body)
    return answer


def streamed(client: openai.OpenAI, body: dict[str, Any]) -> Response:
    with client.responses.stream(**body) as stream:
        events = list(stream)
        _check_failure(events)
        response = _incomplete(events) or stream.get_final_response()
    _check_events(events, response)
    return response


async def streamed_async(client: openai.AsyncOpenAI, body: dict[str, Any]) -> Response:
    async with client.responses.stream(**body) as stream:
        events = [event async for event in stream]
        _check_failure(events)
        response = _incomplete(events) or await stream.get_final_response()
    _check_events(events, response)
    return response


def _check_failure(events: list[Any]) -> None:
    """A stream that failed says why in its last event."""
    if events[-1].type == "response.failed":
        assert "failed" == events[-1].response.status
        assert events[-1].response.error.message


def _incomplete(events: list[Any]) -> Response | None:
    """The answer of a stream that was cut at a limit, which the package's helper does not give."""
    return events[-1].response if events[-1].type == "response.incomplete" else None


def _check_events(events: list[Any], response: Response) -> None:
    """What was told in deltas, in finished items and in the last event is one and the same."""
    assert list(range(len(events))) == [event.sequence_number for event in events]
    assert ["response.created", "response.in_progress"] == [event.type for event in events[:2]]
    assert f"response.{response.status}" == events[-1].type
    assert response.output_text == "".join(event.delta for event in events if event.type == "response.output_text.delta")
    done = [event.item for event in events if event.type == "response.output_item.done"]
    assert [item.id for item in response.output] == [item.id for item in done]
    assert [item.type for item in response.output] == [item.type for item in done]


def said(answer: Response) -> Said:
    return Said(
        answer.output_text,
        "".join(summary.text for item in answer.output if item.type == "reasoning" for summary in item.summary),
        tuple(
            (item.name, arguments(item.arguments)) if item.type == "function_call" else (item.name, {"input": item.input})
            for item in answer.output
            if item.type in ("function_call", "custom_tool_call")
        ),
        answer.status or "",
        _tokens(answer.usage),
    )


def _tokens(usage: ResponseUsage | None) -> Tokens:
    if usage is None:
        return UNCOUNTED
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    reasoning = usage.output_tokens_details.reasoning_tokens
    return Tokens(usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens, reasoning or None)


def call_ids(answer: Response) -> list[str]:
    return [item.call_id for item in answer.output if item.type in ("function_call", "custom_tool_call")]


def history(answer: Response, result: str) -> tuple[Any, ...]:
    """The answer as the SDK's users send it back, with a result for each call."""
    kept: list[Any] = []
    for item in answer.output:
        value = item.model_dump(exclude_none=True, exclude={"parsed_arguments"})
        for part in value.get("content", []):
            part.pop("parsed", None)
        kept.append(value)
    calls = [item for item in answer.output if item.type in ("function_call", "custom_tool_call")]
    return (*kept, *({"type": f"{call.type}_output", "call_id": call.call_id, "output": result} for call in calls))


def patching(model: str, history: tuple[Any, ...] = ()) -> dict[str, Any]:
    """A request with the one free-text tool that the scripted upstream looks for."""
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /.+/s"}
    tool = {"type": "custom", "name": "apply_patch", "description": "Edits files", "format": grammar}
    return {"model": model, "input": [{"role": "user", "content": "Patch it."}, *history], "tools": [tool], "store": False}


def patches(answer: Response) -> list[tuple[str, str]]:
    """(name, free text) of the answer's calls of free-text tools."""
    return [(item.name, item.input) for item in answer.output if item.type == "custom_tool_call"]


def parsed(client: openai.OpenAI, model: str) -> Place | None:
    return client.responses.parse(model=model, input="Where?", text_format=Place).output_parsed


def counted(client: openai.OpenAI, model: str) -> int:
    return client.responses.input_tokens.count(model=model, input="How many tokens are in this?").input_tokens
