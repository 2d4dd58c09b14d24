"""Whose certificate it is."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.admission import Admission
from cfos_cm.central_system.approach import Approach
from cfos_cm.central_system.settings import CentralSystemSettings, ChargePointSettings
from cfos_cm.site.security_profile import SecurityProfile

from .world import BOOT, SITE, World

LOCKED = evolve(SITE, password="common")


def named(settings: CentralSystemSettings, **names: str) -> CentralSystemSettings:
    """The settings with names for certificates; C{_} in an identity is read as C{-}."""
    changed = {
        identity.replace("_", "-"): evolve(
            settings.charge_points[identity.replace("_", "-")], certificate_names=(name,)
        )
        for identity, name in names.items()
    }
    return evolve(settings, charge_points={**settings.charge_points, **changed})


class Names(SynchronousTestCase):
    """What a certificate may name."""

    def setUp(self) -> None:
        """Nobody is connected."""
        self.world = World(LOCKED)

    def admits(self, *names: str, identity: str = "CP-1") -> bool:
        """Whether a certificate with these names opens."""
        admission = self.world.system.admit(identity, Approach(None, True, names))
        self.assertIn(admission, (Admission.ADMITTED, Admission.UNAUTHORISED))
        return admission is Admission.ADMITTED

    def tells(
        self,
        serial: str,
        identity: str = "CP-1",
        profile: SecurityProfile = SecurityProfile.PASSWORD,
    ) -> None:
        """A Charge Point is there, and tells its serial number."""
        peer = self.world.connect(identity, profile)
        peer.ask("BootNotification", {**BOOT, "chargePointSerialNumber": serial})
        peer.lose()

    def test_identity(self) -> None:
        """Its identity, in any spelling, one among others too."""
        for names in (("CP-1",), ("cp-1",), ("wallbox.local", "CP-1"), (" CP-1 ",)):
            self.assertTrue(self.admits(*names), names)

    def test_others(self) -> None:
        """Another's identity, a part of its own, and none at all do not open."""
        for names in ((), ("CP-2",), ("CP-",), ("CP-11",), ("",), ("*",), ("CP-1.example",)):
            self.assertFalse(self.admits(*names), names)

    def test_alikeIdentities(self) -> None:
        """Two that differ in upper and lower case alone are two."""
        alike = {name: ChargePointSettings(name, {}) for name in ("CP-1", "cp-1")}
        self.world = World(evolve(SITE, charge_points=alike))
        self.assertTrue(self.admits("CP-1"))
        self.assertFalse(self.admits("cp-1"))
        self.assertFalse(self.admits("Cp-1"))

    def test_stranger(self) -> None:
        """One that is not configured has no other name than its identity."""
        self.assertTrue(self.admits("new", identity="new"))
        self.assertFalse(self.admits("other", identity="new"))

    def test_configured(self) -> None:
        """What the operator says, without case."""
        self.world = World(named(LOCKED, CP_1="Hersteller 4711"))
        self.assertTrue(self.admits("hersteller 4711"))
        self.assertTrue(self.admits("CP-1"))
        self.assertFalse(self.admits("Hersteller 4711", identity="CP-2"))

    def test_serialNumber(self) -> None:
        """What it has told after it had proved who it is; the newest counts."""
        self.assertFalse(self.admits("SN-77"))
        self.tells("SN-77")
        self.assertTrue(self.admits("sn-77"))
        self.assertFalse(self.admits("SN-77", identity="CP-2"))
        self.tells("SN-78")
        self.assertFalse(self.admits("SN-77"))

    def test_serialNumberOfAnybody(self) -> None:
        """What anybody can have told in its name opens nothing."""
        self.world = World(SITE)
        self.tells("SN-77", profile=SecurityProfile.NONE)
        self.assertFalse(self.admits("SN-77"))

    def test_serialNumberBeforeAPassword(self) -> None:
        """What anybody has told before there was a password opens nothing afterwards either."""
        self.world = World(SITE)
        self.tells("SN-77", profile=SecurityProfile.NONE)
        self.world.system.configure(LOCKED)
        self.assertFalse(self.admits("SN-77"))
        self.tells("SN-78")
        self.assertTrue(self.admits("SN-78"))

    def test_serialNumberBeforeACertificate(self) -> None:
        """Nor does it as soon as the wallbox itself is there, and has not told its own yet."""
        self.world = World(SITE)
        self.tells("SN-77", profile=SecurityProfile.NONE)
        self.world.connect(profile=SecurityProfile.CERTIFICATE)
        self.assertFalse(self.admits("SN-77"))

    def test_serialNumberAfterACertificate(self) -> None:
        """Where nobody comes without a certificate any more, it was the wallbox itself."""
        self.world = World(SITE)
        self.tells("SN-77", profile=SecurityProfile.CERTIFICATE)
        self.assertTrue(self.admits("SN-77"))

    def test_serialNumberOfAnother(self) -> None:
        """A serial number that is another's name, or that two have told, counts for nobody."""
        self.world = World(named(LOCKED, CP_2="SN-88"))
        for serial in ("CP-2", "SN-88", "sn-88"):
            self.tells(serial)
            self.assertFalse(self.admits(serial), serial)
        self.tells("123456")
        self.assertTrue(self.admits("123456"))
        self.tells("123456", "CP-2")
        self.assertFalse(self.admits("123456"))
        self.assertFalse(self.admits("123456", identity="CP-2"))

    def test_blankSerialNumber(self) -> None:
        """No serial number is no name, also where there is no other wallbox."""
        alone = {"CP-1": SITE.charge_points["CP-1"]}
        self.world = World(evolve(LOCKED, charge_points=alone))
        for serial in ("", " "):
            self.tells(serial)
            self.assertFalse(self.admits(serial), repr(serial))
            self.assertFalse(self.admits(""))

    def test_told(self) -> None:
        """They can be asked for, the identity first."""
        self.world = World(named(LOCKED, CP_1="maker"))
        self.tells("SN-77")
        names = self.world.system.roster.certificate_names
        self.assertEqual(("CP-1", "maker", "SN-77"), names("CP-1"))
        self.assertEqual(("new",), names("new"))
