"""The cells of the client matrix: client x upstream x scenario, and the name of the model that brings out the client's behaviour."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.clients.programs import CLIENTS, WIRES

CODEX_PATCH = "gpt-5.5-"
"""Codex offers functions, a free-text apply_patch and a tool search."""
CODEX_CODE_MODE = "gpt-6-sol-"
"""Codex puts its tools into the input, and runs everything through a free-text ``exec``."""
CLAUDE_ENABLED_THINKING = "claude-sonnet-4-5-"
"""Claude Code sends thinking with a budget and no system messages amid the conversation."""
LOCAL = "local-"
"""The upstream takes functions alone, and no system messages amid the conversation, also from clients of its own wire."""

COMMON = ("text", "tool", "tool2", "parallel", "think", "long", "err429", "err529", "midstream", "drop", "empty")
RARE = ("err429bare", "err500", "err503", "err400", "err401")
SLOW_CLIENT_EVERYWHERE = ("text", "tool", "parallel", "think")
SLOW_CLIENT_UPSTREAM = "anthropic"

PATIENT = (
    "an upstream that refuses the gateway's own key is a 502, and this client asks again after a 502 for longer than a cell may take (90 s)"
)
IMPOSSIBLE = {("gemini", "err401"): PATIENT, ("gemini-bearer", "err401"): PATIENT, ("kilo", "err401"): PATIENT}
"""(client, scenario) -> what in the client keeps such a cell from passing."""


@dataclass(frozen=True)
class Cell:
    client: str
    upstream: str
    scenario: str
    prefix: str = ""

    @property
    def model(self) -> str:
        return f"{self.prefix}up-{self.upstream}"

    @property
    def excuse(self) -> str | None:
        return IMPOSSIBLE.get((self.client, self.scenario))

    def __str__(self) -> str:
        name = f"{self.client}({self.prefix.rstrip('-')})" if self.prefix else self.client
        return f"{name}-{self.upstream}-{self.scenario}"


def continuous_integration() -> Iterator[Cell]:
    """What every submission is tried with."""
    for upstream in WIRES:
        for client in ("claude", "codex", "gemini"):
            yield from (Cell(client, upstream, scenario) for scenario in COMMON)
        yield from (Cell("codex", upstream, scenario, CODEX_PATCH) for scenario in ("patch", "think"))
        yield from (Cell("codex", upstream, scenario, CODEX_CODE_MODE) for scenario in ("tool", "think"))
        yield Cell("codex", upstream, "namespace")
        yield Cell("gemini-bearer", upstream, "tool")
        yield from (Cell("claude", upstream, scenario, CLAUDE_ENABLED_THINKING) for scenario in ("think", "parallel"))
        yield from (Cell("kilo", upstream, scenario) for scenario in SLOW_CLIENT_EVERYWHERE)
    yield from _on_local()
    yield from (Cell("kilo", SLOW_CLIENT_UPSTREAM, scenario) for scenario in COMMON if scenario not in SLOW_CLIENT_EVERYWHERE)


def _on_local() -> Iterator[Cell]:
    yield from (Cell("codex", "responses", scenario, LOCAL) for scenario in ("tool", "namespace"))
    yield Cell("codex", "responses", "patch", CODEX_PATCH + LOCAL)
    yield Cell("codex", "responses", "tool", CODEX_CODE_MODE + LOCAL)
    yield from (Cell("claude", "anthropic", scenario, LOCAL) for scenario in ("tool", "parallel"))


def whole(clients: list[str], upstreams: list[str], scenarios: list[str]) -> Iterator[Cell]:
    """Every combination that makes sense."""
    for client in clients:
        for upstream in upstreams:
            yield from (Cell(client, upstream, scenario) for scenario in scenarios if scenario not in ("patch", "namespace"))
            if client == "codex":
                yield from (Cell(client, upstream, scenario, CODEX_PATCH) for scenario in ("patch", "think") if scenario in scenarios)
                yield from (Cell(client, upstream, scenario, CODEX_CODE_MODE) for scenario in ("tool", "think") if scenario in scenarios)
                yield from (Cell(client, upstream, "namespace") for _ in range("namespace" in scenarios))
            if client == "claude":
                yield from (Cell(client, upstream, s, CLAUDE_ENABLED_THINKING) for s in ("think", "parallel") if s in scenarios)


GROUPS = {
    "cli": ["claude", "codex", "gemini", "gemini-bearer", "kilo"],
    "opencode": [client for client in CLIENTS if client.startswith("opencode")],
    "sdk": [client for client in CLIENTS if CLIENTS[client].kind == "sdk"],
    "all": list(CLIENTS),
}
