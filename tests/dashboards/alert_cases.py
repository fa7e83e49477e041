"""For each alert: series under which it fires and what it then says, and series under which it stays silent, though it is near."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from dashboards.alerts import RUNBOOKS, Alert

Series = dict[str, str]
"""Series -> its values, one a step, in promtool's notation: ``0+10x60`` is 0 and then 60 steps of 10."""

HOUR = 60
DAY = 24 * HOUR
WEEK = 7 * DAY
SLOW, SLOWER = 5, 10
"""Steps, in minutes, of stories that are long: a scrape a minute would take promtool minutes."""
DAYS_STEPS = DAY // SLOW
WEEKS_STEPS = WEEK // SLOWER


@dataclass(frozen=True)
class Case:
    """``at`` is in minutes, and so is ``step``, the time between two values. ``labels`` and ``value`` (as printed in the texts) are those of the one alert that is expected; without labels none is."""

    alert: str
    story: str
    at: int
    series: Series
    labels: dict[str, str] | None = None
    value: str = ""
    step: int = 1

    def document(self, alert: Alert, rules: str) -> dict[str, Any]:
        """A file for ``promtool test rules``."""
        expected = []
        if self.labels is not None:
            labels = {"namespace": "llm", **self.labels}
            texts = {"summary": alert.summary, "description": alert.description, "runbook_url": f"{RUNBOOKS}#{alert.name.lower()}"}
            filled = {name: self._filled(text, labels) for name, text in texts.items()}
            expected = [{"exp_labels": {**labels, "severity": alert.severity}, "exp_annotations": filled}]
        return {
            "rule_files": [rules],
            "evaluation_interval": f"{self.step}m",
            "tests": [
                {
                    "interval": f"{self.step}m",
                    "input_series": [{"series": name, "values": values} for name, values in self.series.items()],
                    "alert_rule_test": [{"eval_time": f"{self.at}m", "alertname": self.alert, "exp_alerts": expected}],
                }
            ],
        }

    def _filled(self, text: str, labels: dict[str, str]) -> str:
        text = re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels[found[1]], text)
        return re.sub(r"{{ \$value[^}]*}}", self.value, text)


def series(name: str, values: str, /, **labels: str) -> Series:
    inside = ",".join(f'{label.rstrip("_")}="{value}"' for label, value in {"namespace": "llm", **labels}.items())
    return {f"{name}{{{inside}}}": values}


def requests(values: str, outcome: str = "ok", status_class: str = "2xx", **labels: str) -> Series:
    return series("rosetta_requests_total", values, outcome=outcome, status_class=status_class, **labels)


def failed(values: str, status_class: str = "5xx", **labels: str) -> Series:
    return requests(values, "error", status_class, **labels)


def attempts(provider: str, values: str, error_type: str = "", reason: str = "initial") -> Series:
    outcome = "error" if error_type else "ok"
    return series("rosetta_upstream_attempts_total", values, provider=provider, outcome=outcome, error_type=error_type, reason=reason)


def histogram(metric: str, minutes: int, below: float, upto: float, **labels: str) -> Series:
    """Ten values a minute, all between two neighbouring bounds."""
    made: Series = {}
    for bound, per_minute in ((f"{below:g}", 0), (f"{upto:g}", 10), ("+Inf", 10)):
        made |= series(f"{metric}_bucket", f"0+{per_minute}x{minutes}", le=bound, **labels)
    return made


DURATION, FIRST_CHUNK = "rosetta_request_duration_seconds", "gen_ai_client_operation_time_to_first_chunk_seconds"
HOP = {"from_": "openai_chat", "to": "anthropic", "direction": "stream"}
WORD = {"from": "openai_chat", "to": "anthropic", "direction": "stream"}
REPLICA = {"pod": "rosetta-0", "instance": "10.0.0.1:8765"}

CASES: tuple[Case, ...] = (
    Case(
        "RosettaDown",
        "two minutes without an answer",
        5,
        series("up", "1 1 0 0 0 0 0", job="rosetta", instance="a:1") | series("up", "1x6", job="rosetta", instance="b:1"),
        {"job": "rosetta", "instance": "a:1"},
    ),
    Case("RosettaDown", "one scrape lost", 5, series("up", "1 1 1 1 0 1 1", job="rosetta", instance="a:1")),
    Case("RosettaDown", "another program is down", 6, series("up", "0x7", job="grafana", instance="a:1")),
    Case("RosettaErrorBudgetBurnFast", "one of ten fails for an hour", 70, requests("0+90x70") | failed("0+10x70"), {}, "10%"),
    Case("RosettaErrorBudgetBurnFast", "one of ten failed, and it is over", 70, requests("0+90x70") | failed("0+10x60 600x10")),
    Case("RosettaErrorBudgetBurnFast", "half fails for five minutes only", 70, requests("0+90x70") | failed("0x65 10+90x5")),
    Case("RosettaErrorBudgetBurnFast", "what clients got wrong", 70, requests("0+90x70") | failed("0+50x70", status_class="4xx")),
    Case("RosettaErrorBudgetBurnFast", "a single one at night", 70, requests("0x60 1x10") | failed("0x67 1 1 1")),
    Case("RosettaErrorBudgetBurnSlow", "one of twenty fails for hours", 7 * HOUR, requests("0+95x420") | failed("0+5x420"), {}, "5%"),
    Case("RosettaErrorBudgetBurnSlow", "it is over", 7 * HOUR, requests("0+95x420") | failed("0+20x360 7200x60")),
    Case("RosettaErrorBudgetBurnSlow", "within the objective", 7 * HOUR, requests("0+998x420") | failed("0+2x420")),
    Case(
        "RosettaHighLatencyP95",
        "answers of two to three minutes",
        40,
        histogram(DURATION, 40, 81.92, 163.84, client_format="anthropic", provider="a", stream="true"),
        {"client_format": "anthropic"},
        "2m 39s",
    ),
    Case("RosettaHighLatencyP95", "answers of a minute", 40, histogram(DURATION, 40, 40.96, 81.92, client_format="anthropic")),
    Case("RosettaHighLatencyP95", "slow ones of a while ago", 60, histogram(DURATION, 40, 81.92, 163.84, client_format="anthropic")),
    Case(
        "RosettaTTFTHigh",
        "half a minute to the first token",
        30,
        histogram(FIRST_CHUNK, 30, 20, 30, gen_ai_provider_name="openai"),
        {"gen_ai_provider_name": "openai"},
        "29.5s",
    ),
    Case("RosettaTTFTHigh", "ten seconds", 30, histogram(FIRST_CHUNK, 30, 7.5, 10, gen_ai_provider_name="openai")),
    Case(
        "RosettaOverheadHigh",
        "a tenth of a second of its own",
        30,
        histogram("rosetta_overhead_seconds", 30, 0.05, 0.1, client_format="anthropic", upstream_format="openai_chat"),
        {},
        "99.5ms",
    ),
    Case(
        "RosettaOverheadHigh", "five milliseconds", 30, histogram("rosetta_overhead_seconds", 30, 0.0025, 0.005, client_format="anthropic")
    ),
    Case(
        "RosettaConversionErrors",
        "one stream could not be read",
        6,
        series("rosetta_conversion_total", "0 0 0 0 1 1 1", outcome="error", **HOP)
        | series("rosetta_conversion_total", "0+5x6", outcome="ok", **HOP),
        WORD,
        "1",
    ),
    Case("RosettaConversionErrors", "one long ago", 20, series("rosetta_conversion_total", "0 1x20", outcome="error", **HOP)),
    Case(
        "RosettaConversionLossSpike",
        "a new client comes",
        DAY,
        series("rosetta_conversion_total", f"0+50x{DAYS_STEPS}", outcome="ok", **HOP)
        | series("rosetta_conversion_loss_total", f"0+5x{DAYS_STEPS - 12} {5 * (DAYS_STEPS - 12)}+100x12", field="tools", kind="dropped"),
        {},
        "2",
        SLOW,
    ),
    Case(
        "RosettaConversionLossSpike",
        "as many as every day",
        DAY,
        series("rosetta_conversion_total", f"0+50x{DAYS_STEPS}", outcome="ok", **HOP)
        | series("rosetta_conversion_loss_total", f"0+100x{DAYS_STEPS}", field="tools", kind="dropped"),
        step=SLOW,
    ),
    Case(
        "RosettaConversionLossSpike",
        "a few where there were none",
        DAY,
        series("rosetta_conversion_total", f"0+50x{DAYS_STEPS}", outcome="ok", **HOP)
        | series("rosetta_conversion_loss_total", f"0x{DAYS_STEPS - 12} 0+5x12", field="tools", kind="dropped"),
        step=SLOW,
    ),
    Case("RosettaProviderFailing", "three of five", 12, attempts("a", "0+4x12") | attempts("a", "0+6x12", "503"), {"provider": "a"}, "60%"),
    Case("RosettaProviderFailing", "two of five", 12, attempts("a", "0+6x12") | attempts("a", "0+4x12", "503")),
    Case("RosettaProviderFailing", "clients write nonsense", 12, attempts("a", "0+4x12") | attempts("a", "0+6x12", "400")),
    Case(
        "RosettaAllProvidersFailing",
        "both in use fail, a third is idle",
        12,
        attempts("a", "0+9x12", "timeout_connect") | attempts("b", "0+4x12") | attempts("b", "0+6x12", "401") | attempts("c", "5x12"),
        {},
        "2",
    ),
    Case("RosettaAllProvidersFailing", "one goes on", 12, attempts("a", "0+9x12", "503") | attempts("b", "0+4x12")),
    Case("RosettaAllProvidersFailing", "nobody asks anything", 12, attempts("a", "9x12", "503")),
    Case(
        "RosettaCircuitOpen",
        "each probe fails",
        12,
        series("rosetta_circuit_state", "0 0 2 2 1 2 2 1 2 2 1 2 2", provider="a", model="m", pod="rosetta-0"),
        {"provider": "a", "model": "m"},
    ),
    Case(
        "RosettaCircuitOpen",
        "the first probe is good",
        12,
        series("rosetta_circuit_state", "0 0 2 2 1 0 0 0 0 0 0 0 0", provider="a", model="m"),
    ),
    Case(
        "RosettaFallbackRateHigh",
        "one of five",
        25,
        requests("0+10x25") | series("rosetta_fallbacks_total", "0+2x25", from_provider="a", to_provider="b", reason="503"),
        {},
        "20%",
    ),
    Case(
        "RosettaFallbackRateHigh",
        "one of twenty",
        25,
        requests("0+20x25") | series("rosetta_fallbacks_total", "0+1x25", from_provider="a", to_provider="b", reason="503"),
    ),
    Case(
        "RosettaRetryStorm",
        "each is tried twice",
        25,
        attempts("a", "0+10x25", "503") | attempts("a", "0+6x25", "503", "retry") | attempts("b", "0+4x25", reason="fallback"),
        {},
        "2",
    ),
    Case("RosettaRetryStorm", "one of five is tried again", 25, attempts("a", "0+10x25") | attempts("a", "0+2x25", reason="retry")),
    Case(
        "RosettaUpstreamRateLimited", "one of ten", 12, attempts("a", "0+9x12") | attempts("a", "0+1x12", "429"), {"provider": "a"}, "10%"
    ),
    Case("RosettaUpstreamRateLimited", "one of a hundred", 12, attempts("a", "0+99x12") | attempts("a", "0+1x12", "429")),
    Case(
        "RosettaStreamStalled",
        "silences of half a minute",
        20,
        histogram("rosetta_stream_gap_seconds", 20, 20.48, 40.96, provider="a"),
        {"provider": "a"},
        "40.76s",
    ),
    Case("RosettaStreamStalled", "silences of two seconds", 20, histogram("rosetta_stream_gap_seconds", 20, 1.28, 2.56, provider="a")),
    Case(
        "RosettaInflightSaturation",
        "85 of 100",
        8,
        series("rosetta_inflight_requests", "45x8", client_format="anthropic", stream="true", **REPLICA)
        | series("rosetta_inflight_requests", "40x8", client_format="openai_chat", stream="true", **REPLICA)
        | series("rosetta_inflight_limit", "100x8", **REPLICA),
        REPLICA,
        "85%",
    ),
    Case("RosettaInflightSaturation", "no limit is set", 8, series("rosetta_inflight_requests", "900x8", stream="true", **REPLICA)),
    Case(
        "RosettaInflightSaturation",
        "two replicas at half",
        8,
        series("rosetta_inflight_requests", "50x8", stream="true", **REPLICA)
        | series("rosetta_inflight_requests", "50x8", stream="true", pod="rosetta-1", instance="10.0.0.2:8765")
        | series("rosetta_inflight_limit", "100x8", **REPLICA)
        | series("rosetta_inflight_limit", "100x8", pod="rosetta-1", instance="10.0.0.2:8765"),
    ),
    Case(
        "RosettaConfigReloadFailed",
        "a faulty file",
        10,
        series("rosetta_config_reload_total", "0x5 1x5", outcome="failure", **REPLICA),
        REPLICA,
    ),
    Case("RosettaConfigReloadFailed", "a good file", 10, series("rosetta_config_reload_total", "0x5 1x5", outcome="success", **REPLICA)),
    Case(
        "RosettaConfigReloadFailed",
        "a faulty file an hour ago",
        70,
        series("rosetta_config_reload_total", "0x5 1x70", outcome="failure", **REPLICA),
    ),
    Case(
        "RosettaLabelOverflow",
        "a long list of models",
        5,
        series("rosetta_metrics_label_overflow_total", "3x5", metric="rosetta_requests_total", label="model"),
        {"metric": "rosetta_requests_total", "label": "model"},
    ),
    Case(
        "RosettaLabelOverflow",
        "all fit",
        5,
        series("rosetta_metrics_label_overflow_total", "0x5", metric="rosetta_requests_total", label="model"),
    ),
    Case(
        "RosettaNoTraffic",
        "silence where there was work a week ago",
        WEEK + 80,
        requests(f"0+50x{WEEKS_STEPS} {50 * WEEKS_STEPS}x10"),
        {},
        step=SLOWER,
    ),
    Case("RosettaNoTraffic", "work goes on", WEEK + 80, requests(f"0+50x{WEEKS_STEPS + 10}"), step=SLOWER),
    Case(
        "RosettaNoTraffic",
        "it was silent a week ago too",
        WEEK + 80,
        requests(f"0x20 0+50x{WEEKS_STEPS - 21} {50 * WEEKS_STEPS}x10"),
        step=SLOWER,
    ),
)
