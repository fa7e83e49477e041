"""The contract between a wire format and the rest of the house.

A ``Converter`` is a record of functions, one per format, registered in ``rosetta/converters/__init__.py``. The functions are pure: no
I/O, no clock, no randomness, no logging. They never mutate what they are given: decoding leaves the caller's body as it was,
encoding leaves the IR as it was (several targets are encoded from one request), and a body may share dicts with the IR.

What they raise:

    ValueError
    ├── Malformed        the body is not of this format: path and what was expected (the caller's 400, or a broken upstream's 502)
    ├── Unsupported      the body is fine, but this target can never do it: path and the next step (400)
    └── UpstreamFailed   a reply with status 200 that is an error all the same; holds the Failure
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec

from rosetta.converters.dialect import Dialect
from rosetta.ir.errors import Failure
from rosetta.ir.events import Event
from rosetta.ir.loss import Loss
from rosetta.ir.parts import Format
from rosetta.ir.request import Request, ToolName
from rosetta.ir.response import Response

Json = dict[str, Any]
Operation = Literal["generate", "stream", "count", "models"]
T = TypeVar("T")


class Malformed(ValueError):
    """The body does not have the shape of its format. ``path`` is where, in the wire's words: ``messages.0.content``."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


class Unsupported(ValueError):
    """A well-formed request that this target cannot answer. ``message`` tells the next step."""

    def __init__(self, path: str, message: str, code: str | None = None) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message
        self.code = code


class UpstreamFailed(ValueError):
    """The upstream answered 200, yet the body says that it failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class WireRequest(msgspec.Struct, frozen=True):
    """A request as it came in. ``headers`` have lower-case names. ``model`` and ``stream`` are set where the path tells them (Google)."""

    body: Json
    headers: Mapping[str, str] = {}
    model: str | None = None
    stream: bool | None = None


class WireCall(msgspec.Struct, frozen=True):
    """A request as it goes out. ``path`` is relative to the host and holds the version (``/v1/messages``); ``headers`` are the format's own,
    without credentials."""

    path: str
    body: Json
    headers: dict[str, str] = {}


class WireEvent(msgspec.Struct, frozen=True, gc=False):
    """One event of a stream: the name of the SSE ``event:`` line, if any, and the parsed ``data:``. ``data=None`` is ``[DONE]``."""

    event: str | None
    data: Json | None


class WireFailure(msgspec.Struct, frozen=True):
    """An error as the client's format writes it. ``headers`` are few: ``retry-after`` (whole seconds), ``x-should-retry``."""

    status: int
    body: Json
    headers: dict[str, str] = {}


class Coded(msgspec.Struct, Generic[T], frozen=True):
    """A converted value, and what got lost on the way."""

    value: T
    losses: tuple[Loss, ...] = ()


class Target(msgspec.Struct, frozen=True):
    """Where one attempt goes. ``provider`` is the seal group; ``dialect`` is the Dialect of the target's format.

    ``new_id`` makes a fresh id with the given prefix (``call_``) where an upstream gives none.
    """

    provider: str
    model: str
    dialect: Any
    new_id: Callable[[str], str]


class Ticket(msgspec.Struct, frozen=True):
    """What the decoder of the answer must know of the request that was sent.

    ``provider`` and ``model`` go into the seals it finds. ``names`` maps a wire tool name to the client's tool where they differ or where
    the tool is custom: a call of such a name is given back under the client's name and namespace, and a custom one's input is taken out of
    """

    provider: str
    model: str
    new_id: Callable[[str], str]
    names: dict[str, ToolName] = {}
    stream: bool = False
    dialect: Any = None


class Sent(msgspec.Struct, frozen=True):
    """An encoded request, what it lost, and the ticket for its answer."""

    wire: WireCall
    losses: tuple[Loss, ...]
    ticket: Ticket


class Reply(msgspec.Struct, frozen=True):
    """What the encoder of the answer must know of the client and its request; made once per client request.

    ``model`` is the name to show: the one the client asked for. ``created`` is in Unix seconds. ``input_tokens`` is an estimate for wires that
    want a count before the upstream told one. ``response_id`` carries the prefix of the client's format. ``new_id`` as in Target.
    """

    request: Request
    model: str
    created: int
    new_id: Callable[[str], str]
    input_tokens: int = 0


class StreamDecoder(Protocol):
    """Wire events in, IR events out. Balanced and complete: see ``rosetta.ir.events``."""

    @property
    def losses(self) -> Sequence[Loss]:
        """What was lost so far."""

    def feed(self, event: str | None, data: Json | None) -> list[Event]:
        """One wire event; ``data=None`` is ``[DONE]``. Whatever ``data`` holds, it raises nothing: what cannot be read becomes Failed."""

    def finish(self) -> list[Event]:
        """The upstream closed the stream. Without the wire's end marker this gives Failed(kind="truncated"); after End or Failed, nothing."""


class StreamEncoder(Protocol):
    """IR events in, wire events out."""

    @property
    def losses(self) -> Sequence[Loss]:
        """What was lost so far."""

    def open(self) -> list[WireEvent]:
        """What opens the stream on this wire, once; nothing when it is open already. ``feed`` opens by itself."""

    def feed(self, event: Event) -> list[WireEvent]:
        """One IR event. After End or Failed was fed nothing more comes out."""

    def finish(self) -> list[WireEvent]:
        """No more events come. A stream that saw neither End nor Failed is closed by an error in the wire's own form."""


class ModelEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row of a models list. ``created`` in Unix seconds."""

    id: str
    owner: str = "rosetta"
    created: int = 0
    context_window: int | None = None
    max_output: int | None = None


@dataclass(frozen=True)
class Converter:
    """One wire format, both directions."""

    format: Format
    dialect: type[Dialect]
    """The format's Dialect Struct: what a target accepts. Its defaults fit an unknown compatible server."""
    words: Mapping[str, str]
    """IR field -> the wire's own word, for the paths of losses: ``{"max_output_tokens": "generationConfig.maxOutputTokens"}``."""
    endpoint: Callable[[Operation, str], str]
    """(operation, model) -> path with version and query: ``/v1beta/models/m:streamGenerateContent?alt=sse``."""

    decode_request: Callable[[WireRequest], Coded[Request]]
    encode_request: Callable[[Request, Target], Sent]
    decode_response: Callable[[Json, Ticket], Coded[Response]]
    encode_response: Callable[[Response, Reply], Coded[Json]]
    stream_decoder: Callable[[Ticket], StreamDecoder]
    stream_encoder: Callable[[Reply], StreamEncoder]
    frame: Callable[[WireEvent], bytes]
    """One event as bytes of ``text/event-stream``, in this wire's own manner."""
    ping: bytes | None
    """What keeps an idle stream alive; None where the wire has nothing that its clients survive (google_genai)."""

    decode_failure: Callable[[int, Mapping[str, str], bytes], Failure]
    encode_failure: Callable[[Failure, str], WireFailure]
    """(failure, request id) -> envelope."""

    decode_count_request: Callable[[WireRequest], Coded[Request]] | None
    encode_count_request: Callable[[Request, Target], Sent] | None
    decode_count_reply: Callable[[Json], int] | None
    encode_count_reply: Callable[[int], Json] | None
    encode_models: Callable[[Sequence[ModelEntry]], Json]
    encode_model: Callable[[ModelEntry], Json]
    decode_models: Callable[[Any], list[str]]
    """The names in a models list. Raises Malformed where it is none."""
