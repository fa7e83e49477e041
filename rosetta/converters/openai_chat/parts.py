"""Content parts ⇄ text, media, refusals and what is opaque: https://platform.openai.com/docs/api-reference/chat/create.

Content is a string or a list of parts. Many servers fail on lists, so text alone is always written as a string.
"""

from __future__ import annotations

from typing import Any, assert_never

from rosetta.converters import media
from rosetta.converters.converter import Json, Malformed
from rosetta.converters.extras import unknown_within
from rosetta.converters.fields import maybe_string, string, type_name, unknown
from rosetta.converters.openai_chat.outgoing import BREAKPOINT, CACHE_CONTROL, FORMAT, Outgoing
from rosetta.ir.parts import (
    CacheMark,
    FileId,
    Inline,
    Link,
    Media,
    Opaque,
    Part,
    PlainText,
    Reasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
    ToolResult,
)

_MARKS = frozenset({BREAKPOINT, CACHE_CONTROL})
_TEXT = frozenset({"type", "text"}) | _MARKS
_MARK = frozenset({"type", "mode", "ttl"})
_REFUSAL = frozenset({"type", "refusal"})
_IMAGE = frozenset({"type", "image_url"}) | _MARKS
_IMAGE_URL = frozenset({"url", "detail"})
_AUDIO = frozenset({"type", "input_audio"}) | _MARKS
_INPUT_AUDIO = frozenset({"data", "format"})
_FILE = frozenset({"type", "file"}) | _MARKS
_FILE_FIELDS = frozenset({"filename", "file_id", "file_data"})


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_content(value: Any, at: str) -> tuple[Part, ...]:
    """The parts of a message's ``content``; a string is one text part, null and ``""`` are none."""
    if value is None or (type(value) is str and not value):
        return ()
    if type(value) is str:
        return (Text(value, at),)
    if type(value) is not list:
        raise Malformed(at, f"expected str or array, got {type_name(value)}")
    parts = [_decode_part(part, f"{at}.{index}") for index, part in enumerate(value)]
    return tuple([part for part in parts if part is not None])


def _decode_mark(part: Json, at: str) -> CacheMark | None:
    value = part.get(BREAKPOINT)
    if value is None:
        value = part.get(CACHE_CONTROL)
    if value is None:
        return None
    if type(value) is not dict:
        raise Malformed(f"{at}.{BREAKPOINT}", f"expected object, got {type_name(value)}")
    ttl = value.get("ttl")
    return CacheMark(ttl if type(ttl) is str else None)


def _marked(part: Json, at: str, extras: dict[str, Any]) -> tuple[CacheMark | None, dict[str, Any]]:
    """The part's mark, and ``extras`` with what the mark holds beside its ttl."""
    mark = _decode_mark(part, at)
    if mark is not None:
        for key in _MARKS:
            if type(part.get(key)) is dict:
                extras = unknown_within(extras, part, key, _MARK)
    return mark, extras


def _decode_part(part: Any, at: str) -> Part | None:
    if type(part) is str:  # a list of bare strings is seen in the wild
        return Text(part, at) if part else None
    if type(part) is not dict:
        raise Malformed(at, f"expected object, got {type_name(part)}")
    kind = part.get("type")
    match kind:
        case "text" | "input_text" | "output_text":
            text = string(part, "text", at)
            mark, extras = _marked(part, at, unknown(part, _TEXT))
            return Text(text, at, mark, extras=extras) if text else None
        case "refusal":
            return Refusal(string(part, "refusal", at), at, unknown(part, _REFUSAL))
        case "image_url":
            return _decode_image(part, at)
        case "input_audio":
            return _decode_audio(part, at)
        case "file":
            return _decode_file(part, at)
        case None if "text" in part:
            mark, extras = _marked(part, at, unknown(part, _TEXT))
            return Text(string(part, "text", at), at, mark, extras=extras)
        case str():
            said = part.get("text")
            return Opaque(FORMAT, kind, part, at, said if type(said) is str else "")
        case _:
            raise Malformed(f"{at}.type", f"expected str, got {'null or nothing' if kind is None else type_name(kind)}")


def _decode_image(part: Json, at: str) -> Media:
    image = part.get("image_url")
    if type(image) is str:  # some clients leave the object out
        image = {"url": image}
    if type(image) is not dict:
        raise Malformed(f"{at}.image_url", f"expected object, got {type_name(image)}")
    source, mime = decode_url(string(image, "url", f"{at}.image_url"))
    extras = unknown(part, _IMAGE)
    if type(part["image_url"]) is dict:
        extras = unknown_within(extras, part, "image_url", _IMAGE_URL)
    mark, extras = _marked(part, at, extras)
    return Media("image", source, mime, at, detail=maybe_string(image, "detail", f"{at}.image_url"), cache=mark, extras=extras)


def decode_url(url: str) -> tuple[Source, str | None]:
    """A data URL as bytes with their type, any other as a link."""
    found = media.parse_data_url(url)
    if found is None:
        return Link(url), None
    mime, data = found
    return Inline(data), mime or media.sniff(data)


def _decode_audio(part: Json, at: str) -> Media:
    audio = part.get("input_audio")
    if type(audio) is not dict:
        raise Malformed(f"{at}.input_audio", f"expected object, got {type_name(audio)}")
    form = maybe_string(audio, "format", f"{at}.input_audio") or "wav"
    data = media.standard_base64(string(audio, "data", f"{at}.input_audio"))
    mark, extras = _marked(part, at, unknown_within(unknown(part, _AUDIO), part, "input_audio", _INPUT_AUDIO))
    return Media("audio", Inline(data), media.audio_mime(form), at, cache=mark, extras=extras)


def _decode_file(part: Json, at: str) -> Media:
    file = part.get("file")
    if type(file) is not dict:
        raise Malformed(f"{at}.file", f"expected object, got {type_name(file)}")
    where = f"{at}.file"
    name, identity, data = (
        maybe_string(file, "filename", where),
        maybe_string(file, "file_id", where),
        maybe_string(file, "file_data", where),
    )
    source: Source
    mime = None
    if identity is not None:
        source = FileId(identity)
    elif data is not None:
        source, mime = decode_url(data)
        if isinstance(source, Link) and not data.startswith(("http://", "https://")):
            raw = media.standard_base64(data)  # bare base64, as some servers' documents show it
            source, mime = Inline(raw), media.sniff(raw)
        if mime is None and name is not None and name.lower().endswith(".pdf"):
            mime = "application/pdf"
    else:
        raise Malformed(where, "expected file_id or file_data")
    kind = "document" if mime is None else media.kind_of(mime)
    mark, extras = _marked(part, at, unknown_within(unknown(part, _FILE), part, "file", _FILE_FIELDS))
    return Media(kind, source, mime, at, name=name, cache=mark, extras=extras)


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_content(parts: list[Part], out: Outgoing, *, apart: str = "\n\n") -> Any:
    """``content``: a string where there is only unmarked text, else a list; None where nothing is left.

    A chat client's own list of texts stays a list, and so does an Anthropic client's for a server that takes its marks: they wander from request to request,
    and what is cached must not change with them. Else each text of another client is a paragraph, but for those which Anthropic cuts to cite them; ``apart``
    stands between them (a Gemini's answer comes back in the pieces in which it was streamed).
    """
    encoded: list[Json] = []
    pieces: list[str] = []
    plain, before = True, False
    for part in parts:
        cited = isinstance(part, Text) and bool(part.citations)
        for wire in _encode_part(part, out):
            encoded.append(wire)
            if plain and wire.keys() == _PLAIN:
                if pieces and not (cited or before):
                    pieces.append(apart)
                pieces.append(wire["text"])
            else:
                plain = False
        before = cited
    if not encoded:
        return None
    apiece = out.own or (out.source == "anthropic" and out.dialect.cache_marks != "none")
    return "".join(pieces) if plain and (len(encoded) == 1 or not apiece) else encoded


_PLAIN = frozenset({"type", "text"})


def text_part(text: str) -> Json:
    """A text part."""
    return {"type": "text", "text": text}


def _encode_part(part: Part, out: Outgoing) -> list[Json]:
    match part:
        case Text():
            return _encode_text(part, out)
        case Refusal():
            wire = {"type": "refusal", "refusal": part.text} if out.own else text_part(part.text)
            out.extras(wire, part.extras, part.at)
            return [wire]
        case Media():
            return encode_media(part, out)
        case Opaque():
            return encode_opaque(part, out)
        case Reasoning() | ToolCall() | ToolResult():
            return []  # turns.py writes these
        case _:
            assert_never(part)


def _encode_text(part: Text, out: Outgoing) -> list[Json]:
    if not part.text:
        return []
    wire = text_part(part.text)
    out.mark(wire, part.cache, part.at)
    if part.phase is not None:
        out.losses.dropped("phase", part.at)
    if part.seal is not None:
        out.losses.dropped("seal", part.at)
    if part.citations and not out.own:
        out.losses.dropped("citations", part.at)
    out.extras(wire, part.extras, part.at)
    return [wire]


def encode_opaque(part: Opaque, out: Outgoing) -> list[Json]:
    """A part of our own wire as it came; of another what it says in words."""
    if part.format == FORMAT:
        return [part.data]
    if part.text:
        out.losses.approximated("part", part.at, f"{part.kind} as text")
        wire = text_part(part.text)
        out.mark(wire, part.cache, part.at)
        return [wire]
    out.losses.dropped("part", part.at, part.kind)
    return []


def encode_media(part: Media, out: Outgoing) -> list[Json]:
    """None or one part."""
    wire: Json | None
    match part.kind:
        case "image":
            wire = _encode_image(part, out)
        case "audio":
            wire = _encode_audio(part, out)
        case "video":
            wire = None
        case "document":
            wire = _encode_document(part, out)
        case _:
            assert_never(part.kind)
    if wire is None:
        out.losses.dropped(part.kind, part.at)
        return []
    media.tell_unsaid(part, out.losses, *_said(part, wire))
    if part.seal is not None:
        out.losses.dropped("seal", part.at)
    out.mark(wire, part.cache, part.at)
    out.extras(wire, part.extras, part.at)
    return [wire]


_HEADED = ("name", "title", "context")


def _said(part: Media, wire: Json) -> tuple[str, ...]:
    """What the wire says of a part beside its source."""
    match wire["type"]:
        case "image_url":
            return ("detail",)
        case "file":
            return ("name",) if part.name is not None else ("title",)
        case "text":
            return _HEADED if part.title is None or part.name is None else ("title", "context")
        case _:
            return ()


def _address(part: Media) -> str | None:
    match part.source:
        case Inline(data):
            return media.data_url(part.mime or media.sniff(data), data)
        case Link(url):
            return url
        case FileId() | PlainText():
            return None
        case _:
            assert_never(part.source)


def _encode_image(part: Media, out: Outgoing) -> Json | None:
    url = _address(part)
    if url is None or not (out.dialect.images or out.faithful):
        return None
    image: Json = {"url": url}
    if part.detail is not None:
        image["detail"] = part.detail
    return {"type": "image_url", "image_url": image}


_HEARD = frozenset({"wav", "mp3"})
"""The forms of sound that the wire has words for."""


def _encode_audio(part: Media, out: Outgoing) -> Json | None:
    form = media.audio_word(part.mime) if out.own and part.mime else media.AUDIO_FORMAT.get(part.mime or "")
    if not isinstance(part.source, Inline) or form is None or not (out.dialect.audio or out.faithful):
        return None
    if not out.own and form not in _HEARD:
        return None
    return {"type": "input_audio", "input_audio": {"data": part.source.data, "format": form}}


def _encode_document(part: Media, out: Outgoing) -> Json | None:
    text = _document_text(part)
    if text is not None and not (out.faithful and isinstance(part.source, Inline)):
        head = " ".join(word for word in (part.title or part.name, f"({part.context})" if part.context else None) if word)
        out.losses.approximated("document", part.at, "as text")
        return text_part(f"{head}\n\n{text}" if head else text)
    if not (out.dialect.files or out.faithful):
        return None
    match part.source:
        case FileId(id):
            if not out.own:
                return None
            return {"type": "file", "file": {"file_id": id} if part.name is None else {"file_id": id, "filename": part.name}}
        case Inline(data):
            name, extension = part.name or part.title, media.EXTENSION.get(part.mime or "", "pdf")
            if name is None:
                out.losses.injected("name", part.at, "a file must have a name")
                name = "file"
            if part.name is None:
                name = name if name.lower().endswith(f".{extension}") else f"{name}.{extension}"
            return {"type": "file", "file": {"filename": name, "file_data": media.data_url(part.mime or "application/pdf", data)}}
        case Link() | PlainText():
            return None
        case _:
            assert_never(part.source)


def is_wordy(part: Part) -> bool:
    """Whether a part can be said in words alone, as tool messages want it."""
    return not isinstance(part, Media) or (part.kind == "document" and _document_text(part) is not None)


def _document_text(part: Media) -> str | None:
    """The text of a text document."""
    match part.source:
        case PlainText(text):
            return text
        case Inline(data) if (part.mime or "").startswith("text/"):
            return media.text_of(data)
        case _:
            return None
