"""A live gateway whose spans and metrics a test can read."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from rosetta.config.schema import Telemetry
from rosetta.telemetry.recorder import Recorder
from rosetta.telemetry.tracing import tracing
from tests.live import LiveGateway, live_gateway

WAIT_S = 10.0


class Recording:
    """The gateway, and what it recorded."""

    def __init__(self, live: LiveGateway, exporter: InMemorySpanExporter, recorder: Recorder) -> None:
        self.live = live
        self.url = live.url
        self.exporter = exporter
        self.recorder = recorder

    def spans(self, requests: int = 1) -> list[ReadableSpan]:
        """Every span of as many requests; a server span ends last, a moment after its client got the last byte."""
        ends = time.monotonic() + WAIT_S
        while True:
            spans = list(self.exporter.get_finished_spans())
            if sum(span.kind.name == "SERVER" for span in spans) >= requests:
                return spans
            assert time.monotonic() < ends, f"no server span came: {[span.name for span in spans]}"
            time.sleep(0.005)

    def tree(self, requests: int = 1) -> list[str]:
        """The spans as an indented list, in the order of their beginnings."""
        spans = self.spans(requests)
        children: dict[int | None, list[ReadableSpan]] = {}
        known = {span.context.span_id for span in spans if span.context}
        for span in sorted(spans, key=lambda span: span.start_time or 0):
            parent = span.parent.span_id if span.parent and span.parent.span_id in known else None
            children.setdefault(parent, []).append(span)

        def lines(parent: int | None, depth: int) -> Iterator[str]:
            for span in children.get(parent, []):
                yield "  " * depth + span.name
                assert span.context is not None
                yield from lines(span.context.span_id, depth + 1)

        return list(lines(None, 0))

    def span(self, name: str) -> ReadableSpan:
        """The one span of this name."""
        found = [span for span in self.spans() if span.name == name]
        assert 1 == len(found), [span.name for span in self.spans()]
        return found[0]


@contextmanager
def recording(
    document: dict[str, Any], *, ratio: float = 1.0, environ: dict[str, str] | None = None, variables: dict[str, str] | None = None
) -> Iterator[Recording]:
    """A gateway with this config document. ``variables`` are what tracing finds in its environment."""
    exporter = InMemorySpanExporter()
    traces = tracing(Telemetry(sample_ratio=ratio), dict(variables or {}), processor=SimpleSpanProcessor(exporter))
    assert traces is not None
    recorder = Recorder(tracing=traces)
    with live_gateway(document, environ, recorder=recorder) as live:
        yield Recording(live, exporter, recorder)
