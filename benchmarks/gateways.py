"""The gateways that are compared: how each is started, and which of its routes answers a cell.

A cell is a kind of work: (path, client's wire, model, headers). ``same`` is relayed chat; the others are ``<client>_<upstream>``.
"""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
PACED_MODEL = "fake-n100-d10000"
"""100 chunks, one per 10 ms."""

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
GOOGLE = "/v1beta/models/{model}:generateContent"
OPENAI_HEADERS = ("authorization: Bearer k",)
ANTHROPIC_HEADERS = ("x-api-key: k", "anthropic-version: 2023-06-01")
GOOGLE_HEADERS = ("x-goog-api-key: k",)


@dataclass(frozen=True)
class Cell:
    path: str
    wire: str
    model: str
    headers: tuple[str, ...]


@dataclass(frozen=True)
class Gateway:
    """``command`` and the file ``config`` of the folder config/ know $port, $upstream (a URL) and $config (the file, filled in)."""

    cells: dict[str, Cell]
    command: tuple[str, ...] = ()
    config: str = ""
    environment: dict[str, str] = field(default_factory=dict)


def through(models: dict[str, str]) -> dict[str, Cell]:
    """The cells of a gateway that serves all wires, given its model names by upstream wire."""
    chat = {f"chat_{wire}": Cell(CHAT, "chat", model, OPENAI_HEADERS) for wire, model in models.items()}
    messages = {f"messages_{wire}": Cell(MESSAGES, "messages", model, ANTHROPIC_HEADERS) for wire, model in models.items()}
    responses = {f"responses_{wire}": Cell(RESPONSES, "responses", model, OPENAI_HEADERS) for wire, model in models.items()}
    google = {f"google_{wire}": Cell(GOOGLE, "google", model, GOOGLE_HEADERS) for wire, model in models.items()}
    paced = Cell(MESSAGES, "messages", PACED_MODEL, ANTHROPIC_HEADERS)
    return chat | messages | responses | google | {"paced": paced}


FOUR_MODELS = {"chat": "m-chat", "messages": "m-ant", "responses": "m-resp", "google": "m-goo"}

DIRECT = {
    "chat_chat": Cell(CHAT, "chat", "fake", OPENAI_HEADERS),
    "messages_messages": Cell(MESSAGES, "messages", "fake", ANTHROPIC_HEADERS),
    "responses_responses": Cell(RESPONSES, "responses", "fake", OPENAI_HEADERS),
    "google_google": Cell(GOOGLE, "google", "fake", GOOGLE_HEADERS),
}
FOR_COMPARISON = {f"{client}_{upstream}": DIRECT[f"{upstream}_{upstream}"] for client in FOUR_MODELS for upstream in FOUR_MODELS}
"""Talking to the upstream directly is its own wire, whatever the client of the cell."""


def gateways() -> dict[str, Gateway]:
    """``$BENCH_PEERS`` names the folder with the other gateways' environments: v-rosetta (llm-rosetta), v-litellm."""
    python = sys.executable
    found = {
        "direct": Gateway(FOR_COMPARISON | {"paced": Cell(CHAT, "chat", PACED_MODEL, OPENAI_HEADERS)}),
        "bare": Gateway(
            {
                wanted: Cell(MESSAGES, "messages", model, ANTHROPIC_HEADERS)
                for wanted, model in (("messages_chat", "fake"), ("paced", PACED_MODEL))
            },
            (python, str(HERE / "bare.py"), "$port", "$upstream"),
        ),
        "rosetta": Gateway(
            through(FOUR_MODELS),
            (python, "-m", "rosetta", "serve", "--config", "$config", "--host", "127.0.0.1", "--port", "$port"),
            "rosetta.yaml",
            environment={"OLLAMA_HOST": "127.0.0.1:9"},
        ),
    }
    peers = os.environ.get("BENCH_PEERS")
    if peers and Path(peers, "v-rosetta").exists():
        found["llm-rosetta"] = Gateway(
            through(FOUR_MODELS),
            (f"{peers}/v-rosetta/bin/llm-rosetta-gateway", "--config", "$config", "--no-banner", "--log-level", "warning"),
            "llm-rosetta.jsonc",
        )
    if peers and Path(peers, "v-litellm").exists():
        found["litellm"] = Gateway(
            through({wire: model for wire, model in FOUR_MODELS.items() if wire != "responses"}),
            (f"{peers}/v-litellm/bin/litellm", "--config", "$config", "--host", "127.0.0.1", "--port", "$port", "--num_workers", "1"),
            "litellm.yaml",
            environment={
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                "LITELLM_LOG": "ERROR",
                "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
            },
        )
    return found
