"""``python -m dashboards`` writes every generated file; ``--check`` only says which of them are not what would be written, and fails."""

from __future__ import annotations

import sys

from dashboards.files import HERE, generated


def main() -> int:
    stale = [name for name, text in generated().items() if not (HERE / name).exists() or (HERE / name).read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"dashboards/{name} is not what its source makes: run python -m dashboards", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (HERE / name).write_text(generated()[name], encoding="utf-8")
        print(f"dashboards/{name}")
    return 0


raise SystemExit(main())
