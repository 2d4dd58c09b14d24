"""The whole site with its real parts: a reactor, sockets, a file, a thread."""

from __future__ import annotations

import os
import signal
from typing import Any

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import MultiService
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    connectProtocol,
)
from twisted.internet.error import CannotListenError, ConnectError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.wire import Echo

from cfos_cm.services import parts
from cfos_cm.services.charging_site import ChargingSite
from cfos_cm.services.config import read_config
from cfos_cm.site.evse import Evse, Link
from tests.services.sites import BAYS, LeftBehind, SiteCase, Station

BOOT = {"chargePointVendor": "Vendor", "chargePointModel": "Model"}
GOING_AWAY = 1001

BAY_3 = """\
[evse bay-3]
type = ocpp16
address = CP-3
"""


async def start_transaction(station: Station, id_tag: str = "04A1B2C3D4") -> int:
    """Have a wallbox start a transaction; its number."""
    answer = await station.call(
        "StartTransaction",
        {
            "connectorId": 1,
            "idTag": id_tag,
            "meterStart": 0,
            "timestamp": "2026-03-01T12:00:00Z",
        },
    )
    number: int = answer["transactionId"]
    return number


class Said(Protocol):
    """A connection that waits for some bytes."""

    def __init__(self, count: int) -> None:
        self.received = b""
        self.complete: Deferred[bytes] = Deferred()
        self._count = count

    def dataReceived(self, data: bytes) -> None:
        """Some have come."""
        self.received += data
        if len(self.received) >= self._count:
            self.complete.callback(self.received)


class LiveCase(SiteCase):
    """A site that runs."""

    def evse(self, site: ChargingSite, name: str) -> Evse:
        """What a site knows of an EVSE."""
        assert site.control_loop is not None
        return site.control_loop.state.evses[name]

    async def occupied(self, port: int) -> IListeningPort:
        """Somebody else who listens at a port."""
        endpoint = TCP4ServerEndpoint(reactor, port, interface="127.0.0.1")
        listening: IListeningPort = await endpoint.listen(Factory.forProtocol(Protocol))
        return listening

    async def is_refused(self, port: int) -> bool:
        """Whether nobody listens at a port."""
        try:
            connection = await connectProtocol(
                TCP4ClientEndpoint(reactor, "127.0.0.1", port), Said(1)
            )
        except ConnectError:
            return True
        connection.transport.abortConnection()
        return False


class Life(LiveCase):
    """From the start to the end."""

    async def test_serves(self) -> None:
        """A site that has started accepts a wallbox that is configured."""
        site, port = await self.started()
        station = await self.station(port, "CP-1")
        answer = await station.call("BootNotification", BOOT)
        self.assertEqual("Accepted", answer["status"])
        self.assertIs(Link.ONLINE, self.evse(site, "bay-1").link)
        assert site.central_system is not None
        self.assertEqual(1, len(site.central_system.sessions()))

    async def test_says_where(self) -> None:
        """It says where wallboxes connect to."""
        _, port = await self.started()
        self.assertTrue(
            any(f"wallboxes connect to ws://127.0.0.1:{port}/" in line for line in self.log)
        )

    async def test_nothing_is_left(self) -> None:
        """A site that has stopped leaves no thread, file, timer or socket."""
        before = await LeftBehind.now()
        site, port = await self.started()
        station = await self.station(port, "CP-1")
        await station.call("BootNotification", BOOT)
        await start_transaction(station)
        await station.until(lambda: station.currents() == [16])
        self.assertNotEqual(before, await LeftBehind.now())
        await site.stopService()
        await station.closed
        self.assertEqual(before, await LeftBehind.now())
        self.assertEqual(GOING_AWAY, station.close_code)
        self.assertEqual(
            (None, None, None), (site.listening, site.central_system, site.control_loop)
        )
        self.assertTrue(await self.is_refused(port))

    async def test_started_again(self) -> None:
        """It can be started again, and goes on with the transaction that ran."""
        site, port = await self.started()
        station = await self.station(port, "CP-1")
        number = await start_transaction(station)
        await site.stopService()
        site.startService()
        await site.started
        transaction = self.evse(site, "bay-1").transaction
        assert transaction is not None
        self.assertEqual(number, transaction.transaction_id)
        again = await self.station(port, "CP-1")
        await again.until(lambda: again.currents() == [16])

    async def test_beside_another_service(self) -> None:
        """It runs as a part of somebody else's service, together with his others."""
        before = await LeftBehind.now()
        port, echo_port = await self.free_port(), await self.free_port()
        self.write(server=f"port = {port}")
        parent = MultiService()
        StreamServerEndpointService(
            TCP4ServerEndpoint(reactor, echo_port, interface="127.0.0.1"),
            Factory.forProtocol(Echo),
        ).setServiceParent(parent)
        site = self.site()
        site.setServiceParent(parent)
        self.assertIs(site, parent.getServiceNamed("cfos-cm"))
        parent.startService()
        await site.started
        await self.station(port, "CP-1")
        said = await connectProtocol(
            TCP4ClientEndpoint(reactor, "127.0.0.1", echo_port), Said(5)
        )
        said.transport.write(b"hello")
        self.assertEqual(b"hello", await said.complete)
        said.transport.abortConnection()
        await parent.stopService()
        self.assertTrue(await self.is_refused(port))
        self.assertEqual(before.threads, (await LeftBehind.now()).threads)

    async def test_two_sites(self) -> None:
        """Two of them in one process do not disturb each other."""
        first, first_port = await self.started()
        self.folder = self.folder / "second"
        self.folder.mkdir()
        self.path = self.folder / "tap.cfg"
        _, second_port = await self.started()
        await first.stopService()
        self.assertTrue(await self.is_refused(first_port))
        station = await self.station(second_port, "CP-1")
        self.assertEqual("Accepted", (await station.call("BootNotification", BOOT))["status"])

    async def test_stopped_while_it_starts(self) -> None:
        """A stop in the middle of a start leaves nothing either."""
        self.write(server=f"port = {await self.free_port()}")
        before = await LeftBehind.now()
        site = self.site()
        site.startService()
        await site.stopService()
        self.assertEqual(before, await LeftBehind.now())
        self.assertIsNone(site.listening)

    async def test_last_word_counts(self) -> None:
        """Starts and stops that do not wait for each other end as the last one says."""
        before = await LeftBehind.now()
        port = await self.free_port()
        self.write(server=f"port = {port}")
        site = self.site()
        for _ in range(3):
            site.startService()
            site.stopService()
        site.startService()
        await site.started
        station = await self.station(port, "CP-1")
        await station.call("BootNotification", BOOT)
        await site.stopService()
        await station.closed
        self.assertEqual(before, await LeftBehind.now())
        self.assertEqual([], [line for line in self.log if "could not start" in line])


class Obstacles(LiveCase):
    """A start that fails is tried again."""

    async def failed(self, **options: str) -> tuple[ChargingSite, int]:
        """A site whose start has failed once, and its port."""
        port = await self.free_port()
        self.write(server=f"port = {port}", **options)
        site = self.site()
        failure = self.said("could not start")
        site.startService()
        await site.started
        await failure
        return site, port

    async def test_port_is_taken(self) -> None:
        """It waits for its port, says so, and listens when the port is free."""
        self.retry_soon()
        port = await self.free_port()
        other = await self.occupied(port)
        self.write(server=f"port = {port}")
        site, failure, listens = self.site(), self.said("could not start"), self.said("ws://")
        site.startService()
        self.assertIn(str(port), await failure)
        await self.said("could not start")
        self.assertIsNone(site.listening)
        await other.stopListening()
        await listens
        await self.station(port, "CP-1")

    async def test_stopped_while_it_waits(self) -> None:
        """A stop between two attempts leaves no timer, and there are no more attempts."""
        before = await LeftBehind.now()
        (self.folder / "file").write_text("")
        site, _ = await self.failed(more="[manager]\ndatabase = sqlite:///file/db.sqlite")
        self.assertEqual(before.timers + 1, (await LeftBehind.now()).timers)
        await site.stopService()
        self.assertEqual(before, await LeftBehind.now())

    async def test_failure_leaves_nothing(self) -> None:
        """Between two attempts nothing is open."""
        port = await self.free_port()
        other = await self.occupied(port)
        before = await LeftBehind.now()
        self.write(server=f"port = {port}")
        site = self.site()
        failure = self.said("could not start")
        site.startService()
        await site.started
        await failure
        after = await LeftBehind.now()
        self.assertEqual((before.threads, before.files), (after.threads, after.files))
        await site.stopService()
        await other.stopListening()

    async def test_database(self) -> None:
        """It says what is wrong with the database's place, and uses it when it is right."""
        self.retry_soon()
        blocking = self.folder / "file"
        blocking.write_text("")
        site, port = await self.failed(more="[manager]\ndatabase = sqlite:///file/db.sqlite")
        (line, *_) = [line for line in self.log if "could not start" in line]
        self.assertIn(str(blocking), line)
        listens = self.said("ws://")
        blocking.unlink()
        await listens
        await self.station(port, "CP-1")
        self.assertTrue((blocking / "db.sqlite").is_file())
        await site.stopService()

    async def test_other_settings(self) -> None:
        """The next attempt is made with the settings that were read meanwhile."""
        self.retry_soon()
        taken = await self.free_port()
        other = await self.occupied(taken)
        self.addCleanup(other.stopListening)
        self.write(server=f"port = {taken}")
        site = self.site()
        failure, listens = self.said("could not start"), self.said("ws://")
        site.startService()
        await failure
        port = await self.free_port()
        self.write(server=f"port = {port}")
        site.reload()
        await listens
        await self.station(port, "CP-1")


class Reload(LiveCase):
    """What a changed file does to a site that runs."""

    async def running(self, server: str = "") -> tuple[ChargingSite, int, Station]:
        """A site, its port, and a wallbox that is connected to it."""
        site, port = await self.started(server=server)
        password = "s3cret-common" if "password" in server else None
        station = await self.station(port, "CP-1", password)
        await station.call("BootNotification", BOOT)
        return site, port, station

    def reload(self, site: ChargingSite, devices: str, server: str, more: str = "") -> None:
        """Change the file, and have it read."""
        self.write(devices, server=server, more=more)
        site.reload()

    async def is_alive(self, station: Station) -> None:
        """Check that a wallbox is still connected, and gets answers."""
        self.assertIn("currentTime", await station.call("Heartbeat", {}))

    async def test_added(self) -> None:
        """A wallbox that waited for it is served, and the others notice nothing."""
        site, port, station = await self.running()
        waiting = await self.station(port, "CP-3")
        self.assertEqual("Pending", (await waiting.call("BootNotification", BOOT))["status"])
        self.reload(site, BAYS + BAY_3, f"port = {port}")
        await waiting.until(
            lambda: (
                ("TriggerMessage", {"requestedMessage": "BootNotification"}) in waiting.asked
            )
        )
        self.assertEqual("Accepted", (await waiting.call("BootNotification", BOOT))["status"])
        self.assertIs(Link.ONLINE, self.evse(site, "bay-3").link)
        await self.is_alive(station)

    async def test_removed(self) -> None:
        """An EVSE that is gone is forgotten; its wallbox stays connected and waits."""
        site, port, station = await self.running()
        other = await self.station(port, "CP-2")
        self.reload(
            site, BAYS.replace("CP-1", "CP-9").replace("bay-1", "bay-9"), f"port = {port}"
        )
        assert site.control_loop is not None
        # It is asked to pause first, if it may have been told to charge by then.
        while "bay-1" in site.control_loop.state.evses:
            await self.is_alive(station)
        self.assertEqual("Pending", (await station.call("BootNotification", BOOT))["status"])
        self.assertEqual("Accepted", (await other.call("BootNotification", BOOT))["status"])

    async def test_moved(self) -> None:
        """An EVSE that is another wallbox now knows nothing of the one before."""
        site, port, station = await self.running()
        await start_transaction(station)
        await station.until(lambda: station.currents() == [16])
        new = await self.station(port, "CP-3")
        self.reload(site, BAYS.replace("CP-1", "CP-3"), f"port = {port}")
        await new.until(lambda: "SetChargingProfile" in dict(new.asked))
        bay = self.evse(site, "bay-1")
        self.assertEqual((None, Link.ONLINE), (bay.transaction, bay.link))
        self.assertEqual([16, 0], station.currents())

    async def test_limit(self) -> None:
        """Another limit is in force at once, also for who is charging."""
        site, port, station = await self.running()
        await start_transaction(station)
        await station.until(lambda: station.currents() == [16])
        limited = BAYS.replace("address = CP-1", "address = CP-1\nmax_current = 8")
        self.reload(site, limited, f"port = {port}")
        await station.until(lambda: station.currents() == [16, 8])
        await self.is_alive(station)

    async def test_renamed(self) -> None:
        """What an operator has ordered for an EVSE holds when it has another name."""
        site, port, station = await self.running()
        await start_transaction(station)
        await station.until(lambda: station.currents() == [16])
        assert site._parts is not None
        await site._parts.evse_orders.limit("bay-1", 8_000, "anna")
        await station.until(lambda: station.currents() == [16, 8])
        self.reload(site, BAYS.replace("bay-1", "left"), f"port = {port}")
        await self.is_alive(station)
        self.assertEqual({"operator": 8_000}, dict(self.evse(site, "left").outside_ma))
        self.assertEqual([16, 8], station.currents())

    async def test_observe(self) -> None:
        """From then on nothing is set, if the file says so."""
        site, port, station = await self.running()
        self.reload(site, BAYS, f"port = {port}", "[manager]\nload_management = observe")
        assert site.control_loop is not None
        self.assertTrue(site.control_loop.state.observe_only)
        await self.is_alive(station)

    async def test_cycle(self) -> None:
        """The cycle is another one."""
        site, port, _ = await self.running()
        self.reload(site, BAYS, f"port = {port}", "[manager]\ncycle = 7.5")
        assert site.control_loop is not None
        self.assertEqual(7.5, site.control_loop.cycle_s)

    async def test_password(self) -> None:
        """Another password is asked of who connects, not of who is connected."""
        site, port, station = await self.running("password = s3cret-common")
        self.reload(site, BAYS, f"port = {port}\npassword = s3cret-other")
        await self.is_alive(station)
        with self.assertRaises(ConnectionRefusedError):
            await self.station(port, "CP-2", "s3cret-common")
        await self.station(port, "CP-2", "s3cret-other")
        self.assertEqual([], [line for line in self.log if "s3cret" in line])

    async def test_port(self) -> None:
        """Another port is listened at, the old one no longer; connections stay."""
        site, port, station = await self.running()
        other_port = await self.free_port()
        self.reload(site, BAYS, f"port = {other_port}")
        other = await self.station(other_port, "CP-2")
        self.assertTrue(await self.is_refused(port))
        await self.is_alive(station)
        await self.is_alive(other)

    async def test_interface(self) -> None:
        """So it is with an address that has the old one in it, at the same port."""
        site, port, station = await self.running()
        text = self.path.read_text().replace("interface = 127.0.0.1", "interface = 0.0.0.0")
        self.path.write_text(text)
        moved = self.said(f"ws://0.0.0.0:{port}/")
        site.reload()
        await moved
        assert site.listening is not None
        self.assertEqual("0.0.0.0", site.listening.getHost().host)
        await self.station(port, "CP-2")
        await self.is_alive(station)

    async def test_port_is_taken(self) -> None:
        """When the new port is taken it says so, goes on at the old one, and tries again."""
        site, port, station = await self.running()
        taken = await self.free_port()
        other = await self.occupied(taken)
        said = self.said("could not listen at the new address")
        self.reload(site, BAYS, f"port = {taken}")
        self.assertIn(str(taken), await said)
        await self.station(port, "CP-2")
        self.assertIn(f"cannot listen at port {taken}", site.unserved)
        await self.is_alive(station)
        await other.stopListening()
        await site.reload()
        await self.station(taken, "CP-3")
        self.assertEqual("", site.unserved)

    async def test_no_way_back(self) -> None:
        """When the old port is gone as well, the whole start is tried again."""
        self.retry_soon()
        site, _, station = await self.running()
        listen, failures = site._listen, [CannotListenError("127.0.0.1", 1, OSError("no"))] * 4

        async def unlucky(*arguments: Any) -> Any:
            if failures:
                raise failures.pop()
            return await listen(*arguments)

        self.patch(site, "_listen", unlucky)
        new_port = await self.free_port()
        listens = self.said("ws://")
        self.reload(site, BAYS, f"port = {new_port}")
        await listens
        self.assertEqual(GOING_AWAY, await station.closed)
        await self.station(new_port, "CP-1")

    async def test_stopped_while_it_moves(self) -> None:
        """A stop in the middle of a move to another port leaves nothing."""
        before = await LeftBehind.now()
        site, _ = await self.started()
        self.reload(site, BAYS, f"port = {await self.free_port()}")
        await site.stopService()
        self.assertEqual(before, await LeftBehind.now())

    async def test_while_it_starts(self) -> None:
        """A file that is read in the middle of a start is what the site runs with."""
        self.write(server=f"port = {await self.free_port()}")
        site = self.site()
        opened: Deferred[Any] = Deferred()
        ledger_of = parts.ForwardingLedger

        class SlowLedger(ledger_of):  # type: ignore[misc, valid-type]
            """A ledger that says what is open when the test wants it to."""

            def open_transactions(self) -> Deferred[Any]:
                """See L{ledger_of}."""
                reading.callback(None)
                return opened.addCallback(lambda _: super(SlowLedger, self).open_transactions())

        reading: Deferred[None] = Deferred()
        self.patch(parts, "ForwardingLedger", SlowLedger)
        site.startService()
        await reading
        port = await self.free_port()
        self.reload(site, BAYS + BAY_3, f"port = {port}")
        opened.callback(None)
        await site.started
        station = await self.station(port, "CP-3")
        self.assertEqual("Accepted", (await station.call("BootNotification", BOOT))["status"])

    async def test_mistakes(self) -> None:
        """A file with mistakes changes nothing, and each of them is said with its line."""
        site, _, station = await self.running()
        before = site.config
        self.path.write_text("[ocpp server]\nport = none\n[circuit garage]\nmax_curent = 5\n")
        site.reload()
        self.assertIs(before, site.config)
        for text in (":2: [ocpp server] port:", ":4: [circuit garage] max_curent:"):
            self.assertEqual(1, len([line for line in self.log if text in line]), text)
        self.assertTrue(any("nothing was changed" in line for line in self.log))
        self.assertIs(Link.ONLINE, self.evse(site, "bay-1").link)
        await self.is_alive(station)

    async def test_no_file(self) -> None:
        """A file that is gone is a mistake like any other."""
        site, _, station = await self.running()
        self.path.unlink()
        site.reload()
        self.assertTrue(any("cannot be read: No such file" in line for line in self.log))
        await self.is_alive(station)

    async def test_same(self) -> None:
        """A file that says the same changes nothing and asks for no restart."""
        site, _, station = await self.running()
        site.reload()
        self.assertTrue(any("has been read again" in line for line in self.log))
        self.assertEqual([], [line for line in self.log if "after a restart" in line])
        self.assertIs(Link.ONLINE, self.evse(site, "bay-1").link)
        await self.is_alive(station)

    async def test_restart_is_needed(self) -> None:
        """What cannot be changed while it runs is named, and what can is done."""
        site, port, _ = await self.running()
        self.reload(
            site, BAYS + BAY_3, f"port = {port}", "[manager]\ndatabase = sqlite:///other.sqlite"
        )
        sentence = "[manager] database: takes effect after a restart"
        self.assertEqual([sentence], [line for line in self.log if "a restart" in line])
        self.assertFalse((self.folder / "other.sqlite").exists())
        self.assertIs(Link.NEVER, self.evse(site, "bay-3").link)

    async def test_warnings(self) -> None:
        """What this version does not act on is said again."""
        site, port, _ = await self.running()
        self.reload(site, f"{BAYS}certificate_name = Box\n", f"port = {port}\ntls = off")
        told = [line for line in self.log if "certificate_name" in line]
        self.assertTrue(any("is not used" in line for line in told), told)

    async def test_signal(self) -> None:
        """A SIGHUP has the file read again, as long as the site runs."""
        before = signal.getsignal(signal.SIGHUP)
        self.addCleanup(signal.signal, signal.SIGHUP, before)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        site, port, _ = await self.running()
        self.write(BAYS + BAY_3, server=f"port = {port}")
        read = self.said("has been read again")
        os.kill(os.getpid(), signal.SIGHUP)
        await read
        self.assertIs(Link.NEVER, self.evse(site, "bay-3").link)
        await site.stopService()
        self.assertIs(signal.SIG_DFL, signal.getsignal(signal.SIGHUP))

    def test_before_the_start(self) -> None:
        """A site that does not run takes the settings for its next start."""
        self.write()
        site = ChargingSite(read_config(str(self.path)), reactor)
        self.reload(site, BAYS + BAY_3, "port = 1")
        self.assertEqual(3, len(site.config.evses))
        self.assertIsNone(site.listening)
