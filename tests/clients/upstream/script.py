"""What the scripted upstream says, whatever the wire: a plan of steps for one answer.

A request that offers a shell tool is asked for ``cat marker.txt``; the ``MARK-xxxxxxxx`` found in the tool results that come back is printed
in the final answer. So a client that prints ``FINAL MARK-xxxxxxxx`` has gone the full circle.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal

MARK = re.compile(r"MARK-[0-9a-f]{8}")
SIGNATURE = "c2lnbmF0dXJlLW9mLXRoZS1zY3JpcHRlZC11cHN0cmVhbQ=="
"""What is handed out as signature, encrypted reasoning or thought signature, and must come back."""
THOUGHT = "I should read the file."
PLAIN_TEXT = "FINAL plain text: ü 你好 😀 ok"
LONG_LINES = 400
HALF_ANSWER = "Half an answer which will be cut, long enough to be told in several events on every wire. " * 2
PATCH = "*** Begin Patch\n*** Add File: patched.txt\n+hello from the patch\n*** End Patch"

ANSWERS = ("text", "tool", "tool2", "parallel", "think", "long", "patch", "namespace")
FAULT_STATUS = {"err429": 429, "err429bare": 429, "err500": 500, "err503": 503, "err529": 529, "err400": 400, "err401": 401}
STREAM_FAULTS = ("midstream", "drop", "empty")
REFUSALS = ("err400", "err401")
"""These last: every request is refused. Other faults meet the first request, or the first two."""
SCENARIOS = (*ANSWERS, *FAULT_STATUS, *STREAM_FAULTS)

SHELL_TOOLS = ("Bash", "bash", "run_shell_command", "exec_command", "shell_command", "shell", "execute_command", "run_shell", "sh")
NAMESPACED_TOOLS = ("list_agents", "close_agent")


@dataclass(frozen=True)
class Think:
    text: str


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Call:
    """A function call. A name with a dot is ``namespace.name``."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class FreeCall:
    """A call of a free-text (custom) tool."""

    name: str
    text: str


Step = Think | Text | Call | FreeCall


@dataclass(frozen=True)
class Tool:
    """A tool as the request declares it. ``schema`` is None for a free-text tool and for a function without parameters."""

    kind: Literal["function", "custom"]
    schema: dict[str, Any] | None = None

    @property
    def properties(self) -> dict[str, Any]:
        return (self.schema or {}).get("properties") or {}


@dataclass
class Seen:
    """What a request says, whatever its wire. ``results`` and ``calls`` are those since the last words of the user."""

    tools: dict[str, Tool] = field(default_factory=dict)
    results: list[tuple[str | None, str]] = field(default_factory=list)
    calls: list[str | None] = field(default_factory=list)
    schema: dict[str, Any] | None = None
    reasoning_back: bool = False

    def user_turn(self) -> None:
        self.results.clear()
        self.calls.clear()

    @property
    def marks(self) -> list[str]:
        return sorted({mark for _, text in self.results for mark in MARK.findall(text)})


def plan(scenario: str, seen: Seen) -> list[Step]:
    """The steps of the next answer."""
    if seen.schema is not None:
        return [Text(json.dumps(sample(seen.schema)))]
    if not seen.tools:
        return [Text("Scripted answer without tools")]
    match scenario:
        case "text":
            return [Text(PLAIN_TEXT)]
        case "long":
            return [Text("".join(f"line {number}\n" for number in range(LONG_LINES)) + "FINAL long")]
        case "patch":
            return _patch(seen)
        case "namespace":
            return _namespace(seen)
    return _shell(scenario, seen)


def _patch(seen: Seen) -> list[Step]:
    name = next((name for name in seen.tools if is_named(name, "apply_patch")), None)
    if name is None:
        return [Text(f"FINAL no-apply_patch among {_names(seen)}")]
    return [Text("FINAL patched")] if seen.results else [free_call(name, seen.tools[name], PATCH)]


def _namespace(seen: Seen) -> list[Step]:
    name = next((name for name in seen.tools if any(is_named(name, wanted) for wanted in NAMESPACED_TOOLS)), None)
    if name is None:
        return [Text(f"FINAL no-namespace-tool among {_names(seen)}")]
    if seen.results:
        return [Text(f"FINAL namespace {seen.results[0][1][:200]}")]
    return [Call(name, sample(seen.tools[name].schema or {}) or {})]


def _shell(scenario: str, seen: Seen) -> list[Step]:
    first = shell_call(seen.tools, "cat marker.txt")
    second = shell_call(seen.tools, "cat marker2.txt")
    if first is None or second is None:
        return [Text(f"FINAL no-shell-tool among {_names(seen)}")]
    done = len(seen.results)
    final = Text("FINAL " + (" ".join(seen.marks) or "no-marker"))
    match scenario:
        case "tool2":
            return [Text(f"step {done}"), first] if done < 2 else [final]
        case "parallel":
            return [final] if done else [Text("Two at once."), first, second]
        case "think":
            return [Think("Now I know."), final] if done else [Think(THOUGHT), Text("Reading."), first]
    return [final] if done else [first]


def shell_call(tools: dict[str, Tool], command: str) -> Step | None:
    """A call of whichever shell tool there is; None when there is none."""
    name = next((name for name in SHELL_TOOLS if name in tools), None)
    if name is not None:
        tool = tools[name]
        arguments = {required: sample(tool.properties.get(required)) for required in (tool.schema or {}).get("required") or []}
        key = next((key for key in ("command", "cmd", "script") if key in tool.properties), "command")
        takes_list = str((tool.properties.get(key) or {}).get("type", "")).lower() == "array"
        arguments[key] = ["bash", "-lc", command] if takes_list else command
        if "description" in tool.properties:
            arguments["description"] = "Print a file"
        return Call(name, arguments)
    # Codex' code mode: a free-text tool that takes JavaScript.
    name = next((name for name in tools if is_named(name, "exec")), None)
    if name is None:
        return None
    program = f"const r = await tools.exec_command({{cmd: {json.dumps(command)}}}); text(r.output ?? JSON.stringify(r));"
    return free_call(name, tools[name], program)


def free_call(name: str, tool: Tool, text: str) -> Step:
    """Where a gateway made a function of a free-text tool, the function's first property takes the text."""
    if tool.kind == "custom":
        return FreeCall(name, text)
    return Call(name, {next(iter(tool.properties), "input"): text})


def is_named(name: str, wanted: str) -> bool:
    """True for the name itself and for it behind a namespace, however that is joined: ``a.exec``, ``a__exec``."""
    return name == wanted or (name.endswith(wanted) and not name[-len(wanted) - 1].isalnum())


def sample(schema: Any) -> Any:
    """The smallest value that fits a JSON Schema (or Google's form of it), as far as this rig meets them."""
    if not isinstance(schema, dict):
        return "x"
    if schema.get("enum"):
        return schema["enum"][0]
    for union in ("anyOf", "oneOf"):
        if schema.get(union):
            return sample(schema[union][0])
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = (kind[0] if isinstance(kind, list) else kind).lower()
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: sample(properties.get(name)) for name in schema.get("required") or list(properties)[:3]}
    return {"array": [], "integer": 1, "number": 1, "boolean": True, "null": None}.get(kind, "scripted answer")


def _names(seen: Seen) -> str:
    return ",".join(seen.tools)[:300]
