"""What goes wrong is an exception with the openai package's name, and says who failed, how, and when to come back."""

from __future__ import annotations

import json

import openai
import pytest

import rosetta
from tests.clients.upstream import Upstream
from tests.raw_upstream import Caller, RawUpstream
from tests.sdk import chat
from tests.sdk.oracles import UPSTREAMS
from tests.sdk.said import Wanted

HELLO = [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize("model", UPSTREAMS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_rate_limit(client: rosetta.Client, upstream: Upstream, model: str, stream: bool) -> None:
    upstream.control(scenario="err429")
    with pytest.raises(rosetta.RateLimitError) as caught:
        client.completion(**chat.asked(model, Wanted()), stream=stream)
    assert (429, 429, model) == (caught.value.status_code, caught.value.status, caught.value.provider)
    assert caught.value.retry_after is not None
    assert caught.value.body["message"] in str(caught.value)


@pytest.mark.parametrize("model", UPSTREAMS)
@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        ("err400", "BadRequestError"),
        ("err500", "InternalServerError"),
        ("err529", "ServiceUnavailableError"),
        ("err401", "AuthenticationError"),
    ],
)
def test_a_refusal(client: rosetta.Client, upstream: Upstream, model: str, scenario: str, kind: str) -> None:
    """The provider's key is the caller's own here: its refusal is told as what it is."""
    upstream.control(scenario=scenario)
    with pytest.raises(rosetta.APIStatusError) as caught:
        client.completion(**chat.asked(model, Wanted()))
    assert kind == type(caught.value).__name__
    assert model == caught.value.provider


def answers(status: int, body: dict[str, object]) -> RawUpstream:
    async def behave(caller: Caller) -> None:
        text = json.dumps(body).encode()
        await caller.send(b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (status, len(text), text))

    return RawUpstream(behave)


def test_a_prompt_that_is_too_long() -> None:
    error = {"error": {"message": "too long", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}}
    with answers(400, error) as upstream, rosetta.Client({}) as client, pytest.raises(rosetta.ContextWindowExceededError) as caught:
        client.completion(model="vllm/m", messages=HELLO, base_url=upstream.url)
    assert (400, "vllm") == (caught.value.status, caught.value.provider)


def test_nobody_is_there() -> None:
    with rosetta.Client({}) as client, pytest.raises(rosetta.APIConnectionError) as caught:
        client.completion(model="ollama/m", messages=HELLO, base_url="http://127.0.0.1:9", retries=0)
    assert (None, "ollama") == (caught.value.status, caught.value.provider)


def test_a_limit_of_time() -> None:
    async def silent(caller: Caller) -> None:
        await caller.gone()

    with RawUpstream(silent) as upstream, rosetta.Client({}) as client:
        with pytest.raises(rosetta.APITimeoutError, match=r"0\.2 s"):
            client.completion(model="vllm/m", messages=HELLO, base_url=upstream.url, timeout=0.2)
        assert upstream.hung_up.wait(10)


def test_a_request_that_is_none(client: rosetta.Client) -> None:
    """The path of the fault is told, and nobody is asked."""
    with pytest.raises(rosetta.BadRequestError, match=r"messages\.0") as caught:
        client.completion(model="up-anthropic", messages=[17])
    assert "messages.0" == caught.value.param
    with pytest.raises(TypeError, match="object"):
        client.completion(model="up-anthropic", messages=[{"role": "user", "content": object()}])


def test_names_that_lead_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each says what to write, or to set."""
    for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with rosetta.Client({}) as client:
        with pytest.raises(rosetta.NotFoundError, match="provider/model"):
            client.completion(model="no-such-model", messages=HELLO)
        for model in ("gpt-5", "openai/gpt-5"):
            with pytest.raises(rosetta.AuthenticationError, match="OPENAI_API_KEY"):
                client.completion(model=model, messages=HELLO)
        with pytest.raises(rosetta.BadRequestError, match="base_url"):
            client.completion(model="azure/gpt-5", messages=HELLO, api_key="k")


def test_a_closed_client() -> None:
    client = rosetta.Client({})
    client.completion(model="echo", messages=HELLO)
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.completion(model="echo", messages=HELLO)


def test_the_tree_is_that_of_the_openai_package() -> None:
    """Whoever catches a parent there catches it here."""
    for name in rosetta.__all__:
        theirs = getattr(openai, name, None)
        if not (isinstance(theirs, type) and issubclass(theirs, Exception)):
            continue
        parents = {kind.__name__ for kind in theirs.__mro__ if issubclass(kind, openai.APIError)}
        ours = {kind.__name__ for kind in getattr(rosetta, name).__mro__}
        assert parents <= ours, name
