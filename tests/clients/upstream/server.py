"""The scripted upstream as an HTTP server: one port, four wires, several runs at once.

    POST .../chat/completions   .../responses   .../messages   .../models/NAME:generateContent and :streamGenerateContent
    GET  .../models, POST count endpoints       as much as gateways ask for
    POST /_ctl[?run=NAME] {settings}            starts a run afresh
    GET  /_ctl[?run=NAME]                       its log

A request belongs to the run that its path begins with (``/run/NAME/v1/...``), else to the one its key names (``run-NAME``), else to ``default``.
"""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs

from tests.clients.upstream import reading, writing_anthropic, writing_chat, writing_google, writing_responses
from tests.clients.upstream.answer import Answer, Event, random_id
from tests.clients.upstream.lint import lint
from tests.clients.upstream.runs import DEFAULT_RUN, RUNAWAY_REQUESTS, Run, Runs, Settings
from tests.clients.upstream.script import FAULT_STATUS, HALF_ANSWER, STREAM_FAULTS, Step, Text, plan
from tests.clients.upstream.trouble import error_body, midway_event

WRITERS = {"chat": writing_chat, "responses": writing_responses, "anthropic": writing_anthropic, "google": writing_google}
RUN_PATH = re.compile(r"/run/(?P<run>[A-Za-z0-9_-]+)(?P<rest>/.*)")
RUN_KEY = re.compile(r"(?:Bearer )?run-(?P<run>[A-Za-z0-9_-]+)")
MODELS = ("up-chat", "up-responses", "up-anthropic", "up-google")
EVENTS_BEFORE_FAULT = 5
RETRY_AFTER = {"err429": "1", "err503": "1"}


class Upstream:
    """A running scripted upstream. Use as a context manager, or ``stop`` it."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self.port: int = server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def control(self, run: str = DEFAULT_RUN, **settings: Any) -> None:
        """Starts the run afresh: scenario, strict, directory, empty_tail, reasoning_field, thought_signature, pause_s."""
        self._server.runs.start(run, **settings)

    def run(self, name: str = DEFAULT_RUN) -> Run:
        return self._server.runs.get(name)

    @property
    def log(self) -> list[dict[str, Any]]:
        """One line per request of the default run: wire, path, model, stream, tools, results, marks, reasoning_back, lint, status, plan ..."""
        return self.run().log

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The requests of the default run: method, path, query, wire, headers (as sent), body."""
        return self.run().requests

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def __enter__(self) -> "Upstream":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, settings: Settings) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.runs = Runs(settings)


def start_upstream(port: int = 0, **settings: Any) -> Upstream:
    """A scripted upstream in a thread of this process, on a free port unless one is given."""
    return Upstream(Server(port, Settings(**settings)))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def handle_any(self) -> None:
        path, _, query = self.path.partition("?")
        raw = self._read_body()
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = {"unreadable": raw[:2000].decode("utf-8", "replace")}
        if path == "/_ctl":
            self._control(query, body)
            return
        name = self._run_by_key()
        if found := RUN_PATH.fullmatch(path):
            name, path = found["run"], found["rest"]
        run = cast("Server", self.server).runs.get(name)
        wire = (reading.wire_of(path) if self.command == "POST" else None) or "other"
        headers = dict(self.headers.items())
        line = run.arrived({"method": self.command, "path": path, "query": query, "wire": wire, "headers": headers, "body": body})
        try:
            if wire == "other":
                line["status"] = self._other(path, body)
            else:
                self._answer(run, wire, path, query, body, line)
        except (BrokenPipeError, ConnectionResetError):
            line["client_left"] = True
            self.close_connection = True

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = handle_any

    def _read_body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        raw = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            raw += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return raw

    def _run_by_key(self) -> str:
        keys = (self.headers.get(name, "") for name in ("authorization", "x-api-key", "x-goog-api-key"))
        return next((found["run"] for key in keys if (found := RUN_KEY.fullmatch(key))), DEFAULT_RUN)

    def _control(self, query: str, body: Any) -> None:
        runs = cast("Server", self.server).runs
        name = parse_qs(query).get("run", [DEFAULT_RUN])[0]
        try:
            if self.command == "POST":
                runs.start(name, **(body or {}))
        except ValueError as error:
            self._reply(400, {"error": str(error)})
            return
        self._reply(200, runs.get(name).log)

    def _other(self, path: str, body: Any) -> int:
        """Whatever is no request for an answer; gives the status."""
        replies: dict[tuple[str, str], Any] = {
            ("POST", "/count_tokens"): {"input_tokens": 1234},
            ("POST", ":countTokens"): {"totalTokens": 1234},
            ("POST", "/responses/input_tokens"): {"object": "response.input_tokens", "input_tokens": 1234},
            ("GET", "/v1beta/models"): {"models": [{"name": f"models/{model}", "displayName": model} for model in MODELS]},
            ("GET", "/models"): {"object": "list", "data": [{"id": model, "object": "model", "owned_by": "scripted"} for model in MODELS]},
        }
        if path == "/" and self.command in ("GET", "HEAD"):
            return self._reply(200, {"ok": True})
        for (method, ending), reply in replies.items():
            if self.command == method and path.endswith(ending):
                return self._reply(200, reply)
        return self._reply(404, error_body("chat", 404, f"no such route: {self.command} {path}"))

    def _answer(self, run: Run, wire: str, path: str, query: str, body: Any, line: dict[str, Any]) -> None:
        settings = run.settings
        route = reading.GOOGLE_ROUTE.search(path)
        if wire == "google":
            body = reading.camel_case(body)
        try:
            model = route["model"] if route else str(body.get("model") or "")
            stream = path.endswith(":streamGenerateContent") if route else bool(body.get("stream"))
            seen = reading.read(wire, body)
            faults = lint(wire, body, model)
        except (KeyError, TypeError, AttributeError) as error:
            line.update(status=400, lint=[f"unreadable: {error!r}"])
            self._reply(400, error_body(wire, 400, f"unreadable: {error!r}"))
            return
        line.update(model=model, stream=stream, tools=len(seen.tools), results=len(seen.results), marks=seen.marks)
        line.update(reasoning_back=seen.reasoning_back, lint=faults, fields=sorted(body))
        if faults and settings.strict:
            line["status"] = self._reply(400, error_body(wire, 400, "; ".join(faults)))
            return
        if seen.tools and line["n"] > RUNAWAY_REQUESTS:
            line["status"] = self._reply(400, error_body(wire, 400, f"more than {RUNAWAY_REQUESTS} requests in one run"))
            return
        fault = line["fault"] = run.next_fault() if seen.tools else None
        if fault in FAULT_STATUS:
            headers = {"retry-after": RETRY_AFTER[fault]} if fault in RETRY_AFTER else {}
            line["status"] = self._reply(FAULT_STATUS[fault], error_body(wire, FAULT_STATUS[fault]), headers)
            return
        steps: list[Step] = [Text(HALF_ANSWER)] if fault else plan(settings.scenario, seen)
        line.update(status=200, plan=[type(step).__name__ for step in steps])
        answer = Answer(
            steps,
            model,
            created=int(time.time()),
            new_id=random_id,
            include_usage=bool((body.get("stream_options") or {}).get("include_usage")) if wire == "chat" else True,
            reasoning_field=settings.reasoning_field,
            thought_signature=settings.thought_signature,
            empty_tail=settings.empty_tail or fault is not None,  # what is cut has not said that it is done
        )
        if stream:
            self._stream(
                wire,
                WRITERS[wire].stream(answer),
                fault,
                as_array=wire == "google" and "alt=sse" not in query,
                pause_s=settings.pause_s if settings.scenario == "long" else 0,
            )
        elif fault == "drop":
            self._drop()
        else:
            self._reply(200, WRITERS[wire].response(answer))

    def _stream(self, wire: str, events: Iterator[Event], fault: str | None, *, as_array: bool, pause_s: float) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json" if as_array else "text/event-stream; charset=utf-8")
        self.send_header("cache-control", "no-cache")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        events_before_fault = 1 if wire == "google" else EVENTS_BEFORE_FAULT
        for number, event in enumerate(events):
            if fault == "empty":
                break
            if fault in STREAM_FAULTS and number == events_before_fault:
                if fault == "drop":
                    self._drop()
                    return
                self._chunk(frame(midway_event(wire), as_array=as_array, first=number == 0))
                break
            self._chunk(frame(event, as_array=as_array, first=number == 0))
            if pause_s:
                time.sleep(pause_s)
        if as_array:
            self._chunk("]")
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _reply(self, status: int, value: Any, headers: dict[str, str] | None = None) -> int:
        data = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        return status


def frame(event: Event, *, as_array: bool = False, first: bool = False) -> str:
    """One event as text of a stream: SSE, or an element of Google's JSON array."""
    name, data = event
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    if as_array:
        return ("[" if first else ",\n") + text
    return (f"event: {name}\n" if name else "") + f"data: {text}\n\n"
