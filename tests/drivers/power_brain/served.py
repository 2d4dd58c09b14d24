"""
pymodbus's own server with the registers of a Power Brain, as a process:
C{python -m tests.drivers.power_brain.served PORT}.
"""

from __future__ import annotations

import sys

from cfos_cm.drivers.power_brain.registers import EVSE_UNIT
from tests.drivers.modbus.served import serve
from tests.drivers.power_brain.box import factory_words

if __name__ == "__main__":
    words = factory_words()
    # It has holes in other places than a box has.
    held = {address: words.get(address, 0) for address in range(min(words), max(words) + 1)}
    serve({EVSE_UNIT: held}, int(sys.argv[1]))
