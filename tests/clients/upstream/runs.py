"""The state of one run: its scenario and settings, what came in, and how many faults were dealt out."""

import json
import threading
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from tests.clients.upstream.script import FAULT_STATUS, REFUSALS, SCENARIOS, STREAM_FAULTS

Json = dict[str, Any]
DEFAULT_RUN = "default"
RUNAWAY_REQUESTS = 30
"""A client that comes to no end is stopped here."""


@dataclass
class Settings:
    """What ``control`` may set. ``directory`` gets one file per request; without it requests are kept in memory alone. Between two events of ``long``
    lie ``pause_s`` seconds."""

    scenario: str = "tool"
    strict: bool = False
    directory: str | None = None
    empty_tail: bool = False
    reasoning_field: str = "reasoning_content"
    thought_signature: bool = False
    pause_s: float = 0.005

    def __post_init__(self) -> None:
        if self.scenario not in SCENARIOS:
            raise ValueError(f"no scenario {self.scenario!r}; there are {', '.join(SCENARIOS)}")


SETTING_NAMES = {setting.name for setting in fields(Settings)}


@dataclass
class Run:
    """``log`` has one line per request, ``requests`` the requests themselves."""

    settings: Settings
    log: list[Json] = field(default_factory=list)
    requests: list[Json] = field(default_factory=list)
    faults: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def arrived(self, request: Json) -> Json:
        """A new line of the log, which the server completes."""
        with self.lock:
            self.requests.append(request)
            line = {"n": len(self.requests), **{key: request[key] for key in ("method", "path", "query", "wire")}}
            self.log.append(line)
        if self.settings.directory:
            text = json.dumps(request, indent=1, ensure_ascii=False)
            (Path(self.settings.directory) / f"{line['n']:03d}-{request['wire']}.json").write_text(text, encoding="utf-8")
        return line

    def next_fault(self) -> str | None:
        """The trouble which the scenario names, for a request with tools: refusals always, error statuses twice, broken streams once."""
        scenario = self.settings.scenario
        if scenario in REFUSALS:
            return scenario
        allowed = 2 if scenario in FAULT_STATUS else 1 if scenario in STREAM_FAULTS else 0
        with self.lock:
            if self.faults >= allowed:
                return None
            self.faults += 1
            return scenario


class Runs:
    """Runs by name. A request that names none belongs to ``default``; an unknown name gets a run of its own with the default's settings."""

    def __init__(self, settings: Settings) -> None:
        self._lock = threading.Lock()
        self._runs = {DEFAULT_RUN: Run(settings)}

    def start(self, name: str, **settings: Any) -> Run:
        """A fresh run; what is not set stays as it was."""
        unknown = sorted(set(settings) - SETTING_NAMES)
        if unknown:
            raise ValueError(f"no setting {unknown}; there are {sorted(SETTING_NAMES)}")
        kept = {setting: getattr(self.get(name).settings, setting) for setting in SETTING_NAMES}
        run = Run(Settings(**{**kept, **settings}))
        if run.settings.directory:
            Path(run.settings.directory).mkdir(parents=True, exist_ok=True)
        with self._lock:
            self._runs[name] = run
        return run

    def get(self, name: str) -> Run:
        with self._lock:
            return self._runs.setdefault(name, Run(self._runs[DEFAULT_RUN].settings))
