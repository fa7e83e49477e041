"""``rosetta check`` and ``rosetta models``: the config, where each model goes, who answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rosetta.cli import main

CONFIG = """
providers:
  ollama: { base_url: "http://localhost:11434/v1" }
  claude: { type: anthropic, api_key: "${CLAUDE_KEY}" }
  openai: { vendor: openai, api_key: very-secret, base_url: "https://eu.api.openai.com/v1?token=also-secret" }
models:
  "qwen3:8b": ollama
  claude-sonnet-4-5:
    - claude
    - { provider: ollama, model: "qwen3:8b" }
  "gpt-*": openai
keys:
  - { name: team, key: the-team-key }
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No config, key or Ollama of this machine."""
    for name in ("ROSETTA_CONFIG", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    monkeypatch.setenv("CLAUDE_KEY", "very-secret")
    monkeypatch.chdir(tmp_path)


def _written(text: str) -> None:
    Path("rosetta.yaml").write_text(text)


def test_the_routing_table_tells_where_each_model_goes(capsys: pytest.CaptureFixture[str]) -> None:
    """Every target in the order in which it is tried, its formats and its address."""
    _written(CONFIG)
    assert 0 == main(["check"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["rosetta.yaml:", "3", "providers,", "3", "models,", "1", "key"] == lines[0]
    assert ["qwen3:8b", "ollama/qwen3:8b", "openai_chat", "http://localhost:11434/v1"] in lines
    assert ["claude-sonnet-4-5", "claude/claude-sonnet-4-5", "anthropic", "https://api.anthropic.com"] in lines
    assert ["ollama/qwen3:8b", "openai_chat", "http://localhost:11434/v1"] in lines
    assert ["gpt-*", "openai/*", "openai_responses,", "openai_chat", "https://eu.api.openai.com/v1"] in lines
    assert ["echo", "echo/echo", "openai_chat", "(inside", "the", "process)"] in lines


def test_no_secret_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in the table nor in a fault."""
    _written(CONFIG)
    main(["check"])
    _written(CONFIG.replace("vendor: openai", "vendor: opneai"))
    main(["check"])
    said = "".join(capsys.readouterr())
    assert "secret" not in said
    assert "team-key" not in said


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("type: anthropic", "type: antropic", "providers.claude.type: "),
        ("${CLAUDE_KEY}", "${NO_SUCH_KEY}", "providers.claude.api_key: "),
        ("type: anthropic,", "type: anthropic, dialect: { sampling: false, prefil: true },", "providers.claude.dialect.prefil: "),
        ("type: anthropic,", "type: anthropic, dialect: { max_output: much },", "providers.claude.dialect.max_output: Expected `int`"),
        (
            'ollama: { base_url: "http://localhost:11434/v1" }',
            "ollama: { vendor: azure, api_key: k }",
            "providers.ollama.base_url: missing",
        ),
        ('"qwen3:8b": ollama', '"qwen3:8b": olama', 'models."qwen3:8b"'),
    ],
)
def test_each_fault_is_a_line_with_its_path(before: str, after: str, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, and code 1."""
    _written(CONFIG.replace(before, after))
    assert 1 == main(["check"])
    said = capsys.readouterr()
    assert "" == said.out
    assert any(line.startswith(f"rosetta.yaml: {fault}") for line in said.err.splitlines()), said.err


def test_several_faults_are_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody wants to mend one to hear of the next."""
    _written(CONFIG.replace("type: anthropic", "type: antropic").replace("${CLAUDE_KEY}", "${NO_SUCH_KEY}"))
    assert 1 == main(["check"])
    assert 2 == len(capsys.readouterr().err.splitlines())


def test_a_file_that_is_not_there_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    """With the way it was asked for."""
    assert 1 == main(["check", "--config", "nowhere.yaml"])
    assert "nowhere.yaml: --config: there is no such file" in capsys.readouterr().err


def test_without_a_config_the_environment_tells(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A key is a provider; its own models go there."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "very-secret")
    assert 0 == main(["check"])
    out = capsys.readouterr().out
    assert out.startswith("no config file: providers of the environment: 1 provider")
    assert "claude-*" in out


def test_a_provider_without_its_key_is_warned_of(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be meant so: a proxy may add it."""
    monkeypatch.setenv("CLAUDE_KEY", "")
    _written(CONFIG.replace("${CLAUDE_KEY}", "${CLAUDE_KEY:-}"))
    assert 0 == main(["check"])
    assert "warning: providers.claude.api_key: none, and anthropic wants one; set $ANTHROPIC_API_KEY or api_key" in capsys.readouterr().err


def test_models_are_listed_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """The same rows."""
    _written(CONFIG)
    assert 0 == main(["models"])
    assert "claude-sonnet-4-5  claude/claude-sonnet-4-5" in capsys.readouterr().out
    assert 0 == main(["models", "--json"])
    rows = {row["model"]: row["targets"] for row in json.loads(capsys.readouterr().out)}
    assert {"provider": "ollama", "model": "qwen3:8b", "formats": ["openai_chat"]} == rows["claude-sonnet-4-5"][1]
    assert ["qwen3:8b", "claude-sonnet-4-5", "gpt-*", "echo"] == list(rows)


class _Upstream(BaseHTTPRequestHandler):
    """Lists one model to whoever has the right key."""

    def do_GET(self) -> None:
        known = self.headers.get("authorization") == "Bearer good"
        body = {"object": "list", "data": [{"id": "small", "object": "model"}]} if known else {"error": {"message": "bad key", "type": "x"}}
        data = json.dumps(body).encode()
        self.send_response(200 if known else 401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the tests' output is read."""


@pytest.fixture
def upstream() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def _one(base_url: str, key: str = "good", model: str = "small") -> str:
    provider = {"type": "openai_chat", "base_url": base_url, "api_key": key}
    return json.dumps({"providers": {"mine": provider}, "models": {model: "mine"}})


def test_live_asks_each_upstream(upstream: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It answers with its models."""
    _written(_one(upstream))
    assert 0 == main(["check", "--live"])
    assert "mine: answers, 1 model, " in capsys.readouterr().out


def test_a_model_that_is_not_listed_may_be_an_alias(upstream: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Anthropic lists no aliases: it is said, and no fault."""
    _written(_one(upstream, model="large"))
    assert 0 == main(["check", "--live"])
    assert "mine: does not list large, which may be an alias" in capsys.readouterr().out


@pytest.mark.parametrize(("key", "base_url"), [("bad", None), ("good", "http://127.0.0.1:9/v1")])
def test_an_upstream_that_refuses_or_is_not_there_is_a_fault_with_its_path(
    upstream: str, key: str, base_url: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code 1, for scripts."""
    _written(_one(base_url or upstream, key))
    assert 1 == main(["check", "--live"])
    assert capsys.readouterr().err.startswith("providers.mine: ")
