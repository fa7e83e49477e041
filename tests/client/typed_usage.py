"""What a user writes, checked by type checkers and not run."""

from __future__ import annotations

from typing import assert_type

import anthropic
import httpx
import httpx2
import openai

import rosetta


class Place:
    name: str


def synchronous(config: str) -> None:
    with rosetta.Client(config) as client:
        reply = client.completion(model="m", messages=[{"role": "user", "content": "hello"}], temperature=0.5)
        assert_type(reply, rosetta.Reply)
        assert_type(reply.losses, tuple[rosetta.Loss, ...])
        assert_type(reply.provider, str)
        assert_type(reply.tokens, rosetta.Usage)
        text: str = reply.choices[0].message.content
        with client.completion(model="m", messages=[], stream=True) as stream:
            assert_type(stream, rosetta.Stream)
            for event in stream:
                assert_type(event, rosetta.Shape)
        assert_type(client.messages.create(model="m", messages=[], max_tokens=5), rosetta.Reply)
        assert_type(client.messages.create(model="m", messages=[], max_tokens=5, stream=True), rosetta.Stream)
        assert_type(client.responses.create(model="m", input=text), rosetta.Reply)
        assert_type(client.responses.create(model="m", input=text, stream=True), rosetta.Stream)
        assert_type(client.generate_content(model="m", contents=text), rosetta.Reply)
        assert_type(client.generate_content(model="m", contents=text, stream=True), rosetta.Stream)
        assert_type(client.chat.completions.create(model="m", messages=[]), rosetta.Reply)


async def asynchronous(wanted: bool) -> None:
    async with rosetta.AsyncClient({"models": {}}) as client:
        assert_type(await client.completion(model="m", messages=[]), rosetta.Reply)
        stream = await client.messages.create(model="m", messages=[], max_tokens=5, stream=True)
        assert_type(stream, rosetta.AsyncStream)
        async for event in stream:
            assert_type(event, rosetta.Shape)
        assert_type(await client.responses.create(model="m", input="hello", stream=wanted), rosetta.Reply | rosetta.AsyncStream)
    assert_type(await rosetta.acompletion("m", []), rosetta.Reply)
    assert_type(await rosetta.acompletion("m", [], stream=True), rosetta.AsyncStream)


def without_a_client() -> float:
    assert_type(rosetta.completion("m", []), rosetta.Reply)
    assert_type(rosetta.completion("m", [], stream=True), rosetta.Stream)
    assert_type(rosetta.messages.create(model="m", messages=[], max_tokens=5), rosetta.Reply)
    assert_type(rosetta.generate_content("m", "hello"), rosetta.Reply)
    try:
        rosetta.completion("m", [])
    except rosetta.RateLimitError as error:
        assert_type(error.retry_after, float | None)
        assert_type(error.status, int | None)
        assert_type(error.provider, str)
    out = rosetta.convert_request({}, source="anthropic", target="openai_chat")
    assert_type(out.losses, tuple[rosetta.Loss, ...])
    model: str = out.value["model"]
    assert_type(rosetta.count_tokens([], model), int)
    assert_type(rosetta.StreamConverter("openai_chat", "anthropic").feed(b""), bytes)
    return rosetta.cost(rosetta.Usage(), input=1.0, output=2.0)


def the_sdks() -> anthropic.Anthropic:
    within = rosetta.transport({"models": {}})
    openai.AsyncOpenAI(http_client=httpx2.AsyncClient(transport=within))
    httpx.Client(transport=within)
    return anthropic.Anthropic(http_client=httpx2.Client(transport=within))
