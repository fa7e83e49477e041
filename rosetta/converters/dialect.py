"""What the Dialects of all wires have in common: whether a client's body of a server's own wire may go there as it is."""

from __future__ import annotations

from typing import Literal

import msgspec


class Dialect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One server's or model family's reading of its wire. The defaults fit an unknown compatible server."""

    rewrite: bool | Literal["needed"] = False
    """A body of the very same wire goes through the IR too: always, or where it is ``needed``, where something in it is ``beyond`` the server."""

    def takes(self, body: bytes) -> bool:
        """Whether a body of the very same wire may pass as it is."""
        return not self.rewrite or (self.rewrite == "needed" and not self.beyond(body))

    def beyond(self, body: bytes) -> bool:  # noqa: ARG002 - there are wires whose servers all take the same
        """Whether the body holds what the server is known to refuse, or to lose. Words are looked for as JSON strings: one too many costs the bytes alone."""
        return False
