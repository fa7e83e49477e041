"""Messages ⇄ system prompt and turns.

Decoding: leading system and developer messages are ``system``; consecutive ``tool`` (and deprecated ``function``) messages are one user turn.

Encoding: an assistant turn is one message, its text joined, its calls in order; then at once one tool message per result, in the order of the calls, as
nothing may stand between; then whatever else was said, and the media of results, which tool messages cannot hold.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rosetta.converters.carriers import give_back
from rosetta.converters.converter import Json, Malformed
from rosetta.converters.extras import unknown_within
from rosetta.converters.fields import maybe_string, string, type_name, unknown
from rosetta.converters.mid_system import said_by_user
from rosetta.converters.openai_chat.citations import annotations_of, decode_annotations
from rosetta.converters.openai_chat.outgoing import Outgoing
from rosetta.converters.openai_chat.parts import decode_content, encode_content, encode_media, text_part
from rosetta.converters.openai_chat.reasoning import FIELDS as REASONING_FIELDS
from rosetta.converters.openai_chat.reasoning import (
    beside_signature,
    carried,
    decode_history,
    encode_call_seal,
    encode_history,
    told_otherwise,
)
from rosetta.converters.openai_chat.tools import CALLED, arguments_text, decode_call, encode_call, encode_id, split_result
from rosetta.ir.parts import (
    NO_EXTRAS,
    CacheMark,
    FileId,
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolKind,
    ToolResult,
)
from rosetta.ir.request import Request, Role, Turn

_SYSTEM: dict[str, Role] = {"system": "system", "developer": "developer"}
_MESSAGE = frozenset({"role", "content", "name"})
_ASSISTANT = _MESSAGE | {"refusal", "tool_calls", "function_call", "annotations", "audio"} | REASONING_FIELDS
_AUDIO = frozenset({"id"})
_TOOL = frozenset({"role", "content", "tool_call_id", "name"})
EMPTY_USER = "(empty)"
FILLER = "Understood."


# ------------------------------------------------------------------------------------------------------------------------ decode


class Messages:
    """The messages of a request while they are read. ``customs`` are the names of its free-text tools."""

    __slots__ = ("_customs", "_open", "_results", "_step", "system", "turns")

    def __init__(self, customs: frozenset[str] = frozenset()) -> None:
        self.system: list[Turn] = []
        self.turns: list[Turn] = []
        self._customs = customs
        self._open: dict[str, tuple[str, ToolKind]] = {}  # call id -> its tool, of the calls that are not answered yet
        self._step: set[str] = set()  # those of the latest answer
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
                self.turns.append(
                    Turn("user", self._said(message, at), at, maybe_string(message, "name", at), extras=unknown(message, _MESSAGE))
                )
            elif role == "assistant":
                self.turns.append(self._assistant(message, at))
            elif type(role) is str and role in _SYSTEM:
                parts = self._said(message, at)
                turn = Turn(_SYSTEM[role], parts, at, maybe_string(message, "name", at), extras=unknown(message, _MESSAGE))
                (self.turns or self.system).append(turn)
            else:
                raise Malformed(f"{at}.role", f"expected system, developer, user, assistant or tool, got {role!r}")
        self._settle()

    def _settle(self) -> None:
        if self._results:
            self.turns.append(Turn("user", tuple(self._results), self._results[0].at))
            self._results = []

    @staticmethod
    def _said(message: Json, at: str) -> tuple[Part, ...]:
        """Content of which something must be left: an empty message is legal here, and says that nothing was said."""
        return decode_content(message.get("content"), f"{at}.content") or (Text("", f"{at}.content"),)

    def _assistant(self, message: Json, at: str) -> Turn:
        parts: list[Part] = []
        thoughts = decode_history(message, at)
        if thoughts is not None:
            parts.append(thoughts)
        parts.extend(decode_content(message.get("content"), f"{at}.content"))
        cited = decode_annotations(message.get("annotations"))
        place = next((place for place in range(len(parts) - 1, -1, -1) if isinstance(parts[place], Text)), None)
        told = bool(cited) and place is not None
        if told and place is not None:
            parts[place] = msgspec.structs.replace(parts[place], citations=cited)
        refusal = maybe_string(message, "refusal", at)
        if refusal:
            parts.append(Refusal(refusal, f"{at}.refusal"))
        extras = {**unknown(message, _ASSISTANT), **told_otherwise(message)} or NO_EXTRAS
        if message.get("annotations") and not told:
            extras = {**extras, "annotations": message["annotations"]}
        audio = message.get("audio")
        if audio is not None:
            if type(audio) is not dict:
                raise Malformed(f"{at}.audio", f"expected object, got {type_name(audio)}")
            parts.append(Media("audio", FileId(string(audio, "id", f"{at}.audio")), at=f"{at}.audio"))
            extras = unknown_within(extras, message, "audio", _AUDIO)
        calls = message.get("tool_calls")
        if calls is not None and type(calls) is not list:
            raise Malformed(f"{at}.tool_calls", f"expected array, got {type_name(calls)}")
        self._step = set()
        for index, value in enumerate(calls or ()):
            beside = beside_signature(value) if type(value) is dict else NO_EXTRAS
            call = decode_call(value, f"{at}.tool_calls.{index}", self._customs, beside)
            self._open[call.id] = call.name, call.kind
            self._step.add(call.id)
            parts.extend(_sealed(call, value, parts))
        legacy = message.get("function_call")
        if legacy is not None:
            where = f"{at}.function_call"
            if type(legacy) is not dict:
                raise Malformed(where, f"expected object, got {type_name(legacy)}")
            identity = f"call_{at.replace('.', '_')}"
            name = string(legacy, "name", where)
            self._open[identity] = name, "function"
            self._step.add(identity)
            text = arguments_text(legacy.get("arguments"), f"{where}.arguments")
            parts.append(ToolCall(identity, name, text, where, extras=unknown(legacy, CALLED)))
        return Turn("assistant", tuple(parts), at, maybe_string(message, "name", at), extras=extras)

    def _result(self, message: Json, at: str) -> ToolResult:
        identity = maybe_string(message, "tool_call_id", at)
        name = maybe_string(message, "name", at)
        if not identity:  # the deprecated form: the name tells, else the order
            waiting = sorted(self._open, key=lambda known: known not in self._step)  # those of the latest answer first
            identity = next((known for known in waiting if name in (None, self._open[known][0])), None) or next(iter(waiting), None)
            identity = identity or f"call_of_{at.replace('.', '_')}"
        known, kind = self._open.pop(identity, (None, "function"))
        parts = decode_content(message.get("content"), f"{at}.content")
        extras = unknown(message, _TOOL)
        if name is not None and name != known:
            extras = {**extras, "name": name}  # what the call's own name does not tell
        return ToolResult(identity, parts, at, known or name, "custom" if kind == "custom" else "function", extras=extras)


def _sealed(call: ToolCall, value: Any, before: list[Part]) -> list[Part]:
    """The call with the states that it carries, each given to the part it belongs to."""
    found = carried(value)
    if not found:
        return [call]
    own = tuple(seal for seal in found if seal.bound == "reasoning")
    for seal in found:
        if seal.bound == "before":
            give_back(seal, before, call.at)
    beside = next((seal for seal in found if seal.bound == "part"), None)
    if beside is not None:
        call = msgspec.structs.replace(call, seal=beside)
    if not own:
        return [call]
    for index in range(len(before) - 1, -1, -1):
        part = before[index]
        if isinstance(part, Reasoning) and not any(seal.provider for seal in part.seals):
            before[index] = msgspec.structs.replace(
                part, seals=own
            )  # the client's own copy of the text is bare: the envelope has the true one
            return [call]
    return [Reasoning(at=call.at, seals=own), call]  # thoughts between calls: the client has one text for all of them


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_messages(request: Request, turns: tuple[Turn, ...], out: Outgoing) -> list[Json]:
    """``messages``."""
    messages: list[Json] = []
    _encode_system(request, messages, out)
    count, index = len(turns), 0
    while index < count:
        turn = turns[index]
        index += 1
        if turn.role != "assistant":
            _encode_rest(turn, messages, [], out)
            continue
        _tell_effort(turn, out)
        following = index
        while following < count and turns[following].role != "assistant":
            following += 1
        message = _encode_assistant(turn, out)
        if message is not None:
            messages.append(message)
        media = _encode_results(turn, turns[index:following], messages, out)
        for place in range(index, following):
            _encode_rest(turns[place], messages, media.get(place - index, []), out)
        index = following
    if not out.own and turns and turns[-1].role == "assistant" and messages and messages[-1]["role"] == "assistant":
        out.losses.approximated("prefill", turns[-1].at, "most servers begin anew")
    return messages


def _tell_effort(turn: Turn, out: Outgoing) -> None:
    if turn.effort is not None:
        out.losses.approximated("effort", turn.at, "it holds for the whole request")


def _encode_system(request: Request, messages: list[Json], out: Outgoing) -> None:
    if out.own:
        for turn in request.system:
            role = out.system_role(turn.role)
            message: Json = {"role": role, "content": encode_content(list(turn.parts), out) or ""}
            _finish(message, turn, out)
            messages.append(message)
        return
    # One message: many servers' templates take no second one.
    content = encode_content([part for turn in request.system for part in turn.parts], out)
    for turn in request.system:
        out.losses.extras(turn.extras, turn.at)
    if content is not None:
        messages.append({"role": out.dialect.system_role, "content": content})


def _finish(message: Json, turn: Turn, out: Outgoing) -> None:
    if turn.name is not None:
        message["name"] = turn.name
    extras = turn.extras
    second = {key: value for key, value in extras.items() if key in REASONING_FIELDS} if extras else None
    if second and (out.dialect.reasoning_back == "none" or not message.keys().isdisjoint(second)):
        out.losses.extras(second, turn.at)
        extras = {key: value for key, value in extras.items() if key not in second}
    out.extras(message, extras, turn.at)


def _encode_assistant(turn: Turn, out: Outgoing) -> Json | None:
    calls: list[Json] = []
    said: list[Part] = []
    refusals: list[str] = []
    thoughts: list[Reasoning] = []
    audio: Json | None = None
    for part in turn.parts:
        if isinstance(part, ToolCall):
            wire = encode_call(part, out)
            encode_call_seal(part, wire, out)
            calls.append(wire)
        elif isinstance(part, Reasoning):
            thoughts.append(part)
        elif isinstance(part, Refusal) and (out.faithful or out.dialect.openai_extras) and not (out.own and part.extras):
            refusals.append(part.text)
            out.losses.extras(part.extras, part.at)
        elif isinstance(part, Media):
            if out.faithful and part.kind == "audio" and isinstance(part.source, FileId):
                audio = {"id": part.source.id}
            else:
                out.losses.dropped(part.kind, part.at, "an assistant message holds text only")
        else:
            said.append(part)
    content = encode_content(said, out, apart="" if out.source == "google_genai" else "\n\n")
    message: Json = {"role": "assistant", "content": content}
    if refusals:
        message["refusal"] = "\n\n".join(refusals)
    if thoughts:
        encode_history(thoughts, message, out)
    if audio is not None:
        message["audio"] = audio
    if calls:
        message["tool_calls"] = calls
    if not out.own:
        _tell_order(turn, message, out)
    if message["content"] is None and not calls and not refusals and audio is None:
        if not out.own:
            out.losses.extras(turn.extras, turn.at)
            return None  # an answer of which nothing is left, as a broken stream leaves it in history
        message["content"] = ""
    if out.own and (annotations := annotations_of(said)):
        message["annotations"] = annotations
    _finish(message, turn, out)
    return message


def _tell_order(turn: Turn, message: Json, out: Outgoing) -> None:
    """A message says thoughts, then words, then calls, in whatever order the model did."""
    last = 0
    for part in turn.parts:
        if isinstance(part, ToolCall):
            last = 2
        elif isinstance(part, Text | Refusal | Opaque) and part.text:
            if last > 1:
                out.losses.approximated("order", part.at, "words stand before calls")
                return
            last = 1
        elif isinstance(part, Reasoning) and last > 0 and part.text and not message.keys().isdisjoint(REASONING_FIELDS):
            out.losses.approximated("order", part.at, "thoughts stand before words and calls")
            return


def _encode_results(turn: Turn, following: tuple[Turn, ...], messages: list[Json], out: Outgoing) -> dict[int, list[Json]]:
    """The tool messages for an answer's calls. Gives the media that must follow, by the place of the turn that held them."""
    places = [(place, part) for place, later in enumerate(following) for part in later.parts if isinstance(part, ToolResult)]
    if not out.own and len(places) > 1:
        order = {call.id: number for number, call in enumerate(part for part in turn.parts if isinstance(part, ToolCall))}
        places.sort(key=lambda each: order.get(each[1].call_id, len(order)))
    media: dict[int, list[Json]] = {}
    for place, result in places:
        found = _encode_result(result, messages, out)
        if found:
            media.setdefault(place, []).extend(found)
    return media


def _encode_result(result: ToolResult, messages: list[Json], out: Outgoing) -> list[Json]:
    identity = encode_id(result.call_id, out)
    said, hoisted = split_result(result, out)
    if result.cache is not None and not _mark_last(said, result.cache, out):
        out.losses.dropped("cache", result.at)
    content = encode_content(said, out)
    if not out.own and type(content) is list and out.dialect.cache_marks == "none":
        content = _flat(content)
    media: list[Json] = []
    for piece in hoisted:
        found = encode_media(piece, out)
        if found:
            out.losses.emulated("tool_result", piece.at, "the media follow in a user message")
            media.extend(found)
    if media:
        note = f"[the media of this result follow: {identity}]"
        content = [*content, text_part(note)] if type(content) is list else f"{content}\n\n{note}" if content else note
        media.insert(0, text_part(f"From the tool result {identity}:"))
    message: Json = {"role": "tool", "tool_call_id": identity, "content": content or ""}
    out.extras(message, result.extras, result.at)
    messages.append(message)
    return media


def _mark_last(said: list[Part], mark: CacheMark, out: Outgoing) -> bool:
    """Puts the mark of a whole result on the last text of it; tells whether there is a place for one."""
    last = said[-1] if said else None
    if out.dialect.cache_marks == "none" or not isinstance(last, Text) or not last.text or last.cache is not None:
        return False
    said[-1] = msgspec.structs.replace(last, cache=mark)
    return True


def _flat(content: Any) -> str:
    return content if type(content) is str else "\n\n".join(part.get("text", "") for part in content or ())


def _encode_rest(turn: Turn, messages: list[Json], media: list[Json], out: Outgoing) -> None:
    """What a turn says beside its tool results."""
    _tell_effort(turn, out)
    if turn.role in ("system", "developer"):
        _encode_mid_system(turn, messages, out)
        return
    rest: list[Part] = [part for part in turn.parts if not isinstance(part, ToolResult)]
    if not rest and not media and len(turn.parts):
        out.losses.extras(turn.extras, turn.at)
        return
    content = encode_content(rest, out)
    if media:
        content = [*media, *([text_part(content)] if type(content) is str else content or ())]
    if content is None:
        content = "" if out.own else EMPTY_USER
        if not out.own:
            out.losses.injected("text", turn.at, "a message must not be empty")
    message: Json = {"role": "user", "content": content}
    _finish(message, turn, out)
    _append_user(message, messages, out, turn.at)


def _encode_mid_system(turn: Turn, messages: list[Json], out: Outgoing) -> None:
    if out.dialect.mid_system == "keep" or out.faithful:
        content = encode_content(list(turn.parts), out)
        if content is None and not out.own:
            out.losses.extras(turn.extras, turn.at)
            return
        role = out.system_role(turn.role)
        message: Json = {"role": role, "content": content or ""}
        _finish(message, turn, out)
        messages.append(message)
        return
    content = encode_content(said_by_user(turn, out.losses), out)
    if content is None:
        out.losses.extras(turn.extras, turn.at)
        return
    message = {"role": "user", "content": content}
    _finish(message, turn, out)
    _append_user(message, messages, out, turn.at)


def _append_user(message: Json, messages: list[Json], out: Outgoing, at: str) -> None:
    """A user message, in the way that the server's template takes it after the last one."""
    last = messages[-1] if messages else None
    if last is not None and last["role"] == "tool" and not out.dialect.after_tool_user:
        content = message["content"]
        if type(content) is str or all(part.get("type") == "text" for part in content):
            last["content"] = f"{_flat(last['content'])}\n\n{_flat(content)}"
            out.losses.extras({key: value for key, value in message.items() if key not in ("role", "content")}, at)
            out.losses.approximated("role", at, "said in the tool's message: the server takes no user message after it")
            return
        messages.append({"role": "assistant", "content": FILLER})
        out.losses.injected("text", at, "an assistant message: the server takes no user message after a tool's")
    elif (
        out.dialect.alternate
        and not out.faithful
        and last is not None
        and last["role"] == "user"
        and "name" not in last
        and "name" not in message
    ):
        last["content"] = _joined(last["content"], message["content"])
        last.update({key: value for key, value in message.items() if key not in last})
        return
    messages.append(message)


def _joined(first: Any, second: Any) -> Any:
    if type(first) is str and type(second) is str:
        return f"{first}\n\n{second}"
    return [part for content in (first, second) for part in ([text_part(content)] if type(content) is str else content)]
