"""The anthropic package, Messages."""

from __future__ import annotations

from typing import Any

import anthropic
import httpx2
from anthropic.types import Message

from tests.sdk.said import NOWHERE, SHELL_DESCRIPTION, SHELL_SCHEMA, Place, Said, Tokens, Wanted

NAME = "anthropic"
TOOL_FINISH, STOP_FINISH = "tool_use", "end_turn"


def connect(url: str, key: str = "k", **options: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, **options)


def connect_async(url: str, key: str = "k", **options: Any) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0, **options)


def connect_within(transport: Any) -> Any:
    return connect(NOWHERE, http_client=httpx2.Client(transport=transport))


def connect_within_async(transport: Any) -> Any:
    return connect_async(NOWHERE, http_client=httpx2.AsyncClient(transport=transport))


def asked(model: str, wanted: Wanted) -> dict[str, Any]:
    content: list[Any] = [{"type": "text", "text": wanted.text}]
    if wanted.image:
        content.append({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": wanted.image}})
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": 4000,
        "system": [{"type": "text", "text": "You are terse.", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": content}, *wanted.history],
    }
    if wanted.tools:
        body["tools"] = [{"name": "bash", "description": SHELL_DESCRIPTION, "input_schema": SHELL_SCHEMA}]
    if wanted.think:
        body["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    return body


def whole(client: anthropic.Anthropic, body: dict[str, Any]) -> Message:
    answer: Message = client.messages.create(**body)
    return answer


async def whole_async(client: anthropic.AsyncAnthropic, body: dict[str, Any]) -> Message:
    answer: Message = await client.messages.create(**body)
    return answer


def streamed(client: anthropic.Anthropic, body: dict[str, Any]) -> Message:
    with client.messages.stream(**body) as stream:
        events = list(stream)
        message = stream.get_final_message()
    _check_events(events, message)
    return message


async def streamed_async(client: anthropic.AsyncAnthropic, body: dict[str, Any]) -> Message:
    async with client.messages.stream(**body) as stream:
        events = [event async for event in stream]
        message = await stream.get_final_message()
    _check_events(events, message)
    return message


def _check_events(events: list[Any], message: Message) -> None:
    """One block is open at a time, in order, and each ends once."""
    marks = [(event.type, event.index) for event in events if event.type in ("content_block_start", "content_block_stop")]
    expected = [(type, index) for index in range(len(message.content)) for type in ("content_block_start", "content_block_stop")]
    assert expected == marks
    assert 1 == sum(event.type == "message_delta" for event in events)
    assert "message_stop" == events[-1].type


def said(answer: Message) -> Said:
    usage = answer.usage
    details = usage.output_tokens_details
    return Said(
        "".join(block.text for block in answer.content if block.type == "text"),
        "".join(block.thinking for block in answer.content if block.type == "thinking"),
        tuple((block.name, block.input) for block in answer.content if block.type == "tool_use"),
        answer.stop_reason or "",
        Tokens(
            usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0),
            usage.cache_read_input_tokens,
            usage.output_tokens,
            (details.thinking_tokens or None) if details else None,
        ),
    )


def call_ids(answer: Message) -> list[str]:
    return [block.id for block in answer.content if block.type == "tool_use"]


def history(answer: Message, result: str) -> tuple[Any, ...]:
    """The answer as the SDK's users send it back, with a result for each call."""
    results = [{"type": "tool_result", "tool_use_id": id, "content": result} for id in call_ids(answer)]
    kept = [block.model_dump(exclude_none=True, exclude={"parsed_output", "caller"}) for block in answer.content]
    return ({"role": "assistant", "content": kept}, {"role": "user", "content": results})


def parsed(client: anthropic.Anthropic, model: str) -> Place | None:
    return client.messages.parse(
        model=model, max_tokens=4000, messages=[{"role": "user", "content": "Where?"}], output_format=Place
    ).parsed_output


def counted(client: anthropic.Anthropic, model: str) -> int:
    return client.messages.count_tokens(model=model, messages=[{"role": "user", "content": "How many tokens are in this?"}]).input_tokens


def models(client: anthropic.Anthropic) -> list[str]:
    return [model.id for model in client.models.list()]


def model(client: anthropic.Anthropic, name: str) -> str:
    return client.models.retrieve(name).id


def retry_after(error: Exception) -> str | None:
    assert isinstance(error, anthropic.APIStatusError)
    return error.response.headers.get("retry-after")


def status_of(error: Exception) -> int:
    assert isinstance(error, anthropic.APIStatusError)
    return error.status_code


ERRORS: dict[int, type[Exception]] = {
    400: anthropic.BadRequestError,
    401: anthropic.AuthenticationError,
    403: anthropic.PermissionDeniedError,
    404: anthropic.NotFoundError,
    429: anthropic.RateLimitError,
    500: anthropic.InternalServerError,
    502: anthropic.InternalServerError,
    503: anthropic.InternalServerError,
    529: anthropic.InternalServerError,
}
BROKEN: tuple[type[Exception], ...] = (anthropic.APIError,)
