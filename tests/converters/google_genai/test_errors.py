"""Failures in Google's envelope, and out of whatever an upstream sends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import google.genai as genai
import google.genai.errors as sdk_errors
import google.genai.types as sdk
import httpx2
import pytest

from rosetta.converters.google_genai import CONVERTER
from rosetta.ir.errors import Failure, FailureKind

FAILURES = Path(__file__).parents[2] / "wire" / "google_genai" / "failures"

EXPECTED = {
    "array": "bad_request",
    "bad-request": "bad_request",
    "cancelled": "cancelled",
    "deadline": "timeout",
    "forbidden": "permission",
    "html": "upstream_error",
    "invalid-key": "auth",
    "missing-signature": "bad_request",
    "not-found": "not_found",
    "overloaded": "overloaded",
    "rate-limit": "rate_limited",
    "scripted-err529": "overloaded",
    "server-error": "upstream_error",
    "too-long": "context_too_long",
    "unauthenticated": "auth",
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


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (422, {"detail": [{"loc": ["x"], "msg": "m"}]}, "unprocessable", '[{"loc":["x"],"msg":"m"}]'),
        (404, {"error": "model not found"}, "not_found", "model not found"),
        (500, {"error": {"code": 503, "message": "x", "status": "UNAVAILABLE"}}, "overloaded", "x"),
        (400, {"error": {"message": "key=AIzaSyA-0123456789 is bad", "status": "INVALID_ARGUMENT"}}, "bad_request", "key=… is bad"),
        (501, {"error": {"message": "x", "status": "UNIMPLEMENTED"}}, "unsupported", "x"),
        (501, {}, "unsupported", None),
        (418, [], "bad_request", None),
        (599, None, "upstream_error", None),
        (429, {"error": {"status": ["odd"], "details": "odd", "message": 1}}, "rate_limited", None),
    ],
)
def test_errors_of_compatible_servers(status: int, body: Any, kind: str, message: str | None) -> None:
    """Lists, details, bare texts and nothing at all are read; a key that was echoed is not repeated."""
    failure = CONVERTER.decode_failure(status, {}, json.dumps(body).encode())
    assert failure.kind == kind
    assert failure.message == (message or f"the upstream answered {status} without a message")


@pytest.mark.parametrize(
    ("headers", "error", "seconds"),
    [
        ({"retry-after": "3"}, {}, 3),
        ({}, {"details": [{"@type": "google.rpc.RetryInfo", "retryDelay": "34.07s"}]}, 34.07),
        ({}, {"details": [{"retryDelay": "soon"}, 1]}, None),
        ({}, {"message": "Quota exceeded. Please retry in 12.5s."}, 12.5),
        ({"retry-after": "1"}, {"details": [{"retryDelay": "9s"}]}, 1),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], error: Any, seconds: float | None) -> None:
    """The header, else RetryInfo, else the words."""
    body = json.dumps({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Slow", **error}}).encode()
    assert CONVERTER.decode_failure(429, headers, body).retry_after_s == seconds


def raised(kind: FailureKind, **fields: Any) -> tuple[int, sdk_errors.APIError]:
    """The status that goes out for a failure, and what Google's SDK makes of the reply."""
    out = CONVERTER.encode_failure(Failure(kind, "what and why", **fields), "req_1")
    transport = httpx2.MockTransport(lambda _: httpx2.Response(out.status, json=out.body, headers=out.headers))
    client = genai.Client(api_key="k", http_options=sdk.HttpOptions(httpx_client=httpx2.Client(transport=transport)))
    with pytest.raises(sdk_errors.APIError) as caught:
        client.models.generate_content(model="m", contents="Hello")
    return out.status, caught.value


STATUS = {
    "bad_request": (400, "INVALID_ARGUMENT"),
    "unsupported": (400, "INVALID_ARGUMENT"),
    "context_too_long": (400, "INVALID_ARGUMENT"),
    "auth": (401, "UNAUTHENTICATED"),
    "billing": (429, "RESOURCE_EXHAUSTED"),
    "permission": (403, "PERMISSION_DENIED"),
    "not_found": (404, "NOT_FOUND"),
    "method_not_allowed": (405, "INVALID_ARGUMENT"),
    "conflict": (409, "ABORTED"),
    "too_large": (413, "INVALID_ARGUMENT"),
    "unprocessable": (400, "INVALID_ARGUMENT"),
    "rate_limited": (429, "RESOURCE_EXHAUSTED"),
    "content_policy": (400, "INVALID_ARGUMENT"),
    "upstream_error": (502, "INTERNAL"),
    "overloaded": (503, "UNAVAILABLE"),
    "timeout": (504, "DEADLINE_EXCEEDED"),
    "cancelled": (499, "CANCELLED"),
    "truncated": (502, "INTERNAL"),
    "internal": (500, "INTERNAL"),
}


@pytest.mark.parametrize("kind", get_args(FailureKind))
def test_every_failure_has_an_envelope(kind: FailureKind) -> None:
    """The code in the body is the status, and the SDK reads all of it."""
    status, error = raised(kind)
    assert (status, error.status) == STATUS[kind]
    assert (error.code, error.message) == (status, "what and why")


def test_details_say_where_and_when() -> None:
    """The faulty field, and the delay, which Google has no header for."""
    where = CONVERTER.encode_failure(Failure("unsupported", "no", param="contents.0"), "")
    assert where.body["error"]["details"][0]["fieldViolations"] == [{"field": "contents.0", "description": "no"}]
    when = CONVERTER.encode_failure(Failure("rate_limited", "slow", retry_after_s=1.2), "")
    assert (when.body["error"]["details"][0]["retryDelay"], when.headers) == ("2s", {"retry-after": "2"})


def test_an_upstreams_500_stays_one() -> None:
    """Its clients know what to do with it; one of ours is a bad gateway's."""
    assert CONVERTER.encode_failure(Failure("upstream_error", "x", status=500), "").status == 500
    assert CONVERTER.encode_failure(Failure("upstream_error", "x", status=500, ours=True), "").status == 502
