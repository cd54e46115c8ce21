"""Ports of a machine's loopback address that lead out of its namespace: ``python -m mist_pipeline_tests.failover.forward HOST PORT …``."""

import asyncio
import sys
from contextlib import suppress
from functools import partial


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()


async def _forward(host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        inner, outer = await asyncio.wait_for(asyncio.open_connection(host, port), 10)
    except (OSError, TimeoutError):
        writer.close()
        return
    await asyncio.gather(_copy(reader, outer), _copy(inner, writer))


async def _main(host: str, ports: list[int]) -> None:
    servers = [await asyncio.start_server(partial(_forward, host, port), "127.0.0.1", port) for port in ports]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(sys.argv[1], list(map(int, sys.argv[2:]))))
