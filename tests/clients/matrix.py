"""Runs the client matrix, two cells at a time, and writes it as a page.

    python -m tests.clients.matrix                                        the four CLIs, all upstreams, all scenarios, through the gateway:
                                                                          the whole, written to docs/client-matrix.md
    python -m tests.clients.matrix --clients sdk --scenarios tool,think   other clients, other scenarios; groups: cli, opencode, sdk, all
    python -m tests.clients.matrix --native                               each client talks to the scripted upstream directly
    python -m tests.clients.matrix --base http://127.0.0.1:9000           through a gateway that runs already, one cell at a time; it routes
                                                                          the names of matrix.yaml to --upstream-port
Exit code: the number of cells that failed without a known reason in the client (cells.IMPOSSIBLE), at most 99.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import queue
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.clients.cells import GROUPS, IMPOSSIBLE, Cell, whole
from tests.clients.gateway_process import gateway_process
from tests.clients.programs import CLIENTS, RIG_ROOT, WIRES
from tests.clients.run_client import Result, run_client
from tests.clients.upstream import SCENARIOS, Upstream, start_upstream

CONFIG = Path(__file__).with_name("matrix.yaml")
PAGE = Path(__file__).parents[2] / "docs/client-matrix.md"
CELLS_AT_ONCE = 2
LONGEST_REASON = 300

Pair = tuple[str, Upstream]
"""Base URL for the clients, and the upstream behind it."""
Row = tuple[Cell, Result]


@contextlib.contextmanager
def pairs(options: argparse.Namespace, work: Path) -> Iterator[list[Pair]]:
    """As many gateways with an upstream of their own as cells run at once."""
    with contextlib.ExitStack() as stack:
        started = []
        for number in range(1 if options.base else CELLS_AT_ONCE):
            upstream = stack.enter_context(start_upstream(options.upstream_port if options.base else 0))
            base = upstream.url if options.native else options.base
            if base is None:
                port = str(upstream.port)
                base = stack.enter_context(gateway_process(CONFIG, work / f"gateway-{number}.log", UPSTREAM_PORT=port))
            started.append((base, upstream))
        yield started


def run_cells(cells: list[Cell], available: list[Pair], work: Path, *, timeout: float, native: bool) -> list[Row]:
    free: queue.Queue[Pair] = queue.Queue()
    for pair in available:
        free.put(pair)

    def run(cell: Cell) -> Row:
        base, upstream = free.get()
        try:
            result = run_client(
                cell.client,
                base,
                work / str(cell),
                model=cell.model,
                scenario=cell.scenario,
                upstream=upstream.url,
                expect_wire=CLIENTS[cell.client].native if native else cell.upstream,
                timeout=timeout,
                strict=True,
            )
        finally:
            free.put((base, upstream))
        print(result, flush=True)
        return cell, result

    with ThreadPoolExecutor(len(available)) as pool:
        return list(pool.map(run, cells))


def page(rows: list[Row], columns: list[str], title: str) -> str:
    """A table per client, scenarios down and upstreams across; then why cells failed."""
    failed = [(cell, result) for cell, result in rows if not result.passed]
    unexplained = [(cell, result) for cell, result in failed if not cell.excuse]
    excuses = {f"{cell.client}, {cell.scenario}": cell.excuse for cell, _ in failed if cell.excuse}
    lines = [
        f"# {title}",
        "",
        "Written by `make matrix`. A cell passes when the client, headless, went the full circle: it printed the marker which only its own shell",
        "tool could read, the upstream saw the tool's result on the expected wire, no request held what a real provider would refuse, and in the",
        "scenario `think` the upstream's reasoning state came back to it.",
        "",
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}: {len(rows) - len(failed)} of {len(rows)} cells pass.",
    ]
    for client in dict.fromkeys(cell.client for cell, _ in rows):
        lines += ["", f"## {client} ({CLIENTS[client].native})", "", "| scenario | " + " | ".join(columns) + " |"]
        lines.append("|---" * (len(columns) + 1) + "|")
        found = {(cell.scenario, cell.prefix, cell.upstream): result for cell, result in rows if cell.client == client}
        for scenario, prefix in dict.fromkeys((scenario, prefix) for scenario, prefix, _ in found):
            words = [found.get((scenario, prefix, column)) for column in columns]
            failure = "[no](#made-impossible-by-the-client)" if (client, scenario) in IMPOSSIBLE else "**FAIL**"
            cells = ("pass" if result and result.passed else failure if result else "" for result in words)
            lines.append(f"| {scenario}{f' ({prefix}*)' if prefix else ''} | " + " | ".join(cells) + " |")
    if excuses:
        lines += ["", "## Made impossible by the client", "", *(f"- {which}: {why}." for which, why in excuses.items())]
    if unexplained:
        lines += ["", "## Failed", "", *(f"- {cell}: {reason(result)}" for cell, result in unexplained)]
    return "\n".join(lines) + "\n"


def reason(result: Result) -> str:
    return "; ".join([result.why, *result.lint]).replace("\n", " ").replace("|", "/")[:LONGEST_REASON]


def names(text: str, known: list[str], groups: dict[str, list[str]]) -> list[str]:
    chosen = [name for word in text.split(",") for name in groups.get(word, [word])]
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise SystemExit(f"unknown: {', '.join(unknown)}; there are {', '.join([*groups, *known])}")
    return chosen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", default="cli")
    parser.add_argument("--upstreams", default=",".join(WIRES))
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--timeout", type=float, default=90, help="seconds for one cell")
    parser.add_argument("--native", action="store_true")
    parser.add_argument("--base")
    parser.add_argument("--upstream-port", type=int, default=22001)
    parser.add_argument("--work", type=Path, help="where the runs' files stay")
    parser.add_argument("--page", type=Path, help="where the table goes; docs/client-matrix.md for the whole matrix")
    parser.add_argument("--title", default="Client matrix")
    options = parser.parse_args()
    clients = names(options.clients, list(CLIENTS), GROUPS)
    upstreams = ["native"] if options.native else names(options.upstreams, list(WIRES), {})
    absent = [client for client in clients if not CLIENTS[client].installed]
    if absent:
        raise SystemExit(f"not installed below {RIG_ROOT}: {', '.join(absent)}; run tests/clients/install.sh DIR and set RIG_ROOT=DIR")
    cells = list(whole(clients, upstreams, names(options.scenarios, list(SCENARIOS), {})))
    with contextlib.ExitStack() as stack:
        work = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="matrix-")))
        work.mkdir(parents=True, exist_ok=True)
        started = stack.enter_context(pairs(options, work))
        rows = run_cells(cells, started, work, timeout=options.timeout, native=options.native)
        report = [dataclasses.asdict(result) | {"upstream": cell.upstream} for cell, result in rows]
        (work / "matrix.json").write_text(json.dumps(report, indent=1, ensure_ascii=False))
    is_whole = not options.native and not options.base and cells == list(whole(GROUPS["cli"], list(WIRES), list(SCENARIOS)))
    if place := options.page or (PAGE if is_whole else None):
        place.write_text(page(rows, upstreams, options.title))
    failed = [(cell, result) for cell, result in rows if not result.passed]
    print(f"\n{len(rows) - len(failed)} of {len(rows)} cells pass")
    for cell, result in failed:
        print(f"{'known' if cell.excuse else 'FAIL'} {cell}: {reason(result)}")
    return min(sum(not cell.excuse for cell, _ in failed), 99)


if __name__ == "__main__":
    sys.exit(main())
