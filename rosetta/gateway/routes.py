"""Paths and methods -> what is asked for, in which format.

Versions in front are taken off however often they come, as SDKs make ``/v1/v1/messages`` and ``/v1beta/v1/models/…`` of a base URL with a path too much.
Google's verbs follow the last colon: model names hold slashes and colons themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple
from urllib.parse import unquote

from rosetta.ir.parts import Format

Action = Literal["generate", "count", "models", "model", "compact", "input_tokens", "stored"]

_VERSIONS = frozenset({"v1", "v1beta", "v1alpha", "v1beta1"})
_POST: dict[str, tuple[Format, Action]] = {
    "chat/completions": ("openai_chat", "generate"),
    "responses": ("openai_responses", "generate"),
    "responses/compact": ("openai_responses", "compact"),
    "responses/input_tokens": ("openai_responses", "input_tokens"),
    "messages": ("anthropic", "generate"),
    "messages/count_tokens": ("anthropic", "count"),
}
_VERBS: dict[str, tuple[Action, bool]] = {
    "generateContent": ("generate", False),
    "streamGenerateContent": ("generate", True),
    "countTokens": ("count", False),
}


class Route(NamedTuple):
    """What a request asks for. ``model`` is set where the path names it; ``stream`` where the path tells it."""

    action: Action
    format: Format
    model: str | None = None
    stream: bool | None = None


class NoRoute(NamedTuple):
    """Nothing is served there. ``allowed`` are the methods that the path has, empty for an unknown path."""

    format: Format
    allowed: tuple[str, ...]
    message: str


def caller_format(headers: Mapping[str, str], default: Format = "openai_chat") -> Format:
    """Who asks, told by the headers."""
    if "x-goog-api-key" in headers or "x-goog-api-client" in headers:
        return "google_genai"
    return "anthropic" if "anthropic-version" in headers else default


def find(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, str]) -> Route | NoRoute:
    """The route of a request."""
    segments = [segment for segment in path.split("/") if segment]
    version = ""
    while segments and segments[0] in _VERSIONS:
        version = segments.pop(0)
    if segments[:2] == ["publishers", "google"]:
        segments = segments[2:]
        version = version or "v1beta1"
    tail = "/".join(segments)
    google = version.startswith(("v1beta", "v1alpha"))
    if tail in _POST:
        format, action = _POST[tail]
        return Route(action, format) if method == "POST" else _wrong_method(format, method, path, ("POST",))
    if tail == "models":
        format = "google_genai" if google or "key" in query else caller_format(headers)
        return Route("models", format) if method in ("GET", "HEAD") else _wrong_method(format, method, path, ("GET",))
    if segments and segments[0] in ("models", "tunedModels"):
        return _model_route(method, path, tail.removeprefix("models/"), headers, query, google=google)
    if segments and segments[0] == "responses" and len(segments) in (2, 3):
        if method in ("GET", "DELETE") or segments[-1] == "cancel":
            return Route("stored", "openai_responses", model=unquote(tail.removeprefix("responses/")))
        return _wrong_method("openai_responses", method, path, ("GET", "DELETE"))
    format = _format_of(segments, headers, google=google)
    return NoRoute(
        format,
        (),
        f"no such path: {method} {path}. Served are /v1/chat/completions, /v1/responses, /v1/messages, /v1beta/models/{{model}}:generateContent and /v1/models",
    )


def _model_route(
    method: str, path: str, name: str, headers: Mapping[str, str], query: Mapping[str, str], *, google: bool
) -> Route | NoRoute:
    model, colon, verb = name.rpartition(":")
    if colon and verb in _VERBS:
        action, stream = _VERBS[verb]
        if method != "POST":
            return _wrong_method("google_genai", method, path, ("POST",))
        return Route(action, "google_genai", unquote(model), stream if action == "generate" else None)
    if method in ("GET", "HEAD"):
        return Route("model", "google_genai" if google or "key" in query else caller_format(headers), unquote(name))
    if method == "POST":
        verbs = ", ".join(f":{known}" for known in _VERBS)
        return NoRoute("google_genai", (), f"no such method on a model: {path}. Served are {verbs}")
    return _wrong_method("google_genai", method, path, ("GET", "POST"))


def _format_of(segments: list[str], headers: Mapping[str, str], *, google: bool) -> Format:
    match segments[:1]:
        case ["messages" | "complete" | "batches" | "skills"]:
            return "anthropic"
        case ["responses" | "conversations"]:
            return "openai_responses"
        case ["chat" | "completions" | "embeddings"]:
            return "openai_chat"
        case ["interactions" | "cachedContents"]:
            return "google_genai"
        case _:
            return "google_genai" if google else caller_format(headers)


def _wrong_method(format: Format, method: str, path: str, allowed: tuple[str, ...]) -> NoRoute:
    return NoRoute(format, allowed, f"{method} is not served on {path}: use {' or '.join(allowed)}")
