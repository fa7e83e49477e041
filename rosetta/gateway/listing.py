"""Models lists and token counts: passed on where the upstream has the endpoint, else told from the config, or estimated."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

from rosetta.config.globs import Glob, is_glob
from rosetta.config.schema import Key
from rosetta.converters import CONVERTERS, jsontext
from rosetta.converters.converter import Malformed, ModelEntry
from rosetta.engine.engine import Engine
from rosetta.engine.provider import Provider
from rosetta.engine.upstream import Unreachable
from rosetta.gateway.access import permits
from rosetta.ir.errors import Failure

LIST_TIMEOUT_S = 3.0
LIST_KEPT_S = 60.0

logger = logging.getLogger("rosetta.gateway")


class Listing:
    """What can be asked for: the config's names, and behind its globs what the providers themselves list (kept for a minute)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: dict[str, tuple[float, list[str]]] = {}

    async def entries(self, key: Key | None) -> list[ModelEntry]:
        """All models that ``key`` may use."""
        names: dict[str, str] = {}
        globbed: dict[str, list[Glob]] = {}
        for route in self._engine.routes.routes:
            if not is_glob(route.entry):
                names.setdefault(route.entry, route.targets[0].provider)
                continue
            for target in route.targets:
                if not target.model:
                    globbed.setdefault(target.provider, []).append(Glob(route.entry))
        providers = [self._engine.providers[name] for name in globbed]
        for provider, found in zip(
            providers, await asyncio.gather(*(self.upstream_models(provider) for provider in providers)), strict=True
        ):
            for model in found:
                if any(glob.matches(model) for glob in globbed[provider.name]):
                    names.setdefault(model, provider.name)
        return [ModelEntry(id=name, owner=owner) for name, owner in names.items() if permits(key, name)]

    async def upstream_models(self, provider: Provider) -> list[str]:
        """What a provider lists; empty when it does not answer in time."""
        kept = self._kept.get(provider.name)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        try:
            found = await ask_models(provider)
        except (Unreachable, Malformed) as error:
            logger.warning("%s does not list its models: %s", provider.name, error)
            found = []
        self._kept[provider.name] = (time.monotonic() + LIST_KEPT_S, found)
        return found


async def ask_models(provider: Provider, headers: Mapping[str, str] | None = None) -> list[str]:
    """The names in a provider's own models list. Raises Unreachable or Malformed."""
    converter = CONVERTERS[provider.format]
    sent = [("accept-encoding", "identity"), *provider.credentials(provider.format, headers or {}), *provider.extra_headers]
    if provider.format == "anthropic":
        sent.append(("anthropic-version", "2023-06-01"))
    try:
        async with asyncio.timeout(LIST_TIMEOUT_S):
            reply = await provider.upstream.send("GET", provider.query(converter.endpoint("models", "")), sent)
            try:
                body = await reply.read()
            finally:
                await reply.aclose()
    except TimeoutError as error:
        raise Unreachable(Failure("timeout", f"no answer within {LIST_TIMEOUT_S:g} s"), connected=False) from error
    if reply.status != 200:
        raise Unreachable(converter.decode_failure(reply.status, reply.headers, body), connected=True)
    try:
        value = jsontext.decode(body)
    except jsontext.InvalidJson as error:
        raise Malformed("", f"its models list is not JSON: {error}") from error
    return converter.decode_models(value)
