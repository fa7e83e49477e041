"""Parts ⇄ text, media and what is opaque: https://ai.google.dev/api/caching#Part; sources are in ``citations.py``.

Proto JSON takes camelCase and snake_case alike, and the official Python SDK mixes both: ``normal`` makes one spelling of it, everywhere but inside what belongs to the
caller (arguments, results, schemas, labels).
"""

from __future__ import annotations

import re
from typing import Any, Literal, assert_never

import msgspec

from rosetta.converters import media
from rosetta.converters.converter import Json, Malformed, Target
from rosetta.converters.fields import maybe_object, maybe_string, string, type_name, unknown
from rosetta.converters.google_genai.dialect import Dialect
from rosetta.converters.losses import Losses
from rosetta.converters.names import ToolNames
from rosetta.ir.parts import (
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

_OWN_KEYS = frozenset({"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels", "data"})
"""Below these keys everything is the caller's own."""
_SNAKE = re.compile(r"_+([a-z0-9])")
_CAMEL: dict[str, str] = {}
_CAMEL_LIMIT = 4096
_FLAGS = frozenset({"thought", "thoughtSignature"})
TEXT = frozenset({"text"}) | _FLAGS
_INLINE = frozenset({"inlineData"}) | _FLAGS
_FILE = frozenset({"fileData"}) | _FLAGS
_INLINE_DATA = frozenset({"mimeType", "data", "displayName"})
_FILE_DATA = frozenset({"mimeType", "fileUri", "displayName"})
_VIDEOS = ("https://www.youtube.com/", "https://youtu.be/")
_IMAGE_ADDRESS = re.compile(r"\.(?:png|jpe?g|gif|webp|heic|heif|avif)(?:[?#]|$)", re.IGNORECASE)
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
    if type(value) is list:
        return _normal_list(value)
    return _normal_dict(value) if type(value) is dict else value


def _normal_dict(value: Json) -> Json:
    changed: Json | None = None
    for key, inner in value.items():
        name = camel(key) if "_" in key else key
        kind = type(inner)
        if (kind is not dict and kind is not list) or name in _OWN_KEYS:
            kept = inner
        else:
            kept = _normal_dict(inner) if kind is dict else _normal_list(inner)
        if changed is not None:
            changed[name] = kept
        elif name is not key or kept is not inner:
            changed = {}
            for earlier, untouched in value.items():  # the keys before this one are as they were
                if earlier is key:
                    break
                changed[earlier] = untouched
            changed[name] = kept
    return value if changed is None else changed


def _normal_list(values: list[Any]) -> list[Any]:
    changed: list[Any] | None = None
    for index, item in enumerate(values):
        kind = type(item)
        if kind is not dict and kind is not list:
            continue
        kept = _normal_dict(item) if kind is dict else _normal_list(item)
        if kept is not item:
            if changed is None:
                changed = values.copy()
            changed[index] = kept
    return values if changed is None else changed


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
            with_extras(node, extras)
        else:
            self.losses.extras(extras, at)


def unknown_within(part: Json, known: frozenset[str], key: str, inner: Json, inner_known: frozenset[str]) -> dict[str, Any]:
    """What nobody knows of a part and of the one object in it, by its way from the part: ``functionCall.x``. A Loss names them so."""
    extras, within = unknown(part, known), unknown(inner, inner_known)
    return {**extras, **{f"{key}.{name}": value for name, value in within.items()}} if within else extras


def with_extras(part: Json, extras: dict[str, Any]) -> Json:
    """A part with the unknown fields it came with: the inverse of ``unknown_within``. ``part`` is the caller's own and may change."""
    for key, value in extras.items():
        outer, _, name = key.partition(".")
        if name:
            inner = part.get(outer)
            part[outer] = {**inner, name: value} if type(inner) is dict else {name: value}
        else:
            part[key] = value
    return part


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_plain(part: Json, at: str) -> Text | Media | Opaque | None:
    """A part that is neither a call, a result nor a thought; None where it is empty. Its signature is the caller's business."""
    text = part.get("text")
    if type(text) is str:
        return Text(text, at, extras=unknown(part, TEXT)) if text else None
    if text is not None:
        raise Malformed(f"{at}.text", f"expected str, got {type_name(text)}")
    inline = maybe_object(part, "inlineData", at)
    if inline is not None:
        return _decode_inline(part, inline, at)
    file = maybe_object(part, "fileData", at)
    if file is not None:
        return _decode_file(part, file, at)
    for key, value in part.items():
        if key not in _FLAGS and value is not None:
            said = value.get(_WORDS_OF_OPAQUE[key]) if key in _WORDS_OF_OPAQUE and type(value) is dict else None
            return Opaque(FORMAT, key, part, at, said if type(said) is str else "")
    return None


def flagged(decoded: Text | Media | Opaque | None, part: Json) -> Text | Media | Opaque | None:
    """A part which the model did not say, with the flags that only the model's parts have a meaning for."""
    if not isinstance(decoded, Text | Media):
        return decoded
    flags = {key: part[key] for key in sorted(_FLAGS) if part.get(key) not in (None, False, "")}
    return msgspec.structs.replace(decoded, extras={**decoded.extras, **flags}) if flags else decoded


def hidden(part: Json, at: str) -> Opaque | None:
    """A thought that is no text, such as the draft of an image: no other wire has such. A call is a call, whatever it is marked as."""
    if part.get("thought") is not True or type(part.get("text")) is str or part.get("functionCall") is not None:
        return None
    key = next((key for key, value in part.items() if key not in _FLAGS and key != "text" and value is not None), None)
    return None if key is None else Opaque(FORMAT, key, part, at)


def is_thought(part: Json) -> bool:
    """Whether a part tells a thought."""
    return part.get("thought") is True and part.get("functionCall") is None


def _decode_inline(part: Json, inline: Json, at: str) -> Media:
    where = f"{at}.inlineData"
    data = media.standard_base64(string(inline, "data", where))
    word = maybe_string(inline, "mimeType", where)
    mime = (word or media.sniff(data) or "application/octet-stream").partition(";")[0].strip().lower()
    extras = unknown_within(part, _INLINE, "inlineData", inline, _INLINE_DATA)
    if word is not None and ";" in word:  # audio/L16;rate=24000: the IR has no parameters
        extras = {**extras, "inlineData.mimeType": word}
    return Media(media.kind_of(mime), Inline(data), mime, at, name=maybe_string(inline, "displayName", where), extras=extras)


def _decode_file(part: Json, file: Json, at: str) -> Media:
    where = f"{at}.fileData"
    uri, mime = string(file, "fileUri", where), maybe_string(file, "mimeType", where)
    if mime is not None:
        mime = mime.partition(";")[0].strip().lower()
        kind = media.kind_of(mime)
    else:
        kind = "video" if uri.startswith(_VIDEOS) else "image" if _IMAGE_ADDRESS.search(uri) else "document"
    return Media(
        kind,
        FileId(uri) if uri.startswith(_GOOGLE_FILES) else Link(uri),
        mime,
        at,
        name=maybe_string(file, "displayName", where),
        extras=unknown_within(part, _FILE, "fileData", file, _FILE_DATA),
    )


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
            out.losses.approximated("refusal", part.at, "said as text")
            out.losses.extras(part.extras, part.at)
            return {"text": part.text} if part.text else None
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
    if part.cache is not None:
        out.losses.dropped("cache", part.at)
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
            media.tell_unsaid(part, out.losses, "title" if part.title else "name")
            head = part.title or part.name
            return {"text": f"{head}\n\n{text}" if head else text}
        case Link(url):
            if not (out.own or out.dialect.link_media or url.startswith(_GOOGLE_FILES)):
                out.losses.dropped(part.kind, part.at, "the target fetches no addresses")
                return None
            wire = _file(url, part)
        case FileId(id):
            if not out.own:
                out.losses.dropped(part.kind, part.at, "a file stored at another provider")
                return None
            wire = _file(id, part)
        case _:
            assert_never(part.source)
    named = part.name is not None and (out.own or inside_result)
    if named:
        next(iter(wire.values()))["displayName"] = part.name
    media.tell_unsaid(part, out.losses, *(("name",) if named else ()))
    return wire


def _file(uri: str, part: Media) -> Json:
    return {"fileData": {"fileUri": uri} if part.mime is None else {"mimeType": part.mime, "fileUri": uri}}
