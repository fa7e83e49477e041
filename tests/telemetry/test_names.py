"""The list of names, and the pages that are written from it."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

from rosetta.converters import CONVERTERS
from rosetta.engine.account import counts
from rosetta.engine.admission import Decision, Limit
from rosetta.engine.health import State
from rosetta.gateway.reload import Result
from rosetta.gateway.routes import Action
from rosetta.ir import events
from rosetta.ir.errors import Failure, FailureKind
from rosetta.ir.loss import LossClass, LossKind
from rosetta.telemetry import names
from rosetta.telemetry.classify import RequestOutcome, error_type
from rosetta.telemetry.observer import Direction, Reason
from rosetta.telemetry.reference import page
from rosetta.telemetry.routes import template

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_the_list() -> None:
    """docs/metrics.md is what ``python -m rosetta.telemetry.reference`` writes."""
    assert (DOCS / "metrics.md").read_text() == page()


def test_every_name_is_on_the_page_and_used_once() -> None:
    """No metric twice, and each has its row."""
    text = (DOCS / "metrics.md").read_text()
    metrics = [metric.name for metric in names.METRICS]
    assert sorted(set(metrics)) == sorted(metrics)
    listed = {constant for constant in vars(names).values() if isinstance(constant, names.Metric)}
    assert listed == set(names.METRICS)
    attributes = {constant for constant in vars(names).values() if isinstance(constant, names.Attribute)}
    on_spans = {attribute for span in names.SPANS for attribute in span.attributes}
    on_events = {attribute for span in names.SPANS for event in span.events for attribute in event.attributes}
    assert attributes == on_spans | on_events
    for name in (*metrics, *(attribute.name for attribute in attributes)):
        assert f"`{name}`" in text, name


def test_what_other_pages_name_exists() -> None:
    """A page that names a metric or an attribute of ours names one that is there."""
    known = {metric.name for metric in names.METRICS}
    known |= {f"{metric.name}_{suffix}" for metric in names.METRICS for suffix in ("bucket", "sum", "count")}
    attributes = {attribute.name for span in names.SPANS for attribute in span.attributes}
    events_known = {event.name for span in names.SPANS for event in span.events}
    text = (DOCS / "tracing.md").read_text()
    assert set(re.findall(r"`((?:rosetta|gen_ai)_[a-z_]+)`", text)) <= known
    assert set(re.findall(r"`((?:rosetta|gen_ai)\.[a-z_.]+)`", text)) <= attributes | events_known


def test_metric_names_keep_the_customs() -> None:
    """Counters end in _total, times in _seconds, and a histogram's bounds rise."""
    for metric in names.METRICS:
        assert (metric.kind == "counter") == metric.name.endswith("_total")
        assert ("s" == metric.unit) == metric.name.endswith("_seconds")
        assert (metric.kind == "histogram") == bool(metric.buckets)
        assert list(metric.buckets) == sorted(metric.buckets)
        assert metric.help.endswith(".")


def test_the_closed_sets_are_those_of_the_code() -> None:
    """A new kind of loss, event or limit must be added to the list."""
    assert set(names.FORMATS) == set(CONVERTERS)
    assert set(names.LOSS_KINDS) == set(get_args(LossKind))
    assert set(names.LOSS_CLASSES) == set(get_args(LossClass))
    assert set(names.LIMITS) == set(get_args(Limit))
    assert set(names.DECISIONS) == set(get_args(Decision))
    assert set(names.CIRCUIT_STATES) == set(get_args(State))
    assert set(names.RELOADS) == set(get_args(Result))
    assert set(names.DIRECTIONS) == set(get_args(Direction))
    assert set(names.REASONS) == set(get_args(Reason))
    assert set(names.OUTCOMES) == set(get_args(RequestOutcome))
    assert len(names.STREAM_EVENTS) == len(get_args(events.Event))


def test_events_have_their_snake_names() -> None:
    """Every kind of the intermediate representation's events, as the counter names it."""

    others = {kind: [1, 1] for kind in get_args(events.Event) if kind is not events.TextDelta}
    came, written = counts(SimpleNamespace(text=1, text_out=1, counts=others))  # type: ignore[arg-type]
    assert set(names.STREAM_EVENTS) == set(came) == set(written)


def test_every_failure_has_a_closed_word() -> None:
    """Whatever an upstream answers."""
    for kind in get_args(FailureKind):
        for status in (None, *range(300, 700)):
            for ours in (True, False):
                assert error_type(Failure(kind, "x", status=status, ours=ours)) in names.ERROR_TYPES


def test_every_route_is_a_template_of_the_list() -> None:
    """And every template is reached."""
    reached = {
        template(format, action, stream=stream)
        for format in names.FORMATS
        for action in (*get_args(Action), "none")
        for stream in (None, False, True)
    }
    assert set(names.ROUTES) == reached
