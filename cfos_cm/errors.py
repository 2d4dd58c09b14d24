"""
What can go wrong, by whose fault.

The reader of a peer's bytes raises L{RemoteProtocolError} and nothing else; a caller who asks
for something impossible gets L{LocalProtocolError}; a device that does not do what it was told
is a L{DeviceError}; a file that cannot be understood is a L{ConfigError}.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from attrs import frozen

from cfos_cm.quirk import Quirk

__all__ = [
    "CallErrorCode",
    "CfosError",
    "ConfigError",
    "DeviceError",
    "DeviceRefusal",
    "LocalProtocolError",
    "Mistake",
    "NoAnswer",
    "NotSent",
    "RemoteProtocolError",
    "StorageError",
]


class CfosError(Exception):
    """The base of every error that this program raises on purpose."""


class CallErrorCode(StrEnum):
    """
    The codes of an OCPP-J CALLERROR, spelled as the specification spells them.

    OCPP-J 1.6, table 7, "Valid Error Codes"; C{FormationViolation} and
    C{OccurenceConstraintViolation} are misspelled there, and so on every wire.
    """

    NOT_IMPLEMENTED = "NotImplemented"
    """The action is not known to the receiver."""
    NOT_SUPPORTED = "NotSupported"
    """The action is known, but the receiver does not support it."""
    INTERNAL_ERROR = "InternalError"
    """The receiver failed while it worked on a correct request."""
    PROTOCOL_ERROR = "ProtocolError"
    """The payload is incomplete."""
    SECURITY_ERROR = "SecurityError"
    """The request may not be made now, or not by this peer."""
    FORMATION_VIOLATION = "FormationViolation"
    """The payload is not of the form that the action asks for."""
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    """A field has the right type and a value that is not allowed."""
    OCCURENCE_CONSTRAINT_VIOLATION = "OccurenceConstraintViolation"
    """A field is missing, or is there too often."""
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"
    """A field has the wrong type."""
    GENERIC_ERROR = "GenericError"
    """None of the others."""


class LocalProtocolError(CfosError):
    """We tried to say something that the protocol does not allow: a mistake of ours."""


class RemoteProtocolError(CfosError):
    """
    The peer said something that the protocol does not allow.

    @ivar code: what a CALLERROR about it says.
    @ivar unique_id: the message id that a CALLERROR can name, or C{None} when the message was
        not a CALL that could be recognised, so that there is nothing to answer.
    @ivar quirk: a peer that is forgiven this deviation may say it.
    """

    def __init__(
        self,
        description: str,
        code: CallErrorCode = CallErrorCode.FORMATION_VIOLATION,
        unique_id: str | None = None,
        quirk: Quirk | None = None,
    ) -> None:
        super().__init__(description)
        self.description = description
        self.code = code
        self.unique_id = unique_id
        self.quirk = quirk


class DeviceError(CfosError):
    """A wallbox or a meter refused an order, did not answer in time or is not there."""


class NotSent(DeviceError):
    """An order never left: the device cannot have obeyed it."""


class NoAnswer(DeviceError):
    """It was asked, is still connected, and has not answered in time."""


class DeviceRefusal(DeviceError):
    """
    A device received an order and said no: it does not obey it.

    @ivar code: what kind of no it was; C{None} where it was not a CALLERROR.
    """

    def __init__(self, description: str, code: CallErrorCode | None = None) -> None:
        super().__init__(description)
        self.code = code


class OrderIgnored(DeviceRefusal):
    """
    A device has accepted a limit, and says itself that it gives more.

    Nothing that it accepted before can be counted on either.
    """


class StorageError(CfosError):
    """What had to be on disk is not there: nothing may be acknowledged to anybody."""


@frozen
class Mistake:
    """
    One mistake in a configuration file.

    @ivar path: the file, as it was named by the user.
    @ivar line: its line, counted from 1; 0 when the mistake is about the file as a whole.
    @ivar section: the section's heading without brackets; empty outside any section.
    @ivar option: the option's name; empty when the mistake is about the section.
    @ivar found: the text that was found.
    @ivar allowed: what is allowed there, or what is wrong, in words that follow the place.
    """

    path: str
    line: int
    section: str
    option: str
    found: str
    allowed: str

    def __str__(self) -> str:
        """One line for a person: C{file:line: [section] option: found …; must be …}."""
        place = f"{self.path}:{self.line}" if self.line else self.path
        section = f" [{self.section}]" if self.section else ""
        option = f" {self.option}:" if self.option else ("" if not section else ":")
        found = f" found {self.found!r};" if self.found else ""
        return f"{place}:{section}{option}{found} {self.allowed}"


class ConfigError(CfosError):
    """
    A configuration that cannot be used, with every mistake in it.

    @ivar mistakes: all of them, in the order of their lines; at least one.
    """

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)
