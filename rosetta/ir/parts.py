"""What a message is made of. Parts keep their order across kinds: reasoning, text, call, reasoning, text."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Format = Literal["openai_chat", "openai_responses", "anthropic", "google_genai"]
FORMATS: tuple[Format, ...] = ("openai_chat", "openai_responses", "anthropic", "google_genai")

SealKind = Literal["signature", "redacted", "encrypted", "thought_signature", "text"]
ToolKind = Literal["function", "custom"]
MediaKind = Literal["image", "audio", "video", "document"]

NO_EXTRAS: dict[str, Any] = {}
"""The one shared empty mapping for nodes without unknown fields. Never written to."""


class CacheMark(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The client asked to cache the prompt up to and including this node. ``ttl`` is ``5m``, ``30m``, ``1h``, ``12h`` or None."""

    ttl: str | None = None


class Seal(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An opaque reasoning state which only its maker can read: a signature, an encrypted item, a thought signature.

    ``provider`` is the maker's seal group and ``model`` the maker's model; both are empty for a value which the client
    sent bare, in its own wire's form: such a seal belongs to ``kind``'s own format and goes to no other.
    ``bound`` tells what it seals: ``reasoning`` the thoughts, ``part`` the visible part (call, text, image) that holds it, as Google's do; ``before``, in an
    envelope alone, the visible part before the one that carries it.
    ``texts`` are the exact texts which the wire signs, where it signs text. ``item_id`` is the maker's item id.
    """

    kind: SealKind
    value: str
    provider: str = ""
    model: str = ""
    item_id: str | None = None
    bound: Literal["reasoning", "part", "before"] = "reasoning"
    texts: tuple[str, ...] = ()


class Inline(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """Bytes in the message, as standard padded base64."""

    data: str


class Link(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """An address that the provider fetches. rosetta never does."""

    url: str


class FileId(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """A file stored at the provider. Never crosses to another provider."""

    id: str


class PlainText(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """A document given as text (Anthropic ``source.type: text``)."""

    text: str


Source = Inline | Link | FileId | PlainText


class Citation(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Where a piece of an answer comes from.

    ``start`` and ``end`` are offsets in code points of the text part that holds the citation, or None. ``raw`` is the wire's own
    object; ``format`` the wire it belongs to; ``more`` tells whether it says what no field here does.
    """

    format: Format
    raw: dict[str, Any]
    url: str | None = None
    title: str | None = None
    quote: str | None = None
    start: int | None = None
    end: int | None = None
    more: bool = False

    @property
    def beyond_address(self) -> bool:
        """Whether an address, a title and offsets are less than what it says."""
        return self.more or bool(self.quote)


class Text(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """Visible text. ``phase`` is ``commentary`` or ``final_answer`` (OpenAI Responses). ``seal``: Google signs any part."""

    text: str
    at: str = ""
    cache: CacheMark | None = None
    citations: tuple[Citation, ...] = ()
    phase: str | None = None
    seal: Seal | None = None
    extras: dict[str, Any] = NO_EXTRAS


class Refusal(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """The model's words of refusal, where the wire tells them from text."""

    text: str
    at: str = ""
    extras: dict[str, Any] = NO_EXTRAS


class Media(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """An image, audio, video or document. ``mime`` is lower-case without parameters, None when the wire did not tell.

    ``detail`` is OpenAI's ``low``/``high``/``auto``/``original``. ``title``, ``context`` and ``citable`` belong to documents.
    ``transcript`` belongs to audio that a model spoke.
    """

    kind: MediaKind
    source: Source
    mime: str | None = None
    at: str = ""
    name: str | None = None
    title: str | None = None
    context: str | None = None
    citable: bool | None = None
    detail: str | None = None
    transcript: str | None = None
    cache: CacheMark | None = None
    seal: Seal | None = None
    extras: dict[str, Any] = NO_EXTRAS


class ToolCall(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """A call the model makes. ``arguments`` is the JSON text exactly as it arrived, ``""`` when there was none; for
    ``kind="custom"`` it is the free text. ``id`` is the client's id in a request, the upstream's in a response; never empty."""

    id: str
    name: str
    arguments: str
    at: str = ""
    kind: ToolKind = "function"
    namespace: str | None = None
    seal: Seal | None = None
    cache: CacheMark | None = None
    extras: dict[str, Any] = NO_EXTRAS


class ToolResult(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """The answer to one call. ``parts`` are Text, Media and Opaque. ``is_error`` is None when the wire has no such flag.

    ``call_id`` is never empty: a decoder matches results without an id to the open calls by name and order.
    ``name`` is the function's name, where the wire repeats it or the decoder could look it up.
    """

    call_id: str
    parts: tuple[Part, ...]
    at: str = ""
    name: str | None = None
    kind: ToolKind = "function"
    is_error: bool | None = None
    cache: CacheMark | None = None
    extras: dict[str, Any] = NO_EXTRAS


class Reasoning(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """What the model thought. ``summary`` is the text meant to be seen, a list because OpenAI has several parts (others: one);
    ``raw`` is the verbatim chain, where a wire tells it from a summary. ``seals`` are its opaque states, in order. Texts may all
    be empty: a state alone."""

    summary: tuple[str, ...] = ()
    raw: str = ""
    at: str = ""
    seals: tuple[Seal, ...] = ()
    extras: dict[str, Any] = NO_EXTRAS

    @property
    def text(self) -> str:
        """The visible text in one piece: the summary parts joined by a blank line, else the raw chain."""
        return "\n\n".join(text for text in self.summary if text) or self.raw


class Opaque(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """A part which only its own format understands: hosted-tool calls and results, item references, what is newer than this code.

    ``data`` is the wire's own object. ``kind`` is the wire's type name. ``text`` is what a foreign format may say in its place,
    empty when there is nothing to say (search results have a text, a container upload has none).
    """

    format: Format
    kind: str
    data: dict[str, Any]
    at: str = ""
    text: str = ""
    cache: CacheMark | None = None


Part = Text | Refusal | Media | ToolCall | ToolResult | Reasoning | Opaque
