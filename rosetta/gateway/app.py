"""The Litestar application: one mounted ASGI handler for the four wires, ordinary handlers for the rest."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

from litestar import Litestar, Request, Response, asgi, get, route
from litestar.config.cors import CORSConfig
from litestar.enums import MediaType
from litestar.exceptions import HTTPException
from litestar.types import Receive, Scope, Send

from rosetta import __version__
from rosetta.config.schema import Config
from rosetta.convert import new_id
from rosetta.converters import CONVERTERS, jsontext
from rosetta.converters.converter import Malformed
from rosetta.engine.attempt import malformed
from rosetta.engine.call import Failed, Outcome
from rosetta.engine.counting import Counter
from rosetta.engine.engine import Engine
from rosetta.gateway import page, stored
from rosetta.gateway.access import Denied, permits
from rosetta.gateway.body import BodyTooLarge, ClientGone, read_body
from rosetta.gateway.failures import write_failed, write_failure, write_too_large
from rosetta.gateway.listing import Listing
from rosetta.gateway.pipeline import Pipeline
from rosetta.gateway.reply import AsgiWriter, closing
from rosetta.gateway.routes import NoRoute, Route, caller_format, find
from rosetta.ir.errors import Failure, FailureKind
from rosetta.telemetry.observer import NO_OBSERVER, Observer
from rosetta.telemetry.recorder import Recorder
from rosetta.telemetry.tracing import tracing

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


def create_app(
    config: Config,
    *,
    engine: Engine | None = None,
    recorder: Recorder | None = None,
    lifespan: Callable[[Gateway], AbstractAsyncContextManager[None]] | None = None,
) -> Litestar:
    """The application for a config. ``engine`` may be given for tests; ``recorder`` is what /metrics shows."""
    recorder = Recorder(tracing=tracing(config.telemetry)) if recorder is None else recorder
    gateway = Gateway(config, engine, observer=recorder)

    @asgi("/", is_mount=True, copy_scope=True)
    async def wires(scope: Scope, receive: Receive, send: Send) -> None:
        await gateway.handle(scope, receive, send)

    @route("/", http_method=["GET", "HEAD"], media_type=MediaType.HTML)
    async def root(request: Request[Any, Any, Any]) -> Response[Any]:
        names = [entry.entry for entry in gateway.engine.routes.routes]
        if "text/html" in request.headers.get("accept", ""):
            return Response(page.html(__version__, names, ready=not gateway.draining), media_type=MediaType.HTML)
        return Response(page.facts(__version__, names, ready=not gateway.draining), media_type=MediaType.JSON)

    @get("/healthz", media_type=MediaType.JSON, sync_to_thread=False)
    def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @get("/readyz", media_type=MediaType.JSON, sync_to_thread=False)
    def readyz() -> Response[dict[str, str]]:
        return Response({"status": "draining" if gateway.draining else "ready"}, status_code=503 if gateway.draining else 200)

    @get("/metrics", sync_to_thread=True)
    def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
        body, content_type = recorder.metrics.exposition(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    @asynccontextmanager
    async def life(_: Litestar) -> AsyncIterator[None]:
        try:
            if lifespan is None:
                yield
            else:
                async with lifespan(gateway):
                    yield
        finally:
            if engine is None:
                await gateway.aclose()
            await asyncio.to_thread(recorder.close)

    def refused(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
        """A wrong method on an ordinary handler, and whatever else Litestar itself refuses."""
        kind: FailureKind = "method_not_allowed" if error.status_code == 405 else "not_found" if error.status_code == 404 else "bad_request"
        headers = {name.lower(): value for name, value in request.headers.items()}
        failure = Failure(kind, f"{request.method} {request.url.path}: {error.detail}", ours=True)
        wire = CONVERTERS[caller_format(headers)].encode_failure(failure, new_id("req_"))
        return Response(wire.body, status_code=wire.status, headers={**(error.headers or {}), **wire.headers}, media_type=MediaType.JSON)

    app = Litestar(
        route_handlers=[wires, root, healthz, readyz, *([metrics] if config.server.metrics_port is None else [])],
        lifespan=[life],
        cors_config=CORSConfig(allow_origins=list(config.server.cors_origins)) if config.server.cors_origins else None,
        exception_handlers={HTTPException: refused},
        openapi_config=None,
        logging_config=None,
    )
    app.state.gateway = gateway
    return app
