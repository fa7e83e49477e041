"""What stands in place of the conversation and is kept, or can only be read, at one provider: another cannot answer without it.

A reference to a single item of the model's is no such thing: what the user and the tools said is there (the AI SDK of Vercel sends so by default), and
the loss of the item is told like any other.
"""

from __future__ import annotations

from rosetta.converters.converter import Unsupported
from rosetta.ir.parts import Format, Opaque
from rosetta.ir.request import Request

_SEND_ALL = "send the whole input with every request"
_KINDS = {
    "compaction": f"a compaction can only be read by the provider that made it: {_SEND_ALL}",
    "compaction_trigger": "only a Responses provider compacts a conversation: let the client do it (Codex: local compaction)",
}


def refuse_foreign(request: Request, target: Format) -> None:
    """Raises Unsupported where a request of another wire leaves its conversation at its provider."""
    if request.format == target:
        return
    state = request.state
    for path, value in (("previous_response_id", state.previous_response_id), ("conversation", state.conversation)):
        if value is not None:
            raise Unsupported(path, f"this model's provider keeps no conversations: {_SEND_ALL}", "previous_response_not_found")
    for turn in (*request.system, *request.turns):
        for part in turn.parts:
            if isinstance(part, Opaque) and part.format != target and part.kind in _KINDS and not part.text:
                raise Unsupported(part.at, _KINDS[part.kind])
