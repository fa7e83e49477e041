"""Input items ⇄ system prompt and turns: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input.

Decoding: reasoning, calls, assistant messages and hosted calls up to the next output or message of another are one assistant turn; consecutive outputs are
one user turn; a message is a turn of its own. ``additional_tools`` join the tools, ``configuration_update`` the turn it precedes. Ids and ``status`` of items are
bookkeeping and left out; a reasoning item's id stays with its seal.

Encoding: items in true order; in a user turn outputs come before the message.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rosetta.converters import pairing
from rosetta.converters.carriers import attached, give_back
from rosetta.converters.converter import Json, Malformed
from rosetta.converters.fields import Fields, maybe_string, string, type_name, unknown
from rosetta.converters.losses import Losses
from rosetta.converters.mid_system import said_by_user
from rosetta.converters.openai_responses.calls import decode_call, decode_result, encode_call, encode_result
from rosetta.converters.openai_responses.parts import FORMAT, Outgoing, decode_content, encode_content, encode_output_text, say_opaque
from rosetta.converters.openai_responses.reasoning import decode_reasoning, encode_reasoning
from rosetta.converters.openai_responses.tools import Declared
from rosetta.ir.parts import Media, Opaque, Part, Reasoning, Refusal, Seal, Text, ToolCall, ToolResult
from rosetta.ir.request import EFFORTS, Effort, Request, Role, Turn

INSTRUCTIONS = "instructions"

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "developer"}
_MESSAGE = frozenset({"type", "id", "status", "role", "content", "phase"})
_ADDITIONAL = frozenset({"type", "id", "status", "role", "tools"})
_OUTPUTS = {"function_call_output": "function", "custom_tool_call_output": "custom"}
_CALLS = frozenset({"function_call", "custom_tool_call"})


# ------------------------------------------------------------------------------------------------------------------------ decode


class Input:
    """The input of a request while it is read."""

    __slots__ = (
        "_answer",
        "_answer_at",
        "_beside",
        "_effort",
        "_open",
        "_results",
        "_results_at",
        "declared",
        "effort_at",
        "losses",
        "output",
        "system",
        "turns",
    )

    def __init__(self, declared: Declared, losses: Losses) -> None:
        self.declared = declared
        self.losses = losses
        self.system: list[Turn] = []
        self.turns: list[Turn] = []
        self.output: Json | None = None
        """The text format of the last ``configuration_update``."""
        self._answer: list[Part] = []
        self._answer_at = ""
        self._results: list[Part] = []
        self._results_at = ""
        self._beside: Seal | None = None
        self._open: dict[str, ToolCall] = {}
        self._effort: Effort | None = None
        self.effort_at = ""
        """Where the last ``configuration_update`` changed it."""

    def read(self, items: list[Any]) -> None:
        """All items, in order."""
        for index, item in enumerate(items):
            at = f"input.{index}"
            if type(item) is not dict:
                raise Malformed(at, f"expected object, got {type_name(item)}")
            self._read(item, at)
        self._close()
        if self._effort is not None and self.turns:  # it came last: it is meant for the answer all the same
            self.turns[-1] = msgspec.structs.replace(self.turns[-1], effort=self._effort)

    def _read(self, item: Json, at: str) -> None:
        kind = item.get("type")
        if kind is None:
            kind = "message" if "role" in item else "item_reference" if "id" in item else ""
        if type(kind) is not str:
            raise Malformed(f"{at}.type", f"expected str, got {type_name(kind)}")
        if kind == "message":
            self._message(item, at)
        elif kind in _OUTPUTS:
            self._result(item, at, kind)
        elif kind in _CALLS:
            call = decode_call(item, at)
            self._open[call.id] = call
            self._say(call, at)
        elif kind == "reasoning":
            self._reasoning(item, at)
        elif kind == "additional_tools":
            tools = item.get("tools")
            if type(tools) is not list:
                raise Malformed(f"{at}.tools", f"expected array, got {type_name(tools)}")
            self.declared.read(tools, f"{at}.tools")
            self.losses.extras(unknown(item, _ADDITIONAL), at)
        elif kind == "configuration_update":
            self._configure(item, at)
        elif not kind:
            raise Malformed(f"{at}.type", "expected str, got null or nothing")
        elif kind.endswith(("_output", "_response")) or kind == "compaction_trigger":
            self._hear(Opaque(FORMAT, kind, item, at), at)
        else:
            self._say(Opaque(FORMAT, kind, item, at), at)

    def _message(self, item: Json, at: str) -> None:
        word = string(item, "role", at)
        role = _ROLES.get(word)
        if role is None:
            raise Malformed(f"{at}.role", f"expected user, assistant, system or developer, got {word!r}")
        parts = decode_content(item.get("content"), f"{at}.content")
        extras = unknown(item, _MESSAGE)
        if role == "assistant":
            phase = maybe_string(item, "phase", at)
            self.losses.extras(extras, at)
            for part in parts:  # what is lost of a phase is lost of its message
                self._say(msgspec.structs.replace(part, at=at, phase=phase) if phase is not None and isinstance(part, Text) else part, at)
            if not parts:
                self._say(None, at)
            return
        self._close()
        if role != "user" and not self.turns:  # a change of effort waits for the first turn
            self.system.append(Turn(role, parts, at, extras=extras))
        else:
            self.turns.append(Turn(role, parts, at, effort=self._take_effort(), extras=extras))

    def _result(self, item: Json, at: str, kind: str) -> None:
        identity = maybe_string(item, "call_id", at)
        if not identity:  # newer clients may leave it out: then it answers the first call that is still open
            name = item.get("name")
            named = [call.id for call in self._open.values() if call.kind == _OUTPUTS[kind] and name in (None, call.name)]
            identity = named[0] if named else next(iter(self._open), f"call_of_{at.replace('.', '_')}")
        call = self._open.pop(identity, None)
        self._hear(decode_result(item, at, identity, call), at)

    def _reasoning(self, item: Json, at: str) -> None:
        part, beside = decode_reasoning(item, at, self.losses)
        if self._beside is not None:
            give_back(self._beside, self._answer)
            self._beside = None
        if part is not None:
            self._say(part, at)
        if beside:
            self._say(None, at)
            self._beside = beside[0]

    def _configure(self, item: Json, at: str) -> None:
        fields = Fields(item, at)
        fields.drop("type", "id", "status")
        reasoning = fields.fields("reasoning")
        if reasoning is not None:
            word = reasoning.maybe("effort", str)
            if word in EFFORTS:
                self._close()
                self._effort, self.effort_at = word, at
            elif word is not None:
                self.losses.dropped("effort", at, word)
            self.losses.extras({key: found for key, found in reasoning.rest().items() if found is not None}, at)
        text = fields.fields("text")
        if text is not None:
            self.output = text.maybe("format", dict) or self.output
            self.losses.extras({key: found for key, found in text.rest().items() if found is not None}, at)
        self.losses.extras({key: found for key, found in fields.rest().items() if found is not None}, at)

    def _say(self, part: Part | None, at: str) -> None:
        """The model's next part; None opens its turn and says nothing."""
        if self._results:
            self._close()
        if not self._answer_at:
            self._answer_at = at
        if part is None:
            return
        if self._beside is not None:
            part = attached(self._answer, self._beside, part)
            self._beside = None
        self._answer.append(part)

    def _hear(self, part: Part, at: str) -> None:
        """The next result of a tool."""
        if self._answer_at:
            self._close()
        if not self._results:
            self._results_at = at
        self._results.append(part)

    def _close(self) -> None:
        """The turn in hand is complete."""
        if self._beside is not None:
            give_back(self._beside, self._answer)
            self._beside = None
        if self._answer_at:
            self.turns.append(Turn("assistant", tuple(self._answer), self._answer_at, effort=self._take_effort()))
            self._answer, self._answer_at = [], ""
        if self._results:
            self.turns.append(Turn("user", tuple(self._results), self._results_at, effort=self._take_effort()))
            self._results = []

    def _take_effort(self) -> Effort | None:
        effort, self._effort = self._effort, None
        return effort


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_system(request: Request, out: Outgoing) -> tuple[str | None, list[Json]]:
    """``instructions`` and the leading items. Plain prompts of a foreign client, and of any where the server wants them there, are the instructions,
    joined by blank lines."""
    texts: list[str] = []
    items: list[Json] = []
    stay = out.own and out.dialect.system_items
    for turn in request.system:
        plain = turn.at == INSTRUCTIONS if stay else not items and _is_plain(turn, out)
        if not plain:
            items.append(_encode_message(turn, list(turn.parts), _system_role(turn, out), out))
            continue
        for part in turn.parts:
            if isinstance(part, Text):
                if part.cache is not None:
                    out.losses.dropped("cache", part.at)
                if part.citations:
                    out.losses.dropped("citations", part.at)
                if part.seal is not None:
                    out.losses.dropped("seal", part.at)
                out.losses.extras(part.extras, part.at)
                texts.append(part.text)
        if turn.name is not None:
            out.losses.dropped("name", turn.at)
        out.losses.extras(turn.extras, turn.at)
    return "\n\n".join(texts) if texts else None, items


def _is_plain(turn: Turn, out: Outgoing) -> bool:
    return all(isinstance(part, Text) and not (part.cache is not None and out.dialect.cache_marks) for part in turn.parts)


def _system_role(turn: Turn, out: Outgoing) -> Role:
    return turn.role if out.dialect.system_items else "system"


def _told(turn: Turn, out: Outgoing) -> None:
    """What the items of a turn cannot say of it."""
    if turn.name is not None:
        out.losses.dropped("name", turn.at)
    if not out.own:
        out.losses.extras(turn.extras, turn.at)


def encode_turns(request: Request, out: Outgoing, *, stateful: bool) -> list[Json]:
    """The items of the turns. ``stateful``: a part of the conversation is kept at the provider, so results may answer calls that are not here."""
    turns = request.turns if stateful else pairing.paired(request.turns, out.losses)
    items: list[Json] = []
    for turn in turns:
        if turn.effort is not None and out.dialect.openai_extras:
            items.append({"type": "configuration_update", "reasoning": {"effort": turn.effort}})
        if turn.role == "assistant":
            _encode_answer(turn, items, out)
        elif turn.role == "user":
            _encode_user(turn, items, out, known=not stateful)
        elif out.dialect.mid_system == "keep":
            items.append(_encode_message(turn, list(turn.parts), _system_role(turn, out), out))
        else:
            parts = said_by_user(turn, out.losses)
            if parts:
                items.append(_encode_message(turn, parts, "user", out))
            else:
                _told(turn, out)
    return items


def _encode_message(turn: Turn, parts: list[Part], role: str, out: Outgoing) -> Json:
    item: Json = {"role": role, "content": encode_content(parts, out)}
    if turn.name is not None:
        out.losses.dropped("name", turn.at)
    out.extras(item, turn.extras, turn.at)
    return item


def _encode_user(turn: Turn, items: list[Json], out: Outgoing, *, known: bool) -> None:
    others: list[Part] = []
    for part in turn.parts:
        if isinstance(part, ToolResult):
            items.append(encode_result(part, out, known=known))
        elif isinstance(part, Opaque) and part.format == FORMAT and is_item(part):
            items.append(part.data)
        else:
            others.append(part)
    if not others:
        _told(turn, out)
        return
    item = _encode_message(turn, others, "user", out)
    if item["content"] or item["content"] == "":
        items.append(item)


def is_item(part: Opaque) -> bool:
    """Whether an opaque part of this wire is an item, not a part of a message's content."""
    return ".content" not in part.at


def _encode_answer(turn: Turn, items: list[Json], out: Outgoing) -> None:
    _told(turn, out)
    said: list[Json] = []  # the parts of the message in hand
    held: tuple[str | None, str] = (None, "")

    def close() -> None:
        if said:
            items.append(_message(said.copy(), held[0]))
            said.clear()

    start = len(items)
    for part in turn.parts:
        if isinstance(part, Text | Refusal) or (isinstance(part, Opaque) and not (part.format == FORMAT and is_item(part))):
            encoded = _encode_said(part, out)
            if encoded is None:
                continue
            phase = _phase(part, out)
            key = (phase, part.at.partition(".content")[0] if out.own else "")
            if said and key != held:
                close()
            held = key
            said.append(encoded)
            continue
        close()
        match part:
            case ToolCall():
                items.append(encode_call(part, out))
            case Reasoning():
                items.extend(encode_reasoning(part, out))
            case Opaque():
                items.append(part.data)
            case Media():
                if part.transcript:
                    out.losses.approximated(part.kind, part.at, "as its transcript")
                    items.append({"role": "assistant", "content": part.transcript})
                else:
                    out.losses.dropped(part.kind, part.at, "a model's answer of the past cannot hold it")
            case _:
                out.losses.dropped("part", part.at)
    close()
    if not out.own and len(items) > start and items[-1].get("type") == "reasoning":
        # "reasoning was provided without its required following item"
        while len(items) > start and items[-1].get("type") == "reasoning":
            items.pop()
        out.losses.dropped("seal", turn.at, "nothing follows the reasoning")


def _encode_said(part: Part, out: Outgoing) -> Json | None:
    match part:
        case Text():
            if not part.text and not part.citations:
                if part.seal is not None:
                    out.losses.dropped("seal", part.at)
                return None
            return encode_output_text(part, out)
        case Refusal():
            wire: Json = {"type": "refusal", "refusal": part.text}
            out.extras(wire, part.extras, part.at)
            return wire
        case Opaque():
            if part.format == FORMAT:
                return part.data
            text = say_opaque(part, out)
            return {"type": "output_text", "text": text, "annotations": []} if text else None
        case _:
            return None


def _phase(part: Part, out: Outgoing) -> str | None:
    phase = part.phase if isinstance(part, Text) else None
    if phase is not None and not (out.own or out.dialect.phases):
        out.losses.dropped("phase", part.at)
        return None
    return phase


def _message(parts: list[Json], phase: str | None) -> Json:
    """An assistant's message of history in the easy form, which needs no id; one plain text is a string."""
    only = parts[0]
    plain = len(parts) == 1 and len(only) == 3 and only.get("type") == "output_text" and only["annotations"] == []
    item: Json = {"role": "assistant", "content": only["text"] if plain else parts}
    if phase is not None:
        item["phase"] = phase
    return item
