"""Runs one real client, headless, against any base URL, and says whether it went the full circle.

    python -m tests.clients.run_client claude http://127.0.0.1:8765 WORK --model up-google --upstream http://127.0.0.1:22001 --expect-wire google

WORK is made afresh: project/ with the marker files, home/ the client's HOME, output.txt what it printed, outside.log the hosts it asked the
proxy for, upstream/ the requests that came to the scripted upstream, result.json. Exit code 0 = passed, 1 = failed.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.clients.programs import CLIENTS, Place, binary
from tests.clients.refusing_proxy import refusing_proxy
from tests.clients.upstream import SCENARIOS
from tests.clients.upstream.runs import DEFAULT_RUN
from tests.clients.upstream.script import LONG_LINES, PLAIN_TEXT, REFUSALS

KEY = "test-key-not-secret"
TIMEOUT_S = 90
GRACE_S = 5
KEPT_VARIABLES = ("TERM", "SSL_CERT_FILE")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
WITHOUT_MARKER = ("text", "long", "patch", "namespace")
GIVES_UP = {("kilo", "midstream"), ("kilo", "drop")}
"""Once part of an answer was shown, Kilo Code does not ask again after an error: it must print it and fail."""


@dataclass
class Result:
    client: str
    model: str
    scenario: str
    passed: bool = False
    why: str = ""
    seconds: float = 0.0
    exit_code: int | None = None
    """None: it was ended when its time was up."""
    upstream_requests: int = 0
    upstream_wires: list[str] = field(default_factory=list)
    reasoning_back: bool = False
    lint: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        notes = f" {self.why}" if self.why else ""
        notes += f" lint: {'; '.join(self.lint)}" if self.lint else ""
        return f"{'PASS' if self.passed else 'FAIL'} {self.client} {self.scenario} {self.model} {self.seconds}s{notes}"


def run_client(
    client: str,
    base_url: str,
    work: Path,
    *,
    model: str = "up-native",
    scenario: str = "tool",
    upstream: str | None = None,
    run: str = DEFAULT_RUN,
    expect_wire: str | None = None,
    timeout: float = TIMEOUT_S,
    key: str = KEY,
    **settings: Any,
) -> Result:
    """``upstream`` is the URL of the scripted upstream behind ``base_url``: it is set to the scenario (and ``settings``), and its log is judged."""
    work = work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    home, project, temporary = work / "home", work / "project", work / "tmp"
    for folder in (home, project, temporary):
        folder.mkdir(parents=True)
    marks = [f"MARK-{secrets.token_hex(4)}" for _ in range(2)]
    (project / "marker.txt").write_text(marks[0] + "\n")
    (project / "marker2.txt").write_text(marks[1] + "\n")
    if upstream:
        control(upstream, run, scenario=scenario, directory=str(work / "upstream"), **settings)
    result = Result(client, model, scenario)
    command, environment = CLIENTS[client].launch(Place(base_url.rstrip("/"), model, key, home, project))
    started = time.monotonic()
    with refusing_proxy(work / "outside.log") as proxy:
        result.exit_code = _execute(command, {**_environment(home, temporary, proxy), **environment}, project, work / "output.txt", timeout)
    result.seconds = round(time.monotonic() - started, 1)
    output = TERMINAL_CODES.sub("", (work / "output.txt").read_text(errors="replace"))
    problems = _judge_output(result, output, project, marks)
    if upstream:
        problems += _judge_upstream(result, control(upstream, run), marks, expect_wire)
    result.passed = not problems
    result.why = "; ".join(problems)
    (work / "result.json").write_text(json.dumps(dataclasses.asdict(result), indent=1, ensure_ascii=False))
    return result


def control(upstream: str, run: str = DEFAULT_RUN, **settings: Any) -> list[dict[str, Any]]:
    """Starts a run of the scripted upstream afresh when there are settings; gives its log."""
    data = json.dumps(settings).encode() if settings else None
    with urllib.request.urlopen(urllib.request.Request(f"{upstream}/_ctl?run={run}", data), timeout=10) as reply:
        return json.load(reply)


def _environment(home: Path, temporary: Path, proxy: str) -> dict[str, str]:
    folders = {"CONFIG": ".config", "DATA": ".local/share", "CACHE": ".cache", "STATE": ".local/state"}
    return {
        **{name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ},
        **{f"XDG_{name}_HOME": str(home / folder) for name, folder in folders.items()},
        **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), proxy),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
        "CI": "1",
        "DO_NOT_TRACK": "1",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "PATH": f"{binary('').parent}:{SYSTEM_PATH}",
        "TMPDIR": str(temporary),
    }


def _execute(command: list[str], environment: dict[str, str], folder: Path, output: Path, timeout: float) -> int | None:
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            _signal_group(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_S)
            return None
        finally:
            # It has a session of its own, so these are it and what it left behind.
            _signal_group(process, signal.SIGKILL)
            process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _judge_output(result: Result, output: str, project: Path, marks: list[str]) -> list[str]:
    last_lines = " | ".join(line.strip() for line in output.strip().splitlines()[-4:])[-300:]
    if result.exit_code is None:
        return [f"did not end in time: {last_lines}"]
    if result.scenario in REFUSALS:
        return [f"printed a final answer: {last_lines}"] if "FINAL" in output else []
    if (result.client, result.scenario) in GIVES_UP:
        return [] if result.exit_code else [f"took half an answer for the whole: {last_lines}"]
    wanted = {
        "text": [PLAIN_TEXT],
        "long": ["FINAL long", f"line {LONG_LINES - 1}"],
        "parallel": ["FINAL", *marks],
        "patch": ["FINAL patched"],
        "namespace": ["FINAL namespace"],
    }.get(result.scenario, ["FINAL", marks[0]])
    missing = [words for words in wanted if words not in output]
    problems = [f"exit code {result.exit_code}, {missing[0]!r} not printed: {last_lines}"] if missing else []
    if result.scenario == "namespace" and "unsupported call" in output:
        problems.append(f"the call was not understood: {last_lines}")
    if result.scenario == "patch" and not (project / "patched.txt").exists():
        problems.append("the patch was not applied")
    return problems


def _judge_upstream(result: Result, log: list[dict[str, Any]], marks: list[str], expect_wire: str | None) -> list[str]:
    asked = [line for line in log if line.get("tools")]
    result.upstream_requests = len(log)
    result.upstream_wires = sorted({line["wire"] for line in log if line["wire"] != "other"})
    result.reasoning_back = any(line["reasoning_back"] for line in asked)
    result.lint = sorted({fault for line in log for fault in line.get("lint", [])})
    problems = []
    ends_early = result.scenario in REFUSALS or (result.client, result.scenario) in GIVES_UP
    if not ends_early and result.scenario not in WITHOUT_MARKER and not any(marks[0] in line["marks"] for line in asked):
        problems.append("the upstream never saw the tool's result")
    if result.scenario == "think" and CLIENTS[result.client].echoes and not result.reasoning_back:
        problems.append("the reasoning did not come back to the upstream")
    if expect_wire and result.upstream_wires not in ([expect_wire], []):
        problems.append(f"the upstream heard {result.upstream_wires}, not {expect_wire}")
    if result.lint:
        problems.append("a real provider would have refused a request")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("client", choices=sorted(CLIENTS))
    parser.add_argument("base_url")
    parser.add_argument("work", type=Path)
    parser.add_argument("--model", default="up-native")
    parser.add_argument("--scenario", default="tool", choices=SCENARIOS)
    parser.add_argument("--upstream", help="URL of the scripted upstream")
    parser.add_argument("--expect-wire", choices=("chat", "responses", "anthropic", "google"))
    parser.add_argument("--timeout", type=float, default=TIMEOUT_S)
    parser.add_argument("--strict", action="store_true", help="the upstream refuses what a real provider would refuse")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = run_client(
        options.client,
        options.base_url,
        options.work,
        model=options.model,
        scenario=options.scenario,
        upstream=options.upstream,
        expect_wire=options.expect_wire,
        timeout=options.timeout,
        strict=options.strict,
    )
    print(json.dumps(dataclasses.asdict(result), indent=1, ensure_ascii=False) if options.json else result)
    return 0 if result.passed else 1


if __name__ == "__main__":
    sys.exit(main())
