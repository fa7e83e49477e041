"""The story of a request: plan, attempt, fall back, pump.

An attempt commits at its first content; before that the next target may take over, even when the head of the stream is out already. After it no attempt starts:
what breaks then is the client format's own in-stream error.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any, TypeVar

import msgspec

from rosetta import relay
from rosetta.config.routes import RouteTable
from rosetta.config.schema import Config
from rosetta.converters.converter import Malformed, UpstreamFailed
from rosetta.engine import ollama, policy, retry
from rosetta.engine.account import Account, opened
from rosetta.engine.admission import Admitted
from rosetta.engine.attempt import Attempt, Inbound, answer_failure, prepare
from rosetta.engine.balance import arranged, latest_seal, made
from rosetta.engine.call import Call, Failed, Outcome, Writer, loss_header
from rosetta.engine.headers import downward
from rosetta.engine.health import UNWELL, TargetHealth
from rosetta.engine.lasting import Lasting
from rosetta.engine.plan import Plan, Step, plan
from rosetta.engine.provider import Provider, build
from rosetta.engine.session import session_of
from rosetta.engine.upstream import Unreachable, UpstreamReply
from rosetta.engine.watchdog import Watchdog
from rosetta.ir import events
from rosetta.ir.errors import Failure, FailureKind
from rosetta.ir.loss import Loss
from rosetta.ir.parts import Seal
from rosetta.ir.usage import NO_USAGE
from rosetta.telemetry.observer import NO_ATTEMPT, NO_OBSERVER, NO_REQUEST, Direction, Observer, Reason, RequestObserver

Result = TypeVar("Result")

logger = logging.getLogger("rosetta.engine")

ERROR_LIMIT_BYTES = 1024 * 1024
"""How much of an upstream's error body is read."""
DRAIN_S = 1.0
"""How long an upstream that has said everything may take to close its side, so that its connection can be used again."""

RETRY_AFTER_S = 60.0
"""The longest Retry-After that is waited for here, as the vendors' own SDKs do; past it the client is told, which knows whether to wait."""

# Failures that another key of the same provider may not have.
ROTATING: frozenset[FailureKind] = frozenset({"auth", "billing", "permission", "rate_limited"})
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


class Run:
    """One call while it lasts."""

    def __init__(self, engine: Engine, call: Call, writer: Writer, outcome: Outcome, observed: RequestObserver) -> None:
        self.engine = engine
        self.call = call
        self.writer = writer
        self.outcome = outcome
        self.observed = observed
        self.inbound = Inbound(call, observed)
        self.plan: Plan = plan(call, engine.routes, engine.providers)
        observed.planned(self.plan.route.entry)
        self.started = False  # the head is out
        self.ended = False  # and everything else
        self.opened = False  # the encoder has opened the client's stream
        self.attempt: Attempt | None = None
        self.account = Account(NO_ATTEMPT)
        self.left: tuple[Step, Failure | None] | None = None  # the target that did not answer, None: it rests
        self.headers: list[tuple[str, str]] = []
        self.sealed_by: Seal | None = None
        ping = self.inbound.converter.ping
        self.watch = Watchdog(
            total_s=max(step.total_s for step in self.plan.steps),
            open_head=self._open_head if call.stream else None,
            ping=self._ping if call.stream and ping is not None else None,
        )

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
            if not self.started:
                raise
            await self._tell(failed.failure)
        except asyncio.CancelledError:
            # Between two tries; in an attempt the attempt itself has made a Failed of it.
            if not self.started or not self.watch.recovered():
                raise
            self.outcome.failure = self.watch.failure()
            await self._tell(self.outcome.failure)

    async def _tell(self, failure: Failure) -> None:
        """The head is out: the stream itself says why it ends."""
        encoder = self.inbound.encoder
        await self._write(b"".join(self.inbound.frame(wire) for wire in encoder.feed(events.Failed(failure))))
        await self._end()

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
            attempt = self.attempt = prepare(self.inbound, step)
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
        self.headers = _reply_headers(outcome)
        self.account = account = opened(self.observed, attempt, outcome, self._reason(step), prepared, perf_counter())
        try:
            await self._exchanged(attempt, health, account)
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

    async def _exchanged(self, attempt: Attempt, health: TargetHealth, account: Account) -> None:
        step, call = attempt.step, self.call
        self.watch.attempt(first_token_s=step.first_token_s, idle_s=step.idle_s)
        reply: UpstreamReply | None = None
        began = self.watch.elapsed()
        try:
            reply = await step.provider.upstream_on(step.format).send(
                "POST",
                attempt.path,
                [*attempt.headers, *account.observed.headers()],
                attempt.body,
                connect_s=step.connect_s,
                observed=account.observed,
            )
            self.watch.waiting()
            if reply.status >= 300:
                raise await self._refused(attempt, reply)
            if call.stream:
                await self._pump(attempt, reply, health, began)
            else:
                await self._unary(attempt, reply)
                health.succeeded(self.watch.elapsed() - began)
        except Unreachable as error:
            raise Failed(error.failure) from error
        except asyncio.CancelledError:
            if not self.watch.recovered():
                raise
            if self.ended:
                return  # the limit was met a moment after the last byte
            failure = self.watch.failure()
            if self.watch.tripped not in ("total", "interrupted"):
                self.watch.reset()
            raise Failed(failure) from None
        finally:
            self.watch.arrived()
            if reply is not None:
                await reply.aclose()

    async def _refused(self, attempt: Attempt, reply: UpstreamReply) -> Failed:
        body = await reply.read(ERROR_LIMIT_BYTES)
        provider = attempt.step.provider
        failure = attempt.converter.decode_failure(reply.status, reply.headers, body)
        rotated = failure.kind in ROTATING and provider.rotate(attempt.headers)
        if reply.status < 400:
            failure = Failure(
                "upstream_error",
                f"{provider.name} answered with a redirect ({reply.status}), which is not followed: correct its base_url",
                status=reply.status,
            )
        elif failure.kind in ("auth", "permission") and provider.row.auth == "own":
            # Our key, not the client's: the client must not be told that its own is bad.
            failure = Failure(
                "upstream_error",
                f"{provider.name} refused rosetta's credentials ({reply.status}): check providers.{provider.name}.api_key",
                status=reply.status,
                ours=True,
            )
        elif attempt.relays_reply and relay.holds_error(body):
            return Failed(failure, relayed=(reply.status, downward(self.call.format, reply.headers), body), rotated=rotated)
        return Failed(failure, rotated=rotated)

    async def _unary(self, attempt: Attempt, reply: UpstreamReply) -> None:
        body = await reply.read()
        outcome = self.outcome
        began = self.watch.arrived()
        try:
            out, losses, outcome.usage = attempt.unary(body)
        except (Malformed, UpstreamFailed) as error:
            self._unreadable(attempt, error, "response")
            raise Failed(answer_failure(error, attempt.step.provider.name)) from error
        self.account.answer.losses = losses
        self.account.came_whole(attempt, began=began, ended=perf_counter(), bytes_in=len(body), bytes_out=len(out))
        outcome.finish = list(self.account.answer.finish)
        losses = (*losses, *self._check_prompt(attempt))
        outcome.reply_losses, outcome.status = losses, 200
        outcome.first_token_s = self.watch.elapsed()
        headers = [*self.headers, ("content-type", "application/json")]
        if losses:
            headers.append(("x-rosetta-reply-loss", loss_header(losses)))
        if attempt.relays_reply:
            headers.extend(downward(self.call.format, reply.headers))
        self.started = True
        began = perf_counter()
        try:
            await self.writer.unary(200, headers, out)
        finally:
            self.watch.waited_s += perf_counter() - began

    def _unreadable(self, attempt: Attempt, error: Exception, direction: Direction) -> None:
        if isinstance(error, Malformed) and not attempt.relays_reply:
            self.observed.unconverted(direction, attempt.step.format, self.call.format)

    async def _pump(self, attempt: Attempt, reply: UpstreamReply, health: TargetHealth, began: float) -> None:
        watch, outcome = self.watch, self.outcome
        if attempt.relays_reply:
            self.headers.extend(downward(self.call.format, reply.headers))
        if reply.headers.get("content-type", "").startswith("application/json"):
            await self._whole(attempt, reply)
            health.succeeded(watch.elapsed() - began)
            return
        account = self.account
        hop = attempt.hop(opened=self.opened, observed=account.observed)
        chunks = reply.chunks()
        worked_s, size = 0.0, 0
        try:
            async for chunk in chunks:
                came = watch.arrived()
                out = hop.feed(chunk)
                worked_s += perf_counter() - came
                size += len(chunk)
                if out:
                    if not watch.committed:
                        watch.commit()
                        account.observed.first_chunk()
                        health.succeeded(watch.elapsed() - began)
                        outcome.first_token_s = watch.elapsed()
                    await self._write(out)
                elif hop.failure is not None and not hop.committed:
                    raise Failed(hop.failure)
                if hop.done:
                    break
                watch.waiting()
            if not hop.done:
                out = hop.finish()
                if hop.failure is not None and not hop.committed:
                    raise Failed(hop.failure)
                await self._write(out)
        except (Unreachable, asyncio.CancelledError) as error:
            if not hop.committed:
                raise
            if isinstance(error, Unreachable):
                failure = error.failure
            elif watch.recovered():
                failure = watch.failure()
            else:
                raise
            await self._write(hop.fail(failure))
        finally:
            outcome.usage, outcome.finish = hop.usage, hop.finish_reasons
            outcome.failure, outcome.reply_losses = hop.failure, (*hop.losses, *self._check_prompt(attempt))
            account.streamed(hop, size=size, worked_s=worked_s, gap_s=watch.longest_gap_s, ended=perf_counter())
        outcome.status = 200
        if hop.failure is not None and hop.failure.kind in UNWELL and watch.tripped != "interrupted":
            health.failed(hop.failure)
        await self._end()
        watch.waiting()
        try:
            async with asyncio.timeout(DRAIN_S):
                async for _ in chunks:
                    pass
        except (TimeoutError, Unreachable):
            return  # the answer is complete; a connection that does not end is closed instead of kept

    async def _whole(self, attempt: Attempt, reply: UpstreamReply) -> None:
        body = await reply.read()
        began = self.watch.arrived()
        try:
            out = attempt.events_of(body)
        except (Malformed, UpstreamFailed) as error:
            self._unreadable(attempt, error, "stream")
            raise Failed(answer_failure(error, attempt.step.provider.name)) from error
        self.account.came_whole(attempt, began=began, ended=perf_counter(), bytes_in=len(body), bytes_out=len(out))
        self.outcome.status, self.outcome.usage = 200, self.account.answer.usage
        self.outcome.finish = list(self.account.answer.finish)
        await self._write(out)
        await self._end()

    async def _end(self) -> None:
        """Nothing follows: the client's body is complete."""
        await self._write(self.inbound.tail())
        self.ended = True
        self.watch.arrived()
        await self.writer.write(b"")

    def _check_prompt(self, attempt: Attempt) -> tuple[Loss, ...]:
        """Ollama cuts long prompts in silence; its count gives it away."""
        reported = self.outcome.usage.input_total
        if attempt.step.provider.ollama is None or not ollama.truncated(self.inbound.input_tokens, reported):
            return ()
        detail = f"truncated? about {self.inbound.input_tokens} tokens were sent and {reported} read"
        logger.warning("%s: the prompt for %s was %s", attempt.step.provider.name, attempt.step.model, detail)
        return (Loss("prompt", "dropped", "content", detail=detail, path="prompt"),)

    async def _write(self, data: bytes) -> None:
        if not data:
            return
        watch = self.watch
        began = watch.arrived()
        try:
            if not self.started:
                self.started, watch.head_at = True, None
                await self.writer.start(200, [*self.headers, *_stream_headers(self.call)])
            await self.writer.write(data)
        finally:
            watch.waited_s += perf_counter() - began
        watch.written()

    async def _open_head(self) -> None:
        """The first content lets on waiting: the client gets the head, so that it and its proxies know that somebody works."""
        if self.started:
            return
        self.started = True
        await self.writer.start(200, [*self.headers, *_stream_headers(self.call)])
        converter = self.inbound.converter
        if self.attempt is not None and not self.attempt.relays_reply:
            self.opened = True
            opening = b"".join(self.inbound.frame(wire) for wire in self.inbound.encoder.open())
        else:
            opening = b": open\n\n" if converter.ping is not None else b""
        if opening:
            await self.writer.write(opening)
        self.watch.written()

    async def _ping(self) -> None:
        converter = self.inbound.converter
        assert converter.ping is not None
        relaying = self.attempt is not None and self.attempt.relays_reply and not self.watch.committed
        await self.writer.write(b": ping\n\n" if relaying else converter.ping)


def _tokens(outcome: Outcome) -> int | None:
    """What a call used, None where nobody counted."""
    usage = outcome.usage
    if usage is NO_USAGE:
        return None
    return usage.input_total + (usage.output_total or 0)


def _reply_headers(outcome: Outcome) -> list[tuple[str, str]]:
    headers = [
        ("x-rosetta-provider", outcome.provider),
        ("x-rosetta-model", outcome.model),
        ("x-rosetta-attempts", str(outcome.attempts)),
    ]
    if outcome.losses:
        headers.append(("x-rosetta-loss", loss_header(outcome.losses)))
    return headers


def _stream_headers(call: Call) -> list[tuple[str, str]]:
    kind = "application/json" if call.array else "text/event-stream; charset=utf-8"
    return [("content-type", kind), ("cache-control", "no-cache"), ("x-accel-buffering", "no")]
