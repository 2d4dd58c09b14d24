"""
The commands by which a user makes certificates with OpenSSL, and connections with these.

The certificates are of version 1, without any extension, and their texts have umlauts.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.given import LoggedIn
from cfos_cm.console import parser
from cfos_cm.net.server_tls import ServerTls
from cfos_cm.net.tls_mode import TlsMode
from cfos_cm.services.config import read_config
from cfos_cm.services.server_certificates import ServerCertificates
from cfos_cm.site.security_profile import SecurityProfile
from tests.net.backends import server_context
from tests.net.client_case import ClientCase
from tests.net.peers import ServerCase, upgrade
from tests.services.certificate_case import done
from tests.services.threadless import ThreadlessClock

from .recipes import PASSPHRASE, commands, made

_folders: list[TemporaryDirectory[str]] = []


@cache
def recipes() -> Path:
    """What the commands make; the keys take seconds, and are made once."""
    _folders.append(TemporaryDirectory())
    return made(Path(_folders[-1].name), server="localhost", client="CP-1")


def certificate(name: str) -> x509.Certificate:
    """One of what they made."""
    return x509.load_pem_x509_certificate((recipes() / name).read_bytes())


def run_command(*arguments: str) -> tuple[int, list[str]]:
    """The status and the lines of C{cfos-cm certs}."""
    lines: list[str] = []
    options = parser().parse_args(["certs", *arguments])
    return options.run(options, lines.append), lines


class Recipes(SynchronousTestCase):
    """What comes of the commands."""

    def test_all_there(self) -> None:
        """They are the documentation's five, and the last three for the server as well."""
        verbs = [command.split()[1] for command in commands()]
        self.assertEqual(["genrsa", "req", "genrsa", "req", "x509"], verbs[:5])
        self.assertEqual(["genrsa", "req", "x509"], verbs[5:])
        self.assertIn("-des3", commands()[0])
        self.assertTrue(all("-utf8" in one for one in commands() if " req " in one))

    def test_certificates(self) -> None:
        """They are of version 1 and have umlauts, and the authority's key is locked."""
        for name in ("rootCA.crt", "client.crt", "server.crt"):
            one = certificate(name)
            self.assertIs(x509.Version.v1, one.version)
            (organisation,) = one.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
            self.assertEqual("Tiefgarage Köln GmbH", organisation.value)
        self.assertIn("ENCRYPTED", (recipes() / "rootCA.key").read_text())

    def test_request(self) -> None:
        """A request has the alternative names of its recipe."""
        request = x509.load_pem_x509_csr((recipes() / "server.csr").read_bytes())
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertIn("*.tiefgarage-koeln.de", names.get_values_for_type(x509.DNSName))

    def test_checked(self) -> None:
        """Nothing is wrong with them."""
        for name, purpose in (("server", "server"), ("client", "client")):
            files = [str(recipes() / f"{name}.{end}") for end in ("crt", "key")]
            authority = ("--ca", str(recipes() / "rootCA.crt"), "--for", purpose)
            checked = run_command("check", *files, *authority)
            self.assertEqual((0, ["nothing is wrong"]), checked)

    def test_signed_here(self) -> None:
        """Their authority signs here too, and what it signs has the request's names."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "passphrase").write_text(f"{PASSPHRASE}\n")
        status, lines = run_command(
            *("sign", str(recipes() / "server.csr"), "--for", "server", "--dir", str(folder)),
            *("--ca", str(recipes() / "rootCA.crt"), "--ca-key", str(recipes() / "rootCA.key")),
            *("--passphrase-file", str(folder / "passphrase")),
        )
        self.assertEqual(0, status, lines)
        verified = subprocess.run(
            [
                *("openssl", "verify", "-CAfile", str(recipes() / "rootCA.crt")),
                *("-purpose", "sslserver", "-verify_hostname", "x.tiefgarage-koeln.de"),
                str(folder / "server.pem"),
            ],
            capture_output=True,
            check=False,
        )
        self.assertEqual(0, verified.returncode, verified.stderr)


class OurServer(ServerCase):
    """Wallboxes with such certificates, and our server with such a one."""

    mode = TlsMode.ON

    def tls(self) -> ServerTls:
        """As the settings of C{certs/README.md} have it."""
        path = Path(self.mktemp()).absolute()
        path.write_text(
            "[ocpp server]\ntls = on\n"
            f"certificate = {recipes()}/server.crt\nprivate_key = {recipes()}/server.key\n"
            f"ca_certificates = {recipes()}/rootCA.crt\n"
        )
        tls = ServerTls()
        now = datetime.now(UTC)
        certificates = ServerCertificates(ThreadlessClock(), lambda: now, tls)
        done(certificates.open(read_config(str(path))))
        return tls

    def python(self, shows: str = "") -> Deferred[str]:
        """What Python's C{ssl} is told; it checks the server, and shows a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(recipes() / "rootCA.crt")
        if shows:
            context.load_cert_chain(recipes() / f"{shows}.crt", recipes() / f"{shows}.key")

        def dial() -> str:
            below = socket.create_connection(("127.0.0.1", self.port_number), 20)
            with below, context.wrap_socket(below, server_hostname="localhost") as client:
                client.sendall(upgrade("/CP-1"))
                return client.recv(4096).partition(b"\r\n")[0].decode()

        return deferToThread(dial)

    def openssl(self, *arguments: str) -> Deferred[str]:
        """What C{openssl s_client} says; it checks the server."""
        command = [
            *("openssl", "s_client", "-connect", f"127.0.0.1:{self.port_number}"),
            *("-CAfile", str(recipes() / "rootCA.crt"), "-verify_return_error"),
            *("-verify_hostname", "localhost", "-ign_eof", *arguments),
        ]

        def run() -> str:
            found = subprocess.run(
                command,
                input=upgrade("/CP-2"),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=20,
                check=False,
            )
            return found.stdout.decode(errors="replace")

        return deferToThread(run)

    async def test_python(self) -> None:
        """Who shows such a certificate is let in under its name."""
        self.assertIn(" 101 ", await self.python("client"))

    async def test_without(self) -> None:
        """Who shows none, or the server's, is not."""
        with self.assertRaises(OSError):
            await self.python()
        self.assertIn(" 401 ", await self.python("server"))

    async def test_openssl(self) -> None:
        """OpenSSL takes the server, and is not another wallbox than its certificate says."""
        pair = ("-cert", str(recipes() / "client.crt"), "-key", str(recipes() / "client.key"))
        said = await self.openssl(*pair)
        self.assertIn("Verification: OK", said)
        self.assertIn("HTTP/1.1 401", said)


class OurGateway(ClientCase):
    """A backend with such a certificate, and our gateway with such a one."""

    async def gateway(self, **options: Any) -> Any:
        """A client of a backend that wants a certificate."""
        files = [str(recipes() / name) for name in ("server.crt", "server.key", "rootCA.crt")]
        backend = await self.backend(ssl=server_context(*files))
        authority = (str(recipes() / "rootCA.crt"),)
        return self.client(
            f"wss://localhost:{backend.port}/", ca_certificates=authority, **options
        )

    async def test_both_ways(self) -> None:
        """It takes the backend by its common name, and is taken."""
        pair = {
            "certificate": str(recipes() / "client.crt"),
            "private_key": str(recipes() / "client.key"),
        }
        await self.until_told(await self.gateway(**pair), "connected")
        logged_in = await self.until_noticed(LoggedIn)
        self.assertIs(SecurityProfile.CERTIFICATE, logged_in.profile)

    async def test_without(self) -> None:
        """Without one it is told that it needs one."""
        await self.until_told(await self.gateway(), "and may want one of ours")

    async def test_openssl_server(self) -> None:
        """OpenSSL's own server says that it has verified our certificate."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = subprocess.Popen(
            [
                *("openssl", "s_server", "-accept", str(port), "-naccept", "1"),
                *("-cert", str(recipes() / "server.crt")),
                *("-key", str(recipes() / "server.key")),
                *("-CAfile", str(recipes() / "rootCA.crt"), "-Verify", "5"),
                "-verify_return_error",
            ],
            # When that ends, it ends.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert server.stdin is not None
        assert server.stdout is not None
        for clean in (server.stdout.close, server.stdin.close, server.wait, server.kill):
            self.addCleanup(clean)
        self.client(
            f"wss://localhost:{port}/",
            ca_certificates=(str(recipes() / "rootCA.crt"),),
            certificate=str(recipes() / "client.crt"),
            private_key=str(recipes() / "client.key"),
        )
        said = ""
        while "GET /" not in said:
            said += (await deferToThread(server.stdout.readline)).decode(errors="replace")
        self.assertIn("verify return:1", said)
        self.assertIn("CN = CP-1", said)
