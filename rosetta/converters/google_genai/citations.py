"""Sources of an answer ⇄ citations: https://ai.google.dev/api/generate-content#GroundingMetadata and #CitationMetadata.

Google says them once for the whole text of a candidate and counts UTF-8 bytes; the IR has them at each text part and counts code points. A citation's ``raw``
is a ``citationSource``, or ``{groundingChunk, index, groundingSupport}``: enough to say ``groundingMetadata`` again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rosetta.converters.converter import Json
from rosetta.converters.fields import unknown
from rosetta.converters.google_genai.parts import FORMAT
from rosetta.converters.losses import Losses
from rosetta.ir.parts import Citation

_REBUILT = frozenset({"groundingChunks", "groundingSupports"})
_CITED = frozenset({"citationSources", "citations"})
_SUPPORT = frozenset({"segment", "groundingChunkIndices"})
_SEGMENT = frozenset({"startIndex", "endIndex", "partIndex", "text"})
_SOURCE = frozenset({"uri", "title"})
_NOWHERE: Mapping[int, int] = {}


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_citations(candidate: Json, text: str, places: Mapping[int, int] = _NOWHERE) -> list[Citation]:
    """All sources of a candidate, their offsets in code points of its whole ``text``. ``places`` tells where in it, in bytes, the part of an index begins."""
    found: list[Citation] = []
    data = b""
    grounding, cited = candidate.get("groundingMetadata"), candidate.get("citationMetadata")
    if type(grounding) is dict:
        data = text.encode("utf-8", "surrogatepass")
        found.extend(_grounded(grounding, data, places))
    if type(cited) is dict:
        data = data or text.encode("utf-8", "surrogatepass")
        sources = _objects(cited.get("citationSources") or cited.get("citations"))
        found.extend(_citation(source, source, source, data, more=bool(unknown(source, _SOURCE | _SEGMENT))) for source in sources)
    return found


def _grounded(grounding: Json, data: bytes, places: Mapping[int, int]) -> list[Citation]:
    listed = grounding.get("groundingChunks")
    chunks = listed if type(listed) is list else []
    found: list[Citation] = []
    used: set[int] = set()
    for support in _objects(grounding.get("groundingSupports")):
        segment = support.get("segment")
        segment = segment if type(segment) is dict else {}
        part = segment.get("partIndex")
        indices = support.get("groundingChunkIndices")
        for index in indices if type(indices) is list else ():
            if type(index) is int and 0 <= index < len(chunks) and type(chunks[index]) is dict:
                used.add(index)
                raw = {"groundingChunk": chunks[index], "index": index, "groundingSupport": support}
                base = places.get(part, 0) if type(part) is int else 0
                beside = bool(unknown(support, _SUPPORT) or unknown(segment, _SEGMENT))
                found.append(_citation(raw, _source(chunks[index]), segment, data, base, more=beside or _says_more(chunks[index])))
    for index, chunk in enumerate(chunks):
        if index not in used and type(chunk) is dict:  # found, and not said where it is used
            found.append(_citation({"groundingChunk": chunk, "index": index}, _source(chunk), {}, data, more=_says_more(chunk)))
    return found


def _says_more(chunk: Json) -> bool:
    """Whether a chunk holds more than an address and a title."""
    return len(chunk) > 1 or bool(unknown(_source(chunk), _SOURCE))


def _source(chunk: Json) -> Json:
    """``web``, ``retrievedContext`` or ``maps``: whichever has the address."""
    return next((value for value in chunk.values() if type(value) is dict and ("uri" in value or "title" in value)), {})


def _objects(values: Any) -> list[Json]:
    return [value for value in values if type(value) is dict] if type(values) is list else []


def _citation(raw: Json, source: Json, segment: Json, data: bytes, base: int = 0, *, more: bool) -> Citation:
    url, title, quote = source.get("uri"), source.get("title"), segment.get("text")
    start, end = segment.get("startIndex"), segment.get("endIndex")
    if start is None and end is not None:
        start = 0  # proto JSON leaves zeros out
    return Citation(
        FORMAT,
        raw,
        url if type(url) is str else None,
        title if type(title) is str else None,
        quote if type(quote) is str else None,
        _code_points(data, start, base),
        _code_points(data, end, base),
        more,
    )


def _code_points(data: bytes, offset: Any, base: int) -> int | None:
    return len(data[: base + offset].decode("utf-8", "ignore")) if type(offset) is int and offset >= 0 else None


def at_part(citation: Citation, begin: int, end: int) -> Citation | None:
    """The citation with offsets within the part that is ``text[begin:end]``, None where it begins in another."""
    if citation.start is None:
        return None
    if not begin <= citation.start < max(end, begin + 1):
        return None
    stop = citation.end if citation.end is None else min(citation.end, end) - begin
    return msgspec.structs.replace(citation, start=citation.start - begin, end=stop) if begin or stop != citation.end else citation


def rest_of(candidate: Json) -> Json:
    """What the metadata say besides: search queries, the entry point. It stays with the candidate as unknown fields."""
    rest: Json = {}
    for key, known in (("groundingMetadata", _REBUILT), ("citationMetadata", _CITED)):
        value = candidate.get(key)
        if type(value) is dict:
            rest.update({f"{key}.{name}": inner for name, inner in value.items() if name not in known and inner is not None})
    return rest


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_citations(cited: Sequence[tuple[int, Citation, str]], texts: Sequence[str], losses: Losses) -> Json:
    """The candidate's fields for its citations: each with how many of ``texts`` stand before its part, and that part's ``at``."""
    sources: list[Json] = []
    chunks: dict[int, Json] = {}
    supports: list[Json] = []
    for before, citation, at in cited:
        raw = citation.raw
        if citation.format == FORMAT and type(raw.get("groundingChunk")) is dict and type(raw.get("index")) is int:
            chunks[raw["index"]] = raw["groundingChunk"]
            support = raw.get("groundingSupport")
            if support is not None and support not in supports:
                supports.append(support)
        elif citation.format == FORMAT:
            sources.append(raw)
        elif citation.url is None and citation.title is None:
            losses.dropped("citations", at, "a source without an address or a title")
        else:
            if citation.beyond_address:
                losses.approximated("citations", at, "the address alone")
            sources.append(_encode_source(citation, "".join(texts[:before]), "".join(texts[before:])))
    fields: Json = {}
    if sources:
        fields["citationMetadata"] = {"citationSources": sources}
    if chunks:
        fields["groundingMetadata"] = {"groundingChunks": [chunks[index] for index in sorted(chunks)]}
        if supports:
            fields["groundingMetadata"]["groundingSupports"] = supports
    return fields


def _encode_source(citation: Citation, before: str, text: str) -> Json:
    source: Json = {}
    if citation.start is not None:
        source["startIndex"] = _bytes(before) + _bytes(text[: citation.start])
    if citation.end is not None:
        source["endIndex"] = _bytes(before) + _bytes(text[: citation.end])
    if citation.url is not None:
        source["uri"] = citation.url
    if citation.title:
        source["title"] = citation.title
    return source


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
