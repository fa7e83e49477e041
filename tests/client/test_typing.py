"""The public face has types that hold for users, under the strictest settings of both checkers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.toolbox import run

ROOT = Path(__file__).parents[2]
USAGE = ROOT / "tests/client/typed_usage.py"
WRONG = """import rosetta
reply: int = rosetta.completion("m", [])
rosetta.messages.create(model="m", messages=[])
"""


@pytest.mark.timeout(300)
def test_mypy_is_content_with_right_uses_and_finds_wrong_ones(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(WRONG)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", tmp_path / "cache", USAGE, wrong]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    faults = [line for line in done.stdout.splitlines() if " error: " in line]
    assert 2 == len(faults), done.stdout + done.stderr
    assert all(Path(fault.partition(":")[0]).name == wrong.name for fault in faults), done.stdout


@pytest.mark.tools
@pytest.mark.timeout(300)
def test_pyright_too(tmp_path: Path) -> None:
    settings = tmp_path / "pyrightconfig.json"
    settings.write_text(json.dumps({"include": [str(USAGE)], "typeCheckingMode": "strict", "extraPaths": [str(ROOT)]}))
    report = json.loads(run("pyright", "--outputjson", "--project", settings, "--pythonpath", sys.executable).stdout)
    assert 1 == report["summary"]["filesAnalyzed"]
    assert [] == [
        f"{fault['range']['start']['line']}: {fault['message']}" for fault in report["generalDiagnostics"] if fault["severity"] == "error"
    ]
