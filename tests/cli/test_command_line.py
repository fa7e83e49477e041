"""The command line as a whole: what it costs, what it says when it is used wrongly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rosetta import __version__
from rosetta.cli import main

HEAVY = ("litestar", "httpx", "aiohttp", "yaml", "uvicorn", "prometheus_client")


def _loaded_by(*arguments: str, stdin: str = "") -> set[str]:
    """The packages that a command has loaded when it is done."""
    program = f"import sys; from rosetta.cli import main\ntry: main({list(arguments)!r})\nexcept SystemExit: pass\nprint('|'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], input=stdin, capture_output=True, text=True, check=True, timeout=60)
    return {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split("|")}


def test_the_version_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the converters and without any package but the standard library."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (0, f"rosetta {__version__}\n") == (ended.value.code, capsys.readouterr().out)
    assert "msgspec" not in _loaded_by("--version")


def test_converting_needs_no_server() -> None:
    """The SDK's light half is installed without the gateway's packages."""
    body = '{"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "Hello"}]}'
    assert not _loaded_by("convert", "--from", "anthropic", "--to", "openai_chat", stdin=body) & set(HEAVY)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["chek"], "invalid choice: 'chek' (choose from"),
        (["check", "--lve"], "unrecognized arguments: --lve"),
        (["serve", "--port", "http"], "argument --port: invalid int value: 'http'"),
        (["convert", "--from", "anthropic"], "the following arguments are required: --to"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_code_2(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No page of usage: the line says where to find it."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr()
    assert (2, "", 1) == (ended.value.code, said.out, said.err.count("\n"))
    assert words in said.err
    assert said.err.endswith("--help\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["convert", "--from", "klingon", "--to", "anthropic"], "unknown format 'klingon': one of openai_chat"),
        (["convert", "--from", "anthropic", "--to", "openai_chat", "--provider", "openia"], "did you mean openai?"),
        (["convert", "--from", "google", "--to", "anthropic"], "give it with --model"),
        (["formats", "--from", "klingon"], "unknown format 'klingon'"),
        (["formats", "--from", "chat", "--to", "openai_chat"], "nothing is converted"),
    ],
)
def test_what_only_the_command_can_see_is_code_2_as_well(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and nothing on stdout."""
    assert 2 == main(arguments)
    said = capsys.readouterr()
    assert ("", 1) == (said.out, said.err.count("\n"))
    assert words in said.err


def test_a_missing_package_is_named_with_the_way_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Who installed the SDK alone and calls serve."""
    (tmp_path / "rosetta.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "rosetta.gateway.server", raising=False)
    assert 1 == main(["serve"])
    assert "rosetta serve needs uvicorn: pip install 'rosetta-gateway[gateway]'" in capsys.readouterr().err


def test_a_reader_who_leaves_early_is_not_told_so() -> None:
    """``rosetta formats | head -1``."""
    command = [sys.executable, "-m", "rosetta", "formats", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.read(10)
            process.stdout.close()
            assert b"" == process.stderr.read()
        finally:
            process.kill()
