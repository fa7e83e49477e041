"""The README's picture: a gateway at work for some minutes, drawn from what a real Prometheus scraped of it.

    TOOLS_ROOT=DIR .venv/bin/python -m tests.dashboards.show docs/dashboards.svg --minutes 5

Every client format asks every kind of upstream, more and less by turns; a provider breaks for a while, one is busy, clients leave.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
import time
from pathlib import Path

from dashboards.picture import picture
from tests.clients.upstream import Upstream
from tests.dashboards.stage import TROUBLES, Stage, ask, leave, stage
from tests.gateway.wires import UPSTREAMS, WIRES

MOST_PER_SECOND = 12.0
WAVE_S = 100.0
TROUBLE_EVERY = 12
SHARES = (5, 3, 6, 2)
"""How often each client format asks, against the others."""


def work(made: Stage, upstream: Upstream, minutes: float, draw: random.Random) -> None:
    """Asks until the time is over, sometimes more, sometimes less."""
    begun = time.monotonic()
    asked = 0
    while (now := time.monotonic() - begun) < minutes * 60:
        if asked % 25 == 0:
            upstream.control()
        middle = 0.35 < now / (minutes * 60) < 0.6
        if asked % TROUBLE_EVERY == 0:
            name = draw.choice(["broken", "chain"] if middle else ["busy", "overloaded", "midstream"])
            for trouble, scenario in TROUBLES.items():
                upstream.control(trouble, scenario=scenario)
            ask(made, WIRES["anthropic"], name, stream=True)
        elif asked % 70 == 1:
            leave(made, WIRES["openai_chat"])
        else:
            (wire,) = draw.choices(list(WIRES.values()), SHARES)
            ask(made, wire, draw.choice(UPSTREAMS), stream=draw.random() < 0.7)
        asked += 1
        busy = 0.55 + 0.45 * math.sin(now / WAVE_S * math.tau)
        time.sleep(draw.expovariate(MOST_PER_SECOND * busy))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="where the SVG goes")
    parser.add_argument("--minutes", type=float, default=5, help="for how long it works (5)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, stage(Path(directory), rounds=0) as made:
        work(made, made.upstream, options.minutes, random.Random(7))
        options.file.write_text(picture(made.prometheus, options.minutes), encoding="utf-8")


if __name__ == "__main__":
    main()
