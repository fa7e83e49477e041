"""Without any config the environment says which providers there are."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from rosetta.config import ConfigError, Provider, RouteTable, Secret, discover, ollama_address

VARIABLES: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "google": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "ollama": ("OLLAMA_API_KEY",),
    "groq": ("GROQ_API_KEY",),
}


def test_nothing_is_there() -> None:
    """A machine without keys still has echo."""
    config = discover({}, VARIABLES)

    assert {} == config.providers
    assert "echo" == RouteTable(config).resolve("echo").entry


def test_providers_by_their_keys() -> None:
    """Each vendor with a key is a provider of its own name; empty variables do not count, the first of several does."""
    environ = {"OPENAI_API_KEY": "o ", "ANTHROPIC_API_KEY": " ", "GEMINI_API_KEY": "", "GOOGLE_API_KEY": "g", "GROQ_API_KEY": "${q}"}

    assert {
        "openai": Provider(vendor="openai", api_key=Secret("o")),
        "google": Provider(vendor="google", api_key=Secret("g")),
        "groq": Provider(vendor="groq", api_key=Secret("${q}")),
    } == discover(environ, VARIABLES).providers


def test_bare_names_find_their_vendor() -> None:
    """A client that asks for claude-… or gpt-… gets it, and every other name goes to an Ollama that answers."""
    table = RouteTable(discover({"OPENAI_API_KEY": "o", "ANTHROPIC_API_KEY": "a"}, VARIABLES, ollama=True))

    asked = ["claude-sonnet-4-5", "gpt-5.5", "o3-mini", "llama3.2", "qwen3:8b", "anthropic/claude-x", "echo"]
    answers = [table.resolve(name).targets[0] for name in asked]
    assert [
        ("anthropic", "claude-sonnet-4-5"),
        ("openai", "gpt-5.5"),
        ("openai", "o3-mini"),
        ("ollama", "llama3.2"),
        ("ollama", "qwen3:8b"),
        ("anthropic", "claude-x"),
        ("echo", "echo"),
    ] == [(answer.provider, answer.model) for answer in answers]


def test_ollama_is_asked_for() -> None:
    """The caller probes the address; an Ollama that does not answer is left out, whatever its key says."""
    asked: list[str] = []

    def probe(address: str) -> bool:
        asked.append(address)
        return len(asked) > 1

    environ = {"OLLAMA_HOST": "box:4000", "OLLAMA_API_KEY": "k"}

    assert {} == discover(environ, VARIABLES, probe).providers
    assert {"ollama": Provider(vendor="ollama", base_url="http://box:4000/v1")} == discover(environ, VARIABLES, probe).providers
    assert ["http://box:4000", "http://box:4000"] == asked


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", "http://localhost:11434"),
        ("box", "http://box:11434"),
        ("box:80", "http://box:80"),
        (":4000", "http://127.0.0.1:4000"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("[::]:4000", "http://127.0.0.1:4000"),
        ("[::1]", "http://[::1]:11434"),
        ("http://box", "http://box:80"),
        ("https://box/ollama/", "https://box:443/ollama"),
        (' "box" ', "http://box:11434"),
    ],
)
def test_ollama_host(text: str, address: str) -> None:
    """OLLAMA_HOST is read as Ollama reads it; the address that a server binds to all interfaces is reached on loopback."""
    assert address == ollama_address({"OLLAMA_HOST": text})


@pytest.mark.parametrize("text", ["box:port", "ftp://box", "box:99999", "[::1"])
def test_an_ollama_host_that_is_none(text: str) -> None:
    """A slip in OLLAMA_HOST is a ConfigError with the variable's name."""
    with pytest.raises(ConfigError, match=r"^OLLAMA_HOST: expected a host"):
        discover({"OLLAMA_HOST": text}, VARIABLES)


def test_clients_variables_are_not_ours() -> None:
    """ANTHROPIC_BASE_URL in a client's shell points at rosetta; taking it over would make rosetta call itself."""
    environ = {"ANTHROPIC_API_KEY": "a", "ANTHROPIC_BASE_URL": "http://127.0.0.1:8765"}

    assert None is discover(environ, VARIABLES).providers["anthropic"].base_url


def test_switches_hold_here_too() -> None:
    """ROSETTA_* and the command line work without a file."""
    config = discover({"ROSETTA_HOST": "0.0.0.0", "ROSETTA_KEY": "k"}, VARIABLES, options={"server.port": 9})

    assert ("0.0.0.0", 9, 1) == (config.server.host, config.server.port, len(config.keys))
