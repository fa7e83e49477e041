"""The small page at ``/``: version, status, models, links."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any


def facts(version: str, models: Sequence[str], *, ready: bool) -> dict[str, Any]:
    """The page as JSON."""
    return {
        "name": "rosetta",
        "version": version,
        "status": "ready" if ready else "draining",
        "models": list(models),
        "links": {"models": "/v1/models", "health": "/healthz", "readiness": "/readyz", "metrics": "/metrics"},
    }


def html(version: str, models: Sequence[str], *, ready: bool) -> str:
    """The page for a browser."""
    rows = "".join(f"<li><code>{escape(model)}</code></li>" for model in models)
    status = "ready" if ready else "draining"
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>rosetta</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem}}code{{background:#eee8;padding:.1em .3em}}</style>
<h1>rosetta</h1><p>Version {escape(version)}, {status}. Any LLM client on any LLM provider.</p>
<h2>Models</h2><ul>{rows}</ul>
<p><a href="/v1/models">/v1/models</a> · <a href="/healthz">/healthz</a> · <a href="/readyz">/readyz</a> · <a href="/metrics">/metrics</a></p></html>"""
