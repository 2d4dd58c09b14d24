"""A virtual wallbox in memory, against a Central System that checks every frame."""

from __future__ import annotations

from typing import Any

from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.simulator.charge_point import OWN_BOOT_INTERVAL_S
from cfos_cm.simulator.driver import CARD_RETRY_S

from ..charging_profiles import tx_profile
from .central_system import Rig

REFUSED = {"idTagInfo": {"status": "Invalid"}}


def sampled(payload: dict[str, Any], measurand: str, phase: str | None = None) -> float:
    """One value of a MeterValues."""
    (value,) = [
        float(each["value"])
        for each in payload["meterValue"][0]["sampledValue"]
        if each["measurand"] == measurand and each.get("phase") == phase
    ]
    return value


class RegistrationTests(SynchronousTestCase):
    """BootNotification and Heartbeat."""

    def test_boot(self) -> None:
        """After the start a BootNotification comes first, and says what the wallbox is."""
        rig = Rig()
        action, payload = rig.central_system.requests[0]
        self.assertEqual(action, "BootNotification")
        self.assertEqual(payload["chargePointVendor"], "cfos_cm")
        self.assertEqual(payload["chargePointModel"], "virtual wallbox")
        self.assertEqual(payload["chargePointSerialNumber"], "CP-0001")

    def test_statuses_follow(self) -> None:
        """Accepted, the wallbox tells the status of itself and of its connector."""
        rig = Rig()
        self.assertEqual(rig.central_system.statuses(0), ["Available"])
        self.assertEqual(rig.central_system.statuses(1), ["Available"])

    def test_silent_until_interval(self) -> None:
        """Refused, the wallbox says nothing until the interval is over, then boots again."""
        for status in ("Pending", "Rejected"):
            rig = Rig(connect=False)
            rig.central_system.script["BootNotification"] = lambda _, rig=rig, status=status: (
                rig.central_system.boot(status, 20)
            )
            rig.central_system.connect()
            rig.run(19.75)
            self.assertEqual(rig.central_system.actions(), ["BootNotification"])
            rig.run(0.25)
            self.assertEqual(rig.central_system.actions(), ["BootNotification"] * 2)

    def test_silent_over_a_reconnect(self) -> None:
        """A new connection does not end the silence that was asked for."""
        rig = Rig(connect=False)
        rig.central_system.script["BootNotification"] = lambda _: rig.central_system.boot(
            "Rejected", 20
        )
        rig.central_system.connect()
        rig.central_system.disconnect()
        rig.central_system.connect()
        rig.run(19.75)
        self.assertEqual(len(rig.central_system.requests), 1)
        rig.run(0.25)
        self.assertEqual(len(rig.central_system.requests), 2)

    def test_own_interval(self) -> None:
        """Refused with the interval 0, or with an error, the wallbox waits its own time."""
        for answer in ("InternalError", None):
            rig = Rig(connect=False)
            rig.central_system.script["BootNotification"] = lambda _, rig=rig, answer=answer: (
                answer or rig.central_system.boot("Rejected", 0)
            )
            rig.central_system.connect()
            rig.run(OWN_BOOT_INTERVAL_S - 0.25)
            self.assertEqual(len(rig.central_system.requests), 1)
            rig.run(0.25)
            self.assertEqual(len(rig.central_system.requests), 2)

    def test_no_boot_after_reconnect(self) -> None:
        """After a mere loss of the connection the status is told, and nothing is booted."""
        rig = Rig()
        rig.central_system.disconnect()
        rig.central_system.requests.clear()
        rig.central_system.connect()
        self.assertEqual(rig.central_system.actions(), ["StatusNotification"] * 2)

    def test_heartbeat(self) -> None:
        """Heartbeats come at the interval that BootNotification was answered with."""
        rig = Rig(connect=False, arrives_after_s=10_000)
        rig.central_system.script["BootNotification"] = lambda _: rig.central_system.boot(
            "Accepted", 40
        )
        rig.central_system.connect()
        rig.run(120)
        self.assertEqual(len(rig.central_system.of("Heartbeat")), 3)

    def test_heartbeat_interval_changed(self) -> None:
        """The configuration key HeartbeatInterval holds at once."""
        rig = Rig(arrives_after_s=10_000)
        rig.central_system.ask(
            "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "10"}
        )
        rig.run(30)
        self.assertEqual(len(rig.central_system.of("Heartbeat")), 3)

    def test_no_heartbeat_offline(self) -> None:
        """Without a connection nothing is sent."""
        rig = Rig(arrives_after_s=10_000)
        rig.central_system.disconnect()
        rig.run(1000)
        self.assertEqual(rig.central_system.of("Heartbeat"), [])

    def test_stop_leaves_no_timer(self) -> None:
        """Switched off, at any time, the wallbox leaves nothing that would happen later."""
        for moment_s in (0, 1, 2, 5, 60, 4000):
            rig = Rig(returns_after_s=5)
            rig.run(moment_s)
            rig.wallbox.stop()
            self.assertEqual(rig.clock.getDelayedCalls(), [])

    def test_start_again(self) -> None:
        """Switched on again, it boots, tells how its transaction ended, and the car returns."""
        rig = Rig()
        rig.run(30)
        rig.wallbox.stop()
        rig.central_system.requests.clear()
        rig.wallbox.start()
        rig.central_system.connect()
        rig.run(5)
        actions = rig.central_system.actions()
        self.assertEqual(actions[0], "BootNotification")
        self.assertLess(actions.index("StopTransaction"), actions.index("StartTransaction"))
        self.assertEqual(rig.central_system.of("StopTransaction")[0]["reason"], "PowerLoss")


class VisitTests(SynchronousTestCase):
    """A car comes, charges and leaves."""

    def test_whole_visit(self) -> None:
        """From the arrival to the departure, everything is told in order."""
        rig = Rig(car_needs_wh=100, meter_interval_s=0)
        rig.run(120)
        told = [
            payload.get("status", "") if action == "StatusNotification" else f"({action})"
            for action, payload in rig.central_system.requests
        ]
        self.assertEqual(
            told,
            [
                *("(BootNotification)", "Available", "Available", "Preparing", "(Authorize)"),
                *("(StartTransaction)", "Charging", "SuspendedEV"),
                *("(StopTransaction)", "Finishing", "Available"),
            ],
        )

    def test_energy(self) -> None:
        """The meter counts what the car has taken, from where it was."""
        rig = Rig(car_needs_wh=100, returns_after_s=5)
        rig.run(160)
        first, second = rig.central_system.of("StartTransaction")[:2]
        stop = rig.central_system.of("StopTransaction")[0]
        self.assertEqual((first["meterStart"], stop["meterStop"]), (0, 100))
        self.assertEqual(second["meterStart"], 100)
        self.assertEqual(stop["reason"], "EVDisconnected")
        self.assertEqual(stop["transactionId"], 1001)

    def test_leaves_after_it_is_full(self) -> None:
        """The car stays for as long as it was told after it is full."""
        rig = Rig(car_needs_wh=1, leaves_after_s=100)
        rig.run(100)
        self.assertEqual(rig.central_system.of("StopTransaction"), [])
        rig.run(5)
        self.assertEqual(len(rig.central_system.of("StopTransaction")), 1)

    def test_never_returns(self) -> None:
        """With returns_after 0 there is one visit only."""
        rig = Rig(car_needs_wh=1, leaves_after_s=1)
        rig.run(1000)
        self.assertEqual(len(rig.central_system.of("StartTransaction")), 1)

    def test_time_lapse(self) -> None:
        """Sixty times faster: a minute's energy in a second, but the real current."""
        rig = Rig(time_lapse=60, meter_interval_s=10, arrives_after_s=0)
        rig.run(10.25)
        (reading,) = rig.central_system.of("MeterValues")
        # 11.04 kW for ten minutes.
        self.assertEqual(sampled(reading, "Energy.Active.Import.Register"), 1_840)
        self.assertEqual(sampled(reading, "Power.Active.Import"), 11_040)

    def test_meter_values(self) -> None:
        """A reading has energy, power, the current of each phase and what was offered."""
        rig = Rig(car_phases=2, arrives_after_s=0)
        rig.run(10.25)
        (reading,) = rig.central_system.of("MeterValues")
        self.assertEqual(reading["transactionId"], 1001)
        self.assertEqual(reading["connectorId"], 1)
        self.assertEqual(sampled(reading, "Power.Active.Import"), 7_360)
        for phase, amps in (("L1", 16), ("L2", 16), ("L3", 0)):
            self.assertEqual(sampled(reading, "Current.Import", phase), amps)
        self.assertEqual(sampled(reading, "Current.Offered"), 32)
        contexts = {each["context"] for each in reading["meterValue"][0]["sampledValue"]}
        self.assertEqual(contexts, {"Sample.Periodic"})

    def test_meter_interval(self) -> None:
        """Readings come at the interval, and at another one when it is changed."""
        rig = Rig(arrives_after_s=0)
        rig.run(40.25)
        self.assertEqual(len(rig.central_system.of("MeterValues")), 4)
        rig.central_system.ask(
            "ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "5"}
        )
        rig.run(20)
        self.assertEqual(len(rig.central_system.of("MeterValues")), 8)

    def test_card_refused(self) -> None:
        """A card that is refused starts nothing; the driver shows it again later."""
        rig = Rig()
        rig.central_system.script["Authorize"] = lambda _: REFUSED
        rig.run(10)
        self.assertEqual(rig.central_system.of("StartTransaction"), [])
        del rig.central_system.script["Authorize"]
        rig.central_system.script["Authorize"] = lambda _: {"idTagInfo": {"status": "Accepted"}}
        rig.run(CARD_RETRY_S)
        self.assertEqual(len(rig.central_system.of("StartTransaction")), 1)

    def test_start_refused(self) -> None:
        """A start whose idTag is refused ends the transaction at once."""
        rig = Rig()
        rig.central_system.script["StartTransaction"] = lambda _: {
            **REFUSED,
            "transactionId": 7,
        }
        rig.run(3)
        (stop,) = rig.central_system.of("StopTransaction")
        self.assertEqual((stop["reason"], stop["transactionId"]), ("DeAuthorized", 7))
        self.assertEqual(rig.central_system.statuses()[-1], "Finishing")

    def test_no_card(self) -> None:
        """Without a card a car waits."""
        rig = Rig(id_tag=None)
        rig.run(1000)
        self.assertEqual(rig.central_system.statuses()[-1], "Preparing")
        self.assertEqual(rig.central_system.of("Authorize"), [])

    def test_words(self) -> None:
        """The log says in plain words what happens, and hides most of the card's number."""
        said: list[str] = []

        def observe(event: Any) -> None:
            if event["log_namespace"] == "cfos_cm.simulator":
                said.append(event["log_format"].format(**event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        rig = Rig(car_needs_wh=100)
        rig.run(120)
        self.assertEqual(
            said,
            [
                "bay-1's car plugs in",
                "bay-1's driver shows card …B2C3",
                "bay-1's car may charge",
                "bay-1's car takes 16 A on 3 phases",
                "bay-1's car takes 8 A on 3 phases",
                "bay-1's car takes nothing",
                "bay-1's car is full",
                "bay-1's charge ends: EVDisconnected",
                "bay-1's car drives away",
            ],
        )


class OfflineTests(SynchronousTestCase):
    """What happens without a connection is told later."""

    def test_stop_is_told_later(self) -> None:
        """Readings and the stop of a time without connection arrive in their order."""
        rig = Rig(car_needs_wh=100)
        rig.run(5)
        rig.central_system.disconnect()
        rig.run(100)
        rig.central_system.requests.clear()
        rig.central_system.connect()
        actions = [
            action for action in rig.central_system.actions() if action != "StatusNotification"
        ]
        self.assertEqual(set(actions[:-1]), {"MeterValues"})
        self.assertEqual(actions[-1], "StopTransaction")
        stamps = [
            each["meterValue"][0]["timestamp"] for each in rig.central_system.of("MeterValues")
        ]
        self.assertEqual(stamps, sorted(stamps))
        ids = {each["transactionId"] for _, each in rig.central_system.requests[2:]}
        self.assertEqual(ids, {1001})

    def test_start_was_not_answered(self) -> None:
        """A start whose answer was lost is sent again; its stop has the id of the second."""
        rig = Rig(car_needs_wh=100)
        rig.central_system.script["StartTransaction"] = lambda _: None
        rig.run(5)
        rig.central_system.disconnect()
        rig.run(100)
        rig.central_system.script["StartTransaction"] = lambda _: {
            "idTagInfo": {"status": "Accepted"},
            "transactionId": 77,
        }
        rig.central_system.connect()
        first, second = rig.central_system.of("StartTransaction")
        self.assertEqual(first, second)
        (stop,) = rig.central_system.of("StopTransaction")
        self.assertEqual(stop["transactionId"], 77)
        for reading in rig.central_system.of("MeterValues"):
            self.assertEqual(reading["transactionId"], 77)

    def test_known_card_offline(self) -> None:
        """A card that was good before is good without a connection."""
        rig = Rig(car_needs_wh=1, leaves_after_s=1, returns_after_s=10)
        rig.run(5)
        rig.central_system.disconnect()
        rig.run(12)
        rig.central_system.connect()
        self.assertEqual(len(rig.central_system.of("StartTransaction")), 2)
        self.assertEqual(len(rig.central_system.of("Authorize")), 1)

    def test_unknown_card_offline(self) -> None:
        """A card that nobody has judged starts nothing without a connection."""
        rig = Rig(connect=False)
        rig.run(20)
        self.assertEqual(rig.wallbox.evse.transaction, None)

    def test_unknown_card_until_connected(self) -> None:
        """A card that could not be judged is shown again as soon as it can be."""
        rig = Rig(connect=False)
        rig.run(10)
        rig.central_system.connect()
        rig.run(0.25)
        self.assertEqual(len(rig.central_system.of("StartTransaction")), 1)

    def test_unknown_card_offline_allowed(self) -> None:
        """With AllowOfflineTxForUnknownId it does, and the start is told later."""
        rig = Rig()
        rig.central_system.ask(
            "ChangeConfiguration", {"key": "AllowOfflineTxForUnknownId", "value": "true"}
        )
        rig.central_system.disconnect()
        rig.run(20)
        self.assertEqual(rig.central_system.of("StartTransaction"), [])
        rig.central_system.connect()
        (start,) = rig.central_system.of("StartTransaction")
        self.assertEqual(start["timestamp"], "2026-03-02T12:00:02.000Z")

    def test_refused_message_is_given_up(self) -> None:
        """A start that is refused three times is given up; its stop names no transaction."""
        rig = Rig(car_needs_wh=1, meter_interval_s=0)
        rig.central_system.script["StartTransaction"] = lambda _: "InternalError"
        rig.run(300)
        self.assertEqual(len(rig.central_system.of("StartTransaction")), 3)
        (stop,) = rig.central_system.of("StopTransaction")
        self.assertEqual(stop["transactionId"], -1)

    def test_unanswered_message_is_repeated(self) -> None:
        """A start that is not answered is sent again and again, and nothing overtakes it."""
        rig = Rig(car_needs_wh=1)
        rig.central_system.script["StartTransaction"] = lambda _: None
        rig.run(1200)
        self.assertGreater(len(rig.central_system.of("StartTransaction")), 3)
        self.assertEqual(rig.central_system.of("MeterValues"), [])
        self.assertEqual(rig.central_system.of("StopTransaction"), [])


class SmartChargingTests(SynchronousTestCase):
    """The wallbox obeys its charging profiles."""

    def test_limit(self) -> None:
        """A TxProfile of 10 A holds at once."""
        rig = Rig(arrives_after_s=0)
        self.assertEqual(rig.limit(10), {"status": "Rejected"})
        rig.run(1)
        self.assertEqual(rig.limit(10), {"status": "Accepted"})
        rig.run(10)
        (reading,) = rig.central_system.of("MeterValues")
        self.assertEqual(sampled(reading, "Current.Import", "L1"), 10)
        self.assertEqual(sampled(reading, "Current.Offered"), 10)

    def test_pause(self) -> None:
        """Below 6 A the wallbox suspends charging, and takes it up again above."""
        rig = Rig(arrives_after_s=0)
        rig.run(1)
        rig.limit(5.9)
        rig.limit(6)
        self.assertEqual(
            rig.central_system.statuses()[-3:], ["Charging", "SuspendedEVSE", "Charging"]
        )

    def test_one_phase(self) -> None:
        """NumberPhases 1 switches the others off."""
        rig = Rig(arrives_after_s=0)
        rig.run(1)
        rig.limit(
            0,
            chargingSchedule={
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10, "numberPhases": 1}],
            },
        )
        rig.run(10)
        (reading,) = rig.central_system.of("MeterValues")
        amps = [sampled(reading, "Current.Import", f"L{number}") for number in (1, 2, 3)]
        self.assertEqual(amps, [10, 0, 0])

    def test_default_of_nothing(self) -> None:
        """Under a TxDefaultProfile of 0 A a transaction begins suspended."""
        rig = Rig(arrives_after_s=5)
        rig.limit(0, chargingProfilePurpose="TxDefaultProfile")
        rig.run(6)
        self.assertEqual(rig.central_system.statuses()[-1], "SuspendedEVSE")
        self.assertEqual(len(rig.central_system.of("StartTransaction")), 1)

    def test_next_period(self) -> None:
        """A period that begins later holds from then on."""
        rig = Rig(arrives_after_s=0)
        rig.run(1)
        periods = [{"startPeriod": 0, "limit": 10}, {"startPeriod": 30, "limit": 0}]
        rig.limit(
            0, chargingSchedule={"chargingRateUnit": "A", "chargingSchedulePeriod": periods}
        )
        rig.run(28)
        self.assertEqual(rig.central_system.statuses()[-1], "Charging")
        rig.run(2)
        self.assertEqual(rig.central_system.statuses()[-1], "SuspendedEVSE")

    def test_of_another_transaction(self) -> None:
        """A TxProfile for another transaction is refused, one for this one is not."""
        rig = Rig(arrives_after_s=0)
        rig.run(1)
        self.assertEqual(rig.limit(10, transactionId=5), {"status": "Rejected"})
        self.assertEqual(rig.limit(10, transactionId=1001), {"status": "Accepted"})

    def test_gone_with_the_transaction(self) -> None:
        """A TxProfile does not outlive its transaction."""
        rig = Rig(arrives_after_s=0)
        rig.run(1)
        rig.limit(10)
        rig.central_system.ask("RemoteStopTransaction", {"transactionId": 1001})
        self.assertEqual(
            rig.central_system.ask("ClearChargingProfile", {}), {"status": "Unknown"}
        )

    def test_clear(self) -> None:
        """Cleared, a profile limits no more."""
        rig = Rig(arrives_after_s=0)
        rig.run(1)
        rig.limit(0)
        answer = rig.central_system.ask("ClearChargingProfile", {"id": 1})
        self.assertEqual(answer, {"status": "Accepted"})
        self.assertEqual(rig.central_system.statuses()[-1], "Charging")

    def test_no_such_connector(self) -> None:
        """A profile for a connector that there is not is a PropertyConstraintViolation."""
        rig = Rig(connector=2)
        self.assertEqual(rig.limit(10), "PropertyConstraintViolation")

    def test_composite_schedule(self) -> None:
        """GetCompositeSchedule says what the profiles come to."""
        rig = Rig(arrives_after_s=0)
        rig.run(1)
        rig.limit(10)
        answer = rig.central_system.ask(
            "GetCompositeSchedule", {"connectorId": 1, "duration": 600}
        )
        assert isinstance(answer, dict)
        self.assertEqual(answer["status"], "Accepted")
        self.assertEqual(
            answer["chargingSchedule"]["chargingSchedulePeriod"],
            [{"startPeriod": 0, "limit": 10.0, "numberPhases": 3}],
        )


class CommandTests(SynchronousTestCase):
    """What a Central System can ask for."""

    def test_remote_start(self) -> None:
        """A remote start with a car begins at once, after the answer, with its profile."""
        rig = Rig(id_tag=None, arrives_after_s=0)
        rig.run(1)
        answer = rig.central_system.ask(
            "RemoteStartTransaction",
            {
                "idTag": "app",
                "connectorId": 1,
                "chargingProfile": tx_profile(7, chargingProfileId=3),
            },
        )
        self.assertEqual(answer, {"status": "Accepted"})
        self.assertEqual(rig.central_system.of("Authorize"), [])
        self.assertEqual(rig.central_system.of("StartTransaction")[0]["idTag"], "app")
        rig.run(10)
        reading = rig.central_system.of("MeterValues")[0]
        self.assertEqual(sampled(reading, "Current.Import", "L1"), 7)

    def test_remote_start_before_the_car(self) -> None:
        """A remote start without a car waits for one."""
        rig = Rig(id_tag=None, arrives_after_s=30)
        rig.central_system.ask("RemoteStartTransaction", {"idTag": "app"})
        self.assertEqual(rig.central_system.statuses()[-1], "Preparing")
        rig.run(30)
        self.assertEqual(len(rig.central_system.of("StartTransaction")), 1)

    def test_remote_start_in_vain(self) -> None:
        """After ConnectionTimeOut a remote start is forgotten."""
        rig = Rig(id_tag=None, arrives_after_s=61)
        rig.central_system.ask("RemoteStartTransaction", {"idTag": "app"})
        rig.run(60)
        self.assertEqual(rig.central_system.statuses()[-1], "Available")
        rig.run(5)
        self.assertEqual(rig.central_system.of("StartTransaction"), [])

    def test_remote_start_refused(self) -> None:
        """A second remote start, one elsewhere and one with a default profile are refused."""
        rig = Rig(arrives_after_s=0)
        rig.run(1)
        for payload in ({"idTag": "app"}, {"idTag": "app", "connectorId": 2}):
            answer = rig.central_system.ask("RemoteStartTransaction", payload)
            self.assertEqual(answer, {"status": "Rejected"})

    def test_remote_start_while_pending(self) -> None:
        """While the registration is pending a remote start is refused."""
        rig = Rig(connect=False, id_tag=None, arrives_after_s=0)
        rig.central_system.script["BootNotification"] = lambda _: rig.central_system.boot(
            "Pending", 100
        )
        rig.central_system.connect()
        answer = rig.central_system.ask("RemoteStartTransaction", {"idTag": "app"})
        self.assertEqual(answer, {"status": "Rejected"})

    def test_remote_stop(self) -> None:
        """A remote stop ends the transaction that it names, after the answer."""
        rig = Rig(arrives_after_s=0)
        rig.run(1)
        for transaction_id, status in ((999, "Rejected"), (1001, "Accepted")):
            answer = rig.central_system.ask(
                "RemoteStopTransaction", {"transactionId": transaction_id}
            )
            self.assertEqual(answer, {"status": status})
        (stop,) = rig.central_system.of("StopTransaction")
        self.assertEqual(stop["reason"], "Remote")

    def test_availability(self) -> None:
        """Out of use, the connector is Unavailable, and a card starts nothing."""
        rig = Rig()
        payload = {"connectorId": 1, "type": "Inoperative"}
        self.assertEqual(
            rig.central_system.ask("ChangeAvailability", payload), {"status": "Accepted"}
        )
        rig.run(10)
        self.assertEqual(rig.central_system.statuses(), ["Available", "Unavailable"])
        self.assertEqual(rig.central_system.of("StartTransaction"), [])

    def test_availability_later(self) -> None:
        """While a transaction runs, it is taken out of use when that has ended."""
        rig = Rig(arrives_after_s=0)
        rig.run(1)
        payload = {"connectorId": 0, "type": "Inoperative"}
        self.assertEqual(
            rig.central_system.ask("ChangeAvailability", payload), {"status": "Scheduled"}
        )
        self.assertEqual(rig.central_system.statuses()[-1], "Charging")
        rig.central_system.ask("RemoteStopTransaction", {"transactionId": 1001})
        self.assertEqual(rig.central_system.statuses()[-1], "Unavailable")
        self.assertEqual(rig.central_system.statuses(0)[-1], "Unavailable")

    def test_reset(self) -> None:
        """A reset ends the transaction, drops the connection, and boots again."""
        for kind in ("Soft", "Hard"):
            rig = Rig(arrives_after_s=0)
            rig.run(1)
            self.assertEqual(
                rig.central_system.ask("Reset", {"type": kind}), {"status": "Accepted"}
            )
            rig.run(1)
            self.assertFalse(rig.central_system.is_up)
            rig.central_system.connect()
            self.assertEqual(len(rig.central_system.of("BootNotification")), 2)
            (stop,) = rig.central_system.of("StopTransaction")
            self.assertEqual(stop["reason"], f"{kind}Reset")
            self.assertEqual(rig.central_system.statuses()[-1], "Preparing")

    def test_hard_reset_tells_later(self) -> None:
        """After a hard reset the stop comes after the new BootNotification."""
        rig = Rig(arrives_after_s=0)
        rig.run(1)
        rig.central_system.ask("Reset", {"type": "Hard"})
        self.assertEqual(rig.central_system.of("StopTransaction"), [])

    def test_configuration(self) -> None:
        """Keys can be read, and an unknown one is named."""
        rig = Rig()
        answer = rig.central_system.ask(
            "GetConfiguration", {"key": ["numberofconnectors", "Nonsense"]}
        )
        self.assertEqual(
            answer,
            {
                "configurationKey": [
                    {"key": "NumberOfConnectors", "readonly": True, "value": "1"}
                ],
                "unknownKey": ["Nonsense"],
            },
        )

    def test_all_keys(self) -> None:
        """Asked for nothing in particular, all keys are told."""
        answer = Rig().central_system.ask("GetConfiguration", {})
        assert isinstance(answer, dict)
        self.assertGreater(len(answer["configurationKey"]), 20)

    def test_change_configuration(self) -> None:
        """A key takes a good value only, and a read-only one none."""
        rig = Rig()
        for key, value, status in (
            ("HeartbeatInterval", "60", "Accepted"),
            ("HeartbeatInterval", "-1", "Rejected"),
            ("HeartbeatInterval", "soon", "Rejected"),
            ("NumberOfConnectors", "2", "Rejected"),
            ("LocalAuthorizeOffline", "maybe", "Rejected"),
            ("Nonsense", "1", "NotSupported"),
        ):
            answer = rig.central_system.ask("ChangeConfiguration", {"key": key, "value": value})
            self.assertEqual(answer, {"status": status}, (key, value))

    def test_authorization_key(self) -> None:
        """The AuthorizationKey can be set and is never told."""
        rig = Rig()
        payload = {"key": "AuthorizationKey", "value": "00112233445566778899AABBCCDDEEFF"}
        self.assertEqual(
            rig.central_system.ask("ChangeConfiguration", payload), {"status": "Accepted"}
        )
        self.assertEqual(
            rig.central_system.ask("GetConfiguration", {"key": ["AuthorizationKey"]}),
            {"configurationKey": [{"key": "AuthorizationKey", "readonly": False}]},
        )
        self.assertEqual(
            rig.wallbox.configuration.authorization_key(), bytes.fromhex(payload["value"])
        )

    def test_unlock(self) -> None:
        """Unlocked, a connector's transaction ends; another connector is not supported."""
        rig = Rig(arrives_after_s=0)
        rig.run(1)
        for connector, status in ((2, "NotSupported"), (1, "Unlocked")):
            answer = rig.central_system.ask("UnlockConnector", {"connectorId": connector})
            self.assertEqual(answer, {"status": status})
        (stop,) = rig.central_system.of("StopTransaction")
        self.assertEqual(stop["reason"], "UnlockCommand")

    def test_trigger(self) -> None:
        """What is triggered comes after the answer."""
        for wanted in ("Heartbeat", "MeterValues", "StatusNotification"):
            rig = Rig(arrives_after_s=0)
            rig.run(1)
            rig.central_system.requests.clear()
            answer = rig.central_system.ask(
                "TriggerMessage", {"requestedMessage": wanted, "connectorId": 1}
            )
            self.assertEqual(answer, {"status": "Accepted"})
            self.assertEqual(rig.central_system.actions(), [wanted])

    def test_trigger_boot(self) -> None:
        """A BootNotification can be triggered while it is pending, and not when accepted."""
        rig = Rig(connect=False)
        rig.central_system.script["BootNotification"] = lambda _: rig.central_system.boot(
            "Pending", 100
        )
        rig.central_system.connect()
        rig.central_system.script["BootNotification"] = lambda _: rig.central_system.boot(
            "Accepted", 100
        )
        for status in ("Accepted", "Rejected"):
            answer = rig.central_system.ask(
                "TriggerMessage", {"requestedMessage": "BootNotification"}
            )
            self.assertEqual(answer, {"status": status})
        self.assertEqual(len(rig.central_system.of("BootNotification")), 2)

    def test_trigger_unknown(self) -> None:
        """What the wallbox never sends cannot be triggered."""
        answer = Rig().central_system.ask(
            "TriggerMessage", {"requestedMessage": "FirmwareStatusNotification"}
        )
        self.assertEqual(answer, {"status": "NotImplemented"})

    def test_clear_cache(self) -> None:
        """After ClearCache a card that was good is unknown without a connection."""
        rig = Rig(car_needs_wh=1, leaves_after_s=1, returns_after_s=10)
        rig.run(5)
        self.assertEqual(rig.central_system.ask("ClearCache", {}), {"status": "Accepted"})
        rig.central_system.disconnect()
        rig.run(12)
        self.assertIsNone(rig.wallbox.evse.transaction)

    def test_data_transfer(self) -> None:
        """No vendor's data is understood."""
        answer = Rig().central_system.ask("DataTransfer", {"vendorId": "somebody"})
        self.assertEqual(answer, {"status": "UnknownVendorId"})

    def test_not_supported(self) -> None:
        """A known action that the wallbox cannot do is NotSupported."""
        answer = Rig().central_system.ask("GetLocalListVersion", {})
        self.assertEqual(answer, "NotSupported")

    def test_not_implemented(self) -> None:
        """An action that nobody knows is NotImplemented."""
        answer = Rig().central_system.ask_anything("MakeCoffee", {})
        self.assertEqual(answer, "NotImplemented")

    def test_bad_payload(self) -> None:
        """A request of a wrong form gets an error, and the wallbox goes on."""
        rig = Rig()
        answer = rig.central_system.ask_anything("Reset", {"type": 1})
        self.assertEqual(answer, "TypeConstraintViolation")
        self.assertEqual(rig.central_system.ask("ClearCache", {}), {"status": "Accepted"})

    def test_nonsense(self) -> None:
        """What is no frame at all is passed over."""
        rig = Rig()
        for text in (b"", b"{}", b"[3]", b"\xff", b'[3,"nobody",{}]', b'[4,"x","y","",{}]'):
            rig.wallbox.received(text)
        self.assertEqual(rig.central_system.ask("ClearCache", {}), {"status": "Accepted"})
