"""Giving a Charge Point another password: nobody is locked out, whatever happens."""

from __future__ import annotations

from cfos_cm.errors import (
    CallErrorCode,
    DeviceError,
    DeviceRefusal,
    LocalProtocolError,
    NotSent,
    StorageError,
)
from cfos_cm.v16.core import ConfigurationStatus

from .operators import OperatorCase, Refuse

MADE = bytes(range(1, 21))
GIVEN = "00112233445566778899AABBCCDDEEFF"


class Passwords(OperatorCase):
    """L{Operator.change_password}."""

    def steps(self) -> list[str]:
        """What the book of keys was told, in order."""
        return [step for step, _, _ in self.keys.told]

    def answer(self, status: str) -> None:
        """CP-1 says this to a new key."""
        self.station.acts["ChangeConfiguration"] = {"status": status}

    def test_made(self) -> None:
        """Without a key 20 random bytes are made, sent as hexadecimal digits and told once."""
        self.answer("Accepted")
        change = self.get(self.operator.change_password("CP-1"))
        self.assertEqual(change.key, MADE.hex())
        self.assertEqual(
            self.station.payloads("ChangeConfiguration"),
            [{"key": "AuthorizationKey", "value": MADE.hex()}],
        )
        self.assertEqual(self.keys.told, [("offered", "CP-1", MADE), ("taken", "CP-1", b"")])

    def test_given(self) -> None:
        """A key of one's own is sent as it was written."""
        self.answer("RebootRequired")
        change = self.get(self.operator.change_password("CP-1", GIVEN))
        self.assertIs(change.status, ConfigurationStatus.REBOOT_REQUIRED)
        self.assertEqual(change.key, GIVEN)
        self.assertEqual(self.keys.told[0], ("offered", "CP-1", bytes.fromhex(GIVEN)))
        self.assertEqual(self.steps(), ["offered", "taken"])

    def test_rejected(self) -> None:
        """A key that is not taken does not count; the old one goes on."""
        for status in (ConfigurationStatus.REJECTED, ConfigurationStatus.NOT_SUPPORTED):
            self.keys.told.clear()
            self.answer(status.value)
            change = self.get(self.operator.change_password("CP-1"))
            self.assertEqual((change.status, change.key), (status, None))
            self.assertEqual(self.steps(), ["offered", "kept"])

    def test_refused(self) -> None:
        """Nor does one that is answered with a CALLERROR."""

        def refuse(_request: object) -> object:
            raise Refuse

        self.station.acts["ChangeConfiguration"] = refuse
        self.error_of(self.operator.change_password("CP-1"), DeviceRefusal)
        self.assertEqual(self.steps(), ["offered", "kept"])

    def test_refusalNotRepeated(self) -> None:
        """Why it refuses the key is told by its code: its words may be the key."""

        def refuse(request: dict[str, str]) -> object:
            raise Refuse("PropertyConstraintViolation", f"bad value {request['value']}")

        self.station.acts["ChangeConfiguration"] = refuse
        changing = self.begin(self.operator.change_password("CP-1"))
        error = self.failureResultOf(changing, DeviceRefusal).value
        self.assertEqual(
            str(error), "the new AuthorizationKey was refused: PropertyConstraintViolation"
        )
        self.assertIs(error.code, CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION)
        self.assertIsNone(error.__context__)

    def test_nonsenseNotRepeated(self) -> None:
        """An answer that cannot be read is not repeated either; both keys count after it."""
        self.station.acts["ChangeConfiguration"] = lambda request: {"status": request["value"]}
        said = self.error_of(self.operator.change_password("CP-1", GIVEN), DeviceError)
        self.assertIn("is not known", said)
        self.assertNotIn(GIVEN[:8], said)
        self.assertEqual(self.steps(), ["offered"])

    def test_goneMeanwhile(self) -> None:
        """A key that was not sent, because the connection went before, does not count."""
        self.world.disk.held = True
        changing = self.begin(self.operator.change_password("CP-1"))
        self.station.lose()
        self.world.disk.let_go()
        self.failureResultOf(changing, NotSent)
        self.assertEqual(self.steps(), ["offered", "kept"])

    def test_notAnswered(self) -> None:
        """After no answer both count: nobody knows whether it has taken the new one."""
        changing = self.begin(self.operator.change_password("CP-1"))
        self.station.lose()
        self.failureResultOf(changing, DeviceError)
        self.assertEqual(self.steps(), ["offered"])

    def test_onDiskFirst(self) -> None:
        """The key goes out when it is on disk, and not before."""
        self.answer("Accepted")
        self.world.disk.held = True
        changing = self.begin(self.operator.change_password("CP-1"))
        self.assertEqual(self.station.requests(), [])
        self.world.disk.let_go()
        self.successResultOf(changing)

    def test_notOnDisk(self) -> None:
        """A key that cannot be written down is not sent."""
        self.world.disk.broken = True
        self.error_of(self.operator.change_password("CP-1"), StorageError)
        self.assertEqual(self.station.requests(), [])

    def test_notConnected(self) -> None:
        """A Charge Point that is not there is offered nothing."""
        self.station.lose()
        self.error_of(self.operator.change_password("CP-1"), DeviceError)
        self.assertEqual(self.steps(), [])

    def test_notTwice(self) -> None:
        """While one key is on its way no other one is given; after it one may be."""
        first = self.begin(self.operator.change_password("CP-1"))
        said = self.error_of(self.operator.change_password("CP-1"), LocalProtocolError)
        self.assertEqual(said, "CP-1 is being given another password already")
        self.assertEqual(self.steps(), ["offered"])
        self.world.clock.advance(self.settings.call_timeout_s)
        self.failureResultOf(first, DeviceError)
        self.answer("Accepted")
        self.get(self.operator.change_password("CP-1"))

    def test_noKey(self) -> None:
        """What is no key is not sent, and not repeated."""
        for key in ("", "secret", "ab" * 15, "ab" * 21, "ab" * 16 + "a", "zz" * 16, " " * 32):
            said = self.error_of(self.operator.change_password("CP-1", key), LocalProtocolError)
            self.assertEqual(
                said,
                f"a key of {len(key)} characters; it must be 32 to 40 hexadecimal digits in "
                "pairs",
            )
        self.assertEqual(self.steps(), [])

    def test_notShown(self) -> None:
        """What a log could get hold of tells no key."""
        self.answer("Accepted")
        change = self.get(self.operator.change_password("CP-1"))
        self.assertNotIn(MADE.hex(), repr(change))
