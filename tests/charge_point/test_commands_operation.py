"""What a backend has done to EVSEs: starts, stops, resets, locks, service."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.enrolment import RESTART_S
from cfos_cm.charge_point.settings import GatewayRole
from cfos_cm.errors import CallErrorCode, DeviceError, DeviceRefusal
from cfos_cm.site.evse import Link, Occupancy
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction
from cfos_cm.v16.core import Reason, ResetType, UnlockStatus
from tests.charge_point.backend_world import NOON, World, connector, settings

_TX_PROFILE = {
    "chargingProfileId": 3,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 9}],
    },
}

_YES = b'{"status":"Accepted"}'
_NO = b'{"status":"Rejected"}'


def _relayed(world: World) -> list[tuple[int, str, Any]]:
    """What Charge Points were asked: by connector, action and payload."""
    return [
        (entry[1], entry[2], json.loads(entry[3]))
        for entry in world.devices.done
        if entry[0] == "relay"
    ]


class Case(SynchronousTestCase):
    """A gateway that its backend has let in."""

    def world(self, *connectors: Any, **other: Any) -> World:
        """The backend is there."""
        found = World(settings(*connectors, **other)).serve()
        self.addCleanup(found.gateway.close)
        return found

    def spoken(self, **other: Any) -> World:
        """One Charge Point with two plugs, connectors 5 and 6 of it."""
        return self.world(connector(1, True), connector(2, True), **other)


class RemoteStart(Case):
    """RemoteStartTransaction. TC_010, TC_011, TC_026, TC_027, TC_059, TC_060."""

    def test_invited(self) -> None:
        """An EVSE without OCPP lets him charge, for as long as ConnectionTimeOut says."""
        world = self.world()
        world.ask("ChangeConfiguration", {"key": "ConnectionTimeOut", "value": "90"})
        found = world.ask("RemoteStartTransaction", {"idTag": "app", "connectorId": 1})
        self.assertEqual({"status": "Accepted"}, found)
        self.assertEqual([("invite", 1, "app", 90.0)], world.devices.done)
        judged = self.successResultOf(world.gateway.cards.judge("app"))
        self.assertTrue(judged.is_good)
        self.assertEqual([], world.told("Authorize"))

    def test_theDeviceRefuses(self) -> None:
        """What the device cannot do is rejected, and nobody is vouched for."""
        world = self.world()
        world.devices.says_yes = False
        payload = {"idTag": "app", "connectorId": 1, "chargingProfile": _TX_PROFILE}
        found = world.ask("RemoteStartTransaction", payload)
        self.assertEqual({"status": "Rejected"}, found)
        world.gateway.cards.judge("app")
        self.assertEqual([{"idTag": "app"}], world.told("Authorize"))
        self.assertEqual({}, world.memory.kept["start_profile"])

    def test_withoutConnector(self) -> None:
        """Where no connector is named, the first is taken that can be used."""
        world = self.world(connector(1), connector(2))
        world.evse(1, occupancy=Occupancy.FAULTED)
        world.ask("RemoteStartTransaction", {"idTag": "app"})
        self.assertEqual([("invite", 2, "app", 60.0)], world.devices.done)

    def test_rejected(self) -> None:
        """Busy, faulted, away, out of service, reserved or not there: rejected."""
        transaction = Transaction(1, "x", Verdict.ACCEPTED, NOON, 0)
        cases: tuple[dict[str, Any], ...] = (
            {"transaction": transaction},
            {"occupancy": Occupancy.FAULTED},
            {"occupancy": Occupancy.UNAVAILABLE},
            {"occupancy": Occupancy.UNKNOWN},
            {"link": Link.LOST},
        )
        for changes in cases:
            world = self.world()
            world.evse(1, **changes)
            found = world.ask("RemoteStartTransaction", {"idTag": "app", "connectorId": 1})
            self.assertEqual({"status": "Rejected"}, found, changes)
            self.assertEqual([], world.devices.done)

    def test_noSuchConnector(self) -> None:
        """Connector 0, and one that is not there, are rejected."""
        world = self.world()
        for number in (0, 2, -1):
            payload = {"idTag": "app", "connectorId": number}
            self.assertEqual(
                {"status": "Rejected"}, world.ask("RemoteStartTransaction", payload)
            )

    def test_outOfService(self) -> None:
        """What is out of service, or reserved for somebody else, starts nobody."""
        world = self.world()
        world.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
        payload = {"idTag": "app", "connectorId": 1}
        self.assertEqual({"status": "Rejected"}, world.ask("RemoteStartTransaction", payload))
        world.ask("ChangeAvailability", {"connectorId": 1, "type": "Operative"})
        reservation = {
            "connectorId": 1,
            "expiryDate": "2026-06-01T13:00:00Z",
            "idTag": "other",
            "reservationId": 4,
        }
        self.assertEqual({"status": "Accepted"}, world.ask("ReserveNow", reservation))
        self.assertEqual({"status": "Rejected"}, world.ask("RemoteStartTransaction", payload))
        payload["idTag"] = "other"
        self.assertEqual({"status": "Accepted"}, world.ask("RemoteStartTransaction", payload))

    def test_pending(self) -> None:
        """Before the gateway is let in nothing can be started or stopped."""
        world = World()
        self.addCleanup(world.gateway.close)
        world.answers["BootNotification"]["status"] = "Pending"
        world.serve()
        world.begin(7, 70)
        start = world.ask("RemoteStartTransaction", {"idTag": "app", "connectorId": 1})
        stop = world.ask("RemoteStopTransaction", {"transactionId": 70})
        self.assertEqual([{"status": "Rejected"}] * 2, [start, stop])
        self.assertEqual([], world.devices.done)

    def test_authorizeFirst(self) -> None:
        """With AuthorizeRemoteTxRequests it is asked behind the answer, and then he may."""
        world = self.world()
        world.ask("ChangeConfiguration", {"key": "AuthorizeRemoteTxRequests", "value": "true"})
        found = world.ask("RemoteStartTransaction", {"idTag": "app", "connectorId": 1})
        self.assertEqual({"status": "Accepted"}, found)
        self.assertTrue(world.answer_came_first)
        self.assertEqual([{"idTag": "app"}], world.told("Authorize"))
        self.assertEqual([], world.devices.done)
        world.clock.advance(0)
        self.assertEqual([("invite", 1, "app", 60.0)], world.devices.done)

    def test_authorizedNot(self) -> None:
        """Whom the backend then refuses does not charge."""
        world = self.world()
        world.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
        world.ask("ChangeConfiguration", {"key": "AuthorizeRemoteTxRequests", "value": "true"})
        world.ask("RemoteStartTransaction", {"idTag": "app", "connectorId": 1})
        world.clock.advance(0)
        self.assertEqual([], world.devices.done)

    def test_profile(self) -> None:
        """A profile that comes along holds from the start of the transaction on."""
        world = self.world()
        payload = {"idTag": "card", "connectorId": 1, "chargingProfile": _TX_PROFILE}
        self.assertEqual({"status": "Accepted"}, world.ask("RemoteStartTransaction", payload))
        self.assertEqual({}, world.limits())
        world.begin(7, 70)
        self.assertEqual({"evse 1": 9000}, world.limits())

    def test_wrongProfile(self) -> None:
        """Another profile than a TxProfile is rejected, and nobody starts."""
        world = self.world()
        for wrong in (
            {"chargingProfilePurpose": "TxDefaultProfile"},
            {"transactionId": 3},
            {"stackLevel": 100},
        ):
            payload = {
                "idTag": "card",
                "connectorId": 1,
                "chargingProfile": {**_TX_PROFILE, **wrong},
            }
            self.assertEqual(
                {"status": "Rejected"}, world.ask("RemoteStartTransaction", payload)
            )
        self.assertEqual([], world.devices.done)

    def test_forwarded(self) -> None:
        """A Charge Point gets its own connector and no profile; the rest as it came."""
        world = self.spoken()
        world.devices.answers["RemoteStartTransaction"] = _YES
        profile = json.dumps(_TX_PROFILE)
        text = (
            f'{{"idTag":"\\u0063ard","vendor":1.0,"chargingProfile":{profile},"connectorId":2}}'
        )
        self.assertEqual({"status": "Accepted"}, world.ask("RemoteStartTransaction", text))
        ((_, number, action, payload),) = world.devices.done
        self.assertEqual((2, "RemoteStartTransaction"), (number, action))
        self.assertEqual('{"idTag":"\\u0063ard","vendor":1.0,"connectorId":6}', payload)
        world.begin(7, 70, 2)
        self.assertEqual({"evse 2": 9000}, {k: v for k, v in world.limits().items() if v})

    def test_forwardedAndRefused(self) -> None:
        """What the Charge Point rejects, refuses or does not answer is rejected."""
        world = self.spoken()
        for answer in (_NO, DeviceError("away"), b'{"status":"Perhaps"}'):
            world.devices.answers["RemoteStartTransaction"] = answer
            payload = {"idTag": "card", "connectorId": 1, "chargingProfile": _TX_PROFILE}
            if isinstance(answer, bytes) and b"Perhaps" in answer:
                world.ask("RemoteStartTransaction", payload)
            else:
                found = world.ask("RemoteStartTransaction", payload)
                self.assertEqual({"status": "Rejected"}, found)
            self.assertEqual({}, world.memory.kept["start_profile"])

    def test_callError(self) -> None:
        """A CALLERROR of the Charge Point is one to the backend, and its words are not."""
        world = self.spoken()
        world.devices.answers["RemoteStartTransaction"] = DeviceRefusal(
            "secret", CallErrorCode.INTERNAL_ERROR
        )
        found = world.ask("RemoteStartTransaction", {"idTag": "card", "connectorId": 1})
        self.assertEqual("InternalError", found)

    def test_notAllowed(self) -> None:
        """Who is only told, or whom the owner refuses it, starts and stops nobody."""
        for other in (
            {"role": GatewayRole.REPORT},
            {"refused": frozenset({"RemoteStartTransaction", "RemoteStopTransaction"})},
        ):
            for world in (self.world(**other), self.spoken(**other)):
                world.begin(7, 70)
                start = world.ask("RemoteStartTransaction", {"idTag": "a", "connectorId": 1})
                stop = world.ask("RemoteStopTransaction", {"transactionId": 70})
                self.assertEqual([{"status": "Rejected"}] * 2, [start, stop])
                self.assertEqual([], world.devices.done)


class RemoteStop(Case):
    """RemoteStopTransaction. TC_012, TC_028."""

    def test_ended(self) -> None:
        """The backend's number is ours to the device."""
        world = self.world()
        world.begin(7, 70)
        found = world.ask("RemoteStopTransaction", {"transactionId": 70})
        self.assertEqual({"status": "Accepted"}, found)
        self.assertEqual([("end", 1, 7, Reason.REMOTE)], world.devices.done)

    def test_unknown(self) -> None:
        """Our number, another one, or one that is over: rejected."""
        world = self.world()
        world.begin(7, 70)
        for number in (7, 71, -1, 0):
            found = world.ask("RemoteStopTransaction", {"transactionId": number})
            self.assertEqual({"status": "Rejected"}, found)
        world.gateway.transactions.ended(7)
        found = world.ask("RemoteStopTransaction", {"transactionId": 70})
        self.assertEqual({"status": "Rejected"}, found)
        self.assertEqual([], world.devices.done)

    def test_forwarded(self) -> None:
        """A Charge Point gets our number, and its answer goes back as it came."""
        world = self.spoken()
        world.begin(7, 70, 2)
        world.devices.answers["RemoteStopTransaction"] = b'{ "status" : "Accepted" }'
        found = world.ask("RemoteStopTransaction", '{"transactionId": 70, "x": [70]}')
        self.assertEqual({"status": "Accepted"}, found)
        self.assertEqual(
            ("relay", 2, "RemoteStopTransaction", '{"transactionId": 7, "x": [70]}'),
            world.devices.done[0],
        )

    def test_theDeviceDoesNot(self) -> None:
        """What does not run at the device any more is rejected."""
        world = self.world()
        world.begin(7, 70)
        world.devices.says_yes = False
        found = world.ask("RemoteStopTransaction", {"transactionId": 70})
        self.assertEqual({"status": "Rejected"}, found)


class Reset(Case):
    """Reset. TC_013 to TC_016."""

    def test_made(self) -> None:
        """
        A device is started anew, and BootNotification follows when what has ended was told.
        """
        world = self.world()
        self.assertEqual({"status": "Accepted"}, world.ask("Reset", {"type": "Hard"}))
        self.assertEqual([("restart", 1, ResetType.HARD)], world.devices.done)
        self.assertTrue(world.answer_came_first)
        self.assertEqual([], world.told("BootNotification"))
        world.clock.advance(RESTART_S)
        self.assertEqual(1, len(world.told("BootNotification")))

    def test_notInALoop(self) -> None:
        """Once a minute and no more."""
        world = self.world()
        world.ask("Reset", {"type": "Soft"})
        world.clock.advance(59)
        self.assertEqual({"status": "Rejected"}, world.ask("Reset", {"type": "Hard"}))
        self.assertEqual(1, len(world.devices.done))
        world.clock.advance(1)
        self.assertEqual({"status": "Accepted"}, world.ask("Reset", {"type": "Hard"}))

    def test_impossible(self) -> None:
        """A device that cannot is rejected, and the gateway goes on."""
        world = self.world()
        world.devices.says_yes = False
        self.assertEqual({"status": "Rejected"}, world.ask("Reset", {"type": "Hard"}))
        self.assertEqual([], world.told("BootNotification"))

    def test_everyChargePointOnce(self) -> None:
        """Each Charge Point is asked once, however many plugs it has."""
        other = connector(3, True, charge_point="another")
        world = self.world(connector(1, True), connector(2, True), other)
        world.devices.answers["Reset"] = _YES
        self.assertEqual({"status": "Accepted"}, world.ask("Reset", {"type": "Soft"}))
        self.assertEqual([1, 3], [number for number, _, _ in _relayed(world)])
        self.assertEqual([], world.told("BootNotification"))

    def test_oneOfThemCannot(self) -> None:
        """If one is rejected all is."""
        world = self.world(connector(1, True), connector(2))
        world.devices.answers["Reset"] = _NO
        self.assertEqual({"status": "Rejected"}, world.ask("Reset", {"type": "Soft"}))


class Unlock(Case):
    """UnlockConnector. TC_017, TC_018, TC_030, TC_031."""

    def test_device(self) -> None:
        """What the device says is the answer."""
        for status in UnlockStatus:
            world = self.world()
            world.devices.unlocks = status
            found = world.ask("UnlockConnector", {"connectorId": 1})
            self.assertEqual({"status": status.value}, found)

    def test_unknown(self) -> None:
        """A connector that is not there is not supported."""
        for number in (0, 2, -1):
            world = self.world()
            found = world.ask("UnlockConnector", {"connectorId": number})
            self.assertEqual({"status": "NotSupported"}, found)
            self.assertEqual([], world.devices.done)

    def test_forwarded(self) -> None:
        """A Charge Point gets its own connector."""
        world = self.spoken()
        world.devices.answers["UnlockConnector"] = b'{"status":"Unlocked"}'
        found = world.ask("UnlockConnector", {"connectorId": 2})
        self.assertEqual({"status": "Unlocked"}, found)
        self.assertEqual([(2, "UnlockConnector", {"connectorId": 6})], _relayed(world))

    def test_noAnswer(self) -> None:
        """A Charge Point that is not there is not unlocked."""
        world = self.spoken()
        found = world.ask("UnlockConnector", {"connectorId": 2})
        self.assertEqual({"status": "NotSupported"}, found)


class ChangeAvailability(Case):
    """ChangeAvailability, of both kinds of EVSEs."""

    def test_made(self) -> None:
        """It is kept here, told behind the answer, and survives a restart."""
        world = self.world()
        found = world.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
        self.assertEqual({"status": "Accepted"}, found)
        self.assertTrue(world.answer_came_first)
        again = world.restarted()
        self.addCleanup(again.gateway.close)
        self.assertFalse(again.gateway.availability.is_operative(1))

    def test_scheduled(self) -> None:
        """In a transaction it waits for its end."""
        world = self.world()
        world.begin(7, 70)
        found = world.ask("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"})
        self.assertEqual({"status": "Scheduled"}, found)
        self.assertTrue(world.gateway.availability.is_operative(1))
        world.gateway.transactions.ended(7)
        self.assertFalse(world.gateway.availability.is_operative(1))

    def test_forwarded(self) -> None:
        """A Charge Point is asked for each of our connectors, and the worst answer counts."""
        world = self.spoken()
        world.devices.answers["ChangeAvailability"] = _YES
        payload = {"connectorId": 0, "type": "Inoperative"}
        self.assertEqual({"status": "Accepted"}, world.ask("ChangeAvailability", payload))
        self.assertEqual([5, 6], [payload["connectorId"] for _, _, payload in _relayed(world)])
        world.devices.answers["ChangeAvailability"] = b'{"status":"Scheduled"}'
        self.assertEqual({"status": "Scheduled"}, world.ask("ChangeAvailability", payload))

    def test_mixed(self) -> None:
        """Of both kinds each is done in its way."""
        world = self.world(connector(1), connector(2, True))
        payload = {"connectorId": 0, "type": "Inoperative"}
        self.assertEqual({"status": "Rejected"}, world.ask("ChangeAvailability", payload))
        self.assertFalse(world.gateway.availability.is_operative(1))
        world.devices.answers["ChangeAvailability"] = _YES
        self.assertEqual({"status": "Accepted"}, world.ask("ChangeAvailability", payload))

    def test_unknown(self) -> None:
        """A connector that is not there is rejected."""
        payload = {"connectorId": 3, "type": "Inoperative"}
        for world in (self.world(), self.spoken()):
            self.assertEqual({"status": "Rejected"}, world.ask("ChangeAvailability", payload))


class Reservation(Case):
    """ReserveNow and CancelReservation, of both kinds of EVSEs."""

    payload = {
        "connectorId": 1,
        "expiryDate": "2026-06-01T13:00:00Z",
        "idTag": "card",
        "reservationId": 4,
    }

    def test_made(self) -> None:
        """It is kept here."""
        world = self.world()
        self.assertEqual({"status": "Accepted"}, world.ask("ReserveNow", self.payload))
        self.assertTrue(world.gateway.reservations.is_reserved(1))
        found = world.ask("CancelReservation", {"reservationId": 4})
        self.assertEqual({"status": "Accepted"}, found)
        found = world.ask("CancelReservation", {"reservationId": 4})
        self.assertEqual({"status": "Rejected"}, found)

    def test_badDate(self) -> None:
        """A date that is none is an error."""
        found = self.world().ask("ReserveNow", {**self.payload, "expiryDate": "soon"})
        self.assertEqual("PropertyConstraintViolation", found)

    def test_forwarded(self) -> None:
        """A Charge Point gets its own connector, and 0 for all of its connectors."""
        world = self.spoken()
        world.devices.answers["ReserveNow"] = b'{"status":"Occupied"}'
        for number, theirs in ((2, 6), (0, 0)):
            found = world.ask("ReserveNow", {**self.payload, "connectorId": number})
            self.assertEqual({"status": "Occupied"}, found)
            self.assertEqual(theirs, _relayed(world)[-1][2]["connectorId"])
        world.devices.answers["CancelReservation"] = _YES
        found = world.ask("CancelReservation", {"reservationId": 4})
        self.assertEqual({"status": "Accepted"}, found)

    def test_oneOfTwoPlugs(self) -> None:
        """Where only one plug of a Charge Point is ours, 0 is that one."""
        world = self.world(connector(1, True))
        world.devices.answers["ReserveNow"] = _YES
        world.ask("ReserveNow", {**self.payload, "connectorId": 0})
        self.assertEqual(5, _relayed(world)[0][2]["connectorId"])

    def test_refused(self) -> None:
        """What the owner refuses is rejected."""
        world = self.world(refused=frozenset({"ReserveNow"}))
        self.assertEqual({"status": "Rejected"}, world.ask("ReserveNow", self.payload))

    def test_unknown(self) -> None:
        """A connector that is not there is rejected."""
        found = self.spoken().ask("ReserveNow", {**self.payload, "connectorId": 9})
        self.assertEqual({"status": "Rejected"}, found)
