"""An EVSE without OCPP, as its backend sees it: the test cases of OCTT that are about it."""

from __future__ import annotations

from cfos_cm.charge_point.made.connector import SETTLING_S, MadeStation
from cfos_cm.charge_point.made.keys import Use
from cfos_cm.charge_point.made.status import UNPLUGGED
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.electrical import PhaseCurrents
from cfos_cm.site.events import (
    EvseConnected,
    EvseLost,
    EvseMeasured,
    SetpointDecided,
    TagJudged,
    TransactionJudged,
    TransactionResumed,
)
from cfos_cm.site.evse import Occupancy
from cfos_cm.site.setpoint import ReasonCode
from cfos_cm.site.tag import Verdict
from cfos_cm.v16.core import StatusNotificationRequest
from tests.charge_point.made.bay import BayCase, setpoint

_ACCEPTED = TagJudged("box", "04AA", Verdict.ACCEPTED)


class SessionTests(BayCase):
    """How a charge goes."""

    def test_plug_first(self) -> None:
        """TC_003: plugged in, then the card."""
        self.says(Occupancy.PLUGGED)
        self.report(_ACCEPTED)
        self.begin()
        self.gets(setpoint(16_000))
        self.says(Occupancy.CHARGING)
        self.assertEqual(["Preparing"], self.statuses)
        self.draws()
        self.assertEqual(["Preparing", "Charging"], self.statuses)

    def test_card_first(self) -> None:
        """TC_004_1: the card, then plugged in."""
        self.report(_ACCEPTED)
        self.assertEqual(["Preparing"], self.statuses)
        self.charge()
        self.assertEqual(["Preparing", "Charging"], self.statuses)
        self.clock.advance(100)
        self.assertEqual(["Preparing", "Charging"], self.statuses)

    def test_nobody_comes(self) -> None:
        """TC_004_2, TC_011_2: without a car it is free again after ConnectionTimeOut."""
        self.report(_ACCEPTED)
        self.clock.advance(59)
        self.assertEqual(["Preparing"], self.statuses)
        self.clock.advance(1)
        self.assertEqual(["Preparing", "Available"], self.statuses)

    def test_refused(self) -> None:
        """TC_023: a card that may not charge changes nothing."""
        self.report(TagJudged("box", "04BB", Verdict.INVALID))
        self.assertEqual([], self.statuses)

    def test_unplugged(self) -> None:
        """TC_005_1: the car leaves, and a little later that is on disk."""
        self.charge()
        self.says(Occupancy.FREE)
        self.end(reason="EVDisconnected")
        self.assertEqual(["Preparing", "Charging", "Finishing", "Available"], self.statuses)

    def test_meter_before_car(self) -> None:
        """That nothing flows any more is no pause where the car has left at that moment."""
        self.charge()
        self.report(EvseMeasured("box", PhaseCurrents(), 5100, 0))
        self.says(Occupancy.FREE)
        self.end(reason="EVDisconnected")
        self.clock.advance(1)
        self.assertEqual(["Preparing", "Charging", "Finishing", "Available"], self.statuses)

    def test_back_before_it_is_decided(self) -> None:
        """TC_005_3: a car that is back is not told that it is not there."""
        self.keys.values["StopTransactionOnEVSideDisconnect"] = "false"
        self.charge()
        running = self.state.evses["box"].transaction
        assert running is not None
        self.says(Occupancy.FREE)
        self.report(TransactionResumed("box", running))
        self.gets(setpoint(0, ReasonCode.NO_CAR))
        self.says(Occupancy.PLUGGED)
        self.assertEqual("SuspendedEV", self.statuses[-1])

    def test_unplugged_and_goes_on(self) -> None:
        """TC_005_3: a transaction outlives its plug where that is configured."""
        self.keys.values["StopTransactionOnEVSideDisconnect"] = "false"
        self.charge()
        running = self.state.evses["box"].transaction
        assert running is not None
        self.says(Occupancy.FREE)
        self.report(TransactionResumed("box", running))
        self.assertEqual(["Preparing", "Charging", "SuspendedEV"], self.statuses)
        self.assertEqual(UNPLUGGED, self.told[-1].info)
        self.says(Occupancy.PLUGGED)
        self.gets(setpoint(16_000))
        self.says(Occupancy.CHARGING)
        self.draws()
        self.assertEqual("Charging", self.statuses[-1])
        self.end()
        self.assertEqual("Finishing", self.statuses[-1])

    def test_ended_from_afar(self) -> None:
        """TC_012: it is Finishing until the car leaves."""
        self.charge()
        self.end()
        self.says(Occupancy.PLUGGED)
        self.says(Occupancy.FREE)
        self.assertEqual(["Preparing", "Charging", "Finishing", "Available"], self.statuses)

    def test_next_car(self) -> None:
        """The next car has nothing to finish."""
        self.charge()
        self.end()
        self.says(Occupancy.FREE)
        self.says(Occupancy.PLUGGED)
        self.assertEqual(["Finishing", "Available", "Preparing"], self.statuses[2:])

    def test_another_begins(self) -> None:
        """Another charge of the same car begins as each does."""
        self.charge()
        self.end()
        self.report(_ACCEPTED)
        self.begin(8)
        self.says(Occupancy.CHARGING)
        self.draws()
        self.assertEqual(
            ["Preparing", "Charging", "Finishing", "Preparing", "Charging"], self.statuses
        )

    def test_begins_at_once(self) -> None:
        """A charge that follows another at once has no card: the step between is told."""
        self.charge()
        self.end()
        self.begin(8)
        self.says(Occupancy.CHARGING)
        self.draws()
        self.assertEqual(["Finishing", "Preparing", "Charging"], self.statuses[2:])

    def test_paused(self) -> None:
        """Where we pause a car its owner is told why."""
        self.charge()
        pause = setpoint(0, ReasonCode.CIRCUIT, "phase L2 of garage")
        self.gets(pause)
        self.says(Occupancy.PLUGGED)
        self.assertEqual("SuspendedEVSE", self.statuses[-1])
        self.assertEqual("phase L2 of garage", self.told[-1].info)
        before = len(self.told)
        self.report(SetpointDecided("box", setpoint(0, ReasonCode.PAUSE, "for 4 minutes")))
        self.assertEqual(before, len(self.told))

    def test_full(self) -> None:
        """A car that does not want any more suspends itself."""
        self.charge()
        self.draws(0)
        self.assertEqual("SuspendedEV", self.statuses[-1])

    def test_takes_long(self) -> None:
        """A car that does not begin is not Preparing for ever."""
        self.says(Occupancy.PLUGGED)
        self.begin()
        self.gets(setpoint(16_000))
        self.clock.advance(SETTLING_S)
        self.assertEqual(["Preparing", "SuspendedEV"], self.statuses)

    def test_judged_afar(self) -> None:
        """TC_037_2: whose card is refused later is offered nothing more."""
        self.charge()
        self.report(TransactionJudged("box", 7, Verdict.INVALID))
        self.gets(setpoint(0, ReasonCode.TAG_REFUSED, "the tag is invalid"))
        self.says(Occupancy.PLUGGED)
        self.assertEqual("SuspendedEVSE", self.statuses[-1])
        self.assertEqual("the tag is invalid", self.told[-1].info)


class FaultTests(BayCase):
    """What can be wrong."""

    def test_fault(self) -> None:
        """TC_024: it is told, with its code, and when it is over."""
        self.says(Occupancy.FAULTED, "ConnectorLockFailure")
        self.assertEqual("ConnectorLockFailure", self.told[-1].error_code.value)
        self.says(Occupancy.FREE)
        self.assertEqual(["Faulted", "Available"], self.statuses)

    def test_lost(self) -> None:
        """One that cannot be reached is faulted until it has said what its car does."""
        self.charge()
        self.report(EvseLost("box", "no answer"))
        self.assertEqual("Faulted", self.statuses[-1])
        self.assertEqual("LinkLost", self.told[-1].vendor_error_code)
        self.report(EvseConnected("box", "test"))
        self.assertEqual("Faulted", self.statuses[-1])
        self.says(Occupancy.CHARGING)
        self.draws()
        self.assertEqual("Charging", self.statuses[-1])

    def test_another_fault(self) -> None:
        """Another fault is told, though the status is the same."""
        self.says(Occupancy.FAULTED, "E: no power")
        self.says(Occupancy.FAULTED, "9: the sensor of residual direct current")
        self.assertEqual(["E", "9"], [one.vendor_error_code for one in self.told])


class UseTests(BayCase):
    """What a backend lets it be used for."""

    def put(self, **changes: bool) -> None:
        """It decides otherwise."""
        self.use = Use(**changes)
        self.made.use_changed()

    def test_availability(self) -> None:
        """Out of use, and back."""
        self.put(is_operative=False)
        self.put()
        self.assertEqual(["Unavailable", "Available"], self.statuses)

    def test_scheduled(self) -> None:
        """What charges is not disturbed; then it is out of use."""
        self.charge()
        self.put(is_operative=False)
        self.assertEqual("Charging", self.statuses[-1])
        self.end()
        self.assertEqual("Unavailable", self.statuses[-1])

    def test_reserved(self) -> None:
        """TC_046, TC_047, TC_051: reserved, and free again."""
        self.put(is_reserved=True)
        self.put()
        self.assertEqual(["Reserved", "Available"], self.statuses)

    def test_switched_off(self) -> None:
        """Its owner can take it out of use, too."""
        self.resettle(enabled=False)
        self.assertEqual("Unavailable", self.statuses[-1])
        self.resettle()
        self.assertEqual("Available", self.statuses[-1])


class AskedTests(BayCase):
    """What is said when somebody asks."""

    values = {"MinimumStatusDuration": "10"}

    def test_status(self) -> None:
        """It is as it is now, at its number at the backend, and is not told again."""
        made = self.connector(3)
        self.says(Occupancy.PLUGGED)
        asked = made.status_request()
        self.assertEqual((3, "Preparing"), (asked.connector_id, asked.status.value))
        self.clock.advance(60)
        self.assertEqual([], [one for one in self.told if one.connector_id == 3])

    def test_running(self) -> None:
        """What runs already when it begins to watch is not Preparing."""
        self.charge()
        made = self.connector()
        self.assertEqual("Charging", made.status_request().status.value)

    def test_other_duration(self) -> None:
        """MinimumStatusDuration holds from the next change on."""
        self.says(Occupancy.PLUGGED)
        self.keys.values["MinimumStatusDuration"] = "0"
        self.says(Occupancy.FREE)
        self.says(Occupancy.PLUGGED)
        self.assertEqual(["Preparing"], self.statuses)

    def test_closed(self) -> None:
        """Nothing is left of it."""
        self.report(_ACCEPTED)
        self.begin()
        self.made.close()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_taken_out(self) -> None:
        """One that is no part of the site any more cannot be used."""
        self.resettle(name="other")
        self.clock.advance(10)
        self.assertEqual(["Unavailable"], self.statuses)


class StationTests(BayCase):
    """Connector 0."""

    def test_changes(self) -> None:
        """It is told when nothing works any more, and when it is taken out of use."""
        said: list[StatusNotificationRequest] = []
        place = ConnectorSettings(1, "box", "evse/box")
        station = MadeStation(
            (place,), self.environment(), self.keys, lambda: self.use, said.append
        )
        station.open()
        self.addCleanup(station.close)
        self.watchers.append(station.site_changed)
        self.assertEqual("Available", station.status_request().status.value)
        self.says(Occupancy.PLUGGED)
        self.says(Occupancy.FAULTED, "E: no power")
        self.says(Occupancy.FREE)
        self.use = Use(is_operative=False)
        station.use_changed()
        self.assertEqual(
            [(0, "Faulted"), (0, "Available"), (0, "Unavailable")],
            [(one.connector_id, one.status.value) for one in said],
        )
