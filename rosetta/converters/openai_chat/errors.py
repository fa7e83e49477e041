"""Errors ⇄ Failure: OpenAI's envelope, which its two wires share."""

from __future__ import annotations

from rosetta.converters.openai_failures import decode_failure, encode_failure, failure_of

__all__ = ["decode_failure", "encode_failure", "failure_of"]
