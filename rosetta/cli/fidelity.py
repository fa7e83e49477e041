"""What a pair of formats keeps: found out by sending each probe through both converters and reading the losses that they report.

probe ──encode──► the source's own wire ──decode──► IR ──encode──► the target's wire, with its losses
         a loss here: the source cannot say it               a loss here: what the pair makes of it
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import msgspec

from rosetta.cli.probes import MODEL, PROBES, PROVIDER, REPLIES, Probe, ReplyProbe
from rosetta.converters import CONVERTERS
from rosetta.converters.converter import Reply, Target, Ticket, Unsupported, WireRequest
from rosetta.ir.loss import Loss
from rosetta.ir.parts import FORMATS, Format
from rosetta.ir.request import EFFORTS, ReasoningRequest, Request

Verdict = Literal["keeps", "adapts", "drops", "refuses", "unsaid"]
"""``adapts``: said otherwise, or nearly. ``refuses``: the request is answered with an error. ``unsaid``: the source has no words for it."""

PAIRS: tuple[tuple[Format, Format], ...] = tuple((source, target) for source in FORMATS for target in FORMATS if source != target)

HOSTED = ("web_search", "code_execution", "web_fetch", "mcp", "tool_search")
BEST: dict[Format, dict[str, Any]] = {
    "openai_chat": {
        "max_tokens_field": "max_completion_tokens",
        "mid_system": "keep",
        "top_k": True,
        "efforts": EFFORTS,
        "custom_tools": True,
        "tool_choice": "all",
        "files": True,
        "audio": True,
        "openai_extras": True,
        "cache_marks": "breakpoint",
    },
    "openai_responses": {
        "efforts": EFFORTS,
        "custom_tools": True,
        "namespaces": True,
        "hosted_tools": HOSTED,
        "verbosity": True,
        "openai_extras": True,
        "cache_marks": True,
        "phases": True,
    },
    "anthropic": {
        "thinking": "adaptive",
        "efforts": ("low", "medium", "high", "xhigh", "max"),
        "mid_system": True,
        "prefill": True,
        "hosted_tools": HOSTED,
        "user_id": True,
    },
    "google_genai": {"levels": ("MINIMAL", "LOW", "MEDIUM", "HIGH"), "link_media": True, "name_limit": 128},
}
"""A target that takes whatever its wire can say. Vendors and models may refuse more (``rosetta.providers``)."""


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one pair makes of one concept: the losses, or the words of the refusal."""

    verdict: Verdict
    losses: tuple[Loss, ...] = ()
    refusal: str = ""


Findings = dict[str, Finding]


def requests(source: Format, target: Format) -> Findings:
    """Concept -> what becomes of it in a request from a ``source`` client to a ``target`` upstream."""
    plain = {_sign(loss) for loss in _losses(PROBES[0], source, target)}
    return {probe.concept: _finding(lambda probe=probe: _losses(probe, source, target), plain) for probe in PROBES}  # type: ignore[misc]  # a bound default


def replies(upstream: Format, client: Format) -> Findings:
    """Concept -> what becomes of it in a reply from an ``upstream`` to a client that speaks ``client``."""
    plain = {_sign(loss) for loss in _reply_losses(REPLIES[0], upstream, client)}
    return {probe.concept: _finding(lambda probe=probe: _reply_losses(probe, upstream, client), plain) for probe in REPLIES}  # type: ignore[misc]  # a bound default


class Unsaid(Exception):
    """The source has no words for it."""


def _finding(losses: Callable[[], Iterable[Loss]], plain: set[tuple[str, str]]) -> Finding:
    try:
        found = [loss for loss in losses() if _sign(loss) not in plain]
    except Unsaid:
        return Finding("unsaid")
    except Unsupported as error:
        return Finding("refuses", refusal=error.message)
    if not found:
        return Finding("keeps")
    return Finding("drops" if any(loss.kind == "dropped" for loss in found) else "adapts", tuple(dict.fromkeys(found)))


def _sign(loss: Loss) -> tuple[str, str]:
    return loss.field, loss.kind


def why(finding: Finding) -> str:
    """The losses in words; what the verdict says already is left out."""
    if finding.refusal:
        return finding.refusal
    lone = len(finding.losses) == 1
    words = []
    for loss in finding.losses:
        kind = "" if loss.kind == "dropped" else loss.kind
        field = "" if lone and not loss.detail else loss.field
        words.append(": ".join(word for word in (" ".join(word for word in (field, kind) if word), loss.detail) if word))
    return "; ".join(dict.fromkeys(word for word in words if word))


def _losses(probe: Probe, source: Format, target: Format) -> tuple[Loss, ...]:
    request = probe.build(source, target) if source in probe.sources else None
    if request is None:
        raise Unsaid
    decoding: tuple[Loss, ...] = ()
    if not probe.direct:
        request, decoding = _as_told(request, source, probe.dialects)
    sent = CONVERTERS[target].encode_request(request, _target(target, probe.dialects))
    return (*decoding, *sent.losses)


def _as_told(request: Request, source: Format, dialects: Mapping[Format, dict[str, Any]]) -> tuple[Request, tuple[Loss, ...]]:
    """The request as its client would write it, read again. Raises Unsaid where the wire cannot hold it."""
    converter = CONVERTERS[source]
    try:
        sent = converter.encode_request(request, _target(source, dialects))
    except Unsupported as error:
        raise Unsaid from error
    if any(loss.kind != "injected" for loss in sent.losses):
        raise Unsaid
    coded = converter.decode_request(WireRequest(sent.wire.body, {**sent.wire.headers}, MODEL, False))
    return coded.value, coded.losses


def _reply_losses(probe: ReplyProbe, upstream: Format, client: Format) -> tuple[Loss, ...]:
    if upstream not in probe.sources:
        raise Unsaid
    told = CONVERTERS[upstream].encode_response(probe.response(upstream), _reply(upstream))
    if any(loss.kind != "injected" for loss in told.losses):
        raise Unsaid
    ticket = Ticket(PROVIDER, MODEL, _ids(), dialect=_target(upstream, {}).dialect)
    coded = CONVERTERS[upstream].decode_response(told.value, ticket)
    out = CONVERTERS[client].encode_response(coded.value, _reply(client))
    return (*coded.losses, *out.losses)


def _target(format: Format, dialects: Mapping[Format, dict[str, Any]]) -> Target:
    dialect = msgspec.convert({**BEST[format], **dialects.get(format, {})}, CONVERTERS[format].dialect)
    return Target(PROVIDER, MODEL, dialect, _ids())


def _reply(format: Format) -> Reply:
    asked = PROBES[0].build(format, format)
    assert asked is not None
    # Google's clients are only shown the thoughts that they ask for.
    request = msgspec.structs.replace(asked, reasoning=ReasoningRequest(visible=True))
    return Reply(request, MODEL, 1_790_000_000, _ids())


def _ids() -> Callable[[str], str]:
    numbers = itertools.count(1)
    return lambda prefix: f"{prefix}{next(numbers):024d}"
