"""What the four faces ask: each turns its arguments into a body of its own wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rosetta.client.structured import Parse, wanted
from rosetta.config.schema import LossPolicy
from rosetta.convert import new_id
from rosetta.engine.call import Call, peek
from rosetta.ir.parts import Format


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A request in ``format``. ``parse`` reads the text of its answer."""

    format: Format
    model: str
    body: dict[str, Any]
    stream: bool = False
    loss_policy: LossPolicy | None = None
    parse: Parse | None = None

    def call(self) -> Call:
        """For the engine. Raises Malformed, and TypeError for what is no JSON."""
        text = msgspec.json.encode(self.body, enc_hook=_as_json)
        google = self.format == "google_genai"
        return Call(
            format=self.format,
            body=text,
            headers={"anthropic-version": "2023-06-01"} if self.format == "anthropic" else {},
            model=self.model,
            stream=self.stream,
            request_id=new_id("req_"),
            path_model=self.model if google else None,
            has_tools=peek(text).has_tools,
            loss_policy=self.loss_policy,
        )


def _as_json(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if dump is None:
        raise TypeError(f"a request holds JSON values and objects with model_dump(), got {type(value).__name__}")
    return dump(mode="json", exclude_unset=True)


def _body(fields: Mapping[str, Any], extra_body: Mapping[str, Any] | None) -> dict[str, Any]:
    """Arguments that were given: None is left out, as everywhere in Python; ``extra_body`` is taken as it is."""
    return {**{key: value for key, value in fields.items() if value is not None}, **(extra_body or {})}


def chat(
    model: str,
    messages: Sequence[Any],
    *,
    response_format: Any = None,
    stream: bool = False,
    loss_policy: LossPolicy | None = None,
    extra_body: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Question:
    """OpenAI's chat completions."""
    form, parse = wanted(response_format)
    fields = {"model": model, "messages": list(messages), "response_format": form, "stream": stream or None, **fields}
    return Question(format="openai_chat", model=model, body=_body(fields, extra_body), stream=stream, loss_policy=loss_policy, parse=parse)


def messages(
    model: str,
    messages: Sequence[Any],
    max_tokens: int,
    *,
    stream: bool = False,
    loss_policy: LossPolicy | None = None,
    extra_body: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Question:
    """Anthropic's messages."""
    fields = {"model": model, "max_tokens": max_tokens, "messages": list(messages), "stream": stream or None, **fields}
    return Question(format="anthropic", model=model, body=_body(fields, extra_body), stream=stream, loss_policy=loss_policy)


def responses(
    model: str,
    input: str | Sequence[Any],
    *,
    stream: bool = False,
    loss_policy: LossPolicy | None = None,
    extra_body: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Question:
    """OpenAI's responses."""
    fields = {"model": model, "input": input if isinstance(input, str) else list(input), "stream": stream or None, **fields}
    return Question(format="openai_responses", model=model, body=_body(fields, extra_body), stream=stream, loss_policy=loss_policy)


_BESIDE_CONFIG = {
    "system_instruction": "systemInstruction",
    "tools": "tools",
    "tool_config": "toolConfig",
    "safety_settings": "safetySettings",
    "cached_content": "cachedContent",
    "labels": "labels",
}
"""Fields of google-genai's ``config`` that stand beside ``generationConfig`` on the wire."""


def contents(
    model: str,
    contents: Any,
    config: Any = None,
    *,
    stream: bool = False,
    loss_policy: LossPolicy | None = None,
    extra_body: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Question:
    """Google's generateContent. ``config`` as google-genai takes it, other fields as on the wire, in either case."""
    body: dict[str, Any] = {"contents": _contents(contents)}
    settings = _as_json(config) if config is not None and not isinstance(config, Mapping) else dict(config or {})
    generation = {key: value for key, value in settings.items() if key not in _BESIDE_CONFIG and value is not None}
    for key, word in _BESIDE_CONFIG.items():
        if settings.get(key) is not None:
            body[word] = _instruction(settings[key]) if key == "system_instruction" else settings[key]
    if generation:
        body["generationConfig"] = generation
    return Question(format="google_genai", model=model, body=_body({**body, **fields}, extra_body), stream=stream, loss_policy=loss_policy)


def _contents(given: Any) -> Any:
    if isinstance(given, str):
        return [{"role": "user", "parts": [{"text": given}]}]
    rows = given if isinstance(given, list | tuple) else [given]
    return [{"role": "user", "parts": [{"text": row}]} if isinstance(row, str) else row for row in rows]


def _instruction(given: Any) -> Any:
    return {"parts": [{"text": given}]} if isinstance(given, str) else given
