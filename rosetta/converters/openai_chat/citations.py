"""``annotations`` of an answer ⇄ citations: https://platform.openai.com/docs/guides/tools-web-search."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rosetta.converters.converter import Json
from rosetta.converters.fields import unknown
from rosetta.converters.losses import Losses
from rosetta.converters.openai_chat.outgoing import FORMAT
from rosetta.ir.parts import Citation, Part, Text

_ANNOTATION = frozenset({"type", "url_citation"})
_CITED = frozenset({"url", "title", "start_index", "end_index"})


def decode_annotation(value: Any) -> Citation | None:
    """``url_citation``; other annotations keep their raw form."""
    if type(value) is not dict:
        return None
    cited = value.get("url_citation")
    if type(cited) is not dict:
        return Citation(FORMAT, value, more=True)
    url, title, start, end = cited.get("url"), cited.get("title"), cited.get("start_index"), cited.get("end_index")
    return Citation(
        FORMAT,
        value,
        url if type(url) is str else None,
        title if type(title) is str else None,
        start=start if type(start) is int else None,
        end=end if type(end) is int else None,
        more=bool(unknown(value, _ANNOTATION) or unknown(cited, _CITED)),
    )


def decode_annotations(value: Any) -> tuple[Citation, ...]:
    """The citations in a message's ``annotations``, whatever that holds."""
    return tuple([cited for each in value if (cited := decode_annotation(each)) is not None]) if type(value) is list else ()


def annotations_of(parts: Iterable[Part]) -> list[Json]:
    """The chat annotations of a message's texts, as they came."""
    return [citation.raw for part in parts if isinstance(part, Text) for citation in part.citations if citation.format == FORMAT]


def encode_annotation(citation: Citation, offset: int, length: int, at: str, losses: Losses) -> Json | None:
    """A citation of a text of ``length`` that begins at ``offset`` in the message, as this wire's ``url_citation``.

    A source without an address is lost, and so are the words that were cited.
    """
    if citation.format == FORMAT:
        return citation.raw
    if citation.url is None:
        losses.dropped("citations", at, "a source without an address")
        return None
    if citation.beyond_address:
        losses.approximated("citations", at, "the address alone")
    start = citation.start if citation.start is not None else 0
    end = citation.end if citation.end is not None else length
    return {
        "type": "url_citation",
        "url_citation": {
            "url": citation.url,
            "title": citation.title or citation.url,
            "start_index": offset + start,
            "end_index": offset + end,
        },
    }
