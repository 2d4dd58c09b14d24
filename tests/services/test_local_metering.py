"""What the meters of EVSEs without a Charge Point say while they charge."""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve
from twisted.logger import capturedLogs

from cfos_cm.electrical import PhaseCurrents
from cfos_cm.services.local_entries import place_of
from cfos_cm.services.local_metering import INTERVAL_S, LocalMetering
from cfos_cm.site.events import EvseMeasured, TransactionResumed, TransactionStarted
from cfos_cm.site.evse import Occupancy
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction
from cfos_cm.v16.core import Reason
from tests.central_system.world import NOW, Disk
from tests.services.local_site import OCPP, Case


class MeteringCase(Case):
    """A box whose meter is read."""

    def begin(self) -> None:
        """The program starts."""
        super().begin()
        environment = evolve(self.world.system.roster.environment, report=self.report)
        self.metering = LocalMetering(environment, self.local.runs)
        self.watchers = [self.metering.note]
        self.addCleanup(self.metering.close)
        self.configure(self.settings, OCPP)

    def pass_by(self, seconds: int) -> None:
        """Time passes, second by second."""
        self.world.clock.pump([1.0] * seconds)

    def kept(self) -> list[dict[str, Any]]:
        """The payloads in the ledger."""
        return [json.loads(text) for *_, text in self.world.ledger.meter_values]

    def times(self) -> list[str]:
        """When each reading was taken."""
        return [one["meterValue"][0]["timestamp"][11:19] for one in self.kept()]


class LocalMeteringTests(MeteringCase):
    """What is kept, and when."""

    def test_kept(self) -> None:
        """Each minute of a charge, all that is known, as a Charge Point would tell it."""
        self.says(Occupancy.CHARGING)
        self.report(EvseMeasured("box", PhaseCurrents(16_000, 0, 0), 5100, 3680))
        self.pass_by(130)
        self.assertEqual(["12:01:00", "12:02:00"], self.times())
        running = self.state.evses["box"].transaction
        assert running is not None
        place, connector, number, text = self.world.ledger.meter_values[0]
        self.assertEqual(
            (place_of("box"), 1, running.transaction_id), (place, connector, number)
        )
        said = json.loads(text)
        self.assertEqual((1, number), (said["connectorId"], said["transactionId"]))
        values = [one["value"] for one in said["meterValue"][0]["sampledValue"]]
        self.assertEqual(["5100", "3680", "16.0", "0.0", "0.0"], values)

    def test_nobody_charges(self) -> None:
        """Nothing is kept where nobody charges, nor after he has."""
        self.pass_by(100)
        self.says(Occupancy.PLUGGED)
        self.pass_by(59)
        self.says(Occupancy.FREE)
        self.pass_by(200)
        self.assertEqual([], self.kept())

    def test_next(self) -> None:
        """The next one begins anew."""
        self.says(Occupancy.PLUGGED)
        self.pass_by(30)
        self.says(Occupancy.FREE)
        self.says(Occupancy.PLUGGED)
        self.pass_by(60)
        self.assertEqual(["12:01:30"], self.times())

    def test_with_ocpp(self) -> None:
        """An EVSE with OCPP tells that by itself."""
        running = Transaction(5, "04AA", Verdict.ACCEPTED, NOW, 0)
        self.report(TransactionStarted("bay", running))
        self.report(EvseMeasured("bay", energy_wh=1000))
        self.pass_by(100)
        self.assertEqual([], self.kept())

    def test_resumed(self) -> None:
        """What was open when the program ended is read when it runs again."""
        self.report(EvseMeasured("box", energy_wh=1000))
        running = Transaction(5, "04AA", Verdict.ACCEPTED, NOW, 0)
        self.metering._runs = lambda *_: True
        self.report(TransactionResumed("box", running))
        self.pass_by(60)
        self.assertEqual([5], [one["transactionId"] for one in self.kept()])

    def test_being_ended(self) -> None:
        """No reading comes behind an end that is being written down."""
        self.says(Occupancy.PLUGGED)
        running = self.state.evses["box"].transaction
        assert running is not None
        self.world.ledger.disk = Disk(held=True)
        self.local.end("box", running.transaction_id, Reason.REMOTE)
        self.pass_by(100)
        self.world.ledger.disk.let_go()
        self.assertEqual([], self.kept())

    def test_silent(self) -> None:
        """Where nothing is known nothing is kept."""
        self.begin()
        self.says(Occupancy.CHARGING)
        self.pass_by(300)
        self.assertEqual([], self.kept())

    def test_taken_out(self) -> None:
        """Nothing is read of one that is no part of the site any more."""
        self.says(Occupancy.PLUGGED)
        self.configure(OCPP)
        self.pass_by(1)
        self.assertEqual([], self.world.clock.getDelayedCalls())

    def test_closed(self) -> None:
        """No timer is left."""
        self.says(Occupancy.PLUGGED)
        self.pass_by(1)
        self.metering.close()
        self.assertEqual([], self.world.clock.getDelayedCalls())

    def test_full_disk(self) -> None:
        """A disk that is full is complained of once, and again when it was well meanwhile."""
        self.says(Occupancy.PLUGGED)
        complaints = []
        for is_broken in (True, True, False, True):
            self.world.ledger.disk.broken = is_broken
            with capturedLogs() as logged:
                self.pass_by(int(INTERVAL_S))
            complaints.append(len(logged))
        self.assertEqual([1, 0, 0, 1], complaints)
