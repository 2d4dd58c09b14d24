"""A virtual wallbox over a real socket, against a Central System that we did not write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ocpp.v16 import call
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from cfos_cm.errors import LocalProtocolError
from cfos_cm.simulator.charge_point_service import ChargePointService, make_charge_point
from cfos_cm.wire.basic_auth import read_authorization

from .central_system import settings
from .ocpp_server import OcppServer

#: Far more than any of these tests needs. [s]
TIMEOUT_S = 20


def currents(fields: dict[str, Any]) -> list[float]:
    """The amps on L1, L2 and L3 in a MeterValues."""
    return [
        float(each["value"])
        for each in fields["meter_value"][0]["sampled_value"]
        if each["measurand"] == "Current.Import"
    ]


async def eventually(condition: Callable[[], bool]) -> None:
    """Fires when C{condition} holds; the test's time-out is its bound."""
    while not condition():
        await deferLater(reactor, 0.01)


class ServiceTestCase(TestCase):
    """The base of tests with a server."""

    timeout = TIMEOUT_S

    async def setUp(self) -> None:
        """A server that listens."""
        self.server = OcppServer(reactor)
        self.addCleanup(self.server.end)
        await self.server.start()
        self.addCleanup(self.server.stop)

    def wallbox(self, **changed: Any) -> ChargePointService:
        """A wallbox that is stopped after the test; its car is there at once."""
        given = {
            "url": f"ws://127.0.0.1:{self.server.port}/",
            "arrives_after_s": 0,
            "meter_interval_s": 0.05,
            **changed,
        }
        service = ChargePointService("bay-1", settings(**given), reactor, first_wait_s=0.05)
        self.addCleanup(lambda: service.stopService() if service.running else None)
        return service


class EndToEndTests(ServiceTestCase):
    """What a Central System sees of it."""

    async def test_visit(self) -> None:
        """It boots, charges, obeys a limit and a remote stop, and its car leaves."""
        wallbox = self.wallbox(leaves_after_s=0.05)
        wallbox.startService()
        await self.server.until(lambda: len(self.server.of("MeterValues")) > 1)
        self.assertEqual(currents(self.server.of("MeterValues")[-1]), [16, 16, 16])
        limited = await self.server.limit(10)
        self.assertEqual(limited.status, "Accepted")
        before = len(self.server.of("MeterValues"))
        await self.server.until(lambda: len(self.server.of("MeterValues")) > before + 2)
        for fields in self.server.of("MeterValues")[before + 1 :]:
            self.assertLessEqual(max(currents(fields)), 10)
        stopped = await self.server.ask(call.RemoteStopTransaction(transaction_id=4711))
        self.assertEqual(stopped.status, "Accepted")
        await self.server.until(lambda: self.server.statuses()[-1:] == ["Available"])
        actions = [action for action, _ in self.server.requests]
        wanted = ["BootNotification", "StatusNotification", "Authorize", "StartTransaction"]
        firsts = [actions.index(action) for action in [*wanted, "MeterValues"]]
        self.assertEqual(firsts, sorted(firsts))
        (stop,) = self.server.of("StopTransaction")
        self.assertEqual((stop["reason"], stop["transaction_id"]), ("Remote", 4711))

    async def test_lost_in_the_middle(self) -> None:
        """What happened without a connection arrives later, in order, and without a boot."""
        wallbox = self.wallbox(car_needs_wh=200, time_lapse=100, leaves_after_s=0.2)
        wallbox.startService()
        await self.server.until(lambda: len(self.server.of("MeterValues")) > 0)
        await self.server.stop()
        before = len(self.server.of("MeterValues"))
        await eventually(lambda: wallbox.charge_point.evse.transaction is None)
        await self.server.start()
        await self.server.until(lambda: bool(self.server.of("StopTransaction")))
        self.assertGreater(len(self.server.of("MeterValues")), before + 1)
        actions = [action for action, _ in self.server.requests]
        self.assertEqual(actions.count("BootNotification"), 1)
        self.assertEqual(actions.count("StartTransaction"), 1)
        stamps = [
            fields["meter_value"][0]["timestamp"] for fields in self.server.of("MeterValues")
        ]
        self.assertEqual(stamps, sorted(stamps))
        self.assertEqual(
            {fields["transaction_id"] for fields in self.server.of("MeterValues")}, {4711}
        )
        self.assertEqual(self.server.of("StopTransaction")[0]["meter_stop"], 200)
        self.assertEqual(len(self.server.handshakes), 2)

    async def test_reset(self) -> None:
        """After a reset it comes back with a BootNotification."""
        wallbox = self.wallbox(id_tag=None)
        wallbox.startService()
        await self.server.until(lambda: bool(self.server.statuses()))
        await self.server.ask(call.Reset(type="Hard"))
        await self.server.until(lambda: len(self.server.of("BootNotification")) == 2)

    async def test_handshake(self) -> None:
        """The identity is encoded in the path, and the password in the header."""
        wallbox = self.wallbox(identity="RDAM 123", password="s3cret:ä")
        wallbox.startService()
        await self.server.until(lambda: bool(self.server.requests))
        ((path, header),) = self.server.handshakes
        self.assertEqual(path, "/RDAM%20123")
        assert header is not None
        found = read_authorization(header)
        self.assertEqual((found.username, found.password), ("RDAM 123", "s3cret:ä".encode()))

    async def test_no_password(self) -> None:
        """Without a password no credentials are sent."""
        wallbox = self.wallbox()
        wallbox.startService()
        await self.server.until(lambda: bool(self.server.requests))
        self.assertIsNone(self.server.handshakes[0][1])


class LifetimeTests(ServiceTestCase):
    """Starting and stopping; trial itself complains about what is left behind."""

    async def test_start_again(self) -> None:
        """Stopped and started again, it boots again."""
        wallbox = self.wallbox()
        for times in (1, 2):
            wallbox.startService()
            await self.server.until(
                lambda times=times: len(self.server.of("BootNotification")) == times
            )
            await wallbox.stopService()

    async def test_stopped_while_dialling(self) -> None:
        """Stopped at once, it has never been there."""
        wallbox = self.wallbox()
        wallbox.startService()
        await wallbox.stopService()
        self.assertEqual(self.server.requests, [])

    async def test_stopped_while_waiting(self) -> None:
        """Stopped while nobody answers, it leaves nothing behind."""
        await self.server.stop()
        wallbox = self.wallbox()
        wallbox.startService()
        await wallbox.stopService()
        await self.server.start()

    async def test_server_that_comes_later(self) -> None:
        """It dials until there is a server."""
        await self.server.stop()
        wallbox = self.wallbox()
        wallbox.startService()
        await self.server.start()
        await self.server.until(lambda: bool(self.server.of("BootNotification")))

    def test_refused(self) -> None:
        """A URL that is none, and an identity that is none, are refused."""
        for url, identity in (
            ("http://host", "CP-1"),
            ("ws://user:secret@host/", "CP-1"),
            ("ws://host", "a/b"),
            ("ws://host", ".."),
        ):
            given = settings(url=url, identity=identity)
            self.assertRaises(LocalProtocolError, make_charge_point, "bay-1", given, reactor)

    async def test_never_started(self) -> None:
        """A wallbox that was never started opens nothing and can be stopped."""
        service = make_charge_point("bay-1", settings(), reactor)
        await service.stopService()


class _Silent(Protocol):
    """Takes a call and says what it was told to say, whatever it is asked."""

    answer = b""

    def connectionMade(self) -> None:
        """Speak."""
        self.factory.calls += 1  # type: ignore[union-attr]
        self.transport.write(self.answer)  # type: ignore[union-attr]


class BadServerTests(TestCase):
    """Servers that are none."""

    timeout = TIMEOUT_S

    def listen(self, answer: bytes) -> tuple[ChargePointService, Any]:
        """A wallbox for a server that answers so; and the server's factory."""
        factory: Any = Factory.forProtocol(type("_Speaking", (_Silent,), {"answer": answer}))
        factory.calls = 0
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        url = f"ws://127.0.0.1:{port.getHost().port}/"
        service = ChargePointService("bay-1", settings(url=url), reactor, first_wait_s=0.01)
        self.addCleanup(service.stopService)
        service.startService()
        return service, factory

    async def called_twice(self, factory: Any) -> None:
        """Fires when the wallbox has dialled again."""
        await eventually(lambda: factory.calls >= 2)

    async def test_refused(self) -> None:
        """Refused by the server, it dials again."""
        answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        await self.called_twice(self.listen(answer)[1])

    async def test_endless_handshake(self) -> None:
        """An answer without an end is cut off, and it dials again."""
        await self.called_twice(self.listen(b"HTTP/1.1 101 X\r\nX: " + b"y" * 40_000)[1])

    async def test_nonsense(self) -> None:
        """An answer that is no HTTP is cut off, and it dials again."""
        await self.called_twice(self.listen(b"\x00\r\n\r\n")[1])

    async def test_stopped_in_the_handshake(self) -> None:
        """Stopped while a server says nothing, it hangs up."""
        service, factory = self.listen(b"")
        await eventually(lambda: factory.calls >= 1)
        await service.stopService()
