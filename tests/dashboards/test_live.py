"""A real Prometheus scrapes a gateway under load and trouble: every expression of every panel and alert has something to show."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import promql_parser
import pytest

from dashboards.alerts import ALERTS, Alert
from tests.dashboards.promql import read, substituted
from tests.dashboards.stage import WAIT_S, Stage, stage
from tests.dashboards.test_dashboards import FILES, load, targets
from tests.tools.toolbox import run

pytestmark = [pytest.mark.tools, pytest.mark.timeout(240)]

COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})
NOTHING_YET = {
    "offset 1w": "no Prometheus of a test is a week old",
}
"""Parts of alerts that cannot have data here, and why."""

FLAT = {
    ("Replicas", "B"): "a gateway that drains is on its way out",
    ("Shared limits lost", "A"): "limits are kept in memory here",
    ("Labels that overflowed", "A"): "the config has fewer names than a label has room for",
}
"""Queries that are 0 on a gateway that is well, and why that is not changed here."""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("stage")) as made:
        yield made


def operands(expression: promql_parser.Expr) -> list[str]:
    """What stands on the sides of comparisons and of and: a comparison that does not hold shows nothing, its sides do."""
    if isinstance(expression, promql_parser.ParenExpr):
        return operands(expression.expr)
    if isinstance(expression, promql_parser.BinaryExpr) and (str(expression.op) in COMPARISONS or str(expression.op) == "and"):
        return [*operands(expression.lhs), *operands(expression.rhs)]
    return [str(expression)] if read(str(expression)).selectors else []  # the rest is arithmetic


def test_prometheus_takes_the_page(live: Stage) -> None:
    (target,) = live.api("targets")["activeTargets"]
    assert ("up", "") == (target["health"], target["lastError"])


def test_metrics_are_well_formed(live: Stage) -> None:
    """promtool's own lint, over the page of a gateway that has seen everything."""
    done = run("promtool", "check", "metrics", input=live.page())
    assert (0, "") == (done.returncode, done.stdout + done.stderr)


@pytest.mark.parametrize(("panel", "target"), targets())
def test_panel_has_data(live: Stage, panel: dict[str, object], target: dict[str, str]) -> None:
    """It shows lines, and they are not flat at 0, where that is not what they are for."""
    expression = substituted(target["expr"], __range="5m")
    assert live.query(expression), expression
    if (panel["title"], target["refId"]) not in FLAT:
        assert any(float(series["value"][1]) for series in live.query(f"max_over_time(({expression})[5m:1s])")), expression


@pytest.mark.parametrize("name", FILES)
def test_variables_offer_values(live: Stage, name: str) -> None:
    """Nothing here has a namespace or a pod; all else offers what was seen."""
    for variable in load(name)["templating"]["list"]:
        if variable["type"] == "query":
            series, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"]).groups()
            values = live.api(f"label/{label}/values", **{"match[]": substituted(series)})
            assert bool(values) == (label not in ("namespace", "pod")), (label, values)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_alert_has_data(live: Stage, alert: Alert) -> None:
    """Whatever an alert compares is there to be compared."""
    parts = operands(promql_parser.parse(alert.expression))
    assert parts
    for part in parts:
        if not any(reason in part for reason in NOTHING_YET):
            assert live.query(part), part


def test_rules_are_evaluated_without_errors(live: Stage) -> None:
    (group,) = live.api("rules")["groups"]
    assert {("ok", "")} == {(rule["health"], rule.get("lastError", "")) for rule in group["rules"]}


@pytest.mark.parametrize("name", ["RosettaConversionErrors", "RosettaConfigReloadFailed"])
def test_alert_fires(live: Stage, name: str) -> None:
    """What is not waited for fires at once: an upstream was unreadable, a config was refused."""
    deadline = time.monotonic() + WAIT_S
    while not (found := live.query(f'ALERTS{{alertname="{name}",alertstate="firing"}}')):
        assert time.monotonic() < deadline, live.api("rules", **{"rule_name[]": name})
        time.sleep(0.1)
    assert {"1"} == {series["value"][1] for series in found}


def test_exemplar_leads_to_the_trace(live: Stage) -> None:
    """The slowest request's point on the panel of durations has the id of the trace whose server span has the client's request id."""
    deadline = time.monotonic() + WAIT_S
    while not (spans := [span for span in live.spans() if _attributes(span).get("rosetta.request.id") == live.slow]):
        assert time.monotonic() < deadline, "the slow request's span did not arrive"
        time.sleep(0.1)
    (span,) = spans
    took_s = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
    found = live.api("query_exemplars", query="rosetta_request_duration_seconds_bucket", start=time.time() - 600, end=time.time())
    by_trace = {point["labels"]["trace_id"]: float(point["value"]) for series in found for point in series["exemplars"]}
    assert by_trace[span.trace_id.hex()] == pytest.approx(took_s, abs=0.1)


def test_no_secret_on_the_page(live: Stage) -> None:
    page = live.page()
    assert [] == [word for word in ("secret", "upstream-key", "nobody's", "no-such-model") if word in page]


def _attributes(span: object) -> dict[str, str]:
    return {item.key: item.value.string_value for item in span.attributes}  # type: ignore[attr-defined]
