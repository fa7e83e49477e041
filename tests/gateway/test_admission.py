"""Limits and keys, as a client meets them."""

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from rosetta.config import ConfigError, build, with_keys
from tests.gateway.wires import WIRES, Wire, body_of
from tests.live import LiveGateway, live_gateway
from tests.raw_upstream import Caller, RawUpstream


def ask(gateway: LiveGateway, wire: Wire, model: str = "echo", text: str = "hi", **headers: str) -> httpx.Response:
    sent = {name: value for name, value in wire.headers.items() if name not in ("authorization", "x-api-key", "x-goog-api-key")}
    return httpx.post(
        gateway.url + wire.path(model, False), json=body_of(wire, model, text, stream=False), headers={**sent, **headers}, timeout=20
    )


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.fixture(autouse=True)
def one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute that does not end in the middle of a test."""
    monkeypatch.setattr("rosetta.engine.limits.time.time", lambda: 1_800_000_000.0 + 12.0)


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_past_its_requests_a_key_is_told_when_to_come_back_in_its_vendors_words(wire: Wire) -> None:
    keys = [{"name": "a", "key": "key-a", "limits": {"rpm": 2}}, {"name": "b", "key": "key-b"}]
    with live_gateway({"keys": keys}) as gateway:
        assert [200, 200] == [ask(gateway, wire, **bearer("key-a")).status_code for _ in range(2)]
        refused = ask(gateway, wire, **bearer("key-a"))
        assert 429 == refused.status_code
        assert "key 'a'" in wire.error_type(refused.json())
        assert "key-a" not in refused.text
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        match wire.name:
            case "anthropic":
                assert ("2", "0") == tuple(refused.headers[f"anthropic-ratelimit-requests-{name}"] for name in ("limit", "remaining"))
                assert refused.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
            case "openai_chat" | "openai_responses":
                assert ("2", "0") == tuple(refused.headers[f"x-ratelimit-{name}-requests"] for name in ("limit", "remaining"))
        assert 200 == ask(gateway, wire, **bearer("key-b")).status_code


@pytest.mark.parametrize("place", ["key", "model", "gateway"])
def test_each_limit_holds_on_its_own(place: str) -> None:
    limit = {"rpm": 1}
    document: dict[str, Any] = {
        "keys": [{"name": "a", "key": "key-a", "limits": limit if place == "key" else {}}],
        "models": {"m": {"targets": ["echo"], "limits": limit if place == "model" else {}}},
        "limits": limit if place == "gateway" else {},
    }
    with live_gateway(document) as gateway:
        assert [200, 429] == [ask(gateway, WIRES["openai_chat"], "m", **bearer("key-a")).status_code for _ in range(2)]
        assert (200 if place == "model" else 429) == ask(gateway, WIRES["openai_chat"], "echo", **bearer("key-a")).status_code


def test_tokens_are_reserved_by_estimate_and_settled_by_usage() -> None:
    """A prompt of 4,000 bytes is some 1,000 tokens; what the answer used counts in the end."""
    with live_gateway({"keys": [{"name": "a", "key": "key-a", "limits": {"tpm": 1800}}]}) as gateway:
        words = "word " * 800
        assert 200 == ask(gateway, WIRES["anthropic"], text=words, **bearer("key-a")).status_code
        refused = ask(gateway, WIRES["anthropic"], text=words, **bearer("key-a"))
        assert 429 == refused.status_code
        assert "tokens per minute" in refused.text
        assert "1800" == refused.headers["anthropic-ratelimit-tokens-limit"]


def test_what_failed_gives_its_tokens_back() -> None:
    async def refuses(caller: Caller) -> None:
        await caller.send(
            b'HTTP/1.1 400 X\r\ncontent-type: application/json\r\ncontent-length: 24\r\nconnection: close\r\n\r\n{"error":{"message":"x"}}'[
                :-1
            ]
        )

    with RawUpstream(refuses) as upstream:
        provider = {"type": "openai_chat", "base_url": f"{upstream.url}/v1", "api_key": "k"}
        keys = [{"name": "a", "key": "key-a", "limits": {"tpm": 1000}}]
        with live_gateway({"providers": {"p": provider}, "models": {"m": "p"}, "keys": keys}) as gateway:
            statuses = [ask(gateway, WIRES["openai_chat"], "m", text="word " * 600, **bearer("key-a")).status_code for _ in range(4)]
            assert 429 not in statuses


class Held:
    """An upstream that answers when the test lets it."""

    def __init__(self) -> None:
        self.here = threading.Semaphore(0)
        self.go = threading.Event()

    async def __call__(self, caller: Caller) -> None:
        import asyncio

        self.here.release()
        await asyncio.to_thread(self.go.wait, 20)
        body = b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}]}'
        await caller.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        )


@pytest.fixture
def held() -> Iterator[tuple[Held, str]]:
    behaviour = Held()
    with RawUpstream(behaviour) as upstream:
        yield behaviour, upstream.url
        behaviour.go.set()


def limited(url: str, **server: Any) -> dict[str, Any]:
    return {
        "providers": {"p": {"type": "openai_chat", "base_url": f"{url}/v1", "api_key": "k"}},
        "models": {"m": {"targets": ["p"], "limits": {"concurrency": 2}}},
        "server": server,
    }


def test_past_its_places_a_model_refuses_with_429(held: tuple[Held, str]) -> None:
    behaviour, url = held
    with live_gateway(limited(url)) as gateway, ThreadPoolExecutor(2) as pool:
        under_way = [pool.submit(ask, gateway, WIRES["openai_chat"], "m") for _ in range(2)]
        assert all(behaviour.here.acquire(timeout=10) for _ in range(2))
        refused = ask(gateway, WIRES["anthropic"], "m")
        assert (429, "1") == (refused.status_code, refused.headers["retry-after"])
        behaviour.go.set()
        assert [200, 200] == [each.result().status_code for each in under_way]
        assert 200 == ask(gateway, WIRES["openai_chat"], "m").status_code


def test_a_queue_lets_them_wait_and_past_it_says_503(held: tuple[Held, str]) -> None:
    behaviour, url = held
    with live_gateway(limited(url, queue={"size": 1, "timeout": 15})) as gateway, ThreadPoolExecutor(3) as pool:
        under_way = [pool.submit(ask, gateway, WIRES["openai_chat"], "m") for _ in range(2)]
        assert all(behaviour.here.acquire(timeout=10) for _ in range(2))
        under_way.append(pool.submit(ask, gateway, WIRES["openai_chat"], "m"))
        concurrency = gateway.gateway.engine.lasting.concurrency
        waited = threading.Event()
        for _ in range(1000):
            if concurrency.waiting == 1:
                break
            waited.wait(0.01)
        refused = ask(gateway, WIRES["anthropic"], "m")
        assert (503, "1") == (refused.status_code, refused.headers["retry-after"])
        assert "error" == refused.json()["type"]
        behaviour.go.set()
        assert [200, 200, 200] == [each.result().status_code for each in under_way]


def test_a_queue_has_a_deadline(held: tuple[Held, str]) -> None:
    behaviour, url = held
    with live_gateway(limited(url, queue={"size": 5, "timeout": 0.2})) as gateway, ThreadPoolExecutor(2) as pool:
        under_way = [pool.submit(ask, gateway, WIRES["openai_chat"], "m") for _ in range(2)]
        assert all(behaviour.here.acquire(timeout=10) for _ in range(2))
        assert 503 == ask(gateway, WIRES["openai_chat"], "m").status_code
        behaviour.go.set()
        assert [200, 200] == [each.result().status_code for each in under_way]


SENT = {"authorization": "Bearer {}", "x-api-key": "{}", "x-goog-api-key": "{}"}


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_keys_are_taken_from_every_place_and_refused_in_format(wire: Wire) -> None:
    hashed = hashlib.sha256(b"key-b").hexdigest()
    gone = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    keys = [
        {"name": "a", "key": "key-a", "models": ["other", "gpt-*"]},
        {"name": "b", "key": f"sha256:{hashed}"},
        {"name": "c", "key": "key-c", "expires": gone},
    ]
    with live_gateway({"keys": keys}) as gateway:
        for header, form in SENT.items():
            assert 200 == ask(gateway, wire, **{header: form.format("key-b")}).status_code
        path = wire.path("echo", False)
        in_query = httpx.post(
            gateway.url + path + ("&" if "?" in path else "?") + "key=key-b", json=body_of(wire, "echo", "hi", stream=False), timeout=20
        )
        assert 200 == in_query.status_code
        for sent in ({}, bearer("wrong-key"), bearer("key-c"), bearer(hashed)):
            refused = ask(gateway, wire, **sent)
            assert 401 == refused.status_code
            assert wire.error_type(refused.json())
            assert not {"wrong-key", "key-c", hashed} & set(refused.text.replace('"', " ").split())
        forbidden = ask(gateway, wire, **bearer("key-a"))
        assert 403 == forbidden.status_code
        assert "'a'" in wire.error_type(forbidden.json())
        assert 401 == httpx.get(gateway.url + "/v1/models").status_code
        assert 200 == httpx.get(gateway.url + "/healthz").status_code


def test_an_unknown_model_names_only_what_the_key_may_see() -> None:
    keys = [{"name": "a", "key": "key-a", "models": ["secret-plan-b", "secret-plan-?x"]}]
    models = {"secret-plan-a": "echo", "secret-plan-b": "echo"}
    with live_gateway({"keys": keys, "models": models}) as gateway:
        refused = ask(gateway, WIRES["openai_chat"], "secret-plan-xx", **bearer("key-a"))
        assert 403 == refused.status_code or "secret-plan-a" not in refused.text
        refused = ask(gateway, WIRES["openai_chat"], "secret-plan-qx", **bearer("key-a"))
        assert 404 == refused.status_code
        assert "secret-plan-a" not in refused.text
        assert "secret-plan-b" in refused.text


def test_a_mounted_directory_gives_the_keys_and_the_config_what_they_may(tmp_path: Path) -> None:
    generation = tmp_path / "..2026_11_23"
    generation.mkdir()
    (generation / "team-a").write_text("key-a\n")
    (generation / "team-b").write_text("sha256:" + hashlib.sha256(b"key-b").hexdigest())
    (tmp_path / "..data").symlink_to(generation)
    for name in ("team-a", "team-b"):
        (tmp_path / name).symlink_to(tmp_path / "..data" / name)
    rows = [{"name": "team-a", "models": ["m"], "limits": {"rpm": 5}}, {"name": "own", "key": "key-own"}]
    config = with_keys(build({"keys_file": str(tmp_path), "keys": rows, "models": {"m": "echo"}}, {}))
    known = {key.name: key for key in config.keys}
    assert {"team-a", "team-b", "own"} == set(known)
    assert (("m",), 5) == (known["team-a"].models, known["team-a"].limits.rpm)
    assert hashlib.sha256(b"key-a").digest() == known["team-a"].digest
    assert hashlib.sha256(b"key-b").digest() == known["team-b"].digest


@pytest.mark.parametrize(
    "text",
    [
        "- {name: a, key: key-a}\n- {name: b, key: key-b, models: [m]}\n",
        "keys:\n  - {name: a, key: key-a}\n  - {name: b, key: key-b}\n",
        "a: key-a\nb: {key: key-b}\n",
    ],
    ids=["rows", "under keys", "mapping"],
)
def test_a_keys_file_may_be_written_in_three_ways(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text(text)
    config = with_keys(build({"keys_file": str(file)}, {}))
    assert [("a", "key-a"), ("b", "key-b")] == [(key.name, key.key.reveal()) for key in config.keys if key.key]


@pytest.mark.parametrize(
    ("files", "rows", "words"),
    [
        ({}, [{"name": "team-a"}], "keys.0"),
        ({"team-a": ""}, [], "neither key nor sha256"),
        ({"team-a": "sha256:abc"}, [], "64 hexadecimal digits"),
        ({"team-a": "key-twice", "team-b": "key-twice"}, [], "is the same key"),
        ({"team-a": "key-a"}, [{"name": "team-a", "key": "key-x"}], "rename one"),
        ({"team-a": "two\nlines"}, [], "line break"),
    ],
)
def test_a_faulty_keys_directory_is_told_without_its_keys(tmp_path: Path, files: dict[str, str], rows: list[Any], words: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        with_keys(build({"keys_file": str(tmp_path), "keys": rows}, {}))
    assert words in str(caught.value)
    assert not any(len(text) > 3 and text in str(caught.value) for text in files.values())


def test_a_missing_keys_file_stops_the_start() -> None:
    with pytest.raises(ConfigError, match="keys_file"):
        with_keys(build({"keys_file": "/nowhere/keys"}, {}))
