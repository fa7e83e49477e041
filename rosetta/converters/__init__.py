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

from rosetta.converters.anthropic import CONVERTER as _ANTHROPIC
from rosetta.converters.converter import Converter
from rosetta.converters.google_genai import CONVERTER as _GOOGLE_GENAI
from rosetta.converters.openai_chat import CONVERTER as _OPENAI_CHAT
from rosetta.converters.openai_responses import CONVERTER as _OPENAI_RESPONSES
from rosetta.ir.parts import Format

CONVERTERS: dict[Format, Converter] = {
    converter.format: converter for converter in (_OPENAI_CHAT, _OPENAI_RESPONSES, _ANTHROPIC, _GOOGLE_GENAI)
}
"""Every format there is. A new one is a folder, a line here, and fixtures."""
