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


def mypy(path: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(cache), str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.timeout(300)
def test_mypy_is_content_with_right_uses_and_finds_wrong_ones(tmp_path: Path) -> None:
    done = mypy(USAGE, tmp_path / "cache")
    assert 0 == done.returncode, done.stdout + done.stderr
    wrong = tmp_path / "wrong.py"
    wrong.write_text(WRONG)
    done = mypy(wrong, tmp_path / "cache")
    assert 2 == done.stdout.count(" error: "), done.stdout


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
