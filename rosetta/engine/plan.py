"""Which targets answer a request, in which order, each in which format and dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rosetta.config.globs import Allowed
from rosetta.config.routes import Route, RouteTable, UnknownModel
from rosetta.config.schema import LossPolicy
from rosetta.engine.call import Call, Failed
from rosetta.engine.provider import Provider
from rosetta.ir.errors import Failure
from rosetta.ir.parts import Format
from rosetta.providers import models


@dataclass(slots=True, frozen=True)
class Step:
    """One target of a plan. Times in seconds."""

    provider: Provider
    model: str
    format: Format
    dialect: Any
    first_token_s: float
    idle_s: float
    total_s: float
    context_window: int | None = None
    weight: float | None = None
    connect_s: float | None = None


@dataclass(slots=True, frozen=True)
class Plan:
    """The steps for one request, in the config's order; never empty."""

    route: Route
    steps: tuple[Step, ...]

    @property
    def strategy(self) -> str:
        """How the order is found, in one word: single, chain, weighted or sticky."""
        if len(self.steps) == 1:
            return "single"
        if self.route.sticky:
            return "sticky"
        return "weighted" if any(step.weight is not None for step in self.steps) else "chain"

    @property
    def loss_policy(self) -> LossPolicy | None:
        """The model's own, where it has one."""
        return self.route.loss_policy


def chosen_format(provider: Provider, model: str, client: Format, *, has_tools: bool) -> Format:
    """The client's own format where the target speaks it, else the target's first; a model's row may refuse tools on one of them."""
    spoken = provider.formats
    if not provider.obeyed:
        allowed = models.formats(provider.vendor.name, model, has_tools)
        spoken = tuple(format for format in spoken if format in allowed) or spoken
    return client if client in spoken else spoken[0]


def plan(call: Call, routes: RouteTable, providers: Mapping[str, Provider]) -> Plan:
    """The plan for ``call``. Raises Failed(not_found) with near names."""
    try:
        route = routes.resolve(call.model, Allowed(call.key.models) if call.key is not None else None)
    except UnknownModel as error:
        raise Failed(Failure("not_found", str(error), code="model_not_found", param="model", ours=True)) from error
    steps = []
    for target in route.targets:
        if call.pinned is not None and target.provider != call.pinned:
            continue
        provider = providers[target.provider]
        format = chosen_format(provider, target.model, call.format, has_tools=call.has_tools)
        first, idle, total = provider.times(target.timeout)
        steps.append(
            Step(
                provider,
                target.model,
                format,
                provider.dialect(format, target.model),
                first,
                idle,
                total,
                target.context_window,
                target.weight,
                target.timeout.connect,
            )
        )
    if not steps:
        names = ", ".join(dict.fromkeys(target.provider for target in route.targets))
        raise Failed(
            Failure(
                "bad_request",
                f"x-rosetta-provider: {call.pinned!r} does not serve {call.model!r}; it is served by {names}",
                param="x-rosetta-provider",
                ours=True,
            )
        )
    return Plan(route, tuple(steps))
