"""Content blocks ⇄ text, media, refusals, citations and what is opaque: https://docs.claude.com/en/api/messages.

The blocks of tools are in ``tools.py``, those of thinking in ``reasoning.py``.
"""

from __future__ import annotations

from typing import Any, Literal

from rosetta.converters import media
from rosetta.converters.anthropic.dialect import Dialect
from rosetta.converters.converter import Json, Malformed, Target
from rosetta.converters.fields import maybe_string, string, type_name, unknown
from rosetta.converters.losses import Losses
from rosetta.converters.names import ToolNames
from rosetta.ir.parts import (
    NO_EXTRAS,
    CacheMark,
    Citation,
    FileId,
    Inline,
    Link,
    Media,
    Opaque,
    Part,
    PlainText,
    Refusal,
    Source,
    Text,
)

FORMAT: Literal["anthropic"] = "anthropic"

CACHE_MARK_LIMIT = 4
"""Marks that one request may hold."""
CACHE_TTL = {"5m": "5m", "30m": "5m", "1h": "1h", "12h": "1h", "24h": "1h"}
"""Lifetimes of any wire -> what Anthropic has."""

IMAGE_MIME = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})

STRICT_VERSION = "2026-10-21"
"""The API version from which sampling settings, documents in assistant messages and citations in user messages are refused."""

Place = Literal["user", "assistant", "system", "result"]

TEXT = frozenset({"type", "text", "citations", "cache_control"})
_IMAGE = frozenset({"type", "source", "cache_control"})
_DOCUMENT = frozenset({"type", "source", "title", "context", "citations", "cache_control"})
_CITATION = frozenset({"type", "url", "source", "title", "document_title", "cited_text"})
_SOURCE = {"base64": ("data", "media_type"), "text": ("data", "media_type"), "url": ("url",), "file": ("file_id",)}


class Outgoing:
    """One request on its way out: where it goes, what it lost, and where it put cache marks (in prompt order)."""

    __slots__ = ("dialect", "losses", "marks", "names", "own", "target", "thoughts_lost", "version")

    def __init__(self, *, own: bool, version: str, target: Target, names: ToolNames, losses: Losses) -> None:
        self.own = own
        self.version = version
        self.target = target
        self.dialect: Dialect = target.dialect
        self.names = names
        self.losses = losses
        self.marks: list[tuple[Json, str]] = []
        self.thoughts_lost = not own

    @property
    def strict_version(self) -> bool:
        """Whether the newer API version is spoken, with its refusals."""
        return self.version >= STRICT_VERSION

    def extras(self, block: Json, extras: dict[str, Any], at: str) -> None:
        """Unknown fields go back to their own wire, else they are lost."""
        if not extras:
            return
        if self.own:
            block.update(extras)
        else:
            self.losses.extras(extras, at)

    def mark(self, block: Json, mark: CacheMark | None, at: str) -> None:
        """Write a cache mark on ``block``."""
        if mark is None:
            return
        block["cache_control"] = self.cache_control(mark, at)
        self.marks.append((block, at))

    def cache_control(self, mark: CacheMark, at: str) -> Json:
        """The wire's form of a mark."""
        if mark.ttl is None:
            return {"type": "ephemeral"}
        ttl = mark.ttl if self.own else CACHE_TTL.get(mark.ttl, "5m")
        if ttl != mark.ttl:
            self.losses.approximated("cache", at, f"kept for {ttl} instead of {mark.ttl}")
        return {"type": "ephemeral", "ttl": ttl}

    def limit_marks(self) -> None:
        """Keep the last marks where a foreign client set more than are allowed: they cover the longest prefixes."""
        if self.own:
            return
        for block, at in self.marks[:-CACHE_MARK_LIMIT]:
            del block["cache_control"]
            self.losses.dropped("cache", at, f"at most {CACHE_MARK_LIMIT} marks are allowed")


# ------------------------------------------------------------------------------------------------------------------------------ decode


def kind_of_block(block: Any, at: str) -> str:
    """The type of a block. Raises Malformed when it is no object or has none."""
    if type(block) is not dict:
        raise Malformed(at, f"expected object, got {type_name(block)}")
    return string(block, "type", at)


def told(block: Json, known: frozenset[str], at: str) -> tuple[CacheMark | None, dict[str, Any]]:
    """The cache mark and the unknown fields of a block. A mark of a newer kind is kept among the unknown."""
    extras = NO_EXTRAS
    if not block.keys() <= known:
        extras = {key: value for key, value in block.items() if key not in known and value is not None}
    control = block.get("cache_control")
    if control is None:
        return None, extras
    mark = cache_mark(control, f"{at}.cache_control")
    return mark, extras if mark is not None else {**extras, "cache_control": control}


def cache_mark(control: Any, at: str) -> CacheMark | None:
    """``{"type": "ephemeral", "ttl"?}``; None when it is something newer."""
    if type(control) is not dict:
        raise Malformed(at, f"expected object, got {type_name(control)}")
    ttl = control.get("ttl")
    if control.get("type") != "ephemeral" or not (ttl is None or type(ttl) is str) or not control.keys() <= {"type", "ttl"}:
        return None
    return CacheMark(ttl)


def decode_text(block: Json, at: str) -> Text:
    """A ``text`` block."""
    text = block.get("text")
    if type(text) is not str:
        raise Malformed(f"{at}.text", f"expected str, got {type_name(text)}")
    if len(block) == 2:
        return Text(text, at)
    cache, extras = told(block, TEXT, at)
    citations: tuple[Citation, ...] = ()
    rows = block.get("citations")
    if rows is not None:
        if type(rows) is not list:
            raise Malformed(f"{at}.citations", f"expected array, got {type_name(rows)}")
        citations = tuple(decode_citation(row, f"{at}.citations.{index}") for index, row in enumerate(rows))
    return Text(text, at, cache=cache, citations=citations, extras=extras)


def decode_citation(raw: Any, at: str) -> Citation:
    """A citation. Its offsets count in the cited document, not in the answer: they stay in ``raw``."""
    if type(raw) is not dict:
        raise Malformed(at, f"expected object, got {type_name(raw)}")

    def word(*keys: str) -> str | None:
        return next((raw[key] for key in keys if type(raw.get(key)) is str), None)

    return Citation(
        FORMAT,
        raw,
        url=word("url", "source"),
        title=word("title", "document_title"),
        quote=word("cited_text"),
        more=bool(unknown(raw, _CITATION)),
    )


def decode_visible(block: Json, kind: str, at: str, losses: Losses) -> Part:
    """A block of text, an image, a document, or anything else as Opaque."""
    if kind == "text":
        return decode_text(block, at)
    if kind in {"image", "document"}:
        source = block.get("source")
        if type(source) is not dict:
            raise Malformed(f"{at}.source", f"expected object, got {type_name(source)}")
        form = string(source, "type", f"{at}.source")
        if form in _SOURCE and (form, kind) != ("text", "image"):
            return _media(block, kind, source, form, at, losses)
    return decode_opaque(block, kind, at)


def _media(block: Json, kind: str, source: Json, form: str, at: str, losses: Losses) -> Media:
    where = f"{at}.source"
    values = [string(source, key, where) for key in _SOURCE[form]]
    for key, value in source.items():
        if key != "type" and key not in _SOURCE[form] and value is not None:
            losses.dropped(key, where, "unknown field of a source")
    mime = values[1].partition(";")[0].strip().lower() or None if len(values) == 2 else None
    found: Source
    match form:
        case "base64":
            found = Inline(values[0])
        case "text":
            found = PlainText(values[0])
        case "url":
            found = Link(values[0])
        case _:
            found = FileId(values[0])
    if kind == "image":
        cache, extras = told(block, _IMAGE, at)
        return Media("image", found, mime, at, cache=cache, extras=extras)
    cache, extras = told(block, _DOCUMENT, at)
    citable = None
    citations = block.get("citations")
    if citations is not None:
        if type(citations) is not dict:
            raise Malformed(f"{at}.citations", f"expected object, got {type_name(citations)}")
        if type(citations.get("enabled")) is bool and len(citations) == 1:
            citable = citations["enabled"]
        else:
            extras = {**extras, "citations": citations}
    return Media(
        "document",
        found,
        mime,
        at,
        title=maybe_string(block, "title", at),
        context=maybe_string(block, "context", at),
        citable=citable,
        cache=cache,
        extras=extras,
    )


def decode_opaque(block: Json, kind: str, at: str = "") -> Opaque:
    """A block which only Anthropic understands, with the words that another wire may say in its place."""
    control = block.get("cache_control")
    mark = cache_mark(control, f"{at}.cache_control") if type(control) is dict else None
    return Opaque(FORMAT, kind, block, at, _words(block, kind), mark)


def _words(block: Json, kind: str) -> str:
    match kind:
        case "search_result":
            head = [value for value in (block.get("title"), block.get("source")) if type(value) is str and value]
            return "\n".join([*head, *_texts(block.get("content"))])
        case "document":
            source = block.get("source")
            head = [value for value in (block.get("title"),) if type(value) is str and value]
            return "\n".join([*head, *_texts(source.get("content") if type(source) is dict else None)])
        case "tool_reference":
            name = block.get("tool_name")
            return f"Tool {name} is available" if type(name) is str else ""
        case "compaction":
            return "\n".join(_texts(block.get("content")))
        case _:
            return ""


def _texts(content: Any) -> list[str]:
    if type(content) is str:
        return [content] if content else []
    if type(content) is not list:
        return []
    return [block["text"] for block in content if type(block) is dict and type(block.get("text")) is str and block["text"]]


# ------------------------------------------------------------------------------------------------------------------------------ encode


def plain(text: str) -> Json:
    """A text block."""
    return {"type": "text", "text": text}


def encode_visible(part: Part, out: Outgoing, place: Place) -> Json | None:
    """The block for a visible part; None when there is nothing to say or no way to say it."""
    match part:
        case Text():
            return encode_text(part, out, place)
        case Media():
            return _encode_media(part, out, place)
        case Refusal():
            if not part.text or part.text.isspace():
                return None
            out.losses.approximated("refusal", part.at, "said as text")
            block = plain(part.text)
            out.extras(block, part.extras, part.at)
            return block
        case Opaque():
            return encode_opaque(part, out)
        case _:
            out.losses.dropped("part", part.at)
            return None


def encode_text(part: Text, out: Outgoing, place: Place) -> Json | None:
    """A text block; texts without any letter are refused upstream, and left out."""
    if part.phase is not None:
        out.losses.dropped("phase", part.at)
    if part.seal is not None:
        out.losses.dropped("seal", part.at, "made by another provider")
    if not part.text or part.text.isspace():
        if part.text:
            out.losses.dropped("text", part.at, "a text of blanks is refused")
        return None
    block = plain(part.text)
    if part.citations:
        kept = [citation.raw for citation in part.citations if out.own and citation.format == FORMAT]
        if kept and place != "assistant" and out.strict_version:
            kept = []
        if kept:
            block["citations"] = kept
        if len(kept) < len(part.citations):
            out.losses.dropped("citations", part.at)
    out.extras(block, part.extras, part.at)
    out.mark(block, part.cache, part.at)
    return block


def encode_opaque(part: Opaque, out: Outgoing) -> Json | None:
    """An own block as it is; of a foreign one its words."""
    if part.format == FORMAT:
        return part.data
    if part.text:
        out.losses.approximated("part", part.at, f"{part.kind} said as text")
        block = plain(part.text)
        out.mark(block, part.cache, part.at)
        return block
    out.losses.dropped("part", part.at, part.kind)
    return None


def _encode_media(part: Media, out: Outgoing, place: Place) -> Json | None:
    if part.seal is not None:
        out.losses.dropped("seal", part.at, "made by another provider")
    if part.kind in {"audio", "video"}:
        out.losses.dropped(part.kind, part.at, f"no {part.kind} on this wire")
        return None
    if place == "system":
        out.losses.dropped(part.kind, part.at, "the system prompt is text")
        return None
    if place == "assistant" and (out.strict_version if out.own and part.kind == "document" else not out.own):
        out.losses.dropped(part.kind, part.at, "not accepted in the model's own messages")
        return None
    source = _encode_source(part, out)
    if source is None:
        return None
    block: Json = {"type": part.kind, "source": source}
    media.tell_unsaid(part, out.losses, *_said(part))
    if part.kind == "document":
        title = part.title or part.name
        if title is not None:
            block["title"] = title
        if part.context is not None:
            block["context"] = part.context
        if part.citable is not None:
            block["citations"] = {"enabled": part.citable}
    out.extras(block, part.extras, part.at)
    out.mark(block, part.cache, part.at)
    return block


def _said(part: Media) -> tuple[str, ...]:
    """What a block says of a part beside its source."""
    if part.kind != "document":
        return ()
    return ("title" if part.title is not None else "name", "context", "citable")


def _encode_source(part: Media, out: Outgoing) -> Json | None:
    source = part.source
    if isinstance(source, Link):
        if not out.dialect.url_sources:
            out.losses.dropped(part.kind, part.at, "this server fetches no addresses")
            return None
        if not out.own and part.kind == "document" and part.mime not in {None, "application/pdf"}:
            out.losses.dropped(part.kind, part.at, f"no {part.mime} from an address")
            return None
        return {"type": "url", "url": source.url}
    if isinstance(source, FileId):
        if not out.own:
            out.losses.dropped(part.kind, part.at, "a file of another provider")
            return None
        return {"type": "file", "file_id": source.id}
    if isinstance(source, PlainText):
        return {"type": "text", "media_type": part.mime if out.own and part.mime else "text/plain", "data": source.text}
    if out.own:
        return {"type": "base64", "media_type": part.mime or "application/octet-stream", "data": source.data}
    mime = media.sniff(source.data) or part.mime
    if part.kind == "image":
        if mime not in IMAGE_MIME:
            out.losses.dropped("image", part.at, f"{mime or 'an image of unknown type'} is not accepted")
            return None
    elif mime != "application/pdf":
        text = media.text_of(source.data) if mime is None or mime.startswith("text/") or mime in media.EXTENSION else None
        if not text:
            out.losses.dropped("document", part.at, f"{mime or 'a document of unknown type'} is not accepted")
            return None
        return {"type": "text", "media_type": "text/plain", "data": text}
    return {"type": "base64", "media_type": mime, "data": source.data}
