"""Tests of what is said of certificates and keys that a C{tap.cfg} names."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.certificates.pem import pem_of, read_key
from cfos_cm.errors import ConfigError, Mistake
from cfos_cm.services.config import read_config
from tests.issuer import Issuer, Papers

GATEWAYS = (
    "[circuit c]\nmax_current = 9\n[evse e]\ntype = ocpp16\naddress = CP\n"
    "[evse f]\ntype = ocpp16\naddress = CP-2\n"
    "[gateway g]\nevse = e\nurl = wss://h/\nclient_id = x\n{0}\n"
    "[gateway h]\nevse = f\nurl = wss://h/\nclient_id = y\n{0}\n"
)


class FilesCase(SynchronousTestCase):
    """
    A folder with files, and settings that name them.

    @ivar issuer: an authority.
    """

    def setUp(self) -> None:
        """Make the folder."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.issuer = Issuer("Authority")

    def keep(self, papers: Papers, name: str = "a") -> None:
        """A pair: C{a.pem} and C{a.key}."""
        papers.files(self.folder, name)

    def write(self, name: str, text: str) -> None:
        """A file."""
        (self.folder / name).write_text(text)

    def mistakes(self, text: str) -> tuple[Mistake, ...]:
        """What is wrong with the settings."""
        path = self.folder / "tap.cfg"
        path.write_text(text)
        try:
            read_config(str(path))
        except ConfigError as error:
            return error.mistakes
        return ()

    def assertMistake(self, text: str, line: int, option: str, words: str) -> None:
        """There is one mistake, about an option in a line, and its words are these."""
        found = self.mistakes(text)
        self.assertEqual([(line, option)], [(one.line, one.option) for one in found], found)
        self.assertIn(words, str(found[0]))


class Pairs(FilesCase):
    """A certificate and its private key."""

    SERVER = "[ocpp server]\ncertificate = a.pem\nprivate_key = a.key\n"

    def test_good(self) -> None:
        """One that fits is fine, in two files or in one, of EC or of RSA."""
        papers = self.issuer.issue("x")
        for each in (papers, self.issuer.issue("x", bits=2048)):
            self.keep(each)
            self.assertEqual((), self.mistakes(self.SERVER))
        self.write("a.pem", papers.chain + papers.key)
        both = "[ocpp server]\ncertificate = a.pem\nprivate_key = a.pem\n"
        self.assertEqual((), self.mistakes(both))

    def test_expired(self) -> None:
        """Whether one is valid now is not asked: the site has to start."""
        self.keep(Issuer("Old").issue("x", ends=self.issuer.certificate.not_valid_before_utc))
        self.assertEqual((), self.mistakes(self.SERVER))

    def test_unlike(self) -> None:
        """A key of another certificate is a mistake at the certificate."""
        self.keep(self.issuer.issue("x"))
        self.write("a.key", self.issuer.issue("y").key)
        words = "private key is not that of the certificate"
        self.assertMistake(self.SERVER, 2, "certificate", words)

    def test_order(self) -> None:
        """So is a chain that is not in order."""
        papers = self.issuer.issue("x")
        self.keep(Papers(papers.chain + Issuer("Other").pem, papers.key))
        self.assertMistake(self.SERVER, 2, "certificate", "the chain is not in order")

    def test_damaged(self) -> None:
        """What cannot be read is said with the file."""
        self.keep(self.issuer.issue("x"))
        self.write("a.pem", "")
        self.assertMistake(self.SERVER, 2, "certificate", f"{self.folder}/a.pem: it is empty")
        self.keep(self.issuer.issue("x"))
        self.write("a.key", "no key")
        self.assertMistake(self.SERVER, 3, "private_key", f"{self.folder}/a.key: there is no")

    def test_swapped(self) -> None:
        """Both in the wrong place."""
        self.keep(self.issuer.issue("x"))
        text = "[ocpp server]\ncertificate = a.key\nprivate_key = a.pem\n"
        self.assertMistake(text, 3, "private_key", "there is no private key in it")

    def test_locked(self) -> None:
        """A key that is locked cannot be used; nothing of it is said."""
        papers = self.issuer.issue("x")
        self.keep(papers)
        locked = pem_of(read_key(papers.key.encode(), "key"), passphrase=b"geheim")
        self.write("a.key", locked)
        self.assertMistake(self.SERVER, 3, "private_key", "is locked with a passphrase")
        self.assertNotIn(locked.splitlines()[1], str(self.mistakes(self.SERVER)))

    def test_missing(self) -> None:
        """Of a file that is not there nothing more is said."""
        self.keep(self.issuer.issue("x"))
        (self.folder / "a.key").unlink()
        self.assertMistake(self.SERVER, 3, "private_key", "is no file that can be read")

    def test_everywhere(self) -> None:
        """Gateways and simulators are looked at like the server."""
        self.keep(self.issuer.issue("x"))
        pair = "certificate = a.pem\nprivate_key = a.key"
        simulator = f"[simulator s]\ntype = backend\n{pair}\n"
        text = GATEWAYS.format(pair) + simulator
        self.assertEqual((), self.mistakes(text))
        self.write("a.key", self.issuer.issue("y").key)
        found = self.mistakes(text)
        sections = ["gateway g", "gateway h", "simulator s"]
        self.assertEqual(sections, [one.section for one in found])

    @given(st.binary(max_size=300))
    @settings(max_examples=50, deadline=None)
    def test_any_bytes(self, content: bytes) -> None:
        """Whatever is in a file is a mistake, and nothing else."""
        self.keep(self.issuer.issue("x"))
        text = f"{self.SERVER}ca_certificates = a.pem\n"
        (self.folder / "a.key").write_bytes(content)
        self.assertEqual(["private_key"], [one.option for one in self.mistakes(text)])
        self.keep(self.issuer.issue("x"))
        (self.folder / "a.pem").write_bytes(content)
        options = [one.option for one in self.mistakes(text)]
        self.assertEqual(["certificate", "ca_certificates"], options)


class Authorities(FilesCase):
    """Whom the other side is believed by."""

    def test_good(self) -> None:
        """Several in a file, several files, a leaf, and what the system believes."""
        leaf = self.issuer.issue("x")
        self.write("a.pem", self.issuer.pem + Issuer("Other").pem)
        self.write("b.pem", leaf.chain)
        server = "[ocpp server]\nca_certificates = a.pem, b.pem\n"
        gateways = GATEWAYS.format("ca_certificates = system, a.pem, b.pem")
        self.assertEqual((), self.mistakes(server + gateways))

    def test_key(self) -> None:
        """A private key does not belong there."""
        self.write("a.pem", self.issuer.pem + self.issuer.papers.key)
        text = "[ocpp server]\nca_certificates = a.pem\n"
        self.assertMistake(text, 2, "ca_certificates", "there is a private key in it")

    def test_damaged(self) -> None:
        """What is none is said for each section that names it."""
        self.write("a.pem", "nothing")
        found = self.mistakes(GATEWAYS.format("ca_certificates = system, a.pem"))
        self.assertEqual(["gateway g", "gateway h"], [one.section for one in found])

    def test_system(self) -> None:
        """The word is a file's name where wallboxes are let in."""
        text = "[ocpp server]\nca_certificates = system\n"
        self.assertMistake(text, 2, "ca_certificates", "is no file that can be read")


class Signing(FilesCase):
    """The authority that signs for wallboxes."""

    TEXT = "[ocpp server]\nsigning_certificate = a.pem\nsigning_key = a.key\n"

    def test_good(self) -> None:
        """One that may sign is fine; a locked key has its passphrase."""
        self.keep(self.issuer.papers)
        self.assertEqual((), self.mistakes(self.TEXT))
        key = read_key(self.issuer.papers.key.encode(), "key")
        self.write("a.key", pem_of(key, passphrase="geheim ü".encode()))
        self.assertEqual((), self.mistakes(f"{self.TEXT}signing_passphrase = geheim ü\n"))
        self.assertMistake(self.TEXT, 3, "signing_key", "is locked with a passphrase")
        wrong = f"{self.TEXT}signing_passphrase = s3cret\n"
        self.assertMistake(wrong, 3, "signing_key", "the passphrase is not that")
        self.assertNotIn("s3cret", str(self.mistakes(wrong)))

    def test_no_authority(self) -> None:
        """One that may not sign is none."""
        self.keep(self.issuer.issue("x"))
        self.assertMistake(self.TEXT, 2, "signing_certificate", "is not that of an authority")
