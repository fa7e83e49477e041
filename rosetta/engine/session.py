"""Which conversation a request belongs to, as far as its client tells: prompt caches are warm where the last turn was answered."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

HEADERS = ("x-claude-code-session-id", "x-session-affinity", "x-session-id", "session-id", "session_id", "thread-id")
"""What Claude Code, Codex, Kilo Code and opencode send."""


class _Metadata(msgspec.Struct):
    user_id: str | None = None


class _Names(msgspec.Struct):
    prompt_cache_key: str | None = None
    safety_identifier: str | None = None
    user: str | None = None
    metadata: _Metadata | None = None


_decoder = msgspec.json.Decoder(_Names)


def session_of(headers: Mapping[str, str], body: bytes) -> str | None:
    """The session's name: a client's session header, ``prompt_cache_key``, or the end user (``metadata.user_id``, ``user``). None where nothing tells."""
    for name in HEADERS:
        if headers.get(name):
            return headers[name]
    try:
        names = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # a body that cannot be read this way is judged by its converter, with a path
    user = names.metadata.user_id if names.metadata is not None else None
    return names.prompt_cache_key or user or names.safety_identifier or names.user or None
