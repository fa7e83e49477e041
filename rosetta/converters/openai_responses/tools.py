"""Tools, the choice of them, calls and results: https://platform.openai.com/docs/guides/function-calling.

Codex declares tools in three shapes: functions and a ``namespace``, a free-form ``custom`` tool with a grammar beside ``tool_search``, or no ``tools`` at
all and an ``additional_tools`` item that holds namespaces of both kinds. All become the IR's flat list.
"""

from __future__ import annotations

from typing import Any, assert_never

from rosetta.converters import custom, schema
from rosetta.converters.converter import Json, Malformed
from rosetta.converters.fields import Fields, string, type_name, unknown
from rosetta.converters.losses import Losses
from rosetta.converters.names import NAMESPACE_SEPARATOR, ToolNames
from rosetta.converters.openai_responses.parts import FORMAT, Outgoing
from rosetta.ir.parts import NO_EXTRAS
from rosetta.ir.request import CustomTool, FunctionTool, Grammar, HostedTool, Namespace, Request, Tool, ToolChoice, ToolName

_FORMAT = frozenset({"type", "syntax", "definition"})
_ALLOWED = frozenset({"type", "mode", "tools"})
_CHOSEN = frozenset({"type", "name", "namespace"})
_MODES = {"auto", "none", "required"}


# ------------------------------------------------------------------------------------------------------------------------ tools in


class Declared:
    """The tools of a request, from ``tools`` and from ``additional_tools`` items: their union in order, where a later one of the same name wins."""

    __slots__ = ("_places", "losses", "namespaces", "tools")

    def __init__(self, losses: Losses) -> None:
        self.losses = losses
        self.tools: list[Tool] = []
        self.namespaces: dict[str, Namespace] = {}
        self._places: dict[tuple[str | None, str], int] = {}

    def read(self, tools: list[Any], at: str) -> None:
        """Add a list of tools that stands at ``at``."""
        for index, tool in enumerate(tools):
            self._read(tool, f"{at}.{index}", None)

    def _read(self, tool: Any, at: str, namespace: str | None) -> None:
        if type(tool) is not dict:
            raise Malformed(at, f"expected object, got {type_name(tool)}")
        match kind := string(tool, "type", at):
            case "function":
                self._add(_decode_function(tool, at, namespace))
            case "custom":
                self._add(_decode_custom(tool, at, namespace, self.losses))
            case "namespace" if namespace is None:
                self._namespace(tool, at)
            case _:
                if namespace is not None:
                    self.losses.dropped("namespace", at, "only functions and custom tools have one")
                self.tools.append(HostedTool(HOSTED.get(kind, kind), FORMAT, tool, at))

    def _add(self, tool: FunctionTool | CustomTool) -> None:
        key = (tool.namespace, tool.name)
        place = self._places.get(key)
        if place is None:
            self._places[key] = len(self.tools)
            self.tools.append(tool)
        else:
            self.tools[place] = tool

    def _namespace(self, value: Json, at: str) -> None:
        fields = Fields(value, at)
        fields.drop("type")
        name = fields.take("name", str)
        if not name:
            raise Malformed(f"{at}.name", "expected a name, got an empty string")
        description = fields.maybe("description", str) or ""
        tools = fields.maybe("tools", list) or []
        extras = {key: found for key, found in fields.rest().items() if found is not None}
        self.namespaces[name] = Namespace(name, description, at, extras or NO_EXTRAS)
        for index, tool in enumerate(tools):
            self._read(tool, f"{at}.tools.{index}", name)


def _decode_function(tool: Json, at: str, namespace: str | None) -> FunctionTool:
    fields = Fields(tool, at)
    fields.drop("type")
    name = _name(fields)
    description = fields.maybe("description", str)
    parameters = fields.maybe("parameters", dict)
    strict = fields.maybe("strict", bool)
    deferred = fields.maybe("defer_loading", bool)
    extras = {key: found for key, found in fields.rest().items() if found is not None}
    return FunctionTool(
        name, description, parameters, at, strict=strict, namespace=namespace, deferred=deferred, extras=extras or NO_EXTRAS
    )


def _decode_custom(tool: Json, at: str, namespace: str | None, losses: Losses) -> CustomTool:
    fields = Fields(tool, at)
    fields.drop("type")
    name = _name(fields)
    description = fields.maybe("description", str)
    form = fields.maybe("format", dict)
    deferred = fields.maybe("defer_loading", bool)
    extras = {key: found for key, found in fields.rest().items() if found is not None}
    grammar = None
    if form is not None and form.get("type") == "grammar":
        grammar = Grammar(string(form, "syntax", f"{at}.format"), string(form, "definition", f"{at}.format"))
    elif form is not None and form.get("type") != "text":
        extras["format"] = form
    if form is not None and "format" not in extras:
        losses.extras(unknown(form, _FORMAT), f"{at}.format")
    return CustomTool(name, description, grammar, at, namespace, deferred, extras or NO_EXTRAS)


def _name(fields: Fields) -> str:
    name = fields.take("name", str)
    if not name:
        raise Malformed(f"{fields.path}.name", "expected a name, got an empty string")
    return name


# ------------------------------------------------------------------------------------------------------------------------ tools out

HOSTED = {
    "web_search": "web_search",
    "web_search_2025_08_26": "web_search",
    "web_search_preview": "web_search",
    "web_search_preview_2025_03_11": "web_search",
    "code_interpreter": "code_execution",
}
"""The wire's types -> the IR's words; a type that is not here is its own word."""


def wire_names(request: Request, out_namespaces: bool) -> ToolNames:
    """The names of the tools on the wire; where the target has namespaces, a namespaced tool keeps its own."""
    if not out_namespaces:
        return ToolNames(request.tools)
    return ToolNames([tool for tool in request.tools if isinstance(tool, HostedTool) or tool.namespace is None])


def ticket_names(request: Request, out: Outgoing) -> dict[str, ToolName]:
    """Wire name -> the client's tool, for the answer. A custom tool inside a namespace of the wire stands under ``namespace__name``."""
    names = dict(out.names.back)
    if out.dialect.namespaces and not out.dialect.custom_tools:
        for tool in request.tools:
            if isinstance(tool, CustomTool) and tool.namespace is not None:
                names[f"{tool.namespace}{NAMESPACE_SEPARATOR}{tool.name}"] = ToolName(tool.name, tool.namespace, "custom")
    return names


def encode_tools(request: Request, out: Outgoing) -> list[Json]:
    """``tools``."""
    wire: list[Json] = []
    groups: dict[str, Json] = {}
    if not out.dialect.namespaces:
        for namespace in request.namespaces:
            if namespace.description:
                out.losses.dropped("namespace", namespace.at, "its description; the tools stand alone")
            out.losses.extras(namespace.extras, namespace.at)
    spaces = {namespace.name: namespace for namespace in request.namespaces}
    for tool in request.tools:
        encoded = _encode_tool(tool, out)
        if encoded is None:
            continue
        space = None if isinstance(tool, HostedTool) else tool.namespace
        if space is None or not out.dialect.namespaces:
            wire.append(encoded)
            continue
        group = groups.get(space)
        if group is None:
            known = spaces.get(space) or Namespace(space)
            group = groups[space] = {"type": "namespace", "name": space, "description": known.description, "tools": []}
            out.extras(group, known.extras, known.at)
            wire.append(group)
        group["tools"].append(encoded)
    for name, empty in spaces.items():
        if out.dialect.namespaces and name not in groups:
            out.losses.dropped("namespace", empty.at, "no tool of it is left")
    return wire


def _encode_tool(tool: Tool, out: Outgoing) -> Json | None:
    match tool:
        case FunctionTool():
            return _encode_function(tool, out)
        case CustomTool():
            return _encode_custom(tool, out)
        case HostedTool():
            return _encode_hosted(tool, out)
        case _:
            assert_never(tool)


def wire_name(name: str, namespace: str | None, out: Outgoing) -> str:
    """The name to write."""
    return name if namespace is not None and out.dialect.namespaces else out.names.wire(name, namespace)


def _encode_function(tool: FunctionTool, out: Outgoing) -> Json:
    wire: Json = {"type": "function", "name": wire_name(tool.name, tool.namespace, out)}
    if tool.description is not None:
        wire["description"] = tool.description
    wire["parameters"] = schema.plain(tool.schema, foreign=not out.own)
    strict = _strict(tool, out)
    if strict is not None:
        wire["strict"] = strict
    _encode_deferred(wire, tool, out)
    if tool.cache is not None:
        out.losses.dropped("cache", tool.at)
    out.extras(wire, tool.extras, tool.at)
    return wire


def _strict(tool: FunctionTool, out: Outgoing) -> bool | None:
    if not out.dialect.strict:
        if tool.strict:
            out.losses.dropped("strict", tool.at)
        return None
    if out.own:
        return tool.strict
    # Left out it would mean "try strict", which makes optional properties required.
    if tool.strict and tool.schema is not None and not schema.openai_strict(tool.schema):
        out.losses.approximated("strict", tool.at, "the schema does not fit strict mode")
        return False
    return bool(tool.strict)


def _encode_deferred(wire: Json, tool: FunctionTool | CustomTool, out: Outgoing) -> None:
    if tool.deferred is None:
        return
    if out.own and out.dialect.openai_extras:
        wire["defer_loading"] = tool.deferred
    elif tool.deferred:
        out.losses.approximated("deferred", tool.at, "sent from the beginning")


def _encode_custom(tool: CustomTool, out: Outgoing) -> Json:
    name = wire_name(tool.name, tool.namespace, out)
    wire: Json
    if out.dialect.custom_tools:
        wire = {"type": "custom", "name": name}
        if tool.description is not None:
            wire["description"] = tool.description
        if tool.grammar is not None:
            wire["format"] = {"type": "grammar", "syntax": tool.grammar.syntax, "definition": tool.grammar.definition}
    else:
        out.losses.emulated("tool" if tool.grammar is None else "grammar", tool.at, "a function with one string")
        wire = {"type": "function", "name": name, "description": custom.description(tool), "parameters": custom.schema()}
        if out.dialect.strict:
            wire["strict"] = False
    _encode_deferred(wire, tool, out)
    if out.dialect.custom_tools:
        out.extras(wire, tool.extras, tool.at)
    else:
        out.losses.extras(tool.extras, tool.at)
    return wire


_LOCATION = frozenset({"type", "approximate"})


def _encode_hosted(tool: HostedTool, out: Outgoing) -> Json | None:
    if tool.kind not in out.dialect.hosted_tools and not (out.own and out.dialect.openai_extras):
        out.losses.dropped("hosted_tool", tool.at, tool.kind)
        return None
    if tool.format == FORMAT:
        return tool.data
    wire: Json
    if tool.kind == "web_search":
        data, used = _settings(tool)
        wire = {"type": "web_search"}
        if type(domains := data.get("allowed_domains")) is list:
            wire["filters"] = {"allowed_domains": domains}
        location = data.get("user_location")
        if type(location) is dict:
            nested = location.get("approximate")
            if type(nested) is dict:
                out.losses.extras({f"user_location.{key}": found for key, found in unknown(location, _LOCATION).items()}, tool.at)
            wire["user_location"] = {"type": "approximate", **nested} if type(nested) is dict else location
        if type(size := data.get("search_context_size")) is str:
            wire["search_context_size"] = size
        used |= {"allowed_domains", "user_location", "search_context_size"}
    elif tool.kind == "code_execution":
        data, used = _settings(tool)
        wire = {"type": "code_interpreter", "container": {"type": "auto"}}
    else:
        out.losses.dropped("hosted_tool", tool.at, tool.kind)
        return None
    out.losses.extras({key: value for key, value in data.items() if key not in used and value not in (None, {}, [])}, tool.at)
    return wire


def _settings(tool: HostedTool) -> tuple[Json, set[str]]:
    """A foreign hosted tool's settings, and the names which every such tool has. Google's and chat's stand one level deeper."""
    data = tool.data
    if "type" not in data and len(data) == 1:
        inner = next(iter(data.values()))
        if type(inner) is dict:
            data = inner
    return data, {"type", "name", "cache_control"}


# ------------------------------------------------------------------------------------------------------------------------ choice


def decode_choice(value: Any, losses: Losses) -> ToolChoice | None:
    """``tool_choice``."""
    if value is None:
        return None
    if type(value) is str:
        if value not in _MODES:
            raise Malformed("tool_choice", f"expected auto, none, required or an object, got {value!r}")
        return ToolChoice(value)  # type: ignore[arg-type] # one of the three, as just checked
    if type(value) is not dict:
        raise Malformed("tool_choice", f"expected str or object, got {type_name(value)}")
    kind = string(value, "type", "tool_choice")
    if kind == "allowed_tools":
        mode = value.get("mode")
        tools = value.get("tools")
        if type(tools) is not list:
            raise Malformed("tool_choice.tools", f"expected array, got {type_name(tools)}")
        names = [_chosen(tool) for tool in tools if type(tool) is dict]
        known = tuple([name for name in names if name is not None])
        whole = len(known) == len(tools) and known
        if whole:
            losses.extras(unknown(value, _ALLOWED), "tool_choice")
            for index, tool in enumerate(tools):
                losses.extras(unknown(tool, _CHOSEN), f"tool_choice.tools.{index}")
        return ToolChoice(
            "required" if mode == "required" else "auto",
            known,
            hosted=None if whole else value,
            format=None if whole else FORMAT,
        )
    name = _chosen(value)
    if name is not None:
        losses.extras(unknown(value, _CHOSEN), "tool_choice")
        return ToolChoice("required", (name,))
    if kind in {"function", "custom"}:
        raise Malformed("tool_choice.name", "expected str, got null or nothing")
    return ToolChoice("required", hosted=value, format=FORMAT)


def _chosen(tool: Json) -> ToolName | None:
    kind, name, namespace = tool.get("type"), tool.get("name"), tool.get("namespace")
    if type(name) is not str or kind not in ("function", "custom"):
        return None
    return ToolName(name, namespace if type(namespace) is str else None, "custom" if kind == "custom" else "function")


def encode_choice(request: Request, wire_tools: list[Json], out: Outgoing) -> Any:
    """``tool_choice``, None to leave it out."""
    choice = request.tool_choice
    if choice is None:
        return None
    if not wire_tools:
        if choice.mode == "required":
            out.losses.approximated("tool_choice", detail="there is no tool to choose")
        return None
    if not out.own:
        out.losses.extras(choice.extras)
    if choice.hosted is not None:
        if choice.format == FORMAT:
            return choice.hosted
        out.losses.approximated("tool_choice", detail="the tool is not known here")
        return choice.mode
    if not choice.names:
        return choice.mode
    if choice.mode == "none":
        return "none"
    names = [_encode_chosen(name, out) for name in choice.names]
    if len(names) == 1 and choice.mode == "required":
        return names[0]
    return {"type": "allowed_tools", "mode": choice.mode, "tools": names}


def _encode_chosen(name: ToolName, out: Outgoing) -> Json:
    kind = "custom" if name.kind == "custom" and out.dialect.custom_tools else "function"
    wire: Json = {"type": kind, "name": wire_name(name.name, name.namespace, out)}
    if name.namespace is not None and out.dialect.namespaces:
        wire["namespace"] = name.namespace
    return wire
