"""Failures in Anthropic's envelope, and out of whatever an upstream sends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import anthropic
import httpx2
import pytest

from rosetta.converters.anthropic import CONVERTER
from rosetta.ir.errors import Failure, FailureKind

FAILURES = Path(__file__).parents[2] / "wire" / "anthropic" / "failures"

EXPECTED = {
    "bad-request": "bad_request",
    "billing": "billing",
    "empty": "overloaded",
    "forbidden": "permission",
    "html": "upstream_error",
    "invalid-key": "auth",
    "invalid-signature": "bad_request",
    "not-found": "not_found",
    "overloaded": "overloaded",
    "rate-limit": "rate_limited",
    "rate-limit-without-retry-after": "rate_limited",
    "server-error": "upstream_error",
    "timeout": "timeout",
    "too-large": "too_large",
    "too-long": "context_too_long",
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
    assert failure.retry_after_s == (2 if name == "rate-limit" else None)


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, '[{"error": {"message": "bad"}}]', "bad_request", "bad"),
        (422, '{"detail": [{"loc": ["x"], "msg": "m"}]}', "unprocessable", '[{"loc":["x"],"msg":"m"}]'),
        (422, '{"detail": "no"}', "unprocessable", "no"),
        (404, '{"error": "model not found"}', "not_found", "model not found"),
        (400, '{"error": {"message": "This model\'s maximum context length is 8192 tokens"}}', "context_too_long", None),
        (400, '{"error": {"message": "x", "code": "context_length_exceeded"}}', "context_too_long", "x"),
        (400, '{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}', "billing", None),
        (401, '{"error": {"message": "invalid x-api-key: sk-ant-REDACTED"}}', "auth", "invalid x-api-key: …"),
        (529, "", "overloaded", None),
        (418, "{}", "bad_request", None),
        (599, "null", "upstream_error", None),
    ],
)
def test_errors_of_compatible_servers(status: int, body: str, kind: str, message: str | None) -> None:
    """Lists, details, bare texts and nothing at all are read; a key that was echoed is not repeated."""
    failure = CONVERTER.decode_failure(status, {}, body.encode())
    assert failure.kind == kind
    assert message is None or failure.message == message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-1"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds and milliseconds are read; a date would need a clock."""
    assert CONVERTER.decode_failure(429, headers, b"{}").retry_after_s == seconds


STATUS = {
    "bad_request": (400, "invalid_request_error"),
    "unsupported": (400, "invalid_request_error"),
    "context_too_long": (400, "invalid_request_error"),
    "auth": (401, "authentication_error"),
    "billing": (402, "billing_error"),
    "permission": (403, "permission_error"),
    "not_found": (404, "not_found_error"),
    "method_not_allowed": (405, "invalid_request_error"),
    "conflict": (409, "conflict_error"),
    "too_large": (413, "request_too_large"),
    "unprocessable": (400, "invalid_request_error"),
    "rate_limited": (429, "rate_limit_error"),
    "content_policy": (400, "invalid_request_error"),
    "upstream_error": (502, "api_error"),
    "overloaded": (529, "overloaded_error"),
    "timeout": (504, "timeout_error"),
    "cancelled": (499, "api_error"),
    "truncated": (502, "api_error"),
    "internal": (500, "api_error"),
}


@pytest.mark.parametrize("kind", get_args(FailureKind))
def test_every_kind_has_its_envelope(kind: Any) -> None:
    """Status, type, message and request id are where the SDK looks for them."""
    wire = CONVERTER.encode_failure(Failure(kind, "It broke."), "req_1")
    assert (wire.status, wire.body["error"]["type"]) == STATUS[kind]
    assert wire.body["error"]["message"].endswith("It broke.")
    assert (wire.body["type"], wire.body["request_id"], wire.headers["request-id"]) == ("error", "req_1", "req_1")
    transport = httpx2.MockTransport(lambda _: httpx2.Response(wire.status, json=wire.body, headers=wire.headers))
    client = anthropic.Anthropic(api_key="test-key", base_url="http://mock", http_client=httpx2.Client(transport=transport), max_retries=0)
    with client, pytest.raises(anthropic.APIStatusError) as raised:
        client.messages.create(model="m", max_tokens=5, messages=[{"role": "user", "content": "Hello"}])
    assert raised.value.status_code == wire.status
    assert raised.value.request_id == "req_1"


def test_an_upstreams_own_500_stays_one() -> None:
    """What the provider called an internal error is passed on as that."""
    assert CONVERTER.encode_failure(Failure("upstream_error", "x", status=500), "").status == 500
    assert "request_id" not in CONVERTER.encode_failure(Failure("upstream_error", "x", status=500), "").body


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("prompt is too long: 205000 tokens > 200000 maximum", "prompt is too long: 205000 tokens > 200000 maximum"),
        (
            "This model's maximum context length is 8192 tokens. However, you requested 9,001 tokens.",
            "prompt is too long: 9001 tokens > 8192 maximum (This model's maximum context length is 8192 tokens. However, you requested 9,001 tokens.)",
        ),
        ("too much", "prompt is too long: too much"),
    ],
)
def test_claude_code_reads_that_the_prompt_is_too_long(message: str, expected: str) -> None:
    """It compacts its history when the message begins so."""
    wire = CONVERTER.encode_failure(Failure("context_too_long", message), "")
    assert wire.body["error"]["message"] == expected


def test_waiting_is_told_in_whole_seconds_and_not_for_ever() -> None:
    """Anthropic's SDK sleeps as long as it is told: past two minutes it is told not to."""
    short = CONVERTER.encode_failure(Failure("rate_limited", "x", retry_after_s=1.2), "")
    assert short.headers == {"retry-after": "2"}
    long = CONVERTER.encode_failure(Failure("rate_limited", "x", retry_after_s=3600), "")
    assert long.headers == {"retry-after": "3600", "x-should-retry": "false"}
    assert CONVERTER.encode_failure(Failure("not_found", "x"), "").headers == {"x-should-retry": "false"}
