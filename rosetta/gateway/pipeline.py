"""One request for generation: body, key, peek, engine, reply."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from rosetta.config.schema import Config, Key, LossPolicy
from rosetta.convert import new_id
from rosetta.converters.converter import Malformed
from rosetta.engine.attempt import malformed
from rosetta.engine.call import Call, Failed, Outcome, Peek, peek
from rosetta.engine.engine import Engine
from rosetta.gateway.access import Access, Denied, permits
from rosetta.gateway.body import BodyTooLarge, ClientGone, read_body
from rosetta.gateway.failures import write_failed, write_failure, write_too_large
from rosetta.gateway.reply import AsgiWriter
from rosetta.gateway.routes import Route
from rosetta.ir.errors import Failure
from rosetta.telemetry.observer import RequestObserver

if TYPE_CHECKING:
    from litestar.types import Receive, Send

WATCH_AFTER_S = 0.05
"""A request that takes longer is watched for its client going away; shorter ones are answered before anybody could leave."""

logger = logging.getLogger("rosetta.gateway")

_POLICIES: dict[str, LossPolicy] = {"report": "report", "contract": "contract", "lossless": "lossless"}


class Pipeline:
    """What all requests share: one configuration's engine and keys."""

    def __init__(self, config: Config, engine: Engine) -> None:
        self.config = config
        self.engine = engine
        self.access = Access(config.keys)

    async def generate(
        self, route: Route, path: str, headers: Mapping[str, str], query: Mapping[str, str], receive: Receive, send: Send
    ) -> None:
        """Answers a request for generation; whatever goes wrong is an error in the caller's format."""
        request_id = new_id("req_")
        writer = AsgiWriter(send, _identity(route, request_id))
        outcome = Outcome()
        observed = self.engine.observer.request(
            route.format, "generate", request_id, stream=route.stream, method="POST", path=path, headers=headers
        )
        try:
            await self._guarded(route, headers, query, receive, writer, request_id, outcome, observed)
        except ClientGone:
            outcome.client_gone = True
        finally:
            observed.finish(outcome)

    async def _guarded(
        self,
        route: Route,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        receive: Receive,
        writer: AsgiWriter,
        request_id: str,
        outcome: Outcome,
        observed: RequestObserver,
    ) -> None:
        try:
            key = self.access.admit(headers, query)
            began = perf_counter()
            body = await read_body(receive, headers, self.config.server.max_body)
            outcome.waited_s += perf_counter() - began
            call = self.call(route, headers, query, body, request_id, key)
            with ClientWatch(receive, outcome, writer):
                await self.engine.respond(call, writer, outcome, observed)
        except Failed as failed:
            outcome.failure = failed.failure
            outcome.status = await write_failed(writer, route.format, failed, request_id, headers=_attempted(outcome))
        except Denied as denied:
            outcome.failure = denied.failure
            outcome.status = await write_failure(writer, route.format, denied.failure, request_id)
        except Malformed as error:
            outcome.failure = malformed(error)
            outcome.status = await write_failure(writer, route.format, outcome.failure, request_id)
        except BodyTooLarge:
            outcome.failure = Failure("too_large", "the body is too large", ours=True)
            outcome.status = await write_too_large(writer, route.format, self.config.server.max_body, request_id)
        except ClientGone:
            raise
        except Exception:
            logger.exception("request %s failed inside rosetta", request_id)
            outcome.failure = Failure(
                "internal", f"rosetta failed on this request; its operator finds the cause in the log under {request_id}", ours=True
            )
            if not writer.started:
                outcome.status = await write_failure(writer, route.format, outcome.failure, request_id)
            else:
                raise

    def call(
        self, route: Route, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, request_id: str, key: Key | None
    ) -> Call:
        """The engine's call. Raises Malformed or Denied."""
        seen: Peek = peek(body)
        model = route.model if route.model is not None else seen.model
        if not model:
            raise Malformed("model", "expected str, got null or nothing: name a model; GET /v1/models lists them")
        if not permits(key, model):
            assert key is not None
            raise Denied(Failure("permission", f"the key {key.name!r} may not use the model {model!r}", param="model", ours=True))
        policy = headers.get("x-rosetta-loss-policy")
        if policy is not None and policy not in _POLICIES:
            raise Malformed("x-rosetta-loss-policy", f"expected one of {', '.join(_POLICIES)}, got {policy!r}")
        stream = route.stream if route.stream is not None else bool(seen.stream)
        return Call(
            format=route.format,
            body=body,
            headers=headers,
            model=model,
            stream=stream,
            request_id=request_id,
            path_model=route.model,
            array=route.format == "google_genai" and stream and query.get("alt") != "sse",
            has_tools=seen.has_tools,
            pinned=headers.get("x-rosetta-provider"),
            loss_policy=_POLICIES[policy] if policy is not None else None,
            key=key,
        )


def _identity(route: Route, request_id: str) -> list[tuple[str, str]]:
    name = {"anthropic": "request-id", "google_genai": None}.get(route.format, "x-request-id")
    headers = [("x-rosetta-request-id", request_id)]
    if name is not None:
        headers.append((name, request_id))
    return headers


def _attempted(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    if not outcome.attempts:
        return ()
    return (
        ("x-rosetta-provider", outcome.provider),
        ("x-rosetta-model", outcome.model),
        ("x-rosetta-attempts", str(outcome.attempts)),
    )


class ClientWatch:
    """Cancels the running task when its client goes away, in unary mode too, and turns that cancellation into ClientGone."""

    __slots__ = ("_gone", "_handle", "_outcome", "_receive", "_task", "_watcher", "_writer")

    def __init__(self, receive: Receive, outcome: Outcome, writer: AsgiWriter) -> None:
        self._receive: Any = receive
        self._outcome = outcome
        self._writer = writer
        self._watcher: asyncio.Task[None] | None = None
        self._gone = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._handle = asyncio.get_running_loop().call_later(WATCH_AFTER_S, self._begin)

    def _begin(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue
        if self._writer.ended:
            return  # a server says so too when the answer is complete; what is left to do, such as reading the upstream to its end, goes on
        self._gone = True
        self._outcome.client_gone = True
        self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._handle.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None
        if self._gone and kind is not None and issubclass(kind, asyncio.CancelledError):
            self._task.uncancel()
            raise ClientGone from error
