"""Takes wire fixtures: what real clients send, and what the scripted upstream answers.

python -m tests.clients.capture                     every client natively against the scripted upstream -> tests/wire/*/requests
python -m tests.clients.capture --clients claude    those of one client
python -m tests.clients.capture --scripted          the scripted upstream's answers -> tests/wire/*/{streams,responses,failures}/scripted-*
"""

import argparse
import datetime
import itertools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.clients import redact
from tests.clients.programs import CLIENTS, RIG_ROOT
from tests.clients.run_client import run_client
from tests.clients.upstream import start_upstream
from tests.clients.upstream.answer import Answer
from tests.clients.upstream.reading import WIRES
from tests.clients.upstream.runs import Run
from tests.clients.upstream.script import FAULT_STATUS, FreeCall, Seen, Step, Text, Tool, plan
from tests.clients.upstream.server import EVENTS_BEFORE_FAULT, RETRY_AFTER, WRITERS, frame
from tests.clients.upstream.trouble import error_body, midway_event

WIRE_FOLDER = Path(__file__).parents[1] / "wire"
CREATED = 1795305600
LONG_TEXT = Text("".join(f"line {number}: ü 你好 😀\n" for number in range(40)) + "FINAL long")

REAL_NAMES = (
    ("claude", "claude-sonnet-4-5", "think"),
    ("claude", "claude-opus-5-5", "parallel"),
    ("claude", "claude-haiku-4-5", "tool"),
    ("codex", "gpt-5.5", "think"),
    ("codex", "gpt-5.5", "patch"),
    ("codex", "gpt-6-sol", "think"),
    ("codex", "some-model", "parallel"),
    ("codex", "some-model", "namespace"),
    ("gemini", "gemini-2.5-pro", "think"),
    ("gemini", "gemini-3-pro-preview", "parallel"),
    ("gemini", "auto", "tool"),
    ("opencode", "some-model", "think"),
    ("opencode-responses", "gpt-5.5", "think"),
    ("opencode-anthropic", "claude-sonnet-4-5", "think"),
    ("opencode-google", "gemini-3-pro-preview", "think"),
    ("kilo", "some-model", "parallel"),
    ("llm", "some-model", "tool"),
)
SDKS = tuple((client, "some-model", "think") for client in CLIENTS if client.endswith("-stream"))
"""(client, model, scenario): clients choose their tools and fields by the name of the model."""


def capture_client(client: str, model: str, scenario: str, upstream_url: str, run: Run, work: Path) -> None:
    result = run_client(client, upstream_url, work, model=model, scenario=scenario, upstream=upstream_url)
    print(result, flush=True)
    places = (
        (str(work / "project"), "/workspace"),
        (str(work / "home"), "/home/user"),
        (str(work / "tmp"), "/var/tmp"),
        (str(work), "/workspace"),
        (str(RIG_ROOT), "/opt/rig"),
    )
    name = client.removesuffix("-stream") if CLIENTS[client].kind == "sdk" else f"{client}-{model.removeprefix(client + '-')}"
    for number, request in enumerate(run.requests, start=1):
        if request["wire"] == "other":
            continue
        fixture = {
            "origin": f"{client}, scenario {scenario}, request {number}, captured {datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
            "path": request["path"],
            "query": request["query"],
            "headers": redact.headers(request["headers"]),
            "body": redact.body(request["body"], places),
        }
        _write(WIRE_FOLDER, f"{WIRES[request['wire']]}/requests/{name}-{scenario}-{number}.json", fixture)


def capture_scripted(root: Path = WIRE_FOLDER) -> None:
    """A response and a stream of one name tell the same answer, ids included; the same every time."""
    parameters = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
    seen = Seen(tools={"bash": Tool("function", parameters)})
    plans: dict[str, list[Step]] = {scenario: plan(scenario, seen) for scenario in ("text", "tool", "tool2", "parallel", "think")}
    plans["long"] = [LONG_TEXT]
    for wire, writer in WRITERS.items():
        folder = WIRES[wire]
        wire_plans = dict(plans)
        if wire in ("chat", "responses"):
            wire_plans["custom"] = [Text("Patching."), FreeCall("apply_patch", "*** Begin Patch\n+ü\n*** End Patch")]
        for scenario, steps in wire_plans.items():
            _write(root, f"{folder}/responses/scripted-{scenario}.json", writer.response(_answer(steps)))
            events = list(writer.stream(_answer(steps)))
            _write(root, f"{folder}/streams/scripted-{scenario}.sse", "".join(frame(event) for event in events))
        events = list(writer.stream(_answer(plans["think"])))
        kept = events[: 1 if wire == "google" else EVENTS_BEFORE_FAULT]
        cut = "".join(frame(event) for event in kept)
        _write(root, f"{folder}/streams/broken/scripted-drop.sse", cut)
        _write(root, f"{folder}/streams/broken/scripted-midstream.sse", cut + _fixed_ids(frame(midway_event(wire))))
        for scenario, status in FAULT_STATUS.items():
            headers = {"content-type": "application/json"} | ({"retry-after": RETRY_AFTER[scenario]} if scenario in RETRY_AFTER else {})
            body = json.loads(_fixed_ids(json.dumps(error_body(wire, status))))
            fixture = {"origin": f"scripted upstream, {scenario}", "status": status, "headers": headers, "body": body}
            _write(root, f"{folder}/failures/scripted-{scenario}.json", fixture)


def _answer(steps: list[Step]) -> Answer:
    return Answer(steps, "up-model", CREATED, new_id=_counted_ids())


def _counted_ids() -> Callable[[str], str]:
    numbers = itertools.count(1)
    return lambda prefix: f"{prefix}{next(numbers):024x}"


def _fixed_ids(text: str) -> str:
    return redact.RANDOM_ID.sub("0" * 24, text)


def _write(root: Path, path: str, content: Any) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    file.write_text(text, encoding="utf-8", newline="")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", help="comma separated; all by default")
    parser.add_argument("--scripted", action="store_true")
    options = parser.parse_args()
    if options.scripted:
        capture_scripted()
        return
    wanted = options.clients.split(",") if options.clients else None
    with start_upstream() as upstream, tempfile.TemporaryDirectory() as folder:
        for client, model, scenario in (*REAL_NAMES, *SDKS):
            if wanted is None or client in wanted:
                capture_client(client, model, scenario, upstream.url, upstream.run(), Path(folder) / f"{client}-{model}-{scenario}")


if __name__ == "__main__":
    main()
