"""Meters behind pymodbus's own server, as a process."""

from __future__ import annotations

from cfos_cm.drivers.power_brain import registers as on
from tests.drivers.meters.test_modbus_meter import sdm630
from tests.drivers.meters.test_sunspec import COMMON, chain, meter_words
from tests.drivers.meters.world import words_of
from tests.drivers.modbus.served import serve

__all__ = ["BOX", "S0", "SDM", "SUNSPEC"]

#: The units: the meter that is attached to a Power Brain, its S0 input, an SDM630, and a
#: SunSpec device with two meters.
BOX, S0, SDM, SUNSPEC = 1, 2, 5, 6


def words() -> dict[int, dict[int, int]]:
    """What stands in the registers of each."""
    meter = {
        on.METER_FLAGS: 1,
        on.ENERGY: 77_000,
        on.POWER: 3680,
        on.CURRENT_L1: 160,
        on.CURRENT_L2: 0,
        on.CURRENT_L3: 1,
        on.HAS_METER: 1,
    }
    scales = {"A_SF": -1, "W_SF": 1, "V_SF": -1, "TotWh_SF": 2}
    return {
        BOX: words_of(meter),
        S0: words_of({**meter, on.METER_FLAGS: 0, on.POWER: -1}),
        SDM: sdm630(current_l1=10.5, power_l1=-2400.0, power=-2400.0, energy_import=1.5),
        SUNSPEC: chain(40_000, COMMON, (213, 124), (203, 105))
        | meter_words(213, 40_070, W=1.0)
        | meter_words(
            203, 40_196, W=-46, AphA=25, AphB=25, AphC=30, WphA=-50, WphB=54, **scales
        )
        | meter_words(203, 40_196, WphC=-50, TotWhImp=12),
    }


if __name__ == "__main__":
    serve(words())
