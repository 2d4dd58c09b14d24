"""What comes to the door and is no Charge Point: it costs nobody else his turn."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ocpp.v16 import call

from . import cases
from .program import WAIT_S
from .station import connected
from .tls import Knock, request

#: SSL 2.0's greeting, as a client of 1996 sends it: no record of TLS.
_SSL_2 = bytes.fromhex(
    "802e0100020015000000100100800200800300800600400400800500800700c0"
) + bytes(16)
_HTTP_2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

#: What is closed as soon as it is seen, with an answer or without.
AT_ONCE: Mapping[str, bytes] = {
    "SSL 2.0": _SSL_2,
    "HTTP/2": _HTTP_2,
    "zero bytes": bytes(64),
    "another method": b"POST / HTTP/1.1\r\n\r\n",
    "small letters": b"get /CP-0001 HTTP/1.1\r\n\r\n",
    "a record that is too long": b"\x16\x03\x01\xff\xff" + bytes(100),
    "a record of nothing, again and again": b"\x16\x03\x01\x00\x00" * 200,
    "a handshake that is none": b"\x16\x03\x01\x00\x05\x63\x00\x00\x01\x00",
    "an alert": b"\x15\x03\x01\x00\x02\x02\x28",
}

#: What has begun well, and does not go on: it is closed after a while.
HALVES: Mapping[str, bytes] = {
    "nothing": b"",
    "the first byte of TLS": b"\x16",
    "the first byte of HTTP": b"G",
    "half an upgrade": b"GET /CP-0001 HTTP/1.1\r\nHost: x\r\n",
    "a record that never comes": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}

_IDLE = 200
#: Of these addresses, so that no bound for one of them is what closes them.
_ADDRESSES = 8


def hello() -> bytes:
    """What a TLS client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(
        incoming, outgoing, server_hostname="localhost"
    )
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake without a server")


async def ending(port: int, data: bytes, slowly: bool = False) -> bytes:
    """
    Say something, and wait for the end.

    @param slowly: one byte after the other, a second apart.
    @return: what was answered.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = asyncio.ensure_future(_all(reader))
    try:
        async with asyncio.timeout(WAIT_S):
            if slowly:
                for byte in data:
                    if answer.done():
                        break
                    writer.write(bytes([byte]))
                    await asyncio.wait([answer], timeout=1)
            else:
                writer.write(data)
            return await answer
    finally:
        writer.transport.abort()


async def _all(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


class Hostile(cases.SharedProgramCase):
    """A door that takes both; whoever else knocks."""

    @classmethod
    def setUpClass(cls) -> None:
        """Start the program."""
        cls.manager = cases.make_program()
        cls.addClassCleanup(cases.discard, cls.manager)
        text = cases.tap_cfg(cls.manager.port, ("CP-0001", "CP-0003"))
        text = text.replace("tls = off", "tls = detect")
        cls.manager.configure(text)
        cls.manager.start()

    async def is_served(self, identity: str, is_encrypted: bool) -> None:
        """A Charge Point comes, and is answered."""
        with tempfile.TemporaryDirectory() as folder:
            context = Knock().context(Path(folder)) if is_encrypted else None
        async with connected(self.manager, identity, context=context) as station:
            await station.boot()
            await station.ask(call.Heartbeat())

    def test_at_once(self) -> None:
        """What can be nothing that belongs here is closed as soon as it is seen."""
        self.run_peers(self.at_once())

    async def at_once(self) -> None:
        """See L{test_at_once}: who says nothing has come before, and is there after them."""
        silent = asyncio.ensure_future(ending(self.manager.port, b""))
        for name, data in AT_ONCE.items():
            answer = await ending(self.manager.port, data)
            # At most it is told why, in the language that it might know.
            self.assertNotIn(b"101", answer.split(b"\r\n")[0], name)
            self.assertFalse(silent.done(), name)
        silent.cancel()
        await self.is_served("CP-0001", is_encrypted=True)

    def test_slow(self) -> None:
        """Whoever is slow, or stops half-way, is closed, and delays nobody meanwhile."""
        self.run_peers(self.slow())

    async def slow(self) -> None:
        """One byte a second, half a handshake, and two hundred who say nothing."""
        port = self.manager.port
        slow = [
            ending(port, hello(), slowly=True),
            ending(port, request("CP-0002"), slowly=True),
            *(ending(port, data) for data in HALVES.values()),
            *(self.idle(number) for number in range(_IDLE)),
        ]
        closed = [asyncio.ensure_future(one) for one in slow]
        await asyncio.sleep(0.5)
        await self.is_served("CP-0001", is_encrypted=True)
        await self.is_served("CP-0003", is_encrypted=False)
        async with asyncio.timeout(WAIT_S):
            await asyncio.gather(*closed)

    async def idle(self, number: int) -> None:
        """Come, say nothing, and wait for the end."""
        source = f"127.0.0.{2 + number % _ADDRESSES}"
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.manager.port, local_addr=(source, 0)
        )
        await _all(reader)
        writer.transport.abort()

    def test_encrypted_nonsense(self) -> None:
        """What comes by TLS and is no upgrade is refused as it is without."""
        self.run_peers(self.encrypted_nonsense())

    async def encrypted_nonsense(self) -> None:
        """Another method, a head that is too long, and bytes at random."""
        with tempfile.TemporaryDirectory() as folder:
            context = Knock().context(Path(folder))
        nonsense = bytes(range(256)) + b"\r\n\r\n"
        for data in (b"POST / HTTP/1.1\r\n\r\n", b"GET /" + b"x" * 70_000, nonsense):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self.manager.port, ssl=context, server_hostname="localhost"
            )
            try:
                writer.write(data)
                async with asyncio.timeout(WAIT_S):
                    answer = await _all(reader)
            finally:
                writer.transport.abort()
            self.assertNotIn(b" 101 ", answer[:20])
        await self.is_served("CP-0001", is_encrypted=True)

    def test_renegotiation(self) -> None:
        """Nobody gets a second handshake on a connection, and nothing is compressed."""
        found = subprocess.run(
            ["openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{self.manager.port}"],
            input="R\n",
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        self.assertIn("Compression: NONE", found.stdout)
        self.assertIn("RENEGOTIATING", found.stderr + found.stdout)
        self.assertRegex(found.stderr, "no renegotiation|unexpected eof|closed")


class TlsOnly(cases.SharedProgramCase):
    """A door that takes encrypted connections only."""

    @classmethod
    def setUpClass(cls) -> None:
        """Start the program."""
        cls.manager = cases.make_program()
        cls.addClassCleanup(cases.discard, cls.manager)
        text = cases.tap_cfg(cls.manager.port).replace("tls = off", "tls = on")
        cls.manager.configure(text)
        cls.manager.start()

    def test_plain(self) -> None:
        """Who comes without TLS is told what is wrong, and by the log, too."""
        self.run_peers(self.plain())

    async def plain(self) -> None:
        """See L{test_plain}."""
        mark = self.manager.mark()
        answer = await ending(self.manager.port, request("CP-0001"))
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        self.assertIn(b"wss://", answer)
        await self.manager.says(r"127\.0\.0\.1.*wss://", mark)
