"""PromQL over the gateway's metrics. A selector carries the filters of every variable that its metric has a label for."""

from __future__ import annotations

from rosetta.telemetry import names
from rosetta.telemetry.names import Label, Metric

RATE = "$__rate_interval"
"""Grafana's own: four scrapes, or a step where that is longer."""
RANGE = "$__range"
FILTERS: dict[Label, str] = {
    names.PROVIDER: "provider",
    names.CLIENT_FORMAT: "client_format",
    names.MODEL: "model",
    names.GEN_AI_MODEL: "model",
}
"""Which variable filters which label. ``TARGET_MODEL`` is a provider's name for a model, not the entry that the variable lists."""
PLACE = ("namespace", "pod")
"""Labels that a scrape in Kubernetes adds. On a machine without it they are absent, and absent matches ``.*``."""
_PLACE = ",".join(f'{label}=~"${label}"' for label in PLACE)


def selector(metric: Metric, matchers: str = "", *, suffix: str = "", window: str = "") -> str:
    """``metric{filters, matchers}[window]``; ``suffix`` is a histogram's _bucket, _sum or _count."""
    filters = [_PLACE, *(f'{label.name}=~"${FILTERS[label]}"' for label in metric.labels if label in FILTERS)]
    inside = ",".join([*filters, *([matchers] if matchers else [])])
    return f"{metric.name}{suffix}{{{inside}}}" + (f"[{window}]" if window else "")


def by(*labels: Label | str) -> str:
    """The grouping clause, with its space; empty without labels."""
    listed = ", ".join(label if isinstance(label, str) else label.name for label in labels)
    return f"sum by ({listed}) " if labels else "sum"


def rate(metric: Metric, *labels: Label | str, matchers: str = "", suffix: str = "") -> str:
    """How fast it grows, per second, by labels."""
    return f"{by(*labels)}(rate({selector(metric, matchers, suffix=suffix, window=RATE)}))"


def increase(metric: Metric, *labels: Label | str, matchers: str = "", suffix: str = "") -> str:
    """How much it grew over the time that the dashboard shows, by labels."""
    return f"{by(*labels)}(increase({selector(metric, matchers, suffix=suffix, window=RANGE)}))"


def quantile(share: float, metric: Metric, *labels: Label | str, matchers: str = "") -> str:
    """The quantile of a histogram, by labels."""
    return f"histogram_quantile({share}, {rate(metric, 'le', *labels, matchers=matchers, suffix='_bucket')})"


def mean(metric: Metric, *labels: Label | str) -> str:
    """The mean of a histogram, by labels."""
    return ratio(rate(metric, *labels, suffix="_sum"), rate(metric, *labels, suffix="_count"))


def ratio(part: str, whole: str) -> str:
    """A share. Nothing at all makes NaN, which Grafana leaves out: no traffic is not 0 % errors."""
    return f"{part}\n/\n{whole}"


def or_zero(expression: str) -> str:
    """0 where no such series was ever counted: for what should not happen."""
    return f"{expression} or vector(0)"


def process(name: str) -> str:
    """A figure of the process itself, by replica. Every program exposes these names: only those of a gateway are kept."""
    return f"sum by (pod, instance) ({name}{{{_PLACE}}} and on (instance, pod) {selector(names.BUILD_INFO)})"


def process_rate(name: str) -> str:
    """How fast a counter of the process itself grows, by replica."""
    return f"sum by (pod, instance) (rate({name}{{{_PLACE}}}[{RATE}]) and on (instance, pod) {selector(names.BUILD_INFO)})"
