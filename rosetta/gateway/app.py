"""The Litestar application: one mounted ASGI handler for the four wires, ordinary handlers for the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response, asgi, get, route
from litestar.config.cors import CORSConfig
from litestar.enums import MediaType
from litestar.exceptions import HTTPException
from litestar.types import Receive, Scope, Send

from rosetta import __version__
from rosetta.config.schema import Config
from rosetta.convert import new_id
from rosetta.converters import CONVERTERS
from rosetta.engine.engine import Engine
from rosetta.gateway import page
from rosetta.gateway.gateway import Gateway
from rosetta.gateway.routes import caller_format
from rosetta.ir.errors import Failure, FailureKind
from rosetta.telemetry.recorder import Recorder
from rosetta.telemetry.tracing import tracing


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
