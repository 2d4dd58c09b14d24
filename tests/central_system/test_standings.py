"""Who has come safely goes on to, until a person says otherwise."""

from __future__ import annotations

from attrs import evolve
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.admission import Admission
from cfos_cm.central_system.approach import Approach
from cfos_cm.central_system.settings import CentralSystemSettings, UnknownChargePoints
from cfos_cm.errors import LocalProtocolError, StorageError
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.wire.basic_auth import Credentials

from .world import SITE, World

NONE, PASSWORD, TLS, CERTIFICATE = SecurityProfile
LOCKED = evolve(SITE, password="common")
RIGHT = Credentials("CP-1", b"common")
WRONG = Credentials("CP-1", b"Common")
PLAIN = Approach()
ENCRYPTED = Approach(is_encrypted=True)
CERTIFIED = Approach(is_encrypted=True, certificate_names=("CP-1",))


class Case(SynchronousTestCase):
    """CP-1, before it has ever come."""

    settings: CentralSystemSettings = SITE

    def setUp(self) -> None:
        """Nobody is connected."""
        self.world = World(self.settings)

    def admitted(self, approach: Approach, identity: str = "CP-1") -> Admission:
        """What becomes of somebody who comes so."""
        return self.world.system.admit(identity, approach)

    def came(self, profile: SecurityProfile, identity: str = "CP-1") -> None:
        """It was there, and is gone."""
        self.world.connect(identity, profile).lose()

    def restart(self) -> None:
        """The program starts anew; what is on disk is all that is left."""
        kept = self.world.standings.kept
        self.world = World(self.settings)
        self.world.standings.kept = kept
        self.world.system.standings.remember(kept)

    def allow(self, profile: SecurityProfile = NONE) -> None:
        """An operator lets CP-1 come with less."""
        self.successResultOf(self.world.system.standings.allow("CP-1", profile))


class NothingAsked(Case):
    """Where nobody has to prove anything."""

    def test_plain(self) -> None:
        """Who has always come plain may go on to, and is not written down."""
        self.came(NONE)
        self.assertEqual(Admission.ADMITTED, self.admitted(PLAIN))
        self.assertEqual({}, self.world.standings.kept)

    def test_tls(self) -> None:
        """Who has come encrypted once is refused in plain, also after a restart."""
        self.came(TLS)
        for _ in range(2):
            self.assertEqual(Admission.NEEDS_TLS, self.admitted(PLAIN))
            self.assertEqual(Admission.ADMITTED, self.admitted(ENCRYPTED))
            self.assertEqual(Admission.ADMITTED, self.admitted(PLAIN, "CP-2"))
            self.restart()

    def test_certificate(self) -> None:
        """Who has shown a certificate has to go on to, also after a restart."""
        self.came(CERTIFICATE)
        for _ in range(2):
            self.assertEqual(Admission.NEEDS_TLS, self.admitted(PLAIN))
            self.assertEqual(Admission.NEEDS_CERTIFICATE, self.admitted(ENCRYPTED))
            self.assertEqual(Admission.ADMITTED, self.admitted(CERTIFIED))
            self.restart()

    def test_admittedOnly(self) -> None:
        """Who was admitted and did not connect changes nothing."""
        self.admitted(CERTIFIED)
        self.admitted(ENCRYPTED)
        self.assertEqual(Admission.ADMITTED, self.admitted(PLAIN))

    def test_neverLowered(self) -> None:
        """A connection that was open before the safer one does not take it back."""
        self.came(CERTIFICATE)
        for profile in (TLS, NONE):
            self.came(profile)
        self.assertEqual(CERTIFICATE, self.world.system.standings.of("CP-1"))
        self.assertEqual({"CP-1": CERTIFICATE}, self.world.standings.kept)

    def test_lockedOutByAnother(self) -> None:
        """Who takes the place of a plain one, without a proof, does not lock it out."""
        self.world.connect()
        other = self.world.connect(profile=TLS)
        self.assertEqual(Admission.ADMITTED, self.admitted(PLAIN))
        # It was the wallbox itself, and comes again.
        self.world.connect(profile=TLS)
        self.assertEqual(Admission.NEEDS_TLS, self.admitted(PLAIN))
        other.lose()

    def test_strangers(self) -> None:
        """Of who is not configured nothing is remembered: there may be any number of them."""
        self.came(TLS, "new")
        self.assertEqual(Admission.ADMITTED, self.admitted(PLAIN, "new"))
        self.assertEqual({}, self.world.standings.kept)

    def test_removed(self) -> None:
        """Who is not configured for a while has not been allowed anything by that."""
        self.came(TLS)
        self.world.system.configure(evolve(SITE, charge_points={}))
        self.world.system.configure(SITE)
        self.assertEqual(Admission.NEEDS_TLS, self.admitted(PLAIN))


class PasswordAsked(Case):
    """Where a password is asked for."""

    settings = LOCKED

    def test_order(self) -> None:
        """Who has not proved who it is learns nothing of what it has shown before."""
        self.came(CERTIFICATE)
        for approach in (PLAIN, Approach(WRONG), ENCRYPTED, Approach(WRONG, True)):
            self.assertEqual(Admission.UNAUTHORISED, self.admitted(approach), approach)
        self.assertEqual(Admission.NEEDS_TLS, self.admitted(Approach(RIGHT)))
        self.assertEqual(Admission.NEEDS_CERTIFICATE, self.admitted(Approach(RIGHT, True)))

    def test_proofCounts(self) -> None:
        """Who has proved who it is raises it, also in the place of a plain one."""
        self.world.connect(profile=PASSWORD)
        self.world.connect(profile=TLS)
        self.assertEqual(Admission.NEEDS_TLS, self.admitted(Approach(RIGHT)))

    def test_password(self) -> None:
        """A password alone is remembered, and keeps nobody out when none is asked any more."""
        self.came(PASSWORD)
        self.assertEqual({"CP-1": PASSWORD}, self.world.standings.kept)
        self.world.system.configure(SITE)
        self.assertEqual(Admission.ADMITTED, self.admitted(PLAIN))

    def test_certificateIsEnough(self) -> None:
        """Who shows its certificate needs no password, and may show a wrong one."""
        self.assertEqual(Admission.ADMITTED, self.admitted(CERTIFIED))
        self.assertEqual(
            Admission.ADMITTED, self.admitted(evolve(CERTIFIED, credentials=WRONG))
        )

    def test_upgradeFails(self) -> None:
        """As long as it has not logged in with more, what it had before is enough."""
        self.came(PASSWORD)
        self.admitted(Approach(RIGHT, True))
        self.assertEqual(Admission.ADMITTED, self.admitted(Approach(RIGHT)))

    def test_firstPasswordOnItsWay(self) -> None:
        """While the first password is on its way to it, who shows none has proved nothing."""
        self.world.system.configure(SITE)
        self.world.connect()
        offering = self.world.system.passwords.offered("CP-1", b"sixteen-bytes-16")
        self.successResultOf(offering)
        peer = self.world.connect(profile=TLS)
        self.assertFalse(peer.session.charge_point.is_proven)
        self.assertEqual(Admission.ADMITTED, self.admitted(PLAIN))
        self.admitted(Approach(Credentials("CP-1", b"sixteen-bytes-16"), True))
        self.assertTrue(self.world.connect(profile=TLS).session.charge_point.is_proven)


class Refusing(Case):
    """Where nobody is let in who is not configured."""

    settings = evolve(SITE, unknown=UnknownChargePoints.REFUSE)

    def test_unknown(self) -> None:
        """Who is not known is unknown, whatever it shows."""
        shown = Approach(is_encrypted=True, certificate_names=("new",))
        self.assertEqual(Admission.UNKNOWN, self.admitted(shown, "new"))


class Allow(Case):
    """An operator's word."""

    def test_allow(self) -> None:
        """It may come plain again, until it comes encrypted again."""
        self.came(CERTIFICATE)
        self.allow()
        self.assertEqual(Admission.ADMITTED, self.admitted(PLAIN))
        self.assertEqual({}, self.world.standings.kept)
        self.restart()
        self.assertEqual(Admission.ADMITTED, self.admitted(PLAIN))
        self.came(TLS)
        self.assertEqual(Admission.NEEDS_TLS, self.admitted(PLAIN))

    def test_step(self) -> None:
        """It may be allowed to come without its certificate, but not plain."""
        self.came(CERTIFICATE)
        self.allow(TLS)
        self.assertEqual(Admission.ADMITTED, self.admitted(ENCRYPTED))
        self.assertEqual(Admission.NEEDS_TLS, self.admitted(PLAIN))
        self.assertEqual({"CP-1": TLS}, self.world.standings.kept)

    def test_refused(self) -> None:
        """What it may do anyhow, and for nobody, is not allowed."""
        self.came(TLS)
        allow = self.world.system.standings.allow
        for identity, profile, words in (
            ("CP-1", TLS, "not shown more than 2"),
            ("CP-1", CERTIFICATE, "not shown more than 2"),
            ("CP-2", NONE, "not shown more than 0"),
            ("new", NONE, "there is no Charge Point new"),
        ):
            error = self.assertRaises(LocalProtocolError, allow, identity, profile)
            self.assertIn(words, str(error))

    def test_onDiskFirst(self) -> None:
        """It counts when it is on disk."""
        self.came(TLS)
        self.world.disk.broken = True
        allowing = self.world.system.standings.allow("CP-1", NONE)
        self.failureResultOf(allowing, StorageError)
        self.assertEqual(Admission.NEEDS_TLS, self.admitted(PLAIN))
        self.world.disk.broken, self.world.disk.held = False, True
        allowing = self.world.system.standings.allow("CP-1", NONE)
        self.assertEqual(Admission.NEEDS_TLS, self.admitted(PLAIN))
        self.world.disk.let_go()
        self.successResultOf(allowing)
        self.assertEqual(Admission.ADMITTED, self.admitted(PLAIN))

    def test_overtaken(self) -> None:
        """Who comes with more while it is written down has to go on to."""
        self.came(TLS)
        self.world.disk.held = True
        allowing = self.world.system.standings.allow("CP-1", NONE)
        self.came(CERTIFICATE)
        self.world.disk.let_go()
        self.successResultOf(allowing)
        self.assertEqual({"CP-1": CERTIFICATE}, self.world.standings.kept)
        self.assertEqual(Admission.NEEDS_TLS, self.admitted(PLAIN))


class Disk(Case):
    """When nothing can be written."""

    def test_triedAgain(self) -> None:
        """What is not on disk counts all the same, is told, and is tried at each log-in."""
        self.world.disk.broken = True
        with capturedLogs() as events:
            self.came(TLS)
        self.assertEqual(["error"], [event["log_level"].name for event in events])
        self.assertEqual(Admission.NEEDS_TLS, self.admitted(PLAIN))
        self.assertEqual({}, self.world.standings.kept)
        self.world.disk.broken = False
        self.came(TLS)
        self.assertEqual({"CP-1": TLS}, self.world.standings.kept)

    def test_triedAgainWithLess(self) -> None:
        """What is tried again is the most that it has shown, whatever it comes with then."""
        self.world.disk.broken = True
        self.came(TLS)
        self.world.disk.broken = False
        self.came(NONE)
        self.assertEqual({"CP-1": TLS}, self.world.standings.kept)

    def test_once(self) -> None:
        """What is on disk is not written again with each log-in."""
        self.came(TLS)
        self.world.standings.kept.clear()
        self.came(TLS)
        self.assertEqual({}, self.world.standings.kept)
