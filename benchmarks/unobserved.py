"""``rosetta serve`` with nobody who listens: no metrics, no traces, no lines. For comparison only."""

import sys
from collections.abc import Mapping
from typing import Any

from rosetta.cli import main
from rosetta.config.schema import Config
from rosetta.gateway import server
from rosetta.telemetry.observer import NO_REQUEST, RequestObserver
from rosetta.telemetry.recorder import Recorder


class Deaf(Recorder):
    def configured(self, config: Config) -> None:
        return

    def request(self, format: Any, operation: str, request_id: str, **_: Any) -> RequestObserver:  # type: ignore[override]
        return NO_REQUEST

    def circuit(self, provider: str, model: str, state: Any) -> None:
        return


def no_tracing(_: Any, __: Mapping[str, str] = {}) -> None:
    return


server.Recorder = Deaf  # type: ignore[misc]
server.tracing = no_tracing  # type: ignore[assignment]
sys.exit(main())
