"""What the gateway says when it listens: its address, its models, and for each client the lines to paste.

The lines are those of the README, each tried with the real program (docs/client-matrix.md).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from rosetta import __version__

ANY_KEY = "anything"
"""The key to show where none is configured."""
MODELS_SHOWN = 12


def claude_code(base_url: str, model: str, key: str = ANY_KEY) -> str:
    """Claude Code: its environment. The address has no ``/v1``."""
    name = shlex.quote(model)
    return (
        f"export ANTHROPIC_BASE_URL={base_url} ANTHROPIC_API_KEY={key}\n"
        f"export ANTHROPIC_MODEL={name} ANTHROPIC_DEFAULT_HAIKU_MODEL={name}\n"
        "claude"
    )


def claude_code_settings(base_url: str, model: str, key: str = ANY_KEY) -> str:
    """Claude Code: the same for ``~/.claude/settings.json``."""
    env = {
        "ANTHROPIC_BASE_URL": base_url,
        "ANTHROPIC_API_KEY": key,
        "ANTHROPIC_MODEL": model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
    }
    return f'{{ "env": {{ {json.dumps(env, ensure_ascii=False)[1:-1]} }} }}'


def codex(base_url: str, model: str) -> str:
    """Codex: ``~/.codex/config.toml``; the key is read from CODEX_KEY (ROSETTA_KEY would give the gateway itself a key)."""
    return f"""model = {json.dumps(model, ensure_ascii=False)}
model_provider = "rosetta"
[model_providers.rosetta]
name = "rosetta"
base_url = "{base_url}/v1"
env_key = "CODEX_KEY"
wire_api = "responses\""""


def gemini_cli(base_url: str, model: str, key: str = ANY_KEY) -> str:
    """Gemini CLI: its environment. The address has no ``/v1beta``."""
    return f"export GEMINI_API_KEY={key} GOOGLE_GEMINI_BASE_URL={base_url}\ngemini -m {shlex.quote(model)}"


def kilo(base_url: str, model: str, key: str = ANY_KEY) -> str:
    """Kilo Code: ``~/.config/kilo/kilo.json``; for opencode the same in ``~/.config/opencode/opencode.json``."""
    name = json.dumps(model, ensure_ascii=False)
    return f"""{{
  "model": {json.dumps(f"rosetta/{model}", ensure_ascii=False)},
  "provider": {{
    "rosetta": {{
      "npm": "@ai-sdk/openai-compatible",
      "name": "rosetta",
      "options": {{ "baseURL": "{base_url}/v1", "apiKey": "{key}" }},
      "models": {{ {name}: {{ "name": {name}, "tool_call": true, "reasoning": true, "limit": {{ "context": 200000, "output": 8192 }} }} }}
    }}
  }}
}}"""


def curl(base_url: str, model: str, key: str | None = None) -> str:
    """One request, without any client."""
    body = {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}
    credential = f" -H 'x-api-key: {key}'" if key else ""
    return (
        f"curl -s {base_url}/v1/messages -H 'anthropic-version: 2023-06-01' -H 'content-type: application/json'{credential} \\\n"
        f"  -d {shlex.quote(json.dumps(body, ensure_ascii=False))}"
    )


def welcome(base_url: str, models: Sequence[str], *, keyed: bool) -> str:
    """The whole text. ``models`` are the config's names and globs in their order; ``keyed`` whether a key must be sent."""
    model = shown(models)
    key = "YOUR-KEY" if keyed else ANY_KEY
    more = len(models) - MODELS_SHOWN
    names = ", ".join(models[:MODELS_SHOWN]) + (f" and {more} more" if more > 0 else "")
    blocks = (
        ("Claude Code", claude_code(base_url, model, key)),
        (f"Codex, in ~/.codex/config.toml, with export CODEX_KEY={key}", codex(base_url, model)),
        ("Gemini CLI", gemini_cli(base_url, model, key)),
        ("Kilo Code, in ~/.config/kilo/kilo.json (opencode: ~/.config/opencode/opencode.json)", kilo(base_url, model, key)),
        ("curl", curl(base_url, model, key if keyed else None)),
    )
    head = (
        f"rosetta {__version__} listens on {base_url}\n"
        f"models: {names} (all of them: {base_url}/v1/models)\n"
        f"keys: {'send one that is configured' if keyed else 'none is configured, any text will do'}"
    )
    return "\n".join([head, *(f"\n{title}\n{_indented(text)}" for title, text in blocks)]) + "\n"


def shown(models: Sequence[str]) -> str:
    """The model for the examples: the first that is a name and no pattern; ``echo`` only where there is no other."""
    names = [model for model in models if not any(sign in model for sign in "*?[")]
    return next((name for name in names if name != "echo"), "echo")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
