"""The generated files, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from dashboards.alerts import rules
from dashboards.conversion_hops import CONVERSION_HOPS
from dashboards.overview import OVERVIEW
from dashboards.panels import dashboard_json
from dashboards.upstreams_tokens import UPSTREAMS_TOKENS

HERE = Path(__file__).parent
DASHBOARDS = (OVERVIEW, CONVERSION_HOPS, UPSTREAMS_TOKENS)
RULES = "rosetta-rules.yaml"
LINE_LENGTH = 140
RULES_HEAD = "# Generated from dashboards/alerts.py: change that, then run python -m dashboards. Runbooks: docs/alerts.md.\n"


def generated() -> dict[str, str]:
    """Name -> content of each file that ``python -m dashboards`` writes."""
    files = {f"{dashboard.uid}.json": json.dumps(dashboard_json(dashboard), indent=2) + "\n" for dashboard in DASHBOARDS}
    return {**files, RULES: RULES_HEAD + yaml.dump(rules(), Dumper=_Dumper, sort_keys=False, width=LINE_LENGTH, allow_unicode=True)}


class _Dumper(yaml.SafeDumper):
    """Writes expressions of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
