"""What an official SDK must make of an answer of the scripted upstream, whichever wire that upstream speaks.

``await oracle(Voice(SDKS["anthropic"], client, streamed=True), "up-chat", upstream)`` holds for any client of the SDK that reaches the four
providers of ``tests.live.four_upstreams``: over HTTP, or through a transport inside the process. Every oracle sets the upstream's script itself.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

import pytest

from tests.clients.upstream import SIGNATURE, Upstream, reading
from tests.clients.upstream.answer import CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, REASONING_TOKENS
from tests.clients.upstream.script import PATCH, PLAIN_TEXT, THOUGHT
from tests.sdk import chat, google, messages, responses
from tests.sdk.said import MARKER, PIXEL, Place, Said, Tokens, Wanted

SDKS: dict[str, ModuleType] = {sdk.NAME: sdk for sdk in (chat, responses, messages, google)}
UPSTREAMS = ("up-chat", "up-responses", "up-anthropic", "up-google")
OWN = dict(zip(SDKS, UPSTREAMS, strict=True))
"""For each SDK the upstream that speaks its wire."""
FIRST, SECOND = ("bash", {"command": "cat marker.txt"}), ("bash", {"command": "cat marker2.txt"})
TROUBLE = "scripted trouble"


class Voice:
    """One client of one SDK, and whether it asks for streams."""

    def __init__(self, sdk: ModuleType, client: Any, *, streamed: bool = False, asynchronous: bool = False) -> None:
        self.sdk = sdk
        self.client = client
        self.streamed = streamed
        self._ask = getattr(sdk, ("streamed" if streamed else "whole") + ("_async" if asynchronous else ""))
        self._asynchronous = asynchronous

    async def ask(self, model: str, wanted: Wanted) -> Any:
        """The SDK's own whole answer, accumulated by the SDK where it was streamed."""
        return await self.put(self.sdk.asked(model, wanted))

    async def put(self, body: dict[str, Any]) -> Any:
        """The same for a request in the SDK's own words."""
        answer = self._ask(self.client, body)
        return await answer if self._asynchronous else answer

    async def hear(self, model: str, wanted: Wanted) -> Said:
        said: Said = self.sdk.said(await self.ask(model, wanted))
        return said


def google_media(part: Any) -> Any:
    """The part in Google's first spelling; its SDK writes snake_case and the URL's alphabet of base64, which a relay leaves as they are."""
    media = reading.camel_case(part)["inlineData"]
    return {**media, "data": media["data"].translate(str.maketrans("-_", "+/"))}


Oracle = Callable[[Voice, str, Upstream], Awaitable[None]]


def tokens(model: str) -> Tokens:
    """The upstream's usage; Anthropic's wire tells no reasoning tokens unless it has them."""
    return Tokens(INPUT_TOKENS, CACHED_TOKENS, OUTPUT_TOKENS, None if model == "up-anthropic" else REASONING_TOKENS)


def assert_accepted(upstream: Upstream) -> None:
    """The strict upstream found no fault in anything that it was asked."""
    assert upstream.log
    assert [] == [line["lint"] for line in upstream.log if line.get("lint")]
    assert {200} == {line["status"] for line in upstream.log}


async def text(voice: Voice, model: str, upstream: Upstream) -> None:
    """A plain text arrives whole, in every script of the world, with its finish and its usage."""
    upstream.control(scenario="text", strict=True)
    assert Said(PLAIN_TEXT, "", (), voice.sdk.STOP_FINISH, tokens(model)) == await voice.hear(model, Wanted())
    assert_accepted(upstream)


async def long_text(voice: Voice, model: str, upstream: Upstream) -> None:
    """A text of many events arrives in order, without a gap or a double."""
    upstream.control(scenario="long", strict=True, pause_s=0)
    heard = await voice.hear(model, Wanted())
    assert "".join(f"line {number}\n" for number in range(400)) + "FINAL long" == heard.text


async def one_call(voice: Voice, model: str, upstream: Upstream) -> None:
    """A call arrives with its arguments; its result goes back under its id, and the last words come."""
    upstream.control(scenario="tool", strict=True)
    answer = await voice.ask(model, Wanted())
    assert Said("", "", (FIRST,), voice.sdk.TOOL_FINISH, tokens(model)) == voice.sdk.said(answer)
    last = await voice.hear(model, Wanted(history=voice.sdk.history(answer, MARKER)))
    assert Said(f"FINAL {MARKER}", "", (), voice.sdk.STOP_FINISH, tokens(model)) == last
    assert_accepted(upstream)


async def parallel_calls(voice: Voice, model: str, upstream: Upstream) -> None:
    """Two calls of one answer keep order, arguments and an id each; both results go back to where they belong."""
    upstream.control(scenario="parallel", strict=True)
    answer = await voice.ask(model, Wanted())
    assert Said("Two at once.", "", (FIRST, SECOND), voice.sdk.TOOL_FINISH, tokens(model)) == voice.sdk.said(answer)
    ids = voice.sdk.call_ids(answer)
    assert 2 == len(set(ids))
    assert all(ids)
    last = await voice.hear(model, Wanted(history=voice.sdk.history(answer, MARKER)))
    assert f"FINAL {MARKER}" == last.text
    assert 2 == upstream.log[-1]["results"]
    assert_accepted(upstream)


async def thoughts(voice: Voice, model: str, upstream: Upstream) -> None:
    """Thoughts, words and a call arrive each as what it is; the sealed thought goes back to the upstream that sealed it."""
    upstream.control(scenario="think", strict=True)
    answer = await voice.ask(model, Wanted(think=True))
    assert Said("Reading.", THOUGHT, (FIRST,), voice.sdk.TOOL_FINISH, tokens(model)) == voice.sdk.said(answer)
    history = voice.sdk.history(answer, MARKER)
    last = await voice.hear(model, Wanted(think=True, history=history))
    assert Said(f"FINAL {MARKER}", "Now I know.", (), voice.sdk.STOP_FINISH, tokens(model)) == last
    assert upstream.log[-1]["reasoning_back"]
    if model != "up-chat":
        assert SIGNATURE in json.dumps(upstream.requests[-1]["body"])
    assert_accepted(upstream)


async def picture(voice: Voice, model: str, upstream: Upstream) -> None:
    """A picture in the request reaches the upstream with its bytes and its type, and without a loss to a strict one."""
    upstream.control(scenario="text", strict=True)
    await voice.ask(model, Wanted("What is in it?", tools=False, image=PIXEL))
    body = upstream.requests[-1]["body"]
    wires: dict[str, Callable[[Any], Any]] = {
        "up-chat": lambda body: body["messages"][-1]["content"][-1]["image_url"]["url"],
        "up-responses": lambda body: body["input"][-1]["content"][-1]["image_url"],
        "up-anthropic": lambda body: body["messages"][-1]["content"][-1]["source"],
        "up-google": lambda body: google_media(body["contents"][-1]["parts"][-1]),
    }
    expected: dict[str, Any] = {
        "up-chat": f"data:image/png;base64,{PIXEL}",
        "up-responses": f"data:image/png;base64,{PIXEL}",
        "up-anthropic": {"type": "base64", "media_type": "image/png", "data": PIXEL},
        "up-google": {"mimeType": "image/png", "data": PIXEL},
    }
    assert expected[model] == wires[model](body)
    assert_accepted(upstream)


async def free_text(voice: Voice, model: str, upstream: Upstream) -> None:
    """A free-text tool is called with free text by every upstream, also by one that only knows functions; the result finds its call."""
    upstream.control(scenario="patch", strict=True)
    answer = await voice.put(voice.sdk.patching(model))
    assert [("apply_patch", PATCH)] == voice.sdk.patches(answer)
    last = await voice.put(voice.sdk.patching(model, voice.sdk.history(answer, "done")))
    assert "FINAL patched" == voice.sdk.said(last).text
    assert_accepted(upstream)


async def broken_stream(voice: Voice, model: str, upstream: Upstream) -> None:
    """An upstream that fails, is cut or falls silent in the middle is the SDK's own exception, never a short answer."""
    assert voice.streamed
    for scenario in ("midstream", "drop", "empty"):
        upstream.control(scenario=scenario, strict=True)
        with pytest.raises(voice.sdk.BROKEN) as raised:
            await voice.ask(model, Wanted())
        assert str(raised.value)


async def refusals(voice: Voice, model: str, upstream: Upstream) -> None:
    """An upstream's error is the SDK's own exception class, with the status of the client's wire and the upstream's words.

    Where the wire is one, the upstream's own status stays.
    """
    busy = 529 if voice.sdk.NAME == "anthropic" else 503
    expected = {"err400": 400, "err429": 429, "err500": 500, "err503": busy, "err529": busy}
    if model == OWN[voice.sdk.NAME]:
        expected |= {"err503": 503, "err529": 529}
    for scenario, status in expected.items():
        upstream.control(scenario=scenario, strict=True)
        with pytest.raises(voice.sdk.ERRORS[status]) as raised:
            await voice.ask(model, Wanted())
        assert (scenario, status) == (scenario, voice.sdk.status_of(raised.value))
        assert TROUBLE in str(raised.value)
        if status == 429 and voice.sdk is not google:
            assert "1" == voice.sdk.retry_after(raised.value)


async def bad_upstream_key(voice: Voice, model: str, upstream: Upstream) -> None:
    """That the provider refused our key is no fault of the client's key."""
    upstream.control(scenario="err401", strict=True)
    with pytest.raises(voice.sdk.ERRORS[502]) as raised:
        await voice.ask(model, Wanted())
    assert voice.sdk.status_of(raised.value) in (500, 502)


async def unknown_model(voice: Voice, model: str, upstream: Upstream) -> None:
    """A model that nobody has is a 404 which names a near one."""
    with pytest.raises(voice.sdk.ERRORS[404]) as raised:
        await voice.ask(f"{model}x", Wanted())
    assert model in str(raised.value)


async def structured_answer(voice: Voice, model: str, upstream: Upstream) -> None:
    """A schema reaches the upstream, and the SDK parses the answer into the user's own type."""
    upstream.control(scenario="text", strict=True)
    assert Place(name="scripted answer", people=1) == voice.sdk.parsed(voice.client, model)
    assert_accepted(upstream)


async def count(voice: Voice, model: str, upstream: Upstream) -> None:
    """Tokens are counted by the upstream where its wire can, else estimated, never refused."""
    upstream.control(scenario="text", strict=True)
    counted = voice.sdk.counted(voice.client, model)
    assert counted == 1234 if any(line["method"] == "POST" for line in upstream.log) else 1 <= counted < 100


async def model_list(voice: Voice, model: str, upstream: Upstream) -> None:
    """The models of the config are listed, and each is found by its name."""
    assert set(UPSTREAMS) <= set(voice.sdk.models(voice.client))
    assert model == voice.sdk.model(voice.client, model)


ANSWERS: dict[str, Oracle] = {
    oracle.__name__: oracle for oracle in (text, one_call, parallel_calls, thoughts, picture, refusals, bad_upstream_key, unknown_model)
}
"""Hold for every client, streamed or whole, synchronous or not."""

STREAMS: dict[str, Oracle] = {oracle.__name__: oracle for oracle in (long_text, broken_stream)}
"""Hold for streams."""

FREE_TEXT: dict[str, Oracle] = {oracle.__name__: oracle for oracle in (free_text,)}
"""Hold for the SDKs whose wire has free-text tools: those with ``patching``."""

CALLS: dict[str, Oracle] = {oracle.__name__: oracle for oracle in (structured_answer, count, model_list)}
"""Hold for synchronous clients that ask for a whole answer; not every SDK can count."""
