"""What outlives a config: a reload swaps the engine, and circuits, windows and places in use stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rosetta.config.faults import ConfigError, Fault
from rosetta.config.schema import Config, Limits, Queue
from rosetta.engine.admission import Admission, counts
from rosetta.engine.concurrency import Concurrency
from rosetta.engine.health import Health
from rosetta.telemetry.observer import NO_OBSERVER, Observer

if TYPE_CHECKING:
    from rosetta.engine.limits import Windows


class Lasting:
    """Health, places and counters, shared by the engines that follow one another."""

    def __init__(self, observer: Observer = NO_OBSERVER) -> None:
        self.observer = observer
        self.health = Health(watcher=observer.circuit)
        self.concurrency = Concurrency(Queue())
        self._windows: Windows | None = None
        self._limits: Limits | None = None
        self._retired: list[Windows] = []

    def admission(self, config: Config) -> Admission:
        """The limits of ``config`` on the counters that run already. A store of another address begins anew."""
        self.concurrency.queue = config.server.queue
        return Admission(config, self.concurrency, self._counters(config.limits) if counts(config) else None, self.observer.limited)

    def _counters(self, limits: Limits) -> Windows:
        try:
            from rosetta.engine.limits import Windows  # only who sets a limit needs the library
        except ModuleNotFoundError as error:
            raise ConfigError([Fault("limits", f"limits need {error.name}: pip install 'rosetta-gateway[gateway]'")]) from error

        known = self._limits
        if self._windows is None or known is None or (known.store, known.replicas) != (limits.store, limits.replicas):
            if self._windows is not None:
                self._retired.append(self._windows)  # requests under way still settle there
            self._windows, self._limits = Windows(limits, degraded=self.observer.store_degraded), limits
        return self._windows

    async def aclose(self) -> None:
        """Closes the connections to the store."""
        for windows in (*self._retired, self._windows):
            if windows is not None:
                await windows.aclose()
