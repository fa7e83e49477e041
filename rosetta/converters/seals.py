"""Opaque reasoning state on its way through a foreign client.

An envelope is ``rst1.`` and base64url of the JSON ``[[kind, value, provider, model, item_id, bound, [texts…]], …]``: one or more seals, in order.
It is put where the client will send it back: anthropic ``thinking.signature``, responses ``reasoning.encrypted_content``, google ``thoughtSignature``
(base64 of the envelope: the SDKs want valid base64), chat ``tool_calls[].extra_content.google.thought_signature``. It is stateless: any replica opens it.

A seal goes up only to the provider (seal group) that made it, an Anthropic signature only to the same model too. A value which is no envelope
is the client's own: it goes only to a target of the seal kind's own format. Nothing else is ever sent, and nothing is made up.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from rosetta.converters import jsontext
from rosetta.converters.converter import Target
from rosetta.ir.parts import Format, Seal, SealKind

PREFIX = "rst1."
PREFIX_BASE64 = "cnN0MS"
"""How the base64 of any envelope begins."""
SEAL_LIMIT_BYTES = 256 * 1024
"""The largest envelope. Past it the state is dropped, and that is a Loss: clients keep it in every later request."""

HOME: dict[SealKind, Format] = {
    "signature": "anthropic",
    "redacted": "anthropic",
    "encrypted": "openai_responses",
    "thought_signature": "google_genai",
    "text": "openai_chat",
}
"""The format whose wire carries a seal of this kind bare."""


def wrap(seals: Iterable[Seal]) -> str | None:
    """The envelope of ``seals``, or None when it would be too large."""
    rows = [[s.kind, s.value, s.provider, s.model, s.item_id, s.bound, list(s.texts)] for s in seals]
    envelope = PREFIX + base64.urlsafe_b64encode(jsontext.encode(rows)).rstrip(b"=").decode()
    return envelope if len(envelope) <= SEAL_LIMIT_BYTES else None


def wrap_base64(seals: Iterable[Seal]) -> str | None:
    """The envelope as standard base64, for Google clients."""
    envelope = wrap(seals)
    return None if envelope is None else base64.b64encode(envelope.encode()).decode()


def unwrap(value: str) -> tuple[Seal, ...] | None:
    """The seals in an envelope, plain or as base64; None when ``value`` is no envelope of ours or is damaged."""
    if value.startswith(PREFIX_BASE64):
        try:
            value = _decode64(value).decode("ascii")
        except ValueError:
            return None
    if not value.startswith(PREFIX):
        return None
    try:
        rows = jsontext.decode(_decode64(value[len(PREFIX) :]))
        return tuple(
            Seal(kind=kind, value=value, provider=provider, model=model, item_id=item_id, bound=bound, texts=tuple(texts))
            for kind, value, provider, model, item_id, bound, texts in rows
            if kind in HOME and type(value) is str and type(provider) is str and type(model) is str and all(type(t) is str for t in texts)
        )
    except (ValueError, TypeError):
        return None


def _decode64(text: str) -> bytes:
    """Base64 in either alphabet, padded or not."""
    try:
        return base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_").rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def opened(
    value: str, kind: SealKind, *, bound: str = "reasoning", texts: tuple[str, ...] = (), item_id: str | None = None
) -> tuple[Seal, ...]:
    """What a client sent in a seal's place: the seals of an envelope, else its own bare value as one seal of ``kind``."""
    seals = unwrap(value)
    if seals is not None:
        return seals
    return (Seal(kind=kind, value=value, item_id=item_id, bound="part" if bound == "part" else "reasoning", texts=texts),)


def belongs(seal: Seal, target: Target, target_format: Format) -> bool:
    """Whether the target made this seal and so may be sent it."""
    if not seal.provider:
        return HOME[seal.kind] == target_format
    if seal.provider != target.provider or HOME[seal.kind] != target_format:
        return False
    return seal.model == target.model or seal.kind not in ("signature", "redacted")
