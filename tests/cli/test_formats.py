"""``rosetta formats``: the table is what the converters do, and docs/formats.md is the table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rosetta.cli import fidelity, formats, main
from rosetta.cli.fidelity import PAIRS
from rosetta.cli.probes import PROBES, REPLIES
from rosetta.ir.parts import FORMATS, Format

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"

EACH_PAIR = pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda value: str(value))


def test_the_page_is_what_the_code_does() -> None:
    """When this fails and the change is meant: ``rosetta formats --markdown > docs/formats.md``, and read the difference."""
    assert formats.markdown() == PAGE.read_text()


def test_there_are_twelve_pairs_and_a_word_for_every_concept(capsys: pytest.CaptureFixture[str]) -> None:
    """Each verdict one of the five."""
    assert 12 == len(PAIRS)
    assert 0 == main(["formats", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert [list(pair) for pair in PAIRS] == [[entry["source"], entry["target"]] for entry in document]
    for entry in document:
        assert [probe.concept for probe in PROBES] == list(entry["requests"])
        assert [probe.concept for probe in REPLIES] == list(entry["replies"])
        verdicts = {finding["verdict"] for finding in (*entry["requests"].values(), *entry["replies"].values())}
        assert verdicts <= {"keeps", "adapts", "drops", "refuses", "unsaid"}


@EACH_PAIR
def test_the_common_ground_is_kept_by_every_pair(source: Format, target: Format) -> None:
    """What every chat program needs goes from each format to each."""
    found = fidelity.requests(source, target)
    for concept in (
        "user text",
        "system prompt",
        "function tool",
        "tool call and result",
        "parallel calls",
        "image, inline",
        "temperature up to 1",
    ):
        assert "keeps" == found[concept].verdict, concept
    replies = fidelity.replies(source, target)
    assert "keeps" == replies["text"].verdict
    assert "keeps" == replies["tool calls"].verdict


@EACH_PAIR
def test_what_is_kept_lost_nothing_and_what_is_not_says_why(source: Format, target: Format) -> None:
    """A verdict never stands alone."""
    for concept, finding in (*fidelity.requests(source, target).items(), *fidelity.replies(source, target).items()):
        assert bool(finding.losses) == (finding.verdict in ("adapts", "drops")), concept
        assert bool(finding.refusal) == (finding.verdict == "refuses"), concept


def test_no_row_is_empty() -> None:
    """Each concept can be said in some format: else its probe is wrong."""
    said = {concept for pair in PAIRS for concept, finding in fidelity.requests(*pair).items() if finding.verdict != "unsaid"}
    assert {probe.concept for probe in PROBES} == said
    told = {concept for pair in PAIRS for concept, finding in fidelity.replies(*pair).items() if finding.verdict != "unsaid"}
    assert {probe.concept for probe in REPLIES} == told


@pytest.mark.parametrize(
    ("source", "target", "concept", "verdict"),
    [
        ("openai_chat", "anthropic", "seed", "drops"),
        ("openai_chat", "openai_responses", "stop sequences", "drops"),
        ("openai_responses", "anthropic", "free-text tool with a grammar", "adapts"),
        ("openai_responses", "openai_chat", "tools in a namespace", "keeps"),
        ("openai_responses", "anthropic", "previous answer by id", "refuses"),
        ("google_genai", "openai_chat", "safety settings", "drops"),
        ("anthropic", "openai_chat", "top_k", "keeps"),
        ("anthropic", "openai_chat", "seed", "unsaid"),
        ("openai_chat", "anthropic", "sealed reasoning, back to its maker", "keeps"),
        ("openai_chat", "google_genai", "sealed reasoning, back to its maker", "keeps"),
        ("anthropic", "openai_responses", "sealed reasoning, back to its maker", "keeps"),
    ],
)
def test_some_rows_as_everybody_knows_them(source: Format, target: Format, concept: str, verdict: str) -> None:
    """A table that called these otherwise would be wrong, and so would be a converter."""
    assert verdict == fidelity.requests(source, target)[concept].verdict


def test_people_see_signs_and_for_one_pair_the_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    """Four blocks of three columns; or one list."""
    assert 0 == main(["formats"])
    out = capsys.readouterr().out
    assert all(f"FROM {formats.SHORT[format].upper()} TO" in out for format in FORMATS)
    assert 0 == main(["formats", "--from", "chat", "--to", "anthropic"])
    assert "seed" in capsys.readouterr().out
