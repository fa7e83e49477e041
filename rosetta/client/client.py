"""The clients: the gateway's engine in this process, asked in any of the four formats.

    client = rosetta.Client("rosetta.yaml")
    client.completion(model="claude-sonnet-4-20250514", messages=[…])         OpenAI's chat completions, as is client.chat.completions.create
    client.responses.create(model="qwen3:8b", input="…")                      OpenAI's responses
    client.messages.create(model="gpt-5", max_tokens=100, messages=[…])       Anthropic's messages
    client.generate_content(model="llama3.2", contents="…")                   Google's generateContent

Every call takes, beside the fields of its wire:

    stream          True: the events as they come, instead of the whole answer
    timeout         seconds for the whole call, or {connect, first_token, idle, total}
    retries         how often a failing target is asked again (the config's ``retries.attempts`` - 1)
    fallbacks       further models to ask, in order: names, or {model, api_key, base_url}
    api_key         in place of the config's or the environment's
    base_url        likewise
    extra_headers   for the provider
    extra_body      further fields of the body, as they are
    loss_policy     report, contract or lossless

All of them raise ``rosetta.APIError``'s children.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, TypeVar, overload

from rosetta.client import asking
from rosetta.client.asking import Question
from rosetta.client.background import BACKGROUND
from rosetta.client.core import ConfigSource, Core, configured
from rosetta.client.options import Options, options
from rosetta.client.shapes import Reply
from rosetta.client.stream import AsyncStream, Stream
from rosetta.telemetry.observer import NO_OBSERVER, Observer

Result = TypeVar("Result")
Asker = Callable[..., Question]

_OPTIONS = {
    "api_key": "api_key",
    "base_url": "base_url",
    "api_base": "base_url",
    "timeout": "timeout",
    "request_timeout": "timeout",
    "retries": "retries",
    "num_retries": "retries",
    "max_retries": "retries",
    "fallbacks": "fallbacks",
    "extra_headers": "extra_headers",
}
"""What a call may say of itself, with the names that other libraries have for it."""


def _split(ask: Asker, arguments: Mapping[str, Any]) -> tuple[Question, Options]:
    own: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for name, value in arguments.items():
        word = _OPTIONS.get(name)
        if word is None:
            fields[name] = value
        elif value is not None:
            if word in own:
                raise TypeError(f"{word} is given twice, once as {name}")
            own[word] = value
    return ask(**fields), options(**own)


async def _here(work: Coroutine[Any, Any, Result]) -> Result:
    return await work


class AsyncClient:
    """For asynchronous programs. ``config`` is a path, a mapping or a ``Config``; None: what ``rosetta serve`` would find, else the providers whose keys are
    in the environment. A model is one of the config, or ``provider/model`` with a provider of the config or of the catalog. ``observer`` hears what
    happens (``rosetta.telemetry.observer``; ``rosetta.telemetry.recorder.Recorder`` makes the gateway's metrics and traces of it). Everything runs on
    the loop that makes the first call. Raises ConfigError with every fault of the config.
    """

    def __init__(self, config: ConfigSource = None, *, observer: Observer = NO_OBSERVER) -> None:
        self._config = configured(config)
        self._observer = observer
        self._made: Core | None = None
        self._across: Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]] = _here
        self.messages = AsyncMessages(lambda: self)
        self.responses = AsyncResponses(lambda: self)
        self.chat = AsyncChat(lambda: self)

    def _core(self) -> Core:
        if self._made is None:
            self._made = Core(self._config, self._observer)
        return self._made

    async def _ask(self, ask: Asker, arguments: Mapping[str, Any]) -> Any:
        question, said = _split(ask, arguments)
        return await self._across(self._answer(question, said))

    async def _answer(self, question: Question, said: Options) -> Reply | AsyncStream:
        core = self._core()
        if question.stream:
            return AsyncStream(await core.begun(question, said), self._across)
        return await core.whole(question, said)

    @overload
    async def completion(self, *, model: str, messages: Sequence[Any], stream: Literal[False] = False, **fields: Any) -> Reply: ...
    @overload
    async def completion(self, *, model: str, messages: Sequence[Any], stream: Literal[True], **fields: Any) -> AsyncStream: ...
    @overload
    async def completion(self, *, model: str, messages: Sequence[Any], stream: bool, **fields: Any) -> Reply | AsyncStream: ...
    async def completion(self, *, model: str, messages: Sequence[Any], stream: bool = False, **fields: Any) -> Reply | AsyncStream:
        """OpenAI's chat completions in and out. ``response_format`` may be a type: then ``reply.parsed`` is an object of it."""
        answer: Reply | AsyncStream = await self._ask(asking.chat, {"model": model, "messages": messages, "stream": stream, **fields})
        return answer

    @overload
    async def generate_content(self, *, model: str, contents: Any, stream: Literal[False] = False, **fields: Any) -> Reply: ...
    @overload
    async def generate_content(self, *, model: str, contents: Any, stream: Literal[True], **fields: Any) -> AsyncStream: ...
    @overload
    async def generate_content(self, *, model: str, contents: Any, stream: bool, **fields: Any) -> Reply | AsyncStream: ...
    async def generate_content(self, *, model: str, contents: Any, stream: bool = False, **fields: Any) -> Reply | AsyncStream:
        """Google's generateContent in and out. ``config`` as google-genai takes it; other fields as on the wire."""
        answer: Reply | AsyncStream = await self._ask(asking.contents, {"model": model, "contents": contents, "stream": stream, **fields})
        return answer

    async def aclose(self) -> None:
        """Ends what is under way and closes every connection."""
        if self._made is not None:
            await self._made.aclose()

    close = aclose

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()


class _AsyncFace:
    def __init__(self, client: Callable[[], AsyncClient]) -> None:
        self._client = client


class AsyncMessages(_AsyncFace):
    """Anthropic's messages."""

    @overload
    async def create(
        self, *, model: str, messages: Sequence[Any], max_tokens: int, stream: Literal[False] = False, **fields: Any
    ) -> Reply: ...
    @overload
    async def create(
        self, *, model: str, messages: Sequence[Any], max_tokens: int, stream: Literal[True], **fields: Any
    ) -> AsyncStream: ...
    @overload
    async def create(self, *, model: str, messages: Sequence[Any], max_tokens: int, stream: bool, **fields: Any) -> Reply | AsyncStream: ...
    async def create(
        self, *, model: str, messages: Sequence[Any], max_tokens: int, stream: bool = False, **fields: Any
    ) -> Reply | AsyncStream:
        """POST /v1/messages, in and out."""
        arguments = {"model": model, "messages": messages, "max_tokens": max_tokens, "stream": stream, **fields}
        answer: Reply | AsyncStream = await self._client()._ask(asking.messages, arguments)
        return answer


class AsyncResponses(_AsyncFace):
    """OpenAI's responses."""

    @overload
    async def create(self, *, model: str, input: str | Sequence[Any], stream: Literal[False] = False, **fields: Any) -> Reply: ...
    @overload
    async def create(self, *, model: str, input: str | Sequence[Any], stream: Literal[True], **fields: Any) -> AsyncStream: ...
    @overload
    async def create(self, *, model: str, input: str | Sequence[Any], stream: bool, **fields: Any) -> Reply | AsyncStream: ...
    async def create(self, *, model: str, input: str | Sequence[Any], stream: bool = False, **fields: Any) -> Reply | AsyncStream:
        """POST /v1/responses, in and out."""
        arguments = {"model": model, "input": input, "stream": stream, **fields}
        answer: Reply | AsyncStream = await self._client()._ask(asking.responses, arguments)
        return answer


class AsyncChat(_AsyncFace):
    """``client.chat.completions.create``, for code that was written for the openai package."""

    @property
    def completions(self) -> AsyncChat:
        """Itself."""
        return self

    @overload
    async def create(self, *, model: str, messages: Sequence[Any], stream: Literal[False] = False, **fields: Any) -> Reply: ...
    @overload
    async def create(self, *, model: str, messages: Sequence[Any], stream: Literal[True], **fields: Any) -> AsyncStream: ...
    @overload
    async def create(self, *, model: str, messages: Sequence[Any], stream: bool, **fields: Any) -> Reply | AsyncStream: ...
    async def create(self, *, model: str, messages: Sequence[Any], stream: bool = False, **fields: Any) -> Reply | AsyncStream:
        """``AsyncClient.completion``."""
        return await self._client().completion(model=model, messages=messages, stream=stream, **fields)


class Client:
    """For synchronous programs; arguments as for ``AsyncClient``. It may be used by many threads at once: all of them work on one loop in a thread of its
    own, which the process's end stops."""

    def __init__(self, config: ConfigSource = None, *, observer: Observer = NO_OBSERVER) -> None:
        self._config = configured(config)
        self._observer = observer
        self._made: Core | None = None
        self._closed: Callable[[], None] | None = None
        self.messages = Messages(lambda: self)
        self.responses = Responses(lambda: self)
        self.chat = Chat(lambda: self)

    def _ask(self, ask: Asker, arguments: Mapping[str, Any]) -> Any:
        question, said = _split(ask, arguments)
        return BACKGROUND.run(self._answer(question, said))

    def _core(self) -> Core:
        """On the background loop."""
        if self._made is None:
            self._made = Core(self._config, self._observer)
            self._closed = BACKGROUND.close_with(self._made.aclose)
        return self._made

    async def _answer(self, question: Question, said: Options) -> Reply | Stream:
        core = self._core()
        if question.stream:
            return Stream(await core.begun(question, said), BACKGROUND.run)
        return await core.whole(question, said)

    @overload
    def completion(self, *, model: str, messages: Sequence[Any], stream: Literal[False] = False, **fields: Any) -> Reply: ...
    @overload
    def completion(self, *, model: str, messages: Sequence[Any], stream: Literal[True], **fields: Any) -> Stream: ...
    @overload
    def completion(self, *, model: str, messages: Sequence[Any], stream: bool, **fields: Any) -> Reply | Stream: ...
    def completion(self, *, model: str, messages: Sequence[Any], stream: bool = False, **fields: Any) -> Reply | Stream:
        """OpenAI's chat completions in and out. ``response_format`` may be a type: then ``reply.parsed`` is an object of it."""
        answer: Reply | Stream = self._ask(asking.chat, {"model": model, "messages": messages, "stream": stream, **fields})
        return answer

    @overload
    def generate_content(self, *, model: str, contents: Any, stream: Literal[False] = False, **fields: Any) -> Reply: ...
    @overload
    def generate_content(self, *, model: str, contents: Any, stream: Literal[True], **fields: Any) -> Stream: ...
    @overload
    def generate_content(self, *, model: str, contents: Any, stream: bool, **fields: Any) -> Reply | Stream: ...
    def generate_content(self, *, model: str, contents: Any, stream: bool = False, **fields: Any) -> Reply | Stream:
        """Google's generateContent in and out. ``config`` as google-genai takes it; other fields as on the wire."""
        answer: Reply | Stream = self._ask(asking.contents, {"model": model, "contents": contents, "stream": stream, **fields})
        return answer

    def close(self) -> None:
        """Ends what is under way and closes every connection."""
        made, closed = self._made, self._closed
        if made is not None and closed is not None:
            closed()
            BACKGROUND.run(made.aclose())

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class _Face:
    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client


class Messages(_Face):
    """Anthropic's messages."""

    @overload
    def create(self, *, model: str, messages: Sequence[Any], max_tokens: int, stream: Literal[False] = False, **fields: Any) -> Reply: ...
    @overload
    def create(self, *, model: str, messages: Sequence[Any], max_tokens: int, stream: Literal[True], **fields: Any) -> Stream: ...
    @overload
    def create(self, *, model: str, messages: Sequence[Any], max_tokens: int, stream: bool, **fields: Any) -> Reply | Stream: ...
    def create(self, *, model: str, messages: Sequence[Any], max_tokens: int, stream: bool = False, **fields: Any) -> Reply | Stream:
        """POST /v1/messages, in and out."""
        arguments = {"model": model, "messages": messages, "max_tokens": max_tokens, "stream": stream, **fields}
        answer: Reply | Stream = self._client()._ask(asking.messages, arguments)
        return answer


class Responses(_Face):
    """OpenAI's responses."""

    @overload
    def create(self, *, model: str, input: str | Sequence[Any], stream: Literal[False] = False, **fields: Any) -> Reply: ...
    @overload
    def create(self, *, model: str, input: str | Sequence[Any], stream: Literal[True], **fields: Any) -> Stream: ...
    @overload
    def create(self, *, model: str, input: str | Sequence[Any], stream: bool, **fields: Any) -> Reply | Stream: ...
    def create(self, *, model: str, input: str | Sequence[Any], stream: bool = False, **fields: Any) -> Reply | Stream:
        """POST /v1/responses, in and out."""
        arguments = {"model": model, "input": input, "stream": stream, **fields}
        answer: Reply | Stream = self._client()._ask(asking.responses, arguments)
        return answer


class Chat(_Face):
    """``client.chat.completions.create``, for code that was written for the openai package."""

    @property
    def completions(self) -> Chat:
        """Itself."""
        return self

    @overload
    def create(self, *, model: str, messages: Sequence[Any], stream: Literal[False] = False, **fields: Any) -> Reply: ...
    @overload
    def create(self, *, model: str, messages: Sequence[Any], stream: Literal[True], **fields: Any) -> Stream: ...
    @overload
    def create(self, *, model: str, messages: Sequence[Any], stream: bool, **fields: Any) -> Reply | Stream: ...
    def create(self, *, model: str, messages: Sequence[Any], stream: bool = False, **fields: Any) -> Reply | Stream:
        """``Client.completion``."""
        return self._client().completion(model=model, messages=messages, stream=stream, **fields)
