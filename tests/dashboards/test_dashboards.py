"""The dashboards are what their source makes, have the shape that Grafana reads, and speak of metrics that the gateway has."""

import json
import re
from itertools import combinations
from typing import Any

import pytest

from dashboards.files import DASHBOARDS, HERE, generated
from rosetta.telemetry import names
from tests.dashboards.promql import FOREIGN, read, substituted, variables

FILES = sorted(name for name in generated() if name.endswith(".json"))
TRACED = {
    f"{metric.name}_bucket"
    for metric in (names.REQUEST_DURATION, names.OVERHEAD, names.CONVERSION_DURATION, names.FIRST_CHUNK, names.STREAM_GAP)
}
"""Time that a person wants to see a trace of."""


def load(name: str) -> dict[str, Any]:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def panels(name: str) -> list[dict[str, Any]]:
    return [panel for panel in load(name)["panels"] if panel["type"] != "row"]


def targets() -> list[Any]:
    return [
        pytest.param(panel, target, id=f"{name.removesuffix('.json')}: {panel['title']} {target['refId']}")
        for name in FILES
        for panel in panels(name)
        for target in panel["targets"]
    ]


@pytest.mark.parametrize("name", sorted(generated()))
def test_committed_is_generated(name: str) -> None:
    """Run ``python -m dashboards`` after a change of the source."""
    assert generated()[name] == (HERE / name).read_text(encoding="utf-8")


def test_nothing_else_lies_there() -> None:
    """A dashboard that its source no longer makes is deleted."""
    assert sorted(generated()) == sorted(path.name for path in HERE.iterdir() if path.suffix in (".json", ".yaml"))


def test_uids() -> None:
    """Bookmarks and links hold on to these."""
    assert ["rosetta-overview", "rosetta-conversion-hops", "rosetta-upstreams-tokens"] == [dashboard.uid for dashboard in DASHBOARDS]


@pytest.mark.parametrize("name", FILES)
def test_shape(name: str) -> None:
    dashboard = load(name)
    assert dashboard["schemaVersion"] >= 39
    assert f"{dashboard['uid']}.json" == name
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    titles = [panel["title"] for panel in panels(name)]
    assert sorted(set(titles)) == sorted(titles)


@pytest.mark.parametrize("name", FILES)
def test_no_panel_covers_another(name: str) -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in load(name)["panels"]]
    for title, place in places:
        assert 0 <= place["x"], title
        assert place["x"] + place["w"] <= 24, title
    for (first, one), (second, other) in combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, f"{first} and {second} overlap"


@pytest.mark.parametrize("name", FILES)
def test_variables_are_those_in_use(name: str) -> None:
    """A filter that filters nothing misleads, one that is not defined breaks the query."""
    dashboard = load(name)
    defined = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert defined == variables(json.dumps([dashboard["panels"], dashboard["templating"]]))
    assert {"datasource", "namespace", "pod", "provider"} <= defined


@pytest.mark.parametrize("name", FILES)
def test_variables_take_all_where_the_label_is_missing(name: str) -> None:
    """A stack on one machine has no namespace and no pod: an absent label matches ``.*``, not ``.+``."""
    for variable in load(name)["templating"]["list"]:
        if variable["type"] == "query":
            assert (".*", True, ["$__all"]) == (variable["allValue"], variable["includeAll"], variable["current"]["value"])


@pytest.mark.parametrize("name", FILES)
def test_variables_ask_for_what_exists(name: str) -> None:
    for variable in load(name)["templating"]["list"]:
        if variable["type"] == "query":
            series, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"]).groups()
            reading = read(substituted(series))
            reading.groupings.append([label])
            assert [] == reading.faults()


@pytest.mark.parametrize("name", FILES)
def test_panels_explain_themselves(name: str) -> None:
    for panel in panels(name):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert {"type": "prometheus", "uid": "${datasource}"} == panel["datasource"]
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            assert target["legendFormat"], panel["title"]
            assert panel["datasource"] == target["datasource"]


@pytest.mark.parametrize(("panel", "target"), targets())
def test_expression_speaks_of_what_exists(panel: dict[str, Any], target: dict[str, Any]) -> None:
    """Metrics, labels and closed values are those of ``rosetta.telemetry.names``."""
    assert [] == read(substituted(target["expr"])).faults()


@pytest.mark.parametrize(("panel", "target"), targets())
def test_expression_obeys_the_filters(panel: dict[str, Any], target: dict[str, Any]) -> None:
    """Each series is filtered by namespace and pod, and rates take Grafana's interval."""
    for name, matchers in read(substituted(target["expr"])).selectors:
        assert {("namespace", "=~", ".*"), ("pod", "=~", ".*")} <= set(matchers), name
    assert set(re.findall(r"\[([^\]]+)\]", target["expr"])) <= {"$__rate_interval", "$__range"}


@pytest.mark.parametrize(("panel", "target"), targets())
def test_legend_speaks_of_labels_that_come_out(panel: dict[str, Any], target: dict[str, Any]) -> None:
    shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
    grouped = {label for grouping in read(substituted(target["expr"])).groupings for label in grouping}
    assert shown <= grouped


@pytest.mark.parametrize(("panel", "target"), targets())
def test_latency_leads_to_traces(panel: dict[str, Any], target: dict[str, Any]) -> None:
    """Exemplars are asked for wherever such time is drawn."""
    asks = panel["type"] in ("timeseries", "heatmap") and {name for name, _ in read(substituted(target["expr"])).selectors} <= TRACED
    assert target["exemplar"] or not asks


def test_no_foreign_metric_is_forgotten() -> None:
    """The list of metrics that are not the gateway's holds no more than is used."""
    used = {name for values in targets() for name, _ in read(substituted(values.values[1]["expr"])).selectors}
    assert {"up"} == set(FOREIGN) - used
