"""A request's path as a template, for ``http.route`` and the span's name."""

from __future__ import annotations

from rosetta.ir.parts import Format

UNKNOWN = "/{path}"

_TEMPLATES: dict[tuple[str, str], str] = {
    ("openai_chat", "generate"): "/v1/chat/completions",
    ("openai_responses", "generate"): "/v1/responses",
    ("openai_responses", "compact"): "/v1/responses/compact",
    ("openai_responses", "input_tokens"): "/v1/responses/input_tokens",
    ("openai_responses", "stored"): "/v1/responses/{id}",
    ("anthropic", "generate"): "/v1/messages",
    ("anthropic", "count"): "/v1/messages/count_tokens",
    ("google_genai", "generate"): "/v1beta/models/{model}:generateContent",
    ("google_genai", "count"): "/v1beta/models/{model}:countTokens",
}
_GOOGLE_STREAM = "/v1beta/models/{model}:streamGenerateContent"


def template(format: Format, operation: str, *, stream: bool | None) -> str:
    """One of ``names.ROUTES``."""
    if stream and format == "google_genai" and operation == "generate":
        return _GOOGLE_STREAM
    if operation == "models":
        return "/v1/models"
    if operation == "model":
        return "/v1/models/{model}"
    return _TEMPLATES.get((format, operation), UNKNOWN)
