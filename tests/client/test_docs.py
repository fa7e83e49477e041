"""Every example of the documentation runs, with the vendors of the catalog played by the scripted upstream."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import rosetta
from rosetta.client.options import PREFIXES
from rosetta.providers import catalog
from tests.clients.upstream import Upstream

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    pytest.param(code, id=f"{name}-{number}")
    for name in ("README.md", "docs/sdk.md", "docs/migrating-from-litellm.md")
    for number, code in enumerate(BLOCK.findall((ROOT / name).read_text(encoding="utf-8")), 1)
]


@pytest.fixture
def vendors(upstream: Upstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name, variable in (("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY"), ("google", "GEMINI_API_KEY")):
        row = catalog.VENDORS[name]
        url = upstream.url if "api." not in row.base_url or name == "anthropic" else f"{upstream.url}/v1"
        monkeypatch.setitem(catalog.VENDORS, name, msgspec.structs.replace(row, base_url=url, base_urls={}))
        monkeypatch.setenv(variable, "k")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    rosetta.configure()
    yield
    rosetta.configure({})


@pytest.mark.usefixtures("vendors")
@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example(code: str, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    upstream.control(scenario="tool" if "marker.txt" in code else "text")
    exec(compile(code, "example", "exec"), {"__name__": "example"})
    assert capsys.readouterr().out.strip(), "it shows something"


def test_the_migration_page_names_what_exists() -> None:
    """Each of rosetta's names in the tables, and each prefix."""
    page = (ROOT / "docs/migrating-from-litellm.md").read_text(encoding="utf-8")
    names = set(re.findall(r"rosetta\.([A-Za-z_]+)", page))
    assert names <= set(rosetta.__all__), names - set(rosetta.__all__)
    served, understood = re.findall(r"^\| (`\w+/`[^|]*)\|", page, re.MULTILINE)[:2]
    assert set(re.findall(r"`(\w+)/`", served)) <= set(catalog.VENDORS)
    assert set(re.findall(r"`(\w+)/`", understood)) == set(PREFIXES)


def test_the_sdk_page_shows_the_errors_that_exist() -> None:
    page = (ROOT / "docs/sdk.md").read_text(encoding="utf-8")
    told = set(re.findall(r"[└├]── (\w+)", page)) | {"RosettaError"}
    there = {
        name
        for name in rosetta.__all__
        if isinstance(getattr(rosetta, name), type) and issubclass(getattr(rosetta, name), rosetta.RosettaError)
    }
    assert there == told
