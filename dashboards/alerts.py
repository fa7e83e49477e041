"""The alerts: a plain file of Prometheus rules, each with what happened, what it means, how bad it is, and where to read on.

Ratios of nothing are NaN, and NaN is no alert: a gateway without traffic stays silent, but for ``RosettaNoTraffic``. All of them keep the namespace
apart, so that one Prometheus can watch several gateways; where there is none, all replicas count as one gateway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from rosetta.telemetry import names
from rosetta.telemetry.names import Label, Metric

RUNBOOKS = "docs/alerts.md"
OBJECTIVE = 0.995
"""Of 1000 requests in 30 days 995 are to be answered. What the client got wrong, limits and wrong keys do not count."""
FAST_BURN = 14.4
"""At this rate 2 % of a month's errors are spent in an hour."""
SLOW_BURN = 6.0
"""At this rate 5 % of a month's errors are spent in six hours."""
LEAST_FAILED = 5
"""Fewer failed requests wake nobody: a single one at night is a large share of little traffic."""

FAILED = 'outcome="error",status_class!="4xx"'
THEIRS = 'outcome="error",error_type!~"400|413|422"'
"""Failed attempts, without those that say that the client's request was wrong."""


@dataclass(frozen=True)
class Alert:
    """``pending`` is for how long the expression holds before it fires."""

    name: str
    expression: str
    severity: Literal["critical", "warning", "info"]
    summary: str
    description: str
    pending: str = "0m"


def _sum(function: str, series: str, *labels: Label | str) -> str:
    listed = ", ".join(("namespace", *(label if isinstance(label, str) else label.name for label in labels)))
    return f"sum by ({listed}) ({function}({series}))"


def _rate(metric: Metric, window: str, *labels: Label | str, matchers: str = "", suffix: str = "", offset: str = "") -> str:
    inside = f"{{{matchers}}}" if matchers else ""
    return _sum("rate", f"{metric.name}{suffix}{inside}[{window}]{offset}", *labels)


def _increase(metric: Metric, window: str, *labels: Label | str, matchers: str) -> str:
    return _sum("increase", f"{metric.name}{{{matchers}}}[{window}]", *labels)


def _quantile(share: float, metric: Metric, window: str, *labels: Label | str) -> str:
    return f"histogram_quantile({share}, {_rate(metric, window, *labels, 'le', suffix='_bucket')})"


def _failed(window: str) -> str:
    return f"{_rate(names.REQUESTS, window, matchers=FAILED)} / {_rate(names.REQUESTS, window)}"


def _lost(window: str) -> str:
    return f"({_rate(names.CONVERSION_LOSSES, window)} / {_rate(names.CONVERSIONS, window)})"


def _burning(rate: float, short: str, long: str) -> str:
    budget = f"{rate:g} * {1 - OBJECTIVE:g}"
    return (
        f"{_failed(short)} > {budget}\nand {_failed(long)} > {budget}\n"
        f"and {_increase(names.REQUESTS, long, matchers=FAILED)} >= {LEAST_FAILED}"
    )


_PROVIDER_FAILED = (
    f"{_rate(names.UPSTREAM_ATTEMPTS, '5m', names.PROVIDER, matchers=THEIRS)}\n/ {_rate(names.UPSTREAM_ATTEMPTS, '5m', names.PROVIDER)}"
)

ALERTS: tuple[Alert, ...] = (
    Alert(
        "RosettaDown",
        'up{job=~".*rosetta.*"} == 0',
        "critical",
        "rosetta does not answer on {{ $labels.instance }}",
        "Prometheus could not scrape {{ $labels.instance }} for two minutes: the process is gone, hangs, or cannot be reached.",
        "2m",
    ),
    Alert(
        "RosettaErrorBudgetBurnFast",
        _burning(FAST_BURN, "5m", "1h"),
        "critical",
        "{{ $value | humanizePercentage }} of requests fail",
        "In the last hour and in the last five minutes so many requests failed that 2 % of a month's errors are spent in an hour.",
        "2m",
    ),
    Alert(
        "RosettaErrorBudgetBurnSlow",
        _burning(SLOW_BURN, "30m", "6h"),
        "warning",
        "{{ $value | humanizePercentage }} of requests fail, for hours",
        "In the last six hours and in the last half hour so many requests failed that 5 % of a month's errors are spent in six hours.",
        "15m",
    ),
    Alert(
        "RosettaHighLatencyP95",
        f"{_quantile(0.95, names.REQUEST_DURATION, '10m', names.CLIENT_FORMAT)} > 120",
        "warning",
        "Whole answers take {{ $value | humanizeDuration }} for {{ $labels.client_format }} clients",
        "Of 100 requests 5 last longer than two minutes. Agents' answers can be that long: set the limit to what is usual here.",
        "15m",
    ),
    Alert(
        "RosettaTTFTHigh",
        f"{_quantile(0.95, names.FIRST_CHUNK, '10m', names.GEN_AI_PROVIDER)} > 20",
        "warning",
        "{{ $labels.gen_ai_provider_name }} takes {{ $value | humanizeDuration }} to its first token",
        "Of 100 streams 5 show nothing for 20 seconds after the provider was asked: it is busy, far away, or reads long prompts.",
        "10m",
    ),
    Alert(
        "RosettaOverheadHigh",
        f"{_quantile(0.99, names.OVERHEAD, '10m')} > 0.05",
        "warning",
        "The gateway itself takes {{ $value | humanizeDuration }} per request",
        "Of 100 requests one spends more than 50 ms in the gateway itself: it lacks CPU, or bodies are very large.",
        "10m",
    ),
    Alert(
        "RosettaConversionErrors",
        _increase(names.CONVERSIONS, "5m", names.FROM, names.TO, names.DIRECTION, matchers='outcome="error"') + " > 0",
        "warning",
        "Conversions from {{ $labels.from }} to {{ $labels.to }} fail ({{ $labels.direction }})",
        "In the last five minutes about {{ $value | humanize }} conversions failed: an upstream sends what is not of its format, or rosetta is at fault.",
    ),
    Alert(
        "RosettaConversionLossSpike",
        f"{_lost('15m')} > 0.5\nand {_lost('15m')} > 3 * {_lost('1d')}",
        "info",
        "Each conversion loses {{ $value | humanize }} things",
        "Three times as much gets lost in conversion as over the last day: new clients, new fields, or another provider behind a model.",
        "15m",
    ),
    Alert(
        "RosettaProviderFailing",
        f"{_PROVIDER_FAILED} > 0.5",
        "warning",
        "{{ $value | humanizePercentage }} of attempts at {{ $labels.provider }} fail",
        "More than half of what is sent to {{ $labels.provider }} fails. Chains with another target go on; models with this one alone do not.",
        "5m",
    ),
    Alert(
        "RosettaAllProvidersFailing",
        f"count by (namespace) ({_PROVIDER_FAILED} > 0.5)\n== count by (namespace) ({_rate(names.UPSTREAM_ATTEMPTS, '5m', names.PROVIDER)} > 0)",
        "critical",
        "Every provider that is asked fails",
        "More than half of the attempts fail at each of the {{ $value }} providers in use. Most likely it is this side: network, DNS, proxy, or keys.",
        "5m",
    ),
    Alert(
        "RosettaCircuitOpen",
        f"max by (namespace, provider, model) (max_over_time({names.CIRCUIT_STATE.name}[2m])) == {names.CIRCUIT_STATES['open']}",
        "warning",
        "{{ $labels.provider }} {{ $labels.model }} is left alone",
        "The circuit of this target opens again and again: each probe after a rest fails too.",
        "5m",
    ),
    Alert(
        "RosettaFallbackRateHigh",
        f"{_rate(names.FALLBACKS, '10m')} / {_rate(names.REQUESTS, '10m')} > 0.1",
        "warning",
        "{{ $value | humanizePercentage }} of requests go to another provider than the first",
        "The first targets of chains fail often. Clients are served, perhaps by another model, and lose cached prompts and reasoning state.",
        "10m",
    ),
    Alert(
        "RosettaRetryStorm",
        f"{_rate(names.UPSTREAM_ATTEMPTS, '10m')}\n/ " + _rate(names.UPSTREAM_ATTEMPTS, "10m", matchers='reason="initial"') + " > 1.5",
        "warning",
        "{{ $value | humanize }} attempts per request",
        "Retries and fallbacks add half as many attempts again. They are load themselves, and may keep a provider from recovering.",
        "10m",
    ),
    Alert(
        "RosettaUpstreamRateLimited",
        _rate(names.UPSTREAM_ATTEMPTS, "5m", names.PROVIDER, matchers='error_type="429"')
        + f"\n/ {_rate(names.UPSTREAM_ATTEMPTS, '5m', names.PROVIDER)} > 0.05",
        "warning",
        "{{ $labels.provider }} rate-limits {{ $value | humanizePercentage }} of attempts",
        "The account's limit at {{ $labels.provider }} is reached.",
        "5m",
    ),
    Alert(
        "RosettaStreamStalled",
        f"{_quantile(0.99, names.STREAM_GAP, '10m', names.PROVIDER)} > 30",
        "warning",
        "Streams of {{ $labels.provider }} pause for {{ $value | humanizeDuration }}",
        "One of 100 streams is silent for more than 30 seconds amid its answer. Clients and proxies take that for a dead connection.",
        "5m",
    ),
    Alert(
        "RosettaInflightSaturation",
        f"sum by (namespace, pod, instance) ({names.INFLIGHT.name})\n/ max by (namespace, pod, instance) ({names.INFLIGHT_LIMIT.name}) > 0.8",
        "warning",
        "{{ $labels.instance }} is at {{ $value | humanizePercentage }} of its concurrency limit",
        "Soon requests will wait or be refused with 429: add replicas, or raise limits.concurrency if CPU and providers allow.",
        "5m",
    ),
    Alert(
        "RosettaConfigReloadFailed",
        f'max by (namespace, pod, instance) (increase({names.CONFIG_RELOADS.name}{{outcome="failure"}}[15m])) > 0',
        "warning",
        "{{ $labels.instance }} refused a changed config",
        "The file changed and has faults. The old config stays in force until the file is right or the process restarts: then it will not start.",
    ),
    Alert(
        "RosettaLabelOverflow",
        f"max by (namespace, metric, label) ({names.LABEL_OVERFLOW.name}) > 0",
        "info",
        "Label {{ $labels.label }} of {{ $labels.metric }} has too many values",
        "The config names more than the gateway tells apart. The rest is counted under _other, until the process restarts with fewer.",
    ),
    Alert(
        "RosettaNoTraffic",
        f"{_rate(names.REQUESTS, '30m')} == 0\nand {_rate(names.REQUESTS, '30m', offset=' offset 1w')} > 0",
        "info",
        "No requests for half an hour",
        "At this time a week ago there were some. Either nobody works today, or nobody gets through.",
        "15m",
    ),
)


def rules() -> dict[str, Any]:
    """The content of the rules file."""
    return {"groups": [{"name": "rosetta", "rules": [_rule(alert) for alert in ALERTS]}]}


def _rule(alert: Alert) -> dict[str, Any]:
    rule: dict[str, Any] = {"alert": alert.name, "expr": alert.expression}
    if alert.pending != "0m":
        rule["for"] = alert.pending
    rule["labels"] = {"severity": alert.severity}
    rule["annotations"] = {
        "summary": alert.summary,
        "description": alert.description,
        "runbook_url": f"{RUNBOOKS}#{alert.name.lower()}",
    }
    return rule
