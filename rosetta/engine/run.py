"""The story of a request: the best target, again where it is worth it, then the next one, until one of them answers.

An attempt commits at its first content; before that the next target may take over, even when the head of the stream is out already. After it no attempt
starts: what breaks then is the client format's own in-stream error.
"""

from __future__ import annotations

import asyncio
import dataclasses
from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec

from rosetta import relay
from rosetta.engine import ollama, policy, retry
from rosetta.engine.account import opened
from rosetta.engine.attempt import Inbound, prepare
from rosetta.engine.balance import arranged, latest_seal, made
from rosetta.engine.call import Call, Failed, Outcome, Writer, loss_header
from rosetta.engine.exchange import Exchange
from rosetta.engine.health import TargetHealth
from rosetta.engine.outlet import Outlet
from rosetta.engine.plan import Plan, Step, plan
from rosetta.engine.session import session_of
from rosetta.ir.errors import Failure, FailureKind
from rosetta.ir.parts import Seal
from rosetta.telemetry.observer import Reason, RequestObserver

if TYPE_CHECKING:
    from rosetta.engine.engine import Engine

RETRY_AFTER_S = 60.0
"""The longest Retry-After that is waited for here, as the vendors' own SDKs do; past it the client is told, which knows whether to wait."""

# Failures that another target may not have.
FALLBACK: frozenset[FailureKind] = frozenset(
    {
        "auth",
        "billing",
        "permission",
        "not_found",
        "conflict",
        "rate_limited",
        "upstream_error",
        "overloaded",
        "timeout",
        "truncated",
        "context_too_long",
        "unsupported",
    }
)


# The failure of a whole chain that helps the client most, first: what it can mend itself, then what passes, then what only an operator can mend.
USEFUL: tuple[FailureKind, ...] = (
    "context_too_long",
    "rate_limited",
    "overloaded",
    "timeout",
    "upstream_error",
    "truncated",
    "conflict",
    "unsupported",
    "billing",
    "permission",
    "auth",
    "not_found",
)


class Run:
    """One call while it lasts."""

    def __init__(self, engine: Engine, call: Call, writer: Writer, outcome: Outcome, observed: RequestObserver) -> None:
        self.engine = engine
        self.call = call
        self.outcome = outcome
        self.observed = observed
        self.inbound = Inbound(call, observed)
        self.plan: Plan = plan(call, engine.routes, engine.providers)
        observed.planned(self.plan.route.entry)
        self.outlet = Outlet(call, self.inbound, writer, max(step.total_s for step in self.plan.steps))
        self.watch = self.outlet.watch
        self.left: tuple[Step, Failure | None] | None = None  # the target that did not answer, None: it rests
        self.sealed_by: Seal | None = None

    async def run(self) -> None:
        """Tries the plan's steps, the best first."""
        began = perf_counter()
        try:
            steps = self._arranged()
            if self.observed.recorded:
                candidates = [(step.provider.name, step.model) for step in steps]
                self.observed.routed(candidates, self.plan.strategy, began=began, ended=perf_counter())
            await self._answer(steps)
        except Failed as failed:
            self.outcome.failure = failed.failure
            if not self.outlet.started:
                raise
            await self.outlet.fail(failed.failure)
        except asyncio.CancelledError:
            # Between two tries; in an attempt the attempt itself has made a Failed of it.
            if not self.outlet.started or not self.watch.recovered():
                raise
            self.outcome.failure = self.watch.failure()
            await self.outlet.fail(self.outcome.failure)

    def _arranged(self) -> list[Step]:
        steps = self.plan.steps
        if len(steps) == 1:
            return list(steps)
        call, engine = self.call, self.engine
        self.sealed_by = latest_seal(self.inbound.request) if relay.holds_envelope(call.body) else None
        session = session_of(call.headers, call.body) if self.plan.route.sticky else None
        return arranged(steps, engine.health, session=session, sealed_by=self.sealed_by, draw=engine.draw)

    async def _answer(self, steps: list[Step]) -> None:
        """Asks one target after the other until one answers. Raises the most useful Failed."""
        failures: list[Failed] = []
        resting: list[Step] = []
        window = 0  # tokens that were too few
        for index, step in enumerate(steps):
            if window and (step.context_window or 0) <= window:
                continue
            if not self._health(step).admits():
                resting.append(step)
                self.left = (step, None)
                continue
            others = any(self._health(other).state != "open" for other in steps[index + 1 :])
            try:
                await self._tried(step, others=others)
            except Failed as error:
                failures.append(error)
                self.left = (step, error.failure)
                if error.failure.kind == "context_too_long":
                    window = max(window, step.context_window or 1)
                if error.failure.kind not in FALLBACK or self.watch.tripped is not None or self.watch.remaining() <= 0:
                    raise
            else:
                return
        if not failures and resting:
            step = min(resting, key=lambda step: self._health(step).rests_until)
            self._health(step).forced()
            self.left = None
            await self._tried(step, others=False)
            return
        raise min(failures, key=lambda error: USEFUL.index(error.failure.kind))

    def _health(self, step: Step) -> TargetHealth:
        return self.engine.health.of(step.provider.name, step.model)

    async def _tried(self, step: Step, *, others: bool) -> None:
        settings = self.engine.config.retries

        def patience(failed: Failed) -> float:
            remaining = self.watch.remaining()
            if not others:
                return min(remaining, RETRY_AFTER_S)
            if failed.failure.retry_after_s is None and self._health(step).state == "open":
                return 0.0  # it is resting now, and somebody else can answer
            return min(remaining, settings.backoff_max)

        try:
            await self._try(step)
        except Failed as failed:
            try:
                await retry.again(failed, lambda: self._try(step), settings, patience, self._pause)
            except Failed as last:
                if last.rotated:  # no key of this provider is left that would do
                    self._health(step).failed(last.failure)
                raise

    async def _pause(self, seconds: float, failure: Failure) -> None:
        self.observed.retry(seconds, failure)
        began = perf_counter()
        try:
            await asyncio.sleep(seconds)
        finally:
            self.watch.waited_s += perf_counter() - began

    def _reason(self, step: Step) -> Reason:
        left, self.left = self.left, None
        if left is not None:
            self.observed.fallback(left[0].provider.name, step.provider.name, left[1])
            return "fallback"
        return "initial" if self.outcome.attempts == 1 else "retry"

    async def _try(self, step: Step) -> None:
        health = self._health(step)
        health.inflight += 1
        judged = False
        try:
            await self._attempted(step, health)
            judged = True
        except Failed as error:
            if not error.rotated and self.watch.tripped != "interrupted":
                judged = True
                health.failed(error.failure)
            raise
        finally:
            health.inflight -= 1
            if not judged:
                health.abandoned()

    async def _fitted(self, step: Step) -> Step:
        """The step as the server and the model behind it really are: Ollama tells its version, its loaded context and what a model can do."""
        facts = ollama.UNKNOWN if step.provider.ollama is None else await step.provider.ollama.facts(step.model)
        refused = ollama.too_long(step.model, facts, self.inbound.input_tokens, step.context_window)
        if refused is not None:
            raise Failed(refused)
        client = self.call.format
        if client != step.format and facts.tools and await step.provider.speaks_later(client):
            step = dataclasses.replace(step, format=client, dialect=step.provider.dialect(client, step.model))
        if facts.tools and facts.thinking:
            return step
        changes: dict[str, Any] = {}
        if step.format == "openai_chat":
            changes["tools"] = step.dialect.tools and facts.tools
        if not facts.thinking:
            changes |= {"thinking": "none"} if step.format == "anthropic" else {"efforts": ()}
        return dataclasses.replace(step, dialect=msgspec.structs.replace(step.dialect, **changes))

    async def _attempted(self, step: Step, health: TargetHealth) -> None:
        if step.provider.ollama is not None or step.context_window is not None:
            step = await self._fitted(step)
        call, outcome, prepared = self.call, self.outcome, perf_counter()
        try:
            attempt = prepare(self.inbound, step)
        except Failed as failed:
            if failed.failure.kind == "unsupported":
                self.observed.unconverted("request", call.format, step.format)
            raise
        refused = policy.refusal(attempt.losses, call.loss_policy or self.plan.loss_policy or self.engine.config.loss_policy)
        if refused is not None:
            raise Failed(refused)
        outcome.attempts += 1
        outcome.seal_lost = self.sealed_by is not None and not made(step, self.sealed_by)
        outcome.provider, outcome.model, outcome.target_format = step.provider.name, step.model, step.format
        outcome.losses, outcome.relayed = attempt.losses, attempt.relayed
        self.outlet.headers, self.outlet.relays = _reply_headers(outcome), attempt.relays_reply
        account = opened(self.observed, attempt, outcome, self._reason(step), prepared, perf_counter())
        try:
            await Exchange(self.call, self.inbound, outcome, self.observed, self.outlet, attempt, health, account).run()
        except Failed as failed:
            account.answer.failure = failed.failure
            raise
        except asyncio.CancelledError:
            account.answer.gone = True
            raise
        except Exception:
            account.answer.failure = Failure("internal", "rosetta failed", ours=True)
            raise
        finally:
            account.observed.finish(account.answer)


def _reply_headers(outcome: Outcome) -> list[tuple[str, str]]:
    headers = [
        ("x-rosetta-provider", outcome.provider),
        ("x-rosetta-model", outcome.model),
        ("x-rosetta-attempts", str(outcome.attempts)),
    ]
    if outcome.losses:
        headers.append(("x-rosetta-loss", loss_header(outcome.losses)))
    return headers
