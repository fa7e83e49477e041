"""``rosetta formats``: what each pair of formats keeps, adapts, drops and refuses. docs/formats.md is its ``--markdown``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from itertools import groupby

import msgspec

from rosetta.cli import OK, Usage, fidelity
from rosetta.cli.fidelity import PAIRS, Finding, Findings, Verdict
from rosetta.cli.probes import PROBES, REPLIES
from rosetta.cli.table import table
from rosetta.ir.parts import FORMATS, Format

SIGNS: dict[Verdict, str] = {"keeps": "=", "adapts": "~", "drops": "-", "refuses": "!", "unsaid": ""}
WORDS: dict[Verdict, str] = {"keeps": "keeps", "adapts": "adapts", "drops": "**drops**", "refuses": "**refuses**", "unsaid": "–"}
SHORT: dict[Format, str] = {"openai_chat": "chat", "openai_responses": "responses", "anthropic": "anthropic", "google_genai": "google"}
ALIASES: dict[str, Format] = {short: name for name, short in SHORT.items()}
LEGEND = "= keeps   ~ adapts: says it otherwise, or nearly   - drops, with a Loss   ! refuses, with an error   empty: the source has no words for it"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--from", dest="source", metavar="FORMAT", help="only what clients of this format say")
    parser.add_argument("--to", dest="target", metavar="FORMAT", help="only what upstreams of this format hear; with the reasons")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="as docs/formats.md")
    form.add_argument("--json", action="store_true", help="with every loss in words")


def run(options: Namespace) -> int:
    source, target = _format(options.source), _format(options.target)
    pairs = [pair for pair in PAIRS if source in (None, pair[0]) and target in (None, pair[1])]
    if not pairs:
        raise Usage("a format and itself: nothing is converted, the bytes are passed on")
    if options.markdown:
        print(markdown(), end="")
    elif options.json:
        print(as_json(pairs))
    else:
        print(text(pairs))
    return OK


def _format(name: str | None) -> Format | None:
    if name is None:
        return None
    found = ALIASES.get(name, name)
    for format in FORMATS:
        if format == found:
            return format
    raise Usage(f"unknown format {name!r}: one of {', '.join(FORMATS)}")


def text(pairs: list[tuple[Format, Format]]) -> str:
    """Signs in columns; for a single pair the reasons instead."""
    if len(pairs) == 1:
        found = fidelity.requests(*pairs[0])
        return table(("REQUEST", "", "WHY"), [(concept, one.verdict, fidelity.why(one)) for concept, one in found.items()])
    blocks = [LEGEND]
    for source, group in groupby(pairs, key=lambda pair: pair[0]):
        targets = [target for _, target in group]
        columns = [fidelity.requests(source, target) for target in targets]
        rows = [(probe.concept, *(SIGNS[column[probe.concept].verdict] for column in columns)) for probe in PROBES]
        blocks.append(table((f"FROM {SHORT[source].upper()} TO", *(SHORT[target] for target in targets)), rows))
    return "\n\n".join(blocks)


def as_json(pairs: list[tuple[Format, Format]]) -> str:
    """``[{source, target, requests: {concept: {verdict, losses, refusal}}, replies: …}]``; replies go from the target to the source."""
    document = [
        {"source": source, "target": target, "requests": fidelity.requests(source, target), "replies": fidelity.replies(target, source)}
        for source, target in pairs
    ]
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


_HEAD = """# What each pair of formats keeps

Generated from the code by `rosetta formats --markdown`: every row is a request (or a reply) that was sent through both converters, and every word is what they
reported. A test holds this page against them.

- **keeps**: the target hears the same.
- **adapts**: it hears it in other words, or something near; a `Loss` says which (emulated, approximated, injected).
- **drops**: it does not hear it; a `Loss` names the path, in `x-rosetta-loss` and on the stderr of `rosetta convert`.
- **refuses**: the request is answered with an error that tells the next step.
- **–**: the source has no words for it.

The target is one that takes whatever its wire can say. A vendor or a model may take less: `rosetta convert --provider VENDOR --model NAME` tells for one request.
Within one format nothing is converted: the bytes are passed on.
"""


def markdown() -> str:
    """The whole page."""
    blocks = [_HEAD]
    for source in FORMATS:
        targets = [target for target in FORMATS if target != source]
        columns = {target: fidelity.requests(source, target) for target in targets}
        blocks.append(f"## Requests of {_title(source)} clients\n")
        blocks.append(_rows("A client says", targets, [(probe.area, probe.concept) for probe in PROBES], columns))
    for client in FORMATS:
        upstreams = [upstream for upstream in FORMATS if upstream != client]
        columns = {upstream: fidelity.replies(upstream, client) for upstream in upstreams}
        blocks.append(f"## Replies to {_title(client)} clients\n")
        blocks.append(_rows("A model answers", upstreams, [("", probe.concept) for probe in REPLIES], columns, preposition="from"))
    return "\n".join(blocks)


def _title(format: Format) -> str:
    return f"`{format}`"


def _rows(
    head: str, others: list[Format], concepts: list[tuple[str, str]], columns: dict[Format, Findings], preposition: str = "to"
) -> str:
    lines = [f"| {head} | {' | '.join(f'{preposition} {_title(other)}' for other in others)} |", "|---|" + "---|" * len(others)]
    area = ""
    for where, concept in concepts:
        findings = [columns[other][concept] for other in others]
        if all(finding.verdict == "unsaid" for finding in findings):
            continue
        if where != area:
            area = where
            lines.append(f"| *{where}* |{' |' * len(others)}")
        lines.append(f"| {concept} | {' | '.join(_cell(finding) for finding in findings)} |")
    return "\n".join(lines) + "\n"


def _cell(finding: Finding) -> str:
    why = fidelity.why(finding).replace("|", "\\|").replace("\n", " ")
    return f"{WORDS[finding.verdict]}{f' ({why})' if why else ''}"
