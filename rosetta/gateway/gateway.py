"""The gateway itself, without a server around it: what stands behind every path that is not an operator's.

``Gateway.handle`` speaks ASGI, so that an HTTP server and the SDK's in-process transport serve the same thing.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from rosetta.config.schema import Config
from rosetta.convert import new_id
from rosetta.converters import CONVERTERS, jsontext
from rosetta.converters.converter import Malformed
from rosetta.engine.attempt import malformed
from rosetta.engine.call import Failed, Outcome
from rosetta.engine.counting import Counter
from rosetta.engine.engine import Engine
from rosetta.gateway import stored
from rosetta.gateway.access import Denied, permits
from rosetta.gateway.body import BodyTooLarge, ClientGone, read_body
from rosetta.gateway.failures import write_failed, write_failure, write_too_large
from rosetta.gateway.listing import Listing
from rosetta.gateway.pipeline import Pipeline
from rosetta.gateway.reply import AsgiWriter, closing
from rosetta.gateway.routes import NoRoute, Route, find
from rosetta.ir.errors import Failure
from rosetta.telemetry.observer import NO_OBSERVER, Observer

if TYPE_CHECKING:
    from litestar.types import Receive, Send

logger = logging.getLogger("rosetta.gateway")

ESTIMATE_HEADER = ("x-rosetta-token-count", "estimate")


class Serving:
    """One configuration at work. A request keeps the one it began with."""

    def __init__(self, config: Config, engine: Engine) -> None:
        self.config = config
        self.engine = engine
        self.pipeline = Pipeline(config, engine)
        self.listing = Listing(engine)
        self.counter = Counter(engine.routes, engine.providers)


class Gateway:
    """The state behind the routes."""

    def __init__(self, config: Config, engine: Engine | None = None, *, observer: Observer = NO_OBSERVER) -> None:
        self.serving = Serving(config, engine if engine is not None else Engine(config, observer=observer))
        self.observer = self.engine.observer
        self.draining = False
        self.active = 0
        """How many requests are under way, from their headers on."""
        self._retiring: dict[Engine, asyncio.Task[None]] = {}

    @property
    def config(self) -> Config:
        """The configuration for new requests."""
        return self.serving.config

    @property
    def engine(self) -> Engine:
        """The engine for new requests."""
        return self.serving.engine

    def adopt(self, config: Config) -> None:
        """New requests are served by ``config``; those under way end as they began."""
        old = self.engine
        self.serving = Serving(config, Engine(config, before=old))
        task = self._retiring[old] = asyncio.get_running_loop().create_task(old.retire())
        task.add_done_callback(lambda _: self._retiring.pop(old))

    def interrupt(self, failure: Failure) -> None:
        """Ends every request under way with ``failure`` in its client's format."""
        for engine in (self.engine, *self._retiring):
            engine.interrupt(failure)

    async def aclose(self) -> None:
        """Closes every connection."""
        for task in tuple(self._retiring.values()):
            task.cancel()
        await asyncio.gather(*self._retiring.values(), return_exceptions=True)
        for engine in (*self._retiring, self.engine):
            await engine.aclose()

    async def handle(self, scope: Any, receive: Receive, send: Send) -> None:
        """Every path that is not one of the ordinary handlers'."""
        serving = self.serving
        if self.draining:
            send = closing(send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"))) if scope["query_string"] else {}
        method = scope["method"]
        path = _path(scope)
        found = find(method, path, headers, query)
        self.active += 1
        try:
            if isinstance(found, Route) and found.action == "generate":
                await serving.pipeline.generate(found, path, headers, query, receive, send)
            else:
                await self._other(serving, found, method, path, headers, query, receive, send)
        finally:
            self.active -= 1

    async def _other(
        self,
        serving: Serving,
        found: Route | NoRoute,
        method: str,
        path: str,
        headers: dict[str, str],
        query: dict[str, str],
        receive: Receive,
        send: Send,
    ) -> None:
        request_id = new_id("req_")
        writer = AsgiWriter(send, [("x-rosetta-request-id", request_id)])
        outcome = Outcome()
        action = found.action if isinstance(found, Route) else "none"
        observed = self.observer.request(found.format, action, request_id, method=method, path=path, headers=headers)
        try:
            if isinstance(found, NoRoute):
                await _no_route(writer, found, request_id)
            else:
                with serving.engine.aside():
                    await _aside(serving, found, method, path, headers, query, receive, writer)
        except Failed as failed:
            outcome.failure = failed.failure
            await write_failed(writer, found.format, failed, request_id)
        except Denied as denied:
            outcome.failure = denied.failure
            await write_failure(writer, found.format, denied.failure, request_id)
        except Malformed as error:
            await write_failure(writer, found.format, malformed(error), request_id)
        except BodyTooLarge:
            await write_too_large(writer, found.format, serving.config.server.max_body, request_id)
        except ClientGone:
            outcome.client_gone = True
        except Exception:
            logger.exception("request %s failed inside rosetta", request_id)
            if writer.started:
                raise
            failure = Failure(
                "internal", f"rosetta failed on this request; its operator finds the cause in the log under {request_id}", ours=True
            )
            await write_failure(writer, found.format, failure, request_id)
        finally:
            outcome.status = writer.status
            observed.finish(outcome)


async def _aside(
    serving: Serving,
    found: Route,
    method: str,
    path: str,
    headers: dict[str, str],
    query: dict[str, str],
    receive: Receive,
    writer: AsgiWriter,
) -> None:
    """Counts, models, and what only a responses provider has."""
    key = serving.pipeline.access.admit(headers, query)
    converter = CONVERTERS[found.format]
    json_header = ("content-type", "application/json")
    match found.action:
        case "models":
            entries = await serving.listing.entries(key)
            await writer.unary(200, [json_header], jsontext.encode(converter.encode_models(entries)))
        case "model":
            assert found.model is not None
            entries = await serving.listing.entries(key)
            entry = next((entry for entry in entries if entry.id == found.model), None)
            if entry is None:
                raise Failed(
                    Failure(
                        "not_found",
                        f"no model {found.model!r} here; GET /v1/models lists what there is",
                        code="model_not_found",
                        param="model",
                        ours=True,
                    )
                )
            await writer.unary(200, [json_header], jsontext.encode(converter.encode_model(entry)))
        case "count" | "input_tokens":
            body = await read_body(receive, headers, serving.config.server.max_body)
            call = serving.pipeline.call(Route("count", found.format, found.model, stream=False), headers, query, body, "", key)
            if converter.encode_count_reply is None or converter.decode_count_request is None:
                raise Failed(Failure("not_found", f"{path} is not served", ours=True))
            tokens, estimated = await serving.counter.count(call)
            out = [json_header, ESTIMATE_HEADER] if estimated else [json_header]
            await writer.unary(200, out, jsontext.encode(converter.encode_count_reply(tokens)))
        case "compact" | "stored":
            body = await read_body(receive, headers, serving.config.server.max_body)
            status, passed, answer = await stored.relay(
                serving.engine, found, method, headers, body, permitted=lambda model: permits(key, model)
            )
            await writer.unary(status, [json_header, *passed], answer)
        case "generate":  # pragma: no cover - Pipeline's
            raise AssertionError(found)


def _path(scope: Any) -> str:
    """The path with its escapes: a model's name may hold an escaped slash."""
    raw = scope.get("raw_path")
    return raw.partition(b"?")[0].decode("latin-1") if raw else str(scope["path"])


async def _no_route(writer: AsgiWriter, found: NoRoute, request_id: str) -> None:
    if found.allowed:
        failure = Failure("method_not_allowed", found.message, ours=True)
        await write_failure(writer, found.format, failure, request_id, headers=(("allow", ", ".join(found.allowed)),))
    else:
        await write_failure(writer, found.format, Failure("not_found", found.message, ours=True), request_id)
