"""What Ollama does not say on the OpenAI wire: its version, the context it really loaded, and what a model can do.

Ollama cuts a prompt that is too long for the loaded context without a word, and its default is a few thousand tokens, where coding agents send ten times as many.
``/api/version`` tells the version, ``/api/ps`` the loaded context, ``/api/show`` the capabilities: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import msgspec

from rosetta.converters import jsontext
from rosetta.engine.upstream import Unreachable, Upstream
from rosetta.ir.errors import Failure

ASK_TIMEOUT_S = 2.0
KEPT_S = 30.0
LOADING_S = 1.0
SMALL_WINDOW_TOKENS = 32_768
"""Coding agents need about this much: below it they are warned."""
_NUMBER = re.compile(r"\d+")
CLEARLY_ABOVE = 1.5
"""The prompt is estimated; only an estimate this many times the window is refused."""


class ModelFacts(msgspec.Struct, frozen=True):
    """What is known of a model. ``window`` is the loaded context in tokens, None while the model is not loaded; ``capabilities`` is None where
    the server is too old to tell."""

    window: int | None = None
    capabilities: frozenset[str] | None = None

    @property
    def tools(self) -> bool:
        """Whether the model takes tools, as far as is known."""
        return self.capabilities is None or "tools" in self.capabilities

    @property
    def thinking(self) -> bool:
        """Whether the model takes a reasoning effort, as far as is known."""
        return self.capabilities is None or "thinking" in self.capabilities


UNKNOWN = ModelFacts()


class Ollama:
    """The native API beside a provider's ``/v1``."""

    def __init__(self, base_url: str) -> None:
        root = base_url.rstrip("/").removesuffix("/v1")
        self._upstream = Upstream("ollama", root, connect_timeout_s=ASK_TIMEOUT_S, max_connections=4)
        self._kept: dict[str, tuple[float, ModelFacts]] = {}
        self._version: tuple[int, ...] | None = None
        self._silent_until = 0.0

    async def is_since(self, version: str) -> bool:
        """Whether the server runs ``version`` or a later one. It is asked once; one that does not tell is taken for older, and asked again
        after half a minute."""
        if self._version is None and self._silent_until <= time.monotonic():
            told = (await self._ask("GET", "/api/version") or {}).get("version")
            self._version = _numbers(told) if type(told) is str else None
            self._silent_until = time.monotonic() + KEPT_S
        return self._version is not None and self._version >= _numbers(version)

    async def facts(self, model: str) -> ModelFacts:
        """What is known of ``model``, kept for half a minute, and for a moment while it is not loaded: the next request may need its window. UNKNOWN where
        the server does not tell."""
        kept = self._kept.get(model)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        shown, running = await asyncio.gather(self._ask("POST", "/api/show", {"model": model}), self._ask("GET", "/api/ps"))
        names = (shown or {}).get("capabilities")
        capabilities = frozenset(str(name) for name in names) if isinstance(names, list) else None
        facts = ModelFacts(_window(running, model), capabilities)
        self._kept[model] = (time.monotonic() + (KEPT_S if facts.window is not None or running is None else LOADING_S), facts)
        return facts

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        headers = [("accept-encoding", "identity"), ("content-type", "application/json")]
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                reply = await self._upstream.send(method, path, headers, jsontext.encode(body) if body is not None else b"")
                try:
                    answer = await reply.read()
                finally:
                    await reply.aclose()
            value = jsontext.decode(answer) if reply.status == 200 else None
        except (TimeoutError, Unreachable, jsontext.InvalidJson):
            return None  # not an Ollama, or a busy one: what it does not tell is unknown
        return value if type(value) is dict else None

    async def aclose(self) -> None:
        """Closes its connections."""
        await self._upstream.aclose()


def _numbers(version: str) -> tuple[int, ...]:
    """``0.14.2-rc1`` -> (0, 14, 2)."""
    return tuple(int(number) for number in _NUMBER.findall(version.partition("-")[0]))


def _window(running: dict[str, Any] | None, model: str) -> int | None:
    for row in (running or {}).get("models") or []:
        if type(row) is dict and model in (row.get("name"), row.get("model"), str(row.get("name")).removesuffix(":latest")):
            window = row.get("context_length")
            return window if type(window) is int and window > 0 else None
    return None


def warning(model: str, facts: ModelFacts) -> str | None:
    """The line for the operator where the loaded context is too small for agents."""
    if facts.window is None or facts.window >= SMALL_WINDOW_TOKENS:
        return None
    return (
        f"{model} is loaded with a context of {facts.window} tokens; Ollama cuts longer prompts without a word. "
        f"Start Ollama with OLLAMA_CONTEXT_LENGTH={SMALL_WINDOW_TOKENS * 2} for coding agents"
    )


def too_long(model: str, facts: ModelFacts, input_tokens: int, window: int | None = None) -> Failure | None:
    """The refusal of a prompt that cannot fit; ``window`` is the configured one, where there is one."""
    known = window or facts.window
    if known is None or input_tokens <= known * CLEARLY_ABOVE:
        return None
    return Failure(
        "context_too_long",
        f"prompt is too long: {input_tokens} tokens > {known} maximum (estimated; {model} has a context of {known} tokens). "
        f"Shorten it, or raise the context: OLLAMA_CONTEXT_LENGTH for Ollama",
        code="context_length_exceeded",
        ours=True,
    )


def truncated(input_tokens: int, reported: int) -> bool:
    """Whether the server read so much less than was sent that it must have cut the prompt."""
    return reported > 0 and input_tokens > 2000 and reported * 2 < input_tokens
