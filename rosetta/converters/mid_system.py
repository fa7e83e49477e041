"""A system message in mid-conversation, for servers which take none there: the user says it, in its place."""

from __future__ import annotations

from rosetta.converters.losses import Losses
from rosetta.ir.parts import Part, Text
from rosetta.ir.request import Turn


def said_by_user(turn: Turn, losses: Losses) -> list[Part]:
    """The parts of a user's message: the texts as one between ``<system>`` marks, then all else. Empty where the message says nothing. A mark on one of
    the texts is on the one; what else their nodes hold is lost."""
    texts = [part for part in turn.parts if isinstance(part, Text) and part.text]
    others: list[Part] = [part for part in turn.parts if not isinstance(part, Text)]
    if not texts and not others:
        return []
    losses.approximated("role", turn.at, "said by the user, in place")
    if not texts:
        return others
    mark = None
    for part in texts:
        mark = part.cache or mark
        if part.citations:
            losses.dropped("citations", part.at)
        if part.seal is not None:
            losses.dropped("seal", part.at)
        losses.extras(part.extras, part.at)
    joined = "\n\n".join([part.text for part in texts])
    return [Text(f"<system>\n{joined}\n</system>", turn.at, mark), *others]
