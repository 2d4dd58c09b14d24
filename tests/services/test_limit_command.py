"""C{cfos-cm limit} and C{cfos-cm limits}: on the console, alone and while a site runs."""

from __future__ import annotations

import contextlib
import io
from datetime import UTC, datetime, timedelta

from attrs import evolve
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.console import main, parser
from cfos_cm.services.charging_site import ChargingSite
from cfos_cm.services.limit_command import _csv_line, _fields, _power, _proof_text, _span
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.storage.outside_limits import OutsideLimitStore, Proof
from tests.services.consoles import ConsoleCase
from tests.services.sites import BAYS, SiteCase

ASKED_AT = datetime(2026, 11, 23, 16, 0, 0, 250_000, tzinfo=UTC)
LIMIT = OutsideLimit("garage", "grid", 7560, True, ASKED_AT + timedelta(hours=2))
OVER = Proof(
    "one",
    LIMIT,
    ASKED_AT,
    met_at=ASKED_AT + timedelta(milliseconds=130),
    booked_w=7360,
    measured_w=7104,
    ended_at=LIMIT.until,
    why_ended="its time is over",
)
OPEN = Proof("two", OutsideLimit("garage", 'a "b", c', 0, False), ASKED_AT + timedelta(days=1))

HEADING = (
    "asked_at,circuit,by,max_power_w,counts,until,met_at,met_after_s,booked_w,measured_w,"
    "ended_at,why_ended"
)


class Words(SynchronousTestCase):
    """What is understood."""

    def test_power(self) -> None:
        """A power is in watts or kilowatts, rounded down, or the minimum."""
        for text, expected in (
            ("4200", 4200),
            ("4200W", 4200),
            ("4.2kW", 4200),
            ("4.2 kw", 4200),
            ("10.9999kW", 10_999),
            ("0", 0),
            ("minimum", "minimum"),
        ):
            self.assertEqual(expected, _power(text), text)

    def test_span(self) -> None:
        """A span is of days, hours, minutes and seconds."""
        for text, hours in (("2h", 2), ("90m", 1.5), ("1d12h", 36), ("3600s", 1)):
            self.assertEqual(timedelta(hours=hours), _span(text), text)

    def test_wrong(self) -> None:
        """Anything else is a wrong command line, and says what is allowed."""
        for arguments, words in (
            (["garage"], "--power is missing"),
            (["--power", "4200"], "of which CIRCUIT?"),
            (["garage", "--lift", "garage"], "either a CIRCUIT or --lift"),
            (["garage", "--power", "4,2"], "4200W or 4.2kW"),
            (["garage", "--power", "-1"], "--power"),
            (["garage", "--power", "1", "--for", "2"], "2h, 90m"),
            (["garage", "--power", "1", "--for", ""], "2h, 90m"),
            (["garage", "--power", "1", "--for", "0h"], "2h, 90m"),
            (["garage", "--power", "1", "--until", "soon"], "not a time such as"),
            (["garage", "--power", "1", "--for", "2h", "--until", "2030-01-01"], "not allowed"),
        ):
            with self.subTest(arguments=arguments):
                error = io.StringIO()
                with contextlib.redirect_stderr(error), self.assertRaises(SystemExit) as caught:
                    main(["limit", *arguments])
                self.assertEqual(2, caught.exception.code)
                self.assertIn(words, error.getvalue())


class NobodyRuns(ConsoleCase):
    """The console, with a database and without a manager."""

    def setUp(self) -> None:
        """Write the file."""
        super().setUp()
        self.write(
            "[ocpp server]\ntls = off\n[manager]\ndatabase = sqlite:///a.sqlite\n" + BAYS
        )

    def run_here(self, *arguments: str) -> tuple[int, list[str]]:
        """Run a command that needs no reactor; its status and its lines."""
        options = parser().parse_args([*arguments, "--config", str(self.folder / "tap.cfg")])
        lines: list[str] = []
        return options.run(options, lines.append), lines

    def test_not_running(self) -> None:
        """What needs the manager says that none runs, and how to start one."""
        for arguments in (
            ("limits",),
            ("limit",),
            ("limit", "garage", "--power", "1"),
            ("limit", "--lift", "garage"),
        ):
            status, lines = self.run_here(*arguments)
            self.assertEqual((1, 1), (status, len(lines)))
            self.assertIn("no manager runs with ", lines[0])
            self.assertIn("start it with: twistd -n cfos-cm --config ", lines[0])

    def test_wrong_file(self) -> None:
        """Mistakes of the configuration are said, each in a line."""
        self.write("[ocpp server]\nfoo = 1\n")
        status, lines = self.run_here("limit", "garage", "--power", "1")
        self.assertEqual(1, status)
        self.assertIn("tap.cfg:2: [ocpp server] foo", lines[0])

    def test_proof(self) -> None:
        """Proofs are read from the database; there are none in a new one."""
        for arguments, expected in (
            ((), "no limit from outside is stored"),
            (("--csv", "--since", "2026-11-24"), HEADING),
        ):
            ended = self.run_command("limits", "--proof", *arguments)
            self.assertEqual((0, [expected], ""), (ended.status, ended.lines, ended.error))


class Proofs(SynchronousTestCase):
    """How a proof is written."""

    def test_in_words(self) -> None:
        """For people it is a sentence, with the times of the computer."""
        asked, until, next_day = (
            moment.astimezone().isoformat(" ", "seconds")
            for moment in (ASKED_AT, ASKED_AT + timedelta(hours=2), OPEN.asked_at)
        )
        self.assertEqual(
            f"{asked} garage: 7560 W for its EVSEs together, until {until}, by grid; met after "
            "0.130 s, with 7360 W at most, 7104 W measured; "
            f"ended {until}: its time is over",
            _proof_text(OVER),
        )
        self.assertEqual(
            f"{next_day} garage: 0 W for all that it draws, until it is lifted, "
            'by a "b", c; not met yet; in force',
            _proof_text(OPEN),
        )
        never = evolve(OVER, met_at=None, booked_w=None, measured_w=None)
        self.assertIn("; never met; ended", _proof_text(never))

    def test_as_a_row(self) -> None:
        """For programs it is a row, with times in UTC and to the millisecond."""
        self.assertEqual(
            "2026-11-23T16:00:00.250Z,garage,grid,7560,EVSEs,2026-11-23T18:00:00.250Z,"
            "2026-11-23T16:00:00.380Z,0.130,7360,7104,2026-11-23T18:00:00.250Z,"
            "its time is over",
            _csv_line(_fields(OVER)),
        )
        self.assertEqual(
            '2026-11-24T16:00:00.250Z,garage,"a ""b"", c",0,all loads,,,,,,,',
            _csv_line(_fields(OPEN)),
        )
        self.assertEqual(HEADING.count(","), _csv_line(_fields(OVER)).count(","))


class WhileASiteRuns(SiteCase):
    """The console beside a site."""

    async def command(self, *arguments: str) -> tuple[int, list[str]]:
        """Run a command in another thread; its status and its lines."""
        options = parser().parse_args([*arguments, "--config", str(self.path)])
        lines: list[str] = []
        status = await deferToThread(options.run, options, lines.append)
        return status, lines

    def limits_of(self, site: ChargingSite) -> list[OutsideLimit]:
        """Those that the site keeps to."""
        assert site.control_loop is not None
        return list(site.control_loop.state.outside_limits.values())

    async def test_whole_way(self) -> None:
        """A limit is set, listed, changed and lifted; each command says what holds."""
        site, _ = await self.started()
        self.assertEqual(
            (0, ["no limit from outside is in force"]), await self.command("limits")
        )
        status, lines = await self.command(
            "limit", "garage", "--power", "minimum", "--until", "2099-12-31T18:00+01:00"
        )
        # Two EVSEs: 4.2 kW and 80 % of it.
        said = (
            "garage: 7560 W for its EVSEs together, until 2099-12-31 17:00:00+00:00, by console"
        )
        self.assertEqual((0, [f"{said}: in force"]), (status, lines))
        until = datetime(2099, 12, 31, 17, tzinfo=UTC)
        limit = OutsideLimit("garage", "console", 7560, True, until)
        self.assertEqual([limit], self.limits_of(site))
        status, lines = await self.command("limit")
        self.assertEqual((0, 1), (status, len(lines)))
        self.assertTrue(lines[0].startswith(f"{said}, asked for 20"), lines)
        await self.command("limit", "garage", "--power", "4.2kW", "--all-loads", "--by", "me")
        other = OutsideLimit("garage", "me", 4200, False)
        self.assertEqual([limit, other], self.limits_of(site))
        self.assertEqual(
            (0, [f"{said}: lifted"]), await self.command("limit", "--lift", "garage")
        )
        self.assertEqual([other], self.limits_of(site))
        assert site._parts is not None
        proofs = await OutsideLimitStore(site._parts.database).since()
        self.assertEqual(["it was lifted", None], [proof.why_ended for proof in proofs])

    async def test_for_a_time(self) -> None:
        """A span counts from now."""
        site, _ = await self.started()
        before = datetime.now(UTC)
        await self.command("limit", "garage", "--power", "0", "--for", "1h30m")
        (limit,) = self.limits_of(site)
        self.assertEqual(evolve(limit, until=None), OutsideLimit("garage", "console", 0))
        assert limit.until is not None
        span = limit.until - timedelta(minutes=90)
        self.assertTrue(before <= span <= datetime.now(UTC), limit)

    async def test_refused(self) -> None:
        """What cannot be is said, and the status is 1."""
        site, _ = await self.started()
        for arguments, words in (
            (["garag", "--power", "1"], "no circuit 'garag' (did you mean 'garage'?)"),
            (["garag", "--power", "minimum"], "no circuit 'garag' (did you mean 'garage'?)"),
            (["garage", "--power", "99999kW"], "0 to 10000000 W"),
            (["garage", "--power", "1", "--until", "2020-01-01"], "has passed"),
            (["--lift", "garage"], "no limit is in force for 'garage'"),
        ):
            status, lines = await self.command("limit", *arguments)
            self.assertEqual((1, 1), (status, len(lines)))
            self.assertIn(words, lines[0])
        self.assertEqual([], self.limits_of(site))

    async def test_observing(self) -> None:
        """Where load management only observes, that is said: nobody keeps to a limit."""
        await self.started(more="[manager]\nload_management = observe\n")
        for arguments in (["limit", "garage", "--power", "1"], ["limits"]):
            _, lines = await self.command(*arguments)
            self.assertIn("only observes", lines[-1])

    async def test_restart(self) -> None:
        """A site that is started again has the limits that it had."""
        site, _ = await self.started()
        await self.command("limit", "garage", "--power", "4200")
        before = self.limits_of(site)
        await site.stopService()
        site.startService()
        await site.started
        self.assertEqual((1, before), (len(before), self.limits_of(site)))

    async def test_broken_disk(self) -> None:
        """Without a database the limit is in force all the same, and the console says so."""
        site, _ = await self.started()
        assert site._parts is not None
        await site._parts.database.stop()
        status, lines = await self.command("limit", "garage", "--power", "4200")
        self.assertEqual((0, 2), (status, len(lines)))
        self.assertIn("but its proof is NOT on disk: the database is closed", lines[1])
        self.assertEqual(1, len(self.limits_of(site)))
        await site._parts.database.start()
