"""The openai package, Chat Completions."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion

from tests.sdk.said import NOWHERE, SHELL_DESCRIPTION, SHELL_SCHEMA, UNCOUNTED, Place, Said, Tokens, Wanted, arguments

NAME = "openai_chat"
TOOL_FINISH, STOP_FINISH = "tool_calls", "stop"


def connect(url: str, key: str = "k", **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, **options)


def connect_async(url: str, key: str = "k", **options: Any) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, **options)


def connect_within(transport: Any) -> Any:
    return connect(NOWHERE, http_client=httpx2.Client(transport=transport))


def connect_within_async(transport: Any) -> Any:
    return connect_async(NOWHERE, http_client=httpx2.AsyncClient(transport=transport))


def asked(model: str, wanted: Wanted) -> dict[str, Any]:
    content: Any = wanted.text
    if wanted.image:
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{wanted.image}"}}
        content = [{"type": "text", "text": wanted.text}, image]
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "system", "content": "You are terse."}, {"role": "user", "content": content}, *wanted.history],
    }
    if wanted.tools:
        body["tools"] = [{"type": "function", "function": {"name": "bash", "description": SHELL_DESCRIPTION, "parameters": SHELL_SCHEMA}}]
    if wanted.think:
        body["reasoning_effort"] = "medium"
    return body


def whole(client: openai.OpenAI, body: dict[str, Any]) -> ChatCompletion:
    answer: ChatCompletion = client.chat.completions.create(**body)
    return answer


async def whole_async(client: openai.AsyncOpenAI, body: dict[str, Any]) -> ChatCompletion:
    answer: ChatCompletion = await client.chat.completions.create(**body)
    return answer


def streamed(client: openai.OpenAI, body: dict[str, Any]) -> ChatCompletion:
    with client.chat.completions.stream(**body, stream_options={"include_usage": True}) as stream:
        texts = [event.delta for event in stream if event.type == "content.delta"]
        completion = stream.get_final_completion()
    if len(completion.choices) == 1:  # the events do not say of which
        assert (completion.choices[0].message.content or "") == "".join(texts)
    return completion


async def streamed_async(client: openai.AsyncOpenAI, body: dict[str, Any]) -> ChatCompletion:
    async with client.chat.completions.stream(**body, stream_options={"include_usage": True}) as stream:
        texts = [event.delta async for event in stream if event.type == "content.delta"]
        completion = await stream.get_final_completion()
    if len(completion.choices) == 1:  # the events do not say of which
        assert (completion.choices[0].message.content or "") == "".join(texts)
    return completion


def said(answer: ChatCompletion) -> Said:
    choice = answer.choices[0]
    message = choice.message
    return Said(
        message.content or "",
        (message.model_extra or {}).get("reasoning_content") or "",
        tuple(
            (call.function.name, arguments(call.function.arguments))
            if call.type == "function"
            else (call.custom.name, {"input": call.custom.input})
            for call in message.tool_calls or ()
        ),
        choice.finish_reason,
        _tokens(answer.usage),
    )


def _tokens(usage: CompletionUsage | None) -> Tokens:
    if usage is None:
        return UNCOUNTED
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    cached = usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else None
    reasoning = usage.completion_tokens_details.reasoning_tokens if usage.completion_tokens_details else None
    return Tokens(usage.prompt_tokens, cached, usage.completion_tokens, reasoning or None)


def call_ids(answer: ChatCompletion) -> list[str]:
    return [call.id for call in answer.choices[0].message.tool_calls or ()]


def history(answer: ChatCompletion, result: str) -> tuple[Any, ...]:
    """The answer as the SDK's users send it back, with a result for each call."""
    kept = answer.choices[0].message.model_dump(exclude_none=True, exclude={"parsed": True, "tool_calls": {"__all__": {"index"}}})
    for call in kept.get("tool_calls", ()):
        call.get("function", {}).pop("parsed_arguments", None)
    return (kept, *({"role": "tool", "tool_call_id": id, "content": result} for id in call_ids(answer)))


def parsed(client: openai.OpenAI, model: str) -> Place | None:
    messages: list[Any] = [{"role": "user", "content": "Where?"}]
    return client.chat.completions.parse(model=model, messages=messages, response_format=Place).choices[0].message.parsed


def patching(model: str, history: tuple[Any, ...] = ()) -> dict[str, Any]:
    """A request with the one free-text tool that the scripted upstream looks for."""
    tool = {"type": "custom", "custom": {"name": "apply_patch", "description": "Edits files", "format": GRAMMAR}}
    return {"model": model, "messages": [{"role": "user", "content": "Patch it."}, *history], "tools": [tool]}


GRAMMAR = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /.+/s"}}


def patches(answer: ChatCompletion) -> list[tuple[str, str]]:
    """(name, free text) of the answer's calls of free-text tools. The wire's streams have no typed form for one: there it is a function's ``input``."""
    return [
        (call.custom.name, call.custom.input)
        if call.type == "custom"
        else (call.function.name, json.loads(call.function.arguments)["input"])
        for call in answer.choices[0].message.tool_calls or ()
    ]


def models(client: openai.OpenAI) -> list[str]:
    return [model.id for model in client.models.list()]


def model(client: openai.OpenAI, name: str) -> str:
    return client.models.retrieve(name).id


def retry_after(error: Exception) -> str | None:
    assert isinstance(error, openai.APIStatusError)
    return error.response.headers.get("retry-after")


def status_of(error: Exception) -> int:
    assert isinstance(error, openai.APIStatusError)
    return error.status_code


ERRORS: dict[int, type[Exception]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    502: openai.InternalServerError,
    503: openai.InternalServerError,
    529: openai.InternalServerError,
}
BROKEN: tuple[type[Exception], ...] = (openai.APIError,)
