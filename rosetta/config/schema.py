"""The config as values: what each key means, its unit and its default.

    Config
    ├── providers   name -> Provider            whom rosetta calls
    ├── models      name or glob -> Model       what clients may ask for, and who answers
    ├── keys        Key, ...                    who may ask
    ├── server      Server                      where rosetta listens
    ├── limits      Limits                      how much at most
    ├── retries     Retries
    └── telemetry   Telemetry

A Config is immutable: a reload makes a new one and swaps it in. ``None`` means "not said": the engine's or the vendor's default holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from rosetta.config.secret import Secret
from rosetta.ir.parts import Format

LossPolicy = Literal["report", "contract", "lossless"]

ECHO = "echo"
"""The built-in provider and its model: an upstream inside the process, which always answers."""

FORMAT_ALIASES: dict[str, Format] = {"google": "google_genai"}

Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]
Weight = Annotated[float, Meta(gt=0)]
Bytes = Annotated[int, Meta(ge=1, extra={"unit": "bytes"})]

MAX_BODY_BYTES = 64 * 1024 * 1024


class Timeout(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait, in seconds: to connect, for the first token, between two events, for the whole reply."""

    connect: Seconds | None = None
    first_token: Seconds | None = None
    idle: Seconds | None = None
    total: Seconds | None = None

    def over(self, base: Timeout) -> Timeout:
        """These times, and those of ``base`` where these say nothing."""
        return Timeout(
            connect=base.connect if self.connect is None else self.connect,
            first_token=base.first_token if self.first_token is None else self.first_token,
            idle=base.idle if self.idle is None else self.idle,
            total=base.total if self.total is None else self.total,
        )


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """One upstream. ``type`` is its wire format; without it ``vendor`` names a row of the catalog, by default the provider's own name.

    ``formats`` is what else it speaks. ``api_keys`` are rotated. ``trusted`` upstreams get our traceparent. Providers of one
    ``seal_group`` (by default the provider's name) can read each other's reasoning state. ``auth: client`` passes the caller's own
    credential on. ``weight`` holds for every target of this provider that has none of its own. ``dialect`` overrides what the
    catalog says that it accepts; its keys are checked by the format's own Dialect.
    """

    type: Format | None = None
    vendor: str | None = None
    api_key: Secret | None = None
    api_keys: tuple[Secret, ...] = ()
    base_url: str | None = None
    headers: Mapping[str, Secret] = field(default_factory=dict)
    proxy: Secret | None = None
    ca_file: str | None = None
    max_connections: Count = 2000
    trusted: bool = False
    formats: tuple[Format, ...] = ()
    seal_group: str | None = None
    auth: Literal["own", "client"] = "own"
    weight: Weight | None = None
    timeout: Timeout = Timeout()
    dialect: Mapping[str, Any] = field(default_factory=dict)

    @property
    def credentials(self) -> tuple[Secret, ...]:
        """Every key to call it with, in the order of use; empty for an upstream that wants none."""
        first = () if self.api_key is None else (self.api_key,)
        return tuple(dict.fromkeys(key for key in (*first, *self.api_keys) if key))


class TargetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One provider of a model. Rows are tried in their order; neighbours that carry a ``weight`` share the load among themselves.

    ``model`` is the provider's name for it, by default the name that was asked for. ``context_window`` is in tokens.
    """

    provider: str
    model: str | None = None
    weight: Weight | None = None
    context_window: Count | None = None
    timeout: Timeout = Timeout()


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """At most so many requests a minute, tokens a minute, requests at once."""

    rpm: Count | None = None
    tpm: Count | None = None
    concurrency: Count | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A name that clients may ask for. ``sticky`` keeps a session on the target that its prompt cache is warm on."""

    targets: tuple[TargetRow, ...]
    sticky: bool = False
    loss_policy: LossPolicy | None = None
    timeout: Timeout = Timeout()
    limits: Quota = Quota()


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """Who may ask. Given plain (``key``) or as a SHA-256 in hex (``sha256``, or ``key: "sha256:…"``).

    ``models`` are names and globs, None is all. ``expires`` always has a time zone. ``metrics`` counts tokens under this key's name.
    """

    name: str
    key: Secret | None = None
    sha256: Secret | None = None
    expires: datetime | None = None
    models: tuple[str, ...] | None = None
    limits: Quota = Quota()
    metrics: bool = False

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the key, to compare in constant time with that of what a caller sent."""
        if self.sha256 is not None:
            return bytes.fromhex(self.sha256.reveal())
        assert self.key is not None, "load.build refuses a key without key and sha256"
        return hashlib.sha256(self.key.reveal().encode()).digest()


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The whole gateway's limits. ``store`` is ``memory`` or the address of a Redis or Valkey (it may hold a password).

    ``replicas`` is how many gateways share them: concurrency, and everything while the store is away, is a share of 1/replicas.
    """

    store: Secret = Secret("memory")
    replicas: Count = 1
    rpm: Count | None = None
    tpm: Count | None = None
    concurrency: Count | None = None


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """``attempts`` counts the first one: 1 is no retry. The wait is random below ``backoff_base`` x 2^n seconds, at most ``backoff_max``."""

    attempts: Count = 3
    backoff_base: Seconds = 0.5
    backoff_max: Seconds = 8.0


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """Requests that may wait when the concurrency limit is reached: how many, and for how many seconds; then 503."""

    size: Annotated[int, Meta(ge=0)] = 0
    timeout: Seconds = 10.0


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Where rosetta listens. ``open`` allows a public address without any key. ``max_body`` is in bytes, or text: ``64MiB``.

    ``drain_timeout`` is how many seconds running streams get after SIGTERM. ``/metrics`` is on the main port unless
    ``metrics_port`` is given.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8765
    metrics_port: Annotated[int, Meta(ge=0, le=65535)] | None = None
    open: bool = False
    drain_timeout: Annotated[float, Meta(ge=0)] = 300.0
    max_body: Bytes = MAX_BODY_BYTES
    cors_origins: tuple[str, ...] = ()
    queue: Queue = Queue()


class Telemetry(msgspec.Struct, frozen=True, kw_only=True):
    """Traces go to ``otlp_endpoint``; empty: where the standard OTEL_* variables say, else nowhere. ``sample_ratio`` is 0 to 1."""

    otlp_endpoint: str = ""
    otlp_protocol: Literal["http", "grpc"] = "http"
    sample_ratio: Annotated[float, Meta(ge=0, le=1)] = 0.1
    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a user can say. ``keys_file`` is a mounted file or directory of further keys (``keyring.with_keys``)."""

    providers: Mapping[str, Provider] = field(default_factory=dict)
    models: Mapping[str, Model] = field(default_factory=dict)
    server: Server = Server()
    keys: tuple[Key, ...] = ()
    keys_file: str | None = None
    limits: Limits = Limits()
    retries: Retries = Retries()
    loss_policy: LossPolicy = "report"
    telemetry: Telemetry = Telemetry()
