"""The drivers of meters keep what every driver of one promises."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.contract import MeterContract
from cfos_cm.drivers.interfaces import IMeter
from cfos_cm.drivers.meters import modbus_meter, power_brain_meter, sunspec
from cfos_cm.drivers.modbus import buses
from cfos_cm.drivers.power_brain import registers as on
from tests.drivers.environment import environment
from tests.drivers.meters.test_modbus_meter import sdm630
from tests.drivers.meters.test_sunspec import COMMON, chain, meter_words
from tests.drivers.meters.world import FakeMeter, device, words_of


class Behind(MeterContract):
    """A meter in memory."""

    name = "meter"
    maker: Any
    options: dict[str, Any] = {}

    def words(self) -> dict[int, int]:
        """Its registers."""
        raise NotImplementedError

    def setUp(self: Any) -> None:
        """It is there."""
        self.clock = Clock()
        self.fake = FakeMeter(self.clock, self.options.get("unit", 1))
        self.fake.words = {3: self.words(), 4: self.words()}
        self.reported = []
        self.patch(buses, "endpoint_of", lambda reactor, place: self.fake)

    def make(self: Any, observe_only: bool = False) -> IMeter:
        """See L{MeterContract.make}."""
        around = environment(self.clock, self.reported.append)
        meter: IMeter = self.maker.make(device(**self.options), around)
        self.addCleanup(meter.stop)
        return meter

    def vanish(self: Any) -> None:
        """See L{MeterContract.vanish}."""
        self.fake.hang_up(is_off=True)

    def come_back(self: Any) -> None:
        """See L{MeterContract.come_back}."""
        self.fake.is_off = False

    def pass_time(self: Any, seconds: float) -> None:
        """See L{MeterContract.pass_time}."""
        self.clock.pump([0.25] * int(seconds / 0.25))


class SunSpecContract(Behind, SynchronousTestCase):
    """A SunSpec meter."""

    maker = sunspec.MAKER

    def words(self) -> dict[int, int]:
        """See L{Behind.words}."""
        return chain(40_000, COMMON, (213, 124)) | meter_words(213, 40_070, W=1.0)


class DefinedContract(Behind, SynchronousTestCase):
    """A meter that is defined by data."""

    maker = modbus_meter.MAKER
    options = {"definition": "sdm630"}

    def words(self) -> dict[int, int]:
        """See L{Behind.words}."""
        return sdm630(power=1.0)


class PowerBrainContract(Behind, SynchronousTestCase):
    """A meter at an S0 input of a Power Brain."""

    maker = power_brain_meter.MAKER
    options = {"unit": 2}

    def words(self) -> dict[int, int]:
        """See L{Behind.words}."""
        return words_of(dict.fromkeys(on.S0_METER, 0))


class MuteContract(SunSpecContract):
    """A SunSpec meter that stays connected and does not answer any more."""

    def vanish(self) -> None:
        """See L{MeterContract.vanish}."""
        self.fake.is_mute = True

    def come_back(self) -> None:
        """See L{MeterContract.come_back}."""
        self.fake.is_mute = False
