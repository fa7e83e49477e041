"""What Prometheus itself says about the rules: they are well-formed, and each fires and stays silent when it should."""

import json
from pathlib import Path

import pytest
import yaml

from dashboards.alerts import ALERTS
from dashboards.files import HERE, RULES
from tests.dashboards.alert_cases import CASES, Case
from tests.tools.toolbox import run

BY_NAME = {alert.name: alert for alert in ALERTS}


def test_every_alert_is_tried_both_ways() -> None:
    fires = {case.alert for case in CASES if case.labels is not None}
    silent = {case.alert for case in CASES if case.labels is None}
    assert (set(BY_NAME), set(BY_NAME)) == (fires, silent)


@pytest.mark.tools
def test_rules_are_well_formed() -> None:
    done = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", HERE / RULES)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert f"{len(ALERTS)} rules found" in done.stdout


@pytest.mark.tools
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.story}")
def test_alert(case: Case, tmp_path: Path) -> None:
    """It fires with these labels and texts, or it does not fire. It is alone in its file: promtool evaluates all rules at each step of a week."""
    (group,) = yaml.safe_load((HERE / RULES).read_text(encoding="utf-8"))["groups"]
    rules, path = tmp_path / "rules.yaml", tmp_path / "test.yaml"
    alone = {**group, "rules": [rule for rule in group["rules"] if rule["alert"] == case.alert]}
    rules.write_text(json.dumps({"groups": [alone]}), encoding="utf-8")
    path.write_text(json.dumps(case.document(BY_NAME[case.alert], str(rules))), encoding="utf-8")
    done = run("promtool", "test", "rules", path)
    assert 0 == done.returncode, done.stdout + done.stderr
