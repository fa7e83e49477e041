"""The built-in model ``echo`` answers on every route without any key or config."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosetta.engine.echo import TOOL_WORD, EchoTransport
from tests.gateway.wires import WIRES, Wire, body_of, text_of
from tests.laws import strategies
from tests.live import LiveGateway, live_gateway


@pytest.fixture(scope="module")
def echo() -> Iterator[LiveGateway]:
    with live_gateway({}) as running:
        yield running


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_echo_answers_on_every_wire(echo: LiveGateway, wire: Wire) -> None:
    """What was said comes back, converted twice."""
    response = httpx.post(
        echo.url + wire.path("echo", False), json=body_of(wire, "echo", "Grüße, 世界", stream=False), headers=wire.headers
    )
    assert 200 == response.status_code, response.text
    assert "Grüße, 世界" == text_of(wire, response.json())


@pytest.mark.parametrize(
    "path",
    ["/messages", "/v1/messages", "/v1/v1/messages", "/v1/messages?beta=true"],
)
def test_a_base_url_with_a_path_too_much_still_works(echo: LiveGateway, path: str) -> None:
    """SDKs append their own version to a base URL that has one already."""
    wire = WIRES["anthropic"]
    response = httpx.post(echo.url + path, json=body_of(wire, "echo", "hi", stream=False), headers=wire.headers)
    assert 200 == response.status_code, response.text


@pytest.mark.parametrize("prefix", ["/v1", "/v1beta", "/v1alpha", "/v1beta/v1", "/v1beta1/publishers/google"])
def test_google_clients_come_with_many_prefixes(echo: LiveGateway, prefix: str) -> None:
    """google-genai 3 asks under /v1, Gemini CLI under /v1beta, Vertex mode under publishers."""
    wire = WIRES["google_genai"]
    response = httpx.post(f"{echo.url}{prefix}/models/echo:generateContent", json=wire.body("echo", "hi"), headers=wire.headers)
    assert 200 == response.status_code, response.text
    assert "hi" == text_of(wire, response.json())


def test_a_google_stream_without_sse_is_one_json_array(echo: LiveGateway) -> None:
    """Without alt=sse the stream is a JSON array of whole responses."""
    wire = WIRES["google_genai"]
    response = httpx.post(
        f"{echo.url}/v1beta/models/echo:streamGenerateContent", json=wire.body("echo", "hello " * 20), headers=wire.headers
    )
    assert 200 == response.status_code
    assert "application/json" == response.headers["content-type"]
    pieces = response.json()
    text = "".join(part.get("text", "") for piece in pieces for part in piece["candidates"][0]["content"].get("parts", []))
    assert "hello " * 20 == text
    assert "STOP" == pieces[-1]["candidates"][0]["finishReason"]


def test_models_are_listed_in_the_callers_shape(echo: LiveGateway) -> None:
    """GET /v1/models belongs to three vendors: the headers tell whose shape is wanted."""
    assert ["echo"] == [row["id"] for row in httpx.get(f"{echo.url}/v1/models").json()["data"]]
    anthropic = httpx.get(f"{echo.url}/v1/models", headers={"anthropic-version": "2023-06-01"}).json()
    assert [("model", "echo")] == [(row["type"], row["id"]) for row in anthropic["data"]]
    assert ["models/echo"] == [row["name"] for row in httpx.get(f"{echo.url}/v1/models", headers={"x-goog-api-key": "k"}).json()["models"]]
    assert ["models/echo"] == [row["name"] for row in httpx.get(f"{echo.url}/v1beta/models").json()["models"]]
    assert "echo" == httpx.get(f"{echo.url}/v1/models/echo").json()["id"]
    missing = httpx.get(f"{echo.url}/v1/models/none", headers={"anthropic-version": "2023-06-01"})
    assert (404, "error") == (missing.status_code, missing.json()["type"])


def test_counts_are_estimated_where_nobody_counts(echo: LiveGateway) -> None:
    """An estimate says that it is one."""
    wire = WIRES["anthropic"]
    body = {"model": "echo", "messages": [{"role": "user", "content": "word " * 400}]}
    response = httpx.post(f"{echo.url}/v1/messages/count_tokens", json=body, headers=wire.headers)
    assert "estimate" == response.headers["x-rosetta-token-count"]
    assert 300 < response.json()["input_tokens"] < 800
    google = httpx.post(f"{echo.url}/v1beta/models/echo:countTokens", json=WIRES["google_genai"].body("echo", "word " * 400))
    assert 300 < google.json()["totalTokens"] < 800


def test_health_needs_no_key(echo: LiveGateway) -> None:
    """Probes and the page at / answer without a key."""
    assert {"status": "alive"} == httpx.get(f"{echo.url}/healthz").json()
    assert {"status": "ready"} == httpx.get(f"{echo.url}/readyz").json()
    assert 200 == httpx.head(echo.url).status_code
    assert "ready" == httpx.get(echo.url).json()["status"]
    assert "<h1>rosetta</h1>" in httpx.get(echo.url, headers={"accept": "text/html"}).text


@given(
    st.dictionaries(st.sampled_from(["type", "enum", "const", "anyOf", "oneOf", "required", "properties"]), strategies.any_json, max_size=3)
)
def test_a_tool_of_any_schema_is_called(schema: Any) -> None:
    """Its author's own words are no fault of the caller: they make a call, or are refused."""
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "required": ["a"], "properties": {"a": schema}}}}
    body = {"model": "echo", "messages": [{"role": "user", "content": TOOL_WORD}], "tools": [tool]}

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=EchoTransport()) as client:
            return await client.post("http://echo/v1/chat/completions", json=body)

    answer = asyncio.run(ask())
    assert 200 == answer.status_code, answer.text
    assert "f" == answer.json()["choices"][0]["message"]["tool_calls"][0]["function"]["name"]
