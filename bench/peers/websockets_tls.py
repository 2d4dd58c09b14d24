"""Python's C{websockets} on asyncio, encrypted: each CALL gets an empty answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.peers import control
from bench.tls_material import server_context


async def _serve(connection: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for text in connection:
            assert isinstance(text, str)
            await connection.send("[3," + text[3 : text.index(",", 3)] + ",{}]")


async def _main() -> None:
    options = control.parse(__spec__.name)
    logging.disable(logging.ERROR)
    server = serve(
        _serve, "127.0.0.1", options.port, subprotocols=["ocpp1.6"], compression=None,
        ping_interval=None, backlog=1024,
        ssl=server_context(options.material, options.tls == "mutual"),
    )  # fmt: skip
    async with server:
        control.ready()
        await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(_main())
