"""Failures in OpenAI's envelope, and out of whatever a compatible server sends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import httpx2
import openai
import pytest

from rosetta.converters.openai_chat import CONVERTER
from rosetta.ir.errors import Failure, FailureKind

FAILURES = Path(__file__).parents[2] / "wire" / "openai_chat" / "failures"

EXPECTED = {
    "bad-request": "unsupported",
    "context-length": "context_too_long",
    "empty": "overloaded",
    "fastapi-detail": "unprocessable",
    "forbidden": "permission",
    "google-list": "bad_request",
    "html": "upstream_error",
    "invalid-key": "auth",
    "model-not-found": "not_found",
    "ollama-string": "not_found",
    "overloaded": "overloaded",
    "quota": "billing",
    "rate-limit": "rate_limited",
    "rate-limit-without-retry-after": "rate_limited",
    "scripted-err529": "overloaded",
    "server-error": "upstream_error",
    "vllm-flat": "bad_request",
}


@pytest.mark.parametrize(("name", "kind"), EXPECTED.items())
def test_recorded_failures(name: str, kind: str) -> None:
    """Every documented error is its kind, whatever its body is made of."""
    fixture = json.loads((FAILURES / f"{name}.json").read_bytes())
    body = fixture["body"]
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    failure = CONVERTER.decode_failure(fixture["status"], fixture["headers"], data)
    assert (failure.kind, failure.status) == (kind, fixture["status"])
    assert failure.message


BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (
            400,
            [{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": [BAD_KEY]}}],
            "auth",
            None,
        ),
        (422, {"detail": "no"}, "unprocessable", "no"),
        (400, {"error": {"message": "Prompt is too long"}}, "context_too_long", None),
        (422, {"detail": "exceeds the maximum context"}, "context_too_long", None),
        (401, {"error": {"message": "Incorrect API key: sk-proj-0123456789"}}, "auth", "Incorrect API key: …"),
        (503, {"error": {"code": "model_not_found", "message": "no channel"}}, "overloaded", None),
        (400, {"error": {"code": "content_filter", "message": "x"}}, "content_policy", None),
        (402, {"error": {"message": "Pay", "code": 402}}, "billing", "Pay"),
        (501, {"error": {"message": "x"}}, "unsupported", None),
        (418, {}, "bad_request", "the upstream answered 418 without a message"),
        (599, None, "upstream_error", "the upstream answered 599 without a message"),
        (400, {"error": {"message": ["odd"], "type": 1, "param": 2, "code": 3}}, "bad_request", None),
    ],
)
def test_errors_of_compatible_servers(status: int, body: Any, kind: str, message: str | None) -> None:
    """Lists, details, bare texts and nothing at all are read; a key that was echoed is not repeated."""
    failure = CONVERTER.decode_failure(status, {}, json.dumps(body).encode())
    assert failure.kind == kind
    assert message is None or failure.message == message


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"retry-after": "2", "retry-after-ms": "1500"}, "", 1.5),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, "", None),
        ({}, "Please try again in 1.5s.", 1.5),
        ({}, "Please try again in 20ms.", 0.02),
        ({}, "Please try again in 1m2.5s. Visit us.", 62.5),
        ({}, "Please try again in 2h3m.", 7380.0),
        ({}, "Please try again in a while.", None),
        ({}, "Later.", None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], message: str, seconds: float | None) -> None:
    """Seconds and milliseconds, in headers or in words; a date would need a clock."""
    body = json.dumps({"error": {"message": message}}).encode()
    assert CONVERTER.decode_failure(429, headers, body).retry_after_s == seconds


STATUS: dict[FailureKind, tuple[int, str, str | None]] = {
    "bad_request": (400, "invalid_request_error", None),
    "unsupported": (400, "invalid_request_error", "unsupported_parameter"),
    "context_too_long": (400, "invalid_request_error", "context_length_exceeded"),
    "auth": (401, "invalid_request_error", "invalid_api_key"),
    "billing": (429, "insufficient_quota", "insufficient_quota"),
    "permission": (403, "permission_error", None),
    "not_found": (404, "invalid_request_error", "model_not_found"),
    "method_not_allowed": (405, "invalid_request_error", None),
    "conflict": (409, "invalid_request_error", None),
    "too_large": (413, "invalid_request_error", None),
    "unprocessable": (422, "invalid_request_error", None),
    "rate_limited": (429, "rate_limit_error", "rate_limit_exceeded"),
    "content_policy": (400, "invalid_request_error", "content_policy_violation"),
    "upstream_error": (502, "server_error", "upstream_unavailable"),
    "overloaded": (503, "server_error", "overloaded"),
    "timeout": (504, "server_error", None),
    "cancelled": (499, "server_error", None),
    "truncated": (502, "server_error", "upstream_unavailable"),
    "internal": (500, "server_error", None),
}


@pytest.mark.parametrize("kind", get_args(FailureKind))
def test_every_failure_has_an_envelope(kind: FailureKind) -> None:
    """OpenAI's SDK reads its fields, and asks again only where that may help."""
    out = CONVERTER.encode_failure(Failure(kind, "what and why", param="messages.0"), "req_1")
    asked = 0

    def answer(_: httpx2.Request) -> httpx2.Response:
        nonlocal asked
        asked += 1
        return httpx2.Response(out.status, json=out.body, headers={**out.headers, "retry-after-ms": "1"})

    client = openai.OpenAI(
        api_key="k", base_url="http://upstream/v1", max_retries=1, http_client=httpx2.Client(transport=httpx2.MockTransport(answer))
    )
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hello"}])
    assert (out.status, caught.value.type, caught.value.code) == STATUS[kind]
    assert caught.value.param == "messages.0"
    again = {"conflict", "rate_limited", "upstream_error", "overloaded", "timeout", "truncated", "internal"}
    assert asked == (2 if kind in again else 1)


def test_a_providers_own_code_is_kept_where_clients_know_it() -> None:
    """Others say nothing to them; a model that is not routed here has no code of OpenAI's."""
    assert CONVERTER.encode_failure(Failure("bad_request", "x", code="invalid_prompt"), "").body["error"]["code"] == "invalid_prompt"
    assert CONVERTER.encode_failure(Failure("bad_request", "x", code="E42"), "").body["error"]["code"] is None
    assert CONVERTER.encode_failure(Failure("not_found", "x", ours=True), "").body["error"]["code"] is None


def test_a_secret_is_not_repeated() -> None:
    """Whoever put it into the message."""
    assert CONVERTER.encode_failure(Failure("auth", "bad key sk-0123456789"), "").body["error"]["message"] == "bad key …"
