"""Conversion hops: how much is converted between which formats, what it costs, and what gets lost on the way."""

from __future__ import annotations

from dashboards.expressions import RATE, increase, mean, quantile, rate, ratio, selector
from dashboards.panels import Dashboard, Panel, Query, Row, table
from dashboards.variables import CLIENT_FORMAT, NAMESPACE, POD, PROVIDER
from rosetta.telemetry import names

_HOP = "{{from}} to {{to}}"

_CONVERSIONS = Row(
    "Conversions",
    (
        Panel(
            "Conversions by hop",
            "Conversions between two formats. Where client and provider speak the same one, bodies are relayed and none is counted.",
            "ops",
            (Query(rate(names.CONVERSIONS, names.FROM, names.TO), _HOP),),
            stacked=True,
        ),
        Panel(
            "Duration p95 by hop",
            "Time at work on one conversion; of a stream the sum over its events. Points are traces.",
            "s",
            (
                Query(
                    quantile(0.95, names.CONVERSION_DURATION, names.FROM, names.TO, names.DIRECTION),
                    _HOP + " ({{direction}})",
                    exemplar=True,
                ),
            ),
        ),
        Panel(
            "Failed conversions",
            "Conversions that failed: what an upstream sent was not of its format, or rosetta is at fault. None is normal.",
            "ops",
            (Query(rate(names.CONVERSIONS, names.FROM, names.TO, names.DIRECTION, matchers='outcome="error"'), _HOP + " ({{direction}})"),),
        ),
        Panel(
            "Duration",
            "Time at work on one conversion, over all hops. Points are traces.",
            "s",
            tuple(Query(quantile(share, names.CONVERSION_DURATION), f"p{share * 100:g}", exemplar=True) for share in (0.5, 0.95, 0.99)),
        ),
        Panel(
            "Client format to provider format",
            "Requests in the time shown, by the format that came in and the one that went out. The diagonal is relayed.",
            "short",
            (Query(increase(names.OVERHEAD, names.CLIENT_FORMAT, names.UPSTREAM_FORMAT, suffix="_count"), "requests"),),
            kind="table",
            width=16,
            transformations=(
                {
                    "id": "groupingToMatrix",
                    "options": {"rowField": "client_format", "columnField": "upstream_format", "valueField": "Value", "emptyValue": "zero"},
                },
            ),
        ),
    ),
)
_OVERHEAD = Row(
    "Overhead",
    (
        Panel(
            "The gateway's own time",
            "Per request: its duration without the waits for provider and client.",
            "s",
            (Query(f"sum by (le) (increase({selector(names.OVERHEAD, suffix='_bucket', window=RATE)}))", "{{le}}", exemplar=True),),
            kind="heatmap",
        ),
        Panel(
            "Overhead p99 by hop",
            "The gateway's own time in the slowest of 100 requests. Points are traces.",
            "s",
            (
                Query(
                    quantile(0.99, names.OVERHEAD, names.CLIENT_FORMAT, names.UPSTREAM_FORMAT),
                    "{{client_format}} to {{upstream_format}}",
                    exemplar=True,
                ),
            ),
            red_from=0.05,
        ),
        Panel(
            "Share of the gateway",
            "The gateway's own time as a share of the whole: the rest is the provider's and the client's.",
            "percentunit",
            (
                Query(
                    ratio(
                        rate(names.OVERHEAD, names.CLIENT_FORMAT, suffix="_sum"),
                        rate(names.REQUEST_DURATION, names.CLIENT_FORMAT, suffix="_sum"),
                    ),
                    "{{client_format}}",
                ),
            ),
        ),
        Panel(
            "Overhead, mean",
            "The gateway's own time per request on average.",
            "s",
            (Query(mean(names.OVERHEAD, names.CLIENT_FORMAT), "{{client_format}}"),),
        ),
    ),
)
_LOSSES = Row(
    "Losses",
    (
        Panel(
            "Losses by kind",
            "Things that a target could not say: dropped, approximated, emulated, or injected because it insists.",
            "cps",
            (Query(rate(names.CONVERSION_LOSSES, names.KIND), "{{kind}}"),),
            stacked=True,
        ),
        Panel(
            "Losses by hop",
            "Between which formats things get lost.",
            "cps",
            (Query(rate(names.CONVERSION_LOSSES, names.FROM, names.TO), _HOP),),
            stacked=True,
        ),
        Panel(
            "Losses per conversion",
            "How many things one conversion could not say, on average. A jump means new clients, new fields or another provider.",
            "short",
            (
                Query(
                    ratio(rate(names.CONVERSION_LOSSES, names.FROM, names.TO), rate(names.CONVERSIONS, names.FROM, names.TO)),
                    _HOP,
                ),
            ),
        ),
        Panel(
            "What gets lost",
            "The ten fields that were lost most often in the time shown, in the words of the intermediate representation.",
            "short",
            (Query(f"topk(10, {increase(names.CONVERSION_LOSSES, names.FROM, names.TO, names.FIELD, names.KIND)})", "losses"),),
            kind="table",
            width=24,
            transformations=table("from", "to", "field", "kind", value="losses"),
        ),
    ),
)
_STREAMS = Row(
    "Streams",
    (
        Panel(
            "Events in and out",
            "Events of streamed answers, as they were decoded and as the client got them. The two may differ: some wires say more.",
            "ops",
            (
                Query(rate(names.STREAM_EVENTS_TOTAL, matchers='direction="in"'), "in"),
                Query(rate(names.STREAM_EVENTS_TOTAL, matchers='direction="out"'), "out"),
            ),
            width=12,
        ),
        Panel(
            "Events by kind",
            "What the streams of the providers consist of.",
            "ops",
            (Query(rate(names.STREAM_EVENTS_TOTAL, names.EVENT, matchers='direction="in"'), "{{event}}"),),
            width=12,
            stacked=True,
        ),
    ),
)

CONVERSION_HOPS = Dashboard(
    "rosetta-conversion-hops",
    "rosetta / Conversion hops",
    "What is converted between which formats, what it costs and what gets lost.",
    (NAMESPACE, POD, PROVIDER, CLIENT_FORMAT),
    (_CONVERSIONS, _OVERHEAD, _LOSSES, _STREAMS),
)
