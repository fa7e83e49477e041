"""uvicorn, and how the gateway starts: one process, uvloop and httptools where they are."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from prometheus_client import start_http_server

from rosetta.config.faults import ConfigError, Fault
from rosetta.config.schema import Config
from rosetta.gateway.app import create_app
from rosetta.gateway.drain import DrainingServer
from rosetta.gateway.gateway import Gateway
from rosetta.gateway.protocol import BoundedProtocol
from rosetta.gateway.reload import Reloader, settled
from rosetta.telemetry.recorder import Recorder
from rosetta.telemetry.tracing import tracing

BACKLOG = 2048
GC_YOUNG = 10_000
"""So many objects more than before, and the collector looks for cycles. A finished request leaves none, so with Python's 700 it would only walk again
and again through what the requests under way hold: a tenth of the CPU."""


def check_exposure(config: Config) -> None:
    """Without a key only loopback may be served. Raises ConfigError."""
    if config.keys or config.server.open:
        return
    host = config.server.host
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        raise ConfigError(
            [
                Fault(
                    "server.host",
                    f"{host} can be reached from outside and no key is configured: add keys, or set server.open: true if that is meant",
                )
            ]
        )


def listen(config: Config) -> socket.socket:
    """The bound socket. Raises ConfigError that tells what is in the way."""
    host, port = config.server.host, config.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(BACKLOG)  # whoever comes before the server runs waits here
    except OSError as error:
        sock.close()
        raise ConfigError(
            [Fault("server.port", f"cannot listen on {host}:{port}: {error.strerror}; choose another with --port")]
        ) from error
    return sock


@contextlib.contextmanager
def metrics_server(host: str, port: int, recorder: Recorder) -> Iterator[int]:
    """/metrics on a port of its own, in a thread; gives the port. Raises ConfigError where it is taken."""
    try:
        server, thread = start_http_server(port, host, registry=recorder.metrics.registry)
    except OSError as error:
        raise ConfigError([Fault("server.metrics_port", f"cannot listen on {host}:{port}: {error.strerror}; choose another")]) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def serve(
    config: Config,
    *,
    ready: Callable[[Gateway, str], None] | None = None,
    load: Callable[[], Config] | None = None,
    path: Path | None = None,
) -> None:
    """Runs the gateway until SIGTERM or SIGINT. ``ready`` is told the base URL once it listens. ``load`` reads the config anew, from ``path`` where it is a
    file: then changes take effect while it runs. Raises ConfigError where it cannot start."""
    check_exposure(config)
    sock = listen(config)
    host, port = sock.getsockname()[:2]
    base_url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    reloader: Reloader | None = None

    @asynccontextmanager
    async def running(gateway: Gateway) -> AsyncIterator[None]:
        gc.collect()
        gc.freeze()  # what the start made stays: no collection need walk it again
        gc.set_threshold(GC_YOUNG, *gc.get_threshold()[1:])
        if ready is not None:
            asyncio.get_running_loop().call_soon(ready, gateway, base_url)
        watching = None if reloader is None else asyncio.create_task(reloader.watch())
        yield
        if watching is not None:
            await settled(watching)

    recorder = Recorder(tracing=tracing(config.telemetry))
    app = create_app(config, recorder=recorder, lifespan=running)
    gateway: Gateway = app.state.gateway
    if load is not None:
        reloader = Reloader(gateway, load, path, gateway.observer.reloaded)
    settings = uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        access_log=False,  # it would print ?key=
        proxy_headers=False,  # nobody asks who the client's address is
        log_config=None,
        server_header=False,
        date_header=True,
        backlog=BACKLOG,
        timeout_graceful_shutdown=None,  # DrainingServer keeps the time, and says why a stream ends
        lifespan="on",
    )
    server = DrainingServer(settings, gateway, None if reloader is None else lambda: reloader.reload("SIGHUP"))
    try:
        with contextlib.ExitStack() as aside:
            if config.server.metrics_port is not None:
                aside.enter_context(metrics_server(host, config.server.metrics_port, recorder))
            server.run(sockets=[sock])
    finally:
        sock.close()
