"""A model's name finds those who answer it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from rosetta.config import Allowed, Route, RouteTable, Target, Timeout, UnknownModel, build
from rosetta.config.globs import Glob

DOCUMENT: dict[str, Any] = {
    "providers": {
        "local": {"type": "openai_chat", "weight": 2, "timeout": {"connect": 1, "idle": 2}},
        "claude": {"type": "anthropic"},
        "openrouter": {"type": "openai_chat"},
    },
    "models": {
        "llama3.2": "local",
        "fast": {"provider": "claude", "model": "claude-haiku", "weight": 5, "context_window": 9},
        "chain": ["claude", {"provider": "local", "model": "qwen3:8b", "timeout": {"idle": 3}}],
        "gpt-*": "openrouter",
        "gpt-5*": {"targets": ["local"], "sticky": True, "loss_policy": "lossless", "timeout": {"idle": 7, "total": 8}},
        "gpt-5*-mini": {"provider": "claude", "model": "small"},
        "*-latest": "claude",
        "o?": "openrouter",
    },
}
TABLE = RouteTable(build(DOCUMENT, {}))


def answers(name: str, table: RouteTable = TABLE) -> tuple[str, list[tuple[str, str]]]:
    route = table.resolve(name)
    return route.entry, [(target.provider, target.model) for target in route.targets]


@pytest.mark.parametrize(
    ("name", "entry", "targets"),
    [
        ("llama3.2", "llama3.2", [("local", "llama3.2")]),
        ("fast", "fast", [("claude", "claude-haiku")]),
        ("chain", "chain", [("claude", "chain"), ("local", "qwen3:8b")]),
        ("gpt-4o", "gpt-*", [("openrouter", "gpt-4o")]),
        ("gpt-5.5", "gpt-5*", [("local", "gpt-5.5")]),
        ("gpt-5.5-mini", "gpt-5*-mini", [("claude", "small")]),
        ("gpt-4-latest", "gpt-*", [("openrouter", "gpt-4-latest")]),
        ("claude-latest", "*-latest", [("claude", "claude-latest")]),
        ("o3", "o?", [("openrouter", "o3")]),
        ("claude/claude-x", "claude/*", [("claude", "claude-x")]),
        ("openrouter/meta-llama/llama-3:free", "openrouter/*", [("openrouter", "meta-llama/llama-3:free")]),
        ("claude/x-latest", "claude/*", [("claude", "x-latest")]),
        ("echo", "echo", [("echo", "echo")]),
        ("echo/anything", "echo/*", [("echo", "anything")]),
    ],
)
def test_resolve(name: str, entry: str, targets: list[tuple[str, str]]) -> None:
    """Exact names first, then the longest literal beginning; a target without a model of its own gets the name that was asked for."""
    assert (entry, targets) == answers(name)


def test_a_glob_and_a_provider() -> None:
    """``provider/model`` works though a catch-all stands in the config; a glob as long as the provider's name wins over it."""
    document = {
        "providers": {"claude": {"type": "anthropic"}, "local": {"type": "openai_chat"}},
        "models": {"*": "local", "claude/opus*": {"provider": "local", "model": "big"}},
    }
    table = RouteTable(build(document, {}))

    assert ("claude/*", [("claude", "haiku")]) == answers("claude/haiku", table)
    assert ("claude/opus*", [("local", "big")]) == answers("claude/opus-5", table)
    assert ("*", [("local", "nobody/model")]) == answers("nobody/model", table)
    document["models"] = {"claude/*": "local"}
    assert ("claude/*", [("local", "claude/haiku")]) == answers("claude/haiku", RouteTable(build(document, {})))


def test_what_a_target_carries() -> None:
    """A target knows its weight, window and times: its own, else the model's, else the provider's."""
    assert Target("claude", "claude-haiku", 5.0, 9) == TABLE.resolve("fast").targets[0]
    assert Target("local", "qwen3:8b", 2.0, None, Timeout(connect=1, idle=3)) == TABLE.resolve("chain").targets[1]
    assert Route(
        "gpt-5*",
        (Target("local", "gpt-5", 2.0, None, Timeout(connect=1, idle=7, total=8)),),
        sticky=True,
        loss_policy="lossless",
    ) == TABLE.resolve("gpt-5")


def test_echo_can_be_taken() -> None:
    """A model of the config named echo hides the built-in one, whose provider stays."""
    table = RouteTable(build({"providers": {"p": {"type": "google"}}, "models": {"echo": "p", "test": "echo"}}, {}))

    assert ("echo", [("p", "echo")]) == answers("echo", table)
    assert ("test", [("echo", "test")]) == answers("test", table)
    assert ["echo", "test"] == [route.entry for route in table.routes]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("lama3.2", ("llama3.2",)),
        ("LLAMA3.2", ("llama3.2",)),
        ("llama3.2:latest", ("llama3.2",)),
        ("gtp-5", ("gpt-5*", "gpt-*")),
        ("zzzz", ()),
        ("", ()),
        ("claude/", ()),
        ("x" * 100_000, ()),
    ],
)
def test_nobody_answers(name: str, near: tuple[str, ...]) -> None:
    """An unknown name is told with the few it may have meant, never with the whole list or with a page of the client's own text."""
    with pytest.raises(UnknownModel) as caught:
        TABLE.resolve(name)

    assert near == caught.value.near
    assert len(str(caught.value)) < 300


def test_few_near_names_and_only_those_that_the_key_may_use() -> None:
    """At most five, and a key that may not use a model does not learn that it exists."""
    table = RouteTable(build({"models": {f"team-{letter}-model": "echo" for letter in "abcdefghij"}}, {}))

    with pytest.raises(UnknownModel) as caught:
        table.resolve("team-x-model")
    assert 5 == len(caught.value.near)
    with pytest.raises(UnknownModel) as caught:
        table.resolve("team-x-model", Allowed(["team-b-*"]))
    assert ("team-b-model",) == caught.value.near


def test_a_table_does_not_change() -> None:
    """Two configs have two tables: a reload swaps the one for the other while requests still hold the old one."""
    old = RouteTable(build({"models": {"m": "echo"}}, {}))
    new = RouteTable(build({"models": {"n": "echo"}}, {}))

    assert "m" == old.resolve("m").entry
    with pytest.raises(UnknownModel):
        new.resolve("m")


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("gpt-*", ["gpt-", "gpt-4o", "gpt-a/b:c"], ["gpt", "xgpt-4"]),
        ("*", ["", "anything/at all\n"], []),
        ("*-mini", ["-mini", "gpt-mini"], ["mini", "gpt-mini-2"]),
        ("a*b*c", ["abc", "aXbXc", "abbc"], ["ac", "acb"]),
        ("o?", ["o1"], ["o", "o12"]),
        ("?*", ["x"], [""]),
        ("*[1m]", ["claude-opus-4-6[1m]"], ["claude-opus-4-61"]),
        ("qwen3:8b", ["qwen3:8b"], ["qwen3:8bb"]),
        ("a*?b", ["axb", "axxb"], ["ab"]),
        ("*ab*ab", ["abab", "xabyab"], ["ab", "aba"]),
    ],
)
def test_globs(pattern: str, yes: list[str], no: list[str]) -> None:
    """A star is anything, a question mark one character, all else is itself."""
    glob = Glob(pattern)

    assert yes == [name for name in yes + no if glob.matches(name)]


def test_a_glob_is_never_slow() -> None:
    """No name that a client sends makes a pattern of many stars take long."""
    glob = Glob("*a*a*a*a*a*a*a*a*a*a*b")
    started = time.perf_counter()

    assert not glob.matches("a" * 5_000)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("models", "yes", "no"),
    [(None, ["anything"], []), ([], [], ["anything"]), (["llama3.2", "gpt-*"], ["llama3.2", "gpt-4"], ["llama3", "llama3.22", "claude"])],
)
def test_what_a_key_may_ask_for(models: list[str] | None, yes: list[str], no: list[str]) -> None:
    """No list allows every model, an empty list none."""
    allowed = Allowed(models)

    assert yes == [name for name in yes + no if allowed(name)]
