"""The layers law: what is built on what, and what importing rosetta costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_house_stands_on_its_foundations() -> None:
    """Import Linter keeps every contract in pyproject.toml."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("module", ["rosetta", "rosetta.converters", "rosetta.convert", "rosetta.fold", "rosetta.relay"])
def test_what_converts_does_no_input_or_output(module: str) -> None:
    """Importing the face and the converters loads no server, no HTTP client, no telemetry and no YAML."""
    heavy = (
        "litestar",
        "uvicorn",
        "httpx",
        "httpx2",
        "aiohttp",
        "opentelemetry",
        "prometheus_client",
        "yaml",
        "tenacity",
        "limits",
        "pydantic",
    )
    code = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}} & set({heavy!r})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
