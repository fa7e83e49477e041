"""Names and ids that every wire accepts, the same each time."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from rosetta.converters import names
from rosetta.converters.names import ToolNames
from rosetta.ir.request import CustomTool, FunctionTool, HostedTool, ToolName

NAMES = st.text(max_size=90)


@given(
    st.lists(st.tuples(NAMES, st.none() | st.sampled_from(["ns", "mcp.server", "n" * 70])), max_size=8, unique=True),
    st.sampled_from([64, 128]),
)
def test_wire_names_are_unique_and_lead_back(tools: list[tuple[str, str | None]], limit: int) -> None:
    """Every tool has a wire name of its own within charset and length, and each changed one leads back to the client's."""
    declared = [FunctionTool(name=name, namespace=namespace) for name, namespace in tools]
    made = ToolNames(declared, limit=limit)
    wire = [made.wire(name, namespace) for name, namespace in tools]
    assert len(set(wire)) == len(tools)
    for name, (client, namespace) in zip(wire, tools, strict=True):
        assert re.fullmatch(r"[A-Za-z0-9_-]+", name)
        assert len(name) <= limit
        assert made.back.get(name, ToolName(name)) == ToolName(client, namespace)
    again = ToolNames(declared, limit=limit)
    assert [again.wire(name, namespace) for name, namespace in tools] == wire


def test_a_good_name_is_left_alone() -> None:
    """Plain functions keep their names and need no way back; custom and namespaced ones do; hosted ones have no name."""
    tools = [
        FunctionTool("read_file"),
        CustomTool("patch"),
        FunctionTool("read_file", namespace="mcp"),
        HostedTool("web_search", "anthropic", {}),
    ]
    made = ToolNames(tools)
    assert [made.wire("read_file"), made.wire("patch"), made.wire("read_file", "mcp")] == ["read_file", "patch", "mcp__read_file"]
    assert made.back == {"patch": ToolName("patch", kind="custom"), "mcp__read_file": ToolName("read_file", "mcp")}


def test_a_flat_name_that_looks_namespaced_keeps_its_own() -> None:
    """A plain tool named like a flattened one wins the name; the flattened one gets another."""
    made = ToolNames([FunctionTool("b", namespace="a"), FunctionTool("a__b")])
    assert made.wire("a__b") == "a__b"
    assert made.wire("b", "a") != "a__b"


def test_history_may_call_a_tool_that_is_gone() -> None:
    """A call of an undeclared tool gets a valid name too."""
    assert ToolNames([]).wire("old.tool") == "old_tool"


@given(st.text(max_size=120), st.text(max_size=120))
def test_call_ids_are_valid_stable_and_distinct(one: str, other: str) -> None:
    """The same id gives the same id, another one another, in the charset and length of the strictest wire."""
    made = names.call_id(one)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", made)
    assert not made.endswith("_") or made == one
    assert names.call_id(made) == made
    assert (names.call_id(other) == made) == (one == other) or made in (one, other)
    assert len(names.short_id(one)) <= 64
    assert re.fullmatch(r"[A-Za-z0-9]{9}", names.mistral_id(one))


def test_a_good_id_is_left_alone() -> None:
    """Only what a wire would refuse is changed."""
    assert names.call_id("call_1-A") == "call_1-A"
    assert names.short_id("any thing: at all") == "any thing: at all"
    assert names.mistral_id("abc123XYZ") == "abc123XYZ"
