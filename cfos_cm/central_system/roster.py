"""What every connection shares: the world around, the settings, and what runs where."""

from __future__ import annotations

from collections.abc import Iterable

from cfos_cm.central_system.environment import Environment
from cfos_cm.central_system.settings import CentralSystemSettings, UnknownChargePoints
from cfos_cm.site.records import OpenTransaction

__all__ = ["Roster"]


class Roster:
    """
    The Charge Points, whether they are connected or not.

    @ivar environment: the world around it.
    @ivar settings: replaced as a whole when the configuration is another one.
    @ivar running: the transaction that runs at a connector of a Charge Point.
    """

    def __init__(self, environment: Environment, settings: CentralSystemSettings) -> None:
        self.environment = environment
        self.settings = settings
        self.running: dict[tuple[str, int], int] = {}

    def resume(self, transactions: Iterable[OpenTransaction]) -> None:
        """Note what was running when the program stopped."""
        for open_one in transactions:
            place = (open_one.charge_point, open_one.connector)
            self.running[place] = open_one.transaction.transaction_id

    def serves(self, identity: str) -> bool:
        """Whether a Charge Point gets more than BootNotification.conf Pending."""
        return (
            identity in self.settings.charge_points
            or self.settings.unknown is UnknownChargePoints.ACCEPT
        )
