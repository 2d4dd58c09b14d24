"""The configuration keys of a gateway."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.configuration import MAX_KEYS, Configuration
from cfos_cm.charge_point.keys import is_guarded
from cfos_cm.charge_point.settings import GatewayRole, GatewaySettings
from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.v16.core import ConfigurationStatus
from cfos_cm.v16.types import Measurand
from tests.charge_point.backend_world import connector, settings
from tests.charge_point.memory import InMemory

_ENERGY = "Energy.Active.Import.Register"

#: By key: the first value, whether it can be set, some values that it takes and some that not.
_ROWS: dict[str, tuple[str | None, bool, tuple[str, ...], tuple[str, ...]]] = {
    "AdditionalRootCertificateCheck": ("false", False, (), ("true", "false")),
    "AllowOfflineTxForUnknownId": ("false", True, ("true", "FALSE"), ("1", "", "yes")),
    "AuthorizationCacheEnabled": ("true", True, ("false",), ("0",)),
    "AuthorizationKey": (None, True, (), ("short", "zz" * 20)),
    "AuthorizeRemoteTxRequests": ("false", True, ("true",), ("on",)),
    "CertificateSignedMaxChainSize": ("10000", False, (), ("9999",)),
    "CertificateStoreMaxLength": ("20", False, (), ("21",)),
    "ChargeProfileMaxStackLevel": ("99", False, (), ("99",)),
    "ChargingScheduleAllowedChargingRateUnit": ("Current,Power", False, (), ("Power",)),
    "ChargingScheduleMaxPeriods": ("1440", False, (), ("1",)),
    "ClockAlignedDataInterval": ("900", True, ("0", "60", "86400"), ("-1", "86401", "1.5")),
    "ConnectionTimeOut": ("60", True, ("1", "3600"), ("0", "-1", "2147483648", "9" * 400)),
    "ConnectorPhaseRotation": (
        "0.NotApplicable,1.NotApplicable",
        True,
        ("0.RST, 1.TSR", "1.Unknown"),
        ("2.RST", "RST", "1.RRR", "-1.RST", ".", "1.RST,,"),
    ),
    "ConnectorPhaseRotationMaxLength": ("2", False, (), ("3",)),
    "CpoName": ("", True, ("Garage-Köln", "x" * 64, ""), ("x" * 65, "a\nb")),
    "GetConfigurationMaxKeys": ("100", False, (), ("1000",)),
    "HeartbeatInterval": ("300", True, ("1", "86400"), ("0", "-1", "86401", "2147483648")),
    "LocalAuthListEnabled": ("true", True, ("false",), ("no",)),
    "LocalAuthListMaxLength": ("10000", False, (), ("1",)),
    "LocalAuthorizeOffline": ("true", True, ("false",), ("",)),
    "LocalPreAuthorize": ("false", True, ("true",), ("",)),
    "MaxChargingProfilesInstalled": ("500", False, (), ("1",)),
    "MaxEnergyOnInvalidId": ("0", True, ("0",), ("1", "1000", "-1")),
    "MessageTimeout": ("30", True, ("5", "300"), ("4", "301", "0")),
    "MeterValueSampleInterval": ("60", True, ("0", "1", "86400"), ("-1", "86401", "")),
    "MeterValuesAlignedData": (_ENERGY, True, ("", "Power.Active.Import"), ("Wrong",)),
    "MeterValuesAlignedDataMaxLength": ("21", False, (), ("1",)),
    "MeterValuesSampledData": (
        _ENERGY,
        True,
        (f"{_ENERGY},Current.Import", "Current.Import.L1, Current.Offered", ""),
        (f"{_ENERGY},Wrong", "Temperature", "Current.Import.L9", f"{_ENERGY},,", "SoC"),
    ),
    "MeterValuesSampledDataMaxLength": ("21", False, (), ("1",)),
    "MinimumStatusDuration": ("0", True, ("0", "3600"), ("-1", "3601")),
    "NumberOfConnectors": ("1", False, (), ("2",)),
    "ResetRetries": ("1", True, ("0", "10"), ("-1", "11")),
    "ReserveConnectorZeroSupported": ("true", False, (), ("false",)),
    "SecurityProfile": ("0", True, (), ("0", "1", "2", "3", "4", "-1", "", "x")),
    "SendLocalListMaxLength": ("500", False, (), ("1",)),
    "StopTransactionMaxMeterValues": ("500", False, (), ("1",)),
    "StopTransactionOnEVSideDisconnect": ("true", True, ("false",), ("2",)),
    "StopTransactionOnInvalidId": ("true", True, ("false",), ("2",)),
    "StopTxnAlignedData": ("", True, (_ENERGY,), ("Wrong",)),
    "StopTxnAlignedDataMaxLength": ("21", False, (), ("1",)),
    "StopTxnSampledData": ("", True, (_ENERGY, "Current.Import.L3"), ("Wrong",)),
    "StopTxnSampledDataMaxLength": ("21", False, (), ("1",)),
    "SupportedFeatureProfiles": (
        "Core,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger",
        False,
        (),
        ("Core",),
    ),
    "TransactionMessageAttempts": ("3", True, ("1", "100"), ("0", "-1", "101")),
    "TransactionMessageRetryInterval": ("30", True, ("1", "86400"), ("0", "-1", "86401")),
    "UnlockConnectorOnEVSideDisconnect": ("true", False, (), ("false",)),
    "WebSocketPingInterval": ("30", True, ("0", "3600"), ("-1", "-30", "3601", "x")),
}

#: OCPP 1.6, chapter 9, and the papers after it: those that have to be there.
_REQUIRED = {
    "AuthorizeRemoteTxRequests",
    "ClockAlignedDataInterval",
    "ConnectionTimeOut",
    "ConnectorPhaseRotation",
    "GetConfigurationMaxKeys",
    "HeartbeatInterval",
    "LocalAuthorizeOffline",
    "LocalPreAuthorize",
    "MeterValuesAlignedData",
    "MeterValuesSampledData",
    "MeterValueSampleInterval",
    "NumberOfConnectors",
    "ResetRetries",
    "StopTransactionOnEVSideDisconnect",
    "StopTransactionOnInvalidId",
    "StopTxnAlignedData",
    "StopTxnSampledData",
    "SupportedFeatureProfiles",
    "TransactionMessageAttempts",
    "TransactionMessageRetryInterval",
    "UnlockConnectorOnEVSideDisconnect",
    "LocalAuthListEnabled",
    "LocalAuthListMaxLength",
    "SendLocalListMaxLength",
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "MaxChargingProfilesInstalled",
}


class Case(SynchronousTestCase):
    """One gateway's keys."""

    def setUp(self) -> None:
        """The keys of a new gateway."""
        self.memory = InMemory()
        self.configuration = self.configured(settings())

    def configured(self, configured: GatewaySettings) -> Configuration:
        """The keys of another gateway with the same memory."""
        found = Configuration(configured, self.memory)
        found.restore(self.successResultOf(self.memory.load()))
        return found

    def change(self, name: str, value: str) -> ConfigurationStatus:
        """What ChangeConfiguration is answered with."""
        return self.successResultOf(self.configuration.change(name, value))

    def value(self, name: str) -> str | None:
        """What GetConfiguration says."""
        (found,), unknown = self.configuration.read((name,))
        self.assertEqual((), unknown)
        return found.value


class Keys(Case):
    """Each key has its type, its bounds and its first value."""

    def test_allOfThem(self) -> None:
        """There are these keys and no others, and all that are required are there."""
        known, _ = self.configuration.read(())
        self.assertEqual(set(_ROWS), {one.key for one in known})
        self.assertLessEqual(_REQUIRED, set(_ROWS))
        self.assertLessEqual(len(_ROWS), MAX_KEYS)

    def test_everyRow(self) -> None:
        """Each key begins with its value, and says truly whether it can be set."""
        for name, (first, can_be_set, _, _) in _ROWS.items():
            (found,), _unknown = self.configuration.read((name,))
            self.assertEqual((first, not can_be_set), (found.value, found.readonly), name)

    def test_good(self) -> None:
        """A value in bounds is accepted and read back; lists lose their blanks."""
        for name, (_, _, good, _) in _ROWS.items():
            for value in good:
                self.assertEqual(ConfigurationStatus.ACCEPTED, self.change(name, value), name)
                expected = value.replace(" ", "")
                if value.upper() == value and value.isalpha():
                    expected = value.lower()
                self.assertEqual(expected, self.value(name), name)

    def test_bad(self) -> None:
        """Any other value is rejected, and nothing changes."""
        for name, (first, _, _, bad) in _ROWS.items():
            for value in bad:
                self.assertEqual(
                    ConfigurationStatus.REJECTED, self.change(name, value), (name, value)
                )
                self.assertEqual(first, self.value(name), (name, value))
        self.assertEqual(0, self.memory.writes)

    @given(st.sampled_from(sorted(_ROWS)), st.text(max_size=60))
    def test_anything(self, name: str, value: str) -> None:
        """Whatever a key is set to, it can be read as before or as that, and restored."""
        self.memory = InMemory()
        configuration = Configuration(settings(), self.memory)
        status = self.successResultOf(configuration.change(name, value))
        self.assertIn(status, (ConfigurationStatus.ACCEPTED, ConfigurationStatus.REJECTED))
        again = self.configured(settings())
        self.assertEqual(again.words(name), configuration.words(name))

    @given(st.integers())
    def test_anyNumber(self, number: int) -> None:
        """A number is taken in its bounds and nowhere else."""
        status = self.change("ConnectionTimeOut", str(number))
        is_taken = status is ConfigurationStatus.ACCEPTED
        self.assertEqual(1 <= number <= 3600, is_taken)

    def test_caseDoesNotMatter(self) -> None:
        """Names are the same in upper and lower case, and told as they are spelled."""
        self.assertEqual(ConfigurationStatus.ACCEPTED, self.change("HEARTBEATinterval", "77"))
        (found,), _ = self.configuration.read(("heartbeatINTERVAL",))
        self.assertEqual(("HeartbeatInterval", "77"), (found.key, found.value))

    def test_unknown(self) -> None:
        """What is no key is not supported, and told to be unknown."""
        self.assertEqual(ConfigurationStatus.NOT_SUPPORTED, self.change("Nonsense", "1"))
        known, unknown = self.configuration.read(("Nonsense", "NumberOfConnectors"))
        self.assertEqual(("Nonsense",), unknown)
        self.assertEqual(["NumberOfConnectors"], [one.key for one in known])

    def test_typed(self) -> None:
        """Values can be read as what they are."""
        self.assertEqual(300, self.configuration.number("HeartbeatInterval"))
        self.assertTrue(self.configuration.is_set("LocalAuthorizeOffline"))
        self.change("MeterValuesSampledData", f"{_ENERGY},{Measurand.CURRENT_IMPORT}.L2")
        self.assertEqual(
            (_ENERGY, "Current.Import.L2"), self.configuration.words("MeterValuesSampledData")
        )
        self.assertEqual((), self.configuration.words("StopTxnSampledData"))

    def test_tooManyMeasurands(self) -> None:
        """A list has no more words than its MaxLength says, each of them once."""
        self.assertEqual(
            ConfigurationStatus.REJECTED,
            self.change("MeterValuesSampledData", ",".join([_ENERGY] * 22)),
        )
        self.change("MeterValuesSampledData", f"{_ENERGY},{_ENERGY}")
        self.assertEqual(_ENERGY, self.value("MeterValuesSampledData"))


class Kept(Case):
    """What is set is there after a restart."""

    def test_restart(self) -> None:
        """A value that was set holds after a restart."""
        self.change("LocalPreAuthorize", "true")
        self.assertTrue(self.configured(settings()).is_set("LocalPreAuthorize"))

    def test_notAnyMore(self) -> None:
        """What was remembered and could not be set now is left out of account."""
        self.memory.kept["key"] = {
            "WebSocketPingInterval": "-3",
            "Gone": "1",
            "SecurityProfile": "3",
        }
        again = self.configured(settings())
        self.assertEqual(30, again.number("WebSocketPingInterval"))
        self.assertEqual(0, again.number("SecurityProfile"))

    def test_fullDisk(self) -> None:
        """What cannot be stored is not acknowledged, and does not hold."""
        self.memory.is_full = True
        failed = self.failureResultOf(
            self.configuration.change("LocalPreAuthorize", "true"), RemoteProtocolError
        )
        self.assertIs(CallErrorCode.INTERNAL_ERROR, failed.value.code)
        self.assertFalse(self.configuration.is_set("LocalPreAuthorize"))

    def test_heartbeatInterval(self) -> None:
        """The interval of a BootNotification is a key like others, within bounds."""
        for given_s, expected in ((77, "77"), (0, "1"), (-5, "1"), (2**31, "86400")):
            self.configuration.put_heartbeat_interval(given_s)
            self.assertEqual(expected, self.value("HeartbeatInterval"))
        self.assertEqual(86400, self.configured(settings()).number("HeartbeatInterval"))

    def test_changed(self) -> None:
        """Who wants to know is told of each value that is another one than before."""
        names: list[str] = []
        self.configuration.changed = names.append
        self.change("localpreauthorize", "true")
        self.change("LocalPreAuthorize", "true")
        self.change("LocalPreAuthorize", "wrong")
        self.configuration.put_heartbeat_interval(300)
        self.configuration.put_heartbeat_interval(20)
        self.assertEqual(["LocalPreAuthorize", "HeartbeatInterval"], names)


class AuthorizationKey(Case):
    """The password that a backend sets."""

    def test_nobodyTakesIt(self) -> None:
        """Where nobody can use another password it is rejected."""
        self.assertEqual(
            ConfigurationStatus.REJECTED, self.change("AuthorizationKey", "ab" * 20)
        )

    def test_taken(self) -> None:
        """A key of 16 to 20 bytes is handed on and is accepted when it is kept; never told."""
        keys: list[str] = []

        def key_given(key: str) -> object:
            keys.append(key)
            return succeed(True)

        self.configuration.key_given = key_given  # type: ignore[assignment]
        for key in ("AB" * 16, "cd" * 20):
            self.assertEqual(ConfigurationStatus.ACCEPTED, self.change("authorizationkey", key))
        for bad in ("ab" * 15, "ab" * 21, "password of 20 chars", ""):
            self.assertEqual(
                ConfigurationStatus.REJECTED, self.change("AuthorizationKey", bad), bad
            )
        self.assertEqual(["AB" * 16, "cd" * 20], keys)
        self.assertIsNone(self.value("AuthorizationKey"))
        self.assertEqual({}, self.memory.kept)

    def test_notKept(self) -> None:
        """One that is not kept is rejected."""
        self.configuration.key_given = lambda _key: succeed(False)
        self.assertEqual(
            ConfigurationStatus.REJECTED, self.change("AuthorizationKey", "ab" * 20)
        )

    def test_commandedProfile(self) -> None:
        """A security profile is handed on, and what came of it is told; it is not kept here."""
        profiles: list[SecurityProfile] = []

        def profile_given(profile: SecurityProfile) -> Deferred[bool]:
            profiles.append(profile)
            return succeed(profile is SecurityProfile.TLS)

        self.configuration.profile_given = profile_given
        answers = [self.change("SecurityProfile", text).value for text in (" 2", "1", "4", "")]
        self.assertEqual(["Accepted", "Rejected", "Rejected", "Rejected"], answers)
        self.assertEqual([SecurityProfile.TLS, SecurityProfile.PASSWORD], profiles)
        self.assertEqual({}, self.memory.kept)

    def test_securityProfile(self) -> None:
        """The security profile is the one that the connection has."""
        for url, password, expected in (
            ("ws://a/", None, 0),
            ("ws://a/", "secret", 1),
            ("WSS://a/", "secret", 2),
            ("wss://a/", None, 0),
        ):
            one = GatewaySettings("k", "n", url, "id", (connector(),), password=password)
            self.assertEqual(expected, self.configured(one).number("SecurityProfile"), url)
            with_certificate = evolve(one, has_certificate=True)
            is_safe = url.lower().startswith("wss")
            self.assertEqual(
                3 if is_safe else expected,
                self.configured(with_certificate).number("SecurityProfile"),
                url,
            )


class WhoseKey(Case):
    """Which keys are those of a Charge Point."""

    def theirs(self, configured: GatewaySettings, *names: str) -> list[str]:
        """Those of C{names} that the Charge Point is asked for."""
        found = self.configured(configured)
        return [name for name in names if found.belongs_to_charge_point(name)]

    def test_oneChargePoint(self) -> None:
        """Of one Charge Point those about metering and those of its vendor, in any case."""
        names = (
            "METERvaluesSampledData",
            "MeterValueSampleInterval",
            "Vendor.Key",
            "BlinkRepeat",
        )
        ours = ("HeartbeatInterval", "AuthorizationKey", "LocalPreAuthorize", "SecurityProfile")
        one = settings(connector(1, True))
        self.assertEqual(list(names), self.theirs(one, *names, *ours))

    def test_others(self) -> None:
        """Of several Charge Points, of none, or for who is only told: nobody's."""
        other = connector(2, True, charge_point="another")
        names = ("MeterValueSampleInterval", "Vendor.Key")
        for configured in (
            settings(connector(1, True), other),
            settings(connector(1)),
            settings(connector(1, True), role=GatewayRole.REPORT),
        ):
            self.assertEqual([], self.theirs(configured, *names))

    def test_takingItAway(self) -> None:
        """A key that leads a Charge Point to another Central System needs consent."""
        names = ("BackendURL", "ocpp-server", "WifiPassword", "ChargeBoxId", "Central_System")
        for name in names:
            self.assertTrue(is_guarded(name), name)
        self.assertEqual([], self.theirs(settings(connector(1, True)), *names))
        allowed = frozenset({"ChangeConfiguration"})
        self.assertEqual(
            list(names), self.theirs(settings(connector(1, True), allowed=allowed), *names)
        )

    def test_readOnlyWithSeveral(self) -> None:
        """How several Charge Points measure cannot be set here."""
        other = connector(2, True, charge_point="another")
        self.configuration = self.configured(settings(connector(1, True), other))
        self.assertEqual(
            ConfigurationStatus.REJECTED, self.change("MeterValueSampleInterval", "10")
        )

    def test_featureProfiles(self) -> None:
        """Only what is not refused is announced, firmware only where it can be updated."""
        spoken = settings(connector(1, True), allowed=frozenset({"UpdateFirmware"}))
        profiles = self.configured(spoken).words("SupportedFeatureProfiles")
        self.assertIn("FirmwareManagement", profiles)
        refused = settings(refused=frozenset({"SetChargingProfile", "ReserveNow"}))
        self.assertEqual(
            ("Core", "LocalAuthListManagement", "RemoteTrigger"),
            self.configured(refused).words("SupportedFeatureProfiles"),
        )
        told = settings(role=GatewayRole.REPORT)
        self.assertEqual(
            ("Core", "RemoteTrigger"), self.configured(told).words("SupportedFeatureProfiles")
        )
