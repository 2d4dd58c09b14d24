"""
The short way for the messages that nearly all are: a CALL without anything odd about it.

Whatever is not read here goes the long way (L{cfos_cm.central_system.reading}), which reads the
same from all that is read here, and tells what is wrong with the rest.
"""

from __future__ import annotations

from cfos_cm.v16.actions import Role, read_usual_request
from cfos_cm.v16.types import Message
from cfos_cm.wire import ocppj
from cfos_cm.wire.ocppj import Call

__all__ = ["read_usual"]


def read_usual(text: bytes) -> tuple[Call, Message] | None:
    """
    The CALL and its request in a text message, as every Charge Point may write them.

    @return: C{None} when it takes a second look.
    """
    call = ocppj.outline(text)
    if call is None:
        return None
    request = read_usual_request(call.action, call.payload, Role.CHARGE_POINT)
    return None if request is None else (call, request)
