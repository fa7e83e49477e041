"""``<think>…</think>`` which models leak into content, where a server does not know their templates."""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """Takes leading ``<think>…</think>`` out of content which arrives in pieces, as models leak it through servers that do not know their templates."""

    __slots__ = ("_held", "_state")

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"  # start, inside, after (blank lines before the answer), text

    def feed(self, text: str) -> list[tuple[bool, str]]:
        """Pieces of thought (True) and of answer (False), none empty."""
        if self._state == "text":
            return [(False, text)]
        found: list[tuple[bool, str]] = []
        text = self._held + text
        self._held = ""
        if self._state == "start":
            bare = text.lstrip()
            if bare.startswith(_OPEN):
                self._state, text = "inside", bare[len(_OPEN) :].lstrip("\n")
            elif _OPEN.startswith(bare):
                self._held = text
                return found
            else:
                self._state = "text"
        if self._state == "inside":
            thought, close, rest = text.partition(_CLOSE)
            if close:
                self._state, text = "after", rest
            else:
                kept = next((size for size in range(len(_CLOSE) - 1, 0, -1) if thought.endswith(_CLOSE[:size])), 0)
                thought, self._held = thought[: len(thought) - kept], thought[len(thought) - kept :]
                text = ""
            if thought:
                found.append((True, thought))
        if self._state == "after":
            text = text.lstrip("\n")
            if text:
                self._state = "text"
        if text:
            found.append((False, text))
        return found

    def finish(self) -> list[tuple[bool, str]]:
        """What was held back in case a tag would follow."""
        held, self._held = self._held, ""
        return [(self._state == "inside", held)] if held else []


def without_think_tags(text: str) -> tuple[str, str]:
    """A whole content as its thoughts and its answer."""
    splitter = ThinkSplitter()
    pieces = [*splitter.feed(text), *splitter.finish()]
    return "".join(piece for thought, piece in pieces if thought), "".join(piece for thought, piece in pieces if not thought)
