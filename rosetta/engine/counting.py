"""How many tokens a request has: asked of the target where it has an endpoint, else estimated and said to be so."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from rosetta import relay
from rosetta.config.routes import RouteTable
from rosetta.convert import new_id
from rosetta.converters import CONVERTERS, jsontext
from rosetta.converters.converter import Malformed, Target, Unsupported, WireRequest
from rosetta.engine.attempt import malformed
from rosetta.engine.call import Call, Failed
from rosetta.engine.headers import upward
from rosetta.engine.plan import Step, plan
from rosetta.engine.provider import Provider
from rosetta.engine.upstream import Unreachable
from rosetta.estimate import estimate
from rosetta.ir.errors import Failure
from rosetta.ir.request import Request

COUNT_TIMEOUT_S = 10.0


class Counter:
    """Counts for one configuration. Remembers which targets have no endpoint."""

    def __init__(self, routes: RouteTable, providers: Mapping[str, Provider]) -> None:
        self._routes = routes
        self._providers = providers
        self._without: set[tuple[str, str]] = set()

    async def count(self, call: Call) -> tuple[int, bool]:
        """``(tokens, estimated)``. Raises Failed where the request or the model is at fault."""
        client = CONVERTERS[call.format]
        assert client.decode_count_request is not None
        try:
            body = jsontext.decode(call.body)
            request = client.decode_count_request(WireRequest(body, call.headers, call.path_model)).value
        except jsontext.InvalidJson as error:
            raise Failed(Failure("bad_request", f"the body is not valid JSON: {error}", ours=True)) from error
        except Malformed as error:
            raise Failed(malformed(error)) from error
        step = plan(call, self._routes, self._providers).steps[0]
        counted = await self._ask(call, step, request)
        return (estimate(request), True) if counted is None else (counted, False)

    async def _ask(self, call: Call, step: Step, request: Request) -> int | None:
        target = CONVERTERS[step.format]
        if target.encode_count_request is None or target.decode_count_reply is None or (step.provider.name, step.format) in self._without:
            return None
        headers = {
            "content-type": "application/json",
            "accept-encoding": "identity",
            **dict(step.provider.credentials(step.format, call.headers)),
        }
        try:
            sent = target.encode_count_request(request, Target(step.provider.seal_group, step.model, step.dialect, new_id))
        except Unsupported:
            return None
        payload = jsontext.encode(sent.wire.body)
        headers |= sent.wire.headers
        if step.format == call.format and relay.passes(call.body, step.dialect):
            payload = call.body if step.format == "google_genai" else relay.request_body(call.body, {"model": step.model})
            headers |= dict(upward(call.format, call.headers))
        headers |= dict(step.provider.extra_headers)
        try:
            async with asyncio.timeout(COUNT_TIMEOUT_S):
                reply = await step.provider.upstream_on(step.format).send(
                    "POST", step.provider.query(sent.wire.path), list(headers.items()), payload
                )
                try:
                    answer = await reply.read()
                finally:
                    await reply.aclose()
        except (TimeoutError, Unreachable):
            return None
        if reply.status in (404, 405, 501):
            self._without.add((step.provider.name, step.format))
        if reply.status != 200:
            return None
        try:
            value = jsontext.decode(answer)
            return target.decode_count_reply(value) if type(value) is dict else None
        except (jsontext.InvalidJson, Malformed):
            return None
