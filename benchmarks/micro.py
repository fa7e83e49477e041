"""What conversion itself costs, in the process, without any server: microseconds of CPU per request, response and stream event.

python benchmarks/micro.py [SOURCE ...]        only these client wires: chat, messages, responses, google
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import rosetta

FIXTURES = Path(__file__).parent / "fix"
FORMATS = {"chat": "openai_chat", "messages": "anthropic", "responses": "openai_responses", "google": "google_genai"}
BATCHES = 5
BATCH_S = 0.05
STREAM_DELTAS = 200


def cost_us(work: Callable[[], object]) -> float:
    """The cheapest of a few batches."""
    work()
    started = time.process_time_ns()
    work()
    once_s = max(1e-6, (time.process_time_ns() - started) / 1e9)
    count = max(3, min(5000, int(BATCH_S / once_s)))
    found = []
    for _ in range(BATCHES):
        started = time.process_time_ns()
        for _ in range(count):
            work()
        found.append((time.process_time_ns() - started) / 1e3 / count)
    return min(found)


def stream_events(wire: str) -> list[bytes]:
    before, delta, after = (
        [event.encode() for event in part.split("\0") if event] for part in (FIXTURES / f"{wire}.ev").read_text().split("\1")
    )
    return before + delta * STREAM_DELTAS + after


def convert_stream(source: str, target: str, request: dict, events: list[bytes]) -> int:
    converter = rosetta.StreamConverter(source, target, request=request)
    return sum(len(converter.feed(event)) for event in events) + len(converter.finish())


def figures(client: str, upstream: str) -> list[float]:
    """Request, agent request, response, event."""
    source, target = FORMATS[client], FORMATS[upstream]
    small, agent = ((FIXTURES / f"{client}-{size}.request.json").read_bytes() for size in ("small", "agent"))
    reply, events, request = (FIXTURES / f"{upstream}.json").read_bytes(), stream_events(upstream), json.loads(small)
    return [
        cost_us(lambda: rosetta.convert_request(small, source, target, model="fake")),
        cost_us(lambda: rosetta.convert_request(agent, source, target, model="fake")),
        cost_us(lambda: rosetta.convert_response(reply, target, source, request=request)),
        cost_us(lambda: convert_stream(target, source, request, events)) / len(events),
    ]


def main() -> None:
    print(f"{'client -> upstream':24}{'request':>10}{'agent request':>15}{'response':>10}{'per event':>11}   us of CPU")
    for client in sys.argv[1:] or FORMATS:
        for upstream in FORMATS:
            small, agent, response, event = figures(client, upstream)
            print(f"{client + ' -> ' + upstream:24}{small:10.1f}{agent:15.1f}{response:10.1f}{event:11.2f}", flush=True)


if __name__ == "__main__":
    main()
