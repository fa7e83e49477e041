"""One exchange with an upstream: the request goes out, its answer comes back and on to the client, whole or as a stream."""

from __future__ import annotations

import asyncio
import logging
from time import perf_counter

from rosetta import relay
from rosetta.convert import located
from rosetta.converters.converter import Malformed, UpstreamFailed
from rosetta.engine import ollama
from rosetta.engine.account import Account
from rosetta.engine.attempt import Attempt, Inbound, answer_failure
from rosetta.engine.call import TRUNCATED, Call, Failed, Outcome, loss_header
from rosetta.engine.headers import downward
from rosetta.engine.health import UNWELL, TargetHealth
from rosetta.engine.outlet import Outlet
from rosetta.engine.upstream import Unreachable, UpstreamReply
from rosetta.ir.errors import Failure, FailureKind
from rosetta.ir.loss import Loss
from rosetta.telemetry.observer import Direction, RequestObserver

logger = logging.getLogger("rosetta.engine")

ERROR_LIMIT_BYTES = 1024 * 1024
"""How much of an upstream's error body is read."""
DRAIN_S = 1.0
"""How long an upstream that has said everything may take to close its side, so that its connection can be used again."""

# Failures that another key of the same provider may not have.
ROTATING: frozenset[FailureKind] = frozenset({"auth", "billing", "permission", "rate_limited"})


class Exchange:
    """One attempt on its way. Raises Failed where nothing was written to the client and another attempt may do better."""

    __slots__ = ("account", "attempt", "call", "health", "inbound", "observed", "outcome", "outlet", "watch")

    def __init__(
        self,
        call: Call,
        inbound: Inbound,
        outcome: Outcome,
        observed: RequestObserver,
        outlet: Outlet,
        attempt: Attempt,
        health: TargetHealth,
        account: Account,
    ) -> None:
        self.call = call
        self.inbound = inbound
        self.outcome = outcome
        self.observed = observed
        self.outlet = outlet
        self.watch = outlet.watch
        self.attempt = attempt
        self.health = health
        self.account = account

    async def run(self) -> None:
        """Sends the request and passes the answer on. Raises Failed."""
        attempt, account = self.attempt, self.account
        step = attempt.step
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
                raise await self._refused(reply)
            if self.call.stream:
                await self._pump(reply, began)
            else:
                await self._unary(reply)
                self.health.succeeded(self.watch.elapsed() - began)
        except Unreachable as error:
            raise Failed(error.failure) from error
        except asyncio.CancelledError:
            if not self.watch.recovered():
                raise
            if self.outlet.ended:
                return  # the limit was met a moment after the last byte
            failure = self.watch.failure()
            if self.watch.tripped not in ("total", "interrupted"):
                self.watch.reset()
            raise Failed(failure) from None
        finally:
            self.watch.arrived()
            if reply is not None:
                await reply.aclose()

    async def _refused(self, reply: UpstreamReply) -> Failed:
        attempt = self.attempt
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

    async def _unary(self, reply: UpstreamReply) -> None:
        body = await reply.read()
        attempt, outcome = self.attempt, self.outcome
        began = self.watch.arrived()
        try:
            out, losses, outcome.usage = attempt.unary(body)
        except (Malformed, UpstreamFailed) as error:
            self._unreadable(error, "response")
            raise Failed(answer_failure(error, attempt.step.provider.name)) from error
        self.account.answer.losses = losses
        self.account.came_whole(attempt, began=began, ended=perf_counter(), bytes_in=len(body), bytes_out=len(out))
        outcome.finish = list(self.account.answer.finish)
        losses = (*losses, *self._check_prompt())
        outcome.reply_losses, outcome.status = losses, 200
        outcome.first_token_s = self.watch.elapsed()
        headers = [*self.outlet.headers, ("content-type", "application/json")]
        if losses:
            headers.append(("x-rosetta-reply-loss", loss_header(losses)))
        if attempt.relays_reply:
            headers.extend(downward(self.call.format, reply.headers))
        await self.outlet.unary(headers, out)

    def _unreadable(self, error: Exception, direction: Direction) -> None:
        if isinstance(error, Malformed) and not self.attempt.relays_reply:
            self.observed.unconverted(direction, self.attempt.step.format, self.call.format)

    async def _pump(self, reply: UpstreamReply, began: float) -> None:
        watch, outcome, outlet = self.watch, self.outcome, self.outlet
        attempt, account, health = self.attempt, self.account, self.health
        if attempt.relays_reply:
            outlet.headers.extend(downward(self.call.format, reply.headers))
        if reply.headers.get("content-type", "").startswith("application/json"):
            await self._whole(reply)
            health.succeeded(watch.elapsed() - began)
            return
        hop = attempt.hop(opened=outlet.opened, observed=account.observed)
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
                    await outlet.write(out)
                elif hop.failure is not None and not hop.committed:
                    raise Failed(hop.failure)
                if hop.done:
                    break
                watch.waiting()
            if not hop.done:
                out = hop.finish()
                if hop.failure is not None and not hop.committed:
                    raise Failed(hop.failure)
                await outlet.write(out)
        except (Unreachable, asyncio.CancelledError) as error:
            if not hop.committed:
                raise
            if isinstance(error, Unreachable):
                failure = error.failure
            elif watch.recovered():
                failure = watch.failure()
            else:
                raise
            await outlet.write(hop.fail(failure))
        finally:
            outcome.usage, outcome.finish = hop.usage, hop.finish_reasons
            outcome.failure = hop.failure
            outcome.reply_losses = (*located(hop.losses, attempt.converter.words), *self._check_prompt())
            account.streamed(hop, size=size, worked_s=worked_s, gap_s=watch.longest_gap_s, ended=perf_counter())
        outcome.status = 200
        if hop.failure is not None and hop.failure.kind in UNWELL and watch.tripped != "interrupted":
            health.failed(hop.failure)
        await outlet.end()
        watch.waiting()
        try:
            async with asyncio.timeout(DRAIN_S):
                async for _ in chunks:
                    pass
        except (TimeoutError, Unreachable):
            return  # the answer is complete; a connection that does not end is closed instead of kept

    async def _whole(self, reply: UpstreamReply) -> None:
        attempt, body = self.attempt, await reply.read()
        began = self.watch.arrived()
        try:
            out, losses = attempt.events_of(body)
        except (Malformed, UpstreamFailed) as error:
            self._unreadable(error, "stream")
            raise Failed(answer_failure(error, attempt.step.provider.name)) from error
        self.account.answer.losses = losses
        self.account.came_whole(attempt, began=began, ended=perf_counter(), bytes_in=len(body), bytes_out=len(out))
        self.outcome.status, self.outcome.usage = 200, self.account.answer.usage
        self.outcome.finish = list(self.account.answer.finish)
        self.outcome.reply_losses = (*losses, *self._check_prompt())
        await self.outlet.write(out)
        await self.outlet.end()

    def _check_prompt(self) -> tuple[Loss, ...]:
        """Ollama cuts long prompts in silence; its count gives it away."""
        step, reported = self.attempt.step, self.outcome.usage.input_total
        if step.provider.ollama is None or not ollama.truncated(self.inbound.input_tokens, reported):
            return ()
        detail = f"{TRUNCATED} about {self.inbound.input_tokens} tokens were sent and {reported} read"
        logger.warning("%s: the prompt for %s was %s; OLLAMA_CONTEXT_LENGTH raises its context", step.provider.name, step.model, detail)
        return (Loss("prompt", "dropped", "content", detail=detail, path="prompt"),)
