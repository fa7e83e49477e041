"""The registry law: every format there is, is whole."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
from pathlib import Path
from typing import Any

import pytest

import rosetta.converters
from rosetta.converters import CONVERTERS
from rosetta.converters.converter import Converter, Malformed, ModelEntry
from rosetta.ir.parts import FORMATS, Format
from tests.laws import wires

ROOMS = {
    "dialect.py",
    "request.py",
    "turns.py",
    "parts.py",
    "tools.py",
    "reasoning.py",
    "response.py",
    "finish.py",
    "stream_decoder.py",
    "stream_encoder.py",
    "errors.py",
    "endpoints.py",
}


def test_every_format_has_a_converter() -> None:
    """The registry holds each format of the IR, under its own name and in its order."""
    assert tuple(CONVERTERS) == FORMATS
    assert [converter.format for converter in CONVERTERS.values()] == list(FORMATS)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_has_the_same_rooms(format: Format) -> None:
    """A reader who knows one format's folder knows the others."""
    folder = Path(rosetta.converters.__file__).parent / format
    assert {path.name for path in folder.glob("*.py")} >= ROOMS


@pytest.mark.parametrize("format", FORMATS)
def test_a_converter_is_complete(format: Format) -> None:
    """Each field of the record is there; only what a wire has no endpoint for may be None."""
    may_be_none = {"ping", "decode_count_request", "encode_count_request", "decode_count_reply", "encode_count_reply"}
    converter = CONVERTERS[format]
    assert {field.name for field in dataclasses.fields(Converter) if getattr(converter, field.name) is None} <= may_be_none
    counting = [getattr(converter, name) for name in sorted(may_be_none - {"ping"})]
    assert all(counting) or not any(counting), "counting is there or it is not"


@pytest.mark.parametrize("format", FORMATS)
def test_an_unknown_server_gets_a_safe_dialect(format: Format) -> None:
    """A dialect needs no settings, knows no unknown ones, and says what each of its own means."""
    converter = CONVERTERS[format]
    assert converter.dialect() == converter.dialect()
    with pytest.raises(TypeError):
        converter.dialect(no_such_setting=True)
    assert inspect.getdoc(converter.dialect)


@pytest.mark.parametrize("format", FORMATS)
def test_endpoints_are_paths(format: Format) -> None:
    """Each operation has a path with its version, which holds the model where the wire puts it there."""
    converter = CONVERTERS[format]
    operations = ["generate", "stream", "models"] + (["count"] if converter.encode_count_request else [])
    for operation in operations:
        model = "" if operation == "models" else "vendor/a:b"
        path = converter.endpoint(operation, model)
        assert path.startswith("/v1"), path
        assert ("vendor/a:b" in path) == (format == "google_genai" and operation != "models")


@pytest.mark.parametrize("format", FORMATS)
def test_a_models_list_reads_back(format: Format) -> None:
    """What is written as a list of models is read as the same names."""
    converter = CONVERTERS[format]
    entries = [
        ModelEntry("small", created=wires.CREATED),
        ModelEntry("vendor/large:latest", owner="vendor", context_window=8192, max_output=1024),
    ]
    written: Any = converter.encode_models(entries)
    assert converter.decode_models(written) == ["small", "vendor/large:latest"]
    with contextlib.suppress(Malformed):
        assert converter.decode_models({"error": "no list"}) == []
    assert isinstance(converter.encode_model(entries[1]), dict)


@pytest.mark.parametrize("format", FORMATS)
def test_a_count_reads_back(format: Format) -> None:
    """A counted number of tokens is read as itself, and a count of what was asked needs no answer's settings."""
    converter = CONVERTERS[format]
    if converter.encode_count_reply is None or converter.decode_count_reply is None:
        assert format == "openai_chat", "only chat has no endpoint that counts"
        return
    assert converter.decode_count_reply(converter.encode_count_reply(42)) == 42
