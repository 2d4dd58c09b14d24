"""
The feature profile LocalAuthListManagement: the idTags that a Charge Point knows by itself.

The titles in quotation marks are those of the specification's clauses, in its chapter
"Operations Initiated by Central System".
"""

from enum import StrEnum

from cfos_cm.v16.types import IdTagInfo, IdToken, Integer, Maybe, Message, Part

__all__ = [
    "AuthorizationData",
    "GetLocalListVersionConfirmation",
    "GetLocalListVersionRequest",
    "SendLocalListConfirmation",
    "SendLocalListRequest",
    "UpdateStatus",
    "UpdateType",
]


class GetLocalListVersionRequest(Message, frozen=True):
    """The Central System asks how old the list is. "Get Local List Version"."""


class GetLocalListVersionConfirmation(Message, frozen=True, kw_only=True):
    """
    The Charge Point tells the number of its list. "Get Local List Version".

    @ivar list_version: 0, the list is empty; -1, there can be none.
    """

    list_version: Integer


class UpdateType(StrEnum):
    """Whether a list replaces the one before it or changes single entries."""

    DIFFERENTIAL = "Differential"
    FULL = "Full"


class UpdateStatus(StrEnum):
    """What became of a SendLocalList."""

    ACCEPTED = "Accepted"
    FAILED = "Failed"
    NOT_SUPPORTED = "NotSupported"
    VERSION_MISMATCH = "VersionMismatch"


class AuthorizationData(Part, frozen=True, kw_only=True):
    """
    An entry of the Local Authorization List.

    @ivar id_tag_info: left out in a differential update, the idTag leaves the list.
    """

    id_tag: IdToken
    id_tag_info: Maybe[IdTagInfo] = None


class SendLocalListRequest(Message, frozen=True, kw_only=True):
    """
    The Central System sends a list, or changes to it. "Send Local List".

    @ivar list_version: of the list as it is after this update.
    @ivar local_authorization_list: left out in a full update, the list becomes empty.
    """

    list_version: Integer
    update_type: UpdateType
    local_authorization_list: Maybe[tuple[AuthorizationData, ...]] = None


class SendLocalListConfirmation(Message, frozen=True, kw_only=True):
    """The Charge Point has taken the list, or kept the old one. "Send Local List"."""

    status: UpdateStatus
