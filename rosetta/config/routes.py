"""A model's name -> who answers.

    exact name                 models.llama3.2, and the built-in ``echo``
    the most specific glob     the longest literal beginning; ``provider/*`` stands among them for every provider of the config
    nobody                     UnknownModel, with a few near names

``provider/model`` is split at the first slash, so ``openrouter/meta-llama/llama-3`` is the model ``meta-llama/llama-3`` of ``openrouter``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

import msgspec

from rosetta.config.globs import Glob, is_glob
from rosetta.config.schema import ECHO, Config, LossPolicy, Model, Provider, Quota, Timeout

NEAR_LIMIT = 5
NEAR_SEARCHED = 200
NAME_SHOWN = 100
PART = 3
"""From so many characters on, a name inside the other counts as near."""


class Target(msgspec.Struct, frozen=True):
    """One provider to try. ``model`` is the provider's own name for the model; ``timeout`` joins those of target, model and provider."""

    provider: str
    model: str
    weight: float | None = None
    context_window: int | None = None
    timeout: Timeout = Timeout()


class Route(msgspec.Struct, frozen=True):
    """Who answers a name, in the order to try. ``entry`` is the config's own word for it (``gpt-*``, ``openai/*``), fit for a metric's label."""

    entry: str
    targets: tuple[Target, ...]
    sticky: bool = False
    loss_policy: LossPolicy | None = None
    limits: Quota = Quota()


class UnknownModel(LookupError):
    """No entry answers this name. ``near`` are at most five entries that the caller may have meant."""

    def __init__(self, model: str, near: tuple[str, ...]) -> None:
        shown = model if len(model) <= NAME_SHOWN else f"{model[:NAME_SHOWN]}…"
        hint = f"did you mean {' or '.join(near)}?" if near else "GET /v1/models lists what there is"
        super().__init__(f"no model is named {shown!r}; {hint}")
        self.model = model
        self.near = near


class RouteTable:
    """The routes of one Config. It never changes; a reload builds another."""

    __slots__ = ("_exact", "_globs", "routes")

    def __init__(self, config: Config) -> None:
        echo = {} if ECHO in config.models else {ECHO: Route(ECHO, (Target(ECHO, ECHO),))}
        named = {name: _route(name, model, config) for name, model in config.models.items()}
        self.routes: tuple[Route, ...] = (*named.values(), *echo.values())
        """Every entry of the config in its order, and ``echo``. In a glob's route an empty ``model`` stands for the name asked for."""
        self._exact = {name: route for name, route in (*named.items(), *echo.items()) if not is_glob(name)}
        globs = [(Glob(name), route, 0) for name, route in named.items() if is_glob(name)]
        for name in (*config.providers, ECHO):
            target = Target(name, "", timeout=_timeout(config.providers.get(name)))
            globs.append((Glob(f"{name}/?*"), Route(f"{name}/*", (target,)), len(name) + 1))
        # Stable: among equals a written entry wins over a provider's own, and the earlier one over the later.
        self._globs = tuple(sorted(globs, key=lambda row: row[0].specificity, reverse=True))

    def resolve(self, model: str, visible: Callable[[str], bool] | None = None) -> Route:
        """The route of ``model``. Raises UnknownModel, which names only entries that ``visible`` (a key's models) lets through."""
        route = self._exact.get(model)
        if route is not None:
            return route
        for glob, found, cut in self._globs:
            if glob.matches(model):
                return msgspec.structs.replace(found, targets=tuple(_named(target, model[cut:]) for target in found.targets))
        raise UnknownModel(model, self._near(model, visible))

    def _near(self, model: str, visible: Callable[[str], bool] | None) -> tuple[str, ...]:
        if len(model) > NAME_SHOWN:
            return ()
        entries: Iterable[str] = (route.entry for route in self.routes)
        candidates = {entry.lower(): entry for entry in entries if visible is None or visible(entry)}
        asked = model.lower()
        searched = list(candidates)[:NEAR_SEARCHED]
        found = difflib.get_close_matches(asked, searched, n=NEAR_LIMIT, cutoff=0.6)
        found += [
            name for name in searched if name not in found and min(len(name), len(asked)) >= PART and (asked in name or name in asked)
        ]
        return tuple(candidates[name] for name in found[:NEAR_LIMIT])


def _route(name: str, model: Model, config: Config) -> Route:
    default = "" if is_glob(name) else name
    targets = tuple(
        Target(
            row.provider,
            row.model or default,
            row.weight if row.weight is not None else _weight(config.providers.get(row.provider)),
            row.context_window,
            row.timeout.over(model.timeout).over(_timeout(config.providers.get(row.provider))),
        )
        for row in model.targets
    )
    return Route(name, targets, model.sticky, model.loss_policy, model.limits)


def _named(target: Target, model: str) -> Target:
    return target if target.model else msgspec.structs.replace(target, model=model)


def _timeout(provider: Provider | None) -> Timeout:
    return provider.timeout if provider else Timeout()


def _weight(provider: Provider | None) -> float | None:
    return provider.weight if provider else None
