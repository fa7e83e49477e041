"""What telemetry is told of one attempt: sums at its end, nothing per event."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rosetta.convert import StreamHop
from rosetta.engine.attempt import Attempt
from rosetta.ir import events
from rosetta.telemetry.observer import Answer, AttemptObserver, Reason, RequestObserver, Sending

if TYPE_CHECKING:
    from rosetta.engine.call import Outcome

_SNAKE: dict[type, str] = {
    kind: re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower() for kind in events.Event.__args__  # `BlockStart` -> `block_start`
}  # fmt: skip


class Account:
    """One attempt as it goes. ``observed`` listens, ``answer`` is filled in until it is closed."""

    __slots__ = ("answer", "observed")

    def __init__(self, observed: AttemptObserver) -> None:
        self.observed = observed
        self.answer = Answer()

    def streamed(self, hop: StreamHop, *, size: int, worked_s: float, gap_s: float, ended: float) -> None:
        """A streamed answer came to its end: ``size`` bytes were read, ``worked_s`` spent on them, the last one written at ``ended``."""
        answer = self.answer
        answer.failure, answer.usage, answer.finish = hop.failure, hop.usage, hop.finish_reasons
        answer.response_id, answer.response_model = hop.response_id, hop.response_model
        answer.bytes_in, answer.events_in, answer.ended = size, hop.events, ended
        if hop.committed:
            answer.gap_s = gap_s
        answer.counts_in, answer.counts_out = counts(hop)
        if hop.converts:
            answer.converted_s, answer.losses = worked_s, hop.losses

    def came_whole(self, attempt: Attempt, *, began: float, ended: float, bytes_in: int, bytes_out: int) -> None:
        """A whole answer was read from ``began`` on and written again at ``ended``."""
        response, answer = attempt.response, self.answer
        answer.bytes_in = bytes_in
        if response is None:
            return
        answer.usage, answer.response_id, answer.response_model = response.usage, response.id, response.model
        answer.finish = [choice.finish for choice in response.choices if choice.finish is not None]
        if attempt.decoded_at:
            answer.converted_s = ended - began
        self.observed.answered(
            response,
            began=began,
            decoded=attempt.decoded_at,
            ended=ended,
            bytes_in=bytes_in,
            bytes_out=bytes_out,
            losses=answer.losses,
        )


def counts(hop: StreamHop) -> tuple[dict[str, int], dict[str, int]]:
    """A stream's events by kind: as they were decoded, and as they were written."""
    came = {_SNAKE[kind]: pair[0] for kind, pair in hop.counts.items()}
    written = {_SNAKE[kind]: pair[1] for kind, pair in hop.counts.items() if pair[1]}
    if hop.text:
        came["text_delta"] = hop.text
        written["text_delta"] = hop.text_out
    return came, written


def opened(observed: RequestObserver, attempt: Attempt, outcome: Outcome, reason: Reason, began: float, ended: float) -> Account:
    """An attempt is about to be sent; it was made ready from ``began`` to ``ended``."""
    step, inbound = attempt.step, attempt.inbound
    upstream = step.provider.upstream_on(step.format)
    began = max(began, inbound.decoded_at)  # reading the client's body is no part of the attempt
    encoding = None if attempt.relayed else (began, ended)
    sending = Sending(
        number=outcome.attempts,
        reason=reason,
        provider=step.provider.name,
        vendor=step.provider.vendor.name,
        model=step.model,
        format=step.format,
        address=upstream.address,
        port=upstream.port,
        trusted=step.provider.row.trusted,
        stream=inbound.call.stream,
        began=began,
        encoding=encoding,
        request=inbound.known,
        read=inbound.looked_at,
        bytes_out=len(attempt.body),
        losses=attempt.losses,
    )
    return Account(observed.attempt(sending))
