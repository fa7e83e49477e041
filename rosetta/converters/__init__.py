"""The spokes: one folder per wire format, the same rooms in each.

    dialect     what a target accepts            response        whole answers
    request     top-level fields                 finish          finish reasons and usage
    turns       messages, items, contents        stream_decoder  upstream events -> IR events
    parts       what messages are made of        stream_encoder  IR events -> client events
    tools       tools, choices, calls, results   errors          failures and envelopes
    reasoning   effort, thoughts, seals          endpoints       paths, counting, models, framing

What they share stands beside this file. A format never imports another format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from rosetta.converters.converter import Converter
from rosetta.ir.parts import FORMATS, Format


class _Registry(Mapping[Format, Converter]):
    """Every format there is, each imported when it is first asked for. A new one is a folder, its name in ``FORMATS``, and fixtures."""

    def __init__(self) -> None:
        self._loaded: dict[str, Converter] = {}

    def __getitem__(self, format: Format) -> Converter:
        found = self._loaded.get(format)
        if found is None:
            if format not in FORMATS:
                raise KeyError(format)
            converter: Converter = import_module(f"{__name__}.{format}").CONVERTER
            found = self._loaded[format] = converter
        return found

    def __iter__(self) -> Iterator[Format]:
        return iter(FORMATS)

    def __len__(self) -> int:
        return len(FORMATS)


CONVERTERS: Mapping[Format, Converter] = _Registry()
