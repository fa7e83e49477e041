"""docs/config.md: the table of every config key, and the variables that set them."""

from __future__ import annotations

from deploy.config_keys import PLACES, rows
from rosetta.config.environment import short_names

HEAD = """# Config

Made from rosetta/config/schema.py by `make generate`; a test holds this page against it.

YAML, JSON, JSONC or TOML: `--config FILE`, else `$ROSETTA_CONFIG`, else `rosetta.{yaml,yml,json,jsonc,toml}` or `config.jsonc` in the current folder, else
`~/.config/rosetta/`. `rosetta check` names every fault with its path. A running gateway takes a changed file over by itself; SIGHUP asks for it. A faulty one is
refused with its faults in the log, and the last good one stays.

`${NAME}` and `${NAME:-default}` in any text are filled in from the environment, after parsing; `$${` is a plain `${`. A name that is not set is an error.
An unknown key is an error that names the nearest known one.
"""

VARIABLES = """
## Environment

A variable wins over the file, an option of the command line over the variable. Every plain value has its path as a variable, levels joined by two underscores:
`ROSETTA_RETRIES__ATTEMPTS=5`, `ROSETTA_PROVIDERS__OLLAMA__BASE_URL=…`. `ROSETTA_KEY` adds a key named `environment`. These are short:

"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for struct, place in PLACES.items():
        parts.append(f"\n## {f'`{place}`' if place else 'Top level'}\n\n| key | type | default | meaning |\n|---|---|---|---|\n")
        parts += [f"| `{row.name}` | {row.type} | {row.default} | {row.meaning} |\n" for row in rows() if row.struct == struct]
    parts.append(VARIABLES)
    parts += ["| variable | sets |\n|---|---|\n"]
    parts += [f"| `{name}` | `{'.'.join(path)}` |\n" for name, path in sorted(short_names().items())]
    return "".join(parts)
