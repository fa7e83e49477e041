"""The Prometheus families of ``names``, on a registry of their own, with their children at hand.

One process per replica: exemplars and the collectors of process, garbage collection and platform work only there.
"""

from __future__ import annotations

import platform
from itertools import pairwise

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from rosetta import __version__
from rosetta.config.routes import RouteTable
from rosetta.config.schema import ECHO, Config
from rosetta.telemetry import names
from rosetta.telemetry.guard import LabelGuard
from rosetta.telemetry.names import Metric

Exemplar = dict[str, str] | None


class Counted:
    """A counter whose children are kept: finding one by its labels costs more than counting."""

    __slots__ = ("_children", "_family")

    def __init__(self, metric: Metric, registry: CollectorRegistry) -> None:
        self._family = Counter(metric.name, metric.help, metric.label_names, registry=registry)
        self._children: dict[tuple[str, ...], Counter] = {}

    def child(self, *labels: str) -> Counter:
        """The series with these labels, made when it is new."""
        found = self._children.get(labels)
        if found is None:
            found = self._children[labels] = self._family.labels(*labels) if labels else self._family
        return found

    def add(self, amount: float, *labels: str, exemplar: Exemplar = None) -> None:
        """Counts."""
        self.child(*labels).inc(amount, exemplar)


class Measured:
    """A histogram whose children are kept."""

    __slots__ = ("_children", "_family")

    def __init__(self, metric: Metric, registry: CollectorRegistry) -> None:
        self._family = Histogram(metric.name, metric.help, metric.label_names, registry=registry, buckets=metric.buckets)
        self._children: dict[tuple[str, ...], Histogram] = {}

    def observe(self, value: float, *labels: str, exemplar: Exemplar = None) -> None:
        """Adds a value, in the metric's unit."""
        found = self._children.get(labels)
        if found is None:
            found = self._children[labels] = self._family.labels(*labels)
        found.observe(value, exemplar)


class Gauged:
    """A gauge whose children are kept."""

    __slots__ = ("_children", "_family")

    def __init__(self, metric: Metric, registry: CollectorRegistry) -> None:
        self._family = Gauge(metric.name, metric.help, metric.label_names, registry=registry)
        self._children: dict[tuple[str, ...], Gauge] = {}

    def child(self, *labels: str) -> Gauge:
        """The series with these labels, made when it is new."""
        found = self._children.get(labels)
        if found is None:
            found = self._children[labels] = self._family.labels(*labels) if labels else self._family
        return found

    def clear(self) -> None:
        """No series is left."""
        self._children.clear()
        self._family.clear()


class Metrics:
    """Every family, and the guards of the labels whose values the config names."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a second series for each, which nobody reads
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

        self.requests = Counted(names.REQUESTS, registry)
        self.request_duration = Measured(names.REQUEST_DURATION, registry)
        self.overhead = Measured(names.OVERHEAD, registry)
        self.conversion_duration = Measured(names.CONVERSION_DURATION, registry)
        self.conversions = Counted(names.CONVERSIONS, registry)
        self.conversion_losses = Counted(names.CONVERSION_LOSSES, registry)
        self.stream_events = Counted(names.STREAM_EVENTS_TOTAL, registry)
        self.upstream_attempts = Counted(names.UPSTREAM_ATTEMPTS, registry)
        self.fallbacks = Counted(names.FALLBACKS, registry)
        self.retry_delay = Measured(names.RETRY_DELAY, registry)
        self.circuit_state = Gauged(names.CIRCUIT_STATE, registry)
        self.key_tokens = Counted(names.KEY_TOKENS, registry)
        self.rate_limits = Counted(names.RATE_LIMITS, registry)
        self.inflight = Gauged(names.INFLIGHT, registry)
        self.stream_gap = Measured(names.STREAM_GAP, registry)
        self.token_usage = Measured(names.TOKEN_USAGE, registry)
        self.operation_duration = Measured(names.OPERATION_DURATION, registry)
        self.first_chunk = Measured(names.FIRST_CHUNK, registry)
        self.time_per_output_token = Measured(names.TIME_PER_OUTPUT_TOKEN, registry)
        self.seals_lost = Counted(names.SEALS_LOST, registry)
        self.store_degraded = Gauged(names.STORE_DEGRADED, registry)
        self.draining = Gauged(names.DRAINING, registry)
        self.build_info = Gauged(names.BUILD_INFO, registry)
        self.config_info = Gauged(names.CONFIG_INFO, registry)
        self.config_reloads = Counted(names.CONFIG_RELOADS, registry)
        self.label_overflow = Counted(names.LABEL_OVERFLOW, registry)
        self._inflight_limit: Gauge | None = None

        self.providers = self._guard(names.REQUESTS, names.PROVIDER)
        self.models = self._guard(names.REQUESTS, names.MODEL)
        self.target_models = self._guard(names.CIRCUIT_STATE, names.TARGET_MODEL)
        self.keys = self._guard(names.KEY_TOKENS, names.KEY)

        self.build_info.child(__version__, platform.python_version()).set(1)
        self.store_degraded.child().set(0)
        self.draining.child().set(0)
        for outcome in names.RELOADS:
            self.config_reloads.child(outcome)
        for limit in names.LIMITS:
            for decision in names.DECISIONS:
                for key_group in names.KEY_GROUPS:
                    self.rate_limits.child(limit, decision, key_group)
        for format in names.FORMATS:
            for stream in names.BOOLEANS:
                self.inflight.child(format, stream).set(0)

    def _guard(self, metric: Metric, label: names.Label) -> LabelGuard:
        return LabelGuard(self.label_overflow.child(metric.name, label.name).inc)

    def configure(self, config: Config, config_hash: str) -> None:
        """A config comes into force: its names are the only values, and what can go wrong with them begins at 0, so that the first error shows."""
        routes = RouteTable(config)
        provider_names = [*config.providers, *([] if ECHO in config.providers else [ECHO])]
        self.providers.allow(provider_names)
        self.models.allow([*(route.entry for route in routes.routes), *(f"{name}/*" for name in provider_names)])
        self.target_models.allow(target.model for route in routes.routes for target in route.targets if target.model)
        self.keys.allow(key.name for key in config.keys if key.metrics)
        self.config_info.clear()
        self.config_info.child(config_hash).set(1)
        self._limit(config)
        for route in routes.routes:
            chain = [target.provider for target in route.targets]
            for target in route.targets:
                if target.model and self.target_models(target.model) == target.model:
                    self.circuit_state.child(self.providers(target.provider), target.model)
            for source, target_name in pairwise(chain):
                self.fallbacks.child(self.providers(source), self.providers(target_name), "503")

    def _limit(self, config: Config) -> None:
        most = config.limits.concurrency
        if most is None:
            if self._inflight_limit is not None:
                self.registry.unregister(self._inflight_limit)
                self._inflight_limit = None
            return
        if self._inflight_limit is None:
            self._inflight_limit = Gauge(names.INFLIGHT_LIMIT.name, names.INFLIGHT_LIMIT.help, registry=self.registry)
        self._inflight_limit.set(max(most // config.limits.replicas, 1))

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The page for an Accept header, and its content type. OpenMetrics, which has the exemplars, where it is asked for."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self.registry), content_type

    def series(self) -> int:
        """How many there are."""
        return sum(len(family.samples) for family in self.registry.collect())
