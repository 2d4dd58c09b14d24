"""A box that is steered by Modbus and serves a Central System at the same time."""

from __future__ import annotations

from itertools import product
from typing import Any

from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.power_brain import registers as of
from cfos_cm.simulator.driver import CARD_RETRY_S, Verdict

from .rig import BackedRig, Rig

TAG = "04A1B2C3D4"
REFUSED = {"idTagInfo": {"status": "Invalid"}}


class Both(SynchronousTestCase):
    """It charges with the smaller current of both, and only where both allow it."""

    def setUp(self) -> None:
        """A car, and a transaction."""
        self.rig = BackedRig(meter_interval_s=0)
        self.rig.evse.put(of.FAIL_SAFE_DURATION, 0)
        self.rig.plug_in()
        self.rig.box.show_card(TAG)

    def status(self) -> str:
        """What the Central System was told last."""
        return self.rig.central_system.statuses()[-1]

    def test_truth_table(self) -> None:
        """Whatever both say, and in whatever order they come to it."""
        modbus: dict[tuple[int, int], int] = {
            (enable, tenths): tenths * 100 if enable else 0
            for enable, tenths in product((0, 1), (60, 100, 160))
        }
        profiles = {0.0: 0, 5.9: 0, 6.0: 6000, 8.0: 8000, 12.5: 12_500, 32.0: 16_000}
        for modbus_first in (True, False):
            for (order, modbus_ma), (amps, profile_ma) in product(
                modbus.items(), profiles.items()
            ):
                if modbus_first:
                    self.order(*order)
                self.profile(amps)
                if not modbus_first:
                    self.order(*order)
                case = (modbus_first, order, amps)
                expected_ma = min(modbus_ma, profile_ma)
                self.assertEqual(expected_ma, self.rig.takes_ma(), case)
                self.assertEqual(expected_ma // 100, self.rig.evse.get(of.CHARGING_CURRENT))
                self.assertEqual("Charging" if expected_ma else "SuspendedEVSE", self.status())
        self.assertEqual([], self.rig.central_system.of("StopTransaction"))
        self.assertEqual(1, len(self.rig.central_system.of("StartTransaction")))

    def order(self, enable: int, tenths: int) -> None:
        """By Modbus."""
        self.rig.evse.put(of.CHARGING_ENABLE, enable)
        self.rig.evse.put(of.CHARGING_CUR_LIMIT, tenths)

    def profile(self, amps: float) -> None:
        """By OCPP."""
        self.assertEqual({"status": "Accepted"}, self.rig.limit(amps))

    def test_failsafe(self) -> None:
        """Without Modbus contact the failsafe current is its side, and OCPP's still counts."""
        self.rig.evse.put(of.FAIL_SAFE_CURRENT, 80)
        self.rig.evse.put(of.FAIL_SAFE_DURATION, 60)
        self.rig.run(60)
        self.assertEqual(8_000, self.rig.box.flow.current_ma)
        self.rig.limit(7)
        self.assertEqual(7_000, self.rig.box.flow.current_ma)
        self.rig.limit(0)
        self.assertEqual(0, self.rig.box.flow.current_ma)

    def test_only_with_a_transaction(self) -> None:
        """Modbus alone does not begin a charge, and does not go on with one that has ended."""
        rig = BackedRig()
        rig.plug_in()
        self.assertEqual((0, 1), (rig.takes_ma(), rig.evse.get(of.CHARGE_PILOT_STATE)))
        rig.box.show_card(TAG)
        self.assertEqual(16_000, rig.takes_ma())
        rig.central_system.ask("RemoteStopTransaction", {"transactionId": 1001})
        self.assertEqual((0, 1), (rig.takes_ma(), rig.evse.get(of.CHARGE_PILOT_STATE)))

    def test_begins_disabled(self) -> None:
        """A transaction can begin while Modbus allows nothing, and charges when it does."""
        rig = BackedRig()
        rig.evse.put(of.CHARGING_ENABLE, 0)
        rig.plug_in()
        rig.box.show_card(TAG)
        self.assertEqual("SuspendedEVSE", rig.central_system.statuses()[-1])
        rig.evse.put(of.CHARGING_ENABLE, 1)
        self.assertEqual("Charging", rig.central_system.statuses()[-1])

    def test_sleeping_car(self) -> None:
        """That a car takes nothing of what it is offered is told."""
        self.rig.box.put_car_to_sleep()
        self.assertEqual("SuspendedEV", self.status())
        self.rig.evse.put(of.DISCONNECT_CP, 5)
        self.assertEqual("SuspendedEVSE", self.status())
        self.rig.run(5)
        self.assertEqual("Charging", self.status())

    def test_faults(self) -> None:
        """A fault is told with what it is, and that it is over."""
        self.rig.box.find_dc_fault()
        self.assertEqual(("Faulted", "GroundFailure"), self.last())
        self.rig.box.unplug()
        self.assertEqual(("Available", "NoError"), self.last())
        self.rig.box.put_temperature(100)
        self.assertEqual(("Faulted", "HighTemperature"), self.last())
        self.rig.box.put_temperature(20)
        self.assertEqual(("Available", "NoError"), self.last())

    def last(self) -> tuple[str, str]:
        """Status and error that were told last."""
        payload = self.rig.central_system.of("StatusNotification")[-1]
        return payload["status"], payload["errorCode"]

    def test_boot_notification(self) -> None:
        """It says what it is."""
        (boot,) = self.rig.central_system.of("BootNotification")
        self.assertEqual("virtual Power Brain", boot["chargePointModel"])

    def test_reset(self) -> None:
        """A Reset of the Central System is one for Modbus, too."""
        self.rig.evse.put(of.CHARGING_CUR_LIMIT, 100)
        self.rig.central_system.ask("Reset", {"type": "Hard"})
        self.rig.run(1)
        self.assertEqual(2, self.rig.evse.get(of.COUNT_RESTART))
        self.assertEqual(160, self.rig.evse.get(of.CHARGING_CUR_LIMIT))
        self.rig.central_system.connect()
        self.assertEqual(2, len(self.rig.central_system.of("BootNotification")))


class Reader(SynchronousTestCase):
    """Cards."""

    def shown(self, rig: Rig, tag: str = TAG) -> Verdict:
        """What comes of a card."""
        return self.successResultOf(rig.box.show_card(tag))

    def test_without_ocpp(self) -> None:
        """Without OCPP a card is told by registers, and changes nothing else."""
        rig = Rig()
        rig.evse.put(of.CHARGING_ENABLE, 0)
        rig.plug_in()
        self.assertEqual(("", 0), self.told(rig))
        self.assertIs(Verdict.NOTED, self.shown(rig))
        self.assertEqual((TAG, 1), self.told(rig))
        self.shown(rig, "99" * 20)
        self.assertEqual(("99" * 15, 2), self.told(rig))
        self.assertEqual(0, rig.takes_ma())

    def test_without_a_car(self) -> None:
        """A card can be shown before the car is there."""
        rig = Rig()
        self.shown(rig)
        self.assertEqual((TAG, 1), self.told(rig))

    def test_driver_shows_once(self) -> None:
        """A driver who has shown his card where it is only told does not show it again."""
        rig = Rig(arrives_after_s=1, id_tag=TAG)
        rig.run(10 * CARD_RETRY_S)
        self.assertEqual((TAG, 1), self.told(rig))

    def test_with_ocpp(self) -> None:
        """With OCPP it is told by registers as well, whatever is made of it."""
        rig = BackedRig()
        rig.plug_in()
        rig.central_system.script["Authorize"] = lambda _: REFUSED
        self.assertIs(Verdict.REFUSED, self.shown(rig))
        self.assertEqual((TAG, 1), self.told(rig))
        self.assertEqual([], rig.central_system.of("StartTransaction"))

    def test_strange_card(self) -> None:
        """What no register can hold is shown as a question mark."""
        rig = Rig()
        self.shown(rig, "\u0416\0 4 ")
        self.assertEqual(("?? 4", 1), self.told(rig))

    def test_counter_ends(self) -> None:
        """The counter begins anew after 65535."""
        rig = Rig()
        rig.box.detected_rfids = 0xFFFF
        self.shown(rig)
        self.assertEqual((TAG, 0), self.told(rig))

    def test_no_reader(self) -> None:
        """Without a reader no card can be shown."""
        rig = BackedRig(has_reader=False, arrives_after_s=1, id_tag=TAG)
        rig.run(10)
        self.assertIs(Verdict.NOT_NOW, self.shown(rig))
        self.assertEqual(("", 0), self.told(rig))
        self.assertEqual([], rig.central_system.of("Authorize"))

    def told(self, rig: Rig) -> tuple[object, object]:
        """What the registers say."""
        return rig.evse.get(of.LAST_RFID), rig.evse.get(of.DETECTED_RFIDS)


class FixedTag(SynchronousTestCase):
    """A box without a reader has one tag for every car."""

    def setUp(self) -> None:
        """Listen to what the box says about it."""
        self.complaints = 0

        def observe(event: Any) -> None:
            self.complaints += "fixed tag" in (event["log_format"] or "")

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    def make(self, **changed: Any) -> BackedRig:
        """Such a box."""
        given = {"has_reader": False, "fixed_tag": "FIXED-1", "meter_interval_s": 0}
        return BackedRig(**{**given, **changed})

    def starts(self, rig: BackedRig) -> list[str]:
        """The tags of all transactions."""
        return [each["idTag"] for each in rig.central_system.of("StartTransaction")]

    def test_begins(self) -> None:
        """A transaction begins when a car plugs in, and charges; again with the next car."""
        rig = self.make()
        for times in (1, 2):
            rig.plug_in()
            self.assertEqual(["FIXED-1"] * times, self.starts(rig))
            self.assertEqual(16_000, rig.takes_ma())
            rig.box.unplug()
        self.assertEqual(2, len(rig.central_system.of("Authorize")))

    def test_no_card(self) -> None:
        """The registers know of no card."""
        rig = self.make()
        rig.plug_in()
        self.assertEqual(0, rig.evse.get(of.DETECTED_RFIDS))

    def test_refused(self) -> None:
        """Refused, it is tried again after a while, as long as the car is there."""
        rig = self.make()
        rig.central_system.script["Authorize"] = lambda _: REFUSED
        rig.plug_in()
        rig.run(CARD_RETRY_S)
        self.assertEqual(2, len(rig.central_system.of("Authorize")))
        rig.box.unplug()
        rig.run(3 * CARD_RETRY_S)
        self.assertEqual(2, len(rig.central_system.of("Authorize")))
        self.assertEqual([], self.starts(rig))

    def test_later_connection(self) -> None:
        """It begins as soon as there is a connection."""
        rig = self.make(connect=False)
        rig.plug_in()
        rig.run(5)
        rig.central_system.connect()
        rig.run(0.25)
        self.assertEqual(["FIXED-1"], self.starts(rig))

    def test_refused_and_invited(self) -> None:
        """When a transaction has begun from afar, it is not offered any more."""
        rig = self.make()
        rig.central_system.script["Authorize"] = lambda _: REFUSED
        rig.plug_in()
        rig.central_system.ask("RemoteStartTransaction", {"idTag": "REMOTE"})
        self.assertEqual(1, self.complaints)
        rig.run(5 * CARD_RETRY_S)
        self.assertEqual(1, self.complaints)
        self.assertEqual(["REMOTE"], self.starts(rig))

    def test_not_after_a_stop(self) -> None:
        """A transaction that was stopped does not begin anew by itself."""
        rig = self.make()
        rig.plug_in()
        rig.central_system.ask("RemoteStopTransaction", {"transactionId": 1001})
        rig.run(5 * CARD_RETRY_S)
        rig.central_system.disconnect()
        rig.central_system.connect()
        rig.run(5 * CARD_RETRY_S)
        self.assertEqual(["FIXED-1"], self.starts(rig))
        self.assertEqual(0, self.complaints)

    def test_with_a_reader(self) -> None:
        """With a reader it is the card that counts."""
        rig = self.make(has_reader=True)
        rig.plug_in()
        self.assertEqual([], self.starts(rig))
        rig.box.show_card(TAG)
        self.assertEqual([TAG], self.starts(rig))
