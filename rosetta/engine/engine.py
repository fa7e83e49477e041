"""One configuration at work: it admits calls, runs them, and ends them when it is told to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rosetta.config.routes import RouteTable
from rosetta.config.schema import Config
from rosetta.engine.admission import Admitted
from rosetta.engine.call import Call, Failed, Outcome, Writer
from rosetta.engine.lasting import Lasting
from rosetta.engine.provider import Provider, build
from rosetta.engine.run import Run
from rosetta.ir.errors import Failure
from rosetta.ir.usage import NO_USAGE
from rosetta.telemetry.observer import NO_OBSERVER, NO_REQUEST, Observer, RequestObserver


class Engine:
    """One configuration at work. ``providers`` may be given, for tests and for the SDK; then the caller closes them. ``before`` is the engine whose
    place it takes where a config was reloaded: circuits, limits, the connections of providers that did not change and the ``observer`` stay."""

    def __init__(
        self,
        config: Config,
        providers: Mapping[str, Provider] | None = None,
        *,
        before: Engine | None = None,
        observer: Observer = NO_OBSERVER,
    ) -> None:
        self.config = config
        self.routes = RouteTable(config)
        self._owned = providers is None
        self.providers: Mapping[str, Provider] = (
            build(config.providers, before.providers if before else None) if providers is None else providers
        )
        for provider in self.providers.values():
            provider.hold()
        self.lasting: Lasting = Lasting(observer) if before is None else before.lasting
        self.observer = self.lasting.observer
        self.observer.configured(config)
        self.health = self.lasting.health
        self.admission = self.lasting.admission(config)
        self.draw = random.Random()  # noqa: S311 - spreads load, guards nothing
        self._running: set[Run] = set()
        self._aside = 0
        self._idle: asyncio.Event | None = None

    @property
    def active(self) -> int:
        """How many calls are under way."""
        return len(self._running) + self._aside

    async def aclose(self) -> None:
        """Closes every connection."""
        await self._release()
        await self.lasting.aclose()

    async def retire(self) -> None:
        """Another engine has taken over: waits for the calls under way, then closes what that one does not use."""
        if self.active:
            self._idle = asyncio.Event()
            await self._idle.wait()
        await self._release()

    async def _release(self) -> None:
        if self._owned:
            for provider in self.providers.values():
                await provider.release()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Something else than a generation uses the providers: a count, a stored response."""
        self._aside += 1
        try:
            yield
        finally:
            self._aside -= 1
            self._check_idle()

    def _check_idle(self) -> None:
        if self._idle is not None and not self.active:
            self._idle.set()

    def interrupt(self, failure: Failure) -> None:
        """Ends every call under way with ``failure``, in its client's format."""
        for run in tuple(self._running):
            run.watch.interrupt(failure)

    async def respond(self, call: Call, writer: Writer, outcome: Outcome, observed: RequestObserver = NO_REQUEST) -> None:
        """Answers ``call`` through ``writer`` and tells in ``outcome`` what became of it; ``observed`` hears how, and whoever began it ends it.

        Raises Failed when nothing was written: the caller writes the error. Once the head is out, errors go into the stream.
        """
        observed.asked(call.model, stream=call.stream, key=call.key)
        run = Run(self, call, writer, outcome, observed)
        self._running.add(run)
        admitted: Admitted | None = None
        try:
            if self.admission.limited:
                admitted = await self._admit(run)
            await run.run()
        except asyncio.CancelledError:
            if not run.watch.recovered():
                raise
            raise Failed(run.watch.failure()) from None
        finally:
            outcome.duration_s = run.watch.elapsed()
            outcome.waited_s += run.watch.waited_s
            await run.watch.close()
            try:
                if admitted is not None:
                    await self.admission.settle(admitted, _tokens(outcome), used=outcome.status == 200)
            finally:
                self._running.discard(run)
                self._check_idle()

    async def _admit(self, run: Run) -> Admitted:
        call = run.call
        try:
            admitted = await self.admission.admit(call.key, run.plan.route, run.inbound.input_tokens, call.format)
        except Failed as failed:
            if failed.limit is not None:
                run.observed.denied(failed.limit)
            raise
        run.watch.waited_s += admitted.queued_s
        return admitted


def _tokens(outcome: Outcome) -> int | None:
    """What a call used, None where nobody counted."""
    usage = outcome.usage
    if usage is NO_USAGE:
        return None
    return usage.input_total + (usage.output_total or 0)
