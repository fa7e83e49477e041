"""What a model spoke or drew: ``message.audio``, and ``message.images`` as OpenRouter and LiteLLM give them.

https://platform.openai.com/docs/guides/audio
"""

from __future__ import annotations

import base64
from typing import Any

from rosetta.converters import media
from rosetta.converters.converter import Json, Reply
from rosetta.converters.extras import unknown_within
from rosetta.converters.fields import unknown
from rosetta.converters.openai_chat.outgoing import FORMAT
from rosetta.converters.openai_chat.parts import decode_url
from rosetta.ir.parts import NO_EXTRAS, Inline, Link, Media, Opaque, Part

_IMAGE = frozenset({"type", "image_url", "index"})
_IMAGE_URL = frozenset({"url"})


def decode_audio(audio: Json, at: str = "") -> Part:
    """What the model spoke. The wire does not tell the format: the client asked for it."""
    data, transcript = audio.get("data"), audio.get("transcript")
    if type(data) is not str or not data:
        return Opaque(FORMAT, "audio", audio, at, transcript if type(transcript) is str else "")
    rest = {key: value for key, value in audio.items() if key not in ("data", "transcript") and value is not None}
    words = transcript if type(transcript) is str else None
    return Media("audio", Inline(data), media.sniff(data) or "audio/wav", at, transcript=words, extras=rest or NO_EXTRAS)


def decode_image(value: Any, at: str = "") -> Media | None:
    """An image of the answer, as OpenRouter and LiteLLM give it back on this wire; None where it is none."""
    image = value.get("image_url") if type(value) is dict else None
    url = image.get("url") if type(image) is dict else None
    if type(url) is not str:
        return None
    source, mime = decode_url(url)
    return Media("image", source, mime, at, extras=unknown_within(unknown(value, _IMAGE), value, "image_url", _IMAGE_URL))


def heard(before: Json, piece: Json) -> Json:
    """Speech so far, with another piece: bytes and words grow, all else is told once."""
    heard = {**before, **{key: value for key, value in piece.items() if value is not None}}
    for key in ("data", "transcript"):
        if type(before.get(key)) is str and type(piece.get(key)) is str:
            heard[key] = _spliced(before[key], piece[key]) if key == "data" else before[key] + piece[key]
    return heard


def _spliced(first: str, second: str) -> str:
    """Base64 of both; each piece may be padded."""
    return first + second if not first.endswith("=") else base64.b64encode(base64.b64decode(first) + base64.b64decode(second)).decode()


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_media(part: Media, number: int, reply: Reply) -> Json | None:
    """What the model spoke or drew, None where this wire has no place for it. ``number`` counts the images of the message."""
    match part:
        case Media(kind="audio", source=Inline(data)):
            rest = {key: value for key, value in part.extras.items() if key not in ("id", "expires_at")}
            identity, expires = part.extras.get("id"), part.extras.get("expires_at")
            return {
                "id": identity if identity is not None else reply.new_id("audio_"),
                "data": data,
                "expires_at": expires if type(expires) is int else reply.created,
                "transcript": part.transcript or "",
                **rest,
            }
        case Media(kind="image", source=Inline(data)):
            return {"type": "image_url", "image_url": {"url": media.data_url(part.mime, data)}, "index": number}
        case Media(kind="image", source=Link(url)):
            return {"type": "image_url", "image_url": {"url": url}, "index": number}
        case _:
            return None
