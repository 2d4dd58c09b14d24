"""Where nobody can know what a box does, what is counted is the worst."""

from __future__ import annotations

from attrs import evolve

from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.site.events import EvseConnected, EvseLost, FailsafeAssumed, ProfilesMeddled
from tests.drivers.power_brain.site import SETTINGS, BoxCase, setpoint, with_phases


class MuteTests(BoxCase):
    """A box that hears everything, and whose answers nobody hears."""

    def mute(self) -> None:
        """It was told 16 A, and is away now."""
        self.start()
        self.order(16)
        self.box.is_mute = True
        self.run_for(20)
        self.assertEqual(1, len(self.told(EvseLost)))

    def test_hears(self) -> None:
        """As long as it is asked for what it does, it has no reason to fall back."""
        self.mute()
        self.run_for(170)
        asked = len(self.box.heard)
        self.assertEqual([], self.told(FailsafeAssumed))
        self.run_for(400)
        self.assertEqual(1, len(self.told(FailsafeAssumed)))
        self.assertGreater(len(self.box.heard), asked)

    def test_lowered(self) -> None:
        """When it could have fallen back it is asked for nothing else before it gives less."""
        self.mute()
        self.run_for(200)
        self.box.heard.clear()
        self.run_for(100)
        limits = on.CHARGING_CUR_LIMIT.address.to_bytes(2, "big") + (60).to_bytes(2, "big")
        self.assertTrue(self.box.heard)
        self.assertEqual({b"\x01\x06" + limits}, {frame[6:] for frame in self.box.heard})


class ReturnTests(BoxCase):
    """A box that has fallen back, and is there again."""

    def back(self, failsafe_ma: int) -> tuple[str, int]:
        """The first that it is told."""
        self.start(evolve(SETTINGS, failsafe_current_ma=failsafe_ma))
        self.order(16)
        self.box.hang_up()
        self.run_for(300)
        self.assertEqual(1, len(self.told(FailsafeAssumed)))
        self.box.writes.clear()
        self.box.reads.clear()
        self.box.is_off = False
        while not self.box.writes:
            self.run_for(0.25)
            self.assertEqual([], self.box.reads[: 1 - len(self.box.writes)])
        return self.box.writes[0]

    def test_limit(self) -> None:
        """What it was told before may be all that others have now: it is not to take that."""
        self.assertEqual(("charging_cur_limit", 60), self.back(6000))

    def test_pause(self) -> None:
        """Where it falls back to nothing it is paused."""
        self.assertEqual(("charging_enable", 0), self.back(0))

    def test_refused(self) -> None:
        """One that says no to that is there all the same."""
        self.start()
        self.order(16)
        self.box.hang_up()
        self.run_for(300)
        self.box.refuses, self.box.is_off = True, False
        self.run_for(60)
        self.assertEqual(2, len(self.told(EvseConnected)))


class FailedOrderTests(BoxCase):
    """After an order that has failed."""

    def test_still_watched(self) -> None:
        """Somebody who allows more than all that was ordered is told of."""
        self.start()
        self.order(10)
        self.box.refuses = True
        ending = self.evse.apply(setpoint(6), 1, False)
        self.run_for(0)
        self.failureResultOf(ending, DeviceRefusal)
        self.box.refuses = False
        self.box[on.CHARGING_CUR_LIMIT] = 320
        self.run_for(2)
        self.assertEqual(1, len(self.told(ProfilesMeddled)))

    def test_may_have_been_taken(self) -> None:
        """What it may have been told just now is nobody else's doing."""
        self.start()
        self.order(6)
        self.box.refuses = True
        ending = self.evse.apply(setpoint(16), 1, False)
        self.run_for(0)
        self.failureResultOf(ending, DeviceRefusal)
        self.box[on.CHARGING_CUR_LIMIT] = 160
        self.run_for(2)
        self.assertEqual([], self.told(ProfilesMeddled))


class DeadTimeTests(BoxCase):
    """Phases that cannot be switched now."""

    def test_pauses(self) -> None:
        """It does not go on with what it had before, which others may need."""
        self.start(with_phases())
        self.box[on.S0_INPUTS] = 1 << 8
        self.order(16, 3)
        self.order(16, 1)
        self.order(16, 1)
        self.box[on.RELAY_SELECT] = 0
        self.run_for(1)
        self.refused(DeviceError, 6, 1)
        self.assertEqual(0, self.box[on.CHARGING_ENABLE])

    def test_lowered(self) -> None:
        """From one phase to three it goes on with one, and with no more than was ordered."""
        self.start(with_phases())
        self.box[on.S0_INPUTS] = 1 << 8
        self.order(16, 1)
        self.refused(DeviceError, 6, 3)
        self.assertEqual(
            (60, 1), (self.box[on.CHARGING_CUR_LIMIT], self.box[on.CHARGING_ENABLE])
        )


class FallsBackToMoreTests(BoxCase):
    """A box whose registers say that it falls back to more than the site counts."""

    def test_lost(self) -> None:
        """When it is lost nobody knows any more what it gives."""
        self.start()
        self.order(6)
        self.box[on.FAIL_SAFE_CURRENT] = 320
        self.run_for(1)
        self.assertEqual([], self.told(ProfilesMeddled))
        self.box.hang_up()
        self.run_for(1)
        kinds = [type(one) for one in self.reports]
        self.assertLess(kinds.index(ProfilesMeddled), kinds.index(EvseLost))

    def test_never(self) -> None:
        """One that never falls back keeps what it was told."""
        self.start()
        self.order(6)
        self.box[on.FAIL_SAFE_CURRENT] = 320
        self.box[on.FAIL_SAFE_DURATION] = 0
        self.run_for(1)
        self.box.hang_up()
        self.run_for(1)
        self.assertEqual([], self.told(ProfilesMeddled))
