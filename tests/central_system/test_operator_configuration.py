"""Configuration keys, and connectors in and out of use."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from cfos_cm.central_system.commands.configuration import MAX_KEYS
from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.central_system.settings import ChargePointSettings
from cfos_cm.errors import DeviceError, DeviceRefusal, LocalProtocolError
from cfos_cm.quirk import Quirk
from cfos_cm.v16.actions import FeatureProfile
from cfos_cm.v16.core import AvailabilityStatus, ConfigurationStatus

from .operators import OperatorCase, Refuse
from .world import BAY_1, BAY_2, SITE


class Keys:
    """
    The configuration of a Charge Point.

    @ivar values: what it has.
    @ivar most: how many keys it takes at once; it refuses more.
    """

    def __init__(self, values: dict[str, str], most: int = 100) -> None:
        self.values = values
        self.most = most

    def tell(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a GetConfiguration."""
        asked = request.get("key", ())
        if len(asked) > self.most:
            raise Refuse("OccurenceConstraintViolation")
        known = [key for key in asked or self.values if key in self.values]
        return {
            "configurationKey": [
                {"key": key, "readonly": False, "value": self.values[key]} for key in known
            ],
            "unknownKey": [key for key in asked if key not in self.values],
        }


class GetConfiguration(OperatorCase):
    """L{Operator.get_configuration}."""

    def has(self, values: dict[str, str], most: int = 100) -> None:
        """CP-1 has these keys."""
        self.station.acts["GetConfiguration"] = Keys(values, most).tell

    def asked(self) -> list[list[str]]:
        """The keys of each message that was sent."""
        return [payload.get("key", []) for payload in self.station.payloads("GetConfiguration")]

    def test_all(self) -> None:
        """Without a key all are asked for, in one message without a list."""
        self.has({"A": "1", "B": "2"})
        told = self.get(self.operator.get_configuration("CP-1"))
        self.assertEqual((told.value("A"), told.value("B")), ("1", "2"))
        self.assertEqual(self.station.payloads("GetConfiguration"), [{}])

    def test_unknown(self) -> None:
        """Keys that it does not know are told apart."""
        self.has({"A": "1"})
        told = self.get(self.operator.get_configuration("CP-1", ["A", "Z"]))
        self.assertEqual([one.key for one in told.keys], ["A"])
        self.assertEqual(told.unknown, ("Z",))

    def test_portions(self) -> None:
        """Never more keys are asked for at once than it says that it takes."""
        values = {str(number): "x" for number in range(7)}
        self.has({**values, "GetConfigurationMaxKeys": "3"}, most=3)
        told = self.get(self.operator.get_configuration("CP-1", list(values)))
        self.assertEqual([one.key for one in told.keys], list(values))
        self.assertEqual(
            self.asked(),
            [["GetConfigurationMaxKeys"], ["0", "1", "2"], ["3", "4", "5"], ["6"]],
        )

    def test_knownPortions(self) -> None:
        """What it has told is not asked again."""
        self.has({"GetConfigurationMaxKeys": "2"})
        self.get(self.operator.get_configuration("CP-1"))
        self.get(self.operator.get_configuration("CP-1", ["a", "b", "c"]))
        self.assertEqual(self.asked(), [[], ["a", "b"], ["c"]])

    def test_cautiously(self) -> None:
        """Who does not say how many it takes is asked for ten at once."""
        self.has({})
        self.get(self.operator.get_configuration("CP-1", [str(key) for key in range(12)]))
        self.assertEqual([len(keys) for keys in self.asked()], [1, 10, 2])

    def test_refused(self) -> None:
        """A refusal reaches the caller."""
        self.has({"GetConfigurationMaxKeys": "5"}, most=1)
        self.error_of(self.operator.get_configuration("CP-1", ["a", "b"]), DeviceRefusal)

    def test_tooMany(self) -> None:
        """So many keys nobody has."""
        keys = ["k"] * (MAX_KEYS + 1)
        said = self.error_of(self.operator.get_configuration("CP-1", keys), LocalProtocolError)
        self.assertEqual(said, "1001 keys are asked for; at most 1000")

    def test_numbers(self) -> None:
        """A value is a text, and a number for whoever wants one, however its key is written."""
        self.has({"HeartbeatInterval": "300", "Word": "true"})
        told = self.get(self.operator.get_configuration("CP-1"))
        self.assertEqual(told.value("heartbeatinterval"), "300")
        self.assertEqual(told.number("HEARTBEATINTERVAL"), 300)
        self.assertIsNone(told.number("Word"))
        self.assertIsNone(told.value("Other"))

    def test_valuesAreNotShown(self) -> None:
        """What a log could get hold of tells no value: some are passwords of a network."""
        self.has({"WifiPassword": "secret"})
        told = self.get(self.operator.get_configuration("CP-1"))
        self.assertNotIn("secret", repr(told))

    def test_featureProfiles(self) -> None:
        """Known names are found among whatever else there is."""
        for text, found in (
            ("Core,SmartCharging", {FeatureProfile.CORE, FeatureProfile.SMART_CHARGING}),
            ("core ; 'Reservation'", {FeatureProfile.CORE, FeatureProfile.RESERVATION}),
            ("Unknown,,\u20ac, RemoteTrigger", {FeatureProfile.REMOTE_TRIGGER}),
            ("", set()),
        ):
            self.has({"SupportedFeatureProfiles": text})
            told = self.get(self.operator.get_configuration("CP-1"))
            self.assertEqual(told.feature_profiles, found)


class ChangeConfiguration(OperatorCase):
    """L{Operator.change_configuration}."""

    def tells(self, key: str, value: str) -> None:
        """CP-1 is asked for its configuration, and has this key."""
        self.station.acts["GetConfiguration"] = Keys({key: value}).tell
        self.get(self.operator.get_configuration("CP-1"))

    def test_securityProfile(self) -> None:
        """The security profile is never lowered below what it tells last."""
        for told, wanted in (("2", "1"), ("3", "2"), ("0", "0")):
            self.tells("SecurityProfile", told)
            changing = self.operator.change_configuration("CP-1", "securityprofile", wanted)
            said = self.error_of(changing, LocalProtocolError)
            words = f"SecurityProfile is {told} and would be {wanted}; it is never lowered"
            self.assertIn(words, said)
        self.assertEqual(self.station.payloads("ChangeConfiguration"), [])

    def test_connector0Reservable(self) -> None:
        """What it tells of connector 0 is understood however it is written."""
        for told, may in (("true", True), (" 'False'", False), ("1", True), ("0", False)):
            self.tells("ReserveConnectorZeroSupported", told)
            announced = self.operator._calls.announced.by("CP-1")
            self.assertEqual(announced["ReserveConnectorZeroSupported"], may, told)
        self.tells("ReserveConnectorZeroSupported", "no idea")
        self.assertEqual(announced["ReserveConnectorZeroSupported"], 0)

    def test_results(self) -> None:
        """Each of the four results reaches the caller."""
        for status in ConfigurationStatus:
            self.station.acts["ChangeConfiguration"] = {"status": status.value}
            changing = self.operator.change_configuration("CP-1", "Interval", "60")
            self.assertIs(self.get(changing), status)
        self.assertEqual(
            self.station.payloads("ChangeConfiguration")[0],
            {"key": "Interval", "value": "60"},
        )

    def test_tooLong(self) -> None:
        """A key or a value that is too long is not sent, and the value not repeated."""
        for key, value in (("k" * 51, "v"), ("k", "secret" * 100)):
            changing = self.operator.change_configuration("CP-1", key, value)
            said = self.error_of(changing, LocalProtocolError)
            self.assertIn("Expected `str` of length <=", said)
            self.assertNotIn("secret", said)
        self.assertEqual(self.station.requests(), [])


class Availability(OperatorCase):
    """L{Operator.change_availability}."""

    def connectors(self) -> list[int]:
        """The connectors that were asked, in order."""
        asked = self.station.payloads("ChangeAvailability")
        return [payload["connectorId"] for payload in asked]

    def test_results(self) -> None:
        """Each of the three results reaches the caller."""
        for status in AvailabilityStatus:
            self.station.acts["ChangeAvailability"] = {"status": status.value}
            change = self.get(self.operator.change_availability("CP-1", 1, True))
            self.assertIs(change.status, status)
        self.assertEqual(
            self.station.payloads("ChangeAvailability")[0],
            {"connectorId": 1, "type": "Operative"},
        )

    def test_whole(self) -> None:
        """Connector 0 is the whole Charge Point, in one message."""
        self.station.acts["ChangeAvailability"] = {"status": "Scheduled"}
        change = self.get(self.operator.change_availability("CP-1", 0, False))
        self.assertEqual(change.by_connector, {0: AvailabilityStatus.SCHEDULED})
        self.assertEqual(
            self.station.payloads("ChangeAvailability"),
            [{"connectorId": 0, "type": "Inoperative"}],
        )


class FragileAvailability(Availability):
    """The same for a Charge Point that restarts when connector 0 is taken out of use."""

    settings = evolve(
        SITE,
        charge_points={
            "CP-1": ChargePointSettings(
                "CP-1",
                {1: BAY_1, 2: BAY_2},
                quirks=QuirkPolicy(named=frozenset({Quirk.NO_CONNECTOR_0})),
            )
        },
    )

    def test_whole(self) -> None:
        """Each of its connectors is asked instead, and the worst answer counts."""
        self.station.acts["GetConfiguration"] = Keys({"NumberOfConnectors": "3"}).tell
        self.station.acts["ChangeAvailability"] = lambda asked: {
            "status": "Scheduled" if asked["connectorId"] == 2 else "Accepted"
        }
        change = self.get(self.operator.change_availability("CP-1", 0, False))
        self.assertEqual(self.connectors(), [1, 2, 3])
        self.assertIs(change.status, AvailabilityStatus.SCHEDULED)

    def test_rejected(self) -> None:
        """When one is rejected, the whole is."""
        self.station.acts["GetConfiguration"] = Keys({}).tell
        self.station.acts["ChangeAvailability"] = lambda asked: {
            "status": "Rejected" if asked["connectorId"] == 1 else "Scheduled"
        }
        change = self.get(self.operator.change_availability("CP-1", 0, False))
        self.assertIs(change.status, AvailabilityStatus.REJECTED)

    def test_numberNotTold(self) -> None:
        """Where it does not tell how many it has, those that are configured are asked."""

        def refuse(_request: object) -> object:
            raise Refuse

        self.station.acts["GetConfiguration"] = refuse
        self.station.acts["ChangeAvailability"] = {"status": "Accepted"}
        self.get(self.operator.change_availability("CP-1", 0, False))
        self.assertEqual(self.connectors(), [1, 2])

    def test_numberNotToldNow(self) -> None:
        """Where asking for that number fails, so does the order: it may have more."""

        def fail(_request: object) -> object:
            raise Refuse("InternalError")

        self.station.acts["GetConfiguration"] = fail
        self.error_of(self.operator.change_availability("CP-1", 0, False), DeviceRefusal)
        self.assertEqual(self.connectors(), [])

    def test_notEndless(self) -> None:
        """A number that no Charge Point has is not believed."""
        self.station.acts["GetConfiguration"] = Keys({"NumberOfConnectors": "1000000"}).tell
        self.station.acts["ChangeAvailability"] = {"status": "Accepted"}
        self.get(self.operator.change_availability("CP-1", 0, True))
        self.assertEqual(len(self.connectors()), 64)

    def test_lostMeanwhile(self) -> None:
        """When the connection is lost between two connectors, the caller is told."""
        self.station.acts["GetConfiguration"] = Keys({}).tell
        changing = self.begin(self.operator.change_availability("CP-1", 0, False))
        self.station.lose()
        self.failureResultOf(changing, DeviceError)
