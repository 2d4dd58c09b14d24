"""How a gateway puts a file where its backend wants it: what it is handed for that."""

from __future__ import annotations

from typing import Final, Protocol

from twisted.internet.defer import Deferred, fail, succeed

from cfos_cm.errors import CfosError
from cfos_cm.v16.security import UploadLogStatus
from cfos_cm.wire.location import Location

__all__ = ["NO_UPLOADS", "NotUploaded", "Uploader"]


class NotUploaded(CfosError):
    """
    A file is not where it was to be. The text is for people, and no secret is in it.

    @ivar status: what a backend is told of it.
    @ivar is_final: another attempt would come to the same.
    """

    def __init__(
        self,
        why: str,
        status: UploadLogStatus = UploadLogStatus.UPLOAD_FAILURE,
        is_final: bool = False,
    ) -> None:
        super().__init__(why)
        self.status = status
        self.is_final = is_final


class Uploader(Protocol):
    """Puts files where backends want them, as far as that is safe."""

    def put(self, location: Location, content: bytes) -> Deferred[None]:
        """
        Put C{content} at a place.

        @return: fires when the server there has taken it, fails with L{NotUploaded}; when it is
            cancelled the connection is dropped.
        """

    def objection(self, location: Location) -> Deferred[str | None]:
        """
        Why nobody may be sent to a place, by the addresses that its host has just now.

        @return: words for people; C{None}: there is no reason, or none is known here. Never
            fails.
        """


class _NoUploads:
    def put(self, location: Location, content: bytes) -> Deferred[None]:
        return fail(NotUploaded("nothing is uploaded from here", is_final=True))

    def objection(self, location: Location) -> Deferred[str | None]:
        return succeed(None)


#: Puts nothing anywhere.
NO_UPLOADS: Final[Uploader] = _NoUploads()
