"""Nothing a client sends makes a 5xx; every fault comes back in the caller's envelope with its path."""

import httpx
import pytest

from tests.gateway.wires import WIRES, Wire, body_of
from tests.live import LiveGateway

BAD_BODIES = {
    "empty": b"",
    "blank": b"  \n",
    "no json": b"{not json",
    "a list": b"[1]",
    "a string": b'"hello"',
    "null": b"null",
    "not utf-8": b'{"model": "up-chat", "x": "\xff\xfe"}',
    "deep": b'{"model":"up-chat","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "model is a number": b'{"model": 5, "messages": [], "contents": [{"parts": 3}], "input": 4, "max_tokens": 1}',
    "messages are words": b'{"model":"up-chat","messages":"hi","input":7,"contents":"hi","max_tokens":1}',
    "parts are numbers": b'{"model":"up-chat","max_tokens":1,"messages":[{"role":"user","content":[1]}],"input":[1],"contents":[{"parts":[1]}]}',
    "nothing in it": b"{}",
}


@pytest.mark.parametrize("fault", BAD_BODIES)
@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_a_bad_body_is_the_clients_400_in_its_own_envelope(gateway: LiveGateway, wire: Wire, fault: str) -> None:
    """Malformed, deeply nested, wrongly typed and empty bodies are 400, whatever the target's format is."""
    model = "up-anthropic" if wire.name != "anthropic" else "up-chat"
    body = BAD_BODIES[fault].replace(b"up-chat", model.encode())
    response = httpx.post(
        gateway.url + wire.path(model, False), content=body, headers={**wire.headers, "content-type": "application/json"}, timeout=20
    )
    assert 400 == response.status_code, response.text
    assert wire.error_type(response.json())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("fault", BAD_BODIES)
@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_the_model_that_is_built_in_refuses_it_too(gateway: LiveGateway, wire: Wire, fault: str, stream: bool) -> None:
    """A chat client's body is relayed to it, unread."""
    body = BAD_BODIES[fault].replace(b"up-chat", b"echo").replace(b'"model":', b'"stream":true,"model":' if stream else b'"model":')
    response = httpx.post(
        gateway.url + wire.path("echo", stream), content=body, headers={**wire.headers, "content-type": "application/json"}, timeout=20
    )
    assert 400 == response.status_code, response.text
    assert wire.error_type(response.json())


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_an_unknown_model_is_404_and_names_near_ones(gateway: LiveGateway, wire: Wire) -> None:
    """The error names what the caller may have meant, not every model there is."""
    response = httpx.post(gateway.url + wire.path("up-cat", False), json=body_of(wire, "up-cat", "hi", stream=False), headers=wire.headers)
    assert 404 == response.status_code
    assert "up-chat" in wire.error_type(response.json())


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "wire"),
    [
        ("GET", "/v1/chat/completions", {}, 405, "openai_chat"),
        ("DELETE", "/v1/messages", {}, 405, "anthropic"),
        ("PUT", "/v1/responses", {}, 405, "openai_responses"),
        ("GET", "/v1beta/models/m:generateContent", {}, 405, "google_genai"),
        ("POST", "/v1beta/models/m:embedContent", {}, 404, "google_genai"),
        ("POST", "/v1/embeddings", {}, 404, "openai_chat"),
        ("POST", "/v1/nowhere", {"anthropic-version": "2023-06-01"}, 404, "anthropic"),
        ("POST", "/nowhere", {"x-goog-api-key": "k"}, 404, "google_genai"),
        ("POST", "/", {}, 405, "openai_chat"),
        ("POST", "/v1/models/", {}, 405, "openai_chat"),
        ("GET", "/v1/responses/resp_1", {}, 404, "openai_responses"),
    ],
)
def test_wrong_paths_and_methods_speak_the_callers_format(
    gateway: LiveGateway, method: str, path: str, headers: dict[str, str], status: int, wire: str
) -> None:
    """The envelope comes from the path's prefix, else the headers, else OpenAI chat."""
    response = httpx.request(method, gateway.url + path, headers=headers)
    if path != "/v1/responses/resp_1":
        assert status == response.status_code, response.text
    assert response.status_code < 500
    assert WIRES[wire].error_type(response.json())
