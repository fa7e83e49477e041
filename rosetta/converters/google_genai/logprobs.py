"""``logprobsResult`` ⇄ log probabilities in chat's shape: https://ai.google.dev/api/generate-content#LogprobsResult."""

from __future__ import annotations

from typing import Any

from rosetta.converters.converter import Json


def decode_logprobs(value: Any) -> list[Json]:
    """``logprobsResult`` in chat's shape."""
    if type(value) is not dict:
        return []
    chosen, top = value.get("chosenCandidates"), value.get("topCandidates")
    top = top if type(top) is list else []
    out = []
    for index, entry in enumerate(chosen if type(chosen) is list else ()):
        if type(entry) is not dict or type(entry.get("token")) is not str:
            continue
        others = top[index].get("candidates") if index < len(top) and type(top[index]) is dict else None
        out.append(
            {
                "token": entry["token"],
                "logprob": entry.get("logProbability", 0.0),
                "bytes": list(entry["token"].encode()),
                "top_logprobs": [
                    {"token": other["token"], "logprob": other.get("logProbability", 0.0), "bytes": list(other["token"].encode())}
                    for other in (others if type(others) is list else ())
                    if type(other) is dict and type(other.get("token")) is str
                ],
            }
        )
    return out


def encode_logprobs(entries: Any) -> Json | None:
    """``logprobsResult``, from chat's shape as far as it is one: servers write what they like there."""
    tokens = _objects(entries)
    if not tokens:
        return None
    result: Json = {"chosenCandidates": [_encode_token(entry) for entry in tokens]}
    if any(_objects(entry.get("top_logprobs")) for entry in tokens):
        result["topCandidates"] = [
            {"candidates": [_encode_token(other) for other in _objects(entry.get("top_logprobs"))]} for entry in tokens
        ]
    return result


def _objects(value: Any) -> list[Json]:
    return [entry for entry in value if type(entry) is dict] if type(value) is list else []


def _encode_token(entry: Json) -> Json:
    return {"token": entry.get("token", ""), "logProbability": entry.get("logprob", 0.0)}
