"""A configured provider at run time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from rosetta.config.schema import ECHO, Timeout
from rosetta.config.schema import Provider as ProviderRow
from rosetta.engine.echo import EchoTransport
from rosetta.engine.ollama import Ollama
from rosetta.engine.upstream import Upstream
from rosetta.engine.watchdog import FIRST_TOKEN_LOCAL_S, FIRST_TOKEN_S, IDLE_S, TOTAL_S
from rosetta.ir.parts import Format
from rosetta.providers import catalog, models

CONNECT_S = 5.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "host.docker.internal")


class Provider:
    """Whom rosetta calls: address, credentials, the formats it speaks in order of preference, and its pool of connections."""

    def __init__(self, name: str, row: ProviderRow, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.name = name
        self.row = row
        self.vendor = catalog.vendor(row.vendor or name, row.base_url, row.type)
        self.format: Format = row.type or self.vendor.format
        self.formats: tuple[Format, ...] = row.formats or ((row.type,) if row.type else self.vendor.formats)
        self.since = {} if row.type or row.formats else self.vendor.since
        """Further wires, which the server speaks from a version on."""
        self.obeyed = row.type is not None and not row.formats  # a user's type alone is obeyed: no other format is chosen for it
        self.seal_group = row.seal_group or name
        self.base_url = row.base_url or self.vendor.base_url
        self.local = self.vendor.loopback or (urlsplit(self.base_url).hostname or "") in _LOOPBACK
        self._transport = transport
        self._upstreams: dict[str, Upstream] = {}
        self.upstream = self.upstream_on(self.format)
        self.ollama = Ollama(self.base_url) if self.vendor.name == "ollama" else None
        self._holders = 0
        self._keys = [key.reveal() for key in row.credentials]
        self._key = 0
        self._headers = [(header.lower(), value.reveal()) for header, value in row.headers.items()]

    def upstream_on(self, format: Format) -> Upstream:
        """The connections for a wire; some vendors serve one of theirs under another address."""
        base_url = self.row.base_url or catalog.vendor(self.vendor.name, None, format).base_url or self.base_url
        found = self._upstreams.get(base_url)
        if found is None:
            row = self.row
            found = self._upstreams[base_url] = Upstream(
                self.name,
                base_url,
                proxy=row.proxy.reveal() if row.proxy else None,
                ca_file=row.ca_file,
                max_connections=row.max_connections,
                connect_timeout_s=row.timeout.connect or CONNECT_S,
                transport=self._transport,
            )
        return found

    async def speaks_later(self, format: Format) -> bool:
        """Whether the server that runs there is new enough for one of its further wires."""
        return self.ollama is not None and format in self.since and await self.ollama.is_since(self.since[format])

    def query(self, path: str) -> str:
        """``path`` with what this vendor wants in the query (Azure's api-version)."""
        if not self.vendor.query:
            return path
        more = "&".join(f"{key}={value}" for key, value in self.vendor.query.items())
        return f"{path}{'&' if '?' in path else '?'}{more}"

    def credentials(self, format: Format, client: Mapping[str, str]) -> list[tuple[str, str]]:
        """The headers that prove who calls: our key in the vendor's way, or the client's own where the provider says ``auth: client``."""
        if self.row.auth == "client":
            return [(header, client[header]) for header in ("authorization", "x-api-key", "x-goog-api-key") if header in client]
        if not self._keys:
            return []
        key = self._keys[self._key]
        auth = self.vendor.auth_on(format)
        if auth == "bearer":
            return [("authorization", f"Bearer {key}")]
        return [] if auth == "none" else [(auth, key)]

    def rotate(self, sent: list[tuple[str, str]]) -> bool:
        """Goes on to the next key after one was refused. ``sent`` are the refused request's headers: when another request has changed the key
        meanwhile, that change counts. False where there is no other key."""
        if len(self._keys) < 2:
            return False
        key = self._keys[self._key]
        if any(value.endswith(key) for _, value in sent):
            self._key = (self._key + 1) % len(self._keys)
        return True

    @property
    def extra_headers(self) -> list[tuple[str, str]]:
        """Headers from the config, lower-case."""
        return self._headers

    def dialect(self, format: Format, model: str) -> Any:
        """What this provider's ``model`` accepts on ``format``."""
        return models.dialect(format, self.vendor.name, model, self.row.dialect)

    def times(self, timeout: Timeout) -> tuple[float, float, float]:
        """Seconds for the first token, between events and in total; the defaults where ``timeout`` says nothing."""
        patience = FIRST_TOKEN_LOCAL_S if self.local else FIRST_TOKEN_S
        return timeout.first_token or patience, timeout.idle or IDLE_S, timeout.total or TOTAL_S

    def hold(self) -> None:
        """One more engine uses it."""
        self._holders += 1

    async def release(self) -> None:
        """One engine less uses it: the last one closes its connections."""
        self._holders -= 1
        if self._holders <= 0:
            await self.aclose()

    async def aclose(self) -> None:
        """Closes its connections."""
        for upstream in self._upstreams.values():
            await upstream.aclose()
        if self.ollama is not None:
            await self.ollama.aclose()


def echo_provider() -> Provider:
    """The built-in provider of the model ``echo``."""
    row = ProviderRow(type="openai_chat", base_url="http://echo.invalid/v1")
    return Provider(ECHO, row, transport=EchoTransport())


def build(rows: Mapping[str, ProviderRow], before: Mapping[str, Provider] | None = None) -> dict[str, Provider]:
    """Every configured provider, and ``echo``. Those of ``before`` that are configured as they were stay, with their connections."""
    before = before or {}
    providers = {
        name: known if (known := before.get(name)) is not None and known.row == row else Provider(name, row) for name, row in rows.items()
    }
    if ECHO not in providers:
        providers[ECHO] = before.get(ECHO) or echo_provider()
    return providers
