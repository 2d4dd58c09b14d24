"""Reservations: made, replaced, cancelled, used and over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cfos_cm.central_system.commands import reservations as commands
from cfos_cm.central_system.commands.reservations import ReservationMade
from cfos_cm.errors import DeviceError, DeviceRefusal, LocalProtocolError, NotSent, StorageError
from cfos_cm.site.reservation import MAX_RESERVATIONS, Reservation
from cfos_cm.v16.reservation import CancelReservationStatus, ReservationStatus

from .operators import OperatorCase, Refuse, Station
from .payloads import REQUESTS
from .world import NOW

ACCEPTED = {"status": "Accepted"}
UNTIL = NOW + timedelta(hours=1)
#: Replaces the reservation that C{REQUESTS} asks for.
LONGER = {**REQUESTS["ReserveNow"], "expiryDate": "2026-03-01T14:00:00Z"}


def _refuse(_request: object) -> object:
    raise Refuse


class Reservations(OperatorCase):
    """L{Operator.reserve} and L{Operator.cancel_reservation}."""

    def setUp(self) -> None:
        """CP-1 accepts every reservation."""
        super().setUp()
        self.station.acts["ReserveNow"] = ACCEPTED
        self.station.acts["CancelReservation"] = ACCEPTED

    def reserve(self, connector: int = 1, **more: Any) -> ReservationMade:
        """Reserve a connector for an hour, which is answered at once."""
        options = {"id_tag": "04AABB", "until": UNTIL, **more}
        return self.get(self.operator.reserve("CP-1", connector, **options))

    def cancel(self, reservation_id: int) -> CancelReservationStatus:
        """Cancel a reservation, which is answered at once."""
        return self.get(self.operator.cancel_reservation(reservation_id))

    def assertOpen(self, *reservations: Reservation | None) -> None:
        """These are open, in memory and on disk."""
        self.assertEqual(self.operator.reservations.open(), reservations)
        self.assertEqual(set(self.stored_reservations.rows.values()), set(reservations))

    def test_accepted(self) -> None:
        """A reservation gets an id of ours and is open until it expires."""
        made = self.reserve(parent_id_tag="GROUP")
        reservation = Reservation(501, "CP-1", 1, "04AABB", UNTIL, "GROUP")
        self.assertEqual(made, ReservationMade(ReservationStatus.ACCEPTED, reservation))
        self.assertEqual(
            self.station.payloads("ReserveNow"),
            [
                {
                    "connectorId": 1,
                    "expiryDate": "2026-03-01T13:00:00.000Z",
                    "idTag": "04AABB",
                    "reservationId": 501,
                    "parentIdTag": "GROUP",
                }
            ],
        )
        self.assertOpen(reservation)

    def test_whole(self) -> None:
        """Connector 0 is any one of the Charge Point."""
        made = self.reserve(connector=0)
        assert made.reservation is not None
        self.assertEqual(made.reservation.connector, 0)

    def test_notAccepted(self) -> None:
        """Every other answer reaches the caller, and nothing is open."""
        for status in set(ReservationStatus) - {ReservationStatus.ACCEPTED}:
            self.station.acts["ReserveNow"] = {"status": status.value}
            self.assertEqual(self.reserve(), ReservationMade(status))
            self.assertOpen()

    def test_refused(self) -> None:
        """A CALLERROR reaches the caller, and nothing is open."""
        self.station.acts["ReserveNow"] = _refuse
        reserving = self.operator.reserve("CP-1", 1, "04AABB", UNTIL)
        self.error_of(reserving, DeviceRefusal)
        self.assertOpen()

    def test_notAnswered(self) -> None:
        """A reservation that was not answered may be in force: it can be cancelled."""
        del self.station.acts["ReserveNow"]
        reserving = self.begin(self.operator.reserve("CP-1", 1, "04AABB", UNTIL))
        self.world.clock.advance(self.settings.call_timeout_s)
        self.failureResultOf(reserving, DeviceError)
        self.assertEqual(self.cancel(501), CancelReservationStatus.ACCEPTED)
        self.assertOpen()

    def test_notConnected(self) -> None:
        """Nothing is reserved at a Charge Point that is not there."""
        self.station.lose()
        self.error_of(self.operator.reserve("CP-1", 1, "04AABB", UNTIL), DeviceError)
        self.assertOpen()

    def test_goneMeanwhile(self) -> None:
        """What was not sent, because the connection went before, is not open."""
        self.world.disk.held = True
        reserving = self.begin(self.operator.reserve("CP-1", 1, "04AABB", UNTIL))
        self.station.lose()
        self.world.disk.let_go()
        self.failureResultOf(reserving, NotSent)
        self.assertOpen()

    def test_goneWhileReplaced(self) -> None:
        """When what was not sent would have replaced another one, that one goes on."""
        self.call("ReserveNow", REQUESTS["ReserveNow"])
        (first,) = self.operator.reservations.open()
        self.world.disk.held = True
        replacing = self.operator.call("CP-1", "ReserveNow", LONGER)
        self.station.lose()
        self.world.disk.let_go()
        self.failureResultOf(replacing, NotSent)
        self.assertOpen(first)

    def test_lateMeanwhile(self) -> None:
        """What is over before it is on disk is neither sent nor open."""
        self.world.disk.held = True
        reserving = self.begin(self.operator.reserve("CP-1", 1, "04AABB", UNTIL))
        self.world.clock.advance(3600)
        self.world.disk.let_go()
        self.failureResultOf(reserving, LocalProtocolError)
        self.assertEqual(self.station.requests(), [])
        self.assertOpen()

    def test_forbiddenMeanwhile(self) -> None:
        """What the rules forbid before it is on disk is neither sent nor open."""
        told = {"key": "ReserveConnectorZeroSupported", "readonly": True, "value": "false"}
        self.station.acts["GetConfiguration"] = {"configurationKey": [told]}
        self.world.disk.held = True
        reserving = self.begin(self.operator.reserve("CP-1", 0, "04AABB", UNTIL))
        self.get(self.operator.get_configuration("CP-1"))
        self.world.disk.let_go()
        self.failureResultOf(reserving, LocalProtocolError)
        self.assertEqual(self.station.requests("ReserveNow"), [])
        self.assertOpen()

    def test_notWritable(self) -> None:
        """A request that cannot be sent is not noted."""
        reserving = self.operator.reserve("CP-1", 1, "x" * 21, UNTIL)
        self.error_of(reserving, LocalProtocolError)
        self.assertOpen()

    def test_notInTheFuture(self) -> None:
        """A reservation that is over already is not made."""
        said = self.error_of(
            self.operator.reserve("CP-1", 1, "04AABB", NOW), LocalProtocolError
        )
        self.assertIn("must be in the future", said)
        self.assertOpen()

    def test_withoutZone(self) -> None:
        """A time without a zone is none."""
        until = UNTIL.replace(tzinfo=None)
        self.error_of(self.operator.reserve("CP-1", 1, "04AABB", until), LocalProtocolError)

    def test_onDiskFirst(self) -> None:
        """The Charge Point is asked when the reservation is on disk, and not before."""
        self.world.disk.held = True
        reserving = self.begin(self.operator.reserve("CP-1", 1, "04AABB", UNTIL))
        self.assertEqual(self.station.requests(), [])
        self.world.disk.let_go()
        self.successResultOf(reserving)
        self.assertEqual(len(self.station.requests()), 1)

    def test_notOnDisk(self) -> None:
        """What cannot be written down is not reserved."""
        self.world.disk.broken = True
        self.error_of(self.operator.reserve("CP-1", 1, "04AABB", UNTIL), StorageError)
        self.assertEqual(self.station.requests(), [])
        self.assertEqual(self.operator.reservations.open(), ())

    def test_restart(self) -> None:
        """After a restart the same ones are open, and their ids are not given again."""
        made = self.reserve()
        self.operator = self.new_operator()
        self.get(self.operator.reservations.load())
        self.assertOpen(made.reservation)
        again = self.reserve(connector=2).reservation
        assert again is not None
        self.assertEqual(again.reservation_id, 502)

    def test_expired(self) -> None:
        """A reservation is over when its time is."""
        made = self.reserve()
        self.world.clock.advance(3599)
        self.assertOpen(made.reservation)
        self.world.clock.advance(1)
        said = self.error_of(self.operator.cancel_reservation(501), LocalProtocolError)
        self.assertEqual(said, "no reservation 501 is open")
        self.assertOpen()

    def test_expiredWhileOff(self) -> None:
        """One that has expired while the program was off is not open after it."""
        self.reserve()
        self.world.clock.advance(3600)
        self.operator = self.new_operator()
        self.get(self.operator.reservations.load())
        self.assertOpen()

    def test_used(self) -> None:
        """A transaction that names a reservation ends it, if it is of the same Charge Point."""
        made = self.reserve()
        self.operator.reservations.used("CP-2", 501)
        self.operator.reservations.used("CP-1", 77)
        self.assertOpen(made.reservation)
        self.operator.reservations.used("CP-1", 501)
        self.assertOpen()

    def test_usedWithBrokenDisk(self) -> None:
        """It is over also when that cannot be written down, which the log tells."""
        self.reserve()
        self.world.disk.broken = True
        self.operator.reservations.used("CP-1", 501)
        self.assertEqual(self.operator.reservations.open(), ())

    def test_cancelled(self) -> None:
        """A reservation is cancelled with the id that it was made with."""
        self.reserve()
        self.assertEqual(self.cancel(501), CancelReservationStatus.ACCEPTED)
        self.assertEqual(self.station.payloads("CancelReservation"), [{"reservationId": 501}])
        self.assertOpen()

    def test_cancelRejected(self) -> None:
        """One that the Charge Point knows nothing of is over too."""
        self.reserve()
        self.station.acts["CancelReservation"] = {"status": "Rejected"}
        self.assertEqual(self.cancel(501), CancelReservationStatus.REJECTED)
        self.assertOpen()

    def test_cancelNotAnswered(self) -> None:
        """One whose cancelling was not answered is still open."""
        made = self.reserve()
        self.station.acts["CancelReservation"] = _refuse
        self.error_of(self.operator.cancel_reservation(501), DeviceRefusal)
        self.assertOpen(made.reservation)

    def test_cancelUnknown(self) -> None:
        """What is not open cannot be cancelled."""
        said = self.error_of(self.operator.cancel_reservation(5), LocalProtocolError)
        self.assertEqual(said, "no reservation 5 is open")

    def test_tooMany(self) -> None:
        """There is an end to how many can be open."""
        for _ in range(MAX_RESERVATIONS):
            self.reserve()
        reserving = self.operator.reserve("CP-1", 1, "04AABB", UNTIL)
        said = self.error_of(reserving, LocalProtocolError)
        self.assertEqual(said, f"{MAX_RESERVATIONS} reservations are open already")

    def test_tooManyAtOnce(self) -> None:
        """Those that are on their way to the disk count too."""
        self.patch(commands, "MAX_RESERVATIONS", 1)
        self.world.disk.held = True
        first = self.begin(self.operator.reserve("CP-1", 1, "04AABB", UNTIL))
        reserving = self.operator.reserve("CP-1", 2, "04AABB", UNTIL)
        said = self.error_of(reserving, LocalProtocolError)
        self.assertEqual(said, "1 reservations are open already")
        self.world.disk.let_go()
        self.successResultOf(first)

    def test_byHand(self) -> None:
        """A reservation that somebody has made as JSON is open like any other."""
        self.call("ReserveNow", REQUESTS["ReserveNow"])
        self.assertEqual([one.reservation_id for one in self.operator.reservations.open()], [5])
        self.call("CancelReservation", {"reservationId": 5})
        self.assertOpen()

    def test_replaced(self) -> None:
        """The same id again replaces the reservation; refused, the old one goes on."""
        self.call("ReserveNow", REQUESTS["ReserveNow"])
        (first,) = self.operator.reservations.open()
        self.station.acts["ReserveNow"] = {"status": "Rejected"}
        self.call("ReserveNow", LONGER)
        self.assertOpen(first)
        self.station.acts["ReserveNow"] = ACCEPTED
        self.call("ReserveNow", LONGER)
        (second,) = self.operator.reservations.open()
        self.assertEqual(second.expires_at, NOW + timedelta(hours=2))

    def test_usedWhileReplaced(self) -> None:
        """One that is used while it is replaced does not come back when that is refused."""
        self.call("ReserveNow", REQUESTS["ReserveNow"])
        del self.station.acts["ReserveNow"]
        replacing = self.operator.call("CP-1", "ReserveNow", LONGER)
        self.operator.reservations.used("CP-1", 5)
        unique_id = self.station.requests("ReserveNow")[-1][1]
        self.station.say([3, unique_id, {"status": "Rejected"}])
        self.assertEqual(self.successResultOf(replacing), {"status": "Rejected"})
        self.assertOpen()

    def test_usedBeforeReplaced(self) -> None:
        """When it is used before the other one is on disk, that one is not sent."""
        self.call("ReserveNow", REQUESTS["ReserveNow"])
        self.world.disk.held = True
        replacing = self.operator.call("CP-1", "ReserveNow", LONGER)
        self.operator.reservations.used("CP-1", 5)
        self.world.disk.let_go()
        error = self.failureResultOf(replacing, LocalProtocolError).value
        self.assertEqual(str(error), "reservation 5 was over before it was sent")
        self.assertEqual(len(self.station.requests("ReserveNow")), 1)
        self.assertOpen()

    def test_oneOrderAtATime(self) -> None:
        """What is being made is neither cancelled nor replaced before that is answered."""
        del self.station.acts["ReserveNow"]
        reserving = self.operator.call("CP-1", "ReserveNow", REQUESTS["ReserveNow"])
        for action, payload in (
            ("CancelReservation", {"reservationId": 5}),
            ("ReserveNow", LONGER),
        ):
            said = self.call_error(action, payload, LocalProtocolError)
            self.assertEqual(said, "reservation 5 is being made or cancelled already")
        self.station.say([3, self.station.requests()[-1][1], ACCEPTED])
        self.successResultOf(reserving)
        self.assertIs(self.cancel(5), CancelReservationStatus.ACCEPTED)

    def test_refusedWithBrokenDisk(self) -> None:
        """Whoever asked learns that it was refused, also when that cannot be written down."""

        def refuse(_request: object) -> object:
            self.world.disk.broken = True
            raise Refuse

        self.station.acts["ReserveNow"] = refuse
        reserving = self.operator.reserve("CP-1", 1, "04AABB", UNTIL)
        self.error_of(reserving, DeviceRefusal)
        self.assertEqual(self.operator.reservations.open(), ())

    def test_idOfAnother(self) -> None:
        """The id of another Charge Point's reservation is not given twice."""
        self.call("ReserveNow", REQUESTS["ReserveNow"])
        Station(self.world, "CP-2")
        reserving = self.operator.call("CP-2", "ReserveNow", REQUESTS["ReserveNow"])
        error = self.failureResultOf(reserving, LocalProtocolError).value
        self.assertIn("is that of another Charge Point", str(error))

    def test_tagNotShown(self) -> None:
        """What a log could get hold of tells no idTag."""
        made = self.reserve(parent_id_tag="GROUP")
        self.assertNotIn("04AABB", repr(made))
        self.assertNotIn("GROUP", repr(made))
