"""docs/defects-elsewhere.md names tests that exist, and leaves no row without one or without a reason."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "defects-elsewhere.md"
TEST_ID = re.compile(r"`([\w/]+\.py)::(\w+)`")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| The mistake", "|---"))
]


@cache
def functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_every_mistake_is_held_off_by_a_test_that_exists(row: list[str]) -> None:
    """Or the page says why it cannot be made here."""
    _, answer = row
    named = TEST_ID.findall(answer)
    assert named or answer.startswith("Not applicable"), answer
    for file, name in named:
        assert name in functions(TESTS / file), f"{file} has no {name}"


def test_every_test_of_this_folder_is_on_the_page() -> None:
    """A test that was written for a mistake says for which."""
    written = {
        (f"defects/{path.name}", name)
        for path in Path(__file__).parent.glob("test_*.py")
        for name in functions(path)
        if name.startswith("test_")
    }
    on_page = set(TEST_ID.findall(PAGE.read_text(encoding="utf-8")))
    own = {entry for entry in written if entry[0] != "defects/test_map.py"}
    assert set() == own - on_page
