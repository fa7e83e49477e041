"""Media on its way between wires: data URLs, base64 alphabets, what the bytes themselves say."""

from __future__ import annotations

import base64
import binascii
import re

from rosetta.converters.losses import Losses
from rosetta.ir.parts import Media, MediaKind

_DATA_URL = re.compile(r"^data:([^;,]*)((?:;[^,]*)?),", re.IGNORECASE)

# The beginnings of files, as base64 decodes them: enough to name what clients mislabel.
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
)

AUDIO_MIME = {"wav": "audio/wav", "mp3": "audio/mpeg", "aac": "audio/aac", "flac": "audio/flac", "opus": "audio/opus", "pcm16": "audio/pcm"}
AUDIO_FORMAT = {
    **{mime: name for name, mime in AUDIO_MIME.items()},
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mp3": "mp3",
    "audio/ogg": "opus",
    "audio/l16": "pcm16",
}
_AUDIO_WORD = {mime: word for word, mime in AUDIO_MIME.items()}
EXTENSION = {
    "application/pdf": "pdf",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/html": "html",
    "text/csv": "csv",
    "application/json": "json",
}


def parse_data_url(url: str) -> tuple[str | None, str] | None:
    """``(mime, standard base64)`` of a ``data:`` URL, None when it is no data URL or not decodable. Parameters (``;charset=…``) are left out."""
    match = _DATA_URL.match(url)
    if match is None:
        return None
    mime = match[1].strip().lower() or None
    payload = url[match.end() :]
    if ";base64" in match[2].lower():
        return mime, standard_base64(payload)
    from urllib.parse import unquote_to_bytes

    return mime, base64.b64encode(unquote_to_bytes(payload)).decode()


def data_url(mime: str | None, data: str) -> str:
    """A ``data:`` URL of base64 ``data``."""
    return f"data:{mime or 'application/octet-stream'};base64,{data}"


def standard_base64(text: str) -> str:
    """Base64 in the standard alphabet, padded, without blanks. google-genai for Python sends the URL-safe one."""
    if "-" in text or "_" in text:
        text = text.replace("-", "+").replace("_", "/")
    if any(blank in text for blank in (" ", "\n", "\r", "\t")):
        text = "".join(text.split())
    missing = -len(text) % 4
    return text + "=" * missing if missing else text


def is_base64(text: str) -> bool:
    """Whether ``text`` decodes, in the standard alphabet."""
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def sniff(data: str) -> str | None:
    """What the bytes themselves are, from the first few; None when they do not tell."""
    try:
        head = base64.b64decode(data[:24])
    except (binascii.Error, ValueError):
        return None
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return {b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heif", b"avif": "image/avif"}.get(head[8:12], "video/mp4")
    return next((mime for magic, mime in _MAGIC if head.startswith(magic)), None)


def kind_of(mime: str | None) -> MediaKind:
    """Which kind of media a MIME type is; documents are all that is no image, audio or video."""
    match (mime or "").partition("/")[0]:
        case "image":
            return "image"
        case "audio":
            return "audio"
        case "video":
            return "video"
        case _:
            return "document"


_UNSAID = (("detail", "auto"), ("title", None), ("context", None), ("citable", False), ("transcript", None))
"""What a part may say beside its source, and what is as good as nothing said."""


def tell_unsaid(part: Media, losses: Losses, *said: str) -> None:
    """The Losses of what a wire has no word for: all that a part says beside its source, but for what was ``said``. Marks and seals are the wire's own
    business."""
    if part.name is not None and "name" not in said:
        losses.dropped("filename", part.at)
    for field, silent in _UNSAID:
        if field not in said and getattr(part, field) not in (None, silent):
            losses.dropped(field, part.at)


def audio_mime(word: str) -> str:
    """The MIME type of OpenAI's word for a form of sound. One that it has no word for keeps its own."""
    return AUDIO_MIME.get(word, f"audio/{word}")


def audio_word(mime: str) -> str:
    """The word that ``audio_mime`` made the type of."""
    return _AUDIO_WORD.get(mime) or mime.removeprefix("audio/")


def text_of(data: str) -> str | None:
    """The text in base64 ``data``, None when it is not UTF-8."""
    try:
        return base64.b64decode(data).decode()
    except (binascii.Error, ValueError):
        return None
