"""The files that a gateway makes of its logs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.environment import SecurityRecord
from cfos_cm.charge_point.log_files import (
    MAX_LOG_BYTES,
    Period,
    diagnostics_log,
    file_name,
    security_log,
)
from cfos_cm.charge_point.queued import Depth
from cfos_cm.charge_point.standing import Standing
from cfos_cm.site.evse import DeviceIdentity, Evse, EvseSettings, Link, Occupancy
from cfos_cm.v16.core import KeyValue, RegistrationStatus
from tests.charge_point.backend_world import NOON, connector


def _record(minutes: int, kind: str = "Kind", info: str | None = "info") -> SecurityRecord:
    return SecurityRecord(kind, NOON + timedelta(minutes=minutes), info)


class SecurityLogs(SynchronousTestCase):
    """The security log."""

    def test_lines(self) -> None:
        """A line for each event, oldest first, behind a title."""
        records = [_record(0, "StartupOfTheDevice", None), _record(1)]
        self.assertEqual(
            b"the title\n"
            b"2026-06-01T12:00:00.000Z StartupOfTheDevice\n"
            b"2026-06-01T12:01:00.000Z Kind: info\n",
            security_log("the title", records),
        )

    def test_period(self) -> None:
        """Both ends of a period belong to it; one that is left out has none."""
        records = [_record(minutes, str(minutes)) for minutes in range(5)]
        first, last = records[1].happened_at, records[3].happened_at
        for period, expected in (
            (Period(), "01234"),
            (Period(first), "1234"),
            (Period(latest=last), "0123"),
            (Period(first, last), "123"),
            (Period(last, first), ""),
        ):
            lines = security_log("title", records, period).decode().splitlines()[1:]
            self.assertEqual(list(expected), [line.split()[1][0] for line in lines])

    def test_oneLine(self) -> None:
        """Nothing in an event begins another line or is a command to a terminal."""
        hostile = "a\nb\r\x1b[2Jc\u2028d\x85e\x00\u202ef"
        found = security_log("t\nu", [_record(0, "Kind\n", hostile)]).decode()
        self.assertEqual(2, len(found.splitlines()))
        self.assertIn("a?b??[2Jc?d?e??f", found)

    @given(st.text(max_size=50))
    def test_anyText(self, text: str) -> None:
        """Whatever an event says, it is a line of its own."""
        lines = security_log("title", [_record(0, "Kind", text), _record(1)]).split(b"\n")
        self.assertEqual(4, len(lines))

    def test_bound(self) -> None:
        """Of a log that is too long the newest entries are there."""
        records = [_record(number, str(number), "x" * 2000) for number in range(2000)]
        found = security_log("title", records)
        self.assertLessEqual(len(found), MAX_LOG_BYTES)
        self.assertGreater(len(found), MAX_LOG_BYTES - 2000)
        lines = found.decode().splitlines()
        self.assertEqual("title", lines[0])
        self.assertIn(" 1999: ", lines[-1])


class Diagnostics(SynchronousTestCase):
    """The diagnostics of a gateway."""

    def test_all(self) -> None:
        """It says how all of it stands; secret keys are named only."""
        standing = Standing(
            "connected",
            True,
            NOON,
            RegistrationStatus.ACCEPTED,
            "MeterValues: no",
            Depth(3, 500),
        )
        evse = Evse(
            EvseSettings("evse 1", "main"),
            link=Link.ONLINE,
            occupancy=Occupancy.CHARGING,
            identity=DeviceIdentity("Maker", "Box", "serial", "1.2"),
        )
        keys = (
            KeyValue(key="HeartbeatInterval", readonly=False, value="300"),
            KeyValue(key="AuthorizationKey", readonly=False),
        )
        evses = ((connector(), evse), (connector(2), None))
        found = diagnostics_log("title", standing, evses, keys, [(NOON, "noted")]).decode()
        for line in (
            "title",
            "connected, since 2026-06-01T12:00:00.000Z",
            "BootNotification: Accepted",
            "waiting for the backend: 3 messages, 500 bytes",
            "put aside: 0 messages",
            "refused by the backend: MeterValues: no",
            "connector 1: evse 1, online, charging, Maker Box 1.2",
            "connector 2: evse 2",
            "HeartbeatInterval = 300",
            "AuthorizationKey = (secret)",
            "2026-06-01T12:00:00.000Z noted",
        ):
            self.assertIn(line, found.splitlines())

    def test_period(self) -> None:
        """Only what was noted has a time of its own."""
        standing = Standing("gone", False, NOON, None, "", Depth())
        later = Period(NOON + timedelta(hours=1))
        found = diagnostics_log("title", standing, (), (), [(NOON, "noted")], later).decode()
        self.assertNotIn("noted", found.lower().replace("noted about the backend", ""))
        self.assertIn("BootNotification: not answered yet", found)


class Names(SynchronousTestCase):
    """What a file is called."""

    def test_table(self) -> None:
        """Whatever the client id is, the name is one for every file system."""
        moment = datetime(2026, 6, 1, 12, 30, 1, tzinfo=UTC)
        for client_id, expected in (
            ("CP-1", "CP-1"),
            ("DE*KLN*E1", "DE_KLN_E1"),
            ("../../etc/passwd", "______etc_passwd"),
            ("Büro 1 #2", "B_ro_1__2"),
            ("x" * 300, "x" * 100),
        ):
            found = file_name("SecurityLog", client_id, moment)
            self.assertEqual(f"SecurityLog-{expected}-20260601T123001Z.log", found)
