"""The law of ids: through every pair and over two rounds, each call has one id, each result names its own call, and good ids come back as they were."""

from __future__ import annotations

import copy
from typing import Any, assert_never

import pytest

from rosetta.converters import CONVERTERS
from rosetta.ir.parts import FORMATS, Format, ToolCall
from rosetta.ir.response import Choice, Finish, Response
from tests.laws import clients, wires

PAIRS = [(client, provider) for client in FORMATS for provider in FORMATS]
GOOD = (("call_a1", "call_b2"), ("call_c3", "call_d4"))
ODD: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "good": GOOD,
    "long, alike to the last letter": (("x" * 90 + "1", "x" * 90 + "2"), ("x" * 90 + "3", "x" * 90 + "4")),
    "alike but for what wires refuse": (("call.a:1", "call.a/1"), ("call a 1", "call_a_1")),
    "foreign letters": (("kall-ü", "kall-ö"), ("呼叫", "呼出")),
    "numbers": (("0", "1"), ("2", "3")),
    "used again in the next round": (("call_a", "call_b"), ("call_a", "call_b")),
}


def spoken(provider: Format, ids: tuple[str, str]) -> dict[str, Any]:
    """The provider's answer on its wire: one call of f and one of g."""
    calls = tuple(ToolCall(id, name, '{"a":1}') for id, name in zip(ids, ("f", "g"), strict=True))
    answer = Response(provider, (Choice(0, calls, Finish("tool_calls")),), id="r", model="m")
    body: dict[str, Any] = CONVERTERS[provider].encode_response(answer, wires.reply(provider)).value
    return _with_ids(provider, body, ids)


def _with_ids(provider: Format, body: dict[str, Any], ids: tuple[str, str]) -> dict[str, Any]:
    """The same with exactly these ids, as a server may send them; the encoder would have put odd ones right."""
    body = copy.deepcopy(body)
    match provider:
        case "openai_chat":
            holders, key = body["choices"][0]["message"]["tool_calls"], "id"
        case "openai_responses":
            holders, key = [item for item in body["output"] if item["type"] == "function_call"], "call_id"
        case "anthropic":
            holders, key = [block for block in body["content"] if block["type"] == "tool_use"], "id"
        case "google_genai":
            holders, key = [part["functionCall"] for part in body["candidates"][0]["content"]["parts"] if "functionCall" in part], "id"
        case _:
            assert_never(provider)
    for holder, id in zip(holders, ids, strict=True):
        holder[key] = id
    return body


def sent_back(provider: Format, body: dict[str, Any]) -> list[tuple[list[tuple[str, str]], list[str]]]:
    """Of each round in a request: (id, name) of its calls and the ids which its results name."""
    rounds: list[tuple[list[tuple[str, str]], list[str]]] = []
    for kind, id, name in _stations(provider, body):
        if kind == "call":
            if not rounds or rounds[-1][1]:
                rounds.append(([], []))
            rounds[-1][0].append((id, name))
        else:
            rounds[-1][1].append(id)
    return rounds


def _stations(provider: Format, body: dict[str, Any]) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    match provider:
        case "openai_chat":
            for message in body["messages"]:
                found += [("call", call["id"], call["function"]["name"]) for call in message.get("tool_calls", ())]
                found += [("result", message["tool_call_id"], "")] if message["role"] == "tool" else []
        case "openai_responses":
            for item in body["input"]:
                if item.get("type") == "function_call":
                    found.append(("call", item["call_id"], item["name"]))
                elif item.get("type") == "function_call_output":
                    found.append(("result", item["call_id"], ""))
        case "anthropic":
            for message in body["messages"]:
                for block in message["content"] if isinstance(message["content"], list) else ():
                    if block["type"] == "tool_use":
                        found.append(("call", block["id"], block["name"]))
                    elif block["type"] == "tool_result":
                        found.append(("result", block["tool_use_id"], ""))
        case "google_genai":
            for content in body["contents"]:
                for part in content["parts"]:
                    if "functionCall" in part:
                        found.append(("call", part["functionCall"]["id"], part["functionCall"]["name"]))
                    elif "functionResponse" in part:
                        found.append(("result", part["functionResponse"]["id"], ""))
        case _:
            assert_never(provider)
    return found


def conversed(
    client: Format, provider: Format, rounds: tuple[tuple[str, str], tuple[str, str]], *, streamed: bool, count: int = 2
) -> tuple[list[Any], dict[str, Any]]:
    """What the client kept of ``count`` answers, and the request in which it sends the results of all of them."""
    kept = []
    for ids in rounds[:count]:
        answer = CONVERTERS[provider].decode_response(spoken(provider, ids), wires.ticket(provider)).value
        kept.append(clients.answered(client, answer, streamed=streamed))
    request = CONVERTERS[client].decode_request(clients.next_request(client, kept)).value
    return kept, CONVERTERS[provider].encode_request(request, wires.target(provider)).wire.body


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("ids", ODD.values(), ids=ODD)
@pytest.mark.parametrize(("client", "provider"), PAIRS)
def test_each_result_names_its_own_call(
    client: Format, provider: Format, ids: tuple[tuple[str, str], tuple[str, str]], streamed: bool
) -> None:
    """Four calls in two rounds have four ids, in their order, and each result goes to its own."""
    _, body = conversed(client, provider, ids, streamed=streamed)
    rounds = sent_back(provider, body)
    assert 2 == len(rounds)
    for calls, results in rounds:
        assert ["f", "g"] == [name for _, name in calls]
        assert [id for id, _ in calls] == results
    assert 4 == len({id for calls, _ in rounds for id, _ in calls})


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("client", "provider"), PAIRS)
def test_good_ids_come_back_as_they_were(client: Format, provider: Format, streamed: bool) -> None:
    """The provider sees its own ids again: its caches and logs know them."""
    _, body = conversed(client, provider, GOOD, streamed=streamed)
    assert [list(ids) for ids in GOOD] == [[id for id, _ in calls] for calls, _ in sent_back(provider, body)]


@pytest.mark.parametrize("ids", ODD.values(), ids=ODD)
@pytest.mark.parametrize(("client", "provider"), PAIRS)
def test_an_id_is_the_same_in_every_later_request(client: Format, provider: Format, ids: tuple[tuple[str, str], tuple[str, str]]) -> None:
    """What the first round was called does not change when the second is there: else the cached beginning is lost."""
    _, first = conversed(client, provider, ids, streamed=False, count=1)
    _, second = conversed(client, provider, ids, streamed=False)
    assert sent_back(provider, first) == sent_back(provider, second)[:1]
