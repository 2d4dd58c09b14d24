"""What has become of something that was ordered."""

from __future__ import annotations

import msgspec

__all__ = ["Done"]


class Done(msgspec.Struct, frozen=True):
    """
    What has become of an order.

    @ivar status: the word of the device, such as Accepted or Rejected; Pending: it has not
        answered yet.
    @ivar text: the same for a person, with what happens next.
    """

    status: str
    text: str
