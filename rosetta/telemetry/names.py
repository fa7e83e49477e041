"""Every span, attribute, event, metric and label that rosetta emits, once.

The GenAI names follow OpenTelemetry's conventions (open-telemetry/semantic-conventions-genai, status Development). They are written out
here instead of imported: a new version of a package must not rename what dashboards and alerts of users rely on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OTHER = "_other"
"""Stands for every value outside a label's closed set: a model that no entry of the config answers, a name past the guard's limit."""
NONE = "_none"
"""Stands where a request ended before the thing was known: no provider was chosen, no model was named."""
LABEL_VALUES_MAX = 100
"""So many different values of one label of one metric are told apart; the rest fold into ``_other``."""

FORMATS = ("openai_chat", "openai_responses", "anthropic", "google_genai")
STATUS_CLASSES = ("2xx", "3xx", "4xx", "5xx")
OUTCOMES = ("ok", "error", "rate_limited", "client_disconnect", "auth")
ATTEMPT_OUTCOMES = ("ok", "error", "client_disconnect")
BOOLEANS = ("true", "false")
DIRECTIONS = ("request", "response", "stream")
STREAM_DIRECTIONS = ("in", "out")
CONVERSION_OUTCOMES = ("ok", "error")
LOSS_KINDS = ("dropped", "approximated", "emulated", "injected")
LOSS_CLASSES = ("content", "setting", "hint")
REASONS = ("initial", "retry", "fallback")
CIRCUIT_STATES = {"closed": 0, "half_open": 1, "open": 2}
LIMITS = ("rpm", "tpm", "concurrency")
DECISIONS = ("allow", "deny")
KEY_GROUPS = ("key", "model", "gateway")
RELOADS = ("success", "unchanged", "failure")
TOKEN_TYPES = ("input", "output", "cached_input", "cache_creation_input", "reasoning")
OPERATIONS = ("chat", "generate_content")
UPSTREAM_STATUSES = frozenset(
    {400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 415, 422, 424, 425, 429, 499, 500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 529}
)
"""Statuses that ``error_type`` tells apart; another becomes ``_OTHER``."""
ERROR_WORDS = (
    "timeout_connect",
    "timeout_read",
    "connection_error",
    "protocol_error",
    "conversion_error",
    "client_disconnect",
    "circuit_open",
    "rate_limited",
    "auth",
    "_OTHER",
)
ERROR_TYPES = (*ERROR_WORDS, *(str(status) for status in sorted(UPSTREAM_STATUSES)))
STREAM_EVENTS = (
    "start",
    "block_start",
    "text_delta",
    "refusal_delta",
    "reasoning_delta",
    "seal_delta",
    "arguments_delta",
    "citation_delta",
    "logprobs_delta",
    "block_data",
    "block_end",
    "usage_update",
    "choice_end",
    "opaque_event",
    "end",
    "failed",
)
"""The intermediate representation's kinds of events, in snake case."""
GEN_AI_PROVIDERS = {
    "google": "gcp.gemini",
    "azure": "azure.ai.openai",
    "mistral": "mistral_ai",
    "xai": "x_ai",
    "moonshot": "moonshot_ai",
}
"""Vendors of the catalog whose name in the GenAI conventions differs; the others keep theirs."""

ROUTES = (
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/responses/compact",
    "/v1/responses/input_tokens",
    "/v1/responses/{id}",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1beta/models/{model}:generateContent",
    "/v1beta/models/{model}:streamGenerateContent",
    "/v1beta/models/{model}:countTokens",
    "/v1/models",
    "/v1/models/{model}",
    "/{path}",
)
"""Every ``http.route``: templates, never what a client wrote. A path with another prefix has the template of the plain one."""

# ---------------------------------------------------------------- labels


@dataclass(frozen=True)
class Label:
    """A label of a metric. ``values`` is its closed set; None: the names in the config, guarded."""

    name: str
    help: str
    values: tuple[str, ...] | None = None


CLIENT_FORMAT = Label("client_format", "The wire format that the client speaks.", FORMATS)
UPSTREAM_FORMAT = Label("upstream_format", "The wire format of the upstream; `_none` where none was asked.", (*FORMATS, NONE))
PROVIDER = Label("provider", "The provider's name in the config; `_none` where none was chosen.")
MODEL = Label(
    "model", "The model's entry in the config as it is written there (`gpt-*`, `openai/*`); `_other` for a name that no entry answers."
)
STATUS_CLASS = Label("status_class", "The class of the HTTP status that the client got; 4xx for one who left before any.", STATUS_CLASSES)
OUTCOME = Label(
    "outcome",
    "What became of the request. An error after the head was sent is an `error` of class 2xx; the client's own fault has 4xx.",
    OUTCOMES,
)
STREAM = Label("stream", "Whether the client asked for a stream.", BOOLEANS)
FROM = Label("from", "The wire format that is converted.", FORMATS)
TO = Label("to", "The wire format that comes out.", FORMATS)
DIRECTION = Label("direction", "What is converted: the request, a whole response, or a streamed one.", DIRECTIONS)
CONVERSION_OUTCOME = Label("outcome", "Whether the conversion succeeded.", CONVERSION_OUTCOMES)
FIELD = Label("field", "What was lost, in the words of the intermediate representation; `_other` for a wire's own unknown field.")
KIND = Label("kind", "How it was lost.", LOSS_KINDS)
FORMAT = Label("format", "The wire format of the stream.", FORMATS)
STREAM_DIRECTION = Label("direction", "`in` from the upstream, `out` to the client.", STREAM_DIRECTIONS)
EVENT = Label("event", "The kind of event of the intermediate representation.", STREAM_EVENTS)
ATTEMPT_OUTCOME = Label("outcome", "What became of the attempt.", ATTEMPT_OUTCOMES)
ERROR_TYPE = Label("error_type", "Why it failed: an HTTP status of the upstream or a word; empty for a success.", ("", *ERROR_TYPES))
REASON = Label("reason", "Why the attempt was made.", REASONS)
FROM_PROVIDER = Label("from_provider", "The provider that did not answer.")
TO_PROVIDER = Label("to_provider", "The provider that was asked instead.")
FALLBACK_REASON = Label("reason", "Why the first one did not answer: an error type; `circuit_open` where it was resting.", ERROR_TYPES)
TARGET_MODEL = Label("model", "The provider's name of the model, where the config names it; `_other` for those that a glob lets through.")
KEY = Label("key", "The key's name, of keys with `metrics: true` only.")
TOKEN_TYPE = Label(
    "token_type",
    "Which tokens. `cached_input` and `cache_creation_input` are part of `input`, `reasoning` of `output`: add up only `input` and `output`.",
    TOKEN_TYPES,
)
LIMIT = Label("limit", "Which limit.", LIMITS)
DECISION = Label("decision", "What it decided.", DECISIONS)
KEY_GROUP = Label("key_group", "Whose limit it is.", KEY_GROUPS)
GEN_AI_OPERATION = Label("gen_ai_operation_name", "The GenAI operation.", OPERATIONS)
GEN_AI_PROVIDER = Label(
    "gen_ai_provider_name", "The vendor in the words of the GenAI conventions; a server of an unknown vendor has its provider's name."
)
GEN_AI_MODEL = Label("gen_ai_request_model", "As `model`: the entry of the config, never raw client text.")
GEN_AI_TOKEN_TYPE = Label("gen_ai_token_type", "As `token_type`.", TOKEN_TYPES)
RELOAD = Label("outcome", "Whether the new config was taken over.", RELOADS)
VERSION = Label("version", "rosetta's version.")
PYTHON = Label("python", "Python's version.")
CONFIG_HASH = Label("config_hash", "The first 12 hexadecimal digits of a SHA-256 over the config without its secrets.")
METRIC_NAME = Label("metric", "The metric whose label overflowed.")
LABEL_NAME = Label("label", "The label that overflowed.")

# ---------------------------------------------------------------- metrics

MetricKind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class Metric:
    """A Prometheus family by its exposed name. ``unit`` is in the words of UCUM or a thing in braces; ``buckets`` are upper bounds in it."""

    name: str
    kind: MetricKind
    unit: str
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of its labels, in their order."""
        return tuple(label.name for label in self.labels)


DURATION_BUCKETS_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
LONG_BUCKETS_S = (*DURATION_BUCKETS_S, 163.84, 327.68, 655.36)
OVERHEAD_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
CONVERSION_BUCKETS_S = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5)
RETRY_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
TOKEN_BUCKETS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
FIRST_CHUNK_BUCKETS_S = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0
)  # fmt: skip
PER_TOKEN_BUCKETS_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)

_GEN_AI = (GEN_AI_OPERATION, GEN_AI_PROVIDER, GEN_AI_MODEL)

REQUESTS = Metric(
    "rosetta_requests_total",
    "counter",
    "{request}",
    "Requests on the API's paths, however early they ended.",
    (CLIENT_FORMAT, PROVIDER, MODEL, STATUS_CLASS, OUTCOME, STREAM),
)
REQUEST_DURATION = Metric(
    "rosetta_request_duration_seconds",
    "histogram",
    "s",
    "From a generation request's headers to the last byte of its answer.",
    (CLIENT_FORMAT, PROVIDER, STREAM),
    LONG_BUCKETS_S,
)
OVERHEAD = Metric(
    "rosetta_overhead_seconds",
    "histogram",
    "s",
    "The gateway's own time in a generation request: its duration without the waits for the upstream, for the client, in the queue and between two tries.",
    (CLIENT_FORMAT, UPSTREAM_FORMAT),
    OVERHEAD_BUCKETS_S,
)
CONVERSION_DURATION = Metric(
    "rosetta_conversion_duration_seconds",
    "histogram",
    "s",
    "Time at work on one conversion; of a stream the sum over its events. Relayed bodies are not converted and not counted.",
    (FROM, TO, DIRECTION),
    CONVERSION_BUCKETS_S,
)
CONVERSIONS = Metric(
    "rosetta_conversion_total",
    "counter",
    "{conversion}",
    "Conversions. A body that is not of its client's own format is the client's error, not the conversion's.",
    (FROM, TO, DIRECTION, CONVERSION_OUTCOME),
)
CONVERSION_LOSSES = Metric(
    "rosetta_conversion_loss_total", "counter", "{loss}", "Things that a target could not say.", (FROM, TO, FIELD, KIND)
)
STREAM_EVENTS_TOTAL = Metric(
    "rosetta_stream_events_total",
    "counter",
    "{event}",
    "Events of streamed answers: `in` as they were decoded, `out` as the client got them.",
    (FORMAT, STREAM_DIRECTION, EVENT),
)
UPSTREAM_ATTEMPTS = Metric(
    "rosetta_upstream_attempts_total",
    "counter",
    "{attempt}",
    "Requests sent to upstreams, retries and fallbacks included.",
    (PROVIDER, UPSTREAM_FORMAT, ATTEMPT_OUTCOME, ERROR_TYPE, REASON),
)
FALLBACKS = Metric(
    "rosetta_fallbacks_total",
    "counter",
    "{fallback}",
    "Requests that went on to the next target of their chain.",
    (FROM_PROVIDER, TO_PROVIDER, FALLBACK_REASON),
)
RETRY_DELAY = Metric("rosetta_retry_delay_seconds", "histogram", "s", "How long a retry waited.", (PROVIDER,), RETRY_BUCKETS_S)
CIRCUIT_STATE = Metric(
    "rosetta_circuit_state", "gauge", "1", "A target's circuit: 0 closed, 1 half open, 2 open.", (PROVIDER, TARGET_MODEL)
)
KEY_TOKENS = Metric(
    "rosetta_key_tokens_total", "counter", "{token}", "Tokens used under a key that has `metrics: true`.", (KEY, TOKEN_TYPE)
)
RATE_LIMITS = Metric("rosetta_rate_limit_total", "counter", "{decision}", "Decisions of configured limits.", (LIMIT, DECISION, KEY_GROUP))
INFLIGHT = Metric("rosetta_inflight_requests", "gauge", "{request}", "Generation requests under way.", (CLIENT_FORMAT, STREAM))
INFLIGHT_LIMIT = Metric(
    "rosetta_inflight_limit",
    "gauge",
    "{request}",
    "How many requests this replica admits at once (limits.concurrency shared by limits.replicas); absent where there is no such limit.",
)
STREAM_GAP = Metric(
    "rosetta_stream_gap_seconds",
    "histogram",
    "s",
    "The longest silence of a streamed answer's upstream after its first content, one value per stream.",
    (PROVIDER,),
    DURATION_BUCKETS_S,
)
TOKEN_USAGE = Metric(
    "gen_ai_client_token_usage",
    "histogram",
    "{token}",
    "Tokens per answered request, as the upstream counted them; input includes cached tokens.",
    (*_GEN_AI, GEN_AI_TOKEN_TYPE),
    TOKEN_BUCKETS,
)
OPERATION_DURATION = Metric(
    "gen_ai_client_operation_duration_seconds",
    "histogram",
    "s",
    "From sending a request to an upstream to the end of its answer, one value per attempt.",
    (*_GEN_AI, ERROR_TYPE),
    DURATION_BUCKETS_S,
)
FIRST_CHUNK = Metric(
    "gen_ai_client_operation_time_to_first_chunk_seconds",
    "histogram",
    "s",
    "From sending a request to an upstream to the first content of its stream.",
    _GEN_AI,
    FIRST_CHUNK_BUCKETS_S,
)
TIME_PER_OUTPUT_TOKEN = Metric(
    "gen_ai_server_time_per_output_token_seconds",
    "histogram",
    "s",
    "Time per output token of a stream after its first content.",
    _GEN_AI,
    PER_TOKEN_BUCKETS_S,
)
SEALS_LOST = Metric(
    "rosetta_seals_lost_total",
    "counter",
    "{request}",
    "Requests answered by another target than the one that made the conversation's reasoning state, which that one cannot read.",
    (PROVIDER,),
)
STORE_DEGRADED = Metric(
    "rosetta_limit_store_degraded", "gauge", "1", "1 while the shared store of limits cannot be reached and this replica counts for itself."
)
DRAINING = Metric("rosetta_draining", "gauge", "1", "1 from SIGTERM on, while the last requests end.")
BUILD_INFO = Metric("rosetta_build_info", "gauge", "1", "Always 1; what is running.", (VERSION, PYTHON))
CONFIG_INFO = Metric("rosetta_config_info", "gauge", "1", "Always 1; which config is in force.", (CONFIG_HASH,))
CONFIG_RELOADS = Metric("rosetta_config_reload_total", "counter", "{reload}", "Attempts to take over a changed config.", (RELOAD,))
LABEL_OVERFLOW = Metric(
    "rosetta_metrics_label_overflow_total",
    "counter",
    "{value}",
    "Label values that were folded into `_other` although the config knows them, as there are too many.",
    (METRIC_NAME, LABEL_NAME),
)

METRICS: tuple[Metric, ...] = (
    REQUESTS,
    REQUEST_DURATION,
    OVERHEAD,
    CONVERSION_DURATION,
    CONVERSIONS,
    CONVERSION_LOSSES,
    STREAM_EVENTS_TOTAL,
    UPSTREAM_ATTEMPTS,
    FALLBACKS,
    RETRY_DELAY,
    CIRCUIT_STATE,
    KEY_TOKENS,
    RATE_LIMITS,
    INFLIGHT,
    INFLIGHT_LIMIT,
    STREAM_GAP,
    TOKEN_USAGE,
    OPERATION_DURATION,
    FIRST_CHUNK,
    TIME_PER_OUTPUT_TOKEN,
    SEALS_LOST,
    STORE_DEGRADED,
    DRAINING,
    BUILD_INFO,
    CONFIG_INFO,
    CONFIG_RELOADS,
    LABEL_OVERFLOW,
)

# ---------------------------------------------------------------- spans


@dataclass(frozen=True)
class Attribute:
    """An attribute of a span or an event. ``type`` is OpenTelemetry's; ``unit`` as in Metric, empty where there is none."""

    name: str
    type: Literal["string", "string[]", "int", "double", "boolean"]
    help: str
    unit: str = ""


@dataclass(frozen=True)
class SpanEvent:
    """Something that happened within a span."""

    name: str
    help: str
    attributes: tuple[Attribute, ...] = ()


@dataclass(frozen=True)
class Span:
    """A kind of span. ``name`` is a template: what stands in braces is filled in."""

    name: str
    kind: Literal["SERVER", "CLIENT", "INTERNAL"]
    help: str
    attributes: tuple[Attribute, ...] = ()
    events: tuple[SpanEvent, ...] = ()


LOSS_EVENTS_MAX = 32
"""So many losses of a conversion become events; then one event says how many were left out."""

HTTP_METHOD = Attribute("http.request.method", "string", "The client's HTTP method.")
HTTP_ROUTE = Attribute("http.route", "string", "The path as a template.")
HTTP_STATUS = Attribute("http.response.status_code", "int", "The status that the client got.")
HTTP_RESEND = Attribute("http.request.resend_count", "int", "How many times this target was asked before, on retries.")
URL_PATH = Attribute("url.path", "string", "The path without the query, which may hold a key.")
SERVER_ADDRESS = Attribute("server.address", "string", "The upstream's host.")
SERVER_PORT = Attribute("server.port", "int", "The upstream's port.")
ERROR = Attribute("error.type", "string", "Why it failed: a status or one of the words of `error_type`.")

CLIENT_FORMAT_ATTRIBUTE = Attribute("rosetta.client.format", "string", "The wire format that the client speaks.")
REQUEST_ID = Attribute("rosetta.request.id", "string", "The id that the client got as x-rosetta-request-id.")
STREAM_ATTRIBUTE = Attribute("rosetta.stream", "boolean", "Whether the client asked for a stream.")
PASSTHROUGH = Attribute("rosetta.passthrough", "boolean", "Whether the request's bytes passed without conversion.")
ATTEMPTS = Attribute("rosetta.attempts", "int", "How many attempts were made.")
KEY_NAME = Attribute("rosetta.key.name", "string", "The name of the key in the config, never the key.")
PROVIDER_ATTRIBUTE = Attribute("rosetta.provider", "string", "The provider's name in the config.")
UPSTREAM_FORMAT_ATTRIBUTE = Attribute("rosetta.upstream.format", "string", "The wire format of the upstream.")
ATTEMPT = Attribute("rosetta.attempt", "int", "The number of the attempt, from 1.")
ATTEMPT_REASON = Attribute("rosetta.attempt.reason", "string", "initial, retry or fallback.")
STREAM_EVENTS_IN = Attribute("rosetta.stream.events", "int", "Wire events that came from the upstream.", "{event}")
STREAM_BYTES = Attribute("rosetta.stream.bytes", "int", "Bytes of the stream that came from the upstream.", "By")
OVERHEAD_ATTRIBUTE = Attribute("rosetta.overhead_ms", "double", "The gateway's own time, as in rosetta_overhead_seconds.", "ms")

CONVERT_DIRECTION = Attribute("rosetta.convert.direction", "string", "request, response or stream.")
CONVERT_FROM = Attribute("rosetta.convert.from", "string", "A wire format, or ir.")
CONVERT_TO = Attribute("rosetta.convert.to", "string", "A wire format, or ir.")
CONVERT_BYTES_IN = Attribute("rosetta.convert.bytes_in", "int", "Size of the wire body that was read.", "By")
CONVERT_BYTES_OUT = Attribute("rosetta.convert.bytes_out", "int", "Size of the wire body that was written.", "By")
CONVERT_MESSAGES = Attribute("rosetta.convert.messages", "int", "Turns of the conversation, system messages included.", "{message}")
CONVERT_TOOLS = Attribute("rosetta.convert.tools", "int", "Tools that were offered.", "{tool}")
CONVERT_LOSSES = Attribute("rosetta.convert.lossy_count", "int", "Losses of this hop.", "{loss}")
CONVERT_EVENTS_IN = Attribute("rosetta.convert.events_in", "int", "Events that went in.", "{event}")
CONVERT_EVENTS_OUT = Attribute("rosetta.convert.events_out", "int", "Events that came out.", "{event}")
CONVERT_CPU = Attribute("rosetta.convert.cpu_time_ms", "double", "Time at work, summed over the stream's events.", "ms")

ROUTE_ALIAS = Attribute("rosetta.route.alias", "string", "The config's entry that answered the model's name.")
ROUTE_CANDIDATES = Attribute("rosetta.route.candidates", "string[]", "The targets as provider/model, the first choice first.")
ROUTE_STRATEGY = Attribute("rosetta.route.strategy", "string", "single, chain, weighted or sticky.")

LOSS_FIELD = Attribute("field", "string", "The path in the words of the wire that was read.")
LOSS_KIND = Attribute("kind", "string", "dropped, approximated, emulated or injected.")
LOSS_CLASS = Attribute("class", "string", "content, setting or hint.")
LOSSES_LEFT_OUT = Attribute("count", "int", "How many losses were left out.", "{loss}")
RETRY_DELAY_ATTRIBUTE = Attribute("delay_s", "double", "How long the retry waits.", "s")
RETRY_AFTER_ATTRIBUTE = Attribute("retry_after_s", "double", "What the upstream asked for.", "s")
FALLBACK_FROM = Attribute("from", "string", "The provider that did not answer.")
FALLBACK_TO = Attribute("to", "string", "The provider that is asked instead.")
FALLBACK_REASON_ATTRIBUTE = Attribute("reason", "string", "An error type, or circuit_open.")
DENIED_LIMIT = Attribute("limit", "string", "rpm, tpm or concurrency.")

GEN_AI_OPERATION_ATTRIBUTE = Attribute("gen_ai.operation.name", "string", "chat or generate_content.")
GEN_AI_PROVIDER_ATTRIBUTE = Attribute("gen_ai.provider.name", "string", "The vendor in the words of the conventions.")
GEN_AI_REQUEST_MODEL = Attribute(
    "gen_ai.request.model", "string", "The model asked for: the client's word on the server span, the provider's on an attempt."
)
GEN_AI_STREAM = Attribute("gen_ai.request.stream", "boolean", "Set when a stream was asked for.")
GEN_AI_MAX_TOKENS = Attribute("gen_ai.request.max_tokens", "int", "The most tokens to make.", "{token}")
GEN_AI_TEMPERATURE = Attribute("gen_ai.request.temperature", "double", "As the client said.")
GEN_AI_TOP_P = Attribute("gen_ai.request.top_p", "double", "As the client said.")
GEN_AI_TOP_K = Attribute("gen_ai.request.top_k", "int", "As the client said.")
GEN_AI_FREQUENCY_PENALTY = Attribute("gen_ai.request.frequency_penalty", "double", "As the client said.")
GEN_AI_PRESENCE_PENALTY = Attribute("gen_ai.request.presence_penalty", "double", "As the client said.")
GEN_AI_SEED = Attribute("gen_ai.request.seed", "int", "As the client said.")
GEN_AI_STOP = Attribute("gen_ai.request.stop_sequences", "string[]", "As the client said.")
GEN_AI_CHOICES = Attribute("gen_ai.request.choice.count", "int", "How many answers were asked for, where it is not 1.")
GEN_AI_OUTPUT_TYPE = Attribute("gen_ai.output.type", "string", "text or json, where the client asked for a shape.")
GEN_AI_RESPONSE_ID = Attribute("gen_ai.response.id", "string", "The upstream's id of the answer.")
GEN_AI_RESPONSE_MODEL = Attribute("gen_ai.response.model", "string", "The model that the upstream says answered.")
GEN_AI_FINISH = Attribute("gen_ai.response.finish_reasons", "string[]", "Why the model stopped, one per choice.")
GEN_AI_FIRST_CHUNK = Attribute(
    "gen_ai.response.time_to_first_chunk", "double", "From sending the request to the first content of a stream.", "s"
)
GEN_AI_INPUT_TOKENS = Attribute("gen_ai.usage.input_tokens", "int", "Tokens read, cached ones included.", "{token}")
GEN_AI_OUTPUT_TOKENS = Attribute("gen_ai.usage.output_tokens", "int", "Tokens made, reasoning included.", "{token}")
GEN_AI_CACHE_READ = Attribute("gen_ai.usage.cache_read.input_tokens", "int", "Of the input: read from the provider's cache.", "{token}")
GEN_AI_CACHE_CREATION = Attribute("gen_ai.usage.cache_creation.input_tokens", "int", "Of the input: written to it.", "{token}")
GEN_AI_REASONING = Attribute("gen_ai.usage.reasoning.output_tokens", "int", "Of the output: spent on reasoning.", "{token}")
GEN_AI_INPUT_MESSAGES = Attribute("gen_ai.input.messages", "string", "The conversation as JSON; only where message content is captured.")
GEN_AI_OUTPUT_MESSAGES = Attribute("gen_ai.output.messages", "string", "The answer as JSON; only where message content is captured.")
GEN_AI_SYSTEM = Attribute("gen_ai.system_instructions", "string", "The system messages as JSON; only where message content is captured.")
GEN_AI_TOOLS = Attribute("gen_ai.tool.definitions", "string", "The offered tools as JSON; only where message content is captured.")

LOSS_EVENT = SpanEvent("rosetta.conversion.loss", "Something that the target cannot say.", (LOSS_FIELD, LOSS_KIND, LOSS_CLASS))
LOSSES_TRUNCATED = SpanEvent("rosetta.conversion.losses_truncated", "More losses than are listed.", (LOSSES_LEFT_OUT,))
DENIED_EVENT = SpanEvent("rate_limit.denied", "A limit refused the request.", (DENIED_LIMIT,))
FALLBACK_EVENT = SpanEvent(
    "provider.fallback", "The next target of the chain is asked.", (FALLBACK_FROM, FALLBACK_TO, FALLBACK_REASON_ATTRIBUTE)
)
FIRST_CHUNK_EVENT = SpanEvent("gen_ai.first_chunk", "The first content of a stream came.")
RETRY_EVENT = SpanEvent("retry.scheduled", "The same target will be asked again.", (RETRY_DELAY_ATTRIBUTE, RETRY_AFTER_ATTRIBUTE, ERROR))

_CONVERT = (CONVERT_DIRECTION, CONVERT_FROM, CONVERT_TO, CONVERT_LOSSES)
_CONTENT = (GEN_AI_INPUT_MESSAGES, GEN_AI_OUTPUT_MESSAGES, GEN_AI_SYSTEM, GEN_AI_TOOLS)

SERVER_SPAN = Span(
    "{method} {route}",
    "SERVER",
    "One request, from its headers to the last byte of its answer.",
    (
        HTTP_METHOD,
        HTTP_ROUTE,
        HTTP_STATUS,
        URL_PATH,
        CLIENT_FORMAT_ATTRIBUTE,
        REQUEST_ID,
        STREAM_ATTRIBUTE,
        PASSTHROUGH,
        ATTEMPTS,
        KEY_NAME,
        PROVIDER_ATTRIBUTE,
        GEN_AI_REQUEST_MODEL,
        OVERHEAD_ATTRIBUTE,
        ERROR,
    ),
    (DENIED_EVENT, FALLBACK_EVENT),
)
CONVERT_REQUEST_SPAN = Span(
    "convert request {from} -> {to}",
    "INTERNAL",
    "One hop of the request: from the client's format to ir under the server span, from ir to the target's format under the attempt.",
    (*_CONVERT, CONVERT_BYTES_IN, CONVERT_BYTES_OUT, CONVERT_MESSAGES, CONVERT_TOOLS, ERROR),
    (LOSS_EVENT, LOSSES_TRUNCATED),
)
CONVERT_RESPONSE_SPAN = Span(
    "convert response {from} -> {to}",
    "INTERNAL",
    "One hop of the answer: from the target's format to ir under the attempt, from ir to the client's format under the server span. "
    "One span for a whole stream.",
    (*_CONVERT, CONVERT_BYTES_IN, CONVERT_BYTES_OUT, CONVERT_EVENTS_IN, CONVERT_EVENTS_OUT, CONVERT_CPU, ERROR),
    (LOSS_EVENT, LOSSES_TRUNCATED),
)
ROUTE_SPAN = Span("route", "INTERNAL", "The model's name becomes a list of targets.", (ROUTE_ALIAS, ROUTE_CANDIDATES, ROUTE_STRATEGY))
ATTEMPT_SPAN = Span(
    "{operation} {model}",
    "CLIENT",
    "One attempt at one target, open until the end of its answer. Retries and fallbacks are its siblings.",
    (
        GEN_AI_OPERATION_ATTRIBUTE,
        GEN_AI_PROVIDER_ATTRIBUTE,
        GEN_AI_REQUEST_MODEL,
        GEN_AI_STREAM,
        GEN_AI_MAX_TOKENS,
        GEN_AI_TEMPERATURE,
        GEN_AI_TOP_P,
        GEN_AI_TOP_K,
        GEN_AI_FREQUENCY_PENALTY,
        GEN_AI_PRESENCE_PENALTY,
        GEN_AI_SEED,
        GEN_AI_STOP,
        GEN_AI_CHOICES,
        GEN_AI_OUTPUT_TYPE,
        SERVER_ADDRESS,
        SERVER_PORT,
        PROVIDER_ATTRIBUTE,
        UPSTREAM_FORMAT_ATTRIBUTE,
        ATTEMPT,
        ATTEMPT_REASON,
        HTTP_RESEND,
        GEN_AI_RESPONSE_ID,
        GEN_AI_RESPONSE_MODEL,
        GEN_AI_FINISH,
        GEN_AI_FIRST_CHUNK,
        GEN_AI_INPUT_TOKENS,
        GEN_AI_OUTPUT_TOKENS,
        GEN_AI_CACHE_READ,
        GEN_AI_CACHE_CREATION,
        GEN_AI_REASONING,
        STREAM_EVENTS_IN,
        STREAM_BYTES,
        ERROR,
        *_CONTENT,
    ),
    (FIRST_CHUNK_EVENT, RETRY_EVENT),
)

SPANS: tuple[Span, ...] = (SERVER_SPAN, CONVERT_REQUEST_SPAN, ROUTE_SPAN, ATTEMPT_SPAN, CONVERT_RESPONSE_SPAN)
TRANSPORT_SPAN_NOTE = "Beneath an attempt stands the span of OpenTelemetry's own httpx instrumentation, named by the method (`POST`): connection and headers only."
