"""``python -m deploy`` (``make generate``): writes what is made from another file of this repository, so that each fact has one source.

docs/config.md and the config part of the chart's schema come from rosetta/config/schema.py, the table of the chart's values from its values.yaml, the chart's
dashboards and rules from dashboards/, because Helm cannot read outside of a chart. A test compares.
"""

from __future__ import annotations

from pathlib import Path

from deploy.chart import CHART, values_schema, values_table
from deploy.config_page import page

ROOT = Path(__file__).parents[1]
TABLE_STARTS = "<!-- values -->\n"


def generated() -> dict[Path, str]:
    """Every generated file and its text."""
    readme = CHART / "README.md"
    head, _, _ = readme.read_text().partition(TABLE_STARTS)
    dashboards = [*(ROOT / "dashboards").glob("*.json"), *(ROOT / "dashboards").glob("*-rules.yaml")]
    return {
        ROOT / "docs" / "config.md": page(),
        CHART / "values.schema.json": values_schema(),
        readme: f"{head}{TABLE_STARTS}\n{values_table()}",
        **{CHART / "files" / source.name: source.read_text() for source in sorted(dashboards)},
    }


def stale() -> list[Path]:
    """Copies in the chart whose original is gone."""
    return [path for path in (CHART / "files").iterdir() if path not in generated()]


if __name__ == "__main__":
    for path in stale():
        path.unlink()
    for path, text in generated().items():
        path.write_text(text)
