"""Panels and dashboards as values, and the JSON that Grafana reads (schema version 39, Grafana 10.4 and later)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from dashboards.expressions import RANGE, RATE, selector
from rosetta.telemetry import names

Json = dict[str, Any]

SCHEMA_VERSION = 39
COLUMNS = 24
"""Grafana's grid is so many columns wide."""
DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
TAGS = ["rosetta", "llm"]

Unit = Literal["reqps", "percentunit", "s", "short", "none", "cps", "bytes", "ops"]
Kind = Literal["timeseries", "stat", "table", "heatmap", "state-timeline", "bargauge"]


@dataclass(frozen=True)
class Query:
    """One expression. ``legend`` names its lines; in a table it names the value's column. ``exemplar`` asks for trace ids with the values."""

    expression: str
    legend: str
    exemplar: bool = False


@dataclass(frozen=True)
class Panel:
    """A panel. ``width`` and ``height`` are in cells of the grid; ``options`` and ``defaults`` go over those of its kind."""

    title: str
    description: str
    unit: Unit
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    width: int = 8
    height: int = 8
    stacked: bool = False
    red_from: float | None = None
    mappings: dict[str, tuple[str, str]] = field(default_factory=dict)
    transformations: tuple[Json, ...] = ()


@dataclass(frozen=True)
class Row:
    """A heading and what stands below it, from left to right."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Variable:
    """A filter at the top of a dashboard: the values of ``label`` in ``series``."""

    name: str
    label: str
    series: str
    title: str


@dataclass(frozen=True)
class Dashboard:
    """A page of rows. ``uid`` is fixed: links and bookmarks hold on to it."""

    uid: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]


def table(*columns: str, value: str) -> tuple[Json, ...]:
    """A table of one instant query: its labels as columns, the value under its name, the greatest first."""
    order = {name: index for index, name in enumerate(columns)}
    rename = {"Value": value}
    return (
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": rename}},
        {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": value, "desc": True}]}},
    )


def dashboard_json(dashboard: Dashboard) -> Json:
    """The dashboard as Grafana imports it."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": TAGS,
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "",
        "annotations": {"list": [_reloads()]},
        "links": [
            {"title": "rosetta", "type": "dashboards", "tags": ["rosetta"], "asDropdown": True, "includeVars": True, "keepTime": True}
        ],
        "templating": {"list": [_datasource(), *(_variable(variable) for variable in dashboard.variables)]},
        "panels": _laid_out(dashboard.rows),
    }


def _laid_out(rows: tuple[Row, ...]) -> list[Json]:
    panels: list[Json] = []
    y = 0
    for row in rows:
        panels.append(
            {
                "id": len(panels) + 1,
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
                "panels": [],
            }
        )
        x, y, line = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, line = 0, y + line, 0
            panels.append(_panel(panel, len(panels) + 1, {"x": x, "y": y, "w": panel.width, "h": panel.height}))
            x, line = x + panel.width, max(line, panel.height)
        y += line
    return panels


def _panel(panel: Panel, id: int, place: Json) -> Json:
    defaults: Json = {"unit": panel.unit, "custom": _custom(panel), "color": {"mode": "palette-classic"}, "mappings": _mappings(panel)}
    if panel.kind in ("stat", "bargauge"):
        defaults["color"] = {"mode": "thresholds"}
    defaults["thresholds"] = {"mode": "absolute", "steps": _steps(panel)}
    if panel.kind == "timeseries":
        defaults["min"] = 0
    if panel.kind in ("table", "bargauge"):
        defaults["decimals"] = 0  # Prometheus extrapolates an increase: 3 requests may read 3.07
    made: Json = {
        "id": id,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "gridPos": place,
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": OPTIONS[panel.kind],
        "targets": [_target(panel, query, index) for index, query in enumerate(panel.queries)],
    }
    if panel.transformations:
        made["transformations"] = list(panel.transformations)
    return made


def _steps(panel: Panel) -> list[Json]:
    steps: list[Json] = [{"color": "green", "value": None}]
    return steps if panel.red_from is None else [*steps, {"color": "red", "value": panel.red_from}]


def _mappings(panel: Panel) -> list[Json]:
    if not panel.mappings:
        return []
    options = {value: {"text": text, "color": color, "index": index} for index, (value, (text, color)) in enumerate(panel.mappings.items())}
    return [{"type": "value", "options": options}]


def _custom(panel: Panel) -> Json:
    match panel.kind:
        case "timeseries":
            return {
                "drawStyle": "line",
                "lineWidth": 1,
                "fillOpacity": 30 if panel.stacked else 8,
                "showPoints": "never",
                "spanNulls": False,
                "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
                "thresholdsStyle": {"mode": "off" if panel.red_from is None else "line"},
            }
        case "state-timeline":
            return {"fillOpacity": 80, "lineWidth": 0}
        case "table":
            return {"align": "auto", "filterable": True}
    return {}


_LAST: Json = {"calcs": ["lastNotNull"], "fields": "", "values": False}
OPTIONS: dict[Kind, Json] = {
    "timeseries": {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["mean", "lastNotNull"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {"reduceOptions": _LAST, "colorMode": "value", "graphMode": "area", "textMode": "auto", "justifyMode": "auto"},
    "bargauge": {"reduceOptions": _LAST, "displayMode": "gradient", "orientation": "horizontal", "showUnfilled": True},
    "table": {"showHeader": True, "cellHeight": "sm", "footer": {"show": False}},
    "state-timeline": {
        "mergeValues": True,
        "showValue": "auto",
        "rowHeight": 0.8,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
    },
    "heatmap": {
        "calculate": False,
        "rowsFrame": {"layout": "auto"},
        "filterValues": {"le": 1e-9},
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "scale": "exponential", "exponent": 0.5},
        "yAxis": {"unit": "s"},
        "cellGap": 1,
        "legend": {"show": True},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "tooltip": {"mode": "single", "yHistogram": False},
    },
}


def _target(panel: Panel, query: Query, index: int) -> Json:
    instant = panel.kind in ("table", "bargauge") or RANGE in query.expression
    return {
        "refId": chr(ord("A") + index),
        "datasource": DATASOURCE,
        "expr": query.expression,
        "legendFormat": query.legend,
        "exemplar": query.exemplar,
        "instant": instant,
        "range": not instant,
        "format": {"table": "table", "heatmap": "heatmap"}.get(panel.kind, "time_series"),
        "editorMode": "code",
    }


def _datasource() -> Json:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
    }


def _variable(variable: Variable) -> Json:
    query = f"label_values({variable.series}, {variable.label})"
    return {
        "name": variable.name,
        "label": variable.title,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": f"variable-{variable.name}", "qryType": 1},
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "allValue": ".*",
        "includeAll": True,
        "multi": True,
        "hide": 0,
        "options": [],
        "refresh": 2,
        "regex": "",
        "sort": 1,
    }


def _reloads() -> Json:
    return {
        "name": "Configs taken over",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "blue",
        "expr": f"""sum by (pod, instance) (changes({selector(names.CONFIG_RELOADS, 'outcome="success"', window=RATE)})) > 0""",
        "titleFormat": "Config taken over",
        "textFormat": "{{pod}} {{instance}}",
        "step": "60s",
    }
