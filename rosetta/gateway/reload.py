"""A changed config takes over without a restart: files are watched, and SIGHUP asks for it.

A good config swaps in whole; requests under way end as they began. A bad one is refused with its faults in the log, and the last good one stays. Mounted
ConfigMaps and Secrets change by a symlink in their directory, so directories are watched, and what the files hold decides whether anything changed.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from watchfiles import awatch

from rosetta.config.faults import ConfigError
from rosetta.config.schema import Config
from rosetta.gateway.gateway import Gateway

logger = logging.getLogger("rosetta.gateway")

FIXED = ("host", "port", "metrics_port", "cors_origins")
"""What of ``server`` only a restart changes."""
DEBOUNCE_MS = 300
"""An editor writes a file in several steps."""

Result = Literal["success", "unchanged", "failure"]


class Reloader:
    """Watches over one gateway's config. ``load`` reads it anew and raises ConfigError; ``path`` is its file, None where there is none."""

    def __init__(
        self, gateway: Gateway, load: Callable[[], Config], path: Path | None, told: Callable[[Result], None] | None = None
    ) -> None:
        self._gateway = gateway
        self._load = load
        self._path = path
        self._told = told
        self._seen = self._fingerprint()

    async def watch(self) -> None:
        """Reloads whenever the files change, until it is cancelled."""
        while True:
            directories = {file.parent if not file.is_dir() else file for file in self._files()}
            if not directories:
                return
            async for _ in awatch(*directories, recursive=False, watch_filter=None, debounce=DEBOUNCE_MS, ignore_permission_denied=True):
                if self._fingerprint() != self._seen:
                    self.reload("its file changed")
                    if {file.parent if not file.is_dir() else file for file in self._files()} != directories:
                        break  # keys_file is another one now

    def reload(self, why: str) -> Result:
        """Reads the config and takes it over where it is good."""
        self._seen = self._fingerprint()
        try:
            config = self._load()
        except ConfigError as error:
            opening = f"{error.source}: " if error.source else ""
            for fault in error.faults:
                logger.error("config not reloaded (%s), the last good one stays: %s%s", why, opening, fault)
            return self._tell("failure")
        before = self._gateway.config
        if config == before:
            logger.info("config read again (%s): nothing changed", why)
            return self._tell("unchanged")
        for name in FIXED:
            if getattr(config.server, name) != getattr(before.server, name):
                logger.warning("server.%s changed: it takes effect at the next start", name)
        self._gateway.adopt(config)
        logger.info(
            "config reloaded (%s): %d providers, %d models, %d keys", why, len(config.providers), len(config.models), len(config.keys)
        )
        return self._tell("success")

    def _tell(self, result: Result) -> Result:
        if self._told is not None:
            self._told(result)
        return result

    def _files(self) -> Iterator[Path]:
        if self._path is not None:
            yield self._path.absolute()
        if self._gateway.config.keys_file is not None:
            yield Path(self._gateway.config.keys_file).absolute()

    def _fingerprint(self) -> bytes:
        digest = hashlib.sha256()
        for file in self._files():
            for part in sorted(file.iterdir()) if file.is_dir() else [file]:
                if not part.name.startswith("..") and part.is_file():
                    digest.update(part.name.encode() + b"\0")
                    try:
                        digest.update(part.read_bytes())
                    except OSError as error:  # between two versions of it; the next event comes when it is there
                        digest.update(str(error.errno).encode())
        return digest.digest()


async def settled(task: asyncio.Task[None]) -> None:
    """Cancels ``task`` and waits until it is gone."""
    task.cancel()
    await asyncio.wait({task})
