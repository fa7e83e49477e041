"""Content parts ⇄ text, media, refusals, citations and what is opaque: https://platform.openai.com/docs/api-reference/responses/create.

The parts of a message of the user are ``input_*``, those of the model ``output_text`` and ``refusal``. Items are in ``turns.py``.
"""

from __future__ import annotations

from typing import Any, Literal, assert_never

from rosetta.converters import media
from rosetta.converters.converter import Json, Malformed, Target
from rosetta.converters.extras import restore, unknown_within
from rosetta.converters.fields import maybe_string, string, type_name, unknown
from rosetta.converters.losses import Losses
from rosetta.converters.names import ToolNames
from rosetta.converters.openai_responses.dialect import Dialect
from rosetta.ir.parts import (
    CacheMark,
    Citation,
    FileId,
    Inline,
    Link,
    Media,
    Opaque,
    Part,
    PlainText,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

FORMAT: Literal["openai_responses"] = "openai_responses"

BREAKPOINT = "prompt_cache_breakpoint"
CACHE_TTL = {"5m": "30m", "30m": "30m", "1h": "12h", "12h": "12h", "24h": "12h"}
"""Lifetimes of any wire -> what OpenAI has."""

_TEXT = frozenset({"type", "text", "annotations", "logprobs", BREAKPOINT})
_REFUSAL = frozenset({"type", "refusal"})
CONTENT_PARTS = {"output_text": _TEXT, "text": _TEXT, "refusal": _REFUSAL}
"""The parts of a model's message, and their fields."""
_IMAGE = frozenset({"type", "image_url", "file_id", "detail", BREAKPOINT})
_FILE = frozenset({"type", "file_id", "file_url", "file_data", "filename", "detail", BREAKPOINT})
_AUDIO = frozenset({"type", "input_audio"})
_INPUT_AUDIO = frozenset({"data", "format"})
_ANNOTATION = frozenset({"type", "url", "title", "start_index", "end_index"})
_BREAKPOINT = frozenset({"mode", "ttl"})


class Outgoing:
    """One request on its way out: where it goes and what it lost. ``custom_calls`` are the ids of the calls written as custom ones."""

    __slots__ = ("custom_calls", "dialect", "losses", "names", "own", "target")

    def __init__(self, *, own: bool, target: Target, names: ToolNames, losses: Losses) -> None:
        self.own = own
        self.target = target
        self.dialect: Dialect = target.dialect
        self.names = names
        self.losses = losses
        self.custom_calls: set[str] = set()

    def extras(self, node: Json, extras: dict[str, Any], at: str) -> None:
        """Unknown fields go back to their own wire, else they are lost."""
        if not extras:
            return
        if self.own:
            restore(node, extras, self.losses, at)
        else:
            self.losses.extras(extras, at)

    def mark(self, part: Json, mark: CacheMark | None, at: str) -> None:
        """Write a cache mark on ``part``."""
        if mark is None:
            return
        if not (self.own or self.dialect.cache_marks):
            self.losses.dropped("cache", at)
            return
        breakpoint_: Json = {"mode": "explicit"}
        if mark.ttl is not None:
            ttl = mark.ttl if self.own else CACHE_TTL.get(mark.ttl, "30m")
            if ttl != mark.ttl:
                self.losses.approximated("cache", at, f"kept for {ttl} instead of {mark.ttl}")
            breakpoint_["ttl"] = ttl
        part[BREAKPOINT] = breakpoint_


# ------------------------------------------------------------------------------------------------------------------------------ decode


def decode_content(content: Any, at: str) -> tuple[Part, ...]:
    """The content of a message or of a tool's output: a string, or a list of parts. ``at`` is the path of the content itself."""
    if type(content) is str:
        return (Text(content, at),) if content else ()
    if type(content) is not list:
        raise Malformed(at, f"expected str or array, got {type_name(content)}")
    return tuple([decode_part(part, f"{at}.{index}") for index, part in enumerate(content)])


def decode_part(part: Any, at: str) -> Part:
    """One content part; what is unknown stays opaque."""
    if type(part) is not dict:
        raise Malformed(at, f"expected object, got {type_name(part)}")
    match kind := string(part, "type", at):
        case "input_text" | "output_text" | "text":
            return decode_text(part, at)
        case "refusal":
            return Refusal(string(part, "refusal", at), at, unknown(part, _REFUSAL))
        case "input_image":
            return _decode_image(part, at)
        case "input_file":
            return _decode_file(part, at)
        case "input_audio":
            return _decode_audio(part, at)
        case _:
            return Opaque(FORMAT, kind, part, at)


def decode_text(part: Json, at: str) -> Text:
    """``input_text`` or ``output_text``. Log probabilities of history say nothing and are left out."""
    text = string(part, "text", at)
    if len(part) == 2:
        return Text(text, at)
    annotations = part.get("annotations")
    return Text(
        text,
        at,
        cache=decode_mark(part, at),
        citations=tuple([decode_annotation(found) for found in annotations if type(found) is dict]) if type(annotations) is list else (),
        extras=_unknown(part, _TEXT),
    )


def _unknown(part: Json, known: frozenset[str]) -> dict[str, Any]:
    """What nobody knows of a part and of its mark."""
    extras = unknown(part, known)
    return unknown_within(extras, part, BREAKPOINT, _BREAKPOINT) if type(part.get(BREAKPOINT)) is dict else extras


def decode_mark(part: Json, at: str) -> CacheMark | None:
    """``prompt_cache_breakpoint``."""
    mark = part.get(BREAKPOINT)
    if mark is None:
        return None
    if type(mark) is not dict:
        raise Malformed(f"{at}.{BREAKPOINT}", f"expected object, got {type_name(mark)}")
    return CacheMark(maybe_string(mark, "ttl", f"{at}.{BREAKPOINT}"))


def decode_annotation(annotation: Json) -> Citation:
    """An annotation of a text: ``url_citation`` has an address and code points, the others are known to OpenAI alone."""
    url, title, start, end = (annotation.get(key) for key in ("url", "title", "start_index", "end_index"))
    return Citation(
        format=FORMAT,
        raw=annotation,
        url=url if type(url) is str else None,
        title=title if type(title) is str else None,
        start=start if type(start) is int else None,
        end=end if type(end) is int else None,
        more=annotation.get("type") != "url_citation" or bool(unknown(annotation, _ANNOTATION)),
    )


def _decode_image(part: Json, at: str) -> Media:
    url, file_id = maybe_string(part, "image_url", at), maybe_string(part, "file_id", at)
    mime: str | None = None
    source: Inline | Link | FileId
    if url:
        inline = media.parse_data_url(url)
        if inline is None:
            source = Link(url)
        else:
            source, mime = Inline(inline[1]), inline[0] or media.sniff(inline[1])
    elif file_id:
        source = FileId(file_id)
    else:
        raise Malformed(f"{at}.image_url", "expected an address, a data URL or a file_id, got nothing")
    detail = maybe_string(part, "detail", at)
    return Media("image", source, mime, at, detail=detail, cache=decode_mark(part, at), extras=_unknown(part, _IMAGE))


def _decode_file(part: Json, at: str) -> Media:
    data, url, file_id = (maybe_string(part, key, at) for key in ("file_data", "file_url", "file_id"))
    name = maybe_string(part, "filename", at)
    mime: str | None = None
    source: Inline | Link | FileId
    if data:
        inline = media.parse_data_url(data) or (None, media.standard_base64(data))
        source, mime = Inline(inline[1]), inline[0] or media.sniff(inline[1]) or _named(name)
    elif url:
        source = Link(url)
    elif file_id:
        source = FileId(file_id)
    else:
        raise Malformed(f"{at}.file_data", "expected file_data, file_url or file_id, got nothing")
    return Media(
        media.kind_of(mime),
        source,
        mime,
        at,
        name=name,
        detail=maybe_string(part, "detail", at),
        cache=decode_mark(part, at),
        extras=_unknown(part, _FILE),
    )


def _named(name: str | None) -> str | None:
    """The MIME type that a file's name tells."""
    ending = (name or "").rpartition(".")[2].lower()
    return next((mime for mime, extension in media.EXTENSION.items() if extension == ending), None)


def _decode_audio(part: Json, at: str) -> Media:
    # Not in the request types, but sent by clients that learned it from chat.
    audio = part.get("input_audio")
    if type(audio) is not dict:
        raise Malformed(f"{at}.input_audio", f"expected object, got {type_name(audio)}")
    word = maybe_string(audio, "format", f"{at}.input_audio")
    data = media.standard_base64(string(audio, "data", f"{at}.input_audio"))
    mime = media.audio_mime(word) if word else media.sniff(data) or "audio/wav"
    return Media("audio", Inline(data), mime, at, extras=unknown_within(unknown(part, _AUDIO), part, "input_audio", _INPUT_AUDIO))


# ------------------------------------------------------------------------------------------------------------------------------ encode


def encode_content(parts: list[Part], out: Outgoing) -> str | list[Json]:
    """The content of a message of the user: a string where it is one plain text."""
    if len(parts) == 1:
        only = parts[0]
        if isinstance(only, Text) and not (only.cache or only.extras or only.seal or only.citations):
            return only.text
    content = [encode_input(part, out) for part in parts]
    return [part for part in content if part is not None]


def encode_input(part: Part, out: Outgoing) -> Json | None:
    """An ``input_*`` part, None when nothing of it can be said."""
    wire: Json
    match part:
        case Text():
            wire = {"type": "input_text", "text": part.text}
            if part.citations:
                out.losses.dropped("citations", part.at)
            if part.seal is not None:
                out.losses.dropped("seal", part.at)
            out.mark(wire, part.cache, part.at)
            out.extras(wire, part.extras, part.at)
            return wire
        case Media():
            return _encode_media(part, out)
        case Refusal():
            out.losses.approximated("refusal", part.at, "as text")
            wire = {"type": "input_text", "text": part.text}
            out.losses.extras(part.extras, part.at)
            return wire
        case Opaque():
            if part.format == FORMAT:
                return part.data
            text = say_opaque(part, out)
            return {"type": "input_text", "text": text} if text else None
        case ToolCall() | ToolResult() | Reasoning():
            out.losses.dropped("part", part.at, "it has no place in a message")
            return None
        case _:
            assert_never(part)


def say_opaque(part: Opaque, out: Outgoing) -> str:
    """What may be said in place of another wire's part."""
    if part.cache is not None:
        out.losses.dropped("cache", part.at)
    if part.text:
        out.losses.approximated("part", part.at, "as text")
    else:
        out.losses.dropped("part", part.at, part.kind)
    return part.text


def _encode_media(part: Media, out: Outgoing) -> Json | None:
    if part.seal is not None:
        out.losses.dropped("seal", part.at)
    if isinstance(part.source, FileId) and not out.own:
        out.losses.dropped(part.kind, part.at, "the file is kept at another provider")
        return None
    wire: Json | None
    match part.kind:
        case "image":
            wire = _encode_image(part, out)
        case "document":
            wire = _encode_document(part, out)
        case "audio" | "video":
            wire = _encode_spoken(part, out)
        case _:
            assert_never(part.kind)
    if wire is not None:
        media.tell_unsaid(part, out.losses, *_said(part, wire))
        out.mark(wire, part.cache, part.at)
        out.extras(wire, part.extras, part.at)
    return wire


def _said(part: Media, wire: Json) -> tuple[str, ...]:
    """What the wire says of a part beside its source."""
    match wire["type"]:
        case "input_image":
            return ("detail",)
        case "input_file":
            given = wire.get("filename")
            return (
                "detail",
                *[field for field in ("name", "title") if given is not None and (field == "name" or part.name in (None, part.title))],
            )
        case "input_text" if part.kind == "document":
            return ("name", "title", "context") if part.title is None or part.name in (None, part.title) else ("title", "context")
        case "input_text":
            return ("transcript",)
        case _:
            return ()


def _encode_spoken(part: Media, out: Outgoing) -> Json | None:
    if out.own and part.kind == "audio" and isinstance(part.source, Inline):
        return {"type": "input_audio", "input_audio": {"data": part.source.data, "format": media.audio_word(part.mime or "audio/wav")}}
    if part.transcript:
        out.losses.approximated(part.kind, part.at, "as its transcript")
        return {"type": "input_text", "text": part.transcript}
    out.losses.dropped(part.kind, part.at)
    return None


def _encode_image(part: Media, out: Outgoing) -> Json:
    wire: Json = {"type": "input_image"}
    match part.source:
        case Inline(data=data):
            wire["image_url"] = media.data_url(part.mime or media.sniff(data) or "image/png", data)
        case Link(url=url):
            wire["image_url"] = url
        case FileId(id=file_id):
            wire["file_id"] = file_id
        case PlainText(text=text):
            return {"type": "input_text", "text": text}
        case _:
            assert_never(part.source)
    if part.detail is not None:
        wire["detail"] = part.detail
    elif not out.own:
        wire["detail"] = "auto"  # the default; vLLM and others, which check by OpenAI's own types, refuse an image without
    return wire


def _encode_document(part: Media, out: Outgoing) -> Json:
    text = part.source.text if isinstance(part.source, PlainText) else None
    if text is None and isinstance(part.source, Inline) and part.mime == "text/plain" and not out.own:
        text = media.text_of(part.source.data)
    if text is not None:
        out.losses.approximated("document", part.at, "as text")
        head = "\n".join([word for word in (part.title or part.name, part.context) if word])
        return {"type": "input_text", "text": f"{head}\n\n{text}" if head else text}
    wire: Json = {"type": "input_file"}
    match part.source:
        case Inline(data=data):
            wire["filename"] = _filename(part, out)
            wire["file_data"] = media.data_url(part.mime or media.sniff(data), data)
        case Link(url=url):
            wire["file_url"] = url
            if part.name is not None and out.own:
                wire["filename"] = part.name
        case FileId(id=file_id):
            wire["file_id"] = file_id
            if part.name is not None:
                wire["filename"] = part.name
        case PlainText():
            pass
        case _:
            assert_never(part.source)
    if part.detail is not None:
        wire["detail"] = part.detail
    return wire


def _filename(part: Media, out: Outgoing) -> str:
    if part.name:
        return part.name
    ending = media.EXTENSION.get(part.mime or "", "pdf")
    if part.title:
        return part.title if part.title.endswith(f".{ending}") else f"{part.title}.{ending}"
    out.losses.injected("name", part.at, f"file.{ending}: the wire demands a name")
    return f"file.{ending}"


def encode_annotations(text: str, citations: tuple[Citation, ...], losses: Losses, at: str) -> list[Json]:
    """The annotations of an output text; a citation without an address has none."""
    found = [encode_annotation(citation, len(text)) for citation in citations]
    if any(annotation is None for annotation in found):
        losses.dropped("citations", at, "one without an address")
    elif any(citation.format != FORMAT and citation.beyond_address for citation in citations):
        losses.approximated("citations", at, "the address alone")
    return [annotation for annotation in found if annotation is not None]


def encode_annotation(citation: Citation, length: int) -> Json | None:
    """One annotation; where the source told no offsets it covers the text so far."""
    if citation.format == FORMAT:
        return citation.raw
    if citation.url is None:
        return None
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title or "",
        "start_index": 0 if citation.start is None else citation.start,
        "end_index": length if citation.end is None else citation.end,
    }


def encode_output_text(part: Text, out: Outgoing) -> Json:
    """An ``output_text`` of history."""
    wire: Json = {
        "type": "output_text",
        "text": part.text,
        "annotations": encode_annotations(part.text, part.citations, out.losses, part.at),
    }
    if part.cache is not None:
        out.losses.dropped("cache", part.at)
    if part.seal is not None:
        out.losses.dropped("seal", part.at)
    out.extras(wire, part.extras, part.at)
    return wire
