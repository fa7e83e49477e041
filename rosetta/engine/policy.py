"""How much loss a request may suffer before the upstream is called."""

from __future__ import annotations

from collections.abc import Sequence

from rosetta.config.schema import LossPolicy
from rosetta.ir.errors import Failure
from rosetta.ir.loss import Loss


def refusal(losses: Sequence[Loss], policy: LossPolicy) -> Failure | None:
    """The refusal that ``policy`` asks for, or None.

    ``report`` never refuses; ``contract`` refuses dropped content; ``lossless`` refuses whatever is dropped or approximated. What is emulated or
    injected never refuses.
    """
    match policy:
        case "report":
            return None
        case "contract":
            found = next((loss for loss in losses if loss.kind == "dropped" and loss.category == "content"), None)
        case "lossless":
            found = next((loss for loss in losses if loss.kind in ("dropped", "approximated")), None)
    if found is None:
        return None
    detail = f": {found.detail}" if found.detail else ""
    message = (
        f"{found.path} would be {found.kind} for this target{detail}. The loss policy is {policy}: leave it out, choose a model that takes it, "
        "or send x-rosetta-loss-policy: report"
    )
    return Failure("unsupported", message, code="unsupported_parameter", param=found.path, ours=True)
