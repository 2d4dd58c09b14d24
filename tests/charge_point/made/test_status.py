"""What status an EVSE has."""

from __future__ import annotations

from typing import Any

from attrs import evolve, field, frozen
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.made.keys import Use
from cfos_cm.charge_point.made.status import (
    UNPLUGGED,
    MadeStatus,
    Session,
    station_status,
    status_of,
)
from cfos_cm.electrical import PhaseCurrents
from cfos_cm.site.evse import DeviceIdentity, Evse, Link, Occupancy
from cfos_cm.site.measured import Measured
from cfos_cm.site.setpoint import ReasonCode
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction
from tests.charge_point.made.bay import BOX, NOON, setpoint

_FREE = Evse(BOX, Link.ONLINE, occupancy=Occupancy.FREE)
_PLUGGED = evolve(_FREE, occupancy=Occupancy.PLUGGED)
_RUNS = Transaction(7, "04AA", Verdict.ACCEPTED, NOON, 0)
_STREAM = Measured(PhaseCurrents(16_000, 0, 0))
_CHARGES = evolve(
    _FREE,
    occupancy=Occupancy.CHARGING,
    transaction=_RUNS,
    target=setpoint(16_000),
    confirmed=setpoint(16_000),
    meter=_STREAM,
)
_IN = Session(7)
_SETTLING = Session(7, is_settling=True)
_PAUSE = setpoint(0, ReasonCode.CIRCUIT, "phase L2 of garage")
_UNDECIDED = setpoint(0, ReasonCode.NO_TRANSACTION)


@frozen
class _Case:
    """What is known, and the status that this is; C{None}: as it was."""

    why: str
    evse: Evse
    status: str | None
    info: str | None = None
    session: Session = field(factory=Session)
    use: Use = field(factory=Use)
    options: dict[str, bool] = field(factory=dict)


def _of(evse: Evse, **changes: Any) -> Evse:
    return evolve(evse, **changes)


_STILL = evolve(_CHARGES, occupancy=Occupancy.PLUGGED, meter=Measured(PhaseCurrents()))
_SWITCHED_OFF = evolve(BOX, enabled=False)

_CASES = (
    _Case("never seen", Evse(BOX), "Unavailable", "not reached yet"),
    _Case("not told yet", _of(_FREE, occupancy=Occupancy.UNKNOWN), None),
    _Case("lost", _of(_FREE, link=Link.LOST), "Faulted", "cannot be reached"),
    _Case("lost while it charged", _of(_CHARGES, link=Link.LOST), "Faulted",
          "cannot be reached", _IN),
    _Case("its own word", _of(_FREE, occupancy=Occupancy.UNAVAILABLE), "Unavailable",
          "out of service"),
    _Case("a fault in a charge",
          _of(_CHARGES, occupancy=Occupancy.FAULTED, fault="E: no power"), "Faulted",
          "E: no power", _IN),
    _Case("free", _FREE, "Available"),
    _Case("plugged in", _PLUGGED, "Preparing"),
    _Case("draws and nobody has begun", _of(_CHARGES, transaction=None), "Preparing"),
    _Case("card first", _FREE, "Preparing", session=Session(is_expected=True)),
    _Case("ended, and still there", _PLUGGED, "Finishing", session=Session(is_over=True)),
    _Case("ended, and another card", _PLUGGED, "Preparing",
          session=Session(is_over=True, is_expected=True)),
    _Case("reserved", _FREE, "Reserved", use=Use(is_reserved=True)),
    _Case("whom it is reserved for", _FREE, "Preparing",
          session=Session(is_expected=True), use=Use(is_reserved=True)),
    _Case("plugged in where it is reserved", _PLUGGED, "Preparing", use=Use(is_reserved=True)),
    _Case("out of use", _FREE, "Unavailable", use=Use(is_operative=False)),
    _Case("out of use, and plugged in", _PLUGGED, "Unavailable", use=Use(is_operative=False)),
    _Case("out of use after this charge", _CHARGES, "Charging", None, _IN,
          Use(is_operative=False)),
    _Case("broken and out of use", _of(_FREE, occupancy=Occupancy.FAULTED), "Faulted",
          "no code given", use=Use(is_operative=False)),
    _Case("switched off", _of(_FREE, settings=_SWITCHED_OFF), "Unavailable",
          "switched off in the settings"),
    _Case("left with its minimum",
          _of(_FREE, settings=evolve(_SWITCHED_OFF, disabled_current_ma=6000)), "Available"),
    _Case("charges", _CHARGES, "Charging", session=_IN),
    _Case("charges without a meter", _of(_CHARGES, meter=Measured()), "Charging", session=_IN),
    _Case("charges, by its power", _of(_CHARGES, meter=Measured(power_w=3000)), "Charging",
          session=_IN),
    _Case("a trickle", _of(_CHARGES, meter=Measured(PhaseCurrents(0, 300, 0))), "SuspendedEV",
          session=_IN),
    _Case("nothing, by its power", _of(_CHARGES, meter=Measured(power_w=20)), "SuspendedEV",
          session=_IN),
    _Case("zeros that are no readings",
          _of(_CHARGES, meter=Measured(PhaseCurrents(), is_partial=True)), "Charging",
          session=_IN),
    _Case("draws although it is paused", _of(_CHARGES, target=_PAUSE), "Charging", session=_IN),
    _Case("does not want", _STILL, "SuspendedEV", session=_IN),
    _Case("paused", _of(_STILL, target=_PAUSE, confirmed=_PAUSE), "SuspendedEVSE",
          "phase L2 of garage", _IN),
    _Case("not told yet that it may go on", _of(_STILL, confirmed=_PAUSE), "SuspendedEVSE",
          "phase L2 of garage", _IN),
    _Case("paused, by its own word C", _of(_CHARGES, confirmed=_PAUSE, meter=Measured()),
          "SuspendedEVSE", "phase L2 of garage", _IN),
    _Case("nobody steers", _of(_STILL, target=_PAUSE, confirmed=None), "SuspendedEV",
          session=_IN, options={"is_observed": True}),
    _Case("not decided yet", _of(_STILL, target=_UNDECIDED, confirmed=_UNDECIDED), "Preparing",
          session=_SETTLING),
    _Case("takes its time to begin", _STILL, "Preparing", session=_SETTLING),
    _Case("begins with a pause", _of(_STILL, target=_PAUSE), "SuspendedEVSE",
          "phase L2 of garage", _SETTLING),
    _Case("never decided", _of(_STILL, target=_UNDECIDED), "SuspendedEVSE", "no transaction",
          _IN),
    _Case("has left, and that is not on disk", _of(_FREE), "Finishing", session=_IN),
    _Case("another car, before that is on disk", _PLUGGED, "Finishing", session=_IN),
    _Case("has left, and it goes on", _of(_FREE, transaction=_RUNS), "SuspendedEV", UNPLUGGED,
          _IN),
    _Case("has left, and it will go on", _FREE, "SuspendedEV", UNPLUGGED, _IN,
          options={"keeps": True}),
)  # fmt: skip


class StatusTests(SynchronousTestCase):
    """Each of what can be known."""

    def test_each(self) -> None:
        """The status, and what people are told of it."""
        for case in _CASES:
            found = status_of(case.evse, case.session, case.use, **case.options)
            got = (None, None) if found is None else (found.status.value, found.info)
            self.assertEqual((case.status, case.info), got, case.why)

    def test_error(self) -> None:
        """A fault is told with OCPP's code, the device's own, and who made it."""
        box = DeviceIdentity("cFos", "Power Brain")
        fault = "9: the sensor of residual direct current"
        broken = evolve(_FREE, occupancy=Occupancy.FAULTED, fault=fault, identity=box)
        found = status_of(broken, Session(), Use())
        assert found is not None
        said = found.request(2, NOON)
        self.assertEqual(
            ("GroundFailure", "9", "cFos", fault, 2),
            (said.error_code.value, said.vendor_error_code, said.vendor_id, said.info,
             said.connector_id),
        )  # fmt: skip

    def test_long_words(self) -> None:
        """No more is said than fits."""
        pause = setpoint(0, ReasonCode.CIRCUIT, "a" * 51)
        found = status_of(evolve(_STILL, target=pause), _IN, Use())
        assert found is not None
        said = found.request(1, NOON)
        self.assertEqual("a" * 47 + "...", said.info)

    def test_same(self) -> None:
        """Why it is so may change all the time, and makes no other status."""
        first, other = (
            status_of(evolve(_STILL, target=setpoint(0, ReasonCode.PAUSE, why)), _IN, Use())
            for why in ("for 5 minutes", "for 4 minutes")
        )
        assert first is not None
        assert other is not None
        self.assertEqual(first.mark, other.mark)

    def test_unplugged_is_another(self) -> None:
        """That a car has left a transaction that goes on is told, whatever was told before."""
        full = status_of(_STILL, _IN, Use())
        gone = status_of(evolve(_FREE, transaction=_RUNS), _IN, Use())
        assert full is not None
        assert gone is not None
        self.assertEqual(full.status, gone.status)
        self.assertNotEqual(full.mark, gone.mark)


class StationTests(SynchronousTestCase):
    """Connector 0."""

    def test_each(self) -> None:
        """It knows three statuses, and is faulted where nothing works."""
        broken = evolve(_FREE, occupancy=Occupancy.FAULTED, fault="E: no power")
        cases: tuple[tuple[tuple[Evse, ...], Use, str], ...] = (
            ((), Use(), "Available"),
            ((_CHARGES,), Use(), "Available"),
            ((_FREE, broken), Use(), "Available"),
            ((broken, broken), Use(), "Faulted"),
            ((broken, broken), Use(is_operative=False), "Faulted"),
            ((_FREE,), Use(is_operative=False), "Unavailable"),
        )
        for evses, use, status in cases:
            found: MadeStatus = station_status(evses, use)
            self.assertEqual(status, found.status.value)
