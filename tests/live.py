"""A gateway in a thread of the test, on a free port: streams, disconnects and timing need a real server."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn
from litestar import Litestar

from rosetta.config.load import build
from rosetta.gateway.app import create_app
from rosetta.gateway.gateway import Gateway
from rosetta.gateway.protocol import BoundedProtocol
from rosetta.gateway.server import listen
from rosetta.telemetry.recorder import Recorder

START_TIMEOUT_S = 20.0


class LiveGateway:
    """A running gateway. ``url`` is its base URL, ``gateway`` its state."""

    def __init__(self, document: dict[str, Any], environ: Mapping[str, str], recorder: Recorder | None = None) -> None:
        server = {"port": 0, **document.get("server", {})}
        config = build({**document, "server": server}, environ)
        self._socket = listen(config)
        app: Litestar = create_app(config, recorder=recorder)
        self.gateway: Gateway = app.state.gateway
        self._server = uvicorn.Server(
            uvicorn.Config(app, http=BoundedProtocol, access_log=False, log_config=None, lifespan="on", timeout_graceful_shutdown=2)
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._socket.listen()  # connections wait in the backlog until the server takes them
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=START_TIMEOUT_S)
        self._socket.close()
        assert not self._thread.is_alive(), "the gateway did not stop"


@contextmanager
def live_gateway(
    document: dict[str, Any], environ: Mapping[str, str] | None = None, *, recorder: Recorder | None = None
) -> Iterator[LiveGateway]:
    """A gateway with this config document (as in a config file)."""
    live = LiveGateway(document, environ or {}, recorder)
    live.start()
    try:
        yield live
    finally:
        live.stop()


def four_upstreams(base: str, **more: Any) -> dict[str, Any]:
    """A config document with one provider of each type on a scripted upstream, and a model for each: up-chat, up-responses, up-anthropic, up-google."""
    return {
        "providers": {
            "up-chat": {"type": "openai_chat", "base_url": f"{base}/v1", "api_key": "k"},
            "up-responses": {
                "type": "openai_responses",
                "base_url": f"{base}/v1",
                "api_key": "k",
                "dialect": {"custom_tools": True, "namespaces": True},
            },
            "up-anthropic": {"type": "anthropic", "base_url": base, "api_key": "k"},
            "up-google": {"type": "google_genai", "base_url": base, "api_key": "k"},
        },
        "models": {name: name for name in ("up-chat", "up-responses", "up-anthropic", "up-google")},
        "retries": {"attempts": 1},
        **more,
    }
