"""``response_format`` as a type: its JSON schema goes out, an object of it comes back.

A pydantic model, or whatever msgspec can read: a Struct, a dataclass, a TypedDict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

Parse = Callable[[str], Any]


def wanted(response_format: Any) -> tuple[Any, Parse | None]:
    """The wire's ``response_format``, and the reader of the answer's text. A mapping is passed on as it is. Raises TypeError for what is neither."""
    if response_format is None or isinstance(response_format, dict):
        return response_format, None
    if not isinstance(response_format, type):
        raise TypeError(f"response_format: expected a dict or a type, got {type(response_format).__name__}")
    schema: dict[str, Any]
    parse: Parse
    kind: Any = response_format
    if hasattr(kind, "model_json_schema"):  # pydantic's, which need not be installed
        schema, parse = kind.model_json_schema(), kind.model_validate_json
    else:
        schema = _inlined(msgspec.json.schema(kind))

        def parse(text: str) -> Any:
            return msgspec.json.decode(text, type=kind)

    return {"type": "json_schema", "json_schema": {"name": kind.__name__, "schema": strict(schema), "strict": True}}, parse


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """msgspec refers to the type itself: at the root the wires want the object."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    definitions: dict[str, Any] = schema["$defs"]
    name = reference.rpartition("/")[2]
    root = dict(definitions[name])
    others = {key: value for key, value in definitions.items() if key != name}
    if reference in msgspec.json.encode(root).decode():
        others = definitions  # it holds itself
    return {**root, "$defs": others} if others else root


def strict(schema: Any) -> Any:
    """The schema as OpenAI's strict mode wants it and its package sends it: nothing unnamed, everything required, no default of null."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: strict(value) for key, value in schema.items() if (key, value) != ("default", None)}
    for table in ("properties", "$defs", "definitions"):
        if isinstance(schema.get(table), dict):
            out[table] = {name: strict(value) for name, value in schema[table].items()}
    if out.get("type") == "object" and "properties" in out:
        out["additionalProperties"] = False
        out["required"] = list(out["properties"])
    return out
