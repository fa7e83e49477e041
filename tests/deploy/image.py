"""What the Dockerfile says of the image: the instructions of its last stage, and the process they make."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
VENV = "/opt/rosetta"
"""Where the image keeps its Python environment."""
EXPORT_S = 10.0
"""How long the last traces may take when the collector does not answer: OpenTelemetry's own limit for an export."""


@dataclass(frozen=True)
class Image:
    """``command`` is entrypoint and command together; ``healthcheck`` is its command. All are argument lists, never shell text."""

    variables: dict[str, str]
    labels: dict[str, str]
    user: str
    workdir: str
    stop_signal: str
    healthcheck: list[str]
    command: list[str]
    arguments: dict[str, str]


def read(path: Path = DOCKERFILE) -> Image:
    """The image that the last stage makes."""
    instructions = list(_instructions(path.read_text()))
    arguments = dict(words.split("=", 1) for name, words in instructions if name == "ARG" and "=" in words)
    last = max(index for index, (name, _) in enumerate(instructions) if name == "FROM")
    stage = instructions[last + 1 :]
    said = {name: words for name, words in stage if name not in ("ENV", "LABEL")}
    return Image(
        variables=_pairs(words for name, words in stage if name == "ENV"),
        labels=_pairs(words for name, words in stage if name == "LABEL"),
        user=said["USER"],
        workdir=said["WORKDIR"],
        stop_signal=said["STOPSIGNAL"],
        healthcheck=json.loads(said["HEALTHCHECK"].partition("CMD ")[2]),
        command=[*json.loads(said["ENTRYPOINT"]), *json.loads(said["CMD"])],
        arguments=arguments,
    )


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, words = line.strip().partition(" ")
            yield name.upper(), words.strip()


def _pairs(lines: Iterable[str]) -> dict[str, str]:
    return dict(word.split("=", 1) for words in lines for word in shlex.split(words))
