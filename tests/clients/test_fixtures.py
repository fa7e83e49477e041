"""The wire fixtures are fit to publish, and the scripted ones are what the scripted upstream says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.clients.capture import WIRE_FOLDER, capture_scripted
from tests.clients.redact import JSON_KEYS, LONGEST_STRING, WHOLE_KEYS

REQUESTS = sorted(WIRE_FOLDER.glob("*/requests/*.json"))
OF_A_MACHINE = re.compile(r"/root\b|/work/|/tmp/|\b10\.\d+\.\d+\.\d+\b|sk-[A-Za-z0-9]{20}")


def long_strings(value: Any, key: str = "") -> list[str]:
    match value:
        case dict():
            return [found for name, item in value.items() for found in long_strings(item, name)]
        case list():
            return [found for item in value for found in long_strings(item, key)]
        case str() if len(value) > LONGEST_STRING and key not in WHOLE_KEYS | JSON_KEYS:
            return [value]
    return []


@pytest.mark.parametrize("file", REQUESTS, ids=lambda file: f"{file.parts[-3]}-{file.stem}")
def test_requests_are_fit_to_publish(file: Path) -> None:
    """No vendor's prompt, no key and no path of the machine on which a request was captured."""
    text = file.read_text()

    assert long_strings(json.loads(text)["body"]) == []
    assert OF_A_MACHINE.findall(text) == []


def test_scripted_fixtures_are_up_to_date(tmp_path: Path) -> None:
    """After a change of the scripted upstream: python -m tests.clients.capture --scripted"""
    capture_scripted(tmp_path)

    made = {file.relative_to(tmp_path): file.read_bytes() for file in tmp_path.rglob("scripted-*")}
    kept = {file.relative_to(WIRE_FOLDER): file.read_bytes() for file in WIRE_FOLDER.rglob("scripted-*")}
    assert made == kept
