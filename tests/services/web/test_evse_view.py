"""How an EVSE is shown."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import Phase, PhaseCurrents
from cfos_cm.services.config import parse_config
from cfos_cm.services.config.words import OnDisable
from cfos_cm.services.web.evse_view import Beside, evse_view, renewed_view
from cfos_cm.services.web.site_answers import ChargeLimit, Device, Release, SetReason, SetTo
from cfos_cm.site.evse import DeviceIdentity, Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.measured import Measured
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.site.transaction import ANONYMOUS

from .sights import NOON, TWO_BAYS, started

SECTIONS = {one.name: one for one in parse_config(TWO_BAYS, "tap.cfg").evses}
FULL = Setpoint(7000, Reason(ReasonCode.CIRCUIT, "phase L2 of garage", "garage", Phase.L2))
EVSE = Evse(
    EvseSettings("bay-1", "garage"),
    link=Link.ONLINE,
    identity=DeviceIdentity("ABL", "eMH1", "4711"),
    occupancy=Occupancy.CHARGING,
    transaction=started(),
    target=FULL,
    confirmed=FULL,
    unsure=False,
    backend_objection=None,
    meter=Measured(PhaseCurrents(6900, 6800, 6700), 1500, 4700),
)
LEFT_ALONE = evolve(
    EVSE, settings=EvseSettings("bay-1", "garage", enabled=False, released_when_disabled=True)
)


class EvseViewTests(SynchronousTestCase):
    """What is seen of an EVSE."""

    def test_settings(self) -> None:
        """It shows what is configured, also where it speaks no OCPP."""
        settings = EvseSettings(
            "bay-2", "garage", max_current_ma=32_000, phases=(Phase.L2,), priority=4
        )
        beside = Beside(SECTIONS["bay-2"], OnDisable.MINIMUM, is_paused=True)
        view = evse_view(Evse(settings), beside)
        self.assertEqual(
            ("bay-2", "garage", True, "cfos_power_brain", "tcp:192.0.2.7:502", 1, 3),
            (
                view.name,
                view.circuit,
                view.enabled,
                view.type,
                view.address,
                view.connector,
                view.unit,
            ),
        )
        self.assertEqual(
            (4, "normal", 6000, 32_000, ("L2",), "minimum"),
            (
                view.priority,
                view.charging_mode,
                view.min_current_ma,
                view.max_current_ma,
                view.phases,
                view.on_disable,
            ),
        )
        self.assertIsNone(view.charge_point)
        self.assertTrue(view.paused)
        self.assertEqual(("never", "unknown", None), (view.link, view.occupancy, view.setpoint))

    def test_charging(self) -> None:
        """It shows what is given, why no more, what is drawn and by whom."""
        view = evse_view(EVSE, Beside(SECTIONS["bay-1"], detail="Charging"))
        self.assertEqual("CP-1", view.charge_point)
        self.assertEqual(
            ("online", "charging", "Charging"), (view.link, view.occupancy, view.detail)
        )
        self.assertEqual(
            Device(vendor="ABL", model="eMH1", serial_number="4711", firmware_version=None),
            view.identity,
        )
        reason = SetReason(
            code="circuit", text="phase L2 of garage", circuit="garage", phase="L2"
        )
        self.assertEqual(SetTo(current_ma=7000, phases=3, reason=reason), view.setpoint)
        self.assertEqual((7000, 7000), (view.confirmed_ma, view.may_draw_ma))
        self.assertEqual(
            ((6900, 6800, 6700), 4700, 1500), (view.currents_ma, view.power_w, view.energy_wh)
        )
        assert view.transaction is not None
        self.assertEqual(
            (7, "…B2C3", "Accepted", NOON, 500),
            (
                view.transaction.id,
                view.transaction.id_tag,
                view.transaction.verdict,
                view.transaction.started_at,
                view.session_wh,
            ),
        )
        self.assertEqual((), view.warnings)

    def test_tags(self) -> None:
        """Nobody can copy a tag from it; that nobody was asked is said."""
        for id_tag, shown in (("04A1B2C3", "…B2C3"), (ANONYMOUS, ANONYMOUS)):
            view = evse_view(evolve(EVSE, transaction=started(1, id_tag)), Beside())
            assert view.transaction is not None
            self.assertEqual(shown, view.transaction.id_tag)

    def test_energy(self) -> None:
        """A register that went back says nothing of the transaction."""
        for register_wh, taken_wh in ((None, None), (999, None), (1000, 0)):
            view = evse_view(evolve(EVSE, meter=Measured(energy_wh=register_wh)), Beside())
            self.assertEqual(taken_wh, view.session_wh)

    def test_phases(self) -> None:
        """One that is switched shows on how many phases it charges."""
        one_phase = evolve(EVSE, target=evolve(FULL, phases=1))
        view = evse_view(one_phase, Beside())
        assert view.setpoint is not None
        self.assertEqual(1, view.setpoint.phases)

    def test_limits(self) -> None:
        """What others allow it is told with who they are."""
        view = evse_view(evolve(EVSE, outside_ma={"operator": 6000}), Beside())
        self.assertEqual((ChargeLimit(by="operator", current_ma=6000),), view.limits)

    def test_words_of_devices(self) -> None:
        """What a device says ends no line, and can be encoded."""
        identity = DeviceIdentity("A\nB", "\ud800", "\x1b[2J")
        view = evse_view(evolve(EVSE, identity=identity, fault="X\r"), Beside(detail="Y\x00"))
        assert view.identity is not None
        self.assertEqual(
            ("A?B", "?", "?[2J"),
            (view.identity.vendor, view.identity.model, view.identity.serial_number),
        )
        self.assertEqual(("X?", "Y?"), (view.fault, view.detail))

    def test_release(self) -> None:
        """How far it is rid of its limits, and why not."""
        for evse, refusal, expected in (
            (EVSE, "why", Release(state="none", why=None)),
            (LEFT_ALONE, None, Release(state="pending", why=None)),
            (LEFT_ALONE, "Rejected", Release(state="refused", why="Rejected")),
            (evolve(LEFT_ALONE, released=True), "x", Release(state="confirmed", why=None)),
        ):
            view = evse_view(evse, Beside(refusal=refusal))
            self.assertEqual(expected, view.release)

    def warned(self, evse: Evse, beside: Beside | None = None) -> list[tuple[str, str]]:
        """Its warnings."""
        view = evse_view(evse, Beside() if beside is None else beside)
        return [(one.code, one.text) for one in view.warnings]

    def test_link_lost(self) -> None:
        """One that is lost with a transaction keeps a current that nobody else gets."""
        lost = evolve(EVSE, link=Link.LOST)
        text = "bay-1 is out of reach while a transaction runs: 7 A are kept"
        self.assertEqual([("link_lost", text)], self.warned(lost))
        self.assertEqual([], self.warned(evolve(lost, transaction=None)))

    def test_orders(self) -> None:
        """One that does not do what it is told is told of, unless nobody tells it anything."""
        disobedient = evolve(EVSE, disobedient=True)
        text = "bay-1 did not take its last order: 7 A are kept for it"
        self.assertEqual([("disobedient", text)], self.warned(disobedient))
        ((code, text),) = self.warned(evolve(disobedient, unsure=True))
        self.assertEqual("unsure", code)
        self.assertIn("16 A are kept for it", text)
        self.assertEqual([], self.warned(evolve(EVSE, unsure=True)))
        self.assertEqual(
            [("disobedient", "bay-1 draws more than it was told")],
            self.warned(EVSE, Beside(exceeds=True)),
        )
        self.assertEqual([], self.warned(disobedient, Beside(is_observed=True)))
        self.assertEqual([], self.warned(evolve(LEFT_ALONE, disobedient=True)))

    def test_other_warnings(self) -> None:
        """A fault, a meter apart that is silent, a backend, limits that were not dropped."""
        faulted = evolve(EVSE, occupancy=Occupancy.FAULTED, fault="GroundFailure")
        self.assertEqual(
            [("faulted", "bay-1 reports a fault: GroundFailure")], self.warned(faulted)
        )
        self.assertEqual(
            [("meter_silent", "the meter of bay-1 is silent")],
            self.warned(EVSE, Beside(is_meter_silent=True)),
        )
        objected = evolve(EVSE, backend_objection="cannot be reached")
        self.assertEqual([], self.warned(objected))
        billed = evolve(objected, settings=evolve(EVSE.settings, needs_backend=True))
        self.assertEqual(
            [("backend_objection", "the billing backend of bay-1 cannot be reached")],
            self.warned(billed),
        )
        self.assertEqual(
            [("release_refused", "bay-1 has not dropped its limits: Rejected")],
            self.warned(LEFT_ALONE, Beside(refusal="Rejected")),
        )

    def test_renewed(self) -> None:
        """What only a meter has changed is the same as if all were made anew."""
        beside = Beside(SECTIONS["bay-1"])
        view = evse_view(EVSE, beside)
        for meter in (
            Measured(PhaseCurrents(1, 2, 3), 1600, 9),
            Measured(None, 1500, 8),
            Measured(PhaseCurrents(1, 2, 3), None, None),
        ):
            now = EVSE.with_meter(meter)
            self.assertEqual(evse_view(now, beside), renewed_view(view, EVSE, now))
            other = evolve(now, link=Link.LOST)
            self.assertIsNone(renewed_view(view, EVSE, other))
