"""Makes a captured request fit to publish: no vendor prompt, no key, no machine, yet still a valid request.

Long strings are cut to their beginning. What a converter or a provider reads closely stays whole or stays valid: ids, signatures, JSON Schema
keywords, grammars, and JSON within strings.
"""

import json
import re
from typing import Any

RANDOM_ID = re.compile(r"\b[0-9a-f]{24}\b|(?<=_)[0-9a-f]{24}\b")

LONGEST_STRING = 120
KEPT_CHARACTERS = 60

WHOLE_KEYS = {
    "id",
    "call_id",
    "tool_use_id",
    "tool_call_id",
    "signature",
    "thoughtSignature",
    "thought_signature",
    "encrypted_content",
    "data",
    "$ref",
}
JSON_KEYS = {"arguments", "user_id", "x-codex-turn-metadata"}
SHORT_GRAMMARS = {"lark": "start: /[\\s\\S]+/", "regex": "[\\s\\S]+"}

KEPT_HEADERS = {
    "accept",
    "anthropic-beta",
    "anthropic-version",
    "content-type",
    "openai-beta",
    "originator",
    "user-agent",
    "x-app",
    "x-codex-beta-features",
    "x-goog-api-client",
    "x-stainless-helper-method",
    "x-stainless-lang",
}
KEY_HEADERS = {"authorization": "Bearer test-key", "x-api-key": "test-key", "x-goog-api-key": "test-key"}

MACHINE = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "00000000-0000-4000-8000-000000000000"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "0" * 64),
    (re.compile(r"(OS Version|Platform|Kernel|My operating system is): [^\n]*"), r"\1: linux"),
    (re.compile(r"(Linux|Debian) \d+[^\s\";)]*"), "Linux 6.0"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:8765"),
    (re.compile(r"MARK-[0-9a-f]{8}"), "MARK-0123abcd"),
    (re.compile(r"PGID: \d+"), "PGID: 1234"),
    (re.compile(r"/root\b"), "/home/user"),
)


def headers(captured: dict[str, str]) -> dict[str, str]:
    """Lower-case names; keys replaced, whatever identifies a session left out."""
    lower = {name.lower(): value for name, value in captured.items()}
    kept = {name: machine_free(value) for name, value in lower.items() if name in KEPT_HEADERS}
    return kept | {name: value for name, value in KEY_HEADERS.items() if name in lower}


def machine_free(text: str, places: tuple[tuple[str, str], ...] = ()) -> str:
    """``places`` are (path of this machine, path to publish) pairs, the longest path first."""
    for here, there in places:
        text = text.replace(here, there)
    for pattern, replacement in MACHINE:
        text = pattern.sub(replacement, text)
    return text


def body(value: Any, places: tuple[tuple[str, str], ...] = (), key: str = "") -> Any:
    """A copy of a request body with every string fit to publish."""
    match value:
        case dict():
            if value.get("syntax") in SHORT_GRAMMARS and isinstance(value.get("definition"), str):
                value = {**value, "definition": SHORT_GRAMMARS[value["syntax"]]}
            return {name: body(item, places, name) for name, item in value.items()}
        case list():
            return [body(item, places, key) for item in value]
        case str():
            return string(machine_free(value, places), key)
    return value


def string(text: str, key: str) -> str:
    if len(text) <= LONGEST_STRING or key in WHOLE_KEYS:
        return text
    if key in JSON_KEYS:
        try:
            return json.dumps(body(json.loads(text)), separators=(",", ":"), ensure_ascii=False)
        except ValueError:
            return "{}"
    if key == "pattern":
        return ".*"
    return text[:KEPT_CHARACTERS] + "…"
