"""Each alert says what happened, how bad it is, and where to read on; it speaks of metrics that the gateway has."""

import re
from pathlib import Path

import pytest
import yaml

from dashboards.alerts import ALERTS, RUNBOOKS, Alert
from dashboards.files import HERE, RULES
from tests.dashboards.promql import read

ROOT = Path(__file__).parents[2]
PROMISED = [
    "RosettaDown",
    "RosettaErrorBudgetBurnFast",
    "RosettaErrorBudgetBurnSlow",
    "RosettaHighLatencyP95",
    "RosettaTTFTHigh",
    "RosettaOverheadHigh",
    "RosettaConversionErrors",
    "RosettaConversionLossSpike",
    "RosettaProviderFailing",
    "RosettaAllProvidersFailing",
    "RosettaCircuitOpen",
    "RosettaFallbackRateHigh",
    "RosettaRetryStorm",
    "RosettaUpstreamRateLimited",
    "RosettaStreamStalled",
    "RosettaInflightSaturation",
    "RosettaConfigReloadFailed",
    "RosettaLabelOverflow",
    "RosettaNoTraffic",
]


def test_names() -> None:
    """Silences and routes of users hold on to these."""
    assert PROMISED == [alert.name for alert in ALERTS]


def test_file_holds_them_all() -> None:
    (group,) = yaml.safe_load((HERE / RULES).read_text(encoding="utf-8"))["groups"]
    assert PROMISED == [rule["alert"] for rule in group["rules"]]
    for rule in group["rules"]:
        assert {"summary", "description", "runbook_url"} == set(rule["annotations"])
        assert rule["labels"]["severity"] in ("critical", "warning", "info")


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_speaks_of_what_exists(alert: Alert) -> None:
    reading = read(alert.expression)
    assert [] == reading.faults()
    shown = set(re.findall(r"\$labels\.(\w+)", alert.summary + alert.description))
    available = {label for grouping in reading.groupings for label in grouping}
    assert shown <= (available or {"instance"})


def test_runbooks() -> None:
    """Every alert has its section, in the order of the rules, and no section is of an alert that is gone."""
    text = (ROOT / RUNBOOKS).read_text(encoding="utf-8")
    assert PROMISED == re.findall(r"^## (Rosetta\w+)$", text, flags=re.MULTILINE)
    for section in re.split(r"^## (?=Rosetta)", text, flags=re.MULTILINE)[1:]:
        assert {"**Means**", "**Look**", "**Do**"} <= set(re.findall(r"\*\*\w+\*\*", section)), section[:40]
