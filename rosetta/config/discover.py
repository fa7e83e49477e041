"""No config at all: the providers whose keys are in the environment, and an Ollama that answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from rosetta.config.faults import ConfigError, Fault, FromEnvironment
from rosetta.config.load import build
from rosetta.config.schema import Config

OLLAMA = "ollama"
OLLAMA_VARIABLE = "OLLAMA_HOST"
OLLAMA_PORT = 11434

MODEL_FAMILIES: Mapping[str, Sequence[str]] = {
    "openai": ("gpt-*", "chatgpt-*", "codex-*", "o1*", "o3*", "o4*"),
    "anthropic": ("claude-*",),
    "google": ("gemini-*",),
    "deepseek": ("deepseek-*",),
    "mistral": ("mistral-*", "codestral-*", "devstral-*", "magistral-*"),
    "xai": ("grok-*",),
    OLLAMA: ("*",),
}
"""Which bare names go to a vendor that was found. A reachable Ollama gets every other name: it knows best what was pulled."""


def discover(
    environ: Mapping[str, str],
    key_variables: Mapping[str, Sequence[str]],
    ollama: bool | Callable[[str], bool] = False,
    options: Mapping[str, object] | None = None,
    families: Mapping[str, Sequence[str]] = MODEL_FAMILIES,
) -> Config:
    """A Config with one provider for each vendor that has a key, named like the vendor, and ``ollama`` where it is there.

    ``key_variables`` is the catalog's table: vendor -> its variables, the first that is set counts. ``ollama`` is whether one answers, or
    asks so with its address (``http://localhost:11434``). ROSETTA_* and ``options`` hold as they do over a file.
    Base URLs are not taken from the environment: ANTHROPIC_BASE_URL of a client's shell points at rosetta itself.
    """
    providers: dict[str, Any] = {}
    for vendor, variables in key_variables.items():
        name = next((variable for variable in variables if environ.get(variable, "").strip()), None)
        if name is not None and vendor != OLLAMA:
            providers[vendor] = {"vendor": vendor, "api_key": FromEnvironment(environ[name], name)}
    address = ollama_address(environ)
    if ollama(address) if callable(ollama) else ollama:
        providers[OLLAMA] = {"vendor": OLLAMA, "base_url": FromEnvironment(f"{address}/v1", OLLAMA_VARIABLE)}
    models = {pattern: vendor for vendor in providers for pattern in families.get(vendor, ())}
    return build({"providers": providers, "models": models}, environ, options)


def ollama_address(environ: Mapping[str, str]) -> str:
    """Where Ollama is, read from OLLAMA_HOST as Ollama reads it: ``host``, ``host:port``, ``:port`` or a URL. Raises ConfigError."""
    text = environ.get(OLLAMA_VARIABLE, "").strip().strip("\"'")
    if not text:
        return f"http://localhost:{OLLAMA_PORT}"
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, scheme = "", None, ""
    if scheme not in ("http", "https"):
        raise ConfigError([Fault(OLLAMA_VARIABLE, f"expected a host, host:port or a URL, for example 127.0.0.1:{OLLAMA_PORT}")])
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 - where the server binds; a client reaches it on loopback
        host = "127.0.0.1"
    if port is None:
        port = OLLAMA_PORT if not separator else 443 if scheme == "https" else 80
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{parts.path.rstrip('/')}"
