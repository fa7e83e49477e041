"""What is wrong with a config, all of it at once, in words that never quote a value: a value may be a secret.

ValueError
└── ConfigError     every Fault that was found, each with its path
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Fault(msgspec.Struct, frozen=True):
    """One thing to mend. ``path`` is where (``providers.claude.base_url``), ``""`` the document itself; ``message`` tells the next step."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigError(ValueError):
    """The config cannot be used. ``source`` is the file's name, where there is a file."""

    def __init__(self, faults: Sequence[Fault], source: str = "") -> None:
        self.faults = tuple(faults)
        self.source = source
        opening = f"{source}: " if source else ""
        if len(self.faults) == 1:
            super().__init__(f"{opening}{self.faults[0]}")
        else:
            super().__init__("\n  ".join([f"{opening}{len(self.faults)} faults", *map(str, self.faults)]))


class FromEnvironment(str):
    """Text that an environment variable gave; ``source`` says which, and is shown where the text must not be."""

    __slots__ = ("source",)
    source: str

    def __new__(cls, text: str, source: str) -> FromEnvironment:
        made = super().__new__(cls, text)
        made.source = source
        return made


class Broken:
    """The type of ``BROKEN``, which stands where a value was so wrong that its fault is already told."""

    def __repr__(self) -> str:
        return "BROKEN"


BROKEN: Final = Broken()


def child(path: str, key: str | int) -> str:
    """The path of ``key`` below ``path``. A key that is no plain word is quoted: ``models."llama3.2".0``."""
    if isinstance(key, FromEnvironment):
        key = key.source
    word = str(key)
    if not _PLAIN_KEY.fullmatch(word):
        word = json.dumps(word, ensure_ascii=not word.isprintable())
    return f"{path}.{word}" if path else word


def origin(value: object) -> str:
    """`` (from NAME)`` for a value that an environment variable gave, else nothing."""
    return f" (from {value.source})" if isinstance(value, FromEnvironment) else ""


def is_unicode(text: str) -> bool:
    """False for a lone surrogate, which JSON can spell and an environment of undecodable bytes holds."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that ``word`` was probably meant to be; case and dashes do not count."""
    by_fold = {_fold(name): name for name in known}
    found = difflib.get_close_matches(_fold(word), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def suggest(word: str, known: Sequence[str], otherwise: str) -> str:
    """``did you mean base_url?``, or ``otherwise`` when nothing is near."""
    near = nearest(word, known)
    return f"did you mean {near}?" if near else otherwise


def _fold(name: str) -> str:
    return name.lower().replace("-", "_")
