"""Golden files of the twelve cross pairs: rich requests and streams of each wire, in the words of each other one, with their losses.

``pairs/<source>/<case>.json`` is a request written by hand, ``<case>.<target>.json`` what is sent for it, ``<case>.<target>.losses.json`` what that
lost. The recorded ones come from ``tests/wire``. ``pytest tests/golden --update-goldens`` writes all but the sources anew; a person reads the difference.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rosetta.convert import located
from rosetta.converters import CONVERTERS
from rosetta.converters.converter import Unsupported
from rosetta.ir.loss import Loss
from rosetta.ir.parts import FORMATS, Format
from tests.laws import wires

PAIRS = Path(__file__).parent / "pairs"

RECORDED: dict[Format, tuple[str, ...]] = {
    "openai_chat": ("kilo-some-model-parallel-2", "opencode-some-model-think-2"),
    "openai_responses": ("codex-gpt-5.5-patch-2", "codex-some-model-namespace-2", "codex-gpt-6-sol-think-2"),
    "anthropic": ("claude-opus-5-5-parallel-2", "claude-sonnet-4-5-think-2"),
    "google_genai": ("gemini-3-pro-preview-parallel-2", "gemini-2.5-pro-think-2"),
}
STREAMS: dict[Format, tuple[str, ...]] = {
    "openai_chat": ("reasoning-then-tool", "tool-interleaved", "refusal", "broken/error-midway"),
    "openai_responses": ("reasoning-text-tools", "custom-tool-call", "broken/failed-in-text"),
    "anthropic": ("thinking-text-tools", "redacted-thinking", "server-tool-use", "broken/error-in-text"),
    "google_genai": ("thoughts-and-call", "calls-over-two-chunks", "inline-image", "broken/error-midway"),
}


def sources(format: Format) -> list[str]:
    """The hand-written requests of a wire."""
    return sorted(path.stem for path in (PAIRS / format).glob("*.json") if "." not in path.stem)


REQUEST_CASES = [
    (source, name, target) for source in FORMATS for name in (*sources(source), *RECORDED[source]) for target in FORMATS if target != source
]
STREAM_CASES = [(source, name, target) for source in FORMATS for name in STREAMS[source] for target in FORMATS if target != source]


def few(node: Any) -> Any:
    """A recorded request with the first three of its tools."""
    if isinstance(node, dict):
        return {key: few(value)[:3] if key in ("tools", "functionDeclarations") else few(value) for key, value in node.items()}
    if isinstance(node, list):
        return [few(each) for each in node]
    return node


def as_json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def hold(path: Path, text: str, update: bool) -> None:
    """The golden file says ``text``."""
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def told(losses: tuple[Loss, ...], source: Format) -> str:
    lines = [[loss.path, loss.kind, loss.category, loss.detail] for loss in located(losses, CONVERTERS[source].words)]
    return "[\n" + ",\n".join(" " + json.dumps(line, ensure_ascii=False) for line in lines) + "\n]\n"


@pytest.mark.parametrize(("source", "name", "target"), REQUEST_CASES, ids=wires.case_id)
def test_a_request_in_another_wires_words(source: Format, name: str, target: Format, update_goldens: bool) -> None:
    """What is sent, and what that lost, is what a person has read."""
    written = PAIRS / source / f"{name}.json"
    if written.exists():
        wire = wires.as_wire_request(source, json.loads(written.read_bytes()))
    else:
        wire = wires.wire_request(source, name)
        wire = msgspec.structs.replace(wire, body=few(wire.body))
    coded = CONVERTERS[source].decode_request(wire)
    try:
        sent = CONVERTERS[target].encode_request(coded.value, wires.target(target))
        body = {"path": sent.wire.path, "headers": sent.wire.headers, "body": sent.wire.body}
        losses = (*coded.losses, *sent.losses)
    except Unsupported as unsupported:
        body, losses = {"unsupported": str(unsupported)}, coded.losses
    hold(PAIRS / source / f"{name}.{target}.json", as_json(body), update_goldens)
    hold(PAIRS / source / f"{name}.{target}.losses.json", told(losses, source), update_goldens)


@pytest.mark.parametrize(("source", "name", "target"), STREAM_CASES, ids=wires.case_id)
def test_a_stream_in_another_wires_words(source: Format, name: str, target: Format, update_goldens: bool) -> None:
    """Each event a client gets, byte for byte, is what a person has read."""
    folder, _, case = name.rpartition("/")
    events = wires.decoded_stream(source, wires.parsed(wires.stream(source, case, f"streams/{folder}".rstrip("/"))))
    frame = CONVERTERS[target].frame
    told_bytes = b"".join(frame(event) for event in wires.encoded_stream(target, events))
    hold(PAIRS / source / f"{name.replace('/', '-')}.{target}.sse", told_bytes.decode().replace("\r\n", "\n"), update_goldens)
