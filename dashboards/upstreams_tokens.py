"""Upstreams and tokens: how the providers behave, what is retried, who is asked instead, and how many tokens that takes."""

from __future__ import annotations

from dashboards.expressions import increase, quantile, rate, ratio, selector
from dashboards.panels import Dashboard, Panel, Query, Row, table
from dashboards.variables import MODEL, NAMESPACE, POD, PROVIDER
from rosetta.telemetry import names


def _tokens(token_type: str) -> str:
    return rate(names.TOKEN_USAGE, matchers=f'gen_ai_token_type="{token_type}"', suffix="_sum")


_ATTEMPTS = Row(
    "Attempts",
    (
        Panel(
            "Attempts by outcome",
            "Requests sent to providers, retries and fallbacks included.",
            "reqps",
            (Query(rate(names.UPSTREAM_ATTEMPTS, names.ATTEMPT_OUTCOME), "{{outcome}}"),),
            stacked=True,
        ),
        Panel(
            "Attempts by provider",
            "Who is asked how often.",
            "reqps",
            (Query(rate(names.UPSTREAM_ATTEMPTS, names.PROVIDER), "{{provider}}"),),
            stacked=True,
        ),
        Panel(
            "Failed attempts by provider",
            "Share of attempts that failed. Retries and fallbacks hide these from clients.",
            "percentunit",
            (
                Query(
                    ratio(
                        rate(names.UPSTREAM_ATTEMPTS, names.PROVIDER, matchers='outcome="error"'),
                        rate(names.UPSTREAM_ATTEMPTS, names.PROVIDER),
                    ),
                    "{{provider}}",
                ),
            ),
            red_from=0.5,
        ),
        Panel(
            "Why attempts fail",
            "Failed attempts by status of the provider, or by what broke.",
            "reqps",
            (
                Query(
                    rate(names.UPSTREAM_ATTEMPTS, names.PROVIDER, names.ERROR_TYPE, matchers='outcome="error"'),
                    "{{provider}}: {{error_type}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Rate limited by providers",
            "Answers with status 429: the account's limit there is reached.",
            "reqps",
            (Query(rate(names.UPSTREAM_ATTEMPTS, names.PROVIDER, matchers='error_type="429"'), "{{provider}}"),),
        ),
        Panel(
            "Providers' own errors",
            "Answers with a status of 500 and above; 529 is Anthropic's word for overloaded.",
            "reqps",
            (Query(rate(names.UPSTREAM_ATTEMPTS, names.PROVIDER, matchers='error_type=~"5.."'), "{{provider}}"),),
        ),
    ),
)
_RESILIENCE = Row(
    "Retries, fallbacks, circuits",
    (
        Panel(
            "Attempts per request",
            "1 is a request that went well at once. Past 1.5 the retries themselves become load.",
            "short",
            (Query(ratio(rate(names.UPSTREAM_ATTEMPTS), rate(names.UPSTREAM_ATTEMPTS, matchers='reason="initial"')), "attempts"),),
            red_from=1.5,
        ),
        Panel(
            "Retries and fallbacks",
            "Attempts after the first one: at the same target, and at the next of its chain.",
            "reqps",
            (Query(rate(names.UPSTREAM_ATTEMPTS, names.REASON, matchers='reason!="initial"'), "{{reason}}"),),
            stacked=True,
        ),
        Panel(
            "Waits between retries p95",
            "How long a retry waited; a provider's Retry-After is obeyed.",
            "s",
            (Query(quantile(0.95, names.RETRY_DELAY, names.PROVIDER), "{{provider}}"),),
        ),
        Panel(
            "Circuits",
            "A target that fails again and again is left alone for a while (open), then tried with one request (half open).",
            "none",
            (Query(f"max by (provider, model) ({selector(names.CIRCUIT_STATE)})", "{{provider}} {{model}}"),),
            kind="state-timeline",
            width=16,
            mappings={"0": ("closed", "green"), "1": ("half open", "orange"), "2": ("open", "red")},
        ),
        Panel(
            "Reasoning state lost",
            "Requests that another target answered than the one that made the conversation's reasoning state, which that one cannot read.",
            "reqps",
            (Query(rate(names.SEALS_LOST, names.PROVIDER), "{{provider}}"),),
        ),
        Panel(
            "Who was asked instead",
            "Fallbacks in the time shown: from whom, to whom, and why.",
            "short",
            (Query(increase(names.FALLBACKS, names.FROM_PROVIDER, names.TO_PROVIDER, names.FALLBACK_REASON) + " > 0", "fallbacks"),),
            kind="table",
            width=24,
            height=7,
            transformations=table("from_provider", "to_provider", "reason", value="fallbacks"),
        ),
    ),
)
_SPEED = Row(
    "Speed",
    (
        Panel(
            "First token",
            "From asking the provider to the first content of its stream. Points are traces.",
            "s",
            tuple(
                Query(
                    quantile(share, names.FIRST_CHUNK, names.GEN_AI_PROVIDER),
                    f"p{share * 100:g} {{{{gen_ai_provider_name}}}}",
                    exemplar=True,
                )
                for share in (0.5, 0.95)
            ),
        ),
        Panel(
            "Time per output token",
            "Of a stream after its first content. Points are traces.",
            "s",
            tuple(
                Query(
                    quantile(share, names.TIME_PER_OUTPUT_TOKEN, names.GEN_AI_PROVIDER),
                    f"p{share * 100:g} {{{{gen_ai_provider_name}}}}",
                    exemplar=True,
                )
                for share in (0.5, 0.95)
            ),
        ),
        Panel(
            "Longest silence p99",
            "The longest pause of a stream after its first content. Past 30 s clients take it for dead.",
            "s",
            (Query(quantile(0.99, names.STREAM_GAP, names.PROVIDER), "{{provider}}", exemplar=True),),
            red_from=30,
        ),
        Panel(
            "Attempt's duration p95",
            "From asking the provider to the end of its answer, by model. Points are traces.",
            "s",
            (Query(quantile(0.95, names.OPERATION_DURATION, names.GEN_AI_MODEL), "{{gen_ai_request_model}}", exemplar=True),),
            width=12,
        ),
        Panel(
            "Attempt's duration p95 of what failed",
            "How long a failing provider keeps its clients waiting, by what went wrong.",
            "s",
            (
                Query(
                    quantile(0.95, names.OPERATION_DURATION, names.GEN_AI_PROVIDER, names.ERROR_TYPE, matchers='error_type!=""'),
                    "{{gen_ai_provider_name}}: {{error_type}}",
                ),
            ),
            width=12,
        ),
    ),
)
_TOKENS = Row(
    "Tokens",
    (
        Panel(
            "Tokens",
            "Tokens per second. Input holds what came from the provider's cache, output holds the reasoning.",
            "cps",
            (
                Query(
                    rate(names.TOKEN_USAGE, names.GEN_AI_TOKEN_TYPE, matchers='gen_ai_token_type=~"input|output"', suffix="_sum"),
                    "{{gen_ai_token_type}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Tokens by model",
            "Input and output together, by the entry of the config.",
            "cps",
            (
                Query(
                    rate(names.TOKEN_USAGE, names.GEN_AI_MODEL, matchers='gen_ai_token_type=~"input|output"', suffix="_sum"),
                    "{{gen_ai_request_model}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Of the input from cache, of the output reasoning",
            "Cached input costs a tenth at most vendors. A fall of the first line is a higher bill.",
            "percentunit",
            (
                Query(ratio(_tokens("cached_input"), _tokens("input")), "input from cache"),
                Query(ratio(_tokens("reasoning"), _tokens("output")), "output spent on reasoning"),
            ),
        ),
        Panel(
            "Tokens per request p95",
            "How long conversations and answers are.",
            "short",
            (
                Query(
                    quantile(0.95, names.TOKEN_USAGE, names.GEN_AI_TOKEN_TYPE, matchers='gen_ai_token_type=~"input|output"'),
                    "{{gen_ai_token_type}}",
                    exemplar=True,
                ),
            ),
        ),
        Panel(
            "Tokens by key",
            "Input and output of keys with metrics: true.",
            "cps",
            (Query(rate(names.KEY_TOKENS, names.KEY, matchers='token_type=~"input|output"'), "{{key}}"),),
            stacked=True,
        ),
        Panel(
            "Refused by limits",
            "Requests that a limit refused: which limit, and whose.",
            "reqps",
            (Query(rate(names.RATE_LIMITS, names.LIMIT, names.KEY_GROUP, matchers='decision="deny"'), "{{limit}} of {{key_group}}"),),
        ),
        Panel(
            "Labels that overflowed",
            "Names of the config that are folded into _other as there are too many of them. None is normal.",
            "short",
            (Query(f"sum by (metric, label) ({selector(names.LABEL_OVERFLOW)})", "{{metric}} {{label}}"),),
            width=24,
            height=5,
        ),
    ),
)

UPSTREAMS_TOKENS = Dashboard(
    "rosetta-upstreams-tokens",
    "rosetta / Upstreams and tokens",
    "How the providers behave, what is retried, who is asked instead, and how many tokens that takes.",
    (NAMESPACE, POD, PROVIDER, MODEL),
    (_ATTEMPTS, _RESILIENCE, _SPEED, _TOKENS),
)
