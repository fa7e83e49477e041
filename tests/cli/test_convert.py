"""``rosetta convert``: bodies in, bodies out, losses beside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rosetta.cli import main

REQUEST = {
    "model": "m",
    "max_tokens": 10,
    "top_k": 5,
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "Hello"}],
}
CHUNKS = (
    'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hé"},"finish_reason":null}]}\n\n'
    'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    "data: [DONE]\n\n"
)


@pytest.fixture
def body(tmp_path: Path) -> str:
    path = tmp_path / "body.json"
    path.write_text(json.dumps(REQUEST))
    return str(path)


def test_a_request_comes_out_in_the_other_format(body: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """On stdout the body alone, on stderr a line for each loss, with the path in the words of the source."""
    assert 0 == main(["convert", "--from", "anthropic", "--to", "openai_responses", body])
    said = capfdbinary.readouterr()
    assert "Be brief." == json.loads(said.out)["instructions"]
    assert b"dropped top_k (setting)" in said.err


def test_json_holds_both(body: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """For programs."""
    assert 0 == main(["convert", "--from", "anthropic", "--to", "openai_responses", "--json", body])
    said = capfdbinary.readouterr()
    out = json.loads(said.out)
    assert {"value", "losses"} == set(out)
    assert "top_k" in [loss["path"] for loss in out["losses"]]
    assert b"" == said.err


def test_a_model_and_a_vendor_choose_the_dialect(body: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """OpenAI's reasoning models want max_completion_tokens; google is another word for google_genai."""
    assert 0 == main(["convert", "--from", "anthropic", "--to", "openai_chat", "--model", "gpt-5", "--provider", "openai", body])
    out = json.loads(capfdbinary.readouterr().out)
    assert ("gpt-5", 10) == (out["model"], out["max_completion_tokens"])
    assert 0 == main(["convert", "--from", "anthropic", "--to", "google", body])
    assert "contents" in json.loads(capfdbinary.readouterr().out)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "expected"),
        ('{"model": "m", "max_tokens": 1}', "messages"),
        ('{"model": 1, "max_tokens": 1, "messages": []}', "model"),
    ],
)
def test_what_cannot_be_converted_is_one_line_and_code_1(text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the file, and the path of the fault in it."""
    path = tmp_path / "bad.json"
    path.write_text(text)
    assert 1 == main(["convert", "--from", "anthropic", "--to", "openai_chat", str(path)])
    said = capsys.readouterr().err
    assert said.startswith(f"{path}: ")
    assert words in said
    assert 1 == said.count("\n")


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is the system's own."""
    assert 1 == main(["convert", "--from", "anthropic", "--to", "openai_chat", "nowhere.json"])
    assert "nowhere.json: cannot be read: No such file or directory\n" == capsys.readouterr().err


def test_a_reply_and_an_error_are_converted_too(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Each kind by its name; an error that was taken for a reply is told apart."""
    reply = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}],
    }
    path = tmp_path / "reply.json"
    path.write_text(json.dumps(reply))
    assert 0 == main(["convert", "--from", "openai_chat", "--to", "anthropic", "--kind", "response", str(path)])
    assert [{"type": "text", "text": "Hi."}] == json.loads(capfdbinary.readouterr().out)["content"]

    path.write_text(json.dumps({"error": {"message": "slow down", "type": "rate_limit_exceeded", "code": None, "param": None}}))
    assert 0 == main(["convert", "--from", "openai_chat", "--to", "anthropic", "--kind", "error", "--status", "429", str(path)])
    assert "rate_limit_error" == json.loads(capfdbinary.readouterr().out)["error"]["type"]
    assert 1 == main(["convert", "--from", "openai_chat", "--to", "anthropic", "--kind", "response", str(path)])
    assert b"--kind error" in capfdbinary.readouterr().err


def test_a_stream_is_converted_as_it_comes() -> None:
    """From stdin, byte for byte, with the ending of the other format."""
    command = [sys.executable, "-m", "rosetta", "convert", "--from", "openai_chat", "--to", "anthropic", "--kind", "stream"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            first, rest = CHUNKS.encode()[:400], CHUNKS.encode()[400:]
            process.stdin.write(first)
            process.stdin.flush()
            assert b"event: message_start\n" == process.stdout.readline()  # the rest has not been sent yet
            process.stdin.write(rest)
            process.stdin.close()
            out = process.stdout.read()
            assert 0 == process.wait(30)
        finally:
            process.kill()
    assert "Hé".encode() in out
    assert out.rstrip().endswith(b'data: {"type":"message_stop"}')
