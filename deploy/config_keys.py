"""Every key of the config: its type, its default and what it means, held against rosetta/config/schema.py.

``rows`` walks the schema; ``MEANINGS`` has a sentence for each key. A key without one, or a sentence without its key, is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import inspect

from rosetta.config.decode import rows_of
from rosetta.config.schema import FORMAT_ALIASES, Config, Model, Queue, TargetRow

REFERENCE = {"type": "string", "pattern": r"\$\{"}
"""``${NAME}`` may stand where a number or a word is wanted."""
NUMERAL = {"type": "string", "pattern": r"\$\{|^[0-9]+(\.[0-9]+)?$"}
"""A number as text: `helm --set` makes one of 0.05."""

PLACES = {
    "Config": "",
    "Provider": "providers.NAME",
    "Timeout": "timeout",
    "Model": "models.NAME",
    "TargetRow": "models.NAME.targets[]",
    "Server": "server",
    "Queue": "server.queue",
    "Key": "keys[]",
    "Quota": "keys[].limits, models.NAME.limits",
    "Limits": "limits",
    "Retries": "retries",
    "Telemetry": "telemetry",
}
"""Where each Struct of the schema stands, in the order of the page."""

MEANINGS: Mapping[str, str] = {
    "Config.providers": "The upstreams, by a name of your choice.",
    "Config.models": "What clients may ask for, by name or glob (`gpt-*`): a provider's name, `provider/model`, a list of them tried in order, or a mapping with `targets`.",
    "Config.server": "Where the gateway listens.",
    "Config.keys": "Who may ask. Without any, only a loopback address is served, unless `server.open` is true.",
    "Config.keys_file": "A file of further keys, or a directory with one file for each key, as a mounted Secret is. Read again when it changes.",
    "Config.limits": "The whole gateway's limits, and where they are counted.",
    "Config.retries": "How often a target is tried before the next one.",
    "Config.loss_policy": "`report` never refuses, `contract` refuses dropped content, `lossless` refuses whatever is dropped or approximated.",
    "Config.telemetry": "Traces and logs.",
    "Provider.type": "Its wire format. Without it, `vendor` names a row of the catalog.",
    "Provider.vendor": "A row of the catalog: openai, anthropic, google, ollama and others. By default the provider's own name.",
    "Provider.api_key": "The key to call it with: `${ANTHROPIC_API_KEY}`. Without one it is called without.",
    "Provider.api_keys": "Several keys, used in rotation.",
    "Provider.base_url": "Its address. By default the vendor's.",
    "Provider.headers": "Further headers of every request to it.",
    "Provider.proxy": "An HTTP proxy to reach it through. The proxy variables of the environment are not read.",
    "Provider.ca_file": "A file of certificate authorities to trust for it.",
    "Provider.max_connections": "Connections at once; each stream takes one.",
    "Provider.trusted": "Send it our `traceparent`.",
    "Provider.formats": "Which other formats it speaks; a client's own is preferred.",
    "Provider.seal_group": "Providers of one group can read each other's reasoning state. By default the provider's name.",
    "Provider.auth": "`client` passes the caller's own credential on.",
    "Provider.weight": "The share of its targets among their neighbours, where they have none of their own.",
    "Provider.timeout": "Limits of time for its answers.",
    "Provider.dialect": "What it accepts, where it differs from the catalog. A body of its own wire passes as it is; with `rewrite: needed` not where it holds "
    "what the server does not take, as Codex's namespaces, Claude Code's system messages amid the others or the role `developer`, with `true` never.",
    "Timeout.connect": "Seconds to connect.",
    "Timeout.first_token": "Seconds until the first token.",
    "Timeout.idle": "Seconds between two events.",
    "Timeout.total": "Seconds for the whole reply.",
    "Model.targets": "Who answers, tried in this order. Neighbours with a `weight` share the load.",
    "Model.sticky": "Keep a session on the target that has its prompt in the cache.",
    "Model.loss_policy": "As the top one, for this model.",
    "Model.timeout": "As a provider's, for this model.",
    "Model.limits": "Limits of this model.",
    "TargetRow.provider": "One of `providers`.",
    "TargetRow.model": "The provider's name for the model. By default the name that was asked for.",
    "TargetRow.weight": "Its share of the load among neighbours that have one.",
    "TargetRow.context_window": "Tokens that it can take; longer requests pass it by.",
    "TargetRow.timeout": "As a provider's, for this target.",
    "Server.host": "The address to listen on.",
    "Server.port": "The port; 0 takes a free one.",
    "Server.metrics_port": "Serve `/metrics` here instead of on the main port.",
    "Server.open": "Serve a public address without any key.",
    "Server.drain_timeout": "Seconds that running streams get after SIGTERM.",
    "Server.max_body": "The largest request, in bytes, or `64MiB`.",
    "Server.cors_origins": "Origins of browsers that may call; `*` is all.",
    "Server.queue": "Requests that wait when the concurrency limit is reached: a number, or a mapping.",
    "Queue.size": "How many may wait; the next one gets 503.",
    "Queue.timeout": "Seconds that each may wait; then 503.",
    "Key.name": "Its name in logs and metrics.",
    "Key.key": "The key, or `sha256:` and its hash in hex. Left out, it comes from `keys_file`.",
    "Key.sha256": "The SHA-256 of the key in hex, instead of the key.",
    "Key.expires": "A day or a time (`2027-01-31T12:00:00Z`) from which it is refused.",
    "Key.models": "Names and globs that it may ask for. By default all.",
    "Key.limits": "Limits of this key.",
    "Key.metrics": "Count its tokens under its name.",
    "Quota.rpm": "Requests a minute.",
    "Quota.tpm": "Tokens a minute.",
    "Quota.concurrency": "Requests at once.",
    "Limits.store": "Where limits are counted: `memory`, or the address of a Redis or Valkey (`redis://…`, `valkey://…`).",
    "Limits.replicas": "How many gateways share them. Concurrency, and everything while the store is away, is this share of the whole.",
    "Limits.rpm": "Requests a minute.",
    "Limits.tpm": "Tokens a minute.",
    "Limits.concurrency": "Requests at once.",
    "Retries.attempts": "Tries of one target, the first one included; 1 is no retry.",
    "Retries.backoff_base": "Seconds; the wait is random below this x 2^n.",
    "Retries.backoff_max": "The longest wait, in seconds.",
    "Telemetry.otlp_endpoint": "Where traces go. Empty: where the standard OTEL_* variables say, else nowhere.",
    "Telemetry.otlp_protocol": "`grpc` needs its exporter installed.",
    "Telemetry.sample_ratio": "The share of requests that are traced, where the caller did not decide.",
    "Telemetry.log_format": "`auto` is `console` on a terminal and `json` elsewhere.",
    "Telemetry.log_level": "The least severe line to write.",
}


@dataclass(frozen=True)
class Row:
    """One key. ``default`` is written as in YAML, empty where there is none."""

    struct: str
    name: str
    type: str
    default: str
    meaning: str


def structs() -> Mapping[str, type[msgspec.Struct]]:
    """Every Struct below Config, by name, in the order of ``PLACES``."""
    found: dict[str, type[msgspec.Struct]] = {}

    def visit(kind: inspect.Type) -> None:
        match kind:
            case inspect.StructType(cls=cls):
                if cls.__name__ not in found:
                    found[cls.__name__] = cls
                    for row in rows_of(cls).values():
                        visit(row.type)
            case inspect.Metadata(type=inner) | inspect.VarTupleType(item_type=inner) | inspect.DictType(value_type=inner):
                visit(inner)
            case inspect.UnionType(types=types):
                for each in types:
                    visit(each)

    visit(inspect.type_info(Config))
    if set(found) != set(PLACES):
        raise ValueError(f"PLACES and the schema differ in {sorted(set(found) ^ set(PLACES))}: write down where they stand")
    return {name: found[name] for name in PLACES}


def rows() -> Iterator[Row]:
    """Every key of every Struct. Raises ValueError where MEANINGS and the schema differ."""
    keys = {f"{name}.{field}" for name, struct in structs().items() for field in rows_of(struct)}
    if keys != set(MEANINGS):
        raise ValueError(f"MEANINGS and the schema differ in {sorted(keys ^ set(MEANINGS))}: write a sentence for each key")
    for name, struct in structs().items():
        for field, row in rows_of(struct).items():
            yield Row(name, field, _words(row.type), _default(row), MEANINGS[f"{name}.{field}"])


def schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON Schema of one Struct as a config file may write it, the short forms included. Other Structs are ``#/definitions``."""
    fields = {field: _schema(row.type) for field, row in rows_of(struct).items()}
    required = [field for field, row in rows_of(struct).items() if row.required]
    if struct is Model:  # one target may be written into the model itself
        target = {field: _schema(row.type) for field, row in rows_of(TargetRow).items()}
        chain = {"type": "array", "minItems": 1, "items": _reference(TargetRow)}
        forms = [{"required": ["targets"]}, {"required": ["provider"]}]
        return {"anyOf": [{"type": "string"}, chain, {**_object({**target, **fields}, []), "anyOf": forms}]}
    if struct is TargetRow:
        return {"anyOf": [{"type": "string"}, _object(fields, required)]}
    if struct is Queue:
        return {"anyOf": [{"type": "integer", "minimum": 0}, NUMERAL, _object(fields, required)]}
    return _object(fields, required)


def _object(fields: dict[str, Any], required: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": fields}
    return {**made, "required": required} if required else made


def _reference(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {"$ref": f"#/definitions/{struct.__name__}"}


def _schema(kind: inspect.Type) -> dict[str, Any]:
    match kind:
        case inspect.UnionType(types=types):
            return _schema(next(each for each in types if not isinstance(each, inspect.NoneType)))
        case inspect.Metadata(type=inner, extra=extra):
            made = _schema(inner)
            return {"anyOf": [*made["anyOf"][:1], {"type": "string"}]} if (extra or {}).get("unit") == "bytes" else made
        case inspect.StructType(cls=cls):
            return _reference(cls)
        case inspect.DictType(value_type=inner):
            return {"type": "object", "additionalProperties": _schema(inner)}
        case inspect.VarTupleType(item_type=inner):
            many = {"type": "array", "items": _schema(inner)}
            return many if isinstance(inner, inspect.StructType) else {"anyOf": [many, {"type": "string"}]}
        case inspect.LiteralType(values=values):
            aliases = [alias for alias, word in FORMAT_ALIASES.items() if word in values]
            return {"anyOf": [{"enum": [*values, *aliases]}, REFERENCE]}
        case inspect.BoolType():
            return {"anyOf": [{"type": "boolean"}, REFERENCE]}
        case inspect.IntType() | inspect.FloatType():
            bounds = {"minimum": kind.ge, "exclusiveMinimum": kind.gt, "maximum": kind.le}
            number = {"type": "integer" if isinstance(kind, inspect.IntType) else "number"}
            return {"anyOf": [{**number, **{name: bound for name, bound in bounds.items() if bound is not None}}, NUMERAL]}
        case inspect.AnyType():
            return {}
    return {"type": "string"}  # text, secrets, dates


def _words(kind: inspect.Type) -> str:
    match kind:
        case inspect.UnionType(types=types):
            return _words(next(each for each in types if not isinstance(each, inspect.NoneType)))
        case inspect.Metadata(type=inner):
            return _words(inner)
        case inspect.StructType(cls=cls):
            return "target" if cls is TargetRow else cls.__name__
        case inspect.DictType(value_type=inner):
            return f"names of {_words(inner)}" if isinstance(inner, inspect.StructType) else "mapping"
        case inspect.VarTupleType(item_type=inner):
            return f"list of {_words(inner)}"
        case inspect.LiteralType(values=values):
            return ", ".join(f"`{value}`" for value in values)
        case inspect.BoolType():
            return "true, false"
        case inspect.IntType():
            return "whole number"
        case inspect.FloatType():
            return "number"
        case inspect.DateTimeType():
            return "time"
        case inspect.CustomType():
            return "secret text"
    return "text"


def _default(row: inspect.Field) -> str:
    default = row.default
    if row.required or default is msgspec.NODEFAULT or default is None or isinstance(default, msgspec.Struct) or default == ():
        return ""
    if hasattr(default, "reveal"):
        default = default.reveal()
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, float) and default.is_integer():
        default = int(default)
    return f"`{default}`" if default != "" else '`""`'
