"""What a user configures: read, checked, immutable.

load / parse / build / discover   text or values -> Config, or ConfigError with every Fault
RouteTable(config).resolve(name)  a model's name -> Route(targets)
Allowed(key.models)(name)         whether a key may ask for it
"""

from rosetta.config.discover import discover, ollama_address
from rosetta.config.faults import ConfigError, Fault
from rosetta.config.globs import Allowed
from rosetta.config.keyring import with_keys
from rosetta.config.load import build, find, load, parse
from rosetta.config.routes import Route, RouteTable, Target, UnknownModel
from rosetta.config.schema import (
    Config,
    Key,
    Limits,
    LossPolicy,
    Model,
    Provider,
    Queue,
    Quota,
    Retries,
    Server,
    TargetRow,
    Telemetry,
    Timeout,
)
from rosetta.config.secret import Secret

__all__ = [
    "Allowed",
    "Config",
    "ConfigError",
    "Fault",
    "Key",
    "Limits",
    "LossPolicy",
    "Model",
    "Provider",
    "Queue",
    "Quota",
    "Retries",
    "Route",
    "RouteTable",
    "Secret",
    "Server",
    "Target",
    "TargetRow",
    "Telemetry",
    "Timeout",
    "UnknownModel",
    "build",
    "discover",
    "find",
    "load",
    "ollama_address",
    "parse",
    "with_keys",
]
