"""What telemetry costs: the gateway with everything on and 10 % of the requests sampled, against the same gateway with everything off.

    python benchmarks/telemetry.py --most 1.4        exit code 1 when it takes more than 1.4x the CPU per request

On: metrics, one JSON line per request, spans sent over OTLP/HTTP to a collector that throws them away. All in one run, the rounds interleaved.
"""

import argparse
import http.server
import os
import sys
import tempfile
import threading
from pathlib import Path

import bench
from gateways import FOUR_MODELS, Gateway, through

ON, OFF = "observed", "unobserved"
HERE = Path(__file__).parent


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes spans and counts the bytes."""

    protocol_version = "HTTP/1.1"
    received = 0

    def do_POST(self) -> None:
        Collector.received += len(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


def gateways(collector: str) -> dict[str, Gateway]:
    options = ("serve", "--config", "$config", "--host", "127.0.0.1", "--port", "$port")
    python, cells, quiet = sys.executable, through(FOUR_MODELS), {"OLLAMA_HOST": "127.0.0.1:9"}
    environment = {**quiet, "OTEL_EXPORTER_OTLP_ENDPOINT": collector}
    return {
        OFF: Gateway(cells, (python, str(HERE / "unobserved.py"), *options), "rosetta.yaml", quiet),
        ON: Gateway(cells, (python, "-m", "rosetta", *options), "rosetta.yaml", environment),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenarios", default="unary,agent,stream,relay", help=", ".join(bench.SCENARIOS))
    parser.add_argument("--seconds", type=float, default=3, help="of one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=float, help="the highest ratio of CPU")
    options = parser.parse_args()
    bench.build()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    known = gateways(f"http://127.0.0.1:{server.server_port}")
    bench.gateways = lambda: known
    ratios = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        running = bench.Bench([OFF, ON], Path(folder))
        try:
            for name in options.scenarios.split(","):
                scenario = bench.SCENARIOS[name]
                rows = bench.measure(running, name, scenario, scenario.connections[0], options)
                bench.print_rows(rows)
                off, on = (next(row["cpu_us_per_request"] for row in rows if row["gateway"] == gateway) for gateway in (OFF, ON))
                ratios.append(on / off)
                print(f"telemetry: {on / off:.2f}x, {on - off:+.0f} us per request", flush=True)
        finally:
            running.stop()
            server.shutdown()
    print(f"at most {max(ratios):.2f}x; {Collector.received / 1e6:.1f} MB of spans were sent")
    return 1 if options.most and max(ratios) > options.most else 0


if __name__ == "__main__":
    os.environ.pop("OTEL_SDK_DISABLED", None)
    sys.exit(main())
