"""A proxy that refuses everybody and writes down which hosts were asked for: nothing of a client's run leaves this machine."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

REFUSAL = b"HTTP/1.1 502 no way out\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
READ_TIMEOUT_S = 5


@contextlib.contextmanager
def refusing_proxy(log: Path) -> Iterator[str]:
    """Gives the proxy's URL; ``log`` gets one request line per visitor."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_refuse_all, args=(listener, log), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def _refuse_all(listener: socket.socket, log: Path) -> None:
    while True:
        try:
            visitor, _ = listener.accept()
        except OSError:  # the listener was closed
            return
        with visitor, contextlib.suppress(OSError):
            visitor.settimeout(READ_TIMEOUT_S)
            line = visitor.recv(4096).split(b"\r\n")[0].decode("latin-1")
            with log.open("a") as file:
                file.write(line + "\n")
            visitor.sendall(REFUSAL)
