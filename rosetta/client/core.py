"""The engine behind a client: one for its config, and one for each way in which calls depart from that config."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rosetta.client.asking import Question
from rosetta.client.errors import raised
from rosetta.client.options import Options, applied
from rosetta.client.pipe import Pipe
from rosetta.client.shapes import Reply
from rosetta.client.stream import Events
from rosetta.config import Config, build, discover, find, load
from rosetta.converters import jsontext
from rosetta.converters.converter import Malformed
from rosetta.engine.attempt import malformed
from rosetta.engine.call import Failed, Outcome
from rosetta.engine.engine import Engine
from rosetta.providers import catalog
from rosetta.telemetry.observer import NO_OBSERVER, Observer

ENGINES = 64
"""So many departures from the config are kept with their connections."""

ConfigSource = Config | Mapping[str, Any] | str | Path | None


def configured(source: ConfigSource) -> Config:
    """The Config in a file, in plain values, or already made. None: the file that ``rosetta serve`` would find, else the providers whose keys are in the
    environment. Raises ConfigError with every fault."""
    if isinstance(source, Config):
        return source
    if isinstance(source, Mapping):
        return build(dict(source), vendors=catalog.VENDORS)
    path = find(source)
    return discover(os.environ, catalog.KEY_VARIABLES) if path is None else load(path, vendors=catalog.VENDORS)


class Core:
    """Everything that runs on one event loop."""

    def __init__(self, config: Config, observer: Observer = NO_OBSERVER) -> None:
        self.config = config
        self._engine = Engine(config, observer=observer)
        self._others: OrderedDict[tuple[str, Options], tuple[Config, Engine]] = OrderedDict()
        self._retiring: set[asyncio.Task[None]] = set()
        self._closed = False

    def engine(self, model: str, options: Options) -> Engine:
        """The engine for a call. Raises APIError where nobody can be asked, RuntimeError after ``aclose``."""
        if self._closed:
            raise RuntimeError("this client is closed")
        config = applied(self.config, self._engine.routes, model, options)
        if config is self.config:
            return self._engine
        known = self._others.get((model, options))
        if known is not None and known[0] == config:
            self._others.move_to_end((model, options))
            return known[1]
        engine = Engine(config, before=self._engine)
        if known is not None:  # the environment's key has changed
            self._retire(known[1])
        self._others[model, options] = (config, engine)
        if len(self._others) > ENGINES:
            self._retire(self._others.popitem(last=False)[1][1])
        return engine

    def _retire(self, engine: Engine) -> None:
        task = asyncio.get_running_loop().create_task(engine.retire())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def whole(self, question: Question, options: Options) -> Reply:
        """The whole answer. Raises APIError."""
        pipe, outcome = Pipe(), Outcome()
        engine = self.engine(question.model, options)
        try:
            call = question.call()
        except Malformed as error:
            raise raised(malformed(error), model=question.model) from None
        observed = engine.observer.request(question.format, "generate", call.request_id, stream=False)
        try:
            await engine.respond(call, pipe, outcome, observed)
        except Failed as failed:
            outcome.failure = failed.failure
            raise raised(failed.failure, outcome.provider, question.model) from None
        finally:
            observed.finish(outcome)
        return Reply(
            jsontext.decode(await pipe.read()),
            losses=(*outcome.losses, *outcome.reply_losses),
            provider=outcome.provider,
            attempts=outcome.attempts,
            tokens=outcome.usage,
            parse=question.parse,
        )

    async def begun(self, question: Question, options: Options) -> Events:
        """A stream whose head has come. Raises APIError where nobody answered."""
        engine = self.engine(question.model, options)
        try:
            call = question.call()
        except Malformed as error:
            raise raised(malformed(error), model=question.model) from None
        return await Events.begun(engine, call)

    async def aclose(self) -> None:
        """Ends what is under way and closes every connection."""
        self._closed = True
        for task in tuple(self._retiring):
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        for _, engine in self._others.values():
            await engine.aclose()
        self._others.clear()
        await self._engine.aclose()
