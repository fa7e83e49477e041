"""What the engine tells about a request, and to whom. The classes here listen to nothing: the SDK without telemetry uses them as they are.

    Observer           the whole engine: configs, circuits, limits, and a RequestObserver per request
    RequestObserver    one client request: planned, converted, attempted, finished
    AttemptObserver    one try at one target, open until the end of its answer

Nothing is told per event of a stream: the engine counts, and tells the sums at the end. Times named ``began`` and ``ended`` are those of
``time.perf_counter()``, in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from rosetta.converters.converter import StreamDecoder, StreamEncoder, WireEvent
from rosetta.ir.errors import Failure
from rosetta.ir.loss import Loss
from rosetta.ir.parts import Format
from rosetta.ir.request import Request
from rosetta.ir.response import Finish, Response
from rosetta.ir.usage import NO_USAGE, Usage

if TYPE_CHECKING:
    import httpx

    from rosetta.config.schema import Config, Key

Direction = Literal["request", "response", "stream"]
Reason = Literal["initial", "retry", "fallback"]


class Outcome(Protocol):
    """What became of a request, as the engine keeps it. Times in seconds."""

    @property
    def status(self) -> int:
        """The HTTP status that the client got; 0 where it got none."""

    @property
    def failure(self) -> Failure | None:
        """Why it failed."""

    @property
    def client_gone(self) -> bool:
        """Whether the client left before the end."""

    @property
    def attempts(self) -> int:
        """How many there were."""

    @property
    def relayed(self) -> bool:
        """Whether the request's bytes passed as they were."""

    @property
    def provider(self) -> str:
        """The provider of the last attempt."""

    @property
    def model(self) -> str:
        """Its own name for the model."""

    @property
    def target_format(self) -> Format | None:
        """The format of the last attempt."""

    @property
    def usage(self) -> Usage:
        """Token counts."""

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the request lost."""

    @property
    def reply_losses(self) -> tuple[Loss, ...]:
        """What the answer lost."""

    @property
    def first_token_s(self) -> float | None:
        """When the first content was ready, from the request's beginning."""

    @property
    def waited_s(self) -> float:
        """Time that was not the gateway's own: waiting for the upstream, for the client, in the queue, between two tries."""

    @property
    def seal_lost(self) -> bool:
        """Whether the conversation's latest reasoning state was made by another target than the one that answered."""


@dataclass(slots=True, frozen=True)
class Sending:
    """An attempt that is about to be sent. ``vendor`` is the catalog's name; ``began`` is when the request was made ready for this target, and
    ``encoding`` when its conversion from the intermediate representation began and ended, None where the bytes are relayed. ``request`` is None then
    too, unless it was read for another reason; ``read`` reads it for those who want to see it all the same."""

    number: int
    reason: Reason
    provider: str
    vendor: str
    model: str
    format: Format
    address: str
    port: int
    trusted: bool
    stream: bool
    began: float
    encoding: tuple[float, float] | None = None
    request: Request | None = None
    read: Callable[[], Request | None] = lambda: None
    bytes_out: int = 0
    losses: Sequence[Loss] = ()


@dataclass(slots=True)
class Answer:
    """How an attempt ended. ``bytes_in`` and ``events_in`` came from the upstream; ``counts_in`` and ``counts_out`` are a stream's events by kind, as they
    were decoded and as they were written. ``gap_s`` is the longest silence after the first content. ``converted_s`` is the time at work, None where
    nothing was converted. ``ended`` is when the last byte was written, None: now."""

    failure: Failure | None = None
    gone: bool = False
    usage: Usage = NO_USAGE
    finish: Sequence[Finish] = ()
    response_id: str = ""
    response_model: str = ""
    bytes_in: int = 0
    events_in: int = 0
    counts_in: Mapping[str, int] = field(default_factory=dict)
    counts_out: Mapping[str, int] = field(default_factory=dict)
    gap_s: float | None = None
    converted_s: float | None = None
    losses: Sequence[Loss] = ()
    ended: float | None = None


class AttemptObserver:
    """One try at one target."""

    __slots__ = ()

    recorded = False
    """Whether somebody keeps every detail: what costs to find out is then worth it."""

    def transport(self, plain: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """The transport to send it over: the plain one, or one that is observed."""
        return plain

    def headers(self) -> Sequence[tuple[str, str]]:
        """What goes to a trusted upstream with the request."""
        return ()

    def decoder(self, decoder: StreamDecoder) -> StreamDecoder:
        """The upstream's stream reader, or one that is watched."""
        return decoder

    def encoder(self, encoder: StreamEncoder) -> StreamEncoder:
        """The client's stream writer, or one whose time is taken."""
        return encoder

    def frame(self, frame: Callable[[WireEvent], bytes]) -> Callable[[WireEvent], bytes]:
        """Its framing, or one whose time is taken."""
        return frame

    def first_chunk(self) -> None:
        """The first content of a stream came."""

    def answered(
        self, response: Response, *, began: float, decoded: float, ended: float, bytes_in: int, bytes_out: int, losses: Sequence[Loss]
    ) -> None:
        """A whole answer came. It was converted where ``decoded`` is not 0: decoded from ``began`` to ``decoded``, encoded until ``ended``."""

    def finish(self, answer: Answer) -> None:
        """The attempt is over. Comes once, whatever happened."""


class RequestObserver:
    """One client request."""

    __slots__ = ()

    recorded = False
    """Whether somebody keeps every detail: what costs to find out is then worth it."""
    trace_id = ""
    """Its trace, in hexadecimal digits, where it is recorded."""

    def asked(self, model: str, *, stream: bool, key: Key | None) -> None:
        """The request was read as far as to know what it wants, and of whom."""

    def planned(self, entry: str) -> None:
        """``entry`` of the config answers the model's name."""

    def routed(self, candidates: Sequence[tuple[str, str]], strategy: str, *, began: float, ended: float) -> None:
        """``candidates`` are (provider, model), the first choice first. Told only where ``recorded``."""

    def decoded(self, request: Request, losses: Sequence[Loss], *, began: float, ended: float, bytes_in: int) -> None:
        """The client's body was read into the intermediate representation."""

    def unconverted(self, direction: Direction, source: Format, target: Format) -> None:
        """A conversion failed."""

    def denied(self, limit: str) -> None:
        """A limit refused it."""

    def retry(self, delay_s: float, failure: Failure) -> None:
        """The target of the last attempt will be asked again after ``delay_s`` seconds."""

    def fallback(self, source: str, target: str, failure: Failure | None) -> None:
        """Provider ``target`` is asked instead of ``source``, which failed, or rests (``failure`` is None)."""

    def attempt(self, sending: Sending) -> AttemptObserver:
        """An attempt begins."""
        return NO_ATTEMPT

    def finish(self, outcome: Outcome) -> None:
        """The request is over. Comes once, whatever happened."""


class Observer:
    """The whole engine. It outlives a reload of the config."""

    def configured(self, config: Config) -> None:
        """A config comes into force: its names are the labels."""

    def request(
        self,
        format: Format,
        operation: str,
        request_id: str,
        *,
        stream: bool | None = None,
        method: str = "",
        path: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> RequestObserver:
        """A request begins. ``operation`` is the gateway's action (``generate``, ``count``, ``models``), or ``none`` for an unknown path; without a
        ``method`` it came from within the process. ``stream`` is set where the path tells it. ``headers`` have lower-case names."""
        return NO_REQUEST

    def circuit(self, provider: str, model: str, state: Literal["closed", "half_open", "open"]) -> None:
        """A target's circuit changed."""

    def limited(self, limit: str, decision: str, key_group: str) -> None:
        """A limit decided."""

    def store_degraded(self, degraded: bool) -> None:
        """The shared store of limits was lost, or came back."""

    def reloaded(self, outcome: Literal["success", "unchanged", "failure"]) -> None:
        """The config was read anew."""

    def draining(self) -> None:
        """The gateway begins to end."""

    def close(self) -> None:
        """Sends what is not sent yet."""


NO_ATTEMPT: AttemptObserver = AttemptObserver()
NO_REQUEST: RequestObserver = RequestObserver()
NO_OBSERVER: Observer = Observer()

__all__ = [
    "NO_ATTEMPT",
    "NO_OBSERVER",
    "NO_REQUEST",
    "Answer",
    "AttemptObserver",
    "Observer",
    "Outcome",
    "RequestObserver",
    "Sending",
]
