"""
Charging profiles over a real socket, to a station that is not of our making.

The station is mobilityhouse C{ocpp} on C{websockets}; it validates all that it receives and all
that it answers against the official JSON schemas.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import websockets
from attrs import field, frozen
from ocpp.exceptions import NotSupportedError
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from cfos_cm.drivers.ocpp16 import Ocpp16Evse
from cfos_cm.errors import DeviceRefusal, OrderIgnored
from cfos_cm.site.evse import DeviceIdentity
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from tests.net.peers import ServerCase

WAIT_S = 15.0
WHY = Reason(ReasonCode.CIRCUIT, "phase L1 of garage")

Payload = Mapping[str, Any]


@frozen
class Script:
    """
    What the station answers.

    @ivar takes: whether it accepts a profile.
    @ivar gives_a: what it says that it gives; C{None}: it refuses to say it; less than 0:
        nothing is in its answer. [A]
    @ivar clears: what it says to a ClearChargingProfile.
    @ivar announces: its configuration.
    """

    takes: Callable[[Payload], bool] = lambda _: True
    gives_a: float | None = None
    clears: str = "Accepted"
    announces: Mapping[str, str] = field(factory=dict)


class ScriptedStation(ChargePoint):
    """
    A station that plays a L{Script}.

    @ivar script: may be changed while nothing is asked of it.
    @ivar heard: what it was asked: the action, and of a profile the purpose.
    @ivar accepted: the profiles that it has accepted.
    """

    def __init__(self, connection: websockets.ClientConnection) -> None:
        self.script = Script()
        self.heard: list[str] = []
        self.accepted: list[Payload] = []
        super().__init__("CP-2", connection, response_timeout=WAIT_S)

    @on(Action.set_charging_profile)
    def set_profile(self, connector_id: int, cs_charging_profiles: Payload) -> Any:
        """Accept what it takes."""
        self.heard.append(str(cs_charging_profiles["charging_profile_purpose"]))
        if not self.script.takes(cs_charging_profiles):
            return call_result.SetChargingProfile(status="Rejected")
        self.accepted.append(cs_charging_profiles)
        return call_result.SetChargingProfile(status="Accepted")

    @on(Action.clear_charging_profile)
    def clear_profile(self, **_: Any) -> Any:
        """Say what is in the script."""
        self.heard.append("ClearChargingProfile")
        return call_result.ClearChargingProfile(status=self.script.clears)

    @on(Action.get_composite_schedule)
    def composite(self, duration: int, charging_rate_unit: str, **_: Any) -> Any:
        """Say what it gives."""
        self.heard.append("GetCompositeSchedule")
        gives_a = self.script.gives_a
        if gives_a is None:
            raise NotSupportedError(description="not here")
        if gives_a < 0:
            return call_result.GetCompositeSchedule(status="Accepted")
        limit = gives_a if charging_rate_unit == "A" else gives_a * 690
        return call_result.GetCompositeSchedule(
            status="Accepted",
            connector_id=1,
            charging_schedule={
                "chargingRateUnit": charging_rate_unit,
                "duration": duration,
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
            },
        )

    @on(Action.get_configuration)
    def configuration(self, key: list[str], **_: Any) -> Any:
        """Tell what it announces."""
        self.heard.append("GetConfiguration")
        known = self.script.announces
        return call_result.GetConfiguration(
            configuration_key=[
                {"key": one, "readonly": True, "value": known[one]}
                for one in key
                if one in known
            ],
            unknown_key=[one for one in key if one not in known],
        )


class Connected:
    """
    A station in a thread of its own.

    @ivar ready: fires with the id of the transaction that it has started.
    @ivar ended: fires when its thread has ended.
    """

    def __init__(self, port: int) -> None:
        self.ready: Deferred[int] = Deferred()
        self.station: ScriptedStation
        self._url = f"ws://127.0.0.1:{port}/CP-2"
        self._loop: asyncio.AbstractEventLoop
        self._enough: asyncio.Event
        self.ended: Deferred[None] = deferToThread(lambda: asyncio.run(self._live()))

    def hang_up(self) -> None:
        """Have it close the connection."""
        self._loop.call_soon_threadsafe(self._enough.set)

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._enough = asyncio.Event()
        subprotocols = [websockets.Subprotocol("ocpp1.6")]
        async with websockets.connect(
            self._url, subprotocols=subprotocols, proxy=None
        ) as connection:
            self.station = ScriptedStation(connection)
            listening = asyncio.create_task(self.station.start())
            started = await self.station.call(
                call.StartTransaction(
                    connector_id=1,
                    id_tag="04AABB",
                    meter_start=1000,
                    timestamp="2026-03-01T12:00:00Z",
                ),
                suppress=False,
            )
            reactor.callFromThread(self.ready.callback, started.transaction_id)
            await asyncio.wait_for(self._enough.wait(), WAIT_S)
        await asyncio.wait([listening])
        # It ends with the connection, which is no error here.
        listening.exception()


def purpose(profile: Payload) -> str:
    """Of a profile."""
    return str(profile["charging_profile_purpose"])


def unit(profile: Payload) -> str:
    """Of a profile's limits."""
    return str(profile["charging_schedule"]["charging_rate_unit"])


class Scripted(ServerCase):
    """What one connector accepts is what it was ordered, in whichever form."""

    async def setUp(self) -> None:
        """The station is connected, and charges."""
        await super().setUp()
        self.connected = Connected(self.port_number)
        self.transaction_id = await self.connected.ready
        self.station = self.connected.station
        now = self.world.system.roster.environment.now
        self.evse = Ocpp16Evse("bay-3", 3, ("CP-2", 1), self.world.system, now, 16_000)

    async def tearDown(self) -> None:
        """Hang up, and wait for the station's thread."""
        self.connected.hang_up()
        await self.connected.ended
        await super().tearDown()

    async def limited(
        self, script: Script, current_ma: int = 10_000, orders: int = 1
    ) -> Payload:
        """
        Order it a current.

        @param orders: with how many it is found out what it takes.
        @return: the profile that it has accepted last.
        """
        self.station.script = script
        for _ in range(orders - 1):
            await self.assertFailure(self.apply(current_ma), DeviceRefusal)
        await self.apply(current_ma)
        return self.station.accepted[-1]

    def apply(self, current_ma: int) -> Deferred[bool | None]:
        """Order it a current, from scratch."""
        return self.evse.apply(Setpoint(current_ma, WHY), self.transaction_id, True)

    async def test_forms(self) -> None:
        """It is found out what is taken, and a limit is set so that no phase has more."""
        for takes, expected in (
            (lambda one: unit(one) == "A", 10.0),
            (lambda one: unit(one) == "W", 2070.0),
            (lambda one: one["charging_profile_kind"] == "Relative", 10.0),
            (lambda one: one["stack_level"] == 0, 10.0),
            (lambda one: purpose(one) == "TxDefaultProfile", 10.0),
        ):
            self.world.system.roster.acquaintance("CP-2").profile_habits.forget_forms()
            profile = await self.limited(Script(takes))
            self.assertTrue(takes(profile), profile)
            (period,) = profile["charging_schedule"]["charging_schedule_period"]
            self.assertEqual(
                (expected, 3), (float(period["limit"]), int(period["number_phases"]))
            )

    async def test_maximumOnly(self) -> None:
        """A limit of the whole Charge Point is the last resort."""
        profile = await self.limited(
            Script(lambda one: purpose(one) == "ChargePointMaxProfile")
        )
        self.assertEqual("ChargePointMaxProfile", purpose(profile))

    async def test_announced(self) -> None:
        """What it announces is tried first."""
        announces = {"ChargingScheduleAllowedChargingRateUnit": "Power"}
        await self.limited(Script(lambda one: unit(one) == "W", announces=announces))
        self.assertEqual(
            [
                "TxDefaultProfile",
                "GetConfiguration",
                "TxDefaultProfile",
                "TxProfile",
                "GetCompositeSchedule",
            ],
            self.station.heard,
        )

    async def test_oddSteps(self) -> None:
        """What is between the currents that it can be set to is rounded down."""
        profile = await self.limited(
            Script(lambda one: _limit_a(one) in (0, 6, 8, 10, 13, 16)), 7900, orders=2
        )
        self.assertEqual(6, _limit_a(profile))

    async def test_ignores(self) -> None:
        """It accepts, and says itself that it gives more: then it is not counted on."""
        self.station.script = Script(gives_a=16.0)
        error = await self.assertFailure(self.apply(10_000), OrderIgnored)
        self.assertIn("accepted 10 A twice, and says that it gives 16 A", str(error))

    async def test_obeys(self) -> None:
        """It accepts, and says that it gives that: it is told once."""
        await self.limited(Script(gives_a=10.0))
        self.assertEqual(
            ["TxDefaultProfile", "TxProfile", "GetCompositeSchedule"], self.station.heard
        )

    async def test_doesNotSay(self) -> None:
        """It does not say what it gives, or nothing with it: it is asked once, and believed."""
        for gives_a in (None, -1.0):
            self.world.system.roster.acquaintance("CP-2").introduced(
                _device(f"firmware {gives_a}")
            )
            self.station.heard.clear()
            for _ in range(2):
                await self.limited(Script(gives_a=gives_a))
            self.assertEqual(1, self.station.heard.count("GetCompositeSchedule"))

    async def test_clearIsUnknown(self) -> None:
        """What it says that it has not is replaced by what limits nothing."""
        await self.limited(Script())
        self.station.script = Script(clears="Unknown")
        await self.evse.release()
        newest = {purpose(one): _limit_a(one) for one in self.station.accepted}
        self.assertEqual({"TxDefaultProfile": 16, "TxProfile": 16}, newest)

    async def test_cleared(self) -> None:
        """What it clears is cleared."""
        await self.limited(Script())
        self.station.heard.clear()
        await self.evse.release()
        self.assertEqual(["ClearChargingProfile"], self.station.heard)


def _limit_a(profile: Payload) -> float:
    (period,) = profile["charging_schedule"]["charging_schedule_period"]
    return float(period["limit"])


def _device(firmware: str) -> DeviceIdentity:
    return DeviceIdentity("Vendor", "Model", None, firmware)
