"""What an expression of a dashboard or an alert talks about, read with a real PromQL parser."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import promql_parser

from rosetta.telemetry import names
from rosetta.telemetry.names import Label, Metric

SCRAPED = frozenset({"namespace", "pod", "instance", "job"})
"""Labels that Prometheus adds."""
FOREIGN: dict[str, frozenset[str]] = {
    "up": frozenset(),
    "process_cpu_seconds_total": frozenset(),
    "process_resident_memory_bytes": frozenset(),
}
"""Metrics that are not the gateway's own: Prometheus' and those that every program exposes."""
WINDOWS = {"__rate_interval": "1m", "__range": "1h"}


def substituted(expression: str, **windows: str) -> str:
    """The expression as Grafana would send it with every filter on All."""
    for name, window in {**WINDOWS, **windows}.items():
        expression = expression.replace(f"${name}", window)
    return re.sub(r"\$\w+", ".*", expression)


def variables(text: str) -> set[str]:
    """The dashboard's variables in a text, without Grafana's own."""
    return {name for name in re.findall(r"\$\{?(\w+)", text) if not name.startswith("__")}


@dataclass
class Reading:
    """``selectors`` are names with their matchers (label, operator, value); ``groupings`` the labels of each aggregation and join."""

    selectors: list[tuple[str, list[tuple[str, str, str]]]] = field(default_factory=list)
    groupings: list[list[str]] = field(default_factory=list)

    def faults(self) -> list[str]:
        """Names, labels and label values that the gateway does not have."""
        faults = []
        known: set[str] = set(SCRAPED)
        for name, matchers in self.selectors:
            found = metric(name)
            if found is None and name not in FOREIGN:
                faults.append(f"no metric {name}")
                continue
            labels = {label.name: label for label in found.labels} if found else {}
            known |= {*labels, *({"le"} if found and found.kind == "histogram" else ())}
            for label, operator, value in matchers:
                if label not in SCRAPED and label not in labels:
                    faults.append(f"{name} has no label {label}")
                elif label in labels and not possible(labels[label], operator, value):
                    faults.append(f"{name} has no {label}{operator}{value}")
        faults += [f"nothing has the label {label}" for grouping in self.groupings for label in grouping if label not in known]
        return faults


def read(expression: str) -> Reading:
    """Raises ValueError for what is no PromQL."""
    reading = Reading()

    def visit(node: promql_parser.Expr) -> bool:
        match node:
            case promql_parser.VectorSelector():
                matchers = [(matcher.name, _sign(matcher), matcher.value) for matcher in node.matchers.matchers]
                reading.selectors.append((node.name, matchers))
            case promql_parser.AggregateExpr() if node.modifier is not None:
                reading.groupings.append(list(node.modifier.labels))
            case promql_parser.BinaryExpr() if node.modifier is not None and node.modifier.matching is not None:
                reading.groupings.append(list(node.modifier.matching.labels))
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return reading


def metric(name: str) -> Metric | None:
    """The family of a series' name."""
    families = {family.name: family for family in names.METRICS}
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    if base != name and base in families and families[base].kind == "histogram":
        return families[base]
    found = families.get(name)
    return None if found is None or found.kind == "histogram" else found


def possible(label: Label, operator: str, value: str) -> bool:
    """Whether a matcher speaks of values that the label can have."""
    if label.values is None:
        return True
    if operator in ("=~", "!~"):
        return all(any(re.fullmatch(option, known) for known in label.values) for option in value.split("|"))
    return value in label.values or value == ""


SIGNS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}


def _sign(matcher: promql_parser.Matcher) -> str:
    return SIGNS[str(matcher.op).rpartition(".")[2]]
