"""As much of a Kubernetes API server as Helm asks while it renders: its version, its kinds, and the Secrets that are there."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VERSION = {"major": "1", "minor": "37", "gitVersion": "v1.37.0"}
KINDS = {"v1": ("Secret", "ConfigMap", "Service", "ServiceAccount", "Pod"), "apps/v1": ("Deployment",)}
APPS = {"groupVersion": "apps/v1", "version": "v1"}


@contextlib.contextmanager
def api_server(release: str, secrets: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """``secrets``: the data of each, in base64, by its name, made by ``release`` in the namespace default. Gives the server's address."""
    answers: dict[str, Any] = {
        "/version": VERSION,
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [{"name": "apps", "versions": [APPS], "preferredVersion": APPS}]},
        **{f"/api{'' if version == 'v1' else 's'}/{version}": _resources(version) for version in KINDS},
        **{
            f"/api/v1/namespaces/default/secrets/{name}": {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": "default", **_owned_by(release)},
                "data": data,
            }
            for name, data in secrets.items()
        },
    }
    missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            found = answers.get(path)
            body = json.dumps(missing if found is None else found).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _resources(version: str) -> dict[str, Any]:
    rows = [
        {"name": f"{kind.lower()}s", "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": ["get", "list"]}
        for kind in KINDS[version]
    ]
    return {"kind": "APIResourceList", "groupVersion": version, "resources": rows}


def _owned_by(release: str) -> dict[str, Any]:
    annotations = {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": "default"}
    return {"labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": annotations}
