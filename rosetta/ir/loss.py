"""What a conversion could not say in the target's words. Nothing is lost silently: every such thing is one of these."""

from __future__ import annotations

from typing import Literal

import msgspec

LossKind = Literal["dropped", "approximated", "emulated", "injected"]
LossClass = Literal["content", "setting", "hint"]


class Loss(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One thing that changed its meaning or went missing.

    ``at`` is the node's path in the words of the source wire (``messages.0.content.1``), ``""`` for the request itself.
    ``field`` is the IR's word for what was lost (a key of ``FIELD_CLASS``), or an unknown field's own name. ``path`` joins both in the
    words of the source wire: ``rosetta.convert`` fills it in. ``category`` is how much it matters: ``content`` changes what the model
    reads or must do, ``setting`` how it does it, ``hint`` nothing but cost or bookkeeping.
    """

    field: str
    kind: LossKind
    category: LossClass
    at: str = ""
    detail: str = ""
    path: str = ""


# The closed vocabulary of what can be lost, and how much each matters. A field that is not here is a wire's own unknown field: setting.
FIELD_CLASS: dict[str, LossClass] = {
    # content
    "part": "content",
    "text": "content",
    "image": "content",
    "audio": "content",
    "video": "content",
    "document": "content",
    "refusal": "content",
    "tool": "content",
    "tool_call": "content",
    "tool_result": "content",
    "tool_choice": "content",
    "arguments": "content",
    "is_error": "content",
    "system": "content",
    "schema": "content",
    "output": "content",
    "seal": "content",
    "reasoning_text": "content",
    "n": "content",
    "choices": "content",
    "state": "content",
    "compaction": "content",
    "prefill": "content",
    "prompt": "content",
    # setting
    "hosted_tool": "setting",
    "temperature": "setting",
    "top_p": "setting",
    "top_k": "setting",
    "seed": "setting",
    "presence_penalty": "setting",
    "frequency_penalty": "setting",
    "logit_bias": "setting",
    "logprobs": "setting",
    "top_logprobs": "setting",
    "max_output_tokens": "setting",
    "stop": "setting",
    "parallel_tool_calls": "setting",
    "strict": "setting",
    "grammar": "setting",
    "namespace": "setting",
    "deferred": "setting",
    "effort": "setting",
    "budget": "setting",
    "reasoning": "setting",
    "visible": "setting",
    "summary": "setting",
    "detail": "setting",
    "name": "setting",
    "filename": "setting",
    "tool_name": "setting",
    "call_id": "setting",
    "title": "setting",
    "context": "setting",
    "citations": "setting",
    "citable": "setting",
    "modalities": "setting",
    "include": "setting",
    "order": "setting",
    "store": "setting",
    "background": "setting",
    "raw": "setting",
    "finish": "setting",
    "phase": "setting",
    "role": "setting",
    "transcript": "setting",
    # hint
    "cache": "hint",
    "cache_key": "hint",
    "cache_retention": "hint",
    "verbosity": "hint",
    "service_tier": "hint",
    "user": "hint",
    "metadata": "hint",
    "context_management": "hint",
    "system.x-anthropic-billing-header": "hint",
    "betas": "hint",
    "client_metadata": "hint",
    "stream_options": "hint",
    "prompt_cache_options": "hint",
    "reasoning.context": "hint",
    "usage": "hint",
}
