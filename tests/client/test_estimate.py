"""Counting and pricing."""

from __future__ import annotations

import pytest

import rosetta


def test_tokens_grow_with_what_is_said() -> None:
    short = rosetta.count_tokens([{"role": "user", "content": "hello"}], "gpt-5")
    long = rosetta.count_tokens([{"role": "user", "content": "hello " * 1000}], "gpt-5")
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}}
    assert 0 < short < rosetta.count_tokens([{"role": "user", "content": "hello"}], tools=[tool])
    assert 1000 < long < 2000
    with pytest.raises(rosetta.Malformed, match=r"messages\.0"):
        rosetta.count_tokens([3])


def test_an_image_is_not_counted_by_its_bytes() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
    assert rosetta.count_tokens([{"role": "user", "content": [image]}]) < 5000


def test_a_price() -> None:
    """Cached and newly cached tokens are part of the input; reasoning is part of the output."""
    usage = rosetta.Usage(input_uncached=600_000, cache_read=300_000, cache_write=100_000, output_total=50_000, reasoning=10_000)
    assert pytest.approx(3.0 * 1.0 + 15.0 * 0.05) == rosetta.cost(usage, input=3.0, output=15.0)
    assert pytest.approx(1.8 + 0.09 + 0.375 + 0.75) == rosetta.cost(usage, input=3, output=15, cached_input=0.3, cache_creation=3.75)
