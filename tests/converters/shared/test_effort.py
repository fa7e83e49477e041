"""Effort between levels and budgets."""

from __future__ import annotations

import pytest

from rosetta.converters import effort
from rosetta.ir.request import EFFORTS, Effort


@pytest.mark.parametrize(
    ("asked", "accepted", "given"),
    [
        ("high", ("low", "medium", "high"), "high"),
        ("xhigh", ("low", "medium", "high"), "high"),
        ("max", ("low", "xhigh"), "xhigh"),
        ("minimal", ("low", "medium"), "low"),
        ("none", ("none", "low"), "none"),
        ("none", ("low", "high"), "low"),
        ("low", ("none",), None),
        ("minimal", ("none", "high"), "high"),
        ("high", (), None),
    ],
)
def test_the_nearest_lower_level_stands_in(asked: Effort, accepted: tuple[Effort, ...], given: Effort | None) -> None:
    """A missing level is rounded down, at the bottom up, and thought that was asked for is never switched off."""
    assert effort.nearest(asked, accepted) == given


def test_budgets_grow_with_the_level() -> None:
    """Each level thinks more than the one below, and every budget but the smallest means its own level or the next lower one."""
    budgets = [effort.BUDGET_TOKENS[level] for level in EFFORTS]
    assert budgets == sorted(set(budgets))
    levels = [EFFORTS.index(effort.of_budget(tokens)) for tokens in range(0, 70_000, 512)]
    assert levels == sorted(levels)
    assert effort.of_budget(0) == "none"
    assert effort.of_budget(-1) == "none"
