"""One client request on its way through the engine, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from rosetta.config.schema import Key, LossPolicy
from rosetta.converters.converter import Malformed
from rosetta.ir.errors import Failure
from rosetta.ir.loss import Loss
from rosetta.ir.parts import Format
from rosetta.ir.response import Finish
from rosetta.ir.usage import NO_USAGE, Usage


class Peek(msgspec.Struct):
    """The little that must be known of a body before it is read in full."""

    model: str | None = None
    stream: bool | None = None
    tools: msgspec.Raw = msgspec.Raw()
    functions: msgspec.Raw = msgspec.Raw()

    @property
    def has_tools(self) -> bool:
        """Whether any tool is offered."""
        return any(bytes(raw).strip() not in _NOTHING for raw in (self.tools, self.functions))


_NOTHING = frozenset({b"", b"null", b"[]"})
_peek = msgspec.json.Decoder(Peek)


def peek(body: bytes) -> Peek:
    """Raises Malformed where the body is no JSON object or ``model`` or ``stream`` have the wrong type."""
    try:
        return _peek.decode(body)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `")
        path = place.rstrip("`").removeprefix("$").removeprefix(".")
        raise Malformed(path, message[:1].lower() + message[1:]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if not body.strip():
            raise Malformed("", "the body is empty: send a JSON object") from None
        # A lone surrogate is reported as truncated input; the tolerant reader decides whether the body can be read.
        return _tolerant(body, error)
    except RecursionError:
        raise Malformed("", "the body is nested too deeply") from None


def _tolerant(body: bytes, error: Exception) -> Peek:
    from rosetta.converters import jsontext

    try:
        value = jsontext.decode(body)
    except jsontext.InvalidJson as invalid:
        raise Malformed("", f"the body is not valid JSON: {invalid}") from error
    return peek(jsontext.encode(value))


@dataclass(slots=True)
class Call:
    """One request for generation. ``headers`` have lower-case names. ``array``: a Google client wants a JSON array instead of SSE."""

    format: Format
    body: bytes
    headers: Mapping[str, str]
    model: str
    stream: bool
    request_id: str
    path_model: str | None = None
    array: bool = False
    has_tools: bool = False
    pinned: str | None = None
    loss_policy: LossPolicy | None = None
    key: Key | None = None


@dataclass(slots=True)
class Outcome:
    """What became of a call, for headers, logs and telemetry. Times in seconds. ``waited_s`` is what was not rosetta's own time: waiting for the upstream,
    for the client, in the queue, between two tries. ``seal_lost``: the target that made the conversation's latest reasoning
    state did not answer, so that state is lost."""

    provider: str = ""
    model: str = ""
    target_format: Format | None = None
    attempts: int = 0
    relayed: bool = False
    status: int = 0
    usage: Usage = NO_USAGE
    finish: list[Finish] = field(default_factory=list)
    losses: tuple[Loss, ...] = ()
    reply_losses: tuple[Loss, ...] = ()
    failure: Failure | None = None
    first_token_s: float | None = None
    duration_s: float = 0.0
    waited_s: float = 0.0
    client_gone: bool = False
    seal_lost: bool = False


class Failed(Exception):
    """The call failed before anything was written. ``relayed`` is the upstream's own error where it speaks the client's format: status, headers, body.
    ``rotated``: another of the provider's keys may do better. ``headers`` go with the error; ``status`` replaces the one of the format's table. ``limit`` is
    the kind of limit that refused the call."""

    def __init__(
        self,
        failure: Failure,
        *,
        relayed: tuple[int, list[tuple[str, str]], bytes] | None = None,
        rotated: bool = False,
        headers: tuple[tuple[str, str], ...] = (),
        status: int | None = None,
        limit: str | None = None,
    ) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.relayed = relayed
        self.rotated = rotated
        self.headers = headers
        self.status = status
        self.limit = limit


class Writer(Protocol):
    """Where a reply goes. ``start`` comes once, before any ``write``."""

    async def start(self, status: int, headers: list[tuple[str, str]]) -> None:
        """The head."""

    async def write(self, data: bytes) -> None:
        """A piece of the body; waits while the client is slow."""

    async def unary(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Head and body at once."""


TRUNCATED = "truncated?"
"""How the detail begins of a Loss that nobody has seen: the server read so few tokens that it must have cut the prompt."""


def loss_header(losses: tuple[Loss, ...], limit: int = 2000) -> str:
    """``path;kind, path;kind``: repeats folded to ``*``, at most ``limit`` characters, then ``+N more``. A guess is said as one: ``prompt;truncated?``."""
    folded: dict[str, int] = {}
    seen: dict[str, set[str]] = {}
    for loss in losses:
        pattern = ".".join("*" if piece.isdigit() else piece for piece in loss.path.split("."))
        kind = TRUNCATED if loss.detail.startswith(TRUNCATED) else loss.kind
        seen.setdefault(f"{pattern};{kind}", set()).add(f"{loss.path};{kind}")
    for pattern, paths in seen.items():
        folded[pattern if len(paths) > 1 else next(iter(paths))] = len(paths)
    entries = [entry.encode("ascii", "replace").decode().replace(",", "_").replace("\n", " ") for entry in folded]
    out: list[str] = []
    size = 0
    for index, entry in enumerate(entries):
        if size + len(entry) + 2 > limit - 20:
            out.append(f"+{len(entries) - index} more")
            break
        out.append(entry)
        size += len(entry) + 2
    return ", ".join(out)
