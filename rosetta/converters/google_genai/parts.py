"""Parts ⇄ text, media and what is opaque: https://ai.google.dev/api/caching#Part.

Proto JSON takes camelCase and snake_case alike, and the official Python SDK mixes both: ``normal`` makes one spelling of it, everywhere but inside what belongs to the
caller (arguments, results, schemas, labels).
"""

from __future__ import annotations

import re
from typing import Any, Literal, assert_never

from rosetta.converters import media
from rosetta.converters.converter import Json, Malformed, Target
from rosetta.converters.fields import type_name
from rosetta.converters.google_genai.dialect import Dialect
from rosetta.converters.losses import Losses
from rosetta.converters.names import ToolNames
from rosetta.ir.parts import (
    NO_EXTRAS,
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

FORMAT: Literal["google_genai"] = "google_genai"

_OWN_KEYS = frozenset(
    {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels", "data", "json"}
)
"""Below these keys everything is the caller's own."""
_SNAKE = re.compile(r"_+([a-z0-9])")
_CAMEL: dict[str, str] = {}
_CAMEL_LIMIT = 4096
_FLAGS = frozenset({"thought", "thoughtSignature"})
_TEXT = frozenset({"text"}) | _FLAGS
_INLINE = frozenset({"inlineData", "fileData"}) | _FLAGS
_GOOGLE_FILES = ("https://generativelanguage.googleapis.com/", "gs://", "https://www.youtube.com/", "https://youtu.be/", "files/")
_WORDS_OF_OPAQUE = {"executableCode": "code", "codeExecutionResult": "output"}


def camel(key: str) -> str:
    """``inline_data`` -> ``inlineData``."""
    if "_" not in key:
        return key
    found = _CAMEL.get(key)
    if found is None:
        found = _SNAKE.sub(lambda match: match[1].upper(), key)
        if len(_CAMEL) < _CAMEL_LIMIT:
            _CAMEL[key] = found
    return found


def normal(value: Any) -> Any:
    """The same JSON with camelCase keys; the very object where nothing had to change."""
    if type(value) is dict:
        changed = False
        out = {}
        for key, inner in value.items():
            name = camel(key)
            kept = inner if name in _OWN_KEYS or type(inner) not in (dict, list) else normal(inner)
            changed = changed or name != key or kept is not inner
            out[name] = kept
        return out if changed else value
    if type(value) is list:
        items = [normal(item) if type(item) in (dict, list) else item for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


class Outgoing:
    """One request on its way out: where it goes, what its tools are called there, and what it lost."""

    __slots__ = ("dialect", "losses", "names", "own", "target")

    def __init__(self, *, own: bool, target: Target, names: ToolNames, losses: Losses) -> None:
        self.own = own
        self.target = target
        self.dialect: Dialect = target.dialect
        self.names = names
        self.losses = losses

    def extras(self, node: Json, extras: dict[str, Any], at: str) -> None:
        """Unknown fields go back to their own wire, else they are lost."""
        if not extras:
            return
        if self.own:
            node.update(extras)
        else:
            self.losses.extras(extras, at)


def string(node: Json, key: str, at: str) -> str:
    """A string field which must be there."""
    value = node.get(key)
    if type(value) is not str:
        raise Malformed(f"{at}.{key}", f"expected str, got {'null or nothing' if value is None else type_name(value)}")
    return value


def maybe_string(node: Json, key: str, at: str) -> str | None:
    """A string field, None when absent."""
    value = node.get(key)
    if value is not None and type(value) is not str:
        raise Malformed(f"{at}.{key}", f"expected str, got {type_name(value)}")
    return value


def maybe_object(node: Json, key: str, at: str) -> Json | None:
    """An object field, None when absent."""
    value = node.get(key)
    if value is not None and type(value) is not dict:
        raise Malformed(f"{at}.{key}", f"expected object, got {type_name(value)}")
    return value


def unknown(node: Json, known: frozenset[str]) -> dict[str, Any]:
    """The fields of ``node`` that nobody knows; null ones are absent."""
    if node.keys() <= known:
        return NO_EXTRAS
    return {key: value for key, value in node.items() if key not in known and value is not None} or NO_EXTRAS


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_plain(part: Json, at: str) -> Text | Media | Opaque | None:
    """A part that is neither a call, a result nor a thought; None where it is empty. Its signature is the caller's business."""
    text = part.get("text")
    if type(text) is str:
        return Text(text, at, extras=unknown(part, _TEXT)) if text else None
    if text is not None:
        raise Malformed(f"{at}.text", f"expected str, got {type_name(text)}")
    inline = maybe_object(part, "inlineData", at)
    if inline is not None:
        where = f"{at}.inlineData"
        data = media.standard_base64(string(inline, "data", where))
        mime = (
            (maybe_string(inline, "mimeType", where) or media.sniff(data) or "application/octet-stream").partition(";")[0].strip().lower()
        )
        return Media(
            media.kind_of(mime), Inline(data), mime, at, name=maybe_string(inline, "displayName", where), extras=unknown(part, _INLINE)
        )
    file = maybe_object(part, "fileData", at)
    if file is not None:
        where = f"{at}.fileData"
        uri, kind = string(file, "fileUri", where), maybe_string(file, "mimeType", where)
        source = FileId(uri) if uri.startswith(_GOOGLE_FILES) else Link(uri)
        return Media(media.kind_of(kind), source, kind, at, name=maybe_string(file, "displayName", where), extras=unknown(part, _INLINE))
    for key, value in part.items():
        if key not in _FLAGS and value is not None:
            said = value.get(_WORDS_OF_OPAQUE[key]) if key in _WORDS_OF_OPAQUE and type(value) is dict else None
            return Opaque(FORMAT, key, part, at, said if type(said) is str else "")
    return None


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_plain(part: Part, out: Outgoing, *, inside_result: bool = False) -> Json | None:
    """A part of a content, None where nothing is left of it. Calls, results and thoughts are ``turns.py``'s."""
    wire: Json | None
    match part:
        case Text():
            if not part.text:
                return None
            wire = {"text": part.text}
            if part.phase is not None:
                out.losses.dropped("phase", part.at)
            if part.citations:
                out.losses.dropped("citations", part.at)
        case Refusal():
            return {"text": part.text}
        case Media():
            wire = _encode_media(part, out, inside_result=inside_result)
        case Opaque():
            return _encode_opaque(part, out)
        case Reasoning() | ToolCall() | ToolResult():
            return None
        case _:
            assert_never(part)
    if wire is None:
        return None
    if part.cache is not None:
        out.losses.dropped("cache", part.at)
    out.extras(wire, part.extras, part.at)
    return wire


def _encode_opaque(part: Opaque, out: Outgoing) -> Json | None:
    if part.format == FORMAT:
        return part.data
    if part.text:
        out.losses.approximated("part", part.at, f"{part.kind} as text")
        return {"text": part.text}
    out.losses.dropped("part", part.at, part.kind)
    return None


def _encode_media(part: Media, out: Outgoing, *, inside_result: bool) -> Json | None:
    wire: Json
    match part.source:
        case Inline(data):
            mime = part.mime or media.sniff(data) or ("application/pdf" if part.kind == "document" else "application/octet-stream")
            wire = {"inlineData": {"mimeType": mime, "data": data}}
        case PlainText(text):
            out.losses.approximated("document", part.at, "as text")
            head = part.title or part.name
            return {"text": f"{head}\n\n{text}" if head else text}
        case Link(url):
            if not (out.own or out.dialect.link_media or url.startswith(_GOOGLE_FILES)):
                out.losses.dropped(part.kind, part.at, "the target fetches no addresses")
                return None
            wire = {"fileData": {"fileUri": url}}
            if part.mime is not None:
                wire["fileData"]["mimeType"] = part.mime
        case FileId(id):
            if not out.own:
                out.losses.dropped(part.kind, part.at, "a file stored at another provider")
                return None
            wire = {"fileData": {"fileUri": id}}
            if part.mime is not None:
                wire["fileData"]["mimeType"] = part.mime
        case _:
            assert_never(part.source)
    if part.name is not None and (out.own or inside_result):
        next(iter(wire.values()))["displayName"] = part.name
    elif part.name is not None and part.kind != "document":
        out.losses.dropped("name", part.at)
    for field in ("detail", "title", "context", "citable"):
        if getattr(part, field):
            out.losses.dropped(field, part.at)
    return wire


# ------------------------------------------------------------------------------------------------------------------------ citations


def decode_citations(candidate: Json, text: str) -> tuple[Citation, ...]:
    """The sources of ``groundingMetadata`` and ``citationMetadata``. Google counts UTF-8 bytes; the IR counts code points."""
    found: list[Citation] = []
    grounding = candidate.get("groundingMetadata")
    if type(grounding) is dict:
        chunks = grounding.get("groundingChunks")
        chunks = chunks if type(chunks) is list else []
        data = text.encode()
        for support in grounding.get("groundingSupports") or ():
            if type(support) is not dict:
                continue
            segment = support.get("segment")
            segment = segment if type(segment) is dict else {}
            for index in support.get("groundingChunkIndices") or ():
                chunk = chunks[index] if type(index) is int and 0 <= index < len(chunks) else None
                web = chunk.get("web") if type(chunk) is dict else None
                if type(web) is dict:
                    found.append(_cited(web, support, segment, data))
    cited = candidate.get("citationMetadata")
    if type(cited) is dict:
        sources = cited.get("citationSources") or cited.get("citations") or ()
        data = text.encode()
        found.extend(_cited(source, source, source, data) for source in sources if type(source) is dict)
    return tuple(found)


def _cited(source: Json, raw: Json, segment: Json, data: bytes) -> Citation:
    url, title, quote = source.get("uri"), source.get("title"), segment.get("text")
    return Citation(
        FORMAT,
        raw,
        url if type(url) is str else None,
        title if type(title) is str else None,
        quote if type(quote) is str else None,
        _code_points(data, segment.get("startIndex", 0)),
        _code_points(data, segment.get("endIndex")),
    )


def _code_points(data: bytes, offset: Any) -> int | None:
    return len(data[:offset].decode("utf-8", "ignore")) if type(offset) is int and offset >= 0 else None
