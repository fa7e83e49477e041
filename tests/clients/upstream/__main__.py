"""python -m tests.clients.upstream [--port 22001] [--scenario tool] [--strict] [--directory DIR]"""

import argparse
import signal
import threading

from tests.clients.upstream import SCENARIOS, start_upstream


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.clients.upstream", description="A scripted stand-in for four kinds of LLM provider."
    )
    parser.add_argument("--port", type=int, default=22001)
    parser.add_argument("--scenario", default="tool", choices=SCENARIOS)
    parser.add_argument("--strict", action="store_true", help="refuse what a real provider would refuse")
    parser.add_argument("--directory", help="where every request is written to")
    settings = vars(parser.parse_args())
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with start_upstream(settings.pop("port"), **settings) as upstream:
        print(upstream.url, flush=True)
        stopped.wait()


if __name__ == "__main__":
    main()
