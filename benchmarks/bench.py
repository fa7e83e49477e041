"""Compares gateways over a fake upstream: requests per second, latency, and CPU per request, which is the steady figure on a shared machine.

    make bench                                                              the hand-written yardstick and ours
    python benchmarks/bench.py --gateways direct,bare,rosetta,llm-rosetta --scenarios unary,stream --rounds 3
    python benchmarks/bench.py --check                                      one answer of every cell, no load
    python benchmarks/bench.py --most 1.5                                   exit code 1 when ours takes more than 1.5x the CPU of the yardstick

Rounds are interleaved over the gateways. The gateway under test runs on core $BENCH_GATEWAY_CORE (1), upstream and load on $BENCH_LOAD_CORE (0).
"""

import argparse
import json
import os
import statistics
import string
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fixtures
from gateways import PACED_MODEL, Cell, Gateway, gateways
from processes import Process, filled, free_port

HERE = Path(__file__).parent
GATEWAY_CORE = os.environ.get("BENCH_GATEWAY_CORE", "1" if (os.cpu_count() or 1) > 1 else "0")
LOAD_CORE = os.environ.get("BENCH_LOAD_CORE", "0")
READY_WITHIN_S = 90
WARM_UP_S = 0.7
YARDSTICK, OURS = "bare", "rosetta"

Figures = dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    cell: str
    size: str
    stream: bool
    connections: tuple[int, ...]


SCENARIOS = {
    "unary": Scenario("messages_chat", "small", False, (16,)),
    "agent": Scenario("messages_chat", "agent", False, (16,)),
    "stream": Scenario("messages_chat", "small", True, (16,)),
    "relay": Scenario("chat_chat", "small", False, (16,)),
    "relay-agent": Scenario("chat_chat", "agent", False, (16,)),
    "relay-stream": Scenario("chat_chat", "small", True, (16,)),
    "responses": Scenario("responses_chat", "small", False, (16,)),
    "responses-stream": Scenario("responses_chat", "small", True, (16,)),
    "to-messages": Scenario("chat_messages", "small", False, (16,)),
    "to-responses": Scenario("chat_responses", "small", False, (16,)),
    "to-google": Scenario("chat_google", "small", False, (16,)),
    "from-google": Scenario("google_chat", "small", False, (16,)),
    "paced": Scenario("paced", "small", True, (20, 100)),
    "load": Scenario("messages_chat", "small", False, (1, 16, 64, 256)),
}
"""messages_chat: an Anthropic client, a chat upstream. The streams hold 200 events in a burst; the paced one 100, one per 10 ms."""


class Bench:
    """The upstream and the gateways that run, and where they listen."""

    def __init__(self, names: list[str], work: Path) -> None:
        known = gateways()
        unknown = [name for name in names if name not in known]
        if unknown:
            raise SystemExit(f"unknown: {', '.join(unknown)}; there are {', '.join(known)} (peers need BENCH_PEERS)")
        self.gateways: dict[str, Gateway] = {name: known[name] for name in names}
        self.processes: dict[str, Process] = {}
        self.ports: dict[str, int] = {}
        self._work = work
        upstream = free_port()
        self._upstream_url = f"http://127.0.0.1:{upstream}"
        command = [str(HERE / "bin/upstream"), str(upstream), str(HERE / "fix"), "200", "0"]
        self._upstream = Process(command, LOAD_CORE, work / "upstream.log")
        try:
            for name, gateway in self.gateways.items():
                self.ports[name] = upstream
                if gateway.command:
                    self._start(name, gateway)
        except BaseException:
            self.stop()
            raise

    def _start(self, name: str, gateway: Gateway) -> None:
        port = self.ports[name] = free_port()
        values = {"port": str(port), "upstream": self._upstream_url}
        if gateway.config:
            config = self._work / gateway.config
            config.write_text(string.Template((HERE / "config" / gateway.config).read_text()).substitute(values))
            values["config"] = str(config)
        home = self._work / f"home-{name}"
        home.mkdir()
        started = time.monotonic()
        environment = {**gateway.environment, "HOME": str(home)}
        process = Process(filled(gateway.command, values), GATEWAY_CORE, self._work / f"{name}.log", environment)
        self.processes[name] = process
        cell = next(iter(gateway.cells.values()))
        status, answer = 0, b""
        while status != 200 and not process.ended and time.monotonic() - started < READY_WITHIN_S:
            status, answer = self.ask(name, cell)
            time.sleep(0.05)
        if status != 200:
            words = process.log.read_text(errors="replace")[-2000:]
            raise SystemExit(f"{name} does not answer: {status} {answer[:300].decode(errors='replace')}\n{words}")
        print(f"{name}: first answer after {time.monotonic() - started:.2f} s, {process.memory_mb():.0f} MB", flush=True)

    def stop(self) -> None:
        for process in (*self.processes.values(), self._upstream):
            process.stop()

    def ask(self, name: str, cell: Cell, *, size: str = "small", stream: bool = False) -> tuple[int, bytes]:
        path, body, headers = request_of(cell, size, stream)
        fields = {"content-type": "application/json", **dict(header.split(": ", 1) for header in headers)}
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[name]}{path}", body, fields)
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except OSError as error:
            return 0, str(error).encode()

    def load(self, name: str, scenario: Scenario, connections: int, seconds: float) -> Figures:
        cell = self.gateways[name].cells[scenario.cell]
        path, body, headers = request_of(cell, scenario.size, scenario.stream)
        head = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", "content-type: application/json", "accept: */*", *headers]
        file = self._work / "request"
        file.write_bytes("\r\n".join([*head, f"content-length: {len(body)}", "", ""]).encode() + body)
        command = [
            "taskset",
            "-c",
            LOAD_CORE,
            str(HERE / "bin/load"),
            "127.0.0.1",
            str(self.ports[name]),
            str(connections),
            str(seconds),
            str(file),
        ]
        process = self.processes.get(name)
        before = process.cpu_seconds() if process else 0.0
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
        if done.returncode:
            raise SystemExit(f"{name}: the load generator failed: {done.stderr}")
        figures = json.loads(done.stdout)
        if figures["errors"]:
            print(f"{name}: {figures['errors']} errors {figures['statuses']}: {done.stderr[:300]}", file=sys.stderr)
        return {**figures, "cpu_s": process.cpu_seconds() - before if process else 0.0}


def build() -> None:
    """Compiles what is not there or older than its source, and makes the fixtures."""
    (HERE / "bin").mkdir(exist_ok=True)
    for name in ("upstream", "load"):
        source, program = HERE / f"{name}.c", HERE / "bin" / name
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            subprocess.run([os.environ.get("CC", "gcc"), "-O2", "-Wall", "-o", program, source], check=True)
    fixtures.main()


def request_of(cell: Cell, size: str, stream: bool) -> tuple[str, bytes, tuple[str, ...]]:
    body = (HERE / f"fix/{cell.wire}-{size}{'-stream' if stream else ''}.request.json").read_bytes()
    path = cell.path.format(model=cell.model)
    if cell.wire == "google" and stream:
        path = path.replace(":generateContent", ":streamGenerateContent") + "?alt=sse"
    return path, body.replace(b'"model":"fake"', b'"model":"%b"' % cell.model.encode(), 1), cell.headers


def measure(bench: Bench, label: str, scenario: Scenario, connections: int, options: argparse.Namespace) -> list[Figures]:
    """One row of figures per gateway: medians over the rounds, CPU over all of them."""
    rounds: dict[str, list[Figures]] = {name: [] for name, gateway in bench.gateways.items() if scenario.cell in gateway.cells}
    for name in rounds:
        bench.load(name, scenario, min(connections, 8), WARM_UP_S)
    for _ in range(options.rounds):
        for name, figures in rounds.items():
            figures.append(bench.load(name, scenario, connections, options.seconds))
    rows = []
    for name, figures in rounds.items():
        done = sum(figure["ok"] for figure in figures)
        events = sum(figure["events"] for figure in figures)
        cpu = sum(figure["cpu_s"] for figure in figures)
        row: Figures = {
            "scenario": label,
            "connections": connections,
            "gateway": name,
            "errors": sum(figure["errors"] for figure in figures),
        }
        for key in ("requests_per_s", "latency_p50", "latency_p99", "first_event_p50", "added_p50", "added_p99"):
            row[key] = statistics.median(figure.get(key, 0.0) for figure in figures)
        row["cpu_us_per_request"] = cpu / done * 1e6 if done else 0.0
        row["cpu_us_per_event"] = cpu / events * 1e6 if events else 0.0
        rows.append(row)
    return rows


def print_rows(rows: list[Figures]) -> None:
    yardstick = next((row["cpu_us_per_request"] for row in rows if row["gateway"] == YARDSTICK), 0.0)
    columns = ("req/s", "p50 ms", "p99 ms", "CPU us/req", "us/event", "x bare", "added p99 ms", "errors")
    print(f"\n{rows[0]['scenario']}, {rows[0]['connections']} connections\n{'':14}" + "".join(f"{column:>13}" for column in columns))
    for row in rows:
        ratio = f"{row['cpu_us_per_request'] / yardstick:.2f}" if yardstick and row["cpu_us_per_request"] else ""
        words = (
            f"{row['requests_per_s']:.0f}",
            f"{row['latency_p50'] / 1e3:.2f}",
            f"{row['latency_p99'] / 1e3:.2f}",
            f"{row['cpu_us_per_request']:.0f}",
            f"{row['cpu_us_per_event']:.1f}",
            ratio,
            f"{row['added_p99'] / 1e3:.2f}",
            f"{row['errors']}",
        )
        print(f"{row['gateway']:14}" + "".join(f"{word:>13}" for word in words), flush=True)


def worst_ratio(rows: list[Figures]) -> float:
    """The highest CPU of ours over the yardstick's, of the scenarios that both ran."""
    found: dict[tuple[str, int], dict[str, float]] = {}
    for row in rows:
        found.setdefault((row["scenario"], row["connections"]), {})[row["gateway"]] = row["cpu_us_per_request"]
    return max((cpu[OURS] / cpu[YARDSTICK] for cpu in found.values() if cpu.get(YARDSTICK) and cpu.get(OURS)), default=0.0)


def check(bench: Bench) -> int:
    failed = 0
    for name, gateway in bench.gateways.items():
        for cell_name, cell in gateway.cells.items():
            for stream in (True,) if cell.model == PACED_MODEL else (False, True):
                status, answer = bench.ask(name, cell, stream=stream)
                failed += status != 200
                shown = answer[: 90 if status == 200 else 300].decode(errors="replace")
                print(f"{name:12} {cell_name:20} {'stream' if stream else 'unary':7} {status} {len(answer):7} {shown!r}")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gateways", default=f"direct,{YARDSTICK},{OURS}")
    parser.add_argument("--scenarios", default="unary,agent,stream,relay,paced", help=", ".join(SCENARIOS))
    parser.add_argument("--connections", type=int, help="instead of the scenario's own")
    parser.add_argument("--seconds", type=float, default=3, help="of one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=float, help="the highest ratio of CPU to the yardstick's")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    unknown = [name for name in options.scenarios.split(",") if name not in SCENARIOS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    build()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(options.gateways.split(","), Path(folder))
        try:
            if options.check:
                return min(check(bench), 99)
            rows: list[Figures] = []
            for name in options.scenarios.split(","):
                scenario = SCENARIOS[name]
                for connections in [options.connections] if options.connections else scenario.connections:
                    measured = measure(bench, name, scenario, connections, options)
                    print_rows(measured)
                    rows += measured
            for name, process in bench.processes.items():
                print(f"{name}: {process.memory_mb():.0f} MB after the load")
        finally:
            bench.stop()
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1))
    ratio = worst_ratio(rows)
    if ratio:
        print(f"ours takes at most {ratio:.2f}x the CPU of the yardstick")
    return 1 if options.most and ratio > options.most else 0


if __name__ == "__main__":
    sys.exit(main())
