"""The lines that people paste: they are whole, they are the README's, and they hold the reader's own address and model."""

from __future__ import annotations

import json
import shlex
import tomllib
from pathlib import Path

import pytest

from rosetta.cli import welcome

BASE = "http://127.0.0.1:8765"
README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize(
    "lines",
    [
        welcome.claude_code(BASE, "MODEL"),
        welcome.claude_code_settings(BASE, "MODEL"),
        welcome.codex(BASE, "MODEL"),
        welcome.gemini_cli(BASE, "MODEL"),
        welcome.kilo(BASE, "MODEL"),
        welcome.curl(BASE, "echo"),
    ],
    ids=["claude code", "claude code settings", "codex", "gemini cli", "kilo", "curl"],
)
def test_the_readme_says_the_same(lines: str) -> None:
    """One text, in two places."""
    assert lines in README.read_text()


def test_the_configs_can_be_read_by_their_programs() -> None:
    """Whatever the model's name holds."""
    odd = 'qwen3:8b "instruct"'
    assert odd == tomllib.loads(welcome.codex(BASE, odd))["model"]
    kilo = json.loads(welcome.kilo(BASE, odd))
    assert f"rosetta/{odd}" == kilo["model"]
    assert [odd] == list(kilo["provider"]["rosetta"]["models"])
    assert odd == json.loads(welcome.claude_code_settings(BASE, odd))["env"]["ANTHROPIC_MODEL"]
    assert odd == shlex.split(welcome.gemini_cli(BASE, odd))[-1]
    body = shlex.split(welcome.curl(BASE, odd).replace("\\\n", ""))[-1]
    assert odd == json.loads(body)["model"]


def test_the_example_is_a_model_that_can_be_named() -> None:
    """A pattern is none, and echo only serves where there is nothing else."""
    assert "qwen3:8b" == welcome.shown(["gpt-*", "echo", "qwen3:8b"])
    assert "echo" == welcome.shown(["gpt-*", "echo"])


def test_the_whole_text_tells_whether_a_key_is_wanted() -> None:
    """Without one any text will do; with one the placeholder says so."""
    open_house = welcome.welcome(BASE, ["m", "echo"], keyed=False)
    locked = welcome.welcome(BASE, ["m", "echo"], keyed=True)
    assert "none is configured" in open_house
    assert "anything" not in locked
    assert "x-api-key: YOUR-KEY" in locked


def test_a_long_list_of_models_is_cut() -> None:
    """The address of the whole list stands beside it."""
    text = welcome.welcome(BASE, [f"m{number}" for number in range(40)], keyed=False)
    assert "m11 and 28 more" in text
    assert f"{BASE}/v1/models" in text
