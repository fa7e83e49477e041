"""What a target of this wire accepts. Catalog and model rows fill it in; the defaults fit an unknown current Gemini model."""

from __future__ import annotations

from typing import Literal

from rosetta.converters import dialect


class Dialect(dialect.Dialect, frozen=True, forbid_unknown_fields=True):
    """One server's or model family's reading of Google generateContent."""

    schemas: Literal["json_schema", "openapi"] = "json_schema"
    """``parametersJsonSchema``/``responseJsonSchema`` (Gemini 2.0 and later), or the old OpenAPI subset."""
    thinking: Literal["level", "budget", "none"] = "level"
    """thinkingLevel (Gemini 3), thinkingBudget (2.5), or no thinkingConfig at all."""
    levels: tuple[Literal["MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"], ...] = ("LOW", "MEDIUM", "HIGH")
    thinking_off: bool = False
    """Budget models: budget 0 is accepted."""
    budget_min: int = 0
    budget_max: int = 24576
    call_ids: bool = True
    """``id`` on functionCall and functionResponse is accepted (Gemini 3; older models answer 400)."""
    signatures: Literal["required", "optional"] = "optional"
    """``required``: the first call of each step needs a thoughtSignature (Gemini 3); where none is left the documented skip value is sent."""
    sampling: bool = True
    penalties: bool = True
    candidates: bool = True
    """candidateCount above 1 is accepted."""
    tools_with_json: bool = True
    """Function tools together with a JSON response type are accepted."""
    hosted_tools: tuple[str, ...] = ("web_search", "code_execution", "web_fetch")
    link_media: bool = False
    """fileData takes any https address (not only the Files API, gs:// and YouTube)."""
    result_media: bool = True
    """functionResponse.parts may hold media (Gemini 3)."""
    name_limit: int = 64
