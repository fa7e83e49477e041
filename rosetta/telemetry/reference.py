"""``python -m rosetta.telemetry.reference`` writes docs/metrics.md: every name of ``names``, so that the page cannot lie."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from rosetta.telemetry import names
from rosetta.telemetry.names import Attribute, Label, Metric

_SHOWN = 12
"""So many values of a label are listed; a longer set is described."""


def page() -> str:
    """The page, as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Metrics and spans"
    yield ""
    yield "Written by `python -m rosetta.telemetry.reference > docs/metrics.md` from `rosetta/telemetry/names.py`; do not edit it."
    yield ""
    yield "`/metrics` serves the Prometheus text format, or OpenMetrics with exemplars (`trace_id`, of recorded requests) to whoever asks for it. It needs no"
    yield "key. It is on the main port unless `server.metrics_port` names another. How traces are set up is in [tracing.md](tracing.md)."
    yield ""
    yield "Label values come from closed sets and from the config, never from what a client sent. A name that the config does not know is `_other`; what was"
    yield f"not known yet when a request ended is `_none`. Of the config's own names at most {names.LABEL_VALUES_MAX} of a kind are told apart."
    yield ""
    yield 'Shares of failed requests: `outcome="error",status_class!="4xx"` is the gateway\'s and its upstreams\' part, 4xx the client\'s own.'
    yield ""
    yield "## Metrics"
    yield ""
    yield "| metric | type | unit | labels | |"
    yield "|---|---|---|---|---|"
    for metric in names.METRICS:
        labels = ", ".join(f"`{name}`" for name in metric.label_names)
        yield f"| `{metric.name}` | {metric.kind} | {metric.unit} | {labels} | {metric.help} |"
    yield ""
    yield "A histogram has the series `_bucket`, `_sum` and `_count`. The client library adds `process_*`, `python_gc_*` and `python_info`."
    yield ""
    yield "### Buckets"
    yield ""
    for metric in names.METRICS:
        if metric.buckets:
            yield f"- `{metric.name}`: {', '.join(f'{bound:g}' if bound < 10**6 else str(int(bound)) for bound in metric.buckets)}"
    yield ""
    yield "### Labels"
    yield ""
    yield "| label | of | values | |"
    yield "|---|---|---|---|"
    for label, metrics in _labels():
        of = ", ".join(f"`{metric.name}`" for metric in metrics)
        yield f"| `{label.name}` | {of} | {_values(label)} | {label.help} |"
    yield ""
    yield f"`error_type` is one of {', '.join(f'`{word}`' for word in names.ERROR_TYPES)}."
    yield ""
    yield f"`event` is one of {', '.join(f'`{word}`' for word in names.STREAM_EVENTS)}."
    yield ""
    yield "## Spans"
    yield ""
    for span in names.SPANS:
        yield f"### `{span.name}` ({span.kind})"
        yield ""
        yield span.help
        yield ""
        yield "| attribute | type | unit | |"
        yield "|---|---|---|---|"
        for attribute in span.attributes:
            yield _row(attribute)
        yield ""
        for event in span.events:
            told = ", ".join(f"`{attribute.name}` ({attribute.help.rstrip('.')})" for attribute in event.attributes)
            yield f"- event `{event.name}`: {event.help}{' ' + told + '.' if told else ''}"
        if span.events:
            yield ""
    yield names.TRANSPORT_SPAN_NOTE
    yield ""
    yield f"`http.route` is one of {', '.join(f'`{route}`' for route in names.ROUTES)}."


def _row(attribute: Attribute) -> str:
    return f"| `{attribute.name}` | {attribute.type} | {attribute.unit} | {attribute.help} |"


def _labels() -> list[tuple[Label, list[Metric]]]:
    found: dict[Label, list[Metric]] = {}
    for metric in names.METRICS:
        for label in metric.labels:
            found.setdefault(label, []).append(metric)
    return list(found.items())


def _values(label: Label) -> str:
    if label.values is None:
        return "by config"
    if len(label.values) > _SHOWN:
        return "a closed set, see below"
    return ", ".join(f"`{value}`" for value in label.values)


if __name__ == "__main__":
    sys.stdout.write(page())
