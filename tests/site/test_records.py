"""What a ledger says about what it was asked to write down."""

from __future__ import annotations

from attrs.exceptions import FrozenInstanceError
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.site.records import StopOutcome, StoredStop


class StoredStopTests(SynchronousTestCase):
    """The end of a transaction, as far as it is known."""

    def test_unknown_transaction(self) -> None:
        """Of a transaction that is not known nothing else is known either."""
        stop = StoredStop(StopOutcome.UNKNOWN)
        self.assertEqual(
            (stop.evse, stop.connector, stop.energy_wh, stop.id_tag), (None, None, None, None)
        )

    def test_frozen(self) -> None:
        """What the ledger has said cannot be changed."""
        with self.assertRaises(FrozenInstanceError):
            StoredStop(StopOutcome.STOPPED).energy_wh = 0  # type: ignore[misc]
