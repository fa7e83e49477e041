"""One answer on its way to a wire: the steps of the script and what every writer needs beside them."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.clients.upstream.script import Step

INPUT_TOKENS, CACHED_TOKENS, OUTPUT_TOKENS, REASONING_TOKENS = 1000, 200, 50, 7
PIECE_CHARACTERS = 12

Json = dict[str, Any]
Event = tuple[str | None, Any]
"""Name of the SSE event or None, and its data: JSON, or a string as it is (``[DONE]``)."""


def random_id(prefix: str) -> str:
    return prefix + uuid.uuid4().hex[:24]


@dataclass(frozen=True)
class Answer:
    """``reasoning_field`` is where the chat wire puts reasoning; ``thought_signature`` signs its first call as Google's OpenAI endpoint does.

    ``empty_tail`` ends Google's streams with an empty chunk; else the last chunk holds both text and finish. Both are seen in the wild.
    """

    steps: list[Step]
    model: str
    created: int
    new_id: Callable[[str], str] = random_id
    include_usage: bool = True
    reasoning_field: str = "reasoning_content"
    thought_signature: bool = False
    empty_tail: bool = False


def pieces(text: str, length: int = PIECE_CHARACTERS) -> Iterator[str]:
    """The text cut into stream deltas; one empty piece for no text."""
    for start in range(0, max(len(text), 1), length):
        yield text[start : start + length]
