"""Tests of certificates that are sent over HTTP."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from twisted.internet.defer import Deferred

from cfos_cm.certificates.names import alternative_names, fingerprint, public_key_pin
from cfos_cm.certificates.pem import pem_of
from cfos_cm.errors import CfosError, LocalProtocolError
from cfos_cm.net.server_tls import ServerTls
from cfos_cm.services import own_pairs as own_pairs_module
from cfos_cm.services import server_certificates
from cfos_cm.services.certificate_watch import CertificateWatch
from cfos_cm.services.config import read_config
from cfos_cm.services.config.editing import SetOptions
from cfos_cm.services.server_certificates import ServerCertificates
from cfos_cm.services.web import uploaded
from cfos_cm.services.web.certificate_routes import certificate_routes
from cfos_cm.services.web.uploaded import Uploaded
from cfos_cm.storage import private_files
from cfos_cm.web.role import Role
from tests.certificates.made import rsa_key
from tests.issuer import Issuer, Papers
from tests.services.certificate_case import done, shown_by
from tests.services.web.settings_case import (
    NOW,
    FailingOs,
    SettingsCase,
    asked,
    handling,
    values_in,
)

TEXT = """\
[manager]
title = Garage

[ocpp server]
port = 19520

[circuit garage]
max_current = 40

[evse bay-1]
type = ocpp16
address = CP-1

[evse bay-2]
type = ocpp16
address = CP-2

[gateway one]
evse = bay-1
url = wss://backend.example/
client_id = DE1

[gateway two]
evse = bay-2
url = wss://backend.example/
client_id = DE1
"""
OWN_NAMES = ("garage", "127.0.0.1")


class CertificatesCase(SettingsCase):
    """A site that shows certificates."""

    def setUp(self) -> None:
        """It has made its own."""
        super().setUp()
        self.path.write_text(TEXT)
        self.site.config = read_config(str(self.path))
        kinds = {**own_pairs_module._KINDS, "rsa": lambda: rsa_key(2048)}
        self.patch(own_pairs_module, "_KINDS", kinds)
        self.patch(server_certificates, "own_names", lambda: OWN_NAMES)
        self.tls = ServerTls(lambda: NOW)
        self.certificates = ServerCertificates(self.clock, lambda: NOW, self.tls)
        done(self.certificates.open(self.site.config))
        self.patch(self.site, "reload", self.reload)
        self.watch = CertificateWatch(self.clock, lambda: NOW)
        names = lambda: OWN_NAMES  # noqa: E731
        taker = Uploaded(self.settings, lambda: self.site.config, self.now, self.clock, names)
        self.routes = certificate_routes(self.watch, taker)

    def reload(self) -> Deferred[None]:
        """What a site does that is told to."""
        self.site.reloads += 1
        self.site.config = read_config(str(self.path))
        return Deferred.fromCoroutine(self.certificates.configure(self.site.config))

    def ask(self, method: str, path: str, body: Any = None, **more: str) -> Any:
        """What is answered below C{/certificates}."""
        route = self.route(self.routes, method, f"/certificates{path}")
        return self.answered(route, body, **more)

    def refused(self, method: str, path: str, body: Any = None, **more: str) -> str:
        """Why it is not done: nothing has changed."""
        files, text = self.files(), self.path.read_text()
        before = shown_by(self.tls)
        route = self.route(self.routes, method, f"/certificates{path}")
        work = Deferred.fromCoroutine(handling(route, asked(route, body, **more)))
        failure = self.failureResultOf(work, CfosError)
        self.assertEqual((files, text), (self.files(), self.path.read_text()))
        self.assertEqual((before, 0), (shown_by(self.tls), self.site.reloads))
        words: str = failure.getErrorMessage()
        self.assertNotIn("PRIVATE KEY-", words + failure.getTraceback())
        return words

    def files(self) -> dict[str, bytes]:
        """All that is kept, but for old settings."""
        found = (self.folder / "var").rglob("*")
        return {str(one): one.read_bytes() for one in found if one.is_file()}

    def uploads(self) -> list[str]:
        """The files that were sent."""
        folder = self.folder / "var" / "uploaded"
        return sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []


def body_of(papers: Papers) -> dict[str, str]:
    """A pair as it is sent."""
    return {"certificate": papers.chain, "private_key": papers.key}


def locked(papers: Papers, passphrase: bytes) -> str:
    """A key that is locked."""
    key = load_pem_private_key(papers.key.encode(), None)
    lock = BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock).decode()


class Server(CertificatesCase):
    """The server's certificate."""

    def setUp(self) -> None:
        """Somebody has signed one."""
        super().setUp()
        self.issuer = Issuer("Authority")
        self.papers = self.issuer.issue("garage", "garage")

    def test_for_administrators(self) -> None:
        """Nobody else sees or changes them."""
        self.assertEqual({Role.ADMIN}, {one.role for one in self.routes})

    def test_used(self) -> None:
        """It is shown at once, and kept where nobody else can look."""
        answer = self.ask("PUT", "/server", body_of(self.papers))
        self.assertEqual(pem_of(self.papers.certificate), pem_of(shown_by(self.tls)))
        self.assertEqual(
            {"[ocpp server] certificate", "[ocpp server] private_key"}, set(answer["changed"])
        )
        self.assertIn(fingerprint(self.papers.certificate), answer["warnings"][0])
        server = values_in(self.path)["ocpp server"]
        self.assertEqual("19520", server["port"])
        for option in ("certificate", "private_key"):
            path = self.folder / str(server[option])
            self.assertEqual(self.folder / "var" / "uploaded", path.parent)
            self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))
        self.assertEqual(0o700, stat.S_IMODE((self.folder / "var" / "uploaded").stat().st_mode))
        self.assertNotIn("PRIVATE KEY", str(answer) + self.note)

    def test_openssl(self) -> None:
        """What is kept is a pair for C{openssl} too."""
        self.ask("PUT", "/server", body_of(self.papers))
        server = values_in(self.path)["ocpp server"]
        said = [
            subprocess.run(
                ["openssl", *command, "-pubout", "-in", str(self.folder / str(server[name]))]
                if command[0] == "pkey"
                else ["openssl", *command, "-in", str(self.folder / str(server[name]))],
                capture_output=True,
                check=True,
                text=True,
            ).stdout
            for command, name in (
                (["x509", "-noout", "-pubkey"], "certificate"),
                (["pkey"], "private_key"),
            )
        ]
        self.assertEqual(said[0], said[1])

    def test_tidied_in_turn(self) -> None:
        """What is named nowhere is removed, but not while somebody else changes something."""
        self.ask("PUT", "/server", body_of(self.papers))
        left = self.folder / "var" / "uploaded" / "server-0.pem"
        left.write_bytes(b"")
        applied = [Deferred[None](), Deferred[None]()]
        reload, turns = self.site.reload, iter(applied)
        self.patch(self.site, "reload", lambda: reload() and next(turns))
        route = self.route(self.routes, "DELETE", "/certificates/server")
        Deferred.fromCoroutine(handling(route, asked(route)))
        other = self.settings.change([SetOptions("manager", {"title": "X"})])
        Deferred.fromCoroutine(other)
        applied[0].callback(None)
        self.assertTrue(left.exists())
        applied[1].callback(None)
        self.assertFalse(left.exists())

    def test_locked(self) -> None:
        """A key that is locked is unlocked; without its passphrase nothing is done."""
        body = {**body_of(self.papers), "private_key": locked(self.papers, b"open sesame")}
        self.assertIn("locked with a passphrase", self.refused("PUT", "/server", body))
        words = self.refused("PUT", "/server", {**body, "passphrase": "open barley"})
        self.assertNotIn("barley", words)
        self.ask("PUT", "/server", {**body, "passphrase": "open sesame"})
        self.assertEqual(pem_of(self.papers.certificate), pem_of(shown_by(self.tls)))
        self.assertNotIn(b"sesame", b"".join(self.files().values()))

    def test_refused(self) -> None:
        """What cannot be used changes nothing, and it is said why."""
        other, weak = self.issuer.issue("x", "x"), self.issuer.issue("x", "x", bits=1024)
        over = self.issuer.issue("x", "x", ends=NOW - timedelta(days=1))
        soon = self.issuer.issue("x", "x", begins=NOW + timedelta(days=2))
        chain, key = self.papers.chain, self.papers.key
        stranger = Issuer("Stranger").pem
        for certificate, private_key, words in (
            (chain, other.key, "is not that of the certificate"),
            (chain + stranger, key, "not in order"),
            (weak.chain, weak.key, "1024 bits"),
            (over.chain, over.key, "has expired on"),
            (soon.chain, soon.key, "is valid from"),
            (chain, "", "private_key: it is empty"),
            ("", key, "certificate: it is empty"),
            (chain + key, key, "there is a private key in it"),
            (chain, chain, "private_key"),
            ("junk", key, "no PEM text"),
            (chain.replace("MII", "MIJ", 1), key, "damaged"),
            (chain, "é" * 40_000, "more than"),
        ):
            body = {"certificate": certificate, "private_key": private_key}
            self.assertIn(words, self.refused("PUT", "/server", body))

    def test_not_shown_right(self) -> None:
        """One that no client gets TLS with is found out before anything is changed."""

        def useless(tls: ServerTls, material: Any) -> None:
            raise LocalProtocolError("no shared cipher")

        self.patch(ServerTls, "use", useless)
        self.assertIn("no shared cipher", self.refused("PUT", "/server", body_of(self.papers)))

    def test_own_again(self) -> None:
        """The own pair is shown again; what was sent is gone when no backup names it."""
        before = shown_by(self.tls)
        self.ask("PUT", "/server", body_of(self.papers))
        sent = self.uploads()
        self.assertEqual(2, len(sent))
        self.ask("DELETE", "/server")
        self.assertEqual(before, shown_by(self.tls))
        self.assertEqual({"port": "19520"}, values_in(self.path)["ocpp server"])
        self.assertEqual(sent, self.uploads())
        for number in range(5):
            done(self.settings.change([SetOptions("manager", {"title": f"T{number}"})]))
        self.ask("DELETE", "/server")
        self.assertEqual([], self.uploads())

    def test_restored(self) -> None:
        """Settings of before that name what was sent before can be used."""
        self.ask("PUT", "/server", body_of(self.papers))
        second = self.issuer.issue("garage", "garage")
        self.ask("PUT", "/server", body_of(second))
        newest, _ = done(self.settings.backups())
        done(self.settings.restore(newest.id))
        self.assertEqual(pem_of(self.papers.certificate), pem_of(shown_by(self.tls)))

    def test_made_anew(self) -> None:
        """A new own pair has a new key and the names that are wanted; it stays."""
        before = shown_by(self.tls), shown_by(self.tls, "rsa")
        self.ask("PUT", "/server", body_of(self.papers))
        answer = self.ask("POST", "/server/create", {"names": ["charge.example", "10.0.0.9"]})
        new = shown_by(self.tls)
        self.assertEqual(
            {"charge.example", "10.0.0.9", *OWN_NAMES}, set(alternative_names(new))
        )
        self.assertNotEqual(public_key_pin(before[0]), public_key_pin(new))
        self.assertIn(fingerprint(new), answer["warnings"][0])
        self.assertIn("has to be told", answer["warnings"][0])
        self.assertEqual({"port": "19520"}, values_in(self.path)["ocpp server"])
        done(self.certificates.renew())
        self.assertEqual(new, shown_by(self.tls))
        own = self.folder / "var" / "certificates"
        modes = {one.suffix: stat.S_IMODE(one.stat().st_mode) for one in own.iterdir()}
        self.assertEqual({".pem": 0o644, ".key": 0o600}, modes)

    def test_bad_names(self) -> None:
        """What is no name of a host is refused."""
        self.assertIn("room for", self.refused_many())
        for name in ("a b", "x" * 250, "-"):
            self.refused("POST", "/server/create", {"names": [name]})

    def refused_many(self) -> str:
        """Why too many names are refused."""
        names = tuple(f"10.0.1.{one}" for one in range(30))
        self.patch(uploaded, "MAX_NAMES", 10)
        return self.refused("POST", "/server/create", {"names": list(names[:20])})

    def test_faults(self) -> None:
        """Whatever file cannot be written: nothing has changed, and nothing is left."""
        for method, path, body in (
            ("PUT", "/server", body_of(self.papers)),
            ("POST", "/server/create", {"names": ["charge.example"]}),
        ):
            step = 0
            while True:
                self.setUp()
                files, before = self.files(), shown_by(self.tls)
                failing = FailingOs(step, errno.ENOSPC)
                self.patch(private_files, "os", failing)
                route = self.route(self.routes, method, f"/certificates{path}")
                results: list[Any] = []
                work = Deferred.fromCoroutine(handling(route, asked(route, body)))
                work.addBoth(results.append)
                self.patch(private_files, "os", os)
                if failing.count <= step:
                    break
                step += 1
                if not isinstance(getattr(results[0], "value", None), Exception):
                    continue  # What is left over was not removed; it is tried the next time.
                self.assertEqual(507, results[0].value.status)
                self.assertEqual((files, TEXT), (self.files(), self.path.read_text()), step)
                self.assertEqual((before, 0), (shown_by(self.tls), self.site.reloads))
            self.assertGreater(step, 8)

    def test_settings_refused(self) -> None:
        """If the settings are not written, nothing that was sent stays."""
        self.path.write_text(TEXT.replace("max_current = 40", "max_current = x"))
        self.assertIn("max_current", self.refused("PUT", "/server", body_of(self.papers)))
        self.assertIn("max_current", self.refused("POST", "/server/create", {"names": []}))

    def test_shown(self) -> None:
        """Each certificate is there, with what is to be said of it."""
        done(self.watch.look(self.site.config))
        self.addCleanup(lambda: done(self.watch.stop()))
        own = self.ask("GET", "")["certificates"]
        self.assertEqual([True, True], [one["is_own"] for one in own])
        over = self.issuer.issue("x", "x", ends=NOW + timedelta(days=5))
        self.ask("PUT", "/server", body_of(over))
        done(self.watch.look(self.site.config))
        first = self.ask("GET", "")["certificates"][0]
        self.assertEqual(
            (5, True, False), (first["days_left"], first["is_warning"], first["is_own"])
        )
        self.assertEqual(fingerprint(over.certificate), first["fingerprint"])


class Others(CertificatesCase):
    """Those who are believed, and what gateways show."""

    def test_authorities(self) -> None:
        """Whom the server believes, and nobody any more."""
        issuer = Issuer("Authority")
        answer = self.ask("PUT", "/authorities", {"certificates": issuer.pem})
        self.assertIn("must have a certificate", answer["warnings"][0])
        (kept,) = self.site.config.ocpp_server.ca_certificates
        found = x509.load_pem_x509_certificate((self.folder / kept).read_bytes())
        self.assertEqual(issuer.certificate, found)
        self.ask("DELETE", "/authorities")
        self.assertEqual((), self.site.config.ocpp_server.ca_certificates)

    def test_authorities_refused(self) -> None:
        """A key, or what is over, is none of them."""
        issuer, papers = Issuer("Authority"), Issuer("A").issue("x")
        over = Issuer("Over", ends=NOW - timedelta(days=1))
        for text, words in (
            (issuer.pem + papers.key, "a private key in it"),
            (over.pem, "has expired"),
            (issuer.pem + over.pem, "Over"),
            ("", "is empty"),
            (papers.key, "private key"),
        ):
            self.assertIn(words, self.refused("PUT", "/authorities", {"certificates": text}))

    def test_gateway(self) -> None:
        """All gateways of a client id show and believe the same."""
        issuer = Issuer("Authority")
        papers = issuer.issue("DE1")
        put = ("PUT", "/gateways/{name}")
        self.ask(*put, {**body_of(papers), "ca_certificates": issuer.pem}, name="two")
        one, two = self.site.config.gateways
        self.assertEqual(one.certificate, two.certificate)
        self.assertEqual(one.ca_certificates, two.ca_certificates)
        content = Path(self.site.config.located(one.certificate or "")).read_text()
        self.assertEqual(papers.chain, content)
        self.ask("DELETE", "/gateways/{name}", name="one")
        self.assertEqual(
            [(None, None, ())] * 2,
            [
                (one.certificate, one.private_key, one.ca_certificates)
                for one in self.site.config.gateways
            ],
        )

    def test_gateway_refused(self) -> None:
        """Half a pair, nothing at all and a gateway that is not there are refused."""
        papers = Issuer("Authority").issue("DE1")
        put = ("PUT", "/gateways/{name}")
        words = self.refused(*put, {"certificate": papers.chain}, name="one")
        self.assertIn("together", words)
        self.assertIn("nothing to be used", self.refused(*put, {}, name="one"))
        for method in ("PUT", "DELETE"):
            body = body_of(papers) if method == "PUT" else None
            words = self.refused(method, "/gateways/{name}", body, name="../one")
            self.assertIn("no gateway of this name", words)

    def test_not_shown(self) -> None:
        """What somebody sends does not come out where the body is logged."""
        for path in ("/server", "/gateways/{name}"):
            route = self.route(self.routes, "PUT", f"/certificates{path}")
            body = {"certificate": "c", "private_key": "keysecret", "passphrase": "wordsecret"}
            self.assertNotIn("secret", repr(asked(route, body).body))
