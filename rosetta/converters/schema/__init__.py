"""JSON Schema in each target's dialect: https://json-schema.org/draft/2020-12, and what each vendor takes of it.

Pure functions. The caller's schema is never changed and is given back itself, the same object, when nothing in it needs changing. Equal input
gives equal output, key order included: a schema is part of the prompt that providers cache. Any JSON is survived: what is no schema is left alone,
what is deeper than ``DEPTH_LIMIT`` too.

    plain                 OpenAI, and any server that takes JSON Schema
    anthropic             Anthropic ``input_schema``: the root is an object without alternatives
    anthropic_strict      Anthropic ``output_config.format`` and strict tools: a subset, the rest goes into descriptions as words
    openai_strict         whether OpenAI's strict mode takes the schema as it is (it is never rewritten for that)
    google_json_schema    Google ``parametersJsonSchema``, ``responseJsonSchema``
    google_openapi        Google ``parameters``, ``responseSchema``: a subset of OpenAPI 3.0, the rest goes into descriptions as words
    from_google           Google ``parameters`` -> JSON Schema
"""

from __future__ import annotations

from rosetta.converters.schema.anthropic_subset import anthropic, anthropic_strict
from rosetta.converters.schema.cleaning import plain
from rosetta.converters.schema.google_subset import from_google, google_json_schema, google_openapi
from rosetta.converters.schema.keywords import DEPTH_LIMIT, Schema
from rosetta.converters.schema.openai_subset import openai_strict

__all__ = [
    "DEPTH_LIMIT",
    "Schema",
    "anthropic",
    "anthropic_strict",
    "from_google",
    "google_json_schema",
    "google_openapi",
    "openai_strict",
    "plain",
]
