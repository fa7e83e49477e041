"""Data URLs, base64 alphabets, and what bytes say of themselves."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosetta.converters import media


@given(st.binary(max_size=40))
def test_any_alphabet_and_padding_is_the_same_bytes(data: bytes) -> None:
    """URL-safe, unpadded and wrapped base64 become standard base64 of the same bytes."""
    standard = base64.b64encode(data).decode()
    assert media.standard_base64(standard) == standard
    assert media.standard_base64(base64.urlsafe_b64encode(data).decode().rstrip("=")) == standard
    assert media.standard_base64("\n".join(standard[i : i + 4] for i in range(0, len(standard), 4))) == standard
    assert media.is_base64(standard)
    assert media.parse_data_url(media.data_url("image/png", standard)) == ("image/png", standard)


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("data:image/png;base64,iVBO", ("image/png", "iVBO")),
        ("DATA:Image/PNG;charset=utf-8;base64,iVBO", ("image/png", "iVBO")),
        ("data:;base64,iVBO", (None, "iVBO")),
        ("data:,a%20b", (None, base64.b64encode(b"a b").decode())),
        ("data:text/plain;charset=utf-8,a", ("text/plain", "YQ==")),
        ("https://example.com/a.png", None),
        ("data:image/png", None),
    ],
)
def test_data_urls_come_in_many_forms(url: str, parsed: tuple[str | None, str] | None) -> None:
    """Parameters are left out, cases do not matter, plain text becomes base64."""
    assert media.parse_data_url(url) == parsed


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"\x00\x00\x00\x18ftypmp42", "video/mp4"),
        (b"%PDF-1.7", "application/pdf"),
        (b"ID3\x04", "audio/mpeg"),
        (b"hello", None),
        (b"", None),
    ],
)
def test_bytes_say_what_they_are(head: bytes, mime: str | None) -> None:
    """Clients mislabel files; the first bytes do not."""
    assert media.sniff(base64.b64encode(head + b"\x00" * 40 if head else b"").decode()) == mime


@given(st.text(max_size=40))
def test_sniffing_anything_is_harmless(data: str) -> None:
    """What is no base64 at all tells nothing."""
    media.sniff(data)
    media.text_of(data)


def test_kinds_follow_the_mime() -> None:
    """All that is no image, audio or video is a document."""
    kinds = [media.kind_of(mime) for mime in ("image/png", "audio/wav", "video/mp4", "application/pdf", "text/plain", None)]
    assert kinds == ["image", "audio", "video", "document", "document", "document"]


def test_audio_formats_lead_there_and_back() -> None:
    """Each of OpenAI's names has a MIME type that leads back to it."""
    assert {name: media.AUDIO_FORMAT[mime] for name, mime in media.AUDIO_MIME.items()} == {name: name for name in media.AUDIO_MIME}
