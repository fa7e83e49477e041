"""A value that is used but never shown: keys, proxy addresses, header values."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """Text that prints as ``***`` wherever it ends up: repr, str, f-strings, tracebacks with locals.

    ``reveal()`` is the one way to read it, so that every place where a secret leaves the house can be found by that word.
    Encoding or pickling a Secret fails; two of them compare in constant time.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode("utf-8", "surrogatepass"), other._text.encode("utf-8", "surrogatepass"))

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: hand over the config file instead")
