"""Telling once why a device that ought to be there cannot be read."""

from __future__ import annotations

from twisted.logger import Logger

from cfos_cm.errors import CfosError, NotSent

__all__ = ["Complaint"]

_log = Logger(namespace="cfos_cm.drivers")


class Complaint:
    """What was told of one device that is not there, so that it is not told again."""

    def __init__(self, who: str) -> None:
        """
        @param who: the device, for people.
        """
        self._who = who
        self._told = ""

    def hear(self, error: CfosError, is_open: bool) -> None:
        """
        A round has failed while the device is not there.

        Why there is no connection is told by the connection itself; that it was lost in the
        middle of a question is news only of a device of which nothing was told yet.

        @param is_open: whether there is a connection.
        """
        is_news = is_open or not (self._told or isinstance(error, NotSent))
        if is_news and str(error) != self._told:
            self._told = str(error)
            _log.warn("{who} cannot be read: {why}", who=self._who, why=self._told)

    def know(self, why: str) -> None:
        """Somebody else has told why; empty: it is there."""
        self._told = why
