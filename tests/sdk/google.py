"""The google-genai package, generateContent."""

from __future__ import annotations

import base64
from typing import Any

import httpx
from google import genai
from google.genai import errors, types

from tests.sdk.said import NOWHERE, SHELL_DESCRIPTION, SHELL_SCHEMA, UNCOUNTED, Place, Said, Tokens, Wanted

NAME = "google_genai"
TOOL_FINISH, STOP_FINISH = "STOP", "STOP"


def connect(url: str, key: str = "k", **options: Any) -> genai.Client:
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url, **options))


def connect_async(url: str, key: str = "k", **options: Any) -> Any:
    return connect(url, key, **options).aio


def connect_within(transport: Any) -> Any:
    return connect(NOWHERE, httpx_client=httpx.Client(transport=transport))


def connect_within_async(transport: Any) -> Any:
    return connect_async(NOWHERE, httpx_async_client=httpx.AsyncClient(transport=transport))


def asked(model: str, wanted: Wanted) -> dict[str, Any]:
    parts = [types.Part(text=wanted.text)]
    if wanted.image:
        parts.append(types.Part.from_bytes(data=base64.b64decode(wanted.image), mime_type="image/png"))
    config = types.GenerateContentConfig(
        system_instruction="You are terse.", automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
    )
    if wanted.tools:
        function = types.FunctionDeclaration(name="bash", description=SHELL_DESCRIPTION, parameters_json_schema=SHELL_SCHEMA)
        config.tools = [types.Tool(function_declarations=[function])]
    if wanted.think:
        config.thinking_config = types.ThinkingConfig(include_thoughts=True)
    return {"model": model, "contents": [types.Content(role="user", parts=parts), *wanted.history], "config": config}


def whole(client: genai.Client, body: dict[str, Any]) -> types.GenerateContentResponse:
    return client.models.generate_content(**body)


async def whole_async(client: Any, body: dict[str, Any]) -> types.GenerateContentResponse:
    answer: types.GenerateContentResponse = await client.models.generate_content(**body)
    return answer


def streamed(client: genai.Client, body: dict[str, Any]) -> types.GenerateContentResponse:
    return _joined(list(client.models.generate_content_stream(**body)))


async def streamed_async(client: Any, body: dict[str, Any]) -> types.GenerateContentResponse:
    return _joined([chunk async for chunk in await client.models.generate_content_stream(**body)])


def _joined(chunks: list[types.GenerateContentResponse]) -> types.GenerateContentResponse:
    """The chunks as one answer: their parts in order, the last word on everything else. Of several candidates the first."""
    for chunk in chunks:
        chunk.candidates = [candidate for candidate in chunk.candidates or () if not candidate.index]
    ends = [chunk.candidates[0].finish_reason for chunk in chunks if chunk.candidates and chunk.candidates[0].finish_reason]
    assert 1 == len(ends), "a stream ends once"
    assert 1 == len({chunk.response_id for chunk in chunks})
    last = next(chunk for chunk in reversed(chunks) if chunk.candidates).model_copy(deep=True)
    last.usage_metadata = chunks[-1].usage_metadata
    assert last.candidates
    parts = [part for chunk in chunks if chunk.candidates for part in (_content(chunk).parts or ())]
    last.candidates[0].content = types.Content(role="model", parts=[part for part in parts if part != types.Part(text="")])
    return last


def _content(answer: types.GenerateContentResponse) -> types.Content:
    assert answer.candidates
    return answer.candidates[0].content or types.Content()


def said(answer: types.GenerateContentResponse) -> Said:
    parts = _content(answer).parts or []
    assert answer.candidates
    finish = answer.candidates[0].finish_reason
    return Said(
        "".join(part.text or "" for part in parts if not part.thought),
        "".join(part.text or "" for part in parts if part.thought),
        tuple((part.function_call.name or "", part.function_call.args or {}) for part in parts if part.function_call),
        finish.value if finish else "",
        _tokens(answer.usage_metadata),
    )


def _tokens(usage: types.GenerateContentResponseUsageMetadata | None) -> Tokens:
    if usage is None:
        return UNCOUNTED
    read = (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
    output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    assert (usage.total_token_count or 0) == read + output
    return Tokens(usage.prompt_token_count, usage.cached_content_token_count, output, usage.thoughts_token_count)


def call_ids(answer: types.GenerateContentResponse) -> list[str]:
    return [part.function_call.id or "" for part in _content(answer).parts or () if part.function_call]


def history(answer: types.GenerateContentResponse, result: str) -> tuple[Any, ...]:
    """The answer as the SDK's users send it back, with a result for each call."""
    content = _content(answer)
    calls = [part.function_call for part in content.parts or () if part.function_call]
    results = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": result})) for call in calls
    ]
    return (content, types.Content(role="user", parts=results))


def parsed(client: genai.Client, model: str) -> Any:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Place)
    return client.models.generate_content(model=model, contents="Where?", config=config).parsed


def counted(client: genai.Client, model: str) -> int:
    return client.models.count_tokens(model=model, contents="How many tokens are in this?").total_tokens or 0


def models(client: genai.Client) -> list[str]:
    return [(model.name or "").removeprefix("models/") for model in client.models.list()]


def model(client: genai.Client, name: str) -> str:
    return (client.models.get(model=name).name or "").removeprefix("models/")


def retry_after(error: Exception) -> str | None:
    """The package gives no headers; the delay stands in the body's details where Google tells it."""
    return None


def status_of(error: Exception) -> int:
    assert isinstance(error, errors.APIError)
    return int(error.code)


ERRORS: dict[int, type[Exception]] = {
    400: errors.ClientError,
    401: errors.ClientError,
    403: errors.ClientError,
    404: errors.ClientError,
    429: errors.ClientError,
    500: errors.ServerError,
    502: errors.ServerError,
    503: errors.ServerError,
    529: errors.ServerError,
}
BROKEN: tuple[type[Exception], ...] = (errors.APIError,)
