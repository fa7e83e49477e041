"""The command line. Each command is a module that is loaded when it is called: ``convert`` needs no server, ``--version`` nothing at all.

serve     run the gateway                              welcome   what it prints when it listens
check     validate a config, print where models go     settings  which config a command works with
models    what can be asked for                        table     columns of text
convert   one body, from one format to another
formats   what each pair of formats keeps              fidelity  how that is found out; probes: with what

Exit codes: 0, 1 (the thing is wrong: one line on stderr each), 2 (the command line is wrong).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from rosetta import __version__

OK, WRONG, USAGE = 0, 1, 2
INTERRUPTED = 130

_COMMANDS = {
    "serve": "run the gateway",
    "check": "validate a config and print where each model goes",
    "convert": "convert a request, response, stream or error between two formats",
    "models": "list what can be asked for",
    "formats": "what each pair of formats keeps, adapts and drops",
}


class Parser(argparse.ArgumentParser):
    """argparse, with one line where it has several."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


class Usage(Exception):
    """The command line is wrong in a way that only the command could see."""


class Wrong(Exception):
    """The thing that was asked about is wrong. ``lines`` say what, one line each."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and gives its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    wanted = next((word for word in words if not word.startswith("-")), "")
    try:
        return _run(_parsed(words, wanted))
    except Usage as error:
        _say(f"rosetta {wanted}: {error}; see rosetta {wanted} --help")
        return USAGE
    except Wrong as error:
        for line in error.lines:
            _say(line)
        return WRONG
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "rosetta":
            raise
        _say(f"rosetta {wanted} needs {error.name}: pip install 'rosetta-gateway[gateway]'")
        return WRONG
    except BrokenPipeError:  # `rosetta formats | head`: nobody reads any more, and Python would complain once again at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WRONG
    except KeyboardInterrupt:
        return INTERRUPTED


def _parsed(words: list[str], wanted: str) -> argparse.Namespace:
    parser = Parser(prog="rosetta", description="Any LLM client on any LLM provider.", epilog="rosetta COMMAND --help tells more.")
    parser.add_argument("--version", action="version", version=f"rosetta {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in _COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == wanted:
            import_module(f"rosetta.cli.{name}").arguments(command)
    return parser.parse_args(words)


def _run(options: argparse.Namespace) -> int:
    code: int = import_module(f"rosetta.cli.{options.command}").run(options)
    sys.stdout.flush()
    return code


def _say(line: str) -> None:
    print(line, file=sys.stderr)
