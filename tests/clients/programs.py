"""The client programs: how each is started headless against a base URL.

Nothing of the machine's own settings reaches them: home, configuration and cache are fresh for each run.
"""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

HERE = Path(__file__).parent
RIG_ROOT = Path(os.environ.get("RIG_ROOT") or HERE.parents[1] / ".rig").resolve()
"""Where install.sh put things."""

PROMPT = "Run the command `cat marker.txt` with your shell tool, then tell me the marker which it printed."
WIRES = ("chat", "responses", "anthropic", "google")
AI_PROVIDERS = {
    "chat": "@ai-sdk/openai-compatible",
    "responses": "@ai-sdk/openai",
    "anthropic": "@ai-sdk/anthropic",
    "google": "@ai-sdk/google",
}


@dataclass(frozen=True)
class Place:
    """Where a client runs and whom it talks to. ``base_url`` has no version: ``http://127.0.0.1:8765``."""

    base_url: str
    model: str
    key: str
    home: Path
    project: Path
    prompt: str = PROMPT

    def write(self, path: str, content: str | dict[str, Any]) -> None:
        """A file below the home."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))


Launch = tuple[list[str], dict[str, str]]
"""argv and environment"""


@dataclass(frozen=True)
class Client:
    """``native`` is the wire it speaks. ``echoes`` tells whether it sends reasoning state back with the next request."""

    launch: Callable[[Place], Launch]
    native: str
    kind: Literal["cli", "sdk"]
    program: Path
    echoes: bool = True

    @property
    def installed(self) -> bool:
        return self.program.exists()


def binary(name: str) -> Path:
    return RIG_ROOT / "npm/node_modules/.bin" / name


GEMINI = RIG_ROOT / "npm/node_modules/@google/gemini-cli/bundle/gemini.js"
PYTHON = RIG_ROOT / "venv/bin/python"
JAVASCRIPT_SDKS = RIG_ROOT / "npmsdk"


def claude(place: Place) -> Launch:
    environment = {
        "ANTHROPIC_BASE_URL": place.base_url,
        "ANTHROPIC_API_KEY": place.key,
        "ANTHROPIC_MODEL": place.model,
        "ANTHROPIC_SMALL_FAST_MODEL": place.model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": place.model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "4",
        "CLAUDE_CONFIG_DIR": str(place.home / ".claude"),
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_TELEMETRY": "1",
    }
    command = [str(binary("claude")), "-p", place.prompt, "--model", place.model, "--allowedTools", "Bash", "--output-format", "text"]
    return command, environment


CODEX_CONFIG = """\
model = "{model}"
model_provider = "rig"
check_for_update_on_startup = false
[model_providers.rig]
name = "Rig"
base_url = "{base_url}/v1"
env_key = "RIG_API_KEY"
wire_api = "responses"
request_max_retries = 4
stream_max_retries = 3
[analytics]
enabled = false
"""


def codex(place: Place) -> Launch:
    place.write(".codex/config.toml", CODEX_CONFIG.format(model=place.model, base_url=place.base_url))
    unasked = ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
    command = [str(binary("codex")), "exec", *unasked, "-C", str(place.project), place.prompt]
    return command, {"CODEX_HOME": str(place.home / ".codex"), "RIG_API_KEY": place.key}


def gemini(place: Place) -> Launch:
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "general": {"enableAutoUpdate": False, "disableAutoUpdate": True, "disableUpdateNag": True},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
    }
    place.write(".gemini/settings.json", settings)
    command = [str(binary("node")), str(GEMINI), "-p", place.prompt, "-m", place.model, "--yolo", "--skip-trust"]
    return command, {"GEMINI_API_KEY": place.key, "GOOGLE_GEMINI_BASE_URL": place.base_url, "GEMINI_CLI_TRUST_WORKSPACE": "true"}


def gemini_bearer(place: Place) -> Launch:
    """The key as a bearer token, as gateways of companies want it."""
    command, environment = gemini(place)
    return command, {**environment, "GEMINI_API_KEY_AUTH_MECHANISM": "bearer"}


def opencode_like(name: str, wire: str) -> Callable[[Place], Launch]:
    """opencode and Kilo Code, which descends from it, through one of the Vercel AI SDK's providers.

    The chat provider sends thought signatures back only when it goes by the name ``google``, whatever stands behind it.
    """
    provider = "google" if wire == "chat" else "rig"

    def launch(place: Place) -> Launch:
        model = {
            "name": place.model,
            "tool_call": True,
            "attachment": True,
            "reasoning": True,
            "limit": {"context": 200000, "output": 8192},
        }
        options = {"baseURL": place.base_url + ("/v1beta" if wire == "google" else "/v1"), "apiKey": place.key}
        config = {
            "autoupdate": False,
            "share": "disabled",
            "permission": {"bash": "allow", "edit": "allow"},
            "model": f"{provider}/{place.model}",
            "small_model": f"{provider}/{place.model}",
            "provider": {provider: {"npm": AI_PROVIDERS[wire], "name": "Rig", "options": options, "models": {place.model: model}}},
        }
        place.write(f".config/{name}/{name}.json", config)
        switches = ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "DEFAULT_PLUGINS", "SHARE", "TELEMETRY")
        environment = {f"{name.upper()}_DISABLE_{switch}": "1" for switch in switches} | {"KILO_TELEMETRY_LEVEL": "off"}
        return [str(binary(name)), "run", "--model", f"{provider}/{place.model}", "--auto", place.prompt], environment

    return launch


def llm(place: Place) -> Launch:
    rows = ["model_id: rig", f"model_name: {place.model}", f"api_base: {place.base_url}/v1", "api_key_name: rig", "supports_tools: true"]
    place.write("llm/extra-openai-models.yaml", "- " + "\n  ".join(rows) + "\n")
    place.write("llm/keys.json", {"rig": place.key})
    lines = [
        "import subprocess",
        "def bash(command: str) -> str:",
        "    'Run a shell command'",
        "    return subprocess.run(command, shell=True, capture_output=True, text=True).stdout",
    ]
    place.write("functions.py", "\n".join(lines) + "\n")
    command = [str(RIG_ROOT / "venv/bin/llm"), "-m", "rig", "--functions", str(place.home / "functions.py"), "--no-log", place.prompt]
    return command, {"LLM_USER_PATH": str(place.home / "llm")}


def python_sdk(wire: str, mode: str) -> Callable[[Place], Launch]:
    def launch(place: Place) -> Launch:
        command = [str(PYTHON), str(HERE / "sdk/loop.py"), wire, place.base_url, place.model, mode, place.prompt]
        return command, {"RIG_KEY": place.key}

    return launch


def javascript_sdk(wire: str, mode: str) -> Callable[[Place], Launch]:
    def launch(place: Place) -> Launch:
        # ES modules look for packages beside themselves.
        loop = JAVASCRIPT_SDKS / "loop.mjs"
        shutil.copyfile(HERE / "sdk/loop.mjs", loop)
        return [str(binary("node")), str(loop), wire, place.base_url, place.model, mode, place.prompt], {"RIG_KEY": place.key}

    return launch


CLIENTS: dict[str, Client] = {
    "claude": Client(claude, "anthropic", "cli", binary("claude")),
    "codex": Client(codex, "responses", "cli", binary("codex")),
    "gemini": Client(gemini, "google", "cli", GEMINI),
    "gemini-bearer": Client(gemini_bearer, "google", "cli", GEMINI),
    "kilo": Client(opencode_like("kilo", "chat"), "chat", "cli", binary("kilo")),
    "opencode": Client(opencode_like("opencode", "chat"), "chat", "cli", binary("opencode")),
    "llm": Client(llm, "chat", "cli", RIG_ROOT / "venv/bin/llm", echoes=False),
}
for _wire in ("responses", "anthropic", "google"):
    CLIENTS[f"opencode-{_wire}"] = Client(opencode_like("opencode", _wire), _wire, "cli", binary("opencode"))
for _wire in WIRES:
    for _mode in ("stream", "plain"):
        _echoes = _wire != "chat"
        CLIENTS[f"py-{_wire}-{_mode}"] = Client(python_sdk(_wire, _mode), _wire, "sdk", PYTHON, _echoes)
        CLIENTS[f"js-{_wire}-{_mode}"] = Client(javascript_sdk(_wire, _mode), _wire, "sdk", JAVASCRIPT_SDKS / "node_modules", _echoes)
        # Its responses provider refers to stored items instead of repeating them.
        _echoes = _wire != "responses"
        CLIENTS[f"ai-{_wire}-{_mode}"] = Client(
            javascript_sdk(f"ai-{_wire}", _mode), _wire, "sdk", JAVASCRIPT_SDKS / "node_modules", _echoes
        )
