"""Which deviations a Charge Point is forgiven."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.quirks import PROFILES, STANDARD, QuirkPolicy, profiles_of
from cfos_cm.quirk import NO_QUIRKS, Quirk
from cfos_cm.site.evse import DeviceIdentity

GO_E = DeviceIdentity("go-e", "Charger V3", None, "56.1")
NOBODY = DeviceIdentity("Nobody", "Box")


class Profiles(SynchronousTestCase):
    """The table of makes."""

    def test_complete(self) -> None:
        """Each row has a name of its own, quirks, and a place where they were seen."""
        self.assertEqual(len({profile.name for profile in PROFILES}), len(PROFILES))
        for profile in PROFILES:
            self.assertTrue(profile.quirks, profile.name)
            self.assertTrue(profile.evidence.startswith("https://"), profile.name)
            for pattern in (profile.vendor, profile.model, profile.firmware):
                re.compile(pattern)

    def test_ownName(self) -> None:
        """A wallbox whose vendor is the name of a row is of that make."""
        for profile in PROFILES:
            self.assertIn(profile, profiles_of(DeviceIdentity(profile.name, "X")))

    def test_forms(self) -> None:
        """Case and blanks around do not matter; what merely contains a name is another."""
        for vendor in ("go-e", "GO-E", " go-e GmbH", "goe"):
            names = [one.name for one in profiles_of(DeviceIdentity(vendor, "X"))]
            self.assertEqual(["go-e"], names, vendor)
        for vendor in ("United Chargers", "UnitedChargers", "Grizzl-E"):
            names = [one.name for one in profiles_of(DeviceIdentity(vendor, "X"))]
            self.assertEqual(["Grizzl-E"], names, vendor)
        for vendor in ("goelectric", "not go-e", "Wallboxen AG", ""):
            self.assertEqual((), profiles_of(DeviceIdentity(vendor, "X")), vendor)


class Policy(SynchronousTestCase):
    """What the operator says about it."""

    def test_auto(self) -> None:
        """A make that is known is forgiven what it is known for, others what harms nobody."""
        auto = QuirkPolicy()
        self.assertEqual(STANDARD, auto.tolerated(None))
        self.assertEqual(STANDARD, auto.tolerated(NOBODY))
        self.assertIn(Quirk.NUMERIC_IDS, auto.tolerated(GO_E))

    def test_named(self) -> None:
        """What is named is forgiven before anybody has said what it is."""
        named = QuirkPolicy(auto=False, named=frozenset({Quirk.NO_PING}))
        self.assertEqual(STANDARD | {Quirk.NO_PING}, named.tolerated(None))
        self.assertEqual(STANDARD | {Quirk.NO_PING}, named.tolerated(GO_E))

    def test_strict(self) -> None:
        """Strictly nothing is."""
        self.assertEqual(NO_QUIRKS, QuirkPolicy(auto=False, strict=True).tolerated(GO_E))

    def test_joined(self) -> None:
        """Two EVSEs of one device: what either of them names, and strict if either is."""
        one = QuirkPolicy(named=frozenset({Quirk.NO_PING}))
        other = QuirkPolicy(auto=False, named=frozenset({Quirk.NO_CLOCK}))
        joined = one.joined(other)
        self.assertEqual({Quirk.NO_PING, Quirk.NO_CLOCK}, joined.named)
        self.assertFalse(joined.auto)
        self.assertTrue(one.joined(QuirkPolicy(auto=False, strict=True)).strict)
