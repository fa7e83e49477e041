"""Envelopes of opaque state; the law that state survives every loop is in tests/laws/test_seals.py."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosetta.converters import seals
from rosetta.converters.converter import Target
from rosetta.ir.parts import FORMATS, Format, Seal
from tests.laws import strategies

ANY = st.builds(
    Seal,
    kind=st.sampled_from(sorted(seals.HOME)),
    value=st.text(st.characters(codec="utf-8"), max_size=30),
    provider=st.just("p"),
    model=st.text(st.characters(codec="utf-8"), max_size=5),
    item_id=st.none() | st.just("rs_1"),
    bound=st.sampled_from(["reasoning", "part"]),
    texts=st.lists(strategies.texts, max_size=3).map(tuple),
)


@given(st.lists(ANY, min_size=1, max_size=3))
def test_an_envelope_opens_to_what_was_put_in(given_seals: list[Seal]) -> None:
    """Plain or as base64, and whatever alphabet and padding a client's library rewrote it to."""
    plain, coded = seals.wrap(given_seals), seals.wrap_base64(given_seals)
    assert plain is not None
    assert coded is not None
    assert seals.unwrap(plain) == tuple(given_seals)
    assert seals.unwrap(coded) == tuple(given_seals)
    assert seals.unwrap(coded.replace("+", "-").replace("/", "_").rstrip("=")) == tuple(given_seals)
    assert coded.startswith(seals.PREFIX_BASE64)
    assert base64.b64decode(coded, validate=True).decode() == plain


@given(
    st.text(max_size=40)
    | st.text(max_size=40).map(lambda tail: seals.PREFIX + tail)
    | st.text(max_size=40).map(lambda tail: "cnN0MS4" + tail)
)
def test_anything_else_is_no_envelope(value: str) -> None:
    """A foreign value, or an envelope that was damaged, is never an error and never a seal made up."""
    assert seals.unwrap(value) in (None, ())


def test_a_damaged_envelope_is_no_envelope() -> None:
    """One that lost its tail on the way does not open."""
    envelope = seals.wrap([Seal("signature", "abc", provider="p", model="m")])
    assert envelope is not None
    assert seals.unwrap(envelope[:-5]) is None


def test_an_envelope_too_large_for_a_client_is_not_written() -> None:
    """Past the limit there is no envelope, and the caller reports the loss."""
    assert seals.wrap([Seal("encrypted", "x" * seals.SEAL_LIMIT_BYTES, provider="p", model="m")]) is None
    assert seals.wrap_base64([Seal("encrypted", "x" * seals.SEAL_LIMIT_BYTES, provider="p", model="m")]) is None


def test_what_is_no_envelope_is_the_clients_own() -> None:
    """A bare value is a seal of the client's wire, without a maker."""
    assert seals.opened("RXFF", "signature", texts=("thought",)) == (Seal("signature", "RXFF", texts=("thought",)),)
    assert seals.opened("c2ln", "thought_signature", bound="part") == (Seal("thought_signature", "c2ln", bound="part"),)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", sorted(seals.HOME))
def test_a_seal_belongs_to_its_maker_only(kind: str, format: Format) -> None:
    """Maker and wire must both be right, for Anthropic the model too; without a maker the wire decides."""
    home = seals.HOME[kind]

    def target(provider: str, model: str) -> Target:
        return Target(provider, model, None, lambda prefix: prefix)

    made = Seal(kind, "v", provider="p", model="m")
    assert seals.belongs(made, target("p", "m"), format) == (format == home)
    assert not seals.belongs(made, target("q", "m"), format)
    assert seals.belongs(made, target("p", "n"), format) == (format == home and kind not in ("signature", "redacted"))
    assert seals.belongs(Seal(kind, "v"), target("anyone", "m"), format) == (format == home)
