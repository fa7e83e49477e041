"""What of the client's headers goes up and what of the upstream's comes down: only between equal formats, and never credentials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from rosetta.ir.parts import Format

# Prefixes and names a vendor's own client relies on.
_UP: dict[Format, tuple[str, ...]] = {
    "anthropic": ("anthropic-", "user-agent", "x-app", "x-claude-code-"),
    "openai_chat": ("openai-", "idempotency-key", "user-agent", "x-client-request-id"),
    "openai_responses": (
        "openai-",
        "idempotency-key",
        "user-agent",
        "x-client-request-id",
        "x-codex-",
        "originator",
        "session-id",
        "session_id",
        "thread-id",
    ),
    "google_genai": ("x-goog-", "user-agent"),
}
_DOWN: dict[Format, tuple[str, ...]] = {
    "anthropic": ("anthropic-", "request-id", "retry-after", "x-should-retry"),
    "openai_chat": ("openai-", "x-request-id", "x-ratelimit-", "retry-after", "x-should-retry"),
    "openai_responses": ("openai-", "x-request-id", "x-ratelimit-", "retry-after", "x-should-retry", "x-codex-"),
    "google_genai": ("x-goog-", "retry-after", "server-timing"),
}
_NEVER = frozenset({"x-goog-api-key", "x-api-key", "authorization", "cookie", "set-cookie"})


def upward(format: Format, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """The client's headers that a target of the same format gets."""
    return _chosen(_UP[format], headers.items())


def downward(format: Format, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """The upstream's headers that a client of the same format gets."""
    return _chosen(_DOWN[format], headers.items())


def _chosen(prefixes: tuple[str, ...], headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.startswith(prefixes) and name not in _NEVER]


def rate_limit_headers(
    format: Format, unit: Literal["requests", "tokens"], most: int, remaining: int, reset_s: float
) -> tuple[tuple[str, str], ...]:
    """What the vendor's own clients read of a limit: OpenAI's ``x-ratelimit-*``, Anthropic's ``anthropic-ratelimit-*``; Google has none."""
    match format:
        case "openai_chat" | "openai_responses":
            return (
                (f"x-ratelimit-limit-{unit}", str(most)),
                (f"x-ratelimit-remaining-{unit}", str(remaining)),
                (f"x-ratelimit-reset-{unit}", f"{reset_s:.0f}s"),
            )
        case "anthropic":
            reset = (datetime.now(UTC) + timedelta(seconds=reset_s)).strftime("%Y-%m-%dT%H:%M:%SZ")
            return (
                (f"anthropic-ratelimit-{unit}-limit", str(most)),
                (f"anthropic-ratelimit-{unit}-remaining", str(remaining)),
                (f"anthropic-ratelimit-{unit}-reset", reset),
            )
        case "google_genai":
            return ()
