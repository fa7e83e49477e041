"""Contents ⇄ system prompt and turns: https://ai.google.dev/api/caching#Content.

Decoding: a content is a turn, neighbours of the model are one; calls without an id get one from their place (``call_3_0``), results without one are matched by name and order.

Encoding: neighbours of one role are one content (an own client's messages stay apart); the results of a step stand in one user content, in the order of the calls and before all else.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rosetta.converters.converter import Json, Malformed
from rosetta.converters.fields import type_name, unknown
from rosetta.converters.google_genai.parts import TEXT, Outgoing, decode_plain, encode_plain, flagged, hidden, is_thought
from rosetta.converters.google_genai.reasoning import SKIP, encode_seal, encode_thought, give_back, is_envelope, opened
from rosetta.converters.google_genai.tools import decode_call, decode_result, encode_call, encode_result, implied_id
from rosetta.converters.mid_system import said_by_user
from rosetta.ir.parts import NO_EXTRAS, Media, Part, PlainText, Reasoning, Seal, Text, ToolCall, ToolResult
from rosetta.ir.request import Request, Turn

SYSTEM = "systemInstruction"
_CONTENT = frozenset({"role", "parts"})
PLACEHOLDER = "."


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_parts(values: Any, at: str) -> list[Json]:
    """The raw parts of a content."""
    if values is None:
        return []
    if type(values) is dict:  # one part without its list, as some clients write it
        values = [values]
    if type(values) is not list:
        raise Malformed(at, f"expected array, got {type_name(values)}")
    for index, value in enumerate(values):
        if type(value) is not dict:
            raise Malformed(f"{at}.{index}", f"expected object, got {type_name(value)}")
    return values


def decode_system(value: Any) -> tuple[Turn, ...]:
    """``systemInstruction``: its role is ignored by Google itself."""
    if value is None:
        return ()
    at = SYSTEM
    if type(value) is str:
        return (Turn("system", (Text(value, at),), at),) if value else ()
    if type(value) is not dict:
        raise Malformed(at, f"expected object, got {type_name(value)}")
    found = [
        flagged(decode_plain(part, f"{at}.parts.{index}"), part)
        for index, part in enumerate(decode_parts(value.get("parts"), f"{at}.parts"))
    ]
    parts = tuple([part for part in found if part is not None])
    return (Turn("system", parts, at, extras=unknown(value, _CONTENT)),) if parts else ()


class Contents:
    """The contents of a request while they are read."""

    __slots__ = ("_open", "_step", "turns")

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self._open: list[ToolCall] = []  # the calls that are not answered yet, oldest first
        self._step = 0  # how many of them are of steps before the last one

    def read(self, contents: list[Any]) -> None:
        """All contents, in order."""
        for index, content in enumerate(contents):
            at = f"contents.{index}"
            if type(content) is not dict:
                raise Malformed(at, f"expected object, got {type_name(content)}")
            role = content.get("role")
            if role is not None and type(role) is not str:
                raise Malformed(f"{at}.role", f"expected str, got {type_name(role)}")
            parts = decode_parts(content.get("parts"), f"{at}.parts")
            extras = unknown(content, _CONTENT)
            if role == "model":
                self._answer(parts, at, extras)
            elif role in (None, "", "user", "function", "tool"):
                self.turns.append(Turn("user", tuple(self._user(parts, at)), at, extras=extras))
            elif role == "system":
                self.turns.append(Turn("system", tuple(self._user(parts, at)), at, extras=extras))
            else:
                raise Malformed(f"{at}.role", f"expected user or model, got {role!r}")

    def _answer(self, values: list[Json], at: str, extras: Json) -> None:
        """A content of the model; neighbours are one answer, and one turn."""
        last = self.turns[-1] if self.turns else None
        if last is not None and last.role == "assistant":
            parts = self._model(values, at, list(last.parts))
            self.turns[-1] = msgspec.structs.replace(last, parts=tuple(parts), extras={**last.extras, **extras} or last.extras)
        else:
            self._step = len(self._open)
            self.turns.append(Turn("assistant", tuple(self._model(values, at, [])), at, extras=extras))

    def _model(self, values: list[Json], at: str, parts: list[Part]) -> list[Part]:
        for index, value in enumerate(values):
            where = f"{at}.parts.{index}"
            thoughts, visible = opened(value)
            draft = hidden(value, where)
            if draft is not None:
                parts.append(draft)
                continue
            if is_thought(value):
                parts.append(_thought(value, where, [*thoughts, *visible]))
                continue
            if thoughts:
                give_back(parts, thoughts, where)
            for seal in visible[:-1]:  # an envelope carries what earlier parts could not
                _seal_last(parts, seal, where)
            own = visible[-1] if visible else None
            call = value.get("functionCall")
            if call is not None:
                decoded = decode_call(value, where, own)
                self._open.append(decoded)
                parts.append(decoded)
                continue
            part = decode_plain(value, where)
            if isinstance(part, Text | Media) and own is not None:
                part = msgspec.structs.replace(part, seal=own)
            elif part is None and own is not None and is_envelope(value):
                _seal_last(parts, own, where)
            elif part is None and own is not None:  # Google signs an empty text at the end of a stream: it wants it back just so
                part = Text("", where, seal=own)
            if part is not None:
                parts.append(part)
        return parts

    def _user(self, values: list[Json], at: str) -> list[Part]:
        parts: list[Part] = []
        for index, value in enumerate(values):
            where = f"{at}.parts.{index}"
            part = self._result(value, where) if value.get("functionResponse") is not None else flagged(decode_plain(value, where), value)
            if part is not None:
                parts.append(part)
        return parts

    def _result(self, value: Json, at: str) -> ToolResult:
        """A result and the call it answers: by id, else the first open one of its name in this step, else the first, else in an earlier step."""
        result = decode_result(value, at)
        latest = [*self._open[self._step :], *self._open[: self._step]]
        found: ToolCall | None = None
        if result.call_id:
            found = next((call for call in latest if call.id == result.call_id), None)
        if found is None:
            unnumbered = latest if not result.call_id else [call for call in latest if call.id == implied_id(call.at)]
            found = next((call for call in unnumbered if call.name == result.name), None)
            if found is None and unnumbered and not result.call_id:
                found = unnumbered[0]
        if found is None:
            return result if result.call_id else msgspec.structs.replace(result, call_id=implied_id(at))
        place = self._open.index(found)
        del self._open[place]
        if place < self._step:
            self._step -= 1
        return msgspec.structs.replace(result, call_id=found.id, name=result.name or found.name)


def _thought(value: Json, at: str, found: list[Seal]) -> Reasoning:
    text = value.get("text")
    if text is not None and type(text) is not str:
        raise Malformed(f"{at}.text", f"expected str, got {type_name(text)}")
    seals = tuple([msgspec.structs.replace(seal, bound="reasoning") for seal in found])
    return Reasoning(summary=(text,) if text else (), at=at, seals=seals, extras=unknown(value, TEXT))


def _seal_last(parts: list[Part], seal: Seal, at: str) -> None:
    """The seal of an earlier part than the one that carried it here."""
    for index in range(len(parts) - 1, -1, -1):
        part = parts[index]
        if isinstance(part, Text | Media | ToolCall):
            if part.seal is None:
                parts[index] = msgspec.structs.replace(part, seal=seal)
                return
            break
    parts.append(Text("", at, seal=seal))


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_system(request: Request, out: Outgoing) -> Json | None:
    """``systemInstruction``."""
    parts: list[Json] = []
    beside = NO_EXTRAS
    for turn in request.system:
        for part in turn.parts:
            if isinstance(part, Media) and not out.own and not isinstance(part.source, PlainText):
                out.losses.dropped(part.kind, part.at, "the system prompt is text")
                continue
            wire = encode_plain(part, out)
            if wire is not None:
                parts.append(wire)
        if turn.name is not None:
            out.losses.dropped("name", turn.at)
        if turn.at == SYSTEM and parts and out.own:
            beside = turn.extras
        else:
            out.losses.extras(turn.extras, turn.at)
    return {"parts": parts, **beside} if parts else None


def encode_contents(turns: tuple[Turn, ...], out: Outgoing) -> list[Json]:
    """``contents``."""
    contents: list[Json] = []
    calls = _Calls()
    for turn in turns:
        if turn.effort is not None:
            out.losses.approximated("effort", turn.at, "it holds for the whole request")
        if turn.role == "assistant":
            parts = _encode_model(turn, calls, out)
            role = "model"
        elif turn.role == "user":
            parts = _encode_user(turn, calls, out)
            role = "user"
        else:
            found = [encode_plain(part, out) for part in said_by_user(turn, out.losses)]
            parts = [part for part in found if part is not None]
            role = "user"
        if turn.name is not None:
            out.losses.dropped("name", turn.at)
        last = contents[-1] if contents else None
        if not parts and turn.role == "user" and last is not None and last["role"] == "model":
            parts = [_nothing(out, turn.at, "a content must not be empty")]
        if not parts:
            if turn.extras:
                out.losses.extras(turn.extras, turn.at)
            continue
        if last is not None and last["role"] == role and (not out.own or turn.role != "user" or _results_only(last["parts"], parts)):
            last["parts"].extend(parts)
            node = last
        else:
            node = {"role": role, "parts": parts}
            contents.append(node)
        out.extras(node, turn.extras, turn.at)
    for content in contents:
        if content["role"] == "user" and len(content["parts"]) > 1:
            content["parts"].sort(key=calls.place)  # stable: results first, as their calls stood
    if contents and contents[0]["role"] == "model" and not out.own:
        out.losses.injected("text", detail="a conversation begins with the user")
        contents.insert(0, {"role": "user", "parts": [{"text": PLACEHOLDER}]})
    if not contents:
        contents.append({"role": "user", "parts": [_nothing(out, "", "a request must have a content")]})
    return contents


def _results_only(*contents: list[Json]) -> bool:
    """Whether these are pieces of one batch of results, which Google wants in one content."""
    return all("functionResponse" in part for parts in contents for part in parts)


def _nothing(out: Outgoing, at: str, why: str) -> Json:
    """The part of a content that says nothing; an own client said so itself."""
    if out.own:
        return {"text": ""}
    out.losses.injected("text", at, why)
    return {"text": PLACEHOLDER}


class _Calls:
    """The calls that were written so far: a result is named like its call, stands where its call stood, and has no id where its call has none."""

    __slots__ = ("names", "places", "results", "unnumbered")

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.places: dict[str, int] = {}
        self.unnumbered: set[str] = set()
        self.results: dict[int, int] = {}  # the id() of a part that is a result -> the place of its call

    def place(self, part: Json) -> int:
        return self.results.get(id(part), len(self.places))


def _encode_model(turn: Turn, calls: _Calls, out: Outgoing) -> list[Json]:
    parts: list[Json] = []
    first = True
    for part in turn.parts:
        if isinstance(part, Reasoning):
            wire = encode_thought(part, out)
        elif isinstance(part, ToolCall):
            numbered = out.dialect.call_ids and not (out.own and part.id == implied_id(part.at))
            wire = encode_call(part, out, numbered=numbered)
            calls.names[part.id] = wire["functionCall"]["name"]
            calls.places[part.id] = len(calls.places)
            if not numbered:
                calls.unnumbered.add(part.id)
            signature = encode_seal(part.seal, part.at, out)
            if signature is None and first and out.dialect.signatures == "required":
                signature = SKIP
                out.losses.injected("seal", part.at, "no signature of this model is left: validation is switched off for the call")
            if signature is not None:
                wire["thoughtSignature"] = signature
            first = False
        else:
            wire = encode_plain(part, out)
            if isinstance(part, Text | Media) and part.seal is not None:
                signature = encode_seal(part.seal, part.at, out)
                if signature is not None:
                    wire = {**(wire or {"text": ""}), "thoughtSignature": signature}
        if wire is not None:
            parts.append(wire)
    return parts


def _encode_user(turn: Turn, calls: _Calls, out: Outgoing) -> list[Json]:
    parts: list[Json] = []
    results = [part for part in turn.parts if isinstance(part, ToolResult)]
    if results:
        beside: list[Json] = []
        for result in results:
            name = calls.names.get(result.call_id) or (out.names.wire(result.name) if result.name else "unknown_function")
            wire, more = encode_result(result, name, out, numbered=out.dialect.call_ids and result.call_id not in calls.unnumbered)
            parts.append(wire)
            calls.results[id(wire)] = calls.places.get(result.call_id, 0)
            beside.extend(more)
        parts.extend(beside)
    for part in turn.parts:
        if not isinstance(part, ToolResult):
            encoded = encode_plain(part, out)
            if encoded is not None:
                parts.append(encoded)
    return parts
