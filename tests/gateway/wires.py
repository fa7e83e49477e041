"""The four wires as a test speaks them: where to post, what a plain request is, how an error looks."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Wire(NamedTuple):
    name: str
    path: Callable[[str, bool], str]
    headers: dict[str, str]
    body: Callable[[str, str], dict[str, Any]]
    error_type: Callable[[Any], Any]


def _openai_error(body: Any) -> Any:
    assert set(body["error"]) >= {"message", "type", "param", "code"}
    return body["error"]["message"]


def _anthropic_error(body: Any) -> Any:
    assert body["type"] == "error"
    assert isinstance(body["error"]["type"], str)
    return body["error"]["message"]


def _google_error(body: Any) -> Any:
    assert isinstance(body["error"]["code"], int)
    assert isinstance(body["error"]["status"], str)
    return body["error"]["message"]


def _google_path(model: str, stream: bool) -> str:
    return f"/v1beta/models/{model}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}"


WIRES = {
    "openai_chat": Wire(
        "openai_chat",
        lambda _model, _stream: "/v1/chat/completions",
        {"authorization": "Bearer k"},
        lambda model, text: {"model": model, "messages": [{"role": "user", "content": text}]},
        _openai_error,
    ),
    "openai_responses": Wire(
        "openai_responses",
        lambda _model, _stream: "/v1/responses",
        {"authorization": "Bearer k"},
        lambda model, text: {"model": model, "input": text},
        _openai_error,
    ),
    "anthropic": Wire(
        "anthropic",
        lambda _model, _stream: "/v1/messages",
        {"x-api-key": "k", "anthropic-version": "2023-06-01"},
        lambda model, text: {"model": model, "max_tokens": 1000, "messages": [{"role": "user", "content": text}]},
        _anthropic_error,
    ),
    "google_genai": Wire(
        "google_genai",
        _google_path,
        {"x-goog-api-key": "k"},
        lambda _model, text: {"contents": [{"role": "user", "parts": [{"text": text}]}]},
        _google_error,
    ),
}
UPSTREAMS = ("up-chat", "up-responses", "up-anthropic", "up-google")


def body_of(wire: Wire, model: str, text: str, *, stream: bool) -> dict[str, Any]:
    body = wire.body(model, text)
    if wire.name != "google_genai" and stream:
        body["stream"] = True
    return body


def text_of(wire: Wire, body: Any) -> str:
    """The answer's text, in a whole answer of this wire."""
    match wire.name:
        case "openai_chat":
            return str(body["choices"][0]["message"]["content"])
        case "openai_responses":
            return "".join(part["text"] for item in body["output"] if item["type"] == "message" for part in item["content"])
        case "anthropic":
            return "".join(block["text"] for block in body["content"] if block["type"] == "text")
        case _:
            return "".join(part.get("text", "") for part in body["candidates"][0]["content"]["parts"] if not part.get("thought"))
