"""Free-text tools on wires that have only functions: a function with one string property, unwrapped again on the way back.

Models wrap the text under other names now and then (``patch``, ``code``): the first string property counts.
"""

from __future__ import annotations

from typing import Any

from rosetta.converters import jsontext
from rosetta.ir.request import CustomTool

PROPERTY = "input"

_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def description(tool: CustomTool) -> str:
    """The tool's description, completed by what a wire without free text cannot say otherwise."""
    words = tool.description or ""
    note = f'Put the whole text into the one string property "{PROPERTY}", without any wrapping.'
    if tool.grammar is not None:
        note += f" The text must match this {tool.grammar.syntax} grammar:\n{tool.grammar.definition}"
    return f"{words}\n\n{note}" if words else note


def schema() -> dict[str, Any]:
    """The function's parameters."""
    return {
        "type": "object",
        "properties": {PROPERTY: {"type": "string", "description": "The text of the call, as it is."}},
        "required": [PROPERTY],
        "additionalProperties": False,
    }


def wrap(text: str) -> str:
    """Free text as the function's argument JSON."""
    return jsontext.encode_text({PROPERTY: text})


def unwrap(arguments: str) -> str:
    """The free text in a function's argument JSON; the arguments themselves when they hold none."""
    value = jsontext.arguments_object(arguments)
    if value is None:
        return arguments
    if type(value.get(PROPERTY)) is str:
        return str(value[PROPERTY])
    return next((text for text in value.values() if type(text) is str), arguments if value else "")


class InputUnwrapper:
    """``unwrap`` while the argument JSON is still arriving, in pieces cut anywhere: within an escape, within a surrogate pair.

    The text streams when it comes under the property's own name; under another one it waits for ``finish``, because the named one may follow.
    """

    __slots__ = ("_any_name", "_depth", "_done", "_expect_value", "_high", "_name", "_pending", "_raw", "_reading", "_skipping")

    def __init__(self, *, any_name: bool = False) -> None:
        self._any_name = any_name
        self._name: list[str] = []  # the last string that was no value we want: a property's name, as it is written
        self._raw: list[str] = []
        self._pending = ""
        self._high = 0
        self._reading = False  # inside the string value we want
        self._skipping = False  # inside a string that is a key or lies deeper
        self._done = False
        self._expect_value = False
        self._depth = 0

    def feed(self, piece: str) -> str:
        """The free text which ``piece`` brings."""
        if self._done:
            return ""
        if not self._reading:
            self._raw.append(piece)
        out: list[str] = []
        text = self._pending + piece
        self._pending = ""
        index, length = 0, len(text)
        while index < length:
            char = text[index]
            if self._reading or self._skipping:
                if char == "\\":
                    size = 6 if text[index + 1 : index + 2] == "u" else 2
                    if index + size > length:
                        self._pending = text[index:]
                        break
                    if self._reading:
                        self._escape(text[index : index + size], out)
                    index += size
                    continue
                if char == '"':
                    if self._reading:
                        self._flush(out)
                        self._reading, self._done = False, True
                        break
                    self._skipping = False
                    index += 1
                    continue
                if self._skipping:
                    self._name.append(char)
                if self._reading:
                    self._flush(out)
                    end = index
                    while end < length and text[end] not in '"\\':
                        end += 1
                    out.append(text[index:end])
                    index = end
                    continue
                index += 1
                continue
            if char == '"':
                if self._depth == 1 and self._expect_value and (self._any_name or "".join(self._name) == PROPERTY):
                    self._reading = True
                else:
                    self._skipping = True
                    self._name.clear()
                self._expect_value = False
            elif char == ":":
                self._expect_value = self._depth == 1
            elif char in "{[":
                self._depth += 1
                self._expect_value = False
            elif char in "}]":
                self._depth -= 1
            elif char == ",":
                self._expect_value = False
            index += 1
        return "".join(out)

    def _escape(self, escape: str, out: list[str]) -> None:
        if escape[1] != "u":
            self._flush(out)
            out.append(_ESCAPES.get(escape[1], escape[1]))
            return
        try:
            code = int(escape[2:], 16)  # noqa: FURB166 - "0" would be read as base 16 only with a prefix that JSON does not have
        except ValueError:
            self._flush(out)
            out.append(escape)
            return
        if 0xDC00 <= code < 0xE000 and self._high:
            out.append(chr(0x10000 + ((self._high - 0xD800) << 10) + (code - 0xDC00)))
            self._high = 0
            return
        self._flush(out)
        if 0xD800 <= code < 0xDC00:
            self._high = code
        else:
            out.append("\ufffd" if 0xDC00 <= code < 0xE000 else chr(code))

    def _flush(self, out: list[str]) -> None:
        if self._high:
            out.append("\ufffd")
            self._high = 0

    def finish(self) -> str:
        """What is still owed when the arguments are complete."""
        if self._done:
            return ""
        if self._reading:  # the string was cut: what came, came
            out: list[str] = []
            self._flush(out)
            return "".join(out)
        whole = "".join(self._raw)
        self._done = True
        if self._any_name or jsontext.arguments_object(whole) is not None:
            return unwrap(whole)
        again = InputUnwrapper(any_name=True)  # cut, or no JSON at all
        return again.feed(whole) + again.finish()
