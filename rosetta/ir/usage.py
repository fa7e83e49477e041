"""Token counts, in one canonical arithmetic.

``input_total = input_uncached + cache_read + cache_write + tool_prompt``; ``output_total`` includes reasoning.
Each wire's own arithmetic is in its converter. None: the provider did not say.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rosetta.ir.parts import NO_EXTRAS


class Usage(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Counts of tokens. ``cache_write_long`` is the share of ``cache_write`` with a lifetime of an hour or more.

    Merging takes the latest record, field by field, and never adds.
    """

    input_uncached: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_long: int | None = None
    tool_prompt: int | None = None
    output_total: int | None = None
    reasoning: int | None = None
    input_audio: int | None = None
    output_audio: int | None = None
    accepted_prediction: int | None = None
    rejected_prediction: int | None = None
    server_tools: dict[str, int] | None = None
    extras: dict[str, Any] = NO_EXTRAS

    @property
    def input_total(self) -> int:
        """All tokens the model read."""
        return (self.input_uncached or 0) + (self.cache_read or 0) + (self.cache_write or 0) + (self.tool_prompt or 0)


NO_USAGE = Usage()


def latest(earlier: Usage, later: Usage) -> Usage:
    """The later record, completed by what only the earlier one says."""
    if earlier is NO_USAGE:
        return later
    values = {}
    for field in Usage.__struct_fields__:
        value = getattr(later, field)
        values[field] = value if value is not None and value != {} else getattr(earlier, field)
    return Usage(**values)
