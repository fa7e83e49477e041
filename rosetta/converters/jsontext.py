"""The only place that parses or writes JSON."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()
_SURROGATE = re.compile("[\ud800-\udfff]")


class InvalidJson(ValueError):
    """The text is not JSON; the message tells where."""


def decode(data: bytes | str) -> Any:
    """The JSON value in ``data``. Lone surrogates (``"\\ud83d"``, cut emoji that some clients send) become U+FFFD.

    Raises InvalidJson for anything that is no JSON, is not UTF-8, or is nested too deeply to read.
    """
    try:
        return _decoder.decode(data)
    except RecursionError:
        raise InvalidJson("nested too deeply") from None
    except UnicodeDecodeError as error:
        raise InvalidJson(f"not UTF-8 at byte {error.start}") from None
    except UnicodeEncodeError:  # a Python string that holds one itself
        return decode(_SURROGATE.sub("\ufffd", str(data)))
    except msgspec.DecodeError as error:
        message = str(error)
    # msgspec reports a lone surrogate as truncated input; the standard library reads it.
    try:
        text = data if isinstance(data, str) else data.decode()
        value = json.loads(text, parse_constant=_no_constant) if "\\u" in text else None
    except (ValueError, RecursionError):
        value = None
    if value is None:
        raise InvalidJson(message)
    return _decoder.decode(_SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False)))


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def encode(value: Any) -> bytes:
    """``value`` as compact JSON in UTF-8."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:  # a lone surrogate made by slicing a string
        return _SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False, separators=(",", ":"))).encode()


def encode_text(value: Any) -> str:
    """``value`` as compact JSON text, for tool arguments."""
    return encode(value).decode()


def arguments_object(text: str) -> dict[str, Any] | None:
    """The object in a tool call's argument text; ``{}`` for no text; None when it is no JSON object."""
    if not text or text.isspace():
        return {}
    try:
        value = decode(text)
    except InvalidJson:
        return None
    return value if type(value) is dict else None
