"""
The bench on sockets: the whole charging site with its database, and C{websockets} as the peer.

Only the time is not the real one: it runs with the clock on the wall, and jumps where a case
wants it to pass. On TLS the program shows the pairs that it has made itself, and the peer
believes in nothing else.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext, TLSVersion
from tempfile import mkdtemp
from typing import Any, NoReturn, TypeVar
from warnings import catch_warnings, simplefilter

from attrs import evolve
from twisted.internet import reactor as running_reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from websockets.typing import Subprotocol

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.commands.operator import Operator
from cfos_cm.services.charging_site import ChargingSite
from cfos_cm.services.config import Config, read_config
from cfos_cm.storage.database import Database
from cfos_cm.storage.tags import TagList
from tests.compliance import central_system
from tests.compliance.bench import PATIENCE_S, PLAIN, CaseFailed, Door, Facts, Tls
from tests.compliance.hasty_reactor import HastyReactor
from tests.compliance.line import Line
from tests.compliance.sites import Site
from tests.compliance.socket_line import SocketLine
from tests.net.peers import basic

__all__ = ["SocketBench"]

T = TypeVar("T")

reactor: Any = running_reactor

#: Time jumps by so much; a connection is tried each 30 s and given up 10 s later. [s]
_STEP_S = 5.0
#: Where it keeps the pairs that it has made.
_PAIRS = "var/certificates"


class SocketBench:
    """
    The program's own service, in a folder of its own.

    The subject's database is a copy of one that is made once.
    """

    def __init__(self, is_encrypted: bool = False) -> None:
        """
        @param is_encrypted: whether Charge Points come by TLS where a case does not say it.
        """
        self._is_encrypted = is_encrypted
        self._empty: dict[Site, Path] = {}
        self._root = Path(mkdtemp())

    def open(self, site: Site) -> Deferred[None]:
        """See L{tests.compliance.bench.Bench.open}."""
        return Deferred.fromCoroutine(self._open(site))

    async def _open(self, site: Site) -> None:
        template = await self._template(site)
        self._folder = Path(mkdtemp(dir=self._root))
        shutil.copy(template, self._folder / "site.sqlite")
        self._lines: list[SocketLine] = []
        config = self._config(site)
        self._reactor = HastyReactor()
        self._reactor.start()
        self._site = ChargingSite(config, self._reactor)
        self._lay_in_pairs()
        self._site.startService()
        await self._site.started
        if self._site.listening is None:
            await self._close()
            raise CaseFailed("the site could not be started")
        self._keep_pairs()
        where: Any = self._site.listening.getHost()
        self._port: int = where.port

    async def _template(self, site: Site) -> Path:
        """A database with the site's tags."""
        if site not in self._empty:
            path = Path(mkdtemp(dir=self._root)) / "site.sqlite"
            database = Database(f"sqlite:///{path}", reactor, self.now)
            await database.start()
            for tag in site.tags:
                await TagList(database).put(tag)
            await database.stop()
            self._empty[site] = path
        return self._empty[site]

    def close(self) -> Deferred[None]:
        """See L{tests.compliance.bench.Bench.close}."""
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        for line in self._lines:
            await self.within(line.close(), "the end of a connection")
        await self.within(self._site.stopService(), "the end of the site")
        self._reactor.stop()
        shutil.rmtree(self._folder)

    def remove(self) -> None:
        """Leave nothing on disk."""
        shutil.rmtree(self._root)

    def now(self) -> datetime:
        """See L{tests.compliance.bench.Bench.now}."""
        return datetime.now(UTC)

    def dial(self, door: Door) -> Deferred[tuple[Line, str | None]]:
        """See L{tests.compliance.bench.Bench.dial}."""
        headers = {}
        if door.password is not None:
            headers["Authorization"] = basic(door.identity, door.password)

        tls = self._tls(door)
        line = SocketLine(
            self._port,
            door.identity,
            None if tls is None else self._context(tls),
            subprotocols=[Subprotocol(name) for name in door.subprotocols],
            additional_headers=headers,
            open_timeout=PATIENCE_S,
            close_timeout=1,
            ping_interval=None,
            compression=None,
            proxy=None,
        )
        self._lines.append(line)

        def with_line(subprotocol: str | None) -> tuple[Line, str | None]:
            return line, subprotocol

        return line.opened.addCallback(with_line)

    def order(self, identity: str, action: str, payload: Any) -> Deferred[Any]:
        """See L{tests.compliance.bench.Bench.order}."""
        return central_system.order(self._operator, identity, action, payload)

    def change_password(self, identity: str, key: str) -> Deferred[Any]:
        """See L{tests.compliance.bench.Bench.change_password}."""
        return central_system.change_password(self._operator, identity, key)

    def raise_profile(self, identity: str, profile: int) -> Deferred[Any]:
        """See L{tests.compliance.bench.Bench.raise_profile}."""
        return central_system.raise_profile(self._operator, identity, profile)

    @inlineCallbacks
    def pass_time(self, seconds: float) -> Any:
        """See L{tests.compliance.bench.Bench.pass_time}."""
        left_s = seconds
        while left_s > 0:
            self._reactor.jump(min(_STEP_S, left_s))
            left_s -= _STEP_S
            for line in self._lines:
                if line.is_open:
                    yield line.round_trip()

    def within(self, waited: Deferred[T], what: str) -> Deferred[T]:
        """See L{tests.compliance.bench.Bench.within}."""

        def too_late(_result: object, _seconds: float) -> NoReturn:
            raise CaseFailed(f"{what} has not come")

        return waited.addTimeout(PATIENCE_S, reactor, too_late)

    def complaints(self, is_over: bool) -> tuple[str, ...]:
        """See L{tests.compliance.bench.Bench.complaints}."""
        return ()

    def facts(self) -> Deferred[Facts]:
        """See L{tests.compliance.bench.Bench.facts}."""
        ledger = self._site.ledger
        assert ledger is not None, "the site does not run"
        return ledger.settled().addCallback(lambda _: self._facts())

    def _facts(self) -> Facts:
        with closing(sqlite3.connect(self._folder / "site.sqlite")) as database:
            database.row_factory = sqlite3.Row
            return Facts(
                transactions=_rows(database, "transactions", _transaction),
                meter_values=_rows(database, "meter_values", dict),
                review=_rows(database, "stray_stops", _review),
                devices={
                    row["identity"]: row
                    for row in _rows(database, "charge_points", dict)
                    if row["vendor"] is not None
                },
                counters=central_system.counted(self._system),
                connected=[one.identity for one in self._system.sessions()],
            )

    def _config(self, site: Site) -> Config:
        text = site.configuration
        if self._is_encrypted:
            text = text.replace("tls = off\n", "tls = on\n")
        config = read_config(str(site.write(self._folder, text)))
        # No file can ask for whatever port is free.
        return evolve(config, ocpp_server=evolve(config.ocpp_server, port=0))

    def _tls(self, door: Door) -> Tls | None:
        if isinstance(door.tls, str):
            return Tls() if self._is_encrypted else PLAIN
        return door.tls

    def _context(self, tls: Tls) -> SSLContext:
        """How C{websockets} encrypts."""
        context = SSLContext(PROTOCOL_TLS_CLIENT)
        for path in (self._folder / _PAIRS).glob("*.pem"):
            context.load_verify_locations(path)
        if tls.suites:
            context.maximum_version = TLSVersion.TLSv1_2
            context.set_ciphers(tls.suites)
        if tls.version is not None:
            with catch_warnings():
                # That it is old is the point.
                simplefilter("ignore")
                context.minimum_version = context.maximum_version = tls.version
        if tls.shows is not None:
            context.load_cert_chain(*tls.shows.files(self._folder, "charge-point"))
        return context

    def _lay_in_pairs(self) -> None:
        """It has been started before: to make an RSA key takes long."""
        if (self._root / _PAIRS).exists():
            shutil.copytree(self._root / _PAIRS, self._folder / _PAIRS)

    def _keep_pairs(self) -> None:
        made = self._folder / _PAIRS
        if made.exists() and not (self._root / _PAIRS).exists():
            shutil.copytree(made, self._root / _PAIRS)

    @property
    def _operator(self) -> Operator:
        operator = self._site.operator
        assert operator is not None
        return operator

    @property
    def _system(self) -> CentralSystem:
        system = self._site.central_system
        assert system is not None, "the site does not run"
        return system


def _rows(
    database: sqlite3.Connection, table: str, row: Callable[[Any], dict[str, Any]]
) -> list[dict[str, Any]]:
    order = "identity" if table == "charge_points" else "number"
    return [row(one) for one in database.execute(f"SELECT * FROM {table} ORDER BY {order}")]


def _transaction(found: Any) -> dict[str, Any]:
    row = dict(found)
    for name in ("started_at", "stopped_at"):
        if row[name] is not None:
            row[name] = datetime.fromisoformat(row[name]).replace(tzinfo=UTC)
    return row


def _review(found: Any) -> dict[str, Any]:
    row = dict(found)
    row["transaction_id"] = int(row["transaction_id"])
    return row
