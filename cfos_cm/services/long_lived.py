"""What is there from the start to the end, and need not be looked at again and again."""

from __future__ import annotations

import gc

from twisted.application.service import Service

__all__ = ["LongLived"]


class LongLived(Service):
    """
    Takes all objects that there are when it is started out of the collection of garbage.

    A program has some two hundred thousand objects when it has started, most of them of its
    libraries, and they stay. A full collection looks at each, which stops everything else for a
    tenth of a second, and finds nothing. This concerns the whole process: it is for those who
    start one, not for those who are part of another's.
    """

    def startService(self) -> None:
        """Collect once more, and leave the rest alone from now on."""
        super().startService()
        gc.collect()
        gc.freeze()

    def stopService(self) -> None:
        """Look at all objects again."""
        super().stopService()
        gc.unfreeze()
