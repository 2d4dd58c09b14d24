"""Tests of the certificates that the server shows, and of those that it takes."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.keys import new_ec_key
from cfos_cm.certificates.names import alternative_names, public_key_pin
from cfos_cm.certificates.pem import pem_of, read_key
from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.server_tls import ServerMaterial
from cfos_cm.services.own_pairs import DAYS, EARLIEST, MAX_NAMES, own_pairs
from tests.issuer import Issuer, request_of

from .certificate_case import DAY, NOW, CertificateCase, shown_by
from .consoles import ROOT


class Made(CertificateCase):
    """Those that are made at the first start."""

    @property
    def kept(self) -> Path:
        """Where they are."""
        return self.folder / "var" / "certificates"

    def both(self) -> tuple[x509.Certificate, x509.Certificate]:
        """What clients are shown, by the kind of key that they ask for."""
        return shown_by(self.tls, "ec"), shown_by(self.tls, "rsa")

    def test_first_start(self) -> None:
        """There is one with EC and one with RSA, for all names, signed by itself."""
        self.assertEqual([], self.opened(self.config()))
        ec_one, rsa_one = self.both()
        self.assertIsInstance(ec_one.public_key(), ec.EllipticCurvePublicKey)
        self.assertIsInstance(rsa_one.public_key(), rsa.RSAPublicKey)
        for one in (ec_one, rsa_one):
            self.assertEqual(set(self.names), set(alternative_names(one)))
            (organisation,) = one.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
            self.assertEqual("Tiefgarage Köln", organisation.value)
            self.assertEqual(one.subject, one.issuer)
            self.assertEqual(NOW + DAYS * DAY, one.not_valid_after_utc)
            self.assertLess(one.not_valid_before_utc, NOW)

    def test_modes(self) -> None:
        """Nobody else can look into the folder, or read a key in it."""
        self.opened(self.config())
        self.assertEqual(0o700, stat.S_IMODE(self.kept.stat().st_mode))
        files = {one.name: stat.S_IMODE(one.stat().st_mode) for one in self.kept.iterdir()}
        keys = {"server-ec.key": 0o600, "server-rsa.key": 0o600}
        self.assertEqual({**keys, "server-ec.pem": 0o644, "server-rsa.pem": 0o644}, files)

    def test_open_folder(self) -> None:
        """A folder that was open to others is closed."""
        self.kept.mkdir(parents=True, mode=0o755)
        self.opened(self.config())
        self.assertEqual(0o700, stat.S_IMODE(self.kept.stat().st_mode))

    def test_closed_folders(self) -> None:
        """Folders that are closed to us, for root has made them, keep nobody from charging."""
        stat_of = os.stat

        def closed(path: Any, **options: Any) -> os.stat_result:
            if Path(path).parent.name in ("ca", "certificates"):
                raise PermissionError(13, "Permission denied")
            return stat_of(path, **options)

        self.patch(os, "stat", closed)
        said = "\n".join(self.opened(self.config()))
        self.assertIn("ca.pem: cannot be read", said)
        self.assertIn("server-ec.key: cannot be read", said)
        self.assertEqual(2, len(self.both()))

    def test_second_start(self) -> None:
        """A start changes nothing."""
        self.opened(self.config())
        before = self.both()
        self.now += 700 * DAY
        self.restart()
        self.assertEqual([], self.opened(self.config(title="Another title")))
        self.assertEqual(before, self.both())

    def test_renewed(self) -> None:
        """A month before the end there are new ones, with the same keys, while it runs."""
        self.opened(self.config())
        before = self.both()
        self.now += (DAYS - 31) * DAY
        self.logged(self.certificates.renew())
        self.assertEqual(before, self.both())
        self.now += 1 * DAY
        self.assertEqual([], self.logged(self.certificates.renew()))
        for old, new in zip(before, self.both(), strict=True):
            self.assertEqual(public_key_pin(old), public_key_pin(new))
            self.assertEqual(self.now + DAYS * DAY, new.not_valid_after_utc)
            self.assertNotEqual(old.serial_number, new.serial_number)

    def test_another_address(self) -> None:
        """A name that is new is in the next one, beside all those of before."""
        self.opened(self.config())
        (old, _), before = self.both(), set(self.names)
        self.names = ("garage", "10.0.0.7")
        self.logged(self.certificates.renew())
        new, _ = self.both()
        self.assertEqual({*before, "10.0.0.7"}, set(alternative_names(new)))
        self.assertEqual(public_key_pin(old), public_key_pin(new))
        self.logged(self.certificates.renew())
        self.assertEqual(new, self.both()[0])

    def test_many_addresses(self) -> None:
        """Those of now come first, and there are never too many."""
        for number in range(0, 200, 20):
            self.names = tuple(f"10.0.0.{number + each}" for each in range(25))
            self.logged(self.certificates.open(self.config()))
        names = alternative_names(self.both()[0])
        self.assertEqual(self.names, names[:25])
        self.assertEqual(MAX_NAMES, len(names))
        kept = own_pairs(self.kept, [f"10.1.{one}.1" for one in range(99)], "x", NOW)
        again = own_pairs(self.kept, [f"10.1.{one}.1" for one in range(99)], "x", NOW)
        self.assertEqual((2, 0), (len(kept.made), len(again.made)))

    def test_strange_names(self) -> None:
        """What cannot stand in a certificate is left out of it."""
        self.names = (
            "my computer",
            "garage\n",
            "x" * 300,
            "tiefgarage-köln",
            "",
            "fe80::1%eth0",
        )
        self.assertEqual([], self.opened(self.config(title="T" * 80)))
        names = alternative_names(self.both()[0])
        self.assertEqual(("garage", "xn--tiefgarage-kln-6pb", "fe80::1"), names)

    @given(
        st.lists(st.text(max_size=80), max_size=60),
        st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=80),
        st.datetimes(max_value=datetime(9000, 1, 1)),
    )
    @settings(max_examples=50, deadline=None)
    def test_anything(self, names: list[str], title: str, moment: datetime) -> None:
        """Whatever the computer and the site are called, there is a pair of each kind."""
        folder = Path(self.mktemp())
        self.addCleanup(shutil.rmtree, folder, True)
        made = own_pairs(folder, names, title, moment.replace(tzinfo=UTC))
        self.assertEqual((2, ()), (len(made.pairs), made.troubles))

    def test_unset_clock(self) -> None:
        """A clock that was never set is not believed."""
        self.now = datetime(1970, 1, 1, tzinfo=UTC)
        self.opened(self.config())
        (one, _) = self.both()
        self.assertEqual(EARLIEST + DAYS * DAY, one.not_valid_after_utc)
        self.logged(self.certificates.renew())
        self.assertEqual(one, self.both()[0])

    def test_unset_clock_later(self) -> None:
        """It does not make what was made by a clock that was right one that has expired."""
        self.now = datetime(2031, 1, 1, tzinfo=UTC)
        self.opened(self.config())
        before = self.both()
        self.now = datetime(1970, 1, 1, tzinfo=UTC)
        self.restart()
        self.assertEqual([], self.opened(self.config()))
        self.assertEqual(before, self.both())
        self.names = (*self.names, "10.0.0.7")
        self.logged(self.certificates.renew())
        (renewed, _) = self.both()
        self.assertIn("10.0.0.7", alternative_names(renewed))
        self.assertGreaterEqual(
            renewed.not_valid_after_utc, before[0].not_valid_before_utc + DAYS * DAY
        )

    def test_clock_ahead(self) -> None:
        """What was made in the future is made anew when the clock is right again."""
        self.now += 5000 * DAY
        self.opened(self.config())
        (ahead, _) = self.both()
        self.now = NOW
        self.logged(self.certificates.renew())
        (one, _) = self.both()
        self.assertLess(one.not_valid_before_utc, NOW)
        self.assertEqual(public_key_pin(ahead), public_key_pin(one))

    def test_damaged(self) -> None:
        """What is damaged is made anew, and the key that was there is not thrown away."""
        self.opened(self.config())
        (before, _) = self.both()
        (self.kept / "server-ec.key").write_text("damaged")
        (self.kept / "server-rsa.pem").write_bytes(b"\0" * 100)
        self.restart()
        errors = self.opened(self.config())
        self.assertEqual(2, len(errors), errors)
        self.assertIn("server-ec.key", errors[0])
        self.assertEqual("damaged", (self.kept / "server-ec.damaged").read_text())
        self.assertNotEqual(public_key_pin(before), public_key_pin(self.both()[0]))
        self.restart()
        self.assertEqual([], self.opened(self.config()))

    def test_locked_away(self) -> None:
        """A key that cannot be read is left where it is, and TLS is there all the same."""
        (self.kept / "server-ec.key").mkdir(parents=True)
        errors = self.opened(self.config())
        self.assertIn("server-ec.key: cannot be read", errors[0])
        self.assertTrue((self.kept / "server-ec.key").is_dir())
        self.assertEqual(2, len(set(self.both())))

    def test_no_disk(self) -> None:
        """Where nothing can be kept there is TLS as well, and an error says so."""
        self.kept.parent.mkdir()
        self.kept.write_text("a file")
        errors = self.opened(self.config())
        self.assertTrue(any("cannot be kept" in one for one in errors), errors)
        self.assertEqual(2, len(set(self.both())))

    def test_full_disk(self) -> None:
        """What cannot be kept goes on all the same, and is kept as soon as there is room."""
        self.kept.parent.mkdir()
        self.kept.write_text("a file")
        self.opened(self.config())
        before = self.both()
        self.logged(self.certificates.renew())
        self.configured(self.config(self.keep(Issuer("Authority").issue("garage", "garage"))))
        errors = self.configured(self.config())
        self.assertTrue(any("cannot be kept" in one for one in errors), errors)
        self.assertEqual(before, self.both())
        self.kept.unlink()
        self.assertEqual([], self.logged(self.certificates.renew()))
        self.restart()
        self.assertEqual([], self.opened(self.config()))
        self.assertEqual(before, self.both())

    def test_full_disk_later(self) -> None:
        """What is renewed there keeps its key, and is the same at the next look."""
        self.opened(self.config())
        before = self.both()
        for kind in ("ec", "rsa"):
            (self.kept / f"server-{kind}.pem").unlink()
            (self.kept / f"server-{kind}.pem").mkdir()
        self.names = (*self.names, "10.0.0.7")
        self.logged(self.certificates.renew())
        renewed = self.both()
        self.assertNotEqual(before, renewed)
        self.assertEqual([*map(public_key_pin, before)], [*map(public_key_pin, renewed)])
        self.logged(self.certificates.renew())
        self.assertEqual(renewed, self.both())

    def test_locked_away_later(self) -> None:
        """A key that cannot be read is replaced by one, and not by another each hour."""
        (self.kept / "server-ec.key").mkdir(parents=True)
        self.opened(self.config())
        before = self.both()
        self.logged(self.certificates.renew())
        self.assertEqual(before, self.both())

    def test_thrown_away(self) -> None:
        """Whoever removes the files and reloads has another key."""
        self.opened(self.config())
        (before, _) = self.both()
        shutil.rmtree(self.kept)
        self.assertEqual([], self.configured(self.config()))
        self.assertNotEqual(public_key_pin(before), public_key_pin(self.both()[0]))

    def test_names_of_others(self) -> None:
        """A pair that a person has put there is renewed, but for what is no host in it."""
        self.opened(self.config())
        key = read_key((self.kept / "server-ec.key").read_bytes(), "key")
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mine")])
        names = [x509.RFC822Name("a@example.com"), x509.DNSName("mine.example")]
        foreign = (
            x509.CertificateBuilder(name, name, key.public_key(), 1)
            .not_valid_before(NOW - DAY)
            .not_valid_after(NOW + 400 * DAY)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(key, SHA256())
        )
        (self.kept / "server-ec.pem").write_text(pem_of(foreign))
        self.restart()
        self.assertEqual([], self.opened(self.config()))
        self.assertEqual((*self.names, "mine.example"), alternative_names(self.both()[0]))

    def test_other_key(self) -> None:
        """A certificate of another key, as a fall can leave it, is made anew."""
        self.opened(self.config())
        (self.kept / "server-ec.key").write_text(pem_of(new_ec_key()))
        self.restart()
        self.assertEqual([], self.opened(self.config()))
        self.assertTrue(self.tls.is_ready)

    def test_off(self) -> None:
        """Without TLS nothing is made."""
        self.opened(self.config("tls = off"))
        self.assertFalse(self.kept.exists())
        self.assertFalse(self.tls.is_ready)
        self.configured(self.config("tls = on"))
        self.assertTrue(self.tls.is_ready)


class Killed(CertificateCase):
    """A program that is killed while it makes them."""

    def test_at_each_step(self) -> None:
        """
        Whatever it was at, the next start finds or makes pairs that are good, and a key that
        was shown once is not lost.
        """
        program = Path(__file__).with_name("killed_maker.py")
        ended = subprocess.run(
            [sys.executable, str(program), str(self.folder)],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((0, ""), (ended.returncode, ended.stderr))
        steps = int(ended.stdout)
        self.assertGreater(steps, 15)


class Own(CertificateCase):
    """A pair that the settings name."""

    def setUp(self) -> None:
        """Somebody who signs."""
        super().setUp()
        self.issuer = Issuer("Authority")
        self.papers = self.issuer.issue("garage", "garage")

    def test_shown(self) -> None:
        """It is shown, and no other is made."""
        self.assertEqual([], self.opened(self.config(self.keep(self.papers))))
        self.assertShows(self.papers)
        self.assertFalse((self.folder / "var").exists())

    def test_replaced(self) -> None:
        """A reload takes what is in the files now, though their names are the same."""
        config = self.config(self.keep(self.papers))
        self.opened(config)
        newer = self.issuer.issue("garage", "garage")
        self.keep(newer)
        self.assertShows(self.papers)
        self.assertEqual([], self.configured(config))
        self.assertShows(newer)

    def test_unlike(self) -> None:
        """A pair that does not match is refused in plain words; the old one stays."""
        config = self.config(self.keep(self.papers))
        self.opened(config)
        (self.folder / "server.key").write_text(self.issuer.issue("x").key)
        (error,) = self.configured(config)
        self.assertIn("private key is not that of the certificate", error)
        self.assertIn("what there was before stays", error)
        self.assertShows(self.papers)

    def test_expired(self) -> None:
        """So is one that has expired, is not valid yet or is chained wrongly."""
        config = self.config(self.keep(self.papers))
        self.opened(config)
        other = Issuer("Other")
        wrong = self.issuer.issue("garage", "garage")
        for papers, words in (
            (self.issuer.issue("garage", ends=NOW - DAY), "has expired on 2027-02-28"),
            (self.issuer.issue("garage", begins=NOW + DAY), "is valid from 2027-03-02"),
            (type(wrong)(wrong.chain + other.pem, wrong.key), "the chain is not in order"),
        ):
            self.keep(papers)
            (error,) = self.configured(config)
            self.assertIn(words, error)
            self.assertShows(self.papers)

    def test_expired_at_start(self) -> None:
        """At a start one that has expired is used, with an error: cars have to be charged."""
        papers = self.issuer.issue("garage", ends=NOW - DAY)
        (error,) = self.opened(self.config(self.keep(papers)))
        self.assertIn("has expired", error)
        self.assertShows(papers)

    def test_expired_while_it_runs(self) -> None:
        """What is in use and has expired meanwhile keeps nobody from changing the rest."""
        server = self.keep(self.issuer.issue("garage", ends=NOW + DAY))
        self.opened(self.config(server))
        self.now += 2 * DAY
        used: list[ServerMaterial] = []
        self.patch(self.tls, "use", used.append)
        (error,) = self.configured(self.config(f"{server}\n{self.keep_authority(self.issuer)}"))
        self.assertIn("has expired", error)
        self.assertEqual([(self.issuer.certificate,)], [one.authorities for one in used])

    def test_gone_at_start(self) -> None:
        """One that is damaged since the settings were read is replaced by those made here."""
        config = self.config(self.keep(self.papers))
        (self.folder / "server.pem").write_text("")
        (error,) = self.opened(config)
        self.assertIn("it is empty; the server shows a certificate of its own making", error)
        self.assertIn("192.168.178.5", alternative_names(shown_by(self.tls)))

    def test_taken_away(self) -> None:
        """Without it in the settings those that are made here are shown again."""
        self.opened(self.config(self.keep(self.papers)))
        self.configured(self.config())
        self.assertIn("192.168.178.5", alternative_names(shown_by(self.tls)))

    def test_nothing_new(self) -> None:
        """A reload that changes nothing leaves sessions as they are."""
        config = self.config(self.keep(self.papers))
        self.opened(config)
        self.patch(self.tls, "use", lambda material: self.fail("it was replaced"))
        self.assertEqual([], self.configured(config))

    def test_refused_by_tls(self) -> None:
        """What OpenSSL does not take changes nothing."""
        config = self.config(self.keep(self.papers))
        self.opened(config)
        self.keep(self.issuer.issue("garage"))

        def refuse(material: ServerMaterial) -> None:
            raise LocalProtocolError("not that one")

        self.patch(self.tls, "use", refuse)
        (error,) = self.configured(config)
        self.assertIn("not that one", error)
        self.assertShows(self.papers)

    def test_no_secrets(self) -> None:
        """Nothing of a key is in any line of the log."""
        config = self.config(self.keep(self.papers))
        secret = self.papers.key.splitlines()[1]
        (self.folder / "server.pem").write_text(self.papers.chain + self.papers.key)
        (error,) = self.configured(config)
        self.assertIn("there is a private key in it", error)
        self.assertNotIn(secret, error)


class Clients(CertificateCase):
    """Whose certificates are taken."""

    def setUp(self) -> None:
        """Note what TLS is made of."""
        super().setUp()
        self.used: list[ServerMaterial] = []

    def restart(self) -> None:
        """As it is, with what it was given in a list."""
        super().restart()
        use = self.tls.use

        def noted(material: ServerMaterial) -> None:
            use(material)
            self.used.append(material)

        self.patch(self.tls, "use", noted)

    def test_files(self) -> None:
        """All certificates of all files count, and then a client must have one."""
        one, other, third = Issuer("One"), Issuer("Other"), Issuer("Third")
        (self.folder / "a.pem").write_text(one.pem + other.pem)
        self.keep_authority(third)
        self.opened(self.config("ca_certificates = a.pem, ca.pem"))
        (used,) = self.used
        expected = (one.certificate, other.certificate, third.certificate)
        self.assertEqual((expected, True), (used.authorities, used.needs_certificate))

    def test_none(self) -> None:
        """Without any nobody is asked for one."""
        self.opened(self.config())
        (used,) = self.used
        self.assertEqual(
            ((), (), False),
            (used.authorities, used.optional_authorities, used.needs_certificate),
        )

    def test_damaged_at_start(self) -> None:
        """Whom to take is not known: nobody is taken by TLS."""
        config = self.config(self.keep_authority(Issuer("One")))
        (self.folder / "ca.pem").write_text("")
        (error,) = self.opened(config)
        self.assertIn("it is empty; there is no TLS", error)
        self.assertFalse(self.tls.is_ready)
        self.keep_authority(Issuer("One"))
        self.assertEqual([], self.configured(config))
        self.assertTrue(self.tls.is_ready)

    def test_damaged_later(self) -> None:
        """While it runs, those of before count on."""
        config = self.config(self.keep_authority(Issuer("One")))
        self.opened(config)
        (self.folder / "ca.pem").write_text("")
        self.assertEqual(1, len(self.configured(config)))
        self.assertEqual(1, len(self.used))


class Signing(CertificateCase):
    """An authority of our own."""

    def setUp(self) -> None:
        """It is in the state directory."""
        super().setUp()
        self.issuer = Issuer("Our authority")
        self.place = self.folder / "var" / "ca"
        self.place.mkdir(parents=True)
        self.write(self.issuer.papers.key)

    def write(self, key: str) -> None:
        """Its certificate, and a key."""
        (self.place / "ca.pem").write_text(self.issuer.pem)
        (self.place / "ca.key").write_text(key)

    def signed(self, name: str, *names: str) -> str:
        """The chain for a request that asks for a name."""
        request, _ = request_of(name)
        return self.certificates.signer.sign(request, names)

    def test_found(self) -> None:
        """The one in the state directory signs, and its certificates are taken."""
        self.assertEqual([], self.opened(self.config()))
        (one,) = x509.load_pem_x509_certificates(self.signed("CP-1", "CP-1").encode())
        one.verify_directly_issued_by(self.issuer.certificate)
        self.assertEqual((self.issuer.certificate,), self.certificates.signer.authorities)
        self.assertEqual(NOW + 825 * DAY, one.not_valid_after_utc)

    def test_below_another(self) -> None:
        """Those between it and a root follow its certificate, the root does not."""
        middle = Issuer("Middle", above=self.issuer)
        (self.place / "ca.pem").write_text(middle.papers.chain)
        (self.place / "ca.key").write_text(middle.papers.key)
        self.opened(self.config())
        chain = x509.load_pem_x509_certificates(self.signed("CP-1", "CP-1").encode())
        self.assertEqual([middle.certificate], chain[1:])

    def test_names(self) -> None:
        """Nothing is signed for somebody else."""
        self.opened(self.config())
        error = self.assertRaises(CertificateFault, self.signed, "CP-2", "CP-1", "SN-1")
        self.assertIn("CP-2", str(error))
        self.assertIn("BEGIN CERTIFICATE", self.signed("SN-1", "CP-1", "SN-1"))

    def test_none(self) -> None:
        """Without one it is said how to get one."""
        shutil.rmtree(self.place)
        self.assertEqual([], self.opened(self.config()))
        error = self.assertRaises(CertificateFault, self.signed, "CP-1", "CP-1")
        self.assertIn("certs init-ca", str(error))

    def test_locked(self) -> None:
        """A key that is locked needs its passphrase; TLS is there without."""
        self.write(
            pem_of(read_key(self.issuer.papers.key.encode(), "key"), passphrase=b"geheim")
        )
        (error,) = self.opened(self.config())
        self.assertIn("is locked with a passphrase", error)
        self.assertTrue(self.tls.is_ready)
        self.assertEqual([], self.configured(self.config("signing_passphrase = geheim")))
        self.assertIn("BEGIN CERTIFICATE", self.signed("CP-1", "CP-1"))

    def test_lost_later(self) -> None:
        """One that cannot be read any more signs on until the next start."""
        self.opened(self.config())
        self.write("")
        (error,) = self.configured(self.config())
        self.assertIn("certificates of wallboxes are not signed", error)
        self.assertIn("BEGIN CERTIFICATE", self.signed("CP-1", "CP-1"))

    def test_no_authority(self) -> None:
        """What may not sign does not."""
        papers = self.issuer.issue("garage")
        (self.place / "ca.pem").write_text(papers.chain)
        (self.place / "ca.key").write_text(papers.key)
        (error,) = self.opened(self.config())
        self.assertIn("it is not that of an authority", error)

    def test_settings(self) -> None:
        """The settings' goes before that of the state directory."""
        other = Issuer("Other")
        other.papers.files(self.folder, "signing")
        self.opened(self.config("signing_certificate = signing.pem\nsigning_key = signing.key"))
        self.assertEqual((other.certificate,), self.certificates.signer.authorities)

    def test_expired(self) -> None:
        """One that has expired signs nothing."""
        self.issuer = Issuer("Old", ends=NOW + DAY)
        self.write(self.issuer.papers.key)
        self.opened(self.config())
        self.now += 2 * DAY
        error = self.assertRaises(CertificateFault, self.signed, "CP-1", "CP-1")
        self.assertIn("has expired", str(error))
