"""Messages ⇄ system prompt and turns.

Decoding: leading system and developer messages are ``system``; consecutive ``tool`` (and deprecated ``function``) messages are one user turn.

Encoding: an assistant turn is one message, its text joined, its calls in order; then one tool message per result; then the user's own words and the media of
tool results, which tool messages cannot hold.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rosetta.converters.converter import Json, Malformed
from rosetta.converters.fields import type_name
from rosetta.converters.openai_chat.parts import Outgoing, decode_content, encode_content, maybe_string, string, unknown
from rosetta.converters.openai_chat.reasoning import FIELDS as REASONING_FIELDS
from rosetta.converters.openai_chat.reasoning import carried, decode_history, encode_call_seal, encode_history
from rosetta.converters.openai_chat.tools import arguments_text, decode_call, encode_call, encode_id, split_result
from rosetta.ir.parts import Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from rosetta.ir.request import Request, Role, Turn

_SYSTEM: dict[str, Role] = {"system": "system", "developer": "developer"}
_MESSAGE = frozenset({"role", "content", "name"})
_ASSISTANT = _MESSAGE | {"refusal", "tool_calls", "function_call", "annotations"} | REASONING_FIELDS
_TOOL = frozenset({"role", "content", "tool_call_id", "name"})
EMPTY_USER = "(empty)"


# ------------------------------------------------------------------------------------------------------------------------ decode


class Messages:
    """The messages of a request while they are read."""

    __slots__ = ("_open", "_results", "system", "turns")

    def __init__(self) -> None:
        self.system: list[Turn] = []
        self.turns: list[Turn] = []
        self._open: dict[str, str] = {}  # call id -> name, of the calls that are not answered yet
        self._results: list[ToolResult] = []

    def read(self, messages: list[Any]) -> None:
        """All messages, in order."""
        for index, message in enumerate(messages):
            at = f"messages.{index}"
            if type(message) is not dict:
                raise Malformed(at, f"expected object, got {type_name(message)}")
            role = message.get("role")
            if role in ("tool", "function"):
                self._results.append(self._result(message, at))
                continue
            self._settle()
            if role == "user":
                self._turn(
                    Turn(
                        "user",
                        decode_content(message.get("content"), f"{at}.content"),
                        at,
                        maybe_string(message, "name", at),
                        extras=unknown(message, _MESSAGE),
                    )
                )
            elif role == "assistant":
                self._turn(self._assistant(message, at))
            elif type(role) is str and role in _SYSTEM:
                parts = decode_content(message.get("content"), f"{at}.content")
                turn = Turn(_SYSTEM[role], parts, at, maybe_string(message, "name", at), extras=unknown(message, _MESSAGE))
                (self.turns or self.system).append(turn)
            else:
                raise Malformed(f"{at}.role", f"expected system, developer, user, assistant or tool, got {role!r}")
        self._settle()

    def _turn(self, turn: Turn) -> None:
        self.turns.append(turn)

    def _settle(self) -> None:
        if self._results:
            self.turns.append(Turn("user", tuple(self._results), self._results[0].at))
            self._results = []

    def _assistant(self, message: Json, at: str) -> Turn:
        parts: list[Part] = []
        thoughts = decode_history(message, at)
        if thoughts is not None:
            parts.append(thoughts)
        parts.extend(decode_content(message.get("content"), f"{at}.content"))
        refusal = maybe_string(message, "refusal", at)
        if refusal:
            parts.append(Refusal(refusal, f"{at}.refusal"))
        calls = message.get("tool_calls")
        if calls is not None and type(calls) is not list:
            raise Malformed(f"{at}.tool_calls", f"expected array, got {type_name(calls)}")
        for index, value in enumerate(calls or ()):
            call = decode_call(value, f"{at}.tool_calls.{index}")
            self._open[call.id] = call.name
            parts.extend(_sealed(call, value, parts))
        legacy = message.get("function_call")
        if legacy is not None:
            where = f"{at}.function_call"
            if type(legacy) is not dict:
                raise Malformed(where, f"expected object, got {type_name(legacy)}")
            identity = f"call_{at.replace('.', '_')}"
            name = string(legacy, "name", where)
            self._open[identity] = name
            parts.append(ToolCall(identity, name, arguments_text(legacy.get("arguments"), f"{where}.arguments"), where))
        return Turn("assistant", tuple(parts), at, maybe_string(message, "name", at), extras=unknown(message, _ASSISTANT))

    def _result(self, message: Json, at: str) -> ToolResult:
        identity = maybe_string(message, "tool_call_id", at)
        name = maybe_string(message, "name", at)
        if not identity:  # the deprecated form: the name tells, else the order
            identity = next((known for known, called in self._open.items() if name in (None, called)), None) or next(iter(self._open), None)
            identity = identity or f"call_of_{at.replace('.', '_')}"
        known = self._open.pop(identity, None)
        return ToolResult(
            identity, decode_content(message.get("content"), f"{at}.content"), at, known or name, extras=unknown(message, _TOOL)
        )


def _sealed(call: ToolCall, value: Any, before: list[Part]) -> list[Part]:
    """The call with the states that it carries, each given to the part it belongs to."""
    found = carried(value)
    if not found:
        return [call]
    own = tuple(seal for seal in found if seal.bound == "reasoning")
    beside = next((seal for seal in found if seal.bound == "part"), None)
    if beside is not None:
        call = msgspec.structs.replace(call, seal=beside)
    if not own:
        return [call]
    for index in range(len(before) - 1, -1, -1):
        part = before[index]
        if isinstance(part, Reasoning):  # the client's own copy of the text is bare: the envelope has the true one
            before[index] = msgspec.structs.replace(part, seals=own)
            return [call]
    return [Reasoning(at=call.at, seals=own), call]


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_messages(request: Request, turns: tuple[Turn, ...], out: Outgoing) -> list[Json]:
    """``messages``."""
    messages: list[Json] = []
    order: dict[str, int] = {}
    _encode_system(request, messages, out)
    for turn in turns:
        if turn.effort is not None:
            out.losses.approximated("effort", turn.at, "it holds for the whole request")
        match turn.role:
            case "assistant":
                order.update({part.id: len(order) + place for place, part in enumerate(turn.parts) if isinstance(part, ToolCall)})
                message = _encode_assistant(turn, out)
                if message is not None:
                    messages.append(message)
            case "user":
                _encode_user(turn, messages, order, out)
            case "system" | "developer":
                _encode_mid_system(turn, messages, out)
    return messages


def _encode_system(request: Request, messages: list[Json], out: Outgoing) -> None:
    if out.own:
        for turn in request.system:
            role = turn.role if turn.role == "system" or out.dialect.system_role == "developer" or not out.dialect.rewrite else "system"
            message: Json = {"role": role, "content": encode_content(list(turn.parts), out) or ""}
            _finish(message, turn, out)
            messages.append(message)
        return
    # One message: many servers' templates take no second one.
    content = encode_content([part for turn in request.system for part in turn.parts], out)
    for turn in request.system:
        if turn.extras:
            out.losses.extras(turn.extras, turn.at)
    if content is not None:
        messages.append({"role": out.dialect.system_role, "content": content})


def _finish(message: Json, turn: Turn, out: Outgoing) -> None:
    if turn.name is not None:
        message["name"] = turn.name
    out.extras(message, turn.extras, turn.at)


def _encode_mid_system(turn: Turn, messages: list[Json], out: Outgoing) -> None:
    content = encode_content(list(turn.parts), out)
    if content is None:
        return
    if out.dialect.mid_system == "keep" or out.own:
        role = turn.role if out.own else out.dialect.system_role
        message: Json = {"role": role, "content": content}
    else:
        text = content if type(content) is str else "\n\n".join(part.get("text", "") for part in content)
        out.losses.approximated("role", turn.at, "said by the user, in place")
        message = {"role": "user", "content": f"<system>\n{text}\n</system>"}
    _finish(message, turn, out)
    _append_user(message, messages, out) if message["role"] == "user" else messages.append(message)


def _append_user(message: Json, messages: list[Json], out: Outgoing) -> None:
    """A user message after another one is joined to it where both are plain text: strict templates want roles to alternate."""
    last = messages[-1] if messages else None
    if last is not None and last["role"] == "tool" and not out.dialect.after_tool_user:
        last["content"] = f"{last['content']}\n\n{_flat(message['content'])}"
        return
    messages.append(message)


def _flat(content: Any) -> str:
    return content if type(content) is str else "\n\n".join(part.get("text", "") for part in content or ())


def _encode_assistant(turn: Turn, out: Outgoing) -> Json | None:
    calls: list[Json] = []
    said: list[Part] = []
    refusals: list[str] = []
    thoughts: list[Reasoning] = []
    for part in turn.parts:
        if isinstance(part, ToolCall):
            wire = encode_call(part, out)
            encode_call_seal(part, wire, out)
            calls.append(wire)
        elif isinstance(part, Reasoning):
            thoughts.append(part)
        elif isinstance(part, Refusal) and (out.own or out.dialect.openai_extras):
            refusals.append(part.text)
        elif isinstance(part, Media):
            out.losses.dropped(part.kind, part.at, "an assistant message holds text only")
        else:
            said.append(part)
    content = encode_content(said, out)
    message: Json = {"role": "assistant", "content": content}
    if refusals:
        message["refusal"] = "\n\n".join(refusals)
    if thoughts:
        encode_history(thoughts, message, out)
    if calls:
        message["tool_calls"] = calls
    if content is None and not calls and not refusals:
        if not out.own:
            return None  # an answer of which nothing is left, as a broken stream leaves it in history
        if len(message) == 2 and not turn.extras:
            message["content"] = ""
    if turn.name is not None:
        message["name"] = turn.name
    out.extras(message, turn.extras, turn.at)
    return message


def _encode_user(turn: Turn, messages: list[Json], order: dict[str, int], out: Outgoing) -> None:
    results = [part for part in turn.parts if isinstance(part, ToolResult)]
    results.sort(key=lambda result: order.get(result.call_id, 0))
    rest: list[Part] = [part for part in turn.parts if not isinstance(part, ToolResult)]
    hoisted: list[Part] = []
    for result in results:
        said, media = split_result(result, out)
        text = encode_content(said, out)
        if type(text) is list and not out.own:
            text = _flat(text)
        if media:
            note = f"[the media of this result follow: {encode_id(result.call_id, out)}]"
            text = f"{text}\n\n{note}" if text else note
            hoisted.append(Text(f"From the tool result {encode_id(result.call_id, out)}:"))
            hoisted.extend(media)
        message: Json = {"role": "tool", "tool_call_id": encode_id(result.call_id, out), "content": text or ""}
        if result.cache is not None:
            out.losses.dropped("cache", result.at)
        out.extras(message, result.extras, result.at)
        messages.append(message)
    rest = [*hoisted, *rest]
    if not rest and results:
        if turn.extras:
            out.losses.extras(turn.extras, turn.at)
        return
    content = encode_content(rest, out)
    if content is None:
        content = "" if out.own else EMPTY_USER
        if not out.own:
            out.losses.injected("text", turn.at, "a message must not be empty")
    message = {"role": "user", "content": content}
    _finish(message, turn, out)
    _append_user(message, messages, out)
