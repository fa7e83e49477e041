"""Errors, from whatever an upstream sends to what OpenAI's clients understand."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from rosetta.converters.openai_responses import CONVERTER
from rosetta.ir.errors import Failure, FailureKind


def failure(status: int, body: Any, headers: dict[str, str] | None = None) -> Failure:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return CONVERTER.decode_failure(status, headers or {}, data)


def envelope(**error: Any) -> dict[str, Any]:
    return {"error": {"message": "m", "type": "invalid_request_error", "param": None, "code": None, **error}}


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {}, "bad_request"),
        (400, {"code": "context_length_exceeded"}, "context_too_long"),
        (400, {"message": "This model's maximum context length is 8192 tokens"}, "context_too_long"),
        (400, {"code": "unsupported_parameter", "param": "top_k"}, "unsupported"),
        (400, {"code": "content_policy_violation"}, "content_policy"),
        (401, {"code": "invalid_api_key"}, "auth"),
        (402, {}, "billing"),
        (403, {"type": "permission_error"}, "permission"),
        (404, {"code": "model_not_found"}, "not_found"),
        (405, {}, "method_not_allowed"),
        (408, {}, "timeout"),
        (409, {}, "conflict"),
        (413, {}, "too_large"),
        (418, {}, "bad_request"),
        (422, {}, "unprocessable"),
        (429, {"code": "rate_limit_exceeded"}, "rate_limited"),
        (429, {"type": "tokens"}, "rate_limited"),
        (429, {"code": "insufficient_quota", "type": "insufficient_quota"}, "billing"),
        (500, {"type": "server_error"}, "upstream_error"),
        (503, {"type": "server_error"}, "overloaded"),
        (504, {"type": "server_error"}, "timeout"),
        (529, {}, "overloaded"),
    ],
)
def test_status_and_code_tell_the_kind(status: int, error: dict[str, Any], kind: str) -> None:
    """The code where it is known, else the type, else the status."""
    found = failure(status, envelope(**error))
    assert (found.kind, found.status, found.param) == (kind, status, error.get("param"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([{"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED"}}], "Quota."),
        ({"detail": "Not Found"}, "Not Found"),
        ({"detail": [{"loc": ["body"], "msg": "field required"}]}, '[{"loc":["body"],"msg":"field required"}]'),
        ({"error": "model 'x' not found"}, "model 'x' not found"),
        ({"message": "flat"}, "flat"),
        (b"<html>Bad Gateway</html>", "the upstream answered 502 without a message"),
        (b"<html><head><TITLE> 502 Bad &amp; Gateway\n</TITLE>", "502 Bad & Gateway"),
        (b"upstream connect error\nor disconnect", "upstream connect error or disconnect"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", "the upstream answered 502 without a message"),
        ({"error": None}, "the upstream answered 502 without a message"),
        ([], "the upstream answered 502 without a message"),
        ({"error": {"message": "Incorrect API key provided: sk-abcdefgh12345678."}}, "Incorrect API key provided: …."),
    ],
)
def test_any_shape_of_error_has_a_message(body: Any, message: str) -> None:
    """Google's list, FastAPI's detail, Ollama's text, a proxy's page; keys are never repeated."""
    assert failure(502, body).message == message


@pytest.mark.parametrize(
    ("headers", "error", "seconds"),
    [
        ({"retry-after": "7"}, {}, 7.0),
        ({"retry-after": "7", "retry-after-ms": "1500"}, {}, 1.5),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, {}, None),
        ({"retry-after": "-3"}, {}, None),
        ({"retry-after": "inf"}, {}, None),
        ({}, {"message": "Please try again in 1.5s."}, 1.5),
        ({}, {"message": "Please try again in 250ms."}, 0.25),
        ({}, {"details": [{"@type": "x"}, {"retryDelay": "12s"}]}, 12.0),
    ],
)
def test_the_delay_is_found_where_it_is_told(headers: dict[str, str], error: dict[str, Any], seconds: float | None) -> None:
    """Headers first, then the words, then Google's RetryInfo."""
    assert failure(429, envelope(**error), headers).retry_after_s == seconds


ENVELOPES = {
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
def test_every_kind_has_its_envelope(kind: FailureKind) -> None:
    """Status, type and code as OpenAI's; what the client must change is not to be tried again."""
    out = CONVERTER.encode_failure(Failure(kind, "m", param="input.0"), "req_1")
    status, word, code = ENVELOPES[kind]
    assert (out.status, out.body) == (status, {"error": {"message": "m", "type": word, "param": "input.0", "code": code}})
    assert ("x-should-retry" in out.headers) == (400 <= status < 500 and kind not in {"rate_limited", "conflict", "cancelled"})


def test_delays_are_whole_seconds() -> None:
    """Rounded up, as Codex gives up at once without one."""
    assert CONVERTER.encode_failure(Failure("rate_limited", "m", retry_after_s=1.2), "r").headers["retry-after"] == "2"


def test_codes_of_this_wire_are_kept_and_others_are_not() -> None:
    """A provider's own word that OpenAI's clients do not know would mislead them; our own is meant for them."""

    def code(**fields: Any) -> Any:
        return CONVERTER.encode_failure(Failure(message="m", **fields), "r").body["error"]["code"]

    assert code(kind="bad_request", code="invalid_prompt") == "invalid_prompt"
    assert code(kind="rate_limited", code="RESOURCE_EXHAUSTED") == "rate_limit_exceeded"
    assert code(kind="not_found", code="previous_response_not_found", ours=True) == "previous_response_not_found"
    assert code(kind="not_found", ours=True) is None


def test_an_upstreams_500_stays_one() -> None:
    """So that the client sees what happened; other faults of the upstream are a 502."""
    assert CONVERTER.encode_failure(Failure("upstream_error", "m", status=500), "r").status == 500
    assert CONVERTER.encode_failure(Failure("upstream_error", "m", status=501), "r").status == 502


def test_secrets_are_cut_out_of_what_is_told() -> None:
    """Whoever wrote the message."""
    body = CONVERTER.encode_failure(Failure("internal", "key sk-abcdefgh12345678 failed"), "r").body
    assert body["error"]["message"] == "key … failed"
