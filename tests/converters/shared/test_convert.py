"""The functions that tools call, where they are not the engine's."""

import pytest

from rosetta.convert import convert_request
from rosetta.ir.parts import FORMATS, Format

GOOGLE = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}


@pytest.mark.parametrize("target", FORMATS)
def test_nobody_makes_up_a_model(target: Format) -> None:
    """Google's bodies name no model: the result has none rather than an empty one, and the one that is given where one is."""
    assert "model" not in convert_request(GOOGLE, "google", target).value
    named = convert_request(GOOGLE, "google", target, model="m").value
    assert named.get("model") == (None if target == "google_genai" else "m")
