"""Contents ⇄ system prompt and turns: https://ai.google.dev/api/caching#Content.

Decoding: a content is a turn; calls without an id get one from their place, results without one are matched by name and order.

Encoding: neighbours of one role are one content; the results of a step stand in one user content, in the order of the calls and before all else.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rosetta.converters.converter import Json, Malformed
from rosetta.converters.fields import type_name
from rosetta.converters.google_genai.parts import Outgoing, decode_plain, encode_plain, unknown
from rosetta.converters.google_genai.reasoning import SKIP, encode_seal, encode_thought, needs_skip, opened
from rosetta.converters.google_genai.tools import decode_call, decode_result, encode_call, encode_result
from rosetta.ir.parts import Media, Part, Reasoning, Text, ToolCall, ToolResult
from rosetta.ir.request import Request, Turn

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
    at = "systemInstruction"
    if type(value) is str:
        return (Turn("system", (Text(value, at),), at),) if value else ()
    if type(value) is not dict:
        raise Malformed(at, f"expected object, got {type_name(value)}")
    found = [decode_plain(part, f"{at}.parts.{index}") for index, part in enumerate(decode_parts(value.get("parts"), f"{at}.parts"))]
    parts = tuple([part for part in found if part is not None])
    return (Turn("system", parts, at),) if parts else ()


class Contents:
    """The contents of a request while they are read."""

    __slots__ = ("_open", "turns")

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self._open: list[ToolCall] = []  # the calls that are not answered yet, oldest first

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
                self.turns.append(Turn("assistant", tuple(self._model(parts, index, at)), at, extras=extras))
            elif role in (None, "", "user", "function", "tool"):
                self.turns.append(Turn("user", tuple(self._user(parts, at)), at, extras=extras))
            elif role == "system":
                self.turns.append(Turn("system", tuple(self._user(parts, at)), at, extras=extras))
            else:
                raise Malformed(f"{at}.role", f"expected user or model, got {role!r}")

    def _model(self, values: list[Json], turn: int, at: str) -> list[Part]:
        parts: list[Part] = []
        for index, value in enumerate(values):
            where = f"{at}.parts.{index}"
            thoughts, seal = opened(value)
            if value.get("thought") is True:
                parts.append(self._thought(value, where))
                continue
            if thoughts:
                before = parts[-1] if parts else None
                if isinstance(before, Reasoning):
                    parts[-1] = msgspec.structs.replace(before, seals=(*before.seals, *thoughts))
                else:
                    parts.append(Reasoning(at=where, seals=thoughts))
            call = value.get("functionCall")
            if call is not None:
                decoded = decode_call(call, f"call_{turn}_{index}", where)
                if seal is not None:
                    decoded = msgspec.structs.replace(decoded, seal=seal)
                self._open.append(decoded)
                parts.append(decoded)
                continue
            part = decode_plain(value, where)
            if seal is not None:
                if isinstance(part, Text | Media):
                    part = msgspec.structs.replace(part, seal=seal)
                elif part is None:
                    _seal_last(parts, seal)
            if part is not None:
                parts.append(part)
        return parts

    @staticmethod
    def _thought(value: Json, at: str) -> Reasoning:
        thoughts, seal = opened(value)
        text = value.get("text")
        bound = () if seal is None else (msgspec.structs.replace(seal, bound="reasoning"),)
        return Reasoning(summary=(text,) if type(text) is str and text else (), at=at, seals=(*thoughts, *bound))

    def _user(self, values: list[Json], at: str) -> list[Part]:
        parts: list[Part] = []
        for index, value in enumerate(values):
            where = f"{at}.parts.{index}"
            result = value.get("functionResponse")
            if result is not None:
                decoded = decode_result(result, self._answered(result, where), where)
                parts.append(decoded)
                continue
            part = decode_plain(value, where)
            if part is not None:
                parts.append(part)
        return parts

    def _answered(self, result: Any, at: str) -> str:
        """The call a result belongs to: by id, else the oldest open one of its name, else the oldest."""
        identity = result.get("id") if type(result) is dict else None
        name = result.get("name") if type(result) is dict else None
        if type(identity) is str and identity:
            found = next((call for call in self._open if call.id == identity), None)
        else:
            found = next((call for call in self._open if call.name == name), None) or (
                self._open[0] if self._open and name is None else None
            )
        if found is None:
            return identity if type(identity) is str and identity else f"call_of_{at.replace('.', '_')}"
        self._open.remove(found)
        return found.id


def _seal_last(parts: list[Part], seal: Any) -> None:
    for index in range(len(parts) - 1, -1, -1):
        part = parts[index]
        if isinstance(part, Text | Media | ToolCall):
            if part.seal is None:
                parts[index] = msgspec.structs.replace(part, seal=seal)
            return


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_system(request: Request, out: Outgoing) -> Json | None:
    """``systemInstruction``."""
    parts: list[Json] = []
    for turn in request.system:
        for part in turn.parts:
            wire = encode_plain(part, out)
            if wire is not None:
                parts.append(wire)
        if turn.name is not None:
            out.losses.dropped("name", turn.at)
        out.losses.extras(turn.extras, turn.at)
    return {"parts": parts} if parts else None


def encode_contents(turns: tuple[Turn, ...], out: Outgoing) -> list[Json]:
    """``contents``."""
    contents: list[Json] = []
    names: dict[str, str] = {}
    order: dict[str, int] = {}
    current = needs_skip(turns) if out.dialect.signatures == "required" else len(turns)
    for index, turn in enumerate(turns):
        if turn.effort is not None:
            out.losses.approximated("effort", turn.at, "it holds for the whole request")
        if turn.role == "assistant":
            parts = _encode_model(turn, names, order, out, checked=index >= current)
            role = "model"
        elif turn.role == "user":
            parts = _encode_user(turn, names, order, out)
            role = "user"
        else:
            parts = _encode_mid_system(turn, out)
            role = "user"
        if turn.name is not None:
            out.losses.dropped("name", turn.at)
        if not parts:
            if turn.extras:
                out.losses.extras(turn.extras, turn.at)
            continue
        last = contents[-1] if contents else None
        if last is not None and last["role"] == role and (not out.own or turn.role != "user"):
            last["parts"].extend(parts)
            node = last
        else:
            node = {"role": role, "parts": parts}
            contents.append(node)
        out.extras(node, turn.extras, turn.at)
    for content in contents:
        if content["role"] == "user":
            content["parts"].sort(key=lambda part: "functionResponse" not in part)  # stable: results first
    if contents and contents[0]["role"] == "model" and not out.own:
        out.losses.injected("text", detail="a conversation begins with the user")
        contents.insert(0, {"role": "user", "parts": [{"text": PLACEHOLDER}]})
    if not contents:
        out.losses.injected("text", detail="a request must have a content")
        contents.append({"role": "user", "parts": [{"text": PLACEHOLDER}]})
    return contents


def _encode_model(turn: Turn, names: dict[str, str], order: dict[str, int], out: Outgoing, *, checked: bool) -> list[Json]:
    parts: list[Json] = []
    first = True
    for part in turn.parts:
        if isinstance(part, Reasoning):
            wire = encode_thought(part, out)
        elif isinstance(part, ToolCall):
            wire = encode_call(part, out)
            names[part.id] = wire["functionCall"]["name"]
            order[part.id] = len(order)
            signature = encode_seal(part.seal, part.at, out)
            if signature is None and first and checked:
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


def _encode_user(turn: Turn, names: dict[str, str], order: dict[str, int], out: Outgoing) -> list[Json]:
    results = [part for part in turn.parts if isinstance(part, ToolResult)]
    results.sort(key=lambda result: order.get(result.call_id, 0))
    parts: list[Json] = []
    beside: list[Json] = []
    for result in results:
        name = names.get(result.call_id) or (out.names.wire(result.name) if result.name else "unknown_function")
        wire, more = encode_result(result, name, out)
        parts.append(wire)
        beside.extend(more)
    parts.extend(beside)
    for part in turn.parts:
        if not isinstance(part, ToolResult):
            encoded = encode_plain(part, out)
            if encoded is not None:
                parts.append(encoded)
    if not parts and turn.parts == () and not out.own:
        out.losses.injected("text", turn.at, "a content must not be empty")
        parts.append({"text": PLACEHOLDER})
    return parts


def _encode_mid_system(turn: Turn, out: Outgoing) -> list[Json]:
    texts = [wire["text"] for part in turn.parts if (wire := encode_plain(part, out)) is not None and "text" in wire]
    if not texts:
        return []
    out.losses.approximated("role", turn.at, "said by the user, in place")
    return [{"text": "<system>\n" + "\n\n".join(texts) + "\n</system>"}]
