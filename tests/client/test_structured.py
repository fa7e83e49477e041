"""``response_format`` as a type."""

from __future__ import annotations

import dataclasses
from typing import Any, TypedDict

import msgspec
import pydantic
import pytest
from openai.lib._parsing._completions import type_to_response_format_param

import rosetta
from rosetta.client.structured import wanted
from tests.clients.upstream import Upstream
from tests.sdk.oracles import SDKS
from tests.sdk.said import Wanted


class Inner(pydantic.BaseModel):
    text: str
    count: int = 3


class Model(pydantic.BaseModel):
    inner: Inner
    many: list[Inner]
    perhaps: str | None = None


class Struct(msgspec.Struct):
    place: str
    degrees: int


class Tree(msgspec.Struct):
    name: str
    children: list[Tree]


@dataclasses.dataclass
class Data:
    place: str
    degrees: int


class Typed(TypedDict):
    place: str
    degrees: int


def test_a_pydantic_model_goes_out_as_the_openai_package_sends_it() -> None:
    assert type_to_response_format_param(Model) == wanted(Model)[0]


PLACE = {
    "type": "object",
    "properties": {"place": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["place", "degrees"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("kind", [Struct, Data, Typed])
def test_what_msgspec_reads(kind: Any) -> None:
    form, parse = wanted(kind)
    schema = {key: value for key, value in form["json_schema"]["schema"].items() if key != "title"}
    schema["required"].sort(reverse=True)  # a TypedDict has no order of its own
    assert (kind.__name__, True, PLACE) == (form["json_schema"]["name"], form["json_schema"]["strict"], schema)
    assert parse is not None
    read = parse('{"place": "Ulm", "degrees": 7}')
    assert isinstance(read, dict if kind is Typed else kind)


def test_a_type_that_holds_itself() -> None:
    """Its definition stays where the reference points."""
    schema = wanted(Tree)[0]["json_schema"]["schema"]
    assert "object" == schema["type"]
    assert {"$ref": "#/$defs/Tree"} == schema["properties"]["children"]["items"]
    assert "Tree" in schema["$defs"]


def test_an_answer_is_an_object_of_the_type(client: rosetta.Client, upstream: Upstream) -> None:
    upstream.control(scenario="text")
    hello = [{"role": "user", "content": "hello"}]
    assert Struct("echo", 1) == client.completion(model="echo", messages=hello, response_format=Struct).parsed
    assert client.completion(model="echo", messages=hello).parsed is None
    other = rosetta.Reply({"choices": [{"message": {"content": "words"}}]}, parse=wanted(Struct)[1])
    with pytest.raises(msgspec.DecodeError):
        _ = other.parsed


@pytest.mark.parametrize("model", ["up-chat", "up-responses", "up-anthropic", "up-google"])
def test_the_schema_reaches_every_wire(client: rosetta.Client, upstream: Upstream, model: str) -> None:
    upstream.control(scenario="text")
    client.completion(**SDKS["openai_chat"].asked(model, Wanted(tools=False)), response_format=Struct)
    assert '"degrees"' in msgspec.json.encode(upstream.requests[-1]["body"]).decode()
