"""Orders about security: higher profiles, other certificates."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve

from cfos_cm.central_system.admission import Admission
from cfos_cm.central_system.approach import Approach
from cfos_cm.certificates.issuing import make_authority
from cfos_cm.certificates.keys import new_ec_key
from cfos_cm.certificates.pair import Pair
from cfos_cm.certificates.pem import pem_of
from cfos_cm.certificates.subject import Subject
from cfos_cm.errors import DeviceRefusal, LocalProtocolError, NotSent
from cfos_cm.services.local_signer import LocalSigner
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.v16.core import ConfigurationStatus
from cfos_cm.v16.remote_trigger import TriggerMessageStatus
from cfos_cm.wire.basic_auth import Credentials

from .operators import OperatorCase, Refuse, Station
from .world import NOW, SITE, World

NONE, PASSWORD, TLS, CERTIFICATE = SecurityProfile
RIGHT = Credentials("CP-1", b"common")
KEY = new_ec_key()
AUTHORITY = Pair((make_authority(Subject("Garage"), KEY, NOW - timedelta(days=1), 1000),), KEY)


class RaiseProfile(OperatorCase):
    """L{Operator.raise_profile}."""

    settings = evolve(SITE, observe_only=True, password="common", takes_tls=True)

    def setUp(self) -> None:
        """CP-1 is connected, with its password, and does as it is told."""
        super().setUp()
        self.came(PASSWORD)

    def came(self, profile: SecurityProfile) -> None:
        """CP-1 has connected again."""
        self.station = Station(self.world, profile=profile)
        self.station.acts["ChangeConfiguration"] = {"status": "Accepted"}
        self.station.acts["CertificateSigned"] = {"status": "Accepted"}

    def raised(self, profile: SecurityProfile) -> ConfigurationStatus:
        """What it answers."""
        return self.get(self.operator.raise_profile("CP-1", profile))

    def refusal(self, profile: SecurityProfile) -> str:
        """Why it is not asked."""
        asked = len(self.station.payloads("ChangeConfiguration"))
        said = self.error_of(self.operator.raise_profile("CP-1", profile), LocalProtocolError)
        self.assertEqual(asked, len(self.station.payloads("ChangeConfiguration")))
        return said

    def configure(self, **changes: object) -> None:
        """Other settings."""
        self.world.system.configure(evolve(self.settings, **changes))  # type: ignore[arg-type]

    def test_tls(self) -> None:
        """It is told the profile; the one before counts until it comes with the new one."""
        self.assertEqual(ConfigurationStatus.ACCEPTED, self.raised(TLS))
        self.assertEqual(
            [{"key": "SecurityProfile", "value": "2"}],
            self.station.payloads("ChangeConfiguration"),
        )
        admit = self.world.system.admit
        self.assertEqual(Admission.ADMITTED, admit("CP-1", Approach(RIGHT)))
        self.came(TLS)
        self.assertEqual(Admission.NEEDS_TLS, admit("CP-1", Approach(RIGHT)))

    def test_fallBack(self) -> None:
        """When it comes back as before, it can be told again."""
        self.raised(TLS)
        self.came(PASSWORD)
        self.assertEqual(ConfigurationStatus.ACCEPTED, self.raised(TLS))

    def test_upwardsOnly(self) -> None:
        """What it has shown is never lowered, nor what it says to have."""
        for profile in (NONE, PASSWORD):
            self.assertIn("is 1 and would be", self.refusal(profile))
        self.came(TLS)
        self.assertIn("is 2 and would be 2", self.refusal(TLS))
        self.came(PASSWORD)
        self.assertIn("is 2 and would be 1", self.refusal(PASSWORD))
        self.station.acts["GetConfiguration"] = {
            "configurationKey": [{"key": "SecurityProfile", "readonly": False, "value": "3"}]
        }
        self.get(self.operator.get_configuration("CP-1", ("SecurityProfile",)))
        self.assertIn("is 3 and would be 3", self.refusal(CERTIFICATE))

    def test_saysLess(self) -> None:
        """What it has shown counts, where it says to have less; it may be told that again."""
        self.came(CERTIFICATE)
        self.station.acts["GetConfiguration"] = {
            "configurationKey": [{"key": "SecurityProfile", "readonly": False, "value": "0"}]
        }
        self.get(self.operator.get_configuration("CP-1", ("SecurityProfile",)))
        for profile in (PASSWORD, TLS):
            self.assertIn("is 3 and would be", self.refusal(profile))
        self.assertEqual(ConfigurationStatus.ACCEPTED, self.raised(CERTIFICATE))

    def test_password(self) -> None:
        """Profiles 1 and 2 need a password."""
        self.world = World(evolve(self.settings, password=None))
        self.operator = self.new_operator()
        self.came(NONE)
        for profile in (PASSWORD, TLS):
            self.assertIn("needs a password", self.refusal(profile))
        self.configure()
        self.assertEqual(ConfigurationStatus.ACCEPTED, self.raised(PASSWORD))

    def test_needsTls(self) -> None:
        """Profiles 2 and 3 need TLS here."""
        self.configure(takes_tls=False)
        for profile in (TLS, CERTIFICATE):
            self.assertIn("needs TLS; it is off here", self.refusal(profile))

    def test_needsCertificate(self) -> None:
        """Profile 3 needs a certificate that it has taken, or has shown."""
        self.assertIn("needs a certificate", self.refusal(CERTIFICATE))
        self.station.acts["CertificateSigned"] = {"status": "Rejected"}
        chain = pem_of(AUTHORITY.certificate)
        self.get(self.operator.send_certificate("CP-1", chain))
        self.assertIn("needs a certificate", self.refusal(CERTIFICATE))
        self.station.acts["CertificateSigned"] = {"status": "Accepted"}
        self.get(self.operator.send_certificate("CP-1", chain))
        self.assertEqual(ConfigurationStatus.ACCEPTED, self.raised(CERTIFICATE))

    def test_byHand(self) -> None:
        """The same holds for who changes the configuration key by its name."""
        change = self.operator.change_configuration
        for key, value, words in (
            ("securityprofile ", "1", "never lowered"),
            ("SecurityProfile", "3", "needs a certificate"),
            ("SecurityProfile", "4", "it must be 1, 2 or 3"),
            ("SecurityProfile", "high", "it must be 1, 2 or 3"),
        ):
            said = self.error_of(change("CP-1", key, value), LocalProtocolError)
            self.assertIn(words, said)
        payload = {"key": "SecurityProfile", "value": "0"}
        self.assertIn(
            "never lowered", self.call_error("ChangeConfiguration", payload, LocalProtocolError)
        )

    def test_refused(self) -> None:
        """Its own word is the result; a CALLERROR is an error."""
        self.station.acts["ChangeConfiguration"] = {"status": "NotSupported"}
        self.assertEqual(ConfigurationStatus.NOT_SUPPORTED, self.raised(TLS))

        def refuse(_: object) -> None:
            raise Refuse

        self.station.acts["ChangeConfiguration"] = refuse
        self.error_of(self.operator.raise_profile("CP-1", TLS), DeviceRefusal)
        self.station.lose()
        self.error_of(self.operator.raise_profile("CP-1", TLS), NotSent)


class RenewCertificate(OperatorCase):
    """L{Operator.renew_certificate}."""

    settings = evolve(SITE, observe_only=True, password="common")

    def setUp(self) -> None:
        """CP-1 is connected, with its password; there is an authority."""
        super().setUp()
        self.signer = LocalSigner(lambda: NOW)
        self.signer.use(AUTHORITY)
        self.world = World(self.settings, signer=self.signer)
        self.operator = self.new_operator()
        self.station = Station(self.world, profile=PASSWORD)
        self.station.acts["ExtendedTriggerMessage"] = {"status": "Accepted"}

    def test_asked(self) -> None:
        """It is asked to ask for one."""
        status = self.get(self.operator.renew_certificate("CP-1"))
        self.assertEqual(TriggerMessageStatus.ACCEPTED, status)
        self.assertEqual(
            [{"requestedMessage": "SignChargePointCertificate"}],
            self.station.payloads("ExtendedTriggerMessage"),
        )

    def test_wouldNotBeSigned(self) -> None:
        """Who would get none is not asked."""
        renewing = self.operator.renew_certificate
        self.signer.use(None)
        said = self.error_of(renewing("CP-1"), LocalProtocolError)
        self.assertIn("cfos-cm certs init-ca", said)
        self.signer.use(AUTHORITY)
        self.world.system.configure(evolve(self.settings, password=None))
        self.station = Station(self.world, profile=TLS)
        said = self.error_of(renewing("CP-1"), LocalProtocolError)
        self.assertIn("proved with neither", said)
        self.station.lose()
        self.error_of(renewing("CP-1"), NotSent)
        self.assertEqual([], self.station.payloads("ExtendedTriggerMessage"))
