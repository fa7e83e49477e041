"""Ollama itself, built from its source, with real weights: every client format on it, and what rosetta does about the things it keeps to itself."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

import rosetta
from rosetta.cli import main
from tests.clients.gateway_process import free_port, gateway_process
from tests.local_model.test_formats import ASKED, CUT, LIMIT, LIMITS, SCHEMA, STRUCTURED, answered
from tests.sdk.oracles import SDKS
from tests.tools.toolbox import run, running, tool

pytestmark = [pytest.mark.originals, pytest.mark.timeout(300)]

PLAIN, WITH_TOOLS = "gemma3:270m", "gemma3-tools"
WINDOW = 256
"""Small, as a build from source computes slowly."""
TEMPLATE = "{{ if .Tools }}{{ .Tools }}\n{{ end }}{{ .System }}\n{{ .Prompt }}"
WORD = "lorem ipsum dolor sit amet "


class Ollama:
    """A running one, with a gateway before it; ``config`` is the gateway's."""

    def __init__(self, url: str, gateway: str, config: Path) -> None:
        self.url = url
        self.gateway = gateway
        self.config = config

    def unload(self) -> None:
        answer = httpx.post(f"{self.url}/api/generate", json={"model": PLAIN, "keep_alive": 0}, timeout=60)
        assert 200 == answer.status_code
        ends = time.monotonic() + 30
        while PLAIN in {model["name"] for model in httpx.get(f"{self.url}/api/ps", timeout=30).json()["models"]}:
            assert time.monotonic() < ends
            time.sleep(0.1)

    def ask(self, **body: Any) -> httpx.Response:
        asked = {"model": PLAIN, "max_tokens": LIMIT, "messages": [{"role": "user", "content": "Hello"}], **body}
        return httpx.post(f"{self.gateway}/v1/messages", json=asked, timeout=120)


@pytest.fixture(scope="module")
def ollama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ollama]:
    folder = tmp_path_factory.mktemp("ollama")
    weights = tool("llama-server").parents[1] / "model/weights.gguf"
    url = f"http://127.0.0.1:{free_port()}"
    variables = {"OLLAMA_HOST": url, "OLLAMA_MODELS": str(folder / "models"), "HOME": str(folder), "OLLAMA_CONTEXT_LENGTH": str(WINDOW)}
    with running("ollama", "serve", log=folder / "ollama.log", ready=lambda: _is_up(url), variables=variables):
        settings = "PARAMETER temperature 0\n"
        for name, more in ((PLAIN, ""), (WITH_TOOLS, f'TEMPLATE """{TEMPLATE}"""\n')):
            (folder / "Modelfile").write_text(f"FROM {weights}\n{more}{settings}")
            done = run("ollama", "create", name, "-f", folder / "Modelfile", timeout=120, **variables)
            assert done.returncode == 0, done.stderr
        config = folder / "rosetta.yaml"
        config.write_text(f'providers:\n  ollama: {{ api_key: ollama, base_url: "{url}/v1" }}\nmodels:\n  "*": ollama\n')
        with gateway_process(config, folder / "gateway.log") as gateway:
            yield Ollama(url, gateway, config)


def _is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/version", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("sdk", SDKS.values(), ids=SDKS)
@pytest.mark.parametrize("model", [PLAIN, WITH_TOOLS])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_words_and_counts(ollama: Ollama, sdk: ModuleType, model: str, streamed: bool) -> None:
    """A model with tools is asked in the client's own format, where Ollama has it."""
    body = sdk.asked(model, ASKED)
    if sdk.NAME == "google_genai":
        body["config"].max_output_tokens = LIMIT
    else:
        body |= LIMITS[sdk.NAME]
    with sdk.connect(ollama.gateway) as client:
        said = sdk.said(answered(sdk, client, body, streamed=streamed))
    assert said.text.strip()
    assert LIMIT == said.tokens.output
    assert 0 < (said.tokens.input or 0) < 40
    if (model, sdk.NAME) != (WITH_TOOLS, "openai_responses"):  # on that wire Ollama calls an answer that it cut complete
        assert said.finish == CUT[sdk.NAME]


@pytest.mark.parametrize("format", STRUCTURED)
def test_json_by_a_schema(ollama: Ollama, format: str) -> None:
    path, body = STRUCTURED[format]
    answer = httpx.post(f"{ollama.gateway}{path.replace('ollama', PLAIN)}", json={"model": PLAIN, **body}, timeout=120)
    assert 200 == answer.status_code, answer.text
    chat = rosetta.convert_response(answer.json(), source=format, target="openai_chat").value  # type: ignore[arg-type]  # one of the four
    said = json.loads(chat["choices"][0]["message"]["content"])
    assert {"colour", "sure"} == said.keys()
    assert said["colour"] in SCHEMA["properties"]["colour"]["enum"]  # type: ignore[index]


def test_tools_for_a_model_without_them_are_named_as_lost(ollama: Ollama) -> None:
    """Ollama itself answers 400."""
    answer = ollama.ask(tools=[{"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}])
    assert 200 == answer.status_code, answer.text
    assert "tools.0" in answer.headers["x-rosetta-loss"]


def test_a_prompt_that_does_not_fit_is_refused_before_the_call(ollama: Ollama) -> None:
    """Once the model is loaded its window is known, and a moment later to the gateway too."""
    ollama.ask()
    ends = time.monotonic() + 60
    while (answer := ollama.ask(messages=[{"role": "user", "content": WORD * 150}])).status_code == 200:
        assert time.monotonic() < ends
    assert 400 == answer.status_code
    assert "OLLAMA_CONTEXT_LENGTH" in answer.json()["error"]["message"]


def test_a_prompt_that_was_cut_is_told(ollama: Ollama, tmp_path: Path) -> None:
    """The first request to a model that is not loaded: nobody knows the window yet, and Ollama cuts without a word."""
    ollama.unload()
    body = {"model": PLAIN, "max_tokens": 4, "stream": False, "messages": [{"role": "user", "content": WORD * 400}]}
    with gateway_process(ollama.config, tmp_path / "gateway.log") as fresh:
        answer = httpx.post(f"{fresh}/v1/messages", json=body, timeout=120)
    assert 200 == answer.status_code, answer.text
    assert answer.json()["usage"]["input_tokens"] <= WINDOW
    assert "prompt;truncated?" in answer.headers["x-rosetta-reply-loss"]
    assert "truncated? about" in (tmp_path / "gateway.log").read_text()


def test_a_check_tells_the_window_and_how_to_raise_it(ollama: Ollama, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ollama.ask()
    config = tmp_path / "rosetta.yaml"
    config.write_text(
        f'providers:\n  ollama: {{ api_key: ollama, base_url: "{ollama.url}/v1" }}\nmodels:\n  small: {{ provider: ollama, model: "{PLAIN}" }}\n'
    )
    assert 0 == main(["check", "--live", "--config", str(config)])
    said = "".join(capsys.readouterr())
    assert "OLLAMA_CONTEXT_LENGTH=65536" in said
    assert str(WINDOW) in said


def test_the_models_that_are_there_are_listed(ollama: Ollama) -> None:
    names = {entry["id"] for entry in httpx.get(f"{ollama.gateway}/v1/models", timeout=30).json()["data"]}
    assert {PLAIN, f"{WITH_TOOLS}:latest"} <= names


def test_without_any_config_it_is_found(ollama: Ollama, tmp_path: Path) -> None:
    """``rosetta models`` beside a running Ollama."""
    command = [sys.executable, "-m", "rosetta", "models"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OLLAMA_HOST": ollama.url, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert 0 == done.returncode, done.stderr
    assert "ollama" in done.stdout


@pytest.mark.parametrize(
    ("path", "messages", "counted"), [("/v1/chat/completions", "messages", "prompt_tokens"), ("/v1/responses", "input", "input_tokens")]
)
def test_a_developers_words_reach_the_model(ollama: Ollama, path: str, messages: str, counted: str) -> None:
    """Ollama itself throws them away with a 200, which the count of what the model read tells."""

    def read(base: str, role: str) -> int:
        said = [{"role": role, "content": WORD * 10}] if role else []
        body = {"model": WITH_TOOLS, messages: [*said, {"role": "user", "content": "Hello"}]}
        answer = httpx.post(
            base + path, json={**body, **({"max_tokens": LIMIT} if messages == "messages" else {"max_output_tokens": LIMIT})}, timeout=120
        )
        assert answer.status_code == 200, answer.text
        return int(answer.json()["usage"][counted])

    without, whole = read(ollama.url, ""), read(ollama.url, "system")
    assert without + 20 < whole
    assert read(ollama.url, "developer") < whole
    assert read(ollama.gateway, "developer") == read(ollama.gateway, "system") == whole
