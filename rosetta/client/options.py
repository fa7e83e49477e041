"""What a single call says beyond its body: whom to ask instead, with which key, for how long."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import count
from typing import Any

import msgspec

from rosetta.client.errors import raised
from rosetta.config.discover import MODEL_FAMILIES, OLLAMA
from rosetta.config.routes import RouteTable, Target, UnknownModel
from rosetta.config.schema import Config, Model, Provider, TargetRow, Timeout
from rosetta.config.secret import Secret
from rosetta.ir.errors import Failure
from rosetta.ir.parts import Format
from rosetta.providers import catalog

PREFIXES: dict[str, str] = {
    "azure_ai": "azure",
    "fireworks_ai": "fireworks",
    "gemini": "google",
    "hosted_vllm": "vllm",
    "lm_studio": "lmstudio",
    "ollama_chat": "ollama",
    "together_ai": "together",
}
"""Names of other libraries for vendors of the catalog, before the slash of ``provider/model``."""

_COMPATIBLE: dict[str, Format] = {"openai": "openai_chat"}
# `openai/` with an address of one's own is any server that speaks OpenAI's chat wire, whatever OpenAI itself prefers.


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One model to ask. ``api_key`` and ``base_url`` stand in place of what the config or the environment says."""

    model: str
    api_key: Secret | None = None
    base_url: str | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Of one call. ``timeout`` in seconds, for the whole of it; ``retries`` are those after the first try; ``fallbacks`` are asked in this order."""

    api_key: Secret | None = None
    base_url: str | None = None
    timeout: Timeout | None = None
    retries: int | None = None
    fallbacks: tuple[Ask, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def plain(self) -> bool:
        """Whether the call says nothing of all this."""
        return self == _PLAIN


_PLAIN = Options()


def options(
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float | Mapping[str, float] | None = None,
    retries: int | None = None,
    fallbacks: Sequence[str | Mapping[str, Any]] | None = None,
    extra_headers: Mapping[str, str] | None = None,
) -> Options:
    """Raises TypeError or ValueError for what is none."""
    if retries is not None and retries < 0:
        raise ValueError(f"retries: expected 0 or more, got {retries}")
    if timeout is None:
        times = None
    elif isinstance(timeout, Mapping):
        unknown = timeout.keys() - set(Timeout.__struct_fields__)
        if unknown:
            raise ValueError(f"timeout: expected {', '.join(Timeout.__struct_fields__)}, got {', '.join(sorted(unknown))}")
        times = msgspec.convert(dict(timeout), Timeout)
    else:
        times = msgspec.convert({"total": timeout}, Timeout)
    return Options(
        api_key=None if api_key is None else Secret(api_key),
        base_url=base_url,
        timeout=times,
        retries=retries,
        fallbacks=tuple(_ask(row) for row in fallbacks or ()),
        headers=tuple((extra_headers or {}).items()),
    )


def _ask(row: str | Mapping[str, Any]) -> Ask:
    if isinstance(row, str):
        return Ask(model=row)
    known = {"model", "api_key", "base_url"}
    if "model" not in row or row.keys() - known:
        raise ValueError(f"fallbacks: expected a model's name or {{model, api_key, base_url}}, got the keys {', '.join(row)}")
    key = row.get("api_key")
    return Ask(model=row["model"], api_key=None if key is None else Secret(key), base_url=row.get("base_url"))


def applied(config: Config, routes: RouteTable, model: str, options: Options) -> Config:
    """``config`` made ready for one call: itself where it routes ``model`` already and the call says nothing more, else with what is missing.

    Raises NotFoundError for a name that tells no provider, AuthenticationError for a vendor whose key is nowhere.
    """
    if options.plain:
        try:
            routes.resolve(model)
        except UnknownModel:
            pass
        else:
            return config
    providers = dict(config.providers)
    rows: list[TargetRow] = []
    entry: Model | None = None
    for ask in (Ask(model=model, api_key=options.api_key, base_url=options.base_url), *options.fallbacks):
        try:
            targets = routes.resolve(ask.model).targets
        except UnknownModel as error:
            targets = (_from_catalog(ask, providers, error),)
        for target in targets:
            name = target.provider
            if name in providers and (ask.api_key is not None or ask.base_url is not None or options.headers):
                name = _overridden(providers, name, ask, options, taken={row.provider for row in rows})
            rows.append(
                TargetRow(
                    provider=name,
                    model=target.model,
                    weight=target.weight,
                    context_window=target.context_window,
                    timeout=target.timeout if options.timeout is None else options.timeout.over(target.timeout),
                )
            )
    entry = config.models.get(model)
    made = Model(targets=tuple(rows)) if entry is None else msgspec.structs.replace(entry, targets=tuple(rows))
    retries = config.retries if options.retries is None else msgspec.structs.replace(config.retries, attempts=options.retries + 1)
    return msgspec.structs.replace(config, providers=providers, models={**config.models, model: made}, retries=retries)


def _overridden(providers: dict[str, Provider], name: str, ask: Ask, options: Options, taken: set[str]) -> str:
    """A provider with the call's own key, address and headers; its name, which is another one where an earlier target has it otherwise."""
    row = providers[name]
    changes: dict[str, Any] = {}
    if ask.api_key is not None:
        changes |= {"api_key": ask.api_key, "api_keys": ()}
    if ask.base_url is not None and ask.base_url != row.base_url:
        changes["base_url"] = ask.base_url
        known = catalog.recognised(ask.base_url)
        if row.type is None and known is None and row.vendor in _COMPATIBLE:
            changes |= {"vendor": catalog.GENERIC, "type": _COMPATIBLE[row.vendor]}
    if options.headers:
        changes["headers"] = {**row.headers, **{header: Secret(value) for header, value in options.headers}}
    made = msgspec.structs.replace(row, **changes)
    if name in taken and made != row:
        name = next(other for number in count(2) if (other := f"{name}-{number}") not in providers)
    providers[name] = made
    return name


def _from_catalog(ask: Ask, providers: dict[str, Provider], unknown: UnknownModel) -> Target:
    prefix, slash, rest = ask.model.partition("/")
    prefix = PREFIXES.get(prefix, prefix)
    if slash and (prefix in providers or prefix in catalog.VENDORS):
        vendor, model = prefix, rest
    else:
        families = (name for name, patterns in MODEL_FAMILIES.items() if name != OLLAMA)
        found = next((name for name in families if any(fnmatchcase(ask.model, pattern) for pattern in MODEL_FAMILIES[name])), None)
        if found is None:
            message = f"no model is named {ask.model!r}: write provider/model, with a provider of the config or one of {', '.join(catalog.VENDORS)}"
            near = f"; did you mean {' or '.join(unknown.near)}?" if unknown.near else ""
            raise raised(Failure("not_found", message + near, code="model_not_found", param="model", ours=True), model=ask.model)
        vendor, model = found, ask.model
    if vendor not in providers:
        providers[vendor] = _row(vendor, ask)
    return Target(vendor, model)


def _row(vendor: str, ask: Ask) -> Provider:
    known = catalog.VENDORS[vendor]
    key = next((os.environ[name] for name in known.env_keys if os.environ.get(name, "").strip()), None)
    if key is None and ask.api_key is None and ask.base_url is None and vendor in catalog.KEY_VARIABLES:
        message = f"no key for {vendor}: set {' or '.join(known.env_keys)}, or pass api_key"
        raise raised(Failure("auth", message, ours=True), vendor, ask.model)
    if not known.base_url and ask.base_url is None:
        raise raised(Failure("bad_request", f"{vendor} has no address that is the same for everybody: pass base_url", ours=True), vendor)
    return Provider(vendor=vendor, api_key=None if key is None else Secret(key))
