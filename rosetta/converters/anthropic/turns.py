"""Messages ⇄ system prompt and turns.

Decoding: consecutive assistant messages are one turn (the server joins them); Claude Code's billing header, a block of ``system`` that changes
with every version, goes to ``extras`` under its own name, so that no other vendor's prompt cache suffers from it.

Encoding: same roles are joined; tool results stand first in their message; a system message amid the others stays in its place, as such where the
model takes it, else as text of the user. Only this last rule reads ahead, and never past the next message: what was sent stays a prefix of what will be.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rosetta.converters import pairing
from rosetta.converters.anthropic.parts import Outgoing, decode_text, decode_visible, encode_visible, kind_of_block, plain
from rosetta.converters.anthropic.reasoning import decode_thinking, encode_reasoning
from rosetta.converters.anthropic.tools import decode_call, decode_result, encode_call, encode_result
from rosetta.converters.carriers import attached, give_back
from rosetta.converters.converter import Json, Malformed
from rosetta.converters.effort import nearest
from rosetta.converters.fields import Fields, join, type_name
from rosetta.converters.losses import Losses
from rosetta.converters.mid_system import said_by_user
from rosetta.ir.parts import NO_EXTRAS, Opaque, Part, Reasoning, Seal, Text, ToolCall, ToolResult
from rosetta.ir.request import EFFORTS, Request, Role, Turn

BILLING_HEADER = "system.x-anthropic-billing-header"
"""The extra that holds Claude Code's billing header: a field of no name, so it has that of its place and of its own beginning."""
EMPTY = "(empty)"
"""Stands in for a user's message in which nothing is left: the wire takes no empty one."""
BEGIN = "(continue)"
"""Stands in for the user's first message where the conversation begins with the model's."""

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "developer"}


# ------------------------------------------------------------------------------------------------------------------------------ decode


def decode_system(value: Any, losses: Losses) -> tuple[tuple[Turn, ...], dict[str, Any]]:
    """``system`` as one turn, and the billing header as an extra."""
    if value is None or value == "":
        return (), NO_EXTRAS
    if type(value) is str:
        return (Turn("system", (Text(value, "system"),), "system"),), NO_EXTRAS
    if type(value) is not list:
        raise Malformed("system", f"expected str or array, got {type_name(value)}")
    parts: list[Part] = []
    extras: dict[str, Any] = {}
    for index, block in enumerate(value):
        at = f"system.{index}"
        kind = kind_of_block(block, at)
        part = decode_visible(block, kind, at, losses)
        if isinstance(part, Text) and not extras and part.text.startswith("x-anthropic-billing-header:") and len(block) == 2:
            extras[BILLING_HEADER] = part.text
        else:
            parts.append(part)
    return (Turn("system", tuple(parts), "system"),) if parts else (), extras


def decode_messages(messages: list[Any], losses: Losses) -> tuple[tuple[Turn, ...], tuple[Turn, ...]]:
    """The leading system messages and the turns."""
    if not messages:
        raise Malformed("messages", "expected at least one message")
    leading: list[Turn] = []
    turns: list[Turn] = []
    called: dict[str, str] = {}
    for index, message in enumerate(messages):
        turn = _decode_message(message, f"messages.{index}", called, losses)
        if turn.role in {"system", "developer"} and not turns:
            leading.append(turn)
        elif turn.role == "assistant" and turns and turns[-1].role == "assistant":
            before = turns[-1]
            turns[-1] = msgspec.structs.replace(before, parts=before.parts + turn.parts, extras={**before.extras, **turn.extras})
        else:
            turns.append(turn)
    effort = next((turn.effort for turn in reversed(leading) if turn.effort is not None), None)
    if effort is not None:  # from the first turn on
        leading = [msgspec.structs.replace(turn, effort=None) for turn in leading]
        if turns and turns[0].effort is None:
            turns[0] = msgspec.structs.replace(turns[0], effort=effort)
    return tuple(leading), tuple(turns)


def _decode_message(value: Any, at: str, called: dict[str, str], losses: Losses) -> Turn:
    if type(value) is not dict:
        raise Malformed(at, f"expected object, got {type_name(value)}")
    role = value.get("role")
    if type(role) is not str or role not in _ROLES:
        raise Malformed(
            f"{at}.role", f"expected user, assistant or system, got {role!r}" if type(role) is str else "expected user, assistant or system"
        )
    parts = decode_content(value.get("content"), f"{at}.content", _ROLES[role], called, losses)
    if len(value) == 2:
        return Turn(_ROLES[role], parts, at)
    extras = {key: found for key, found in value.items() if key not in {"role", "content", "output_config"} and found is not None}
    effort, unknown = decode_effort(value.get("output_config"), join(at, "output_config"))
    return Turn(_ROLES[role], parts, at, effort=effort, extras={**extras, **unknown} or NO_EXTRAS)


def decode_effort(value: Any, at: str) -> tuple[Any, dict[str, Any]]:
    """The effort in an ``output_config``, and its other fields as they are, under its name."""
    if value is None:
        return None, NO_EXTRAS
    config = Fields(value, at)
    word = config.maybe("effort", str)
    rest = {key: found for key, found in config.rest().items() if found is not None}
    if word is not None and word not in EFFORTS:
        rest["effort"] = word
        word = None
    return word, {"output_config": rest} if rest else NO_EXTRAS


def decode_content(content: Any, at: str, role: Role, called: dict[str, str], losses: Losses) -> tuple[Part, ...]:
    """The parts of one message; ``called`` learns the calls and tells results their names."""
    if type(content) is str:
        return (Text(content, at),) if content else ()
    if type(content) is not list:
        raise Malformed(at, f"expected str or array, got {type_name(content)}")
    parts: list[Part] = []
    waiting: tuple[Seal, ...] = ()
    for index, block in enumerate(content):
        where = f"{at}.{index}"
        kind = block.get("type") if type(block) is dict else None
        if type(kind) is not str:
            kind = kind_of_block(block, where)  # which says what is wrong
        part: Part | None
        if kind == "text":
            part = decode_text(block, where)
        elif kind == "tool_use":
            if role != "assistant":
                raise Malformed(where, "tool_use belongs in an assistant message")
            part = decode_call(block, where)
            called[part.id] = part.name
        elif kind == "tool_result":
            if role != "user":
                raise Malformed(where, "tool_result belongs in a user message")
            part = decode_result(block, where, called, losses)
        elif kind in {"thinking", "redacted_thinking"} and role == "assistant":
            part, beside = decode_thinking(block, kind, where, losses)
            if waiting:
                give_back(waiting[0], parts)
            if part is not None:
                parts.append(part)
            waiting = beside
            continue
        else:
            part = decode_visible(block, kind, where, losses)
        if waiting:
            part = attached(parts, waiting[0], part)
            waiting = ()
        parts.append(part)
    if waiting:
        give_back(waiting[0], parts)
    return tuple(parts)


# ------------------------------------------------------------------------------------------------------------------------------ encode


def encode_system(request: Request, out: Outgoing, addition: str = "") -> str | list[Json] | None:
    """``system``: a string where one plain text is all there is. ``addition``: what the wire has no field for."""
    blocks: list[Json] = []
    header = request.extras.get(BILLING_HEADER)
    if out.own and type(header) is str:
        blocks.append(plain(header))
    for turn in request.system:
        _turn_fields(turn, out)
        if out.own and turn.extras:
            out.losses.extras(turn.extras, turn.at)  # the system prompt has no fields of its own
        for part in turn.parts:
            block = encode_visible(part, out, "system")
            if block is not None:
                blocks.append(block)
    if addition:
        blocks.append(plain(addition))
    return _content(blocks) if blocks else None


def _content(blocks: list[Json]) -> str | list[Json]:
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"} and blocks[0]["type"] == "text":
        return str(blocks[0]["text"])
    return blocks


class _Message:
    """A message being put together."""

    __slots__ = ("at", "blocks", "disordered", "effort", "extras", "opaque", "results", "role")

    def __init__(self, role: str, at: str) -> None:
        self.role = role
        self.at = at
        self.results: list[Json] = []
        self.blocks: list[Json] = []
        self.extras: Json = {}
        self.effort: str | None = None
        self.disordered = False
        self.opaque = False

    def wire(self) -> Json:
        """The wire's own object."""
        value: Json = {"role": self.role, "content": _content(self.results + self.blocks), **self.extras}
        if self.effort is not None:
            value["output_config"] = {**value.get("output_config", {}), "effort": self.effort}
        return value


def encode_messages(request: Request, out: Outgoing, *, thinking: bool, addition: str = "") -> list[Json]:
    """``messages``. ``thinking``: it is switched on, so that no answer can be begun for the model. ``addition``: a word at the end of the last message."""
    messages: list[_Message] = []
    held: list[Turn] = []
    turns = pairing.paired(request.turns, out.losses)
    for index, turn in enumerate(turns):
        _turn_fields(turn, out)
        if turn.role in {"system", "developer"}:
            following = next((later.role for later in turns[index + 1 :] if later.role not in {"system", "developer"}), None)
            _encode_system_turn(turn, following, messages, held, out)
        elif turn.role == "assistant":
            _place(held, messages, out)
            _encode_assistant(turn, messages, out)
        else:
            _encode_user(turn, messages, out)
    _place(held, messages, out)
    if not messages or messages[0].role != "user":
        out.losses.injected("text", messages[0].at if messages else "", "a conversation begins with the user")
        messages.insert(0, _Message("user", ""))
        messages[0].blocks.append(plain(BEGIN))
    _end(messages, out, thinking=thinking)
    if addition:
        _last(messages, "user", "").blocks.append(plain(addition))
    for message in messages:
        if not message.results and not message.blocks:
            out.losses.injected("text", message.at, "a message must not be empty")
            message.blocks.append(plain(EMPTY))
        if message.disordered:
            out.losses.approximated("order", message.at, "tool results stand first")
    if not out.own:
        _sort_results(messages)
    return [message.wire() for message in messages]


def _turn_fields(turn: Turn, out: Outgoing) -> None:
    if turn.name is not None:
        out.losses.dropped("name", turn.at)
    if not out.own and turn.extras:
        out.losses.extras(turn.extras, turn.at)


def _last(messages: list[_Message], role: str, at: str) -> _Message:
    """The last message where it has this role, else a new one."""
    if not messages or messages[-1].role != role:
        messages.append(_Message(role, at))
    return messages[-1]


def _own_extras(message: _Message, turn: Turn, out: Outgoing) -> None:
    if out.own and turn.extras:
        message.extras.update(turn.extras)


def _encode_effort(turn: Turn, message: _Message | None, out: Outgoing) -> None:
    """A change of effort, with its message where the model takes that; else the request's effort is the last one."""
    if turn.effort is None:
        return
    if message is None or not (out.own and out.dialect.mid_system):
        out.losses.approximated("effort", turn.at, "the last word on effort holds for the whole request")
        return
    message.effort = nearest(turn.effort, out.dialect.efforts)
    if message.effort is None:
        out.losses.dropped("effort", turn.at, "the model has no levels of effort")
    elif message.effort != turn.effort:
        out.losses.approximated("effort", turn.at, f"{message.effort} instead of {turn.effort}")


def _encode_user(turn: Turn, messages: list[_Message], out: Outgoing) -> None:
    message = _last(messages, "user", turn.at)
    _own_extras(message, turn, out)
    _encode_effort(turn, message, out)
    for part in turn.parts:
        if isinstance(part, ToolResult):
            message.disordered = message.disordered or bool(message.blocks)
            message.results.append(encode_result(part, out))
        else:
            block = encode_visible(part, out, "user")
            if block is not None:
                message.blocks.append(block)


def _encode_assistant(turn: Turn, messages: list[_Message], out: Outgoing) -> None:
    blocks: list[Json] = []
    opaque = False
    for part in turn.parts:
        if isinstance(part, ToolCall):
            blocks.append(encode_call(part, out))
        elif isinstance(part, Reasoning):
            blocks.extend(encode_reasoning(part, out))
        else:
            block = encode_visible(part, out, "assistant")
            if block is not None:
                blocks.append(block)
                opaque = opaque or isinstance(part, Opaque)
    if not blocks:
        _encode_effort(turn, None, out)
        return
    message = _last(messages, "assistant", turn.at)
    _own_extras(message, turn, out)
    _encode_effort(turn, message, out)
    message.blocks.extend(blocks)
    message.opaque = message.opaque or opaque


def _encode_system_turn(turn: Turn, following: str | None, messages: list[_Message], held: list[Turn], out: Outgoing) -> None:
    last = messages[-1].role if messages else None
    if not (out.own and out.dialect.mid_system):
        _encode_effort(turn, None, out)
    if not turn.parts and not (turn.effort is not None and out.own and out.dialect.mid_system):
        return
    if out.dialect.mid_system and following == "user":
        out.losses.approximated("order", turn.at, "a system message stands behind the user's")
        held.append(turn)
    elif out.dialect.mid_system and last in {"user", "system"}:
        held.append(turn)
        _place(held, messages, out)
    else:
        _say_as_user(turn, messages, out)


def _place(held: list[Turn], messages: list[_Message], out: Outgoing) -> None:
    """Write the system messages that waited for a user's message before them."""
    for turn in held:
        message = _last(messages, "system", turn.at)
        _own_extras(message, turn, out)
        for part in turn.parts:
            block = encode_visible(part, out, "system")
            if block is not None:
                message.blocks.append(block)
        if out.own:
            _encode_effort(turn, message, out)
    held.clear()
    if messages and messages[-1].role == "system" and not messages[-1].blocks and not messages[-1].effort:
        messages.pop()


def _say_as_user(turn: Turn, messages: list[_Message], out: Outgoing) -> None:
    message = _last(messages, "user", turn.at)
    for part in said_by_user(turn, out.losses):
        block = encode_visible(part, out, "user")
        if block is not None:
            message.blocks.append(block)
    if out.own and turn.extras:
        out.losses.extras(turn.extras, turn.at)


def _end(messages: list[_Message], out: Outgoing, *, thinking: bool) -> None:
    """A last message of the model: the beginning of an answer, where the model takes that, or a paused turn, which goes back as it is."""
    message = messages[-1]
    if message.role != "assistant" or message.opaque:
        return
    if not out.dialect.prefill or thinking:
        out.losses.dropped(
            "prefill", message.at, "the model does not continue a message" if not out.dialect.prefill else "not while thinking"
        )
        messages.pop()
        return
    block = message.blocks[-1]
    if block["type"] == "text" and block["text"] != block["text"].rstrip():
        out.losses.approximated("prefill", message.at, "blanks at the end are refused")
        message.blocks[-1] = {**block, "text": block["text"].rstrip()}


def _sort_results(messages: list[_Message]) -> None:
    """Results in the order of their calls."""
    calls: list[Json] = []
    for message in messages:
        if message.role == "assistant":
            calls = [block for block in message.blocks if block["type"] == "tool_use"]
        elif len(message.results) > 1:
            order = {call["id"]: index for index, call in enumerate(calls)}
            message.results.sort(key=lambda result: order.get(result["tool_use_id"], len(order)))


def without_thoughts(messages: list[Json]) -> bool:
    """Whether the conversation ends in tool results whose calls come without their thoughts: models with a budget refuse that."""
    if not messages or messages[-1]["role"] != "user" or type(messages[-1]["content"]) is not list:
        return False
    if not any(block["type"] == "tool_result" for block in messages[-1]["content"]):
        return False
    before = next((message for message in reversed(messages) if message["role"] == "assistant"), None)
    content = before["content"] if before is not None else None
    return type(content) is list and content[0]["type"] not in {"thinking", "redacted_thinking"}
