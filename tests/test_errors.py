"""What the errors carry."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import (
    CallErrorCode,
    CfosError,
    ConfigError,
    DeviceError,
    DeviceRefusal,
    LocalProtocolError,
    Mistake,
    RemoteProtocolError,
    StorageError,
)

MISTAKE = Mistake("tap.cfg", 7, "evse left", "phases", "L4", "allowed: L1, L2, L3")


class FamilyTests(SynchronousTestCase):
    """Who catches what."""

    def test_base(self) -> None:
        """Everything that is raised on purpose has one base."""
        for kind in (LocalProtocolError, RemoteProtocolError, DeviceError, StorageError):
            self.assertTrue(issubclass(kind, CfosError))
        self.assertTrue(issubclass(ConfigError, CfosError))

    def test_refusal(self) -> None:
        """A refusal is a device's error, but not every one is a refusal."""
        self.assertTrue(issubclass(DeviceRefusal, DeviceError))
        self.assertFalse(issubclass(DeviceError, DeviceRefusal))

    def test_fault(self) -> None:
        """Our mistakes are not the peer's."""
        self.assertFalse(issubclass(LocalProtocolError, RemoteProtocolError))
        self.assertFalse(issubclass(RemoteProtocolError, LocalProtocolError))


class RemoteProtocolErrorTests(SynchronousTestCase):
    """What can be answered to a peer's mistake."""

    def test_usual(self) -> None:
        """Without more words it is a violation of form that cannot be answered."""
        error = RemoteProtocolError("no frame")
        self.assertEqual(str(error), "no frame")
        self.assertEqual(error.description, "no frame")
        self.assertIs(error.code, CallErrorCode.FORMATION_VIOLATION)
        self.assertIsNone(error.unique_id)

    def test_named(self) -> None:
        """It carries the code and the id of the answer."""
        error = RemoteProtocolError("what?", CallErrorCode.NOT_IMPLEMENTED, "17")
        self.assertEqual((error.code, error.unique_id), ("NotImplemented", "17"))

    def test_codes_as_specified(self) -> None:
        """The codes are spelled as in OCPP-J 1.6, its two misspellings included."""
        self.assertEqual(
            {str(code) for code in CallErrorCode},
            {
                "NotImplemented",
                "NotSupported",
                "InternalError",
                "ProtocolError",
                "SecurityError",
                "FormationViolation",
                "PropertyConstraintViolation",
                "OccurenceConstraintViolation",
                "TypeConstraintViolation",
                "GenericError",
            },
        )


class MistakeTests(SynchronousTestCase):
    """Mistakes in a configuration, for people."""

    def test_text(self) -> None:
        """A mistake says where it is, what was found and what is allowed."""
        allowed = "allowed: L1, L2, L3"
        for mistake, expected in (
            (MISTAKE, f"tap.cfg:7: [evse left] phases: found 'L4'; {allowed}"),
            (evolve(MISTAKE, found=""), f"tap.cfg:7: [evse left] phases: {allowed}"),
            (evolve(MISTAKE, option=""), f"tap.cfg:7: [evse left]: found 'L4'; {allowed}"),
            (
                evolve(MISTAKE, option="", section="", line=0, found=""),
                f"tap.cfg: {allowed}",
            ),
        ):
            self.assertEqual(str(mistake), expected)

    def test_unprintable(self) -> None:
        """What was found is shown so that it cannot disturb a terminal."""
        self.assertIn("'\\x1b[2J'", str(evolve(MISTAKE, found="\x1b[2J")))

    def test_all_of_them(self) -> None:
        """A configuration's error lists every mistake, one a line."""
        other = evolve(MISTAKE, line=9)
        error = ConfigError([MISTAKE, other])
        self.assertEqual(error.mistakes, (MISTAKE, other))
        self.assertEqual(str(error), f"{MISTAKE}\n{other}")
