"""Every recorded answer, streamed to a client of each wire, is accumulated by that wire's official SDK into what the SDK reads of the same answer told whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import httpx2
import openai
import pytest
from google import genai
from google.genai import types

from rosetta.converters import CONVERTERS
from rosetta.converters.converter import UpstreamFailed
from rosetta.fold import fold
from rosetta.ir.events import Event
from rosetta.ir.parts import FORMATS, Format
from rosetta.ir.response import Response
from tests.laws import wires
from tests.sdk import oracles
from tests.sdk.said import Said, Wanted

pytestmark = [
    pytest.mark.filterwarnings("ignore:.* is not a valid:UserWarning"),
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
]
"""The packages warn of words and items that they do not know, and take them."""

STREAMS = wires.files("streams", "sse")


class Canned:
    """A transport's answer: what the test says next."""

    def __init__(self) -> None:
        self.body = b""
        self.type = ""

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": self.type}, content=self.body)


@pytest.fixture(scope="module")
def canned() -> Canned:
    return Canned()


@pytest.fixture(scope="module")
def clients(canned: Canned) -> Iterator[dict[str, Any]]:
    """One client of each SDK, on the canned transport."""
    with httpx2.Client(transport=httpx2.MockTransport(canned)) as http:
        made = {name: sdk.connect("http://nowhere", http_client=http) for name, sdk in oracles.SDKS.items() if name != "google_genai"}
        options = types.HttpOptions(base_url="http://nowhere", httpx_client=http)
        yield {**made, "google_genai": genai.Client(api_key="k", http_options=options)}


def heard(sdk: ModuleType, client: Any, canned: Canned, format: Format, told: list[Event] | Response) -> Said:
    """What the SDK makes of the events, or of the whole answer."""
    wanted = sdk.asked(wires.MODEL, Wanted())
    if isinstance(told, Response):
        canned.type = "application/json"
        canned.body = json.dumps(CONVERTERS[format].encode_response(told, wires.reply(format)).value).encode()
        return said(sdk, sdk.whole(client, wanted))
    canned.type = "text/event-stream"
    frame = CONVERTERS[format].frame
    canned.body = b"".join(frame(event) for event in wires.encoded_stream(format, told))
    try:
        return said(sdk, sdk.streamed(client, wanted))
    except openai.LengthFinishReasonError as cut:  # the package's word for an answer that was cut
        return said(sdk, cut.completion)


def said(sdk: ModuleType, answer: Any) -> Said:
    said: Said = sdk.said(answer)
    return said


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize(("format", "name"), STREAMS, ids=wires.case_id)
def test_a_stream_adds_up_to_the_answer(clients: dict[str, Any], canned: Canned, format: Format, name: str, target: Format) -> None:
    """Text, thoughts, calls, finish and counts. Of a call that was cut the packages make what they can, each in its own way."""
    events = wires.decoded_stream(format, wires.parsed(wires.stream(format, name)))
    answer = fold(events, format)
    sdk = oracles.SDKS[target]
    try:
        whole = heard(sdk, clients[target], canned, target, answer)
    except UpstreamFailed:
        return
    try:
        streamed = heard(sdk, clients[target], canned, target, events)
    except openai.ContentFilterFinishReasonError:
        assert "content_filter" == whole.finish
        return
    if whole.finish == "max_tokens":
        whole, streamed = whole._replace(calls=()), streamed._replace(calls=())
    assert whole == streamed
