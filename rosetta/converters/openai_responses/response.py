"""Whole answers: https://platform.openai.com/docs/api-reference/responses/object.

``encode_response(decode_response(x)) == x`` up to the ids of items, which are fresh but for reasoning, and the echo of the request, which is the client's own.
"""

from __future__ import annotations

import math
from typing import Any

from rosetta.converters.converter import Coded, Json, Malformed, Reply, Target, Ticket, UpstreamFailed
from rosetta.converters.fields import maybe_string, type_name, unknown
from rosetta.converters.losses import Losses
from rosetta.converters.names import ToolNames
from rosetta.converters.openai_responses.dialect import Dialect
from rosetta.converters.openai_responses.errors import failure_of
from rosetta.converters.openai_responses.finish import decode_finish, decode_usage, encode_finish, encode_usage, usage_losses
from rosetta.converters.openai_responses.items import Items, attach_logprobs, decode_item
from rosetta.converters.openai_responses.parts import FORMAT, Outgoing
from rosetta.converters.openai_responses.tools import encode_choice, encode_tools
from rosetta.ir.errors import Failure
from rosetta.ir.parts import Part, Refusal, Text, ToolCall
from rosetta.ir.request import Request
from rosetta.ir.response import Choice, Response

ECHO = frozenset(
    {
        "object",
        "status",
        "error",
        "incomplete_details",
        "completed_at",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "parallel_tool_calls",
        "previous_response_id",
        "conversation",
        "prompt",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "store",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
        "metadata",
        "background",
        "frequency_penalty",
        "presence_penalty",
    }
)
"""Fields of a response that say again what the request said; the client hears its own words."""

REASON = frozenset({"reason"})
_RESPONSE = ECHO | {"id", "created_at", "model", "output", "output_text", "usage", "service_tier"}
_CUT = frozenset({"message", "function_call", "custom_tool_call"})
"""The items that can be ``incomplete``."""


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_response(body: Json, ticket: Ticket) -> Coded[Response]:
    """An upstream's answer. Raises Malformed, and UpstreamFailed where the answer is that it failed."""
    losses = Losses()
    if type(body) is not dict:
        raise Malformed("", f"expected object, got {type_name(body)}")
    status = body.get("status")
    if status == "failed" or (body.get("error") is not None and status != "completed"):
        raise UpstreamFailed(failure_of(body, None))
    if status == "cancelled":
        raise UpstreamFailed(Failure("cancelled", "the upstream says that the response was cancelled"))
    output = body.get("output")
    if type(output) is not list:
        raise Malformed("output", f"expected array, got {type_name(output)}")
    parts: list[Part] = []
    logprobs: list[Any] = []
    for index, item in enumerate(output):
        decode_item(item, f"output.{index}", ticket, parts, logprobs, losses)
    details = body.get("incomplete_details")
    if type(details) is dict:
        losses.extras(unknown(details, REASON), "incomplete_details")
    called = any(isinstance(part, ToolCall) for part in parts)
    refused = any(isinstance(part, Refusal) for part in parts)
    response = Response(
        format=FORMAT,
        choices=(
            Choice(
                0,
                tuple(parts),
                decode_finish(status, details, called=called, refused=refused),
                {"content": logprobs} if logprobs else None,
            ),
        ),
        id=maybe_string(body, "id", "") or "",
        model=maybe_string(body, "model", "") or "",
        created=moment(body.get("created_at")),
        usage=decode_usage(body.get("usage")),
        service_tier=tier(body),
        extras=unknown(body, _RESPONSE),
    )
    return Coded(response, tuple(losses))


def moment(value: Any) -> int | None:
    """Unix seconds; some servers write them as a float."""
    return int(value) if type(value) in (int, float) and math.isfinite(value) else None


def tier(body: Json) -> str | None:
    """The tier that served."""
    found = body.get("service_tier")
    return found if type(found) is str else None


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_response(response: Response, reply: Reply) -> Coded[Json]:
    """An answer as a Responses client reads it."""
    losses = Losses()
    own = response.format == FORMAT
    if len(response.choices) > 1:
        losses.dropped("choices", detail=f"{len(response.choices) - 1} more answers")
    choice = response.choices[0] if response.choices else Choice(0, ())
    finish = choice.finish
    refused = any(isinstance(part, Refusal) for part in choice.parts)
    items = Items(reply, losses, own)
    for part in choice.parts:
        items.add(part)
    items.close()
    status, reason = encode_finish(finish, own=own, refused=refused, empty=not items.output, losses=losses)
    if status == "incomplete" and items.output and items.output[-1]["type"] in _CUT:
        items.output[-1]["status"] = "incomplete"
    logprobs = choice.logprobs or {}
    if logprobs.get("content") and not attach_logprobs(items.output, logprobs["content"]):
        losses.dropped("logprobs", detail="of no text")
    if logprobs.get("refusal"):
        losses.dropped("logprobs", detail="of a refusal")
    usage_losses(response.usage, losses, own=own)
    body = envelope(reply, response_id(response.id, reply, own=own), reply.model or response.model)
    body["status"] = status
    if reason is not None or status == "incomplete":
        body["incomplete_details"] = {"reason": reason}
    if status == "failed":
        body["error"] = {"code": "server_error", "message": "the model made a call that nobody can read"}
    body["output"] = items.output
    body["usage"] = encode_usage(response.usage, own=own)
    body["service_tier"] = response.service_tier
    for found, at in ((response.extras, ""), (choice.extras, choice.at)):
        if own:
            body.update(found)
        else:
            losses.extras(found, at)
    return Coded(body, tuple(losses))


def response_id(upstream: str, reply: Reply, *, own: bool) -> str:
    """This wire's own id goes on, as state may hang on it; another's is replaced."""
    return upstream if own and upstream.startswith("resp_") else reply.new_id("resp_")


def envelope(reply: Reply, identity: str, model: str) -> Json:
    """A response object without its outcome: ids, the model's name to show, and the echo of the request."""
    request = reply.request
    losses = Losses()  # the echo loses nothing that the answer needs
    dialect = Dialect(custom_tools=True, namespaces=True, openai_extras=True, verbosity=True)
    out = Outgoing(own=request.format == FORMAT, target=Target("", model, dialect, reply.new_id), names=ToolNames(()), losses=losses)
    tools = encode_tools(request, out)
    reasoning, sampling = request.reasoning, request.sampling
    text: Json = {"format": _echo_format(request)}
    if request.verbosity is not None:
        text["verbosity"] = request.verbosity
    instructions = next((turn.parts[0] for turn in request.system if turn.at == "instructions" and turn.parts), None)
    choice = encode_choice(request, tools, out)
    return {
        "id": identity,
        "object": "response",
        "created_at": reply.created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": instructions.text if isinstance(instructions, Text) else None,
        "max_output_tokens": request.max_output_tokens,
        "max_tool_calls": request.extras.get("max_tool_calls"),
        "model": model,
        "output": [],
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": request.state.previous_response_id,
        "prompt_cache_key": request.cache.key,
        "reasoning": {"effort": reasoning.effort, "summary": reasoning.summary},
        "safety_identifier": request.user,
        "service_tier": request.service_tier,
        "store": False,
        "temperature": 1.0 if sampling.temperature is None else sampling.temperature,
        "text": text,
        "tool_choice": "auto" if choice is None else choice,
        "tools": tools,
        "top_logprobs": sampling.top_logprobs or 0,
        "top_p": 1.0 if sampling.top_p is None else sampling.top_p,
        "truncation": request.extras.get("truncation") or "disabled",
        "usage": None,
        "user": None,
        "metadata": request.metadata or {},
    }


def _echo_format(request: Request) -> Json:
    output = request.output
    if output is None or output.kind == "text":
        return {"type": "text"}
    if output.kind == "json_object":
        return {"type": "json_object"}
    return {
        "type": "json_schema",
        "name": output.name or "response",
        "schema": output.schema or {},
        "strict": bool(output.strict),
        "description": output.description,
    }
