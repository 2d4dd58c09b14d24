"""Tests of C{cfos-cm certs}."""

from __future__ import annotations

import getpass
import os
import stat
import subprocess
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.console import parser
from cfos_cm.services import certs_making
from tests.issuer import Issuer, request_of

from .consoles import ConsoleCase

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


class CertsCase(SynchronousTestCase):
    """
    The command, in this process.

    @ivar folder: where its files are.
    """

    def setUp(self) -> None:
        """Make the folder; keys of RSA would take long."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.patch(certs_making, "own_names", lambda: ("garage", "my computer", "10.0.0.7"))
        self.passphrase = self.folder / "passphrase"
        self.passphrase.write_text("geheim ü\n")

    def run_command(self, verb: str, *arguments: str) -> tuple[int, list[str]]:
        """Its status and its lines."""
        lines: list[str] = []
        options = parser().parse_args(["certs", verb, *arguments])
        return options.run(options, lines.append), lines

    def make(self, verb: str, *arguments: str) -> list[str]:
        """Its lines, where it succeeds; files are in the folder."""
        status, lines = self.run_command(
            verb, "--dir", str(self.folder), *arguments, *self._quick(verb)
        )
        self.assertEqual(0, status, lines)
        return lines

    def fail_to(self, verb: str, *arguments: str) -> str:
        """Its line, where it fails."""
        status, lines = self.run_command(
            verb, "--dir", str(self.folder), *arguments, *self._quick(verb)
        )
        self.assertEqual((1, 1), (status, len(lines)), lines)
        return lines[0]

    def _quick(self, verb: str) -> tuple[str, ...]:
        return () if verb == "sign" else ("--key", "ec")

    def authority(self) -> None:
        """One whose key is not locked."""
        self.make("init-ca", "--no-passphrase")

    def certificates(self, name: str) -> list[x509.Certificate]:
        """What is in a file."""
        return x509.load_pem_x509_certificates((self.folder / name).read_bytes())

    def assertVerified(self, *arguments: str) -> None:
        """OpenSSL agrees."""
        done = subprocess.run(
            ["openssl", "verify", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)


class Authority(CertsCase):
    """C{init-ca}."""

    def test_made(self) -> None:
        """It may sign, its key is locked, and whom it is of has umlauts."""
        lines = self.make(
            "init-ca",
            *("--passphrase-file", str(self.passphrase), "--organisation", "Köln GmbH"),
            *("--common-name", "Unsere Tiefgarage", "--unit", "Abteilung 13"),
            *("--locality", "Köln", "--country", "de", "--email", "info@example.com"),
        )
        (one,) = self.certificates("ca.pem")
        texts = {each.oid: each.value for each in one.subject}
        self.assertEqual("Unsere Tiefgarage", texts[NameOID.COMMON_NAME])
        self.assertEqual("Köln GmbH", texts[NameOID.ORGANIZATION_NAME])
        self.assertEqual("DE", texts[NameOID.COUNTRY_NAME])
        self.assertEqual(6, len(texts))
        pem = (self.folder / "ca.key").read_bytes()
        self.assertRaises(TypeError, load_pem_private_key, pem, None)
        load_pem_private_key(pem, "geheim ü".encode())
        self.assertEqual(3650, (one.not_valid_after_utc - one.not_valid_before_utc) // DAY)
        self.assertIn(f"  ca_certificates = {self.folder}/ca.pem", lines)
        self.assertIn(f"  signing_key = {self.folder}/ca.key", lines)
        self.assertNotIn("geheim", "".join(lines))

    def test_modes(self) -> None:
        """A new folder is closed to others, and so is a key."""
        self.folder = self.folder / "new" / "certs"
        self.authority()
        modes = [
            stat.S_IMODE(os.stat(one).st_mode)
            for one in (self.folder, self.folder / "ca.key", self.folder / "ca.pem")
        ]
        self.assertEqual([0o700, 0o600, 0o644], modes)

    def test_asked(self) -> None:
        """The passphrase is asked for twice, and is not shown."""
        said = ["geheim", "geheim"]
        self.patch(getpass, "getpass", lambda prompt: said.pop(0))
        self.make("init-ca")
        load_pem_private_key((self.folder / "ca.key").read_bytes(), b"geheim")
        said += ["geheim", "geheom"]
        self.assertIn("are not the same", self.fail_to("init-ca", "--force"))
        said += ["abc", "abc"]
        self.assertIn("4 characters at least", self.fail_to("init-ca", "--force"))

    def test_no_terminal(self) -> None:
        """Where it would be shown it is not asked for."""

        def shown(prompt: str) -> str:
            warnings.warn("it can be seen", getpass.GetPassWarning, stacklevel=1)
            return "geheim"

        self.patch(getpass, "getpass", shown)
        self.assertIn("--passphrase-file FILE", self.fail_to("init-ca"))
        self.assertFalse((self.folder / "ca.pem").exists())

    def test_not_twice(self) -> None:
        """What is there is not written over, unless that is asked for."""
        self.authority()
        before = (self.folder / "ca.pem").read_bytes()
        self.assertIn("ca.pem is there already", self.fail_to("init-ca", "--no-passphrase"))
        self.assertEqual(before, (self.folder / "ca.pem").read_bytes())
        self.make("init-ca", "--no-passphrase", "--name", "other")
        self.make("init-ca", "--no-passphrase", "--force")
        self.assertNotEqual(before, (self.folder / "ca.pem").read_bytes())
        (self.folder / "ca.pem").unlink()
        self.assertIn("ca.key is there already", self.fail_to("init-ca", "--no-passphrase"))

    def test_wrong(self) -> None:
        """What cannot stand in a certificate is refused, before anything is written."""
        for arguments, words in (
            (("--country", "Germany"), "the country has 7 characters"),
            (("--days", "0"), "is valid for 1 to"),
            (("--common-name", "x" * 65), "the common name has 65 characters"),
            (("--email", "köln"), "the email is"),
        ):
            self.assertIn(words, self.fail_to("init-ca", "--no-passphrase", *arguments))
        self.assertEqual([self.passphrase], list(self.folder.iterdir()))

    def test_no_names(self) -> None:
        """What no file can be called is said in a sentence."""
        long = "x" * 300
        for verb, *arguments in (
            ("init-ca", "--name", long, "--no-passphrase"),
            ("issue-server", "--ca", long),
            ("issue-client", "--common-name", "CP", "--dir", long),
        ):
            self.assertIn("File name too long", self.fail_to(verb, *arguments))

    def test_rsa(self) -> None:
        """Without a word it has a key of RSA, as each wallbox knows it."""
        status, _ = self.run_command("init-ca", "--no-passphrase", "--dir", str(self.folder))
        self.assertEqual(0, status)
        (one,) = self.certificates("ca.pem")
        key = one.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        self.assertEqual(4096, key.key_size)


class Issued(CertsCase):
    """C{issue-server} and C{issue-client}."""

    def test_server(self) -> None:
        """It has all names of this computer, and is signed by the authority."""
        self.authority()
        lines = self.make("issue-server", "--organisation", "Tiefgarage Köln")
        self.assertVerified("-CAfile", "ca.pem", "-purpose", "sslserver", "server.pem")
        self.assertVerified("-CAfile", "ca.pem", "-verify_ip", "10.0.0.7", "server.pem")
        self.assertVerified("-CAfile", "ca.pem", "-verify_hostname", "garage", "server.pem")
        self.assertIn(f"  private_key = {self.folder}/server.key", lines)
        (one,) = self.certificates("server.pem")
        self.assertIsInstance(one.public_key(), ec.EllipticCurvePublicKey)

    def test_hosts(self) -> None:
        """Or those that were said."""
        self.authority()
        self.make("issue-server", "--host", "köln.example", "--host", "*.example.com")
        (one,) = self.certificates("server.pem")
        names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(
            ["xn--kln-sna.example", "*.example.com"], names.get_values_for_type(x509.DNSName)
        )
        words = self.fail_to("issue-server", "--host", "a b", "--name", "other")
        self.assertIn("neither a host name nor an address", words)

    def test_client(self) -> None:
        """It is for a ChargeBox ID, whatever characters that has."""
        self.authority()
        self.make("issue-client", "--common-name", "DE*KLN/E1")
        self.assertVerified("-CAfile", "ca.pem", "-purpose", "sslclient", "DE-KLN-E1.pem")
        (one,) = self.certificates("DE-KLN-E1.pem")
        (name,) = one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        self.assertEqual("DE*KLN/E1", name.value)

    def test_locked(self) -> None:
        """The authority's passphrase is in a file, or is asked for."""
        self.make("init-ca", "--passphrase-file", str(self.passphrase))
        client = ("issue-client", "--common-name", "CP-1")
        self.make(*client, "--passphrase-file", str(self.passphrase))
        asked: list[str] = []
        self.patch(getpass, "getpass", lambda prompt: asked.append(prompt) or "geheim ü")
        self.make(*client, "--force")
        self.assertEqual([f"passphrase of {self.folder}/ca.key: "], asked)
        self.passphrase.write_text("falsch\n")
        words = self.fail_to(*client, "--force", "--passphrase-file", str(self.passphrase))
        self.assertIn("the passphrase is not that of the private key", words)
        self.assertNotIn("falsch", words)

    def test_no_authority(self) -> None:
        """Without an authority it is said how to get one."""
        words = self.fail_to("issue-client", "--common-name", "CP-1")
        self.assertIn("'cfos-cm certs init-ca' makes an authority", words)

    def test_no_longer_than_the_authority(self) -> None:
        """A certificate ends with its authority at the latest; one that is over signs not."""
        self.make("init-ca", "--no-passphrase", "--days", "10")
        self.make("issue-client", "--common-name", "CP-1")
        (one,), (above,) = self.certificates("CP-1.pem"), self.certificates("ca.pem")
        self.assertEqual(above.not_valid_after_utc, one.not_valid_after_utc)
        Issuer("Old", ends=NOW - DAY).papers.files(self.folder, "old")
        words = self.fail_to(
            *("issue-client", "--common-name", "CP-2", "--ca", str(self.folder / "old.pem"))
        )
        self.assertIn("has expired", words)

    def test_below_another(self) -> None:
        """Who signs may be signed himself: then he is in the chain, and the root is not."""
        root = Issuer("Root")
        middle = Issuer("Middle", above=root)
        middle.papers.files(self.folder, "middle")
        self.make("issue-server", "--ca", str(self.folder / "middle.pem"))
        self.assertEqual(middle.certificate, self.certificates("server.pem")[1])
        self.assertEqual(2, len(self.certificates("server.pem")))


class Signed(CertsCase):
    """C{sign}."""

    def test_openssl_request(self) -> None:
        """A request of OpenSSL's is signed, with its names, and never as an authority."""
        self.authority()
        subprocess.run(
            [
                *("openssl", "req", "-new", "-newkey", "rsa:2048", "-noenc", "-utf8"),
                *("-keyout", "box.key", "-out", "box.csr", "-subj", "/CN=CP-1/O=Köln"),
                *("-addext", "basicConstraints=critical,CA:TRUE"),
            ],
            cwd=self.folder,
            capture_output=True,
            check=True,
        )
        self.make("sign", str(self.folder / "box.csr"))
        self.assertVerified("-CAfile", "ca.pem", "-purpose", "sslclient", "box.pem")
        (one,) = self.certificates("box.pem")
        basic = one.extensions.get_extension_for_class(x509.BasicConstraints).value
        self.assertFalse(basic.ca)
        checked = self.run_command(
            "check", str(self.folder / "box.pem"), str(self.folder / "box.key")
        )
        self.assertEqual((0, ["nothing is wrong"]), checked)

    def test_server(self) -> None:
        """One for a server has host names."""
        self.authority()
        request, _ = request_of("garage.example.com")
        (self.folder / "g.csr").write_text(request)
        self.make("sign", str(self.folder / "g.csr"), "--for", "server", "--name", "g2")
        self.assertVerified("-CAfile", "ca.pem", "-purpose", "sslserver", "g2.pem")

    def test_damaged(self) -> None:
        """What is no request is not signed."""
        self.authority()
        (self.folder / "x.csr").write_text("x")
        words = self.fail_to("sign", str(self.folder / "x.csr"))
        self.assertIn("it is no certificate request", words)
        self.assertFalse((self.folder / "x.pem").exists())


class Shown(CertsCase):
    """C{show}."""

    def test_file(self) -> None:
        """All certificates in a file, for people."""
        middle = Issuer("Middle", above=Issuer("Root"))
        middle.issue("garage").files(self.folder, "m")
        status, lines = self.run_command("show", str(self.folder / "m.pem"))
        self.assertEqual(0, status)
        self.assertEqual(2, sum("subject:" in one for one in lines))
        self.assertIn("  subject:    CN=garage", lines)
        self.assertIn("  signed by:  CN=Root", lines)
        self.assertIn("  key:        EC, secp256r1", lines)
        self.assertIn("  authority:  yes", lines)

    def test_site(self) -> None:
        """Without a file all that the settings name."""
        Issuer("Root").issue("garage").files(self.folder, "server")
        config = self.folder / "tap.cfg"
        config.write_text("[ocpp server]\ncertificate = server.pem\nprivate_key = server.key\n")
        status, lines = self.run_command("show", "--config", str(config))
        self.assertEqual(0, status)
        self.assertEqual(f"the server's certificate: {self.folder}/server.pem", lines[0])
        config.write_text("[ocpp server]\ntls = off\n")
        status, lines = self.run_command("show", "--config", str(config))
        self.assertEqual((0, 1), (status, len(lines)))
        self.assertIn("names no certificate", lines[0])

    def test_hostile(self) -> None:
        """What a certificate says moves no cursor of a console."""
        papers = Issuer("R\x1b[2J").issue("a\x1b]0;x\x07b", "a.test")
        papers.files(self.folder, "h")
        _, lines = self.run_command("show", str(self.folder / "h.pem"))
        self.assertTrue(all(one.isprintable() for one in lines), lines)

    def test_missing(self) -> None:
        """A file that is not there is said."""
        status, lines = self.run_command("show", "nowhere.pem")
        self.assertEqual(1, status)
        self.assertEqual(["nowhere.pem: cannot be read: No such file or directory"], lines)


class Checked(CertsCase):
    """C{check}."""

    def check(self, *arguments: str) -> list[str]:
        """What is wrong."""
        status, lines = self.run_command("check", *arguments)
        self.assertEqual(lines != ["nothing is wrong"], status == 1)
        return [] if status == 0 else lines

    def test_pair(self) -> None:
        """A pair, and who has signed it."""
        issuer = Issuer("Root")
        chain, key = issuer.issue("x").files(self.folder, "x")
        ca = self.folder / "ca.pem"
        ca.write_text(issuer.pem)
        self.assertEqual([], self.check(str(chain), str(key)))
        self.assertEqual([], self.check(str(chain), str(key), "--ca", str(ca)))
        ca.write_text(Issuer("Other").pem)
        (line,) = self.check(str(chain), "--ca", str(ca))
        self.assertIn("is signed by none of those who are believed", line)
        _, other = issuer.issue("y").files(self.folder, "y")
        (line,) = self.check(str(chain), str(other))
        self.assertIn("private key is not that of the certificate", line)

    def test_expired(self) -> None:
        """Without its key, too."""
        chain, key = Issuer("Root").issue("x", ends=NOW - DAY).files(self.folder, "x")
        (line,) = self.check(str(chain))
        self.assertIn("the certificate has expired", line)
        (line,) = self.check(str(chain), str(key))
        self.assertIn("has expired", line)

    def test_open_key(self) -> None:
        """A key that others can read is wrong."""
        chain, key = Issuer("Root").issue("x").files(self.folder, "x")
        key.chmod(0o644)
        (line,) = self.check(str(chain), str(key))
        self.assertIn("others on this computer can read this private key", line)

    def test_site(self) -> None:
        """All of the settings: what is about to expire, and open keys."""
        _, key = Issuer("Root").issue("x", ends=NOW + 5 * DAY).files(self.folder, "x")
        config = self.folder / "tap.cfg"
        config.write_text("[ocpp server]\ncertificate = x.pem\nprivate_key = x.key\n")
        (line,) = self.check("--config", str(config))
        self.assertIn("the server's certificate: the certificate of CN=x in", line)
        key.chmod(0o640)
        self.assertEqual(2, len(self.check("--config", str(config))))

    def test_mistakes(self) -> None:
        """Settings with mistakes are not gone through."""
        config = self.folder / "tap.cfg"
        config.write_text("[ocpp server]\ncertificate = x.pem\n")
        (line,) = self.check("--config", str(config))
        self.assertIn("needs a private_key", line)


class OnConsole(ConsoleCase):
    """As a person starts it."""

    def test_made_and_used(self) -> None:
        """From an authority to settings without a mistake."""
        self.write("geheim\n", "passphrase")
        secret = ("--passphrase-file", "passphrase", "--key", "ec")
        ended = self.run_command("certs", "init-ca", *secret, "--organisation", "Köln GmbH")
        self.assertEqual((0, ""), (ended.status, ended.error), ended.lines)
        self.write(
            "[ocpp server]\ntls = on\nca_certificates = certs/ca.pem\n"
            "signing_certificate = certs/ca.pem\nsigning_key = certs/ca.key\n"
            "signing_passphrase = geheim\n"
        )
        ended = self.run_command("certs", "check")
        self.assertEqual((0, ["nothing is wrong"]), (ended.status, ended.lines))

    def test_no_terminal(self) -> None:
        """Nobody is asked where nobody is."""
        ended = self.run_command("certs", "init-ca", "--key", "ec")
        self.assertEqual((1, ""), (ended.status, ended.error))
        self.assertIn("--passphrase-file FILE", ended.lines[0])
        self.assertFalse((self.folder / "certs" / "ca.pem").exists())

    def test_check_warns(self) -> None:
        """C{cfos-cm check} says of certificates that expire."""
        Issuer("Root").issue("x", ends=NOW + 5 * DAY).files(self.folder, "x")
        self.write("[ocpp server]\ncertificate = x.pem\nprivate_key = x.key\n")
        ended = self.run_command("check")
        self.assertEqual((0, 2), (ended.status, len(ended.lines)))
        self.assertIn("warning: the server's certificate", ended.lines[1])
