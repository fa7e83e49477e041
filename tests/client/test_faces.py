"""The four faces on the four wires: what comes back is what the vendors' own packages would have made of it."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from anthropic.types import Message
from google.genai.types import GenerateContentResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response

import rosetta
from tests.clients.upstream import Upstream
from tests.clients.upstream.answer import CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS
from tests.clients.upstream.script import HALF_ANSWER, PLAIN_TEXT
from tests.live import four_upstreams
from tests.sdk import oracles
from tests.sdk.oracles import SDKS, UPSTREAMS, Voice
from tests.sdk.said import Wanted

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession from ClientSession:DeprecationWarning")
"""The google-genai package's own."""

every_model = pytest.mark.parametrize("model", UPSTREAMS)
every_face = pytest.mark.parametrize("sdk", SDKS.values(), ids=SDKS)

TYPES = {"openai_chat": ChatCompletion, "openai_responses": Response, "anthropic": Message, "google_genai": GenerateContentResponse}


def face(client: Any, format: str) -> Any:
    """The method of a client that asks in a format."""
    faces = {
        "openai_chat": client.completion,
        "openai_responses": client.responses.create,
        "anthropic": client.messages.create,
        "google_genai": client.generate_content,
    }
    return faces[format]


class Face(Voice):
    """One face of a client, held against the type that the vendor's package has for the answer."""

    def __init__(self, sdk: ModuleType, client: rosetta.Client | rosetta.AsyncClient) -> None:
        super().__init__(sdk, client)
        self._answers = face(client, sdk.NAME)

    async def put(self, body: dict[str, Any]) -> Any:
        answer = self._answers(**body)
        if isinstance(self.client, rosetta.AsyncClient):
            answer = await answer
        kind: Any = TYPES[self.sdk.NAME]
        if body["model"] == oracles.OWN[self.sdk.NAME] and self.sdk.NAME != "google_genai":
            return kind.construct(None, **answer.model_dump())  # it is as the upstream wrote it: read as leniently as the package does
        return kind.model_validate(answer.model_dump())


TOLD = {name: oracles.ANSWERS[name] for name in ("text", "one_call", "parallel_calls", "thoughts", "picture")}


@every_face
@every_model
@pytest.mark.parametrize("oracle", TOLD.values(), ids=TOLD)
async def test_a_whole_answer(client: rosetta.Client, upstream: Upstream, sdk: ModuleType, model: str, oracle: oracles.Oracle) -> None:
    await oracle(Face(sdk, client), model, upstream)


@every_face
@every_model
async def test_a_whole_answer_on_the_callers_loop(upstream: Upstream, sdk: ModuleType, model: str) -> None:
    async with rosetta.AsyncClient(four_upstreams(upstream.url)) as client:
        await oracles.one_call(Face(sdk, client), model, upstream)


def words(format: str, event: Any) -> str:
    """The text that an event of a stream brings."""
    match format:
        case "openai_chat":
            return "".join(choice.delta.content or "" for choice in event.choices)
        case "openai_responses":
            return event.delta if event.type == "response.output_text.delta" else ""
        case "anthropic":
            return event.delta.text or "" if event.type == "content_block_delta" else ""
        case _:
            return "".join(part.text or "" for candidate in event.candidates or () for part in candidate.content.parts)


@every_face
@every_model
async def test_a_stream(client: rosetta.Client, upstream: Upstream, sdk: ModuleType, model: str) -> None:
    upstream.control(scenario="text", strict=True)
    body = sdk.asked(model, Wanted())
    with face(client, sdk.NAME)(**body, stream=True) as stream:
        assert PLAIN_TEXT == "".join(words(sdk.NAME, event) for event in stream)
        assert [] == list(stream), "it has ended"
    assert (model, 1) == (stream.provider, stream.attempts)
    assert (INPUT_TOKENS, CACHED_TOKENS, OUTPUT_TOKENS) == (
        stream.tokens.input_total,
        stream.tokens.cache_read,
        stream.tokens.output_total,
    )
    async with rosetta.AsyncClient(four_upstreams(upstream.url)) as other:
        stream = await face(other, sdk.NAME)(**body, stream=True)
        assert PLAIN_TEXT == "".join([words(sdk.NAME, event) async for event in stream])


@every_face
@every_model
@pytest.mark.parametrize("scenario", ["midstream", "drop"])
def test_a_stream_that_breaks_off(client: rosetta.Client, upstream: Upstream, sdk: ModuleType, model: str, scenario: str) -> None:
    """What came is told, then why no more comes; it never just ends. A failed response is an event of its own wire."""
    upstream.control(scenario=scenario)
    heard: list[str] = []
    events: list[Any] = []

    def hear() -> None:
        for event in face(client, sdk.NAME)(**sdk.asked(model, Wanted()), stream=True):
            events.append(event)
            heard.append(words(sdk.NAME, event))

    if sdk.NAME == "openai_responses":
        try:
            hear()
        except rosetta.APIError:
            pass
        else:
            assert "response.failed" == events[-1].type
    else:
        with pytest.raises(rosetta.APIError) as caught:
            hear()
        assert model == caught.value.provider
    assert HALF_ANSWER.startswith("".join(heard))


@every_model
def test_every_event_of_a_chat_stream_is_a_chunk(client: rosetta.Client, upstream: Upstream, model: str) -> None:
    upstream.control(scenario="think", strict=True)
    body = SDKS["openai_chat"].asked(model, Wanted(think=True))
    chunks = [
        ChatCompletionChunk.model_validate(event.model_dump())
        for event in client.completion(**body, stream=True, stream_options={"include_usage": True})
    ]
    assert 1 == len({chunk.id for chunk in chunks})
    assert "tool_calls" == [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1]
    assert INPUT_TOKENS == chunks[-1].usage.prompt_tokens  # type: ignore[union-attr]


def test_an_answer_is_plain_json_with_attributes(client: rosetta.Client, upstream: Upstream) -> None:
    upstream.control(scenario="text", strict=True)
    reply = client.completion(**SDKS["openai_chat"].asked("up-anthropic", Wanted()))
    assert PLAIN_TEXT == reply.choices[0].message.content == reply["choices"][0]["message"]["content"]
    assert reply.choices[0].message.audio is None, "an absent field is None, as in the openai package"
    assert dict is type(reply.model_dump()) is type(reply.model_dump()["choices"][0])
    assert rosetta.convert_response(reply.model_dump_json(), "openai_chat", "anthropic").value["content"][0]["text"] == PLAIN_TEXT
    assert ("up-anthropic", 1, INPUT_TOKENS) == (reply.provider, reply.attempts, reply.tokens.input_total)


def test_what_is_lost_is_told(client: rosetta.Client, upstream: Upstream) -> None:
    upstream.control(scenario="text", strict=True)
    reply = client.completion(model="up-anthropic", messages=[{"role": "user", "content": "hi"}], seed=3)
    assert [("max_completion_tokens", "injected"), ("seed", "dropped")] == [(loss.path, loss.kind) for loss in reply.losses]
    with pytest.raises(rosetta.UnsupportedParamsError, match="seed"):
        client.completion(model="up-anthropic", messages=[{"role": "user", "content": "hi"}], seed=3, loss_policy="lossless")


@pytest.mark.parametrize("wrapped", [False, True], ids=["ours", "the openai package's"])
def test_an_answer_goes_back_into_the_conversation_as_it_is(client: rosetta.Client, upstream: Upstream, wrapped: bool) -> None:
    upstream.control(scenario="tool", strict=True)
    body = SDKS["openai_chat"].asked("up-anthropic", Wanted())
    first = client.completion(**body)
    message = ChatCompletion.model_validate(first.model_dump()).choices[0].message if wrapped else first.choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "MARK-00000000"}  # type: ignore[index]
    last = client.completion(**{**body, "messages": [*body["messages"], message, result]})
    assert "FINAL MARK-00000000" == last.choices[0].message.content
