"""Who is behind an address, and that every row of the catalog can be used."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec
import pytest

from rosetta.converters import CONVERTERS
from rosetta.ir.parts import FORMATS, Format
from rosetta.providers import catalog
from rosetta.providers.catalog import VENDORS, Vendor

ROWS = pytest.mark.parametrize("row", VENDORS.values(), ids=VENDORS.keys())


@ROWS
def test_every_row_makes_the_dialects_it_promises(row: Vendor) -> None:
    """A typo in a row is found here and not by a user."""
    for format, fields in row.dialects.items():
        msgspec.convert(fields, CONVERTERS[format].dialect)


@ROWS
def test_every_row_hangs_together(row: Vendor) -> None:
    """The vendor's own wire is the first it speaks, and its addresses are addresses."""
    assert row.format == row.formats[0]
    assert {*row.formats, *row.since, *row.base_urls, *row.dialects, *row.auths} <= set(FORMATS)
    assert not set(row.formats) & set(row.since)
    for address in (row.base_url, *row.base_urls.values()):
        assert address == "" or urlsplit(address).scheme in ("http", "https")
        assert not address.endswith("/")


@ROWS
def test_a_vendor_is_recognised_at_its_own_address(row: Vendor) -> None:
    """Whoever gives a provider a name of his own and the vendor's address gets the vendor's row, except for ports that everybody uses."""
    expected = row.name if row.hosts else catalog.GENERIC
    if row.base_url:
        assert expected == catalog.vendor("mine", row.base_url, row.format).name


@pytest.mark.parametrize(
    ("name", "base_url", "format", "expected"),
    [
        ("groq", None, None, "groq"),
        ("openai", "http://localhost:9000/v1", "openai_chat", "openai"),
        ("work", "https://eu.api.openai.com/v1", "openai_responses", "openai"),
        ("work", "https://acme.openai.azure.com/openai/v1", "openai_chat", "azure"),
        ("box", "http://10.0.0.7:11434/v1", "openai_chat", "ollama"),
        ("box", "http://localhost:8000/v1", "openai_chat", "generic"),
        ("claude", None, "anthropic", "anthropic"),
        ("gemini", None, "google_genai", "google"),
        (None, None, "openai_chat", "generic"),
        ("generic", None, "anthropic", "generic"),
        ("evil", "https://api.openai.com.example.org/v1", "openai_chat", "generic"),
        ("odd", "http://[::1", "openai_chat", "generic"),
    ],
)
def test_a_name_counts_before_an_address_and_an_address_before_a_type(
    name: str | None, base_url: str | None, format: str | None, expected: str
) -> None:
    """Only what tells for certain is believed."""
    assert expected == catalog.vendor(name, base_url, format).name  # type: ignore[arg-type]  # the table holds plain strings


def test_nothing_that_tells_is_an_error_with_the_next_step() -> None:
    """A provider with an unknown name and no type cannot be guessed."""
    with pytest.raises(ValueError, match=r"unknown vendor 'mine': one of openai, .*give a type and a base_url"):
        catalog.vendor("mine", None, None)


def test_a_wire_that_lives_elsewhere_brings_its_address_and_its_manner_of_keys() -> None:
    """Google's chat endpoint has another path and takes a Bearer token; its own wire takes x-goog-api-key."""
    chat = catalog.vendor("google", None, "openai_chat")
    own = catalog.vendor("google", None, "google_genai")
    assert chat.base_url.endswith("/v1beta/openai")
    assert "https://generativelanguage.googleapis.com" == own.base_url
    assert ("bearer", "x-goog-api-key") == (chat.auth_on("openai_chat"), own.auth_on("google_genai"))


def test_an_unknown_server_is_keyed_as_its_wire_is() -> None:
    """Each wire's own client library tells how."""
    for format, auth in catalog.FORMAT_AUTH.items():
        assert auth == catalog.vendor(None, "http://10.0.0.1/v1", format).auth_on(format)


def test_ollama_cloud_wants_a_bearer_token_on_every_wire() -> None:
    """ollama.com refuses x-api-key alone, also for Messages."""
    assert "bearer" == catalog.vendor("ollama", None, "anthropic").auth_on("anthropic")


def test_a_key_in_the_environment_is_enough_only_where_the_address_is_known() -> None:
    """Azure has no address without the name of a resource, and a key says nothing of a server on this machine."""
    assert ("GEMINI_API_KEY", "GOOGLE_API_KEY") == catalog.KEY_VARIABLES["google"]
    assert not {"azure", "ollama", "vllm", "llamacpp"} & set(catalog.KEY_VARIABLES)


@pytest.mark.parametrize(
    ("name", "format", "auth", "base_url"),
    [
        ("openai", "openai_responses", "bearer", "https://api.openai.com/v1"),
        ("azure", "openai_chat", "api-key", ""),
        ("anthropic", "anthropic", "x-api-key", "https://api.anthropic.com"),
        ("anthropic", "openai_chat", "bearer", "https://api.anthropic.com/v1"),
        ("openrouter", "anthropic", "bearer", "https://openrouter.ai/api/v1"),
        ("deepseek", "anthropic", "x-api-key", "https://api.deepseek.com/anthropic"),
        ("vllm", "anthropic", "bearer", "http://localhost:8000/v1"),
        ("xai", "openai_responses", "bearer", "https://api.x.ai/v1"),
    ],
)
def test_a_key_is_sent_as_each_wire_of_a_vendor_wants_it(name: str, format: Format, auth: str, base_url: str) -> None:
    """One vendor may want the same key in different headers, on different addresses."""
    found = catalog.vendor(name, None, format)
    assert (auth, base_url) == (found.auth_on(format), found.base_url)
