"""EVSEs that are taken out of the settings while they charge, and what is said of changes."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import ConfigError
from cfos_cm.services.charging_site import ChargingSite
from cfos_cm.services.config import changes, parse_config
from tests.services.consoles import ConsoleCase
from tests.services.sites import BAYS, SiteCase, Station

SMALL = BAYS.replace("max_current = 40", "max_current = 20")
#: Only bay-2 is left.
ONE = SMALL.replace("[evse bay-1]\ntype = ocpp16\naddress = CP-1\n", "")


class Mute:
    """Keeps back what a wallbox would send."""

    def __init__(self, station: Station) -> None:
        self._send: Callable[[bytes], None] = station.sendMessage
        self._station = station
        self._kept: list[bytes] = []
        station.sendMessage = self._kept.append

    def end(self) -> None:
        """It is sent now, and all that comes later at once."""
        self._station.sendMessage = self._send
        for text in self._kept:
            self._send(text)


class TakenOut(SiteCase):
    """A site with a fuse that two cars share, one of which is taken out."""

    async def charging(self, server: str = "") -> tuple[ChargingSite, Station, Station]:
        """The site, and both wallboxes, each with half of the fuse."""
        site, self.port = await self.started(SMALL, server=server)
        self.server = f"port = {self.port}\n{server}"
        stations = []
        for name in ("CP-1", "CP-2"):
            station = await self.station(self.port, name)
            start = {
                "connectorId": 1,
                "idTag": "04A1B2C3D4",
                "meterStart": 0,
                "timestamp": "2026-03-01T12:00:00Z",
            }
            await station.call("StartTransaction", start)
            stations.append(station)
        for station in stations:
            await station.until(lambda one=station: one.currents()[-1:] == [10])
        for station in stations:
            # Whatever else it is asked about its limit is answered then.
            await self.turns(station)
        return site, stations[0], stations[1]

    def reload(self, site: ChargingSite, devices: str) -> None:
        """Have the site read a file with these devices."""
        self.write(devices, server=self.server)
        site.reload()

    async def turns(self, station: Station, count: int = 4) -> None:
        """Let the site do whatever it would do at once."""
        for _ in range(count):
            await station.call("Heartbeat", {})

    async def test_order(self) -> None:
        """The others get its current when it has confirmed its pause, and not before."""
        site, first, second = await self.charging()
        mute = Mute(first)
        self.reload(site, ONE)
        await first.until(lambda: first.currents()[-1] == 0)
        await self.turns(second)
        self.assertEqual(10, second.currents()[-1])
        mute.end()
        await second.until(lambda: second.currents()[-1] == 16)
        self.assertEqual([], [line for line in self.log if "may go on charging" in line])

    async def test_others_refused(self) -> None:
        """Where others are refused it stays: it has to tell the end of its transaction."""
        site, first, second = await self.charging("unknown_charge_points = refuse")
        mute = Mute(first)
        self.reload(site, ONE)
        await first.until(lambda: first.currents()[-1] == 0)
        await self.turns(second)
        self.assertIsNone(first.close_code)
        mute.end()
        await second.until(lambda: second.currents()[-1] == 16)
        self.assertIsNone(first.close_code)

    async def test_gone(self) -> None:
        """One that goes instead of confirming its pause keeps nobody waiting."""
        site, first, second = await self.charging()
        Mute(first)
        self.reload(site, ONE)
        await first.until(lambda: first.currents()[-1] == 0)
        first.transport.abortConnection()
        await second.until(lambda: second.currents()[-1] == 16)
        self.assertTrue(any("bay-1 is taken out" in line for line in self.log))

    async def test_stopped_meanwhile(self) -> None:
        """A site that is stopped while it waits for the pause stops."""
        site, first, _ = await self.charging()
        Mute(first)
        self.reload(site, ONE)
        await first.until(lambda: first.currents()[-1] == 0)
        stopped: Deferred[None] = site.stopService()
        first.transport.abortConnection()
        await stopped
        self.assertIsNone(site.control_loop)

    async def test_two_reloads(self) -> None:
        """What is read while it waits is applied afterwards."""
        site, first, second = await self.charging()
        mute = Mute(first)
        self.reload(site, ONE)
        await first.until(lambda: first.currents()[-1] == 0)
        self.reload(site, ONE.replace("max_current = 20", "max_current = 12"))
        mute.end()
        await second.until(lambda: second.currents()[-1] == 12)


class Said(SiteCase):
    """What the log says of a file that was read again."""

    def reloaded(self, devices: str, more: str = "") -> str:
        """The line about a change of the file, of a site that does not run."""
        self.write(more="[manager]\ntitle = Old")
        site = self.site()
        self.write(devices, more=more or "[manager]\ntitle = Old")
        site.reload()
        (line,) = [line for line in self.log if "has been read again" in line]
        return line.partition("has been read again: ")[2]

    def test_option(self) -> None:
        """It names the options that say something else, without what they say."""
        self.assertEqual(
            "[circuit garage] max_current",
            self.reloaded(BAYS.replace("max_current = 40", "max_current = 33")),
        )

    def test_nothing(self) -> None:
        """It says so when nothing does."""
        self.assertEqual("nothing has changed", self.reloaded(BAYS))

    def test_secret(self) -> None:
        """A password is named and not said."""
        line = self.reloaded(BAYS + "password = s3cret-one\n", "[manager]\ntitle = New\n")
        self.assertEqual("[manager] title, [evse bay-2] password", line)
        self.assertNotIn("s3cret", "\n".join(self.log))


class Changes(SynchronousTestCase):
    """What is another option than before."""

    def changed(self, old: str, new: str) -> tuple[str, ...]:
        """The places where two texts differ."""
        return changes(parse_config(old, "t.cfg"), parse_config(new, "t.cfg"))

    def test_same(self) -> None:
        """The same in other words is no change."""
        other = "; a remark\n" + BAYS.replace("max_current = 40", "max_current = 40.0")
        self.assertEqual((), self.changed(BAYS, other))
        self.assertEqual((), self.changed(BAYS, BAYS + "priority = 1\n"))

    def test_sections(self) -> None:
        """A section that is new, or gone, is named."""
        self.assertEqual(("[evse bay-1]",), self.changed(SMALL, ONE))
        self.assertEqual(("[evse bay-1]",), self.changed(ONE, SMALL))

    def test_options(self) -> None:
        """Each option is named, whether it needs a restart or not."""
        new = "[manager]\ndatabase = sqlite:///x\n" + SMALL + "phases = L1\n"
        self.assertEqual(
            ("[manager] database", "[circuit garage] max_current", "[evse bay-2] phases"),
            self.changed(BAYS, new),
        )


class Checks(SynchronousTestCase):
    """Passwords, and encryption."""

    def two(self, first: str, second: str, address: str = "CP-1") -> list[str]:
        """The mistakes of two EVSEs that are connectors of one wallbox, unless it is said."""
        text = (
            "[circuit house]\nmax_current = 63\n"
            f"[evse a]\ntype = ocpp16\naddress = CP-1\n{first}\n"
            f"[evse b]\ntype = ocpp16\naddress = {address}\nconnector = 2\n{second}\n"
        )
        try:
            parse_config(text, "t.cfg")
        except ConfigError as error:
            return [str(mistake) for mistake in error.mistakes]
        return []

    def test_two_passwords(self) -> None:
        """Two passwords of one wallbox are a mistake, in the place of the second."""
        (mistake,) = self.two("password = s3cret-one", "password = s3cret-two")
        self.assertTrue(mistake.startswith("t.cfg:11: [evse b] password: "), mistake)
        self.assertIn("[evse a], line 3", mistake)
        self.assertNotIn("s3cret", mistake)

    def test_one_password(self) -> None:
        """The same twice, or only one, is none; nor are those of two wallboxes."""
        one, two = "password = s3cret-one", "password = s3cret-two"
        self.assertEqual([], self.two(one, one))
        self.assertEqual([], self.two(one, ""))
        self.assertEqual([], self.two("", two))
        self.assertEqual([], self.two(one, two, "CP-2"))


class Tags(ConsoleCase):
    """What C{cfos-cm tag} says beside the tag."""

    def tag(self, *arguments: str) -> list[str]:
        """Run a command; its lines."""
        ended = self.run_command("tag", *arguments)
        self.assertEqual((0, ""), (ended.status, ended.error), ended)
        return ended.lines

    def test_first_and_last(self) -> None:
        """
        The first tag shuts the others out, and the last one lets everybody in again; one that
        has expired is listed so.
        """
        self.write("[manager]\ndatabase = sqlite:///tags.sqlite\n" + BAYS)
        first = "it is the first one: from now on only tags on the list may charge"
        expired = "A: expired, until 2020-01-01T00:00:00+00:00"
        last = "the list is empty now: everybody may charge"
        self.assertEqual([expired, first], self.tag("set", "A", "--expires", "2020-01-01T00Z"))
        self.assertEqual([expired], self.tag("list"))
        self.assertEqual(["a: removed", last], self.tag("remove", "a"))
