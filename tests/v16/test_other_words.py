"""Words of a peer's own."""

from __future__ import annotations

from enum import StrEnum

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.v16.core import ChargePointErrorCode, ChargePointStatus, DataTransferStatus, Reason
from cfos_cm.v16.other_words import Nothing, meant_by
from cfos_cm.v16.types import (
    AuthorizationStatus,
    Location,
    Measurand,
    Phase,
    ReadingContext,
    UnitOfMeasure,
    ValueFormat,
)

WORDS: tuple[type[StrEnum], ...] = (
    AuthorizationStatus,
    ChargePointErrorCode,
    ChargePointStatus,
    DataTransferStatus,
    Location,
    Measurand,
    Phase,
    Reason,
    ReadingContext,
    UnitOfMeasure,
    ValueFormat,
)


class MeantByTests(SynchronousTestCase):
    """What a word means."""

    def test_spellings(self) -> None:
        """Case and blanks around a word make no difference, and no two words get mixed up."""
        for words in WORDS:
            for word in words:
                for spelled in (word.value, word.upper(), word.lower(), f" {word} "):
                    self.assertIs(meant_by(spelled, words), word)

    def test_units(self) -> None:
        """The signs of units are understood, and the units of OCPP 1.5."""
        for spelled, unit in (
            ("Hz", UnitOfMeasure.HERTZ),
            ("%", UnitOfMeasure.PERCENT),
            ("°C", UnitOfMeasure.CELSIUS),
            ("Amp", UnitOfMeasure.A),
            ("Volt", UnitOfMeasure.V),
        ):
            self.assertIs(meant_by(spelled, UnitOfMeasure), unit)

    def test_something_else(self) -> None:
        """Where there is a word for what is not foreseen, it is taken."""
        for found in ("Tripped", ""):
            self.assertIs(
                meant_by(found, ChargePointErrorCode), ChargePointErrorCode.OTHER_ERROR
            )
            self.assertIs(meant_by(found, Reason), Reason.OTHER)

    def test_left_out(self) -> None:
        """When and where a value was taken may be left out of it."""
        for words in (ReadingContext, Location):
            self.assertIs(meant_by("Somewhere", words), Nothing.FIELD)

    def test_left_out_with_the_value(self) -> None:
        """Without what says what it is, a value means something else."""
        for words in (Measurand, UnitOfMeasure, Phase, ValueFormat):
            self.assertIs(meant_by("Something", words), Nothing.OBJECT)

    def test_empty(self) -> None:
        """An empty text is none, but a value without a measurand would be an energy."""
        for words in (ReadingContext, Location, UnitOfMeasure, Phase, ValueFormat):
            self.assertIs(meant_by(" ", words), Nothing.FIELD)
        self.assertIs(meant_by("", Measurand), Nothing.OBJECT)

    def test_states(self) -> None:
        """A state that nobody knows could mean anything."""
        for words in (ChargePointStatus, AuthorizationStatus, DataTransferStatus):
            for found in ("Sleeping", ""):
                self.assertIsNone(meant_by(found, words))
