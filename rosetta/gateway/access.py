"""Who may ask: keys from the config, compared by digest in constant time."""

from __future__ import annotations

import functools
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rosetta.config import Allowed
from rosetta.config.schema import Key
from rosetta.ir.errors import Failure

_HINT = "send it as Authorization: Bearer, x-api-key, x-goog-api-key or ?key="


class Denied(Exception):
    """The caller may not. ``failure`` says why, and never what was sent."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def presented(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """The key that the caller sent, in whichever way its SDK does."""
    authorization = headers.get("authorization", "")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-api-key") or headers.get("x-goog-api-key") or query.get("key") or None


class Access:
    """The configured keys. Without any, everybody may (the server then listens on loopback only, unless ``server.open``)."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = [(key.digest, key) for key in keys]

    def admit(self, headers: Mapping[str, str], query: Mapping[str, str]) -> Key | None:
        """The caller's key, None where none is needed. Raises Denied(auth)."""
        if not self._keys:
            return None
        text = presented(headers, query)
        if text is None:
            raise Denied(Failure("auth", f"no key: {_HINT}", code="invalid_api_key", ours=True))
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        found: Key | None = None
        for known, key in self._keys:  # all of them, so that the time tells nothing
            if hmac.compare_digest(known, digest):
                found = key
        if found is None:
            raise Denied(
                Failure("auth", "the key is not known to this gateway: ask its operator for one", code="invalid_api_key", ours=True)
            )
        if found.expires is not None and found.expires <= datetime.now(UTC):
            raise Denied(
                Failure(
                    "auth",
                    f"the key {found.name!r} expired on {found.expires.date()}: ask the gateway's operator for a new one",
                    code="invalid_api_key",
                    ours=True,
                )
            )
        return found


def permits(key: Key | None, model: str) -> bool:
    """Whether the key may use the model."""
    return key is None or _allowed(key.models)(model)


@functools.lru_cache(maxsize=1024)
def _allowed(models: tuple[str, ...] | None) -> Allowed:
    return Allowed(models)
