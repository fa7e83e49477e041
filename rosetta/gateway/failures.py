"""Every error in the caller's own envelope."""

from __future__ import annotations

from rosetta.converters import CONVERTERS, jsontext
from rosetta.engine.call import Failed
from rosetta.gateway.reply import AsgiWriter
from rosetta.ir.errors import Failure
from rosetta.ir.parts import Format


async def write_failure(
    writer: AsgiWriter,
    format: Format,
    failure: Failure,
    request_id: str,
    *,
    headers: tuple[tuple[str, str], ...] = (),
    status: int | None = None,
) -> int:
    """Writes the envelope and gives its status, which is the format's own for this failure unless ``status`` is given."""
    wire = CONVERTERS[format].encode_failure(failure, request_id)
    out = [("content-type", "application/json"), *wire.headers.items(), *headers]
    if failure.ours and failure.kind == "upstream_error":  # the operator must mend it first
        out.append(("x-should-retry", "false"))
    status = wire.status if status is None else status
    await writer.unary(status, out, jsontext.encode(wire.body))
    return status


async def write_too_large(writer: AsgiWriter, format: Format, limit: int, request_id: str) -> int:
    """413: the body passes ``limit`` bytes. What is still on its way is not read."""
    failure = Failure("too_large", f"the body is larger than {limit} bytes (server.max_body)", ours=True)
    return await write_failure(writer, format, failure, request_id, headers=(("connection", "close"),))


async def write_failed(
    writer: AsgiWriter, format: Format, failed: Failed, request_id: str, *, headers: tuple[tuple[str, str], ...] = ()
) -> int:
    """Writes what the engine could not answer; an error that is in the client's format already passes as it came."""
    if failed.relayed is None:
        return await write_failure(writer, format, failed.failure, request_id, headers=(*failed.headers, *headers), status=failed.status)
    status, passed, body = failed.relayed
    await writer.unary(status, [("content-type", "application/json"), *passed, *headers], body)
    return status
