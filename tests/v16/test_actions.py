"""The table of actions, and the way of a payload in and out."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import CallErrorCode, LocalProtocolError, RemoteProtocolError
from cfos_cm.v16 import actions
from cfos_cm.v16.actions import (
    ACTIONS,
    Action,
    FeatureProfile,
    Role,
    action_of,
    decode_confirmation,
    decode_request,
    encode,
)
from cfos_cm.v16.core import (
    AuthorizeConfirmation,
    AuthorizeRequest,
    BootNotificationConfirmation,
    ChangeConfigurationRequest,
    HeartbeatConfirmation,
    HeartbeatRequest,
    MeterValuesRequest,
    RegistrationStatus,
    RemoteStartTransactionRequest,
    ResetConfirmation,
    ResetStatus,
    StartTransactionRequest,
)
from cfos_cm.v16.smart_charging import (
    GetCompositeScheduleConfirmation,
    GetCompositeScheduleStatus,
    SetChargingProfileRequest,
)
from cfos_cm.v16.types import (
    ChargingProfile,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingSchedulePeriod,
    IdTagInfo,
    Message,
)

from .schemas import MESSAGES, PROFILE, full_example

#: The table of the specifications, written out again: feature profile, actions that a Charge
#: Point sends, actions that a Central System sends. DataTransfer is sent by both.
DIRECTIONS = {
    "Core": (
        "Authorize BootNotification DataTransfer Heartbeat MeterValues StartTransaction"
        " StatusNotification StopTransaction",
        "ChangeAvailability ChangeConfiguration ClearCache DataTransfer GetConfiguration"
        " RemoteStartTransaction RemoteStopTransaction Reset UnlockConnector",
    ),
    "FirmwareManagement": (
        "DiagnosticsStatusNotification FirmwareStatusNotification",
        "GetDiagnostics UpdateFirmware",
    ),
    "LocalAuthListManagement": ("", "GetLocalListVersion SendLocalList"),
    "Reservation": ("", "CancelReservation ReserveNow"),
    "SmartCharging": ("", "ClearChargingProfile GetCompositeSchedule SetChargingProfile"),
    "RemoteTrigger": ("", "TriggerMessage"),
    "Security": (
        "LogStatusNotification SecurityEventNotification SignCertificate"
        " SignedFirmwareStatusNotification",
        "CertificateSigned DeleteCertificate ExtendedTriggerMessage"
        " GetInstalledCertificateIds GetLog InstallCertificate SignedUpdateFirmware",
    ),
}

#: Payloads with one mistake each, and the code that OCPP-J 1.6 has for it.
MISTAKES: tuple[tuple[str, bytes, CallErrorCode], ...] = (
    ("Heartbeat", b"", CallErrorCode.FORMATION_VIOLATION),
    ("Heartbeat", b"{", CallErrorCode.FORMATION_VIOLATION),
    ("Heartbeat", b"{} {}", CallErrorCode.FORMATION_VIOLATION),
    ("Heartbeat", b"null", CallErrorCode.FORMATION_VIOLATION),
    ("Heartbeat", b"[]", CallErrorCode.FORMATION_VIOLATION),
    ("Heartbeat", b'"text"', CallErrorCode.FORMATION_VIOLATION),
    ("Heartbeat", b'{"x":1}', CallErrorCode.FORMATION_VIOLATION),
    ("Heartbeat", b"\xef\xbb\xbf{}", CallErrorCode.FORMATION_VIOLATION),
    ("Heartbeat", b"[" * 100_000, CallErrorCode.FORMATION_VIOLATION),
    ("Authorize", b'{"idTag":"\xff"}', CallErrorCode.FORMATION_VIOLATION),
    ("Authorize", b'{"idTag":"\\ud800"}', CallErrorCode.FORMATION_VIOLATION),
    ("Authorize", b'{"idTag":"A","idtag":"B"}', CallErrorCode.FORMATION_VIOLATION),
    ("Authorize", b'{"idTag":NaN}', CallErrorCode.FORMATION_VIOLATION),
    ("Authorize", b"{}", CallErrorCode.OCCURENCE_CONSTRAINT_VIOLATION),
    ("Authorize", b'{"idTag":null}', CallErrorCode.TYPE_CONSTRAINT_VIOLATION),
    ("Authorize", b'{"idTag":12}', CallErrorCode.TYPE_CONSTRAINT_VIOLATION),
    ("Authorize", b'{"idTag":{}}', CallErrorCode.TYPE_CONSTRAINT_VIOLATION),
    ("Authorize", b'{"idTag":' + b"[" * 100_000, CallErrorCode.FORMATION_VIOLATION),
    (
        "Authorize",
        b'{"idTag":"123456789012345678901"}',
        CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
    ),
    (
        "MeterValues",
        b'{"connectorId":1,"meterValue":[]}',
        CallErrorCode.OCCURENCE_CONSTRAINT_VIOLATION,
    ),
    (
        "MeterValues",
        b'{"connectorId":1,"meterValue":[{"timestamp":"x"}]}',
        CallErrorCode.OCCURENCE_CONSTRAINT_VIOLATION,
    ),
    (
        "MeterValues",
        b'{"connectorId":1,"meterValue":[[]]}',
        CallErrorCode.TYPE_CONSTRAINT_VIOLATION,
    ),
    (
        "MeterValues",
        b'{"connectorId":1,"meterValue":[{"timestamp":"x","y":1}]}',
        CallErrorCode.FORMATION_VIOLATION,
    ),
    (
        "LogStatusNotification",
        b'{"status":"idle"}',
        CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
    ),
    ("LogStatusNotification", b'{"status":1}', CallErrorCode.TYPE_CONSTRAINT_VIOLATION),
    (
        "LogStatusNotification",
        b'{"status":"Idle","requestId":true}',
        CallErrorCode.TYPE_CONSTRAINT_VIOLATION,
    ),
    (
        "LogStatusNotification",
        b'{"status":"Idle","requestId":1.5}',
        CallErrorCode.TYPE_CONSTRAINT_VIOLATION,
    ),
    (
        "LogStatusNotification",
        b'{"status":"Idle","requestId":9223372036854775808}',
        CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
    ),
    (
        "LogStatusNotification",
        b'{"status":"Idle","requestId":-9223372036854775809}',
        CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
    ),
    (
        "LogStatusNotification",
        b'{"status":"Idle","requestId":' + b"9" * 10_000 + b"}",
        CallErrorCode.FORMATION_VIOLATION,
    ),
    (
        "LogStatusNotification",
        b'{"status":"Idle","requestId":1e999}',
        CallErrorCode.FORMATION_VIOLATION,
    ),
)


def _directions() -> dict[str, tuple[str, set[Role]]]:
    """L{DIRECTIONS} by action: its feature profile, and who sends it."""
    found: dict[str, tuple[str, set[Role]]] = {}
    for profile, columns in DIRECTIONS.items():
        for role, names in zip(Role, columns, strict=True):
            for name in names.split():
                found.setdefault(name, (profile, set()))[1].add(role)
    return found


def _profile(**schedule: Any) -> ChargingProfile:
    """A charging profile with one period of C{limit} amps."""
    period = ChargingSchedulePeriod(start_period=0, limit=schedule.pop("limit"))
    return ChargingProfile(
        charging_profile_id=1,
        stack_level=0,
        charging_profile_purpose=ChargingProfilePurpose.TX_PROFILE,
        charging_profile_kind=ChargingProfileKind.RELATIVE,
        charging_schedule=ChargingSchedule(
            charging_rate_unit=ChargingRateUnit.A,
            charging_schedule_period=(period,),
            **schedule,
        ),
    )


class TableTests(SynchronousTestCase):
    """The table says what the specifications say."""

    def test_all_actions(self) -> None:
        """There are the 28 actions of OCPP 1.6 and the 11 of its security extension."""
        self.assertEqual(set(ACTIONS), set(_directions()))
        security = [a for a in ACTIONS.values() if a.profile is FeatureProfile.SECURITY]
        self.assertEqual((len(ACTIONS), len(security)), (39, 11))

    def test_profiles_and_directions(self) -> None:
        """Each action is in its feature profile and is sent by whom it should be."""
        for name, (profile, senders) in _directions().items():
            action = ACTIONS[name]
            self.assertEqual((action.profile.value, action.sent_by), (profile, senders), name)

    def test_classes_are_named_by_their_action(self) -> None:
        """Each row holds the classes of its own action, and no class is used twice."""
        for name, action in ACTIONS.items():
            self.assertEqual(action.name, name)
            self.assertEqual(action.request.__name__, f"{name}Request")
            self.assertEqual(action.confirmation.__name__, f"{name}Confirmation")

    def test_table_cannot_be_changed(self) -> None:
        """Nobody can add an action at run time."""
        with self.assertRaises(TypeError):
            ACTIONS["Own"] = ACTIONS["Reset"]  # type: ignore[index]

    def test_action_of_a_request(self) -> None:
        """A request leads to its action, and so does its class."""
        self.assertIs(action_of(HeartbeatRequest()), ACTIONS["Heartbeat"])
        self.assertIs(action_of(HeartbeatRequest), ACTIONS["Heartbeat"])

    def test_action_of_a_confirmation(self) -> None:
        """A confirmation asks for nothing."""
        with self.assertRaisesRegex(LocalProtocolError, "HeartbeatConfirmation is no request"):
            action_of(HeartbeatConfirmation(current_time="2026-03-01T12:00:00Z"))

    def test_exported(self) -> None:
        """What the module exports is there."""
        for name in actions.__all__:
            self.assertTrue(hasattr(actions, name), name)


class DecodeTests(SynchronousTestCase):
    """Bytes become messages, or one kind of error."""

    def refusal(self, name: str, payload: bytes, sender: Role) -> RemoteProtocolError:
        """The error about a request that must be refused."""
        error: RemoteProtocolError = self.assertRaises(
            RemoteProtocolError, decode_request, name, payload, sender
        )
        return error

    def test_request(self) -> None:
        """The payload of a CALL becomes an instance of the action's request."""
        message = decode_request(
            "StartTransaction",
            b'{"connectorId":1,"idTag":"04A2","meterStart":17,"timestamp":"2026-03-01T12:00Z"}',
            Role.CHARGE_POINT,
        )
        expected = StartTransactionRequest(
            connector_id=1, id_tag="04A2", meter_start=17, timestamp="2026-03-01T12:00Z"
        )
        self.assertEqual(message, expected)

    def test_confirmation(self) -> None:
        """The payload of a CALLRESULT becomes an instance of the action's confirmation."""
        message = decode_confirmation(ACTIONS["Reset"], b'{"status":"Accepted"}')
        self.assertEqual(message, ResetConfirmation(status=ResetStatus.ACCEPTED))

    def test_unknown_action(self) -> None:
        """An action that nobody knows is NotImplemented; case matters."""
        for name in ("Reboot", "reset", "", "__class__", "x" * 70_000):
            error = self.refusal(name, b"{}", Role.CENTRAL_SYSTEM)
            self.assertEqual(error.code, CallErrorCode.NOT_IMPLEMENTED)
            self.assertLess(len(error.description), 80)

    def test_directions(self) -> None:
        """Each action is taken from the ends that may send it, and from no other."""
        for name, (_, senders) in _directions().items():
            payload = encode(MESSAGES[name].decode(full_example(MESSAGES[name].schema)))
            for role in Role:
                if role in senders:
                    message = decode_request(name, payload, role)
                    self.assertIsInstance(message, ACTIONS[name].request)
                else:
                    error = self.refusal(name, payload, role)
                    self.assertEqual(error.code, CallErrorCode.NOT_SUPPORTED, name)

    def test_codes(self) -> None:
        """Each kind of mistake has the code that the specification has for it."""
        for name, payload, code in MISTAKES:
            error = self.refusal(name, payload, Role.CHARGE_POINT)
            self.assertEqual(error.code, code, (name, payload[:60], error.description))

    def test_codes_of_a_confirmation(self) -> None:
        """The same codes are used for an answer."""
        for payload, code in (
            (b"null", CallErrorCode.FORMATION_VIOLATION),
            (b"{}", CallErrorCode.OCCURENCE_CONSTRAINT_VIOLATION),
            (b'{"status":1}', CallErrorCode.TYPE_CONSTRAINT_VIOLATION),
            (b'{"status":"Done"}', CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION),
        ):
            error = self.assertRaises(
                RemoteProtocolError, decode_confirmation, ACTIONS["Reset"], payload
            )
            self.assertEqual(error.code, code)
            self.assertTrue(error.description.startswith("Reset.conf"), error.description)

    def test_description_names_the_place(self) -> None:
        """The error says which message, what is wrong, and where."""
        error = self.refusal(
            "MeterValues",
            b'{"connectorId":1,"meterValue":[{"timestamp":"x","sampledValue":[{"value":1}]}]}',
            Role.CHARGE_POINT,
        )
        self.assertEqual(
            error.description,
            "MeterValues.req: Expected `str`, got `int`"
            " at $.meterValue[0].sampledValue[0].value",
        )

    @PROFILE
    @given(st.sampled_from(sorted(ACTIONS)), st.sampled_from(Role), st.binary())
    def test_any_bytes(self, name: str, sender: Role, payload: bytes) -> None:
        """Whatever comes, it becomes a message or a L{RemoteProtocolError}."""
        for read in (
            lambda: decode_request(name, payload, sender),
            lambda: decode_confirmation(ACTIONS[name], payload),
        ):
            try:
                self.assertIsInstance(read(), Message)
            except RemoteProtocolError as error:
                self.assertLessEqual(len(error.description), 255)


class EncodeTests(SynchronousTestCase):
    """Messages become bytes, if they keep the rules that a peer would hold us to."""

    def refusal(self, message: Message) -> str:
        """What the error says about a message that cannot be sent."""
        return str(self.assertRaises(LocalProtocolError, encode, message))

    def test_compact(self) -> None:
        """The JSON is compact, and absent fields are left out of it."""
        message = BootNotificationConfirmation(
            status=RegistrationStatus.PENDING, current_time="2026-03-01T12:00:00Z", interval=60
        )
        self.assertEqual(
            encode(message),
            b'{"status":"Pending","currentTime":"2026-03-01T12:00:00Z","interval":60}',
        )
        self.assertEqual(encode(HeartbeatRequest()), b"{}")

    def test_too_long(self) -> None:
        """A text over its limit is refused, and the error does not repeat it."""
        said = self.refusal(ChangeConfigurationRequest(key="AuthorizationKey", value="s" * 501))
        self.assertEqual(
            said,
            "cannot be sent: ChangeConfigurationRequest:"
            " Expected `str` of length <= 500 at $.value",
        )

    def test_missing(self) -> None:
        """A required field that was set to nothing is refused."""
        nothing: Any = None
        self.assertIn("$.idTag", self.refusal(AuthorizeRequest(id_tag=nothing)))

    def test_too_few(self) -> None:
        """A MeterValues without values is refused."""
        message = MeterValuesRequest(connector_id=1, meter_value=())
        self.assertIn("$.meterValue", self.refusal(message))

    def test_wrong_type(self) -> None:
        """A value that would turn into another one on the wire is refused."""
        strangers: tuple[Any, ...] = (datetime(2026, 3, 1, tzinfo=UTC), b"2026-03-01")
        for strange in strangers:
            said = self.refusal(HeartbeatConfirmation(current_time=strange))
            self.assertIn("HeartbeatConfirmation: a field has a value of a wrong type", said)

    def test_unspeakable(self) -> None:
        """A value that JSON cannot hold is refused, and the error does not repeat it."""
        endless: Any = []
        endless.append(endless)
        strangers: tuple[Any, ...] = ("secret\ud800", object(), endless)
        for strange in strangers:
            said = self.refusal(HeartbeatConfirmation(current_time=strange))
            self.assertIn("that JSON cannot hold", said)
            self.assertNotIn("secret", said)

    def test_huge_integer(self) -> None:
        """An integer of more than 64 bits is refused."""
        for huge in (2**63, 2**64, -(2**63) - 1, 10**5000):
            message = StartTransactionRequest(
                connector_id=1, id_tag="A", meter_start=huge, timestamp="2026-03-01T12:00:00Z"
            )
            self.assertIn("StartTransactionRequest", self.refusal(message))

    def test_not_a_message(self) -> None:
        """A part of a message is no message."""
        part: Any = IdTagInfo(status="Accepted")  # type: ignore[arg-type]
        self.assertEqual(self.refusal(part), "IdTagInfo is no message of OCPP 1.6")

    def test_confirmation(self) -> None:
        """A wrong value deep inside is refused, too."""
        strange: Any = "accepted"
        said = self.refusal(AuthorizeConfirmation(id_tag_info=IdTagInfo(status=strange)))
        self.assertIn("$.idTagInfo.status", said)

    def test_not_finite(self) -> None:
        """A limit that is no number is refused."""
        for limit in (math.nan, math.inf, -math.inf):
            message = SetChargingProfileRequest(
                connector_id=1, cs_charging_profiles=_profile(limit=limit)
            )
            self.assertIn("limit", self.refusal(message))


class DecimalTests(SynchronousTestCase):
    """A limit that we send has at most one decimal, in each message that carries one."""

    def messages(self, profile: ChargingProfile) -> tuple[Message, ...]:
        """The messages that carry a schedule."""
        return (
            SetChargingProfileRequest(connector_id=1, cs_charging_profiles=profile),
            RemoteStartTransactionRequest(id_tag="A", charging_profile=profile),
            GetCompositeScheduleConfirmation(
                status=GetCompositeScheduleStatus.ACCEPTED,
                charging_schedule=profile.charging_schedule,
            ),
        )

    def test_tenths(self) -> None:
        """Every tenth of an amp can be sent, exactly."""
        for tenths in range(-10, 400):
            for message in self.messages(_profile(limit=tenths / 10)):
                self.assertIn(f'"limit":{tenths / 10}'.encode(), encode(message))

    def test_integers(self) -> None:
        """A limit without a decimal can be sent, as can the lowest rate of a schedule."""
        for message in self.messages(_profile(limit=16, min_charging_rate=6.5)):
            self.assertIn(b'"limit":16}', encode(message))

    def test_hundredths(self) -> None:
        """A limit with a second decimal cannot."""
        for message in self.messages(_profile(limit=6.25)):
            error = self.assertRaises(LocalProtocolError, encode, message)
            self.assertIn("limit of chargingSchedulePeriod[0] has more than one", str(error))

    def test_lowest_rate(self) -> None:
        """Nor can a lowest rate with a second decimal."""
        for message in self.messages(_profile(limit=16.0, min_charging_rate=6.25)):
            error = self.assertRaises(LocalProtocolError, encode, message)
            self.assertIn("minChargingRate has more than one decimal", str(error))

    def test_without_schedule(self) -> None:
        """The messages that need no schedule can be sent without one."""
        self.assertEqual(encode(RemoteStartTransactionRequest(id_tag="A")), b'{"idTag":"A"}')
        rejected = GetCompositeScheduleConfirmation(status=GetCompositeScheduleStatus.REJECTED)
        self.assertEqual(encode(rejected), b'{"status":"Rejected"}')


class ActionTests(SynchronousTestCase):
    """A row of the table is a value."""

    def test_frozen(self) -> None:
        """An action cannot be changed."""
        action: Any = ACTIONS["Reset"]
        self.assertIsInstance(action, Action)
        with self.assertRaises(AttributeError):
            action.name = "Restart"
