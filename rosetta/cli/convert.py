"""``rosetta convert``: one body, from one format to another; what was lost on the way goes to stderr."""

from __future__ import annotations

import difflib
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from rosetta import convert
from rosetta.cli import OK, Usage, Wrong
from rosetta.converters import jsontext
from rosetta.converters.converter import Malformed, Unsupported, UpstreamFailed
from rosetta.ir.loss import Loss
from rosetta.ir.parts import FORMATS
from rosetta.providers.catalog import VENDORS

CHUNK_BYTES = 16 * 1024


def arguments(parser: ArgumentParser) -> None:
    names = ", ".join(FORMATS)
    parser.add_argument("--from", dest="source", required=True, metavar="FORMAT", help=f"the format that it is in: {names} (or google)")
    parser.add_argument("--to", dest="target", required=True, metavar="FORMAT", help="the format that is wanted")
    parser.add_argument("--kind", choices=("request", "response", "stream", "error"), default="request", help="what it is (request)")
    parser.add_argument("--model", metavar="NAME", help="the target's model; Google's requests do not name theirs")
    parser.add_argument("--provider", metavar="VENDOR", help="whose dialect to write or read: openai, ollama, deepseek, …")
    parser.add_argument("--request", metavar="FILE", help="the client's request, so that a reply's custom tools are found again")
    parser.add_argument("--status", type=int, default=500, metavar="CODE", help="an error's HTTP status (500)")
    parser.add_argument("--json", action="store_true", help='{"value": …, "losses": […]} on stdout')
    parser.add_argument("file", nargs="?", default="-", metavar="FILE", help="the body; - or nothing is stdin")


def run(options: Namespace) -> int:
    for name in (options.source, options.target):
        try:
            convert.converter(name)
        except ValueError as error:
            raise Usage(str(error)) from error
    if options.provider is not None and options.provider not in VENDORS:
        near = difflib.get_close_matches(options.provider, VENDORS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(VENDORS)}"
        raise Usage(f"no vendor is called {options.provider!r}; {hint}")
    source = convert.converter(options.source).format
    if options.kind == "request" and options.model is None and source == "google_genai" != convert.converter(options.target).format:
        raise Usage("Google's requests name their model in the path and not in the body; give it with --model")
    try:
        if options.kind == "stream":
            _stream(options)
        else:
            _whole(options)
    except UpstreamFailed as error:
        raise Wrong(f"{_named(options.file)}: the reply is an error ({error}); convert it with --kind error") from error
    except (Malformed, Unsupported) as error:
        raise Wrong(f"{_named(options.file)}: {error}") from error
    except jsontext.InvalidJson as error:
        raise Wrong(f"{_named(options.file)}: not JSON: {error}") from error
    return OK


def _whole(options: Namespace) -> None:
    body = _read(options.file)
    if options.kind == "request":
        done = convert.convert_request(body, options.source, options.target, model=options.model, provider=options.provider)
    elif options.kind == "response":
        request = _read(options.request) if options.request else None
        done = convert.convert_response(
            body, options.source, options.target, request=request, model=options.model, provider=options.provider
        )
    else:
        done = convert.convert_error(body, options.source, options.target, status=options.status)
    if options.json:
        _print_json({"value": done.value, "losses": done.losses})
    else:
        _print_json(done.value)
        _tell(done.losses)


def _stream(options: Namespace) -> None:
    request = _read(options.request) if options.request else None
    machine = convert.StreamConverter(options.source, options.target, request=request, model=options.model, provider=options.provider)
    pieces = _converted(machine, options.file)
    if options.json:
        value = b"".join(pieces).decode("utf-8", "replace")
        _print_json({"value": value, "losses": machine.losses})
        return
    for piece in pieces:
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()  # a stream is read as it grows
    _tell(machine.losses)


def _converted(machine: convert.StreamConverter, name: str) -> Iterator[bytes]:
    with _opened(name) as source:
        while chunk := (source.read1(CHUNK_BYTES) if hasattr(source, "read1") else source.read(CHUNK_BYTES)):
            yield machine.feed(chunk)
    yield machine.finish()


def _opened(name: str) -> BinaryIO:
    if name == "-":
        # Not closed with the block: a duplicate of the descriptor is.
        return open(sys.stdin.fileno(), "rb", closefd=False)
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise Wrong(f"{name}: cannot be read: {error.strerror}") from error


def _read(name: str) -> bytes:
    with _opened(name) as source:
        try:
            return source.read()
        except OSError as error:
            raise Wrong(f"{name}: cannot be read: {error.strerror}") from error


def _named(name: str) -> str:
    return "stdin" if name == "-" else name


def _print_json(value: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.format(jsontext.encode(value), indent=2) + b"\n")
    sys.stdout.buffer.flush()


def _tell(losses: Iterable[Loss]) -> None:
    for loss in losses:
        detail = f": {loss.detail}" if loss.detail else ""
        print(f"{loss.kind} {loss.path or loss.field} ({loss.category}){detail}", file=sys.stderr)
