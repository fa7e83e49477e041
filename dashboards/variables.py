"""The filters at the top of the dashboards. Each offers what was really seen, and all of it by default."""

from __future__ import annotations

from dashboards.panels import Variable
from rosetta.telemetry import names

_HERE = '{namespace=~"$namespace"}'

NAMESPACE = Variable("namespace", "namespace", names.BUILD_INFO.name, "Namespace")
POD = Variable("pod", "pod", names.BUILD_INFO.name + _HERE, "Pod")
PROVIDER = Variable("provider", "provider", names.REQUESTS.name + _HERE, "Provider")
CLIENT_FORMAT = Variable("client_format", "client_format", names.REQUESTS.name + _HERE, "Client format")
MODEL = Variable("model", "model", names.REQUESTS.name + _HERE, "Model")
