"""uvicorn, and how the gateway starts: one process, uvloop and httptools where they are."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvicorn

from rosetta.config.faults import ConfigError, Fault
from rosetta.config.schema import Config
from rosetta.gateway.app import Gateway, create_app

BACKLOG = 2048


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


def serve(config: Config, *, ready: Callable[[Gateway, str], None] | None = None) -> None:
    """Runs the gateway until SIGTERM or SIGINT. ``ready`` is told the base URL once it listens. Raises ConfigError where it cannot start."""
    check_exposure(config)
    sock = listen(config)
    host, port = sock.getsockname()[:2]
    base_url = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    @asynccontextmanager
    async def announced(gateway: Gateway) -> AsyncIterator[None]:
        gc.collect()
        gc.freeze()  # what the start made stays: no collection need walk it again
        if ready is not None:
            asyncio.get_running_loop().call_soon(ready, gateway, base_url)
        yield

    app = create_app(config, lifespan=announced)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,  # it would print ?key=
            log_config=None,
            server_header=False,
            date_header=True,
            backlog=BACKLOG,
            timeout_graceful_shutdown=int(config.server.drain_timeout) or 1,
            h11_max_incomplete_event_size=64 * 1024,
            lifespan="on",
        )
    )
    try:
        server.run(sockets=[sock])
    finally:
        sock.close()
