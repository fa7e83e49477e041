"""Draws panels of the dashboards as an SVG from what a Prometheus knows: for a README, a report, or a look without Grafana.

    python -m dashboards.picture http://127.0.0.1:9090 panels.svg --minutes 15

It asks the very queries of the committed dashboards, with every filter on All, and draws what comes back: lines over time, stacked where the panel is.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import httpx

from dashboards.files import HERE

PANELS = (
    ("rosetta-overview", "Requests by client format"),
    ("rosetta-overview", "Duration"),
    ("rosetta-overview", "Outcomes"),
    ("rosetta-conversion-hops", "Conversions by hop"),
    ("rosetta-conversion-hops", "Overhead p99 by hop"),
    ("rosetta-conversion-hops", "Losses by kind"),
    ("rosetta-upstreams-tokens", "Why attempts fail"),
    ("rosetta-upstreams-tokens", "Tokens"),
    ("rosetta-upstreams-tokens", "First token"),
)
COLUMNS = 3
WIDTH, HEIGHT, GAP, TITLE, LEGEND = 400, 250, 14, 26, 64
"""Of a panel, in pixels; the last two are the heights of its heading and its legend."""
LEFT = 46
POINTS = 90
LEGEND_LINES = 4
COLOURS = (
    "#73bf69",
    "#f2cc0c",
    "#5794f2",
    "#ff9830",
    "#f2495c",
    "#b877d9",
    "#8ab8ff",
    "#37872d",
    "#fade2a",
    "#c4162a",
    "#96d98d",
    "#ffb357",
)


@dataclass
class Line:
    """One series: its legend, and its values by time in seconds."""

    name: str
    points: dict[float, float]


def panel(uid: str, title: str) -> dict[str, Any]:
    """A panel of a committed dashboard."""
    dashboard = json.loads((HERE / f"{uid}.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = next(panel for panel in dashboard["panels"] if panel["title"] == title and panel["type"] != "row")
    return found


def lines(prometheus: httpx.Client, shown: dict[str, Any], start: float, end: float) -> list[Line]:
    """What the panel's queries give between two times; NaN is left out."""
    found = []
    step = max((end - start) / POINTS, 1)
    for target in shown["targets"]:
        expression = target["expr"].replace("$__rate_interval", f"{max(int(step * 4), 15)}s").replace("$__range", f"{int(end - start)}s")
        expression = re.sub(r"\$\w+", ".*", expression)
        answer = prometheus.get("/api/v1/query_range", params={"query": expression, "start": start, "end": end, "step": step})
        answer.raise_for_status()
        for series in answer.json()["data"]["result"]:
            name = legend(target["legendFormat"], series["metric"])
            points = {when: float(value) for when, value in series["values"] if value not in ("NaN", "+Inf")}
            found.append(Line(name.strip(), points))
    return [line for line in found if any(line.points.values())]


def legend(template: str, labels: dict[str, str]) -> str:
    """Grafana's legend: ``{{label}}`` is the label's value."""
    return re.sub(r"{{(\w+)}}", lambda label: labels.get(label[1], ""), template)


def number(value: float, unit: str) -> str:
    """A value with its unit, short enough for an axis."""
    if unit == "s":
        return f"{value:.3g} s" if value >= 1 else f"{value * 1000:.3g} ms"
    if unit == "percentunit":
        return f"{value * 100:.3g}%"
    short = f"{value / 1000:.3g}k" if value >= 1000 else f"{value:.3g}"
    return short + {"reqps": "/s", "ops": "/s", "cps": "/s"}.get(unit, "")


def drawn(shown: dict[str, Any], found: list[Line], start: float, end: float, x: float, y: float) -> list[str]:
    """One panel as SVG elements, its upper left corner at x, y."""
    custom, unit = shown["fieldConfig"]["defaults"]["custom"], shown["fieldConfig"]["defaults"]["unit"]
    stacked = custom["stacking"]["mode"] == "normal"
    found = sorted(found, key=lambda line: -sum(line.points.values()))
    times = sorted({when for line in found for when in line.points})
    base = dict.fromkeys(times, 0.0)
    bands = []
    for line in found:
        top = {when: base[when] + line.points.get(when, 0.0) for when in times} if stacked else line.points
        bands.append((dict(base), top))
        base = top if stacked else base
    most = max((value for _, top in bands for value in top.values()), default=0.0) or 1.0
    inner = HEIGHT - TITLE - LEGEND

    def at(when: float, value: float) -> str:
        across = x + LEFT + (when - start) / (end - start) * (WIDTH - LEFT - 12)
        return f"{across:.1f},{y + TITLE + inner * (1 - value / most / 1.05):.1f}"

    out = [f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="4" fill="#181b1f"/>']
    out.append(f'<text x="{x + 10}" y="{y + 17}" fill="#ccccdc" font-size="12" font-weight="600">{escape(shown["title"])}</text>')
    for share in (0.0, 0.5, 1.0):
        left, level = at(start, most * share).split(",")
        out.append(f'<path d="M{left},{level}H{x + WIDTH - 12}" stroke="#2c3235"/>')
        out.append(
            f'<text x="{x + LEFT - 4}" y="{float(level) + 3}" fill="#8e8e9c" font-size="9" text-anchor="end">{number(most * share, unit)}</text>'
        )
    for index, (line, (under, top)) in enumerate(zip(found, bands, strict=True)):
        colour = COLOURS[index % len(COLOURS)]
        path = " ".join(at(when, value) for when, value in sorted(top.items()))
        if stacked:
            back = " ".join(at(when, under[when]) for when in reversed(times))
            out.append(f'<polygon points="{path} {back}" fill="{colour}" fill-opacity="0.35"/>')
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.2"/>')
        if index < 2 * LEGEND_LINES:
            across, down = x + 12 + (index % 2) * (WIDTH / 2 - 8), y + HEIGHT - LEGEND + 18 + (index // 2) * 13
            out.append(f'<rect x="{across}" y="{down - 4}" width="10" height="3" fill="{colour}"/>')
            out.append(f'<text x="{across + 14}" y="{down}" fill="#ccccdc" font-size="9">{escape(line.name[:34])}</text>')
    return out


def picture(prometheus: str, minutes: float) -> str:
    """The SVG of all panels over the last minutes."""
    end = time.time()
    start = end - minutes * 60
    rows = -(-len(PANELS) // COLUMNS)
    width, height = COLUMNS * (WIDTH + GAP) + GAP, rows * (HEIGHT + GAP) + GAP
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="Inter, Helvetica, Arial, sans-serif">']
    parts.append(f'<rect width="{width}" height="{height}" fill="#111217"/>')
    with httpx.Client(base_url=prometheus, timeout=30) as client:
        for index, (uid, title) in enumerate(PANELS):
            shown = panel(uid, title)
            x, y = GAP + (index % COLUMNS) * (WIDTH + GAP), GAP + (index // COLUMNS) * (HEIGHT + GAP)
            parts += drawn(shown, lines(client, shown, start, end), start, end, x, y)
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prometheus", help="its base URL")
    parser.add_argument("file", type=Path, help="where the SVG goes")
    parser.add_argument("--minutes", type=float, default=15, help="how far back (15)")
    options = parser.parse_args()
    options.file.write_text(picture(options.prometheus, options.minutes), encoding="utf-8")


if __name__ == "__main__":
    main()
