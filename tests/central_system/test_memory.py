"""What is kept of one Charge Point has a bound, whatever it does."""

from __future__ import annotations

import gc
import json
import tracemalloc

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.acquaintance import MAX_REMARKS
from cfos_cm.central_system.repetition import MAX_REMEMBERED
from cfos_cm.central_system.roster import MAX_OVER
from cfos_cm.central_system.settings import CentralSystemSettings, ChargePointSettings
from cfos_cm.site.evse import EvseSettings
from tests.central_system.world import BOOT, START, World, stop_of

CHARGE_POINTS = 8
#: Of one that behaves it is a quarter of this. [bytes]
MAX_BYTES = 64 * 1024


class Memory(SynchronousTestCase):
    """Charge Points that do everything that makes something grow."""

    def misbehave(self, world: World, identity: str) -> None:
        """One of them, longer than any bound lasts."""
        peer = world.connect(identity)
        peer.ask("BootNotification", BOOT)
        for number in range(2 * MAX_REMARKS):
            peer.ask("Heartbeat", {f"unknown-{number}": number})
        for number in range(2 * MAX_OVER):
            start = {**START, "meterStart": number}
            transaction_id = peer.ask("StartTransaction", start)["transactionId"]
            peer.ask("StopTransaction", stop_of(transaction_id))
        for number in range(3 * MAX_REMEMBERED):
            peer.ask("DataTransfer", {"vendorId": "x" * 255, "data": str(number) * 1000})
        for number in range(100):
            peer.say(json.dumps([3, f"nobody-asked-{number}", {}]).encode())
            peer.ask(
                "StatusNotification",
                {"connectorId": 0, "errorCode": "NoError", "status": "Available"},
            )
        peer.received.clear()
        peer._actions.clear()

    def test_bound(self) -> None:
        """What is left of all that is little."""
        identities = [f"CP-{number}" for number in range(CHARGE_POINTS)]
        world = World(
            CentralSystemSettings(
                {
                    one: ChargePointSettings(one, {1: EvseSettings(f"bay-{one}", "garage")})
                    for one in identities
                }
            )
        )
        self.misbehave(world, "CP-0")
        world.events.clear()
        world.ledger.rows.clear()
        gc.collect()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before, _ = tracemalloc.get_traced_memory()
        for identity in identities[1:]:
            self.misbehave(world, identity)
        # What the archives and the site keep has bounds of its own.
        world.events.clear()
        world.ledger.rows.clear()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        self.assertLess((after - before) / (CHARGE_POINTS - 1), MAX_BYTES)
