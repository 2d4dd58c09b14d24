"""Tests of the watch over certificates that expire."""

from __future__ import annotations

from cfos_cm.certificates.pem import MAX_FILE_BYTES
from cfos_cm.services import configured_certificates
from cfos_cm.services.certificate_orders import certificate_orders
from cfos_cm.services.certificate_watch import LOOK_S, CertificateReport, CertificateWatch
from cfos_cm.services.configured_certificates import Watched
from tests.issuer import Issuer

from .certificate_case import DAY, NOW, CertificateCase

ENDS = NOW + 100 * DAY


class WatchCase(CertificateCase):
    """
    A watch, and what it says.

    @ivar given: certificates that are in no file.
    """

    def setUp(self) -> None:
        """It looks at nothing yet."""
        super().setUp()
        self.issuer = Issuer("Authority")
        self.given: list[Watched] = []
        self.renewals = 0
        self.watch = CertificateWatch(
            self.clock, lambda: self.now, lambda: self.given, self.renew
        )

    async def renew(self) -> None:
        """Count."""
        self.renewals += 1

    def warned(self, server: str) -> list[str]:
        """What is said when it looks at a site."""
        return self.logged(self.watch.look(self.config(server)))

    def report(self) -> CertificateReport:
        """That of the only certificate."""
        (one,) = self.watch.report()
        return one


class Warnings(WatchCase):
    """What the log says, and when."""

    def test_stages(self) -> None:
        """60, 30, 7 and 1 days before the end, and when it is over, each once."""
        server = self.keep(self.issuer.issue("garage", ends=ENDS))
        said = {}
        for day in range(110):
            self.now = NOW + day * DAY
            for one in self.warned(server):
                said[day] = one
        self.assertEqual([40, 70, 93, 99, 101], list(said))
        self.assertIn(
            "the server's certificate: the certificate of CN=garage in "
            f"{self.folder}/server.pem expires on 2027-06-09, in 60 days",
            said[40],
        )
        self.assertIn("has expired on 2027-06-09", said[101])

    def test_at_start(self) -> None:
        """After a start that is late only what holds now is said."""
        self.now = NOW + 95 * DAY
        server = self.keep(self.issuer.issue("garage", ends=ENDS))
        (one,) = self.warned(server)
        self.assertIn("in 5 days", one)
        self.assertEqual([], self.warned(server))

    def test_replaced(self) -> None:
        """Another certificate in the same file is another one."""
        self.now = NOW + 95 * DAY
        server = self.keep(self.issuer.issue("garage", ends=ENDS))
        self.assertEqual(1, len(self.warned(server)))
        self.keep(self.issuer.issue("garage", ends=ENDS + 900 * DAY))
        self.assertEqual([], self.warned(server))
        self.keep(self.issuer.issue("garage", ends=ENDS))
        self.assertEqual(1, len(self.warned(server)))

    def test_not_yet(self) -> None:
        """One that is not valid yet is said, too."""
        server = self.keep(self.issuer.issue("garage", begins=NOW + DAY))
        (one,) = self.warned(server)
        self.assertIn("is valid from 2027-03-02 on only", one)
        self.assertEqual([], self.warned(server))

    def test_not_yet_and_soon_over(self) -> None:
        """That one is not valid yet is said before its end is, however near that is."""
        server = self.keep(self.issuer.issue("garage", begins=NOW + DAY, ends=NOW + 20 * DAY))
        (one,) = self.warned(server)
        self.assertIn("is valid from 2027-03-02 on only", one)

    def test_unreadable(self) -> None:
        """A file that cannot be read is said once, until it says something else."""
        config = self.config(self.keep(self.issuer.issue("garage")))
        (self.folder / "server.pem").write_text("")
        (one,) = self.logged(self.watch.look(config))
        self.assertIn("server.pem: it is empty", one)
        self.assertEqual([], self.logged(self.watch.look(config)))
        (self.folder / "server.pem").write_text("x")
        self.assertEqual(1, len(self.logged(self.watch.look(config))))

    def test_everywhere(self) -> None:
        """All that the settings name is looked at, and what was given."""
        old = Issuer("Old", ends=NOW + DAY)
        self.keep_authority(old)
        (self.folder / "var" / "ca").mkdir(parents=True)
        (self.folder / "var" / "ca" / "ca.pem").write_text(old.pem)
        self.issuer.issue("CP", ends=NOW + DAY).files(self.folder, "client")
        self.given.append(Watched("gateway g: given root", "", old.certificate))
        text = (
            "ca_certificates = ca.pem\n[circuit c]\nmax_current = 9\n[evse e]\ntype = ocpp16\n"
            "address = CP\n[gateway g]\nevse = e\nurl = wss://h/\nclient_id = x\n"
            "ca_certificates = system, ca.pem\ncertificate = client.pem\n"
            "private_key = client.key"
        )
        self.opened(self.config())
        said = [one.partition(": ")[0] for one in self.warned(text)]
        self.assertEqual(
            [
                "the authority that signs for wallboxes",
                "[gateway g] certificate",
                "[ocpp server] ca_certificates",
                "[gateway g] ca_certificates",
                "gateway g",
            ],
            said,
        )
        shown = [one.what for one in self.watch.report()]
        self.assertEqual(2, shown.count("the server's own certificate"))

    def test_many(self) -> None:
        """Whatever others are checked against, what is shown to them is looked at."""
        (self.folder / "bundle.pem").write_text(
            "".join(Issuer(f"Authority {number}").pem for number in range(150))
        )
        self.assertGreater((self.folder / "bundle.pem").stat().st_size, MAX_FILE_BYTES)
        for name in ("client-0", "client-1"):
            self.issuer.issue(name, ends=NOW + DAY).files(self.folder, name)
        gateways = "".join(
            f"[evse e{one}]\ntype = ocpp16\naddress = CP{one}\n[gateway g{one}]\n"
            f"evse = e{one}\nurl = wss://h/\nclient_id = x{one}\n"
            "ca_certificates = bundle.pem\n"
            f"certificate = client-{one}.pem\nprivate_key = client-{one}.key\n"
            for one in range(2)
        )
        self.patch(configured_certificates, "MAX_WATCHED", 200)
        text = f"ca_certificates = bundle.pem\n[circuit c]\nmax_current = 9\n{gateways}"
        said = [one.partition(": ")[0] for one in self.warned(text)]
        self.assertEqual(["[gateway g0] certificate", "[gateway g1] certificate"], said)
        self.assertEqual(200, len(self.watch.report()))

    def test_off(self) -> None:
        """Without TLS nothing of the server's is looked at."""
        server = self.keep(self.issuer.issue("garage", ends=NOW + DAY))
        self.assertEqual([], self.warned(f"tls = off\n{server}"))
        self.assertEqual((), self.watch.report())


class Rhythm(WatchCase):
    """When it looks."""

    def test_each_hour(self) -> None:
        """Each hour what can be renewed is renewed, and then it looks."""
        server = self.keep(self.issuer.issue("garage", ends=ENDS))
        self.assertEqual([], self.warned(server))
        self.assertEqual(0, self.renewals)
        self.now = NOW + 95 * DAY

        async def hour() -> None:
            self.clock.advance(LOOK_S)

        self.assertEqual(1, len(self.logged(hour())))
        self.assertEqual(1, self.renewals)
        self.assertEqual([], self.logged(hour()))
        self.assertEqual(2, self.renewals)

    def test_reload(self) -> None:
        """A reload begins the hour anew: there is one timer."""
        for _ in range(3):
            self.warned("")
        self.assertEqual(1, len(self.clock.getDelayedCalls()))

    def test_stop(self) -> None:
        """When it was stopped, nothing is left."""
        self.warned("")
        self.assertEqual([], self.logged(self.watch.stop()))
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual([], self.logged(self.watch.stop()))

    def test_failure(self) -> None:
        """Whatever goes wrong, it looks again an hour later."""
        self.warned("")

        async def fail() -> None:
            raise ZeroDivisionError

        self.watch._renew = fail
        self.clock.advance(LOOK_S)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.watch._renew = self.renew
        self.clock.advance(LOOK_S)
        self.assertEqual(1, self.renewals)


class Reports(WatchCase):
    """What others are told."""

    def test_fine(self) -> None:
        """A certificate that is fine."""
        self.warned(self.keep(self.issuer.issue("garage", ends=ENDS)))
        one = self.report()
        self.assertEqual(
            ("CN=garage", 100, False, ""),
            (one.subject, one.days_left, one.is_warning, one.words),
        )
        self.assertEqual((ENDS, None), (one.not_after, one.stage))
        self.assertIn("is valid until 2027-06-09", str(one))

    def test_now(self) -> None:
        """Days are counted when it is asked, not when it looked."""
        self.warned(self.keep(self.issuer.issue("garage", ends=ENDS)))
        self.now = NOW + 96 * DAY
        self.assertEqual(
            (4, 7, True),
            (self.report().days_left, self.report().stage, self.report().is_warning),
        )

    def test_order(self) -> None:
        """A console is told the same, those with warnings first."""
        self.given = [
            Watched("fine", "", self.issuer.certificate),
            Watched("over", "", Issuer("x", ends=NOW - DAY).certificate),
        ]
        command = certificate_orders(self.watch)["certificates"]
        answer: list[object] = []

        async def ask() -> None:
            answer.append(await command({}))

        self.logged(ask())
        ((told,),) = [one.values() for one in answer]  # type: ignore[attr-defined]
        self.assertEqual(["over", "fine"], [one["what"] for one in told])
        self.assertEqual([-1, True], [told[0]["days_left"], told[0]["is_warning"]])
        self.assertEqual("2027-02-28T12:00:00+00:00", told[0]["not_after"])
