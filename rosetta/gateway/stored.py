"""What only a Responses provider has: stored responses and compaction. They are relayed to one, or refused with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from rosetta import relay as passage
from rosetta.config.routes import UnknownModel
from rosetta.engine.call import Failed, peek
from rosetta.engine.engine import Engine
from rosetta.engine.headers import downward, upward
from rosetta.engine.provider import Provider
from rosetta.engine.upstream import Unreachable
from rosetta.gateway.access import Denied
from rosetta.gateway.routes import Route
from rosetta.ir.errors import Failure

TIMEOUT_S = 600.0


async def relay(
    engine: Engine, route: Route, method: str, headers: Mapping[str, str], body: bytes, *, permitted: Callable[[str], bool]
) -> tuple[int, list[tuple[str, str]], bytes]:
    """The provider's own answer: status, headers, body. Raises Failed, Malformed or Denied."""
    if route.action == "compact":
        provider, body = _compacting(engine, body, permitted)
        tail = "responses/compact"
    else:
        provider = _storing(engine, headers.get("x-rosetta-provider"))
        tail = f"responses/{route.model}"
    out = [("content-type", "application/json"), ("accept-encoding", "identity"), *provider.credentials("openai_responses", headers)]
    out += [*upward("openai_responses", headers), *provider.extra_headers]
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reply = await provider.upstream_on("openai_responses").send(
                method, provider.query(f"/v1/{tail}"), list(dict(out).items()), body
            )
            try:
                answer = await reply.read()
            finally:
                await reply.aclose()
    except TimeoutError as error:
        raise Failed(Failure("timeout", f"{provider.name} did not answer within {TIMEOUT_S:g} s", ours=True)) from error
    except Unreachable as error:
        raise Failed(error.failure) from error
    if reply.status in (401, 403) and provider.row.auth == "own":
        raise Failed(
            Failure("upstream_error", f"{provider.name} refused rosetta's credentials: check providers.{provider.name}.api_key", ours=True)
        )
    return reply.status, downward("openai_responses", reply.headers), answer


def _compacting(engine: Engine, body: bytes, permitted: Callable[[str], bool]) -> tuple[Provider, bytes]:
    model = peek(body).model or ""
    if not permitted(model):
        raise Denied(Failure("permission", f"this key may not use the model {model!r}", param="model", ours=True))
    try:
        targets = engine.routes.resolve(model).targets
    except UnknownModel as error:
        raise Failed(Failure("not_found", str(error), code="model_not_found", param="model", ours=True)) from error
    for target in targets:
        provider = engine.providers[target.provider]
        if "openai_responses" in provider.formats:
            return provider, passage.request_body(body, {"model": target.model})
    raise Failed(
        Failure(
            "unsupported",
            f"compaction is an endpoint of OpenAI Responses, and {model!r} is served by none: compact locally (in Codex: /compact with a local summary)",
            ours=True,
        )
    )


def _storing(engine: Engine, pinned: str | None) -> Provider:
    found = [provider for name, provider in engine.providers.items() if "openai_responses" in provider.formats and pinned in (None, name)]
    if not found:
        raise Failed(
            Failure(
                "not_found",
                "no response is stored here: rosetta keeps none, and no provider of this gateway speaks OpenAI Responses",
                ours=True,
            )
        )
    if len(found) > 1:
        names = ", ".join(provider.name for provider in found)
        raise Failed(
            Failure("bad_request", f"several providers keep responses ({names}): name one in the header x-rosetta-provider", ours=True)
        )
    return found[0]
