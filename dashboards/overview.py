"""Overview: is it well, who asks for what, how long do they wait, and what are the replicas doing."""

from __future__ import annotations

from dashboards.expressions import by, increase, or_zero, process, process_rate, quantile, rate, ratio, selector
from dashboards.panels import Dashboard, Panel, Query, Row
from dashboards.variables import CLIENT_FORMAT, MODEL, NAMESPACE, POD, PROVIDER
from rosetta.telemetry import names

FAILED = 'outcome="error",status_class!="4xx"'
"""Requests that the gateway or its providers failed. What a client got wrong is an error of class 4xx."""


_NOW = Row(
    "Now",
    (
        Panel(
            "Requests",
            "Requests per second on the API's paths, those that were refused included.",
            "reqps",
            (Query(rate(names.REQUESTS), "requests"),),
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            "Failed",
            "Share of requests that the gateway or its providers failed. What the client got wrong, limits and wrong keys do not count.",
            "percentunit",
            (Query(ratio(f"({or_zero(rate(names.REQUESTS, matchers=FAILED))})", rate(names.REQUESTS)), "failed"),),
            kind="stat",
            width=4,
            height=4,
            red_from=0.05,
        ),
        Panel(
            "Duration p95",
            "95 of 100 requests ended within this time. Agents' answers take minutes: watch the change, not the figure.",
            "s",
            (Query(quantile(0.95, names.REQUEST_DURATION), "p95"),),
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            "First token p95",
            "95 of 100 streams showed their first content within this time after the provider was asked.",
            "s",
            (Query(quantile(0.95, names.FIRST_CHUNK), "p95"),),
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            "In flight",
            "Generation requests under way, over all replicas.",
            "short",
            (Query(f"sum({selector(names.INFLIGHT)})", "in flight"),),
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            "Replicas",
            "Gateways that are being scraped, and how many of them are ending their last requests.",
            "short",
            (
                Query(f"count({selector(names.BUILD_INFO)})", "running"),
                Query(f"sum({selector(names.DRAINING)})", "draining"),
            ),
            kind="stat",
            width=4,
            height=4,
        ),
    ),
)
_TRAFFIC = Row(
    "Traffic",
    (
        Panel(
            "Requests by client format",
            "The wire format that clients speak.",
            "reqps",
            (Query(rate(names.REQUESTS, names.CLIENT_FORMAT), "{{client_format}}"),),
            stacked=True,
        ),
        Panel(
            "Requests by model",
            "The entry of the config that answered, as it is written there; _other for names that no entry answers.",
            "reqps",
            (Query(rate(names.REQUESTS, names.MODEL), "{{model}}"),),
            stacked=True,
        ),
        Panel(
            "Streamed or whole",
            "Whether the client asked for a stream.",
            "reqps",
            (
                Query(rate(names.REQUESTS, matchers='stream="true"'), "streamed"),
                Query(rate(names.REQUESTS, matchers='stream="false"'), "whole"),
            ),
            stacked=True,
        ),
        Panel(
            "Outcomes",
            "What became of the requests. An error of class 4xx is the client's own; one of class 2xx came after the answer had begun.",
            "reqps",
            (Query(rate(names.REQUESTS, names.OUTCOME, names.STATUS_CLASS), "{{outcome}} {{status_class}}"),),
            stacked=True,
        ),
        Panel(
            "Failed by provider",
            "Share of requests that failed, by the provider that was asked last; _none where none was.",
            "percentunit",
            (Query(ratio(rate(names.REQUESTS, names.PROVIDER, matchers=FAILED), rate(names.REQUESTS, names.PROVIDER)), "{{provider}}"),),
            red_from=0.05,
        ),
        Panel(
            "Clients that left",
            "Requests whose client hung up before the end, by what it speaks. Impatient clients follow slow providers.",
            "reqps",
            (Query(rate(names.REQUESTS, names.CLIENT_FORMAT, matchers='outcome="client_disconnect"'), "{{client_format}}"),),
        ),
        Panel(
            "Who spoke to whom",
            "Requests in the time shown: the client's format against the provider that answered.",
            "short",
            (Query(increase(names.REQUESTS, names.CLIENT_FORMAT, names.PROVIDER), "requests"),),
            kind="table",
            width=24,
            height=7,
            transformations=(
                {
                    "id": "groupingToMatrix",
                    "options": {"rowField": "client_format", "columnField": "provider", "valueField": "Value", "emptyValue": "zero"},
                },
            ),
        ),
    ),
)
_LATENCY = Row(
    "Latency",
    (
        Panel(
            "Duration",
            "From a request's headers to the last byte of its answer. Points are traces.",
            "s",
            tuple(Query(quantile(share, names.REQUEST_DURATION), f"p{share * 100:g}", exemplar=True) for share in (0.5, 0.95, 0.99)),
        ),
        Panel(
            "Duration p95 by client format",
            "Which clients wait longest for their whole answer. Points are traces.",
            "s",
            (Query(quantile(0.95, names.REQUEST_DURATION, names.CLIENT_FORMAT), "{{client_format}}", exemplar=True),),
        ),
        Panel(
            "First token p95 by vendor",
            "From asking the provider to the first content of its stream. Points are traces.",
            "s",
            (Query(quantile(0.95, names.FIRST_CHUNK, names.GEN_AI_PROVIDER), "{{gen_ai_provider_name}}", exemplar=True),),
        ),
    ),
)
_REPLICAS = Row(
    "Limits and replicas",
    (
        Panel(
            "In flight by replica",
            "Generation requests under way, against what the replica admits at once; the second is absent where no limit is set.",
            "short",
            (
                Query(f"{by('pod', 'instance')}({selector(names.INFLIGHT)})", "{{pod}} {{instance}}"),
                Query(f"max by (pod, instance) ({selector(names.INFLIGHT_LIMIT)})", "limit {{pod}} {{instance}}"),
            ),
        ),
        Panel(
            "Refused by limits",
            "Requests that a limit refused: which limit, and whose.",
            "reqps",
            (Query(rate(names.RATE_LIMITS, names.LIMIT, names.KEY_GROUP, matchers='decision="deny"'), "{{limit}} of {{key_group}}"),),
        ),
        Panel(
            "Shared limits lost",
            "1 while the shared store of limits cannot be reached and a replica counts for itself.",
            "none",
            (Query(f"max by (pod, instance) ({selector(names.STORE_DEGRADED)})", "{{pod}} {{instance}}"),),
            red_from=1,
        ),
        Panel(
            "CPU by replica",
            "Cores that the process uses. One process serves one core: past 0.8 add replicas.",
            "none",
            (Query(process_rate("process_cpu_seconds_total"), "{{pod}} {{instance}}"),),
            red_from=0.8,
        ),
        Panel(
            "Memory by replica",
            "Resident memory of the process.",
            "bytes",
            (Query(process("process_resident_memory_bytes"), "{{pod}} {{instance}}"),),
        ),
        Panel(
            "Config",
            "Attempts to take over a changed config in the time shown. A failure leaves the old config in force.",
            "short",
            (Query(increase(names.CONFIG_RELOADS, names.RELOAD), "{{outcome}}"),),
            kind="bargauge",
        ),
        Panel(
            "What is running",
            "Version and Python of each replica, and the hash of the config in force: replicas of one deployment show the same.",
            "none",
            (
                Query(f"max by (pod, instance, version, python) ({selector(names.BUILD_INFO)})", "build"),
                Query(f"max by (pod, instance, config_hash) ({selector(names.CONFIG_INFO)})", "config"),
            ),
            kind="table",
            width=24,
            height=6,
            transformations=(
                {"id": "merge", "options": {}},
                {"id": "organize", "options": {"excludeByName": {"Time": True, "Value #A": True, "Value #B": True}}},
            ),
        ),
    ),
)

OVERVIEW = Dashboard(
    "rosetta-overview",
    "rosetta / Overview",
    "Is the gateway well, who asks for what, how long do they wait.",
    (NAMESPACE, POD, PROVIDER, CLIENT_FORMAT, MODEL),
    (_NOW, _TRAFFIC, _LATENCY, _REPLICAS),
)
