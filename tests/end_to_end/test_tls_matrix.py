"""
Who gets in, by how the door is set and by how he comes: C{openssl}, C{ssl} and C{websockets}
knock at the whole program, and its own gateways do.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import ssl
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import ClassVar

from attrs import evolve

from ..issuer import Issuer, Papers
from . import cases
from .program import WAIT_S, Program
from .station import connected
from .tls import PEERS, SUITES, Ends, Knock

LONG_AGO = datetime(2021, 1, 1, tzinfo=UTC)
HOSTS = ("localhost", "127.0.0.1")

#: Who has signed the server's certificate, with somebody in between; and the Charge Points'.
ROOT = Issuer("Root")
BETWEEN = Issuer("Between", above=ROOT)
OWNER = Issuer("Owner")
STRANGER = Issuer("Somebody else")

SERVER = BETWEEN.issue("server", *HOSTS)
#: One with an RSA key, for one host.
NAMED = BETWEEN.issue("server", "localhost", bits=2048)
#: Where a Charge Point has to show who it is, it is this one.
NAME = "CP-7777"
SHOWN = OWNER.issue(NAME)
SELF_SIGNED = STRANGER.issue(NAME, is_self_signed=True)


def leaf(papers: Papers) -> str:
    """The certificate alone."""
    end = "-----END CERTIFICATE-----\n"
    return papers.chain.partition(end)[0] + end


#: So long a door may take until it is set. [s]
_SETTLED_S = 10.0

#: What is written beside tap.cfg.
FILES = {
    "server.pem": SERVER.chain,
    "server.key": SERVER.key,
    "named.pem": NAMED.chain,
    "named.key": NAMED.key,
    "owner.pem": OWNER.pem,
    "leaf.pem": leaf(SELF_SIGNED),
}

_OWN = "tls = on\ncertificate = server.pem\nprivate_key = server.key\n"

#: How the door is set, as lines of [ocpp server].
DOORS: Mapping[str, str] = {
    "off": "tls = off\n",
    "detect": "tls = detect\n",
    "on": "tls = on\n",
    "own": _OWN,
    "clients": _OWN + "ca_certificates = owner.pem\n",
    "client": _OWN + "ca_certificates = leaf.pem\n",
}

#: Doors for our own gateways: the first is for one host only.
_NAMED = "tls = on\ncertificate = named.pem\nprivate_key = named.key\n"
GATEWAY_DOORS: Mapping[str, str] = {
    "named": _NAMED,
    "clients": _NAMED + "ca_certificates = owner.pem\n",
}

#: With the pairs that the program makes itself, what is trusted is what it shows: it is put in
#: the place of this.
WHAT_IT_SHOWS = "what it shows"

KNOCKS: Mapping[str, Knock] = {
    "plain": Knock(is_encrypted=False),
    "trusts everybody": Knock(),
    "trusts what it shows": Knock(trusts=WHAT_IT_SHOWS, is_leaf=True, host="localhost"),
    "right authority": Knock(trusts=ROOT.pem, host="localhost"),
    "authority, address": Knock(trusts=ROOT.pem, host="127.0.0.1"),
    "wrong authority": Knock(trusts=STRANGER.pem, host="localhost"),
    "its leaf": Knock(trusts=leaf(SERVER), is_leaf=True, host="localhost"),
    "wrong host": Knock(trusts=ROOT.pem, host="garage.example"),
    "shows its certificate": Knock(shows=SHOWN),
    "shows another's": Knock(shows=OWNER.issue("CP-0001")),
    "shows what has expired": Knock(shows=OWNER.issue(NAME, ends=LONG_AGO)),
    "shows what nobody signed": Knock(shows=SELF_SIGNED),
    "shows a stranger's": Knock(shows=STRANGER.issue(NAME)),
    "TLS 1.1": Knock(version=ssl.TLSVersion.TLSv1_1),
    "TLS 1.2": Knock(version=ssl.TLSVersion.TLSv1_2),
    "TLS 1.3": Knock(version=ssl.TLSVersion.TLSv1_3),
    "CBC": Knock(suites="ECDHE-ECDSA-AES128-SHA256:AES128-SHA"),
    **{suite: Knock(suites=suite) for suite in SUITES},
}

_IN, _NO_TLS, _DISTRUSTS = Ends.LET_IN, Ends.NO_TLS, Ends.DISTRUSTS
_ALL_SUITES = dict.fromkeys(SUITES, _IN)

#: What comes of whom at which door.
EXPECTED: Mapping[str, Mapping[str, Ends]] = {
    "off": {"plain": _IN, "trusts everybody": _NO_TLS, "TLS 1.1": _NO_TLS},
    "detect": {
        "plain": _IN,
        "trusts everybody": _IN,
        "trusts what it shows": _IN,
        "wrong authority": _DISTRUSTS,
        "shows its certificate": _IN,
        "TLS 1.1": _NO_TLS,
        "CBC": _NO_TLS,
        "TLS 1.2": _IN,
        "TLS 1.3": _IN,
        **_ALL_SUITES,
    },
    "on": {
        "plain": Ends.TLS_ONLY,
        "trusts everybody": _IN,
        "trusts what it shows": _IN,
        "wrong authority": _DISTRUSTS,
        "TLS 1.1": _NO_TLS,
        "CBC": _NO_TLS,
        "TLS 1.2": _IN,
        "TLS 1.3": _IN,
        **_ALL_SUITES,
    },
    "own": {
        "plain": Ends.TLS_ONLY,
        "trusts everybody": _IN,
        "right authority": _IN,
        "authority, address": _IN,
        "wrong authority": _DISTRUSTS,
        "its leaf": _IN,
        "wrong host": _DISTRUSTS,
        "shows its certificate": _IN,
        SUITES[0]: _IN,
        SUITES[1]: _IN,
        # It has an elliptic key only.
        SUITES[2]: _NO_TLS,
        SUITES[3]: _NO_TLS,
    },
    "clients": {
        "plain": Ends.TLS_ONLY,
        "trusts everybody": _NO_TLS,
        "right authority": _NO_TLS,
        "shows its certificate": _IN,
        "shows another's": Ends.WRONG_NAME,
        "shows what has expired": _NO_TLS,
        "shows what nobody signed": _NO_TLS,
        "shows a stranger's": _NO_TLS,
    },
    "client": {
        "trusts everybody": _NO_TLS,
        "shows what nobody signed": _IN,
        "shows its certificate": _NO_TLS,
        "shows a stranger's": _NO_TLS,
    },
}


def configuration(port: int, door: str, places: Iterable[str] = ("CP-0001",)) -> str:
    """
    A C{tap.cfg}.

    @param door: the lines of C{[ocpp server]} that set it.
    @param places: who is known.
    """
    server = f"[ocpp server]\nport = {port}\ninterface = 127.0.0.1\n{door}"
    evses = "".join(
        f"[evse {place.lower()}]\ntype = ocpp16\naddress = {place}\n" for place in places
    )
    circuit = "[circuit garage]\nmax_current = 63\n"
    return f"[manager]\ntitle = Test site\n{server}{circuit}{evses}"


class Matrix(cases.SharedProgramCase):
    """One program, whose door is set anew by a reload, and everybody who knocks."""

    numbers: ClassVar[count[int]] = count(1)

    @classmethod
    def setUpClass(cls) -> None:
        """Start the program with the door open for all."""
        cls.manager = cases.make_program()
        cls.addClassCleanup(cases.discard, cls.manager)
        for name, text in FILES.items():
            (cls.manager.folder / name).write_text(text)
        cls.manager.configure(configuration(cls.manager.port, DOORS["detect"]))
        cls.manager.start()

    async def set_door(self, door: str) -> None:
        """
        Have the program take people in so from now on.

        It has answered long before the last of it is done, so that a peer tries until all is
        as it should be; or until it is clear that it never will be, and the test says why.
        """
        mark = self.manager.mark()
        self.manager.configure(configuration(self.manager.port, DOORS[door]))
        self.manager.send(signal.SIGHUP)
        await self.manager.says("has been read again", mark)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLED_S):
                while not await self.is_set(door):
                    await asyncio.sleep(0.1)

    async def is_set(self, door: str) -> bool:
        """Whether Python's C{ssl} gets as far in each way as it should."""
        for kind, expected in EXPECTED[door].items():
            if await self.knock(kind, "ssl") is not expected:
                return False
        return True

    async def knock(self, kind: str, peer: str) -> Ends:
        """Somebody knocks in some way."""
        knock = KNOCKS[kind]
        if knock.trusts == WHAT_IT_SHOWS:
            made = sorted((self.manager.folder / "var/certificates").glob("*.pem"))
            knock = evolve(knock, trusts="".join(path.read_text() for path in made))
        identity = NAME if knock.shows else f"CP-{next(self.numbers):04}"
        with tempfile.TemporaryDirectory() as folder:
            async with asyncio.timeout(WAIT_S):
                return await PEERS[peer](self.manager.port, identity, knock, Path(folder))

    async def knocks(self, door: str) -> None:
        """Everybody knocks at a door in every way, one after the other."""
        await self.set_door(door)
        for kind, expected in EXPECTED[door].items():
            for peer in PEERS:
                if peer != "openssl" or KNOCKS[kind].is_encrypted:
                    found = await self.knock(kind, peer)
                    self.assertIs(expected, found, (door, kind, peer))

    def test_expected(self) -> None:
        """Every way of coming is tried somewhere."""
        tried = {kind for ends in EXPECTED.values() for kind in ends}
        self.assertEqual(set(KNOCKS), tried)


def _test(door: str) -> object:
    def test(self: Matrix) -> None:
        self.run_peers(self.knocks(door))

    test.__doc__ = f"Everybody knocks where the door is set to {door!r}."
    return test


for _door in EXPECTED:
    setattr(Matrix, f"test_{_door}", _test(_door))


#: The gateways: their lines, and what the log says of each at each door.
CONNECTED = "connected to"
_OF_ROOT = "ca_certificates = root.pem\n"
GATEWAYS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "GW-NOBODY": ("", {"named": CONNECTED, "clients": "client certificate"}),
    "GW-ROOT": (_OF_ROOT, {"named": CONNECTED, "clients": "client certificate"}),
    "GW-LEAF": (
        "ca_certificates = its-leaf.pem\n",
        {"named": CONNECTED, "clients": "client certificate"},
    ),
    "GW-STRANGER": (
        "ca_certificates = stranger.pem\n",
        dict.fromkeys(GATEWAY_DOORS, "not signed by any of ca_certificates"),
    ),
    "GW-HOST": (
        _OF_ROOT + "url = wss://127.0.0.1:{port}/\n",
        dict.fromkeys(GATEWAY_DOORS, "is for localhost, and not for 127.0.0.1"),
    ),
    "GW-PLAIN": ("url = ws://localhost:{port}/\n", dict.fromkeys(GATEWAY_DOORS, "400")),
    "GW-SHOWS": (
        _OF_ROOT + "certificate = shown.pem\nprivate_key = shown.key\n",
        dict.fromkeys(GATEWAY_DOORS, CONNECTED),
    ),
    "GW-FORGES": (
        _OF_ROOT + "certificate = forged.pem\nprivate_key = forged.key\n",
        {"named": CONNECTED, "clients": "signed our client certificate"},
    ),
}


def gateways(port: int) -> str:
    """The sections of all of them; the backend is at C{port}."""
    found = []
    for name, (lines, _) in GATEWAYS.items():
        url = "" if "url = " in lines else "url = wss://localhost:{port}/\n"
        section = f"[gateway {name}]\nevse = {name.lower()}\nclient_id = {name}\n{url}{lines}"
        found.append(section.format(port=port))
    return "".join(found)


class OwnGateways(cases.EndToEndCase):
    """Our own gateways knock at our own door; a wallbox stands behind each of them."""

    def backend(self, door: str) -> Program:
        """A program that takes them in."""
        program = self.program()
        for name, text in FILES.items():
            (program.folder / name).write_text(text)
        program.configure(configuration(program.port, GATEWAY_DOORS[door], GATEWAYS))
        program.start()
        return program

    def manager(self, backend: Program) -> Program:
        """A program with all the gateways."""
        program = self.program()
        OWNER.issue("GW-SHOWS").files(program.folder, "shown")
        STRANGER.issue("GW-FORGES").files(program.folder, "forged")
        roots = {"root": ROOT.pem, "stranger": STRANGER.pem, "its-leaf": leaf(NAMED)}
        for name, text in roots.items():
            (program.folder / f"{name}.pem").write_text(text)
        text = configuration(program.port, "tls = off\n", GATEWAYS)
        program.configure(text + gateways(backend.port))
        program.start()
        return program

    async def knock(self, door: str) -> None:
        """Each says what the door has led to."""
        backend = await asyncio.to_thread(self.backend, door)
        manager = await asyncio.to_thread(self.manager, backend)
        async with AsyncExitStack() as stack:
            for name in GATEWAYS:
                station = await stack.enter_async_context(connected(manager, name))
                await station.boot()
            for name, (_, words) in GATEWAYS.items():
                said = await manager.says(rf"{name}: (not connected: |connected to )")
                self.assertIn(words[door], said.string)


def _gateway_test(door: str) -> object:
    def test(self: OwnGateways) -> None:
        self.run_peers(self.knock(door))

    test.__doc__ = f"All gateways at the door {door!r}."
    return test


for _door in GATEWAY_DOORS:
    setattr(OwnGateways, f"test_{_door}", _gateway_test(_door))


class ComesBackInPlain(cases.EndToEndCase):
    """Both ways are open, and a Charge Point that has come encrypted comes in plain."""

    def test_plain(self) -> None:
        """It is refused until somebody allows it."""
        manager = self.program()
        manager.configure(configuration(manager.port, DOORS["detect"]))
        manager.start()
        self.run_peers(self.plain(manager))

    async def plain(self, manager: Program) -> None:
        """See L{test_plain}."""

        async def knocks(kind: str) -> Ends:
            with tempfile.TemporaryDirectory() as folder:
                knock, port = KNOCKS[kind], manager.port
                return await PEERS["websockets"](port, "CP-0001", knock, Path(folder))

        self.assertIs(Ends.LET_IN, await knocks("plain"))
        self.assertIs(Ends.LET_IN, await knocks("trusts everybody"))
        mark = manager.mark()
        self.assertIs(Ends.FORBIDDEN, await knocks("plain"))
        said = await manager.says(r"cfos-cm charge-point allow", mark)
        self.assertIn("CP-0001", said.string)
        found = await asyncio.to_thread(manager.console, "charge-point", "allow", "CP-0001")
        self.assertEqual(0, found.returncode, found.stdout + found.stderr)
        self.assertIs(Ends.LET_IN, await knocks("plain"))
