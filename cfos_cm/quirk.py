"""
The ways in which real wallboxes deviate from OCPP 1.6, each with a name.

The names are the words that the option C{quirks} of C{tap.cfg} takes. Which of them a device is
forgiven is decided in one place, L{cfos_cm.central_system.quirks}; a decoder is told what is
tolerated and says what it met.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["EVERY_QUIRK", "NO_QUIRKS", "Quirk"]


class Quirk(StrEnum):
    """One deviation."""

    # Enum computes another one in Python, and for each message some are looked up.
    __hash__ = str.__hash__

    NO_SUBPROTOCOL = "no-subprotocol"
    """It offers no WebSocket subprotocol; C{ocpp1.6} is assumed."""
    NO_CONNECTION_HEADER = "no-connection-header"
    """Its upgrade request has no C{Connection: Upgrade}."""
    FOREIGN_ORIGIN = "foreign-origin"
    """Its upgrade request says C{Origin} as a page of another web site does."""
    NO_PING = "no-ping"
    """It does not answer pings, or breaks down by them; its silence is measured instead."""

    NUMERIC_IDS = "numeric-ids"
    """Its message ids are JSON numbers."""
    PADDED_FRAMES = "padded-frames"
    """There is a byte order mark before its messages, or a NUL behind."""
    BROKEN_JSON = "broken-json"
    """A comma too many, or a value left out, where it can be seen what was meant."""
    ANSWERS_WITH_ACTION = "answers-with-action"
    """Its CALLRESULT repeats the action: C{[3,id,action,payload]}."""
    OTHER_ANSWER_IDS = "other-answer-ids"
    """It answers with another message id than it was asked with."""

    UNKNOWN_FIELDS = "unknown-fields"
    """Its messages have fields that OCPP 1.6 does not know."""
    NULL_FIELDS = "null-fields"
    """It writes C{null} for what should be left out."""
    LOOSE_TYPES = "loose-types"
    """Numbers in quotes, texts without, true and false as texts or numbers."""
    LONG_TEXTS = "long-texts"
    """Its texts are longer than allowed; they are cut, but never an idTag."""
    OTHER_WORDS = "other-words"
    """Words of its own where OCPP 1.6 has a list of words, as a unit or a measurand."""
    SINGLE_METER_VALUE = "single-meter-value"
    """An object where there should be a list with one."""
    OCPP15_VALUES = "ocpp15-values"
    """Its meter values have the form of OCPP 1.5: C{values} with C{value}s in it."""
    DATA_AS_OBJECT = "data-as-object"
    """The data of its DataTransfer is an object instead of a text."""

    NO_CLOCK = "no-clock"
    """Its clock is never set: what happens, happens now."""
    KWH_AS_WH = "kwh-as-wh"
    """Its energy is in kWh and labelled Wh, or not at all."""
    ACCEPTED_DATA = "accepted-data"
    """Its DataTransfers have to be answered with Accepted, or it repeats them for ever."""
    NO_CONNECTOR_0 = "no-connector-0"
    """ChangeAvailability of connector 0 is refused or makes it restart; 1 is asked instead."""
    WATTS = "watts"
    """Its charging profiles have to be in watts."""
    RELATIVE_PROFILES = "relative-profiles"
    """Its charging profiles have to be of the kind Relative."""
    DEFAULT_PROFILES = "default-profiles"
    """It takes no TxProfile; a transaction is limited by its connector's TxDefaultProfile."""
    NO_COMPOSITE = "no-composite"
    """What it says of its limits with GetCompositeSchedule is nothing, or not so."""
    NO_CLEAR = "no-clear"
    """It does not clear its charging profiles; they are replaced by some that limit nothing."""
    NO_LEASE = "no-lease"
    """It ignores the duration of a charging profile, or wears out by each; it gets none."""


NO_QUIRKS: frozenset[Quirk] = frozenset()
EVERY_QUIRK: frozenset[Quirk] = frozenset(Quirk)
