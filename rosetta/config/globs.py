"""Names with wildcards: ``*`` is any run of characters, slashes too; ``?`` is any one. Everything else is itself.

Brackets are plain characters here, unlike in a shell: Claude Code asks for models named ``claude-opus-4-6[1m]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_WILDCARDS = re.compile(r"[*?]")


class Glob:
    """One pattern, compiled. The time to match grows with the name's length, never with its power: nothing is tried twice.

    ``specificity`` orders patterns: the longest literal beginning first, then the most literal characters.
    """

    __slots__ = ("_match", "pattern", "specificity")

    def __init__(self, pattern: str) -> None:
        first, *others = (re.escape(run).replace(r"\?", ".") for run in pattern.split("*"))
        expression = first
        if others:
            *middle, last = others
            expression += "".join(f"(?>.*?{run})" for run in middle) + f".*{last}"
        self.pattern = pattern
        self._match = re.compile(expression, re.DOTALL).fullmatch
        literal = _WILDCARDS.sub("", pattern)
        self.specificity = (len(_WILDCARDS.split(pattern, maxsplit=1)[0]), len(literal))

    def matches(self, name: str) -> bool:
        return self._match(name) is not None

    def __repr__(self) -> str:
        return f"Glob({self.pattern!r})"


class Allowed:
    """A key's ``models``: exact names and globs; None allows every name."""

    __slots__ = ("_exact", "_globs")

    def __init__(self, patterns: Iterable[str] | None) -> None:
        patterns = ("*",) if patterns is None else tuple(patterns)
        self._exact = frozenset(pattern for pattern in patterns if not is_glob(pattern))
        self._globs = tuple(Glob(pattern) for pattern in patterns if is_glob(pattern))

    def __call__(self, name: str) -> bool:
        return name in self._exact or any(glob.matches(name) for glob in self._globs)


def is_glob(name: str) -> bool:
    """Whether a name of the config is a pattern."""
    return _WILDCARDS.search(name) is not None


def problem(name: str) -> str | None:
    """What is wrong with a model's name or glob, or None."""
    if not name:
        return "an empty name matches nothing; write a name or a glob such as gpt-*"
    if name != name.strip() or not name.isprintable():
        return "the name holds a space at an end or a character that cannot be printed; take it out"
    if "**" in name:
        return "one * already matches any run of characters, slashes too; write * for **"
    return None
