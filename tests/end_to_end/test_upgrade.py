"""The upgrade request, asked by C{curl}."""

from __future__ import annotations

import shutil
import subprocess
from unittest import skipUnless

from . import cases

_UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


@skipUnless(shutil.which("curl"), "curl is not installed")
class Upgrade(cases.SharedProgramCase):
    """A server with a password, where only configured stations may connect."""

    options = {"server": f"password = {cases.PASSWORD}\nunknown_charge_points = refuse"}

    def ask(
        self,
        path: str,
        *arguments: str,
        protocol: str | None = "ocpp1.6",
        upgrade: tuple[str, ...] = _UPGRADE,
    ) -> tuple[str, dict[str, str]]:
        """
        Ask for the upgrade.

        @return: the status line and the headers, their names in lower case.
        """
        headers = [*upgrade]
        if protocol is not None:
            headers.append(f"Sec-WebSocket-Protocol: {protocol}")
        command = ["curl", "-s", "-i", "--noproxy", "*", "--http1.1", "-m", "1", *arguments]
        for header in headers:
            command += ["-H", header]
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{self.manager.port}{path}"],
            stdout=subprocess.PIPE,
            timeout=30,
            check=False,
        )
        head = done.stdout.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        pairs = (line.partition(": ") for line in head[1:])
        return head[0], {name.lower(): value for name, _, value in pairs}

    def login(self, identity: str, password: str = cases.PASSWORD) -> tuple[str, ...]:
        """The arguments that prove an identity."""
        return ("-u", f"{identity}:{password}")

    def test_accepted(self) -> None:
        """A station with its password is upgraded, to its subprotocol and no extension."""
        status, headers = self.ask("/CP-0001", *self.login("CP-0001"))
        self.assertEqual(status, "HTTP/1.1 101 Switching Protocols")
        self.assertEqual(headers["sec-websocket-protocol"], "ocpp1.6")
        self.assertEqual(headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        self.assertNotIn("sec-websocket-extensions", headers)
        self.assertNotIn("server", headers)

    def test_no_password(self) -> None:
        """Without a password it is 401, and the answer says how to do better."""
        status, headers = self.ask("/CP-0001")
        self.assertEqual(status, "HTTP/1.1 401 Unauthorized")
        self.assertTrue(headers["www-authenticate"].startswith("Basic "), headers)

    def test_wrong_password(self) -> None:
        """A wrong password is 401, and so is another one's name."""
        for login in (self.login("CP-0001", "guess"), self.login("CP-0002")):
            status, _ = self.ask("/CP-0001", *login)
            self.assertEqual(status, "HTTP/1.1 401 Unauthorized")

    def test_enumeration(self) -> None:
        """Who does not know the password does not learn which stations there are."""
        self.assertEqual(self.ask("/CP-9999"), self.ask("/CP-0001"))

    def test_unknown(self) -> None:
        """A station that is not configured is 404."""
        status, _ = self.ask("/CP-9999", *self.login("CP-9999"))
        self.assertEqual(status, "HTTP/1.1 404 Not Found")

    def test_no_identity(self) -> None:
        """A path without a usable identity is 404, whatever was tried with it."""
        for path in ("/", "/%2e%2e%2fx", "/%252e", "/a%00b", "/" + "x" * 500):
            status, _ = self.ask(path, *self.login("CP-0001"))
            self.assertEqual((path, status), (path, "HTTP/1.1 404 Not Found"))

    def test_subprotocol(self) -> None:
        """Without the subprotocol of OCPP 1.6 it is 400."""
        for protocol in (None, "ocpp2.0.1", "ocpp1.5"):
            status, _ = self.ask("/CP-0001", *self.login("CP-0001"), protocol=protocol)
            self.assertTrue(status.startswith("HTTP/1.1 400 "), status)

    def test_chosen(self) -> None:
        """Among several subprotocols the one of OCPP 1.6 is chosen."""
        _, headers = self.ask("/CP-0001", *self.login("CP-0001"), protocol="ocpp2.0.1, ocpp1.6")
        self.assertEqual(headers["sec-websocket-protocol"], "ocpp1.6")

    def test_extension(self) -> None:
        """Compression is not agreed to."""
        offer = ("-H", "Sec-WebSocket-Extensions: permessage-deflate")
        status, headers = self.ask("/CP-0001", *self.login("CP-0001"), *offer)
        self.assertEqual(status, "HTTP/1.1 101 Switching Protocols")
        self.assertNotIn("sec-websocket-extensions", headers)

    def test_no_upgrade(self) -> None:
        """A browser's request is told what is missing, with or without the password."""
        for login in ((), self.login("CP-0001")):
            status, _ = self.ask("/CP-0001", *login, upgrade=(), protocol=None)
            self.assertTrue(status.startswith("HTTP/1.1 426 "), status)

    def test_huge(self) -> None:
        """A request that is far too long is not answered at all."""
        status, _ = self.ask("/CP-0001", "-H", "X-Padding: " + "x" * 40_000)
        self.assertEqual(status, "")
