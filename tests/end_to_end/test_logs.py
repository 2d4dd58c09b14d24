"""A backend has a log uploaded, and tries to have somebody knock at doors in the house."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ocpp.exceptions import NotImplementedError as NotImplementedByStation
from ocpp.v16 import call

from tests.issuer import Issuer
from tests.net.file_servers import FileServer
from tests.wire.test_location import NEARBY, NO_LOCATIONS

from . import cases
from .billing import Books, Client
from .program import Program
from .station import connected
from .test_gateway import CLIENT, GatewayCase

#: A device that nobody finds; its gateway is there all the same.
SITE = """\
[manager]
title = Test site
[ocpp server]
port = {port}
interface = 127.0.0.1
tls = off
[circuit garage]
max_current = 20
[evse bay-1]
type = cfos_power_brain
address = tcp:127.0.0.1:1
[gateway bay-1]
evse = bay-1
url = ws://127.0.0.1:{backend}/ocpp/
client_id = {client}
password = {password}
allow = {allow}
"""

#: Python runs it before the program: what is on this computer is the internet to it.
ALL_IS_INTERNET = """\
import os
import cfos_cm.wire.location
cfos_cm.wire.location.objection_to_address = lambda *_: None
os.environ["SSL_CERT_FILE"] = {roots!r}
"""


class Case(GatewayCase):
    """A device without OCPP, and its backend."""

    def device(self, allow: str = "GetLog GetDiagnostics", roots: str = "") -> Program:
        """
        A manager that runs.

        @param roots: a file with those that it believes; it goes anywhere then.
        """
        manager = self.manager_to_be()
        if roots:
            manager.packages = manager.folder / "site-packages"
            manager.packages.mkdir()
            text = ALL_IS_INTERNET.format(roots=roots)
            (manager.packages / "sitecustomize.py").write_text(text)
        manager.configure(
            SITE.format(
                port=manager.port,
                backend=self.backend_port,
                client=CLIENT,
                password=cases.PASSWORD,
                allow=allow,
            )
        )
        manager.start()
        return manager

    def manager_to_be(self) -> Program:
        """A manager that is not started."""
        self.backend_port = cases.free_port()
        self.books = Books()
        return self.program()

    async def client(self) -> Client:
        """The gateway, as soon as it has been let in."""
        await self.books.hears("StatusNotification", connectorId=0)
        return self.books.clients[CLIENT]

    def server(self, manager: Program, **options: Any) -> FileServer:
        """A server for files."""
        found = FileServer(folder=manager.folder, **options)
        self.addCleanup(found.close)
        return found


def _get_log(url: str, kind: str = "SecurityLog", request_id: int = 7) -> call.GetLog:
    return call.GetLog(log={"remoteLocation": url}, log_type=kind, request_id=request_id)


class Uploaded(Case):
    """The gateway's own logs, at a server of Python's with its TLS."""

    def test_uploaded(self) -> None:
        """Both logs come to where they are wanted; the backend is told."""
        issuer = Issuer("Files CA")
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        chain, _ = issuer.papers.files(folder, "roots")
        manager = self.device(roots=str(chain.resolve()))
        server = self.server(manager, papers=issuer.issue("files", "127.0.0.1"))
        self.run_peers(self.uploaded(server))

    async def uploaded(self, server: FileServer) -> None:
        """See L{test_uploaded}."""
        place = f"https://user:{cases.PASSWORD}@127.0.0.1:{server.port}/logs/"
        async with self.listening():
            client = await self.client()
            found = await client.call(_get_log(place))
            self.assertEqual("Accepted", found.status)
            await self.books.hears("LogStatusNotification", status="Uploading", requestId=7)
            await self.books.hears("LogStatusNotification", status="Uploaded", requestId=7)
            [taken] = server.taken
            self.assertEqual(("PUT", f"/logs/{found.filename}"), (taken.method, taken.path))
            self.assertIn(b"StartupOfTheDevice", taken.content)
            self.assertTrue(taken.headers["authorization"].startswith("Basic "))
            found = await client.call(call.GetDiagnostics(location=place, retries=1))
            await self.books.hears("DiagnosticsStatusNotification", status="Uploaded")
            taken = server.taken[1]
            self.assertEqual(f"/logs/{found.file_name}", taken.path)
            self.assertIn(b"\nAuthorizationKey = (secret)\n", taken.content)
            self.assertIn(b"connector 1: bay-1", taken.content)
            for one in server.taken:
                self.assertNotIn(cases.PASSWORD.encode(), one.content)

    def test_refused(self) -> None:
        """
        What a server does not take is told as it is, and no redirection is followed. One that
        nobody has signed for gets nothing.
        """
        manager = self.device(roots="/nowhere.pem")
        server = self.server(manager, statuses=[403, 503, 201, 302], headers={"Location": "/"})
        stranger = self.server(manager, papers=Issuer("Files CA").issue("files", "127.0.0.1"))
        self.run_peers(self.refused_by(manager, server, stranger))

    async def refused_by(
        self, manager: Program, server: FileServer, stranger: FileServer
    ) -> None:
        """See L{test_refused}."""
        place = f"http://127.0.0.1:{server.port}/up"
        async with self.listening():
            client = await self.client()
            for number, status, requests in (
                (1, "PermissionDenied", 1),
                (2, "Uploaded", 3),
                (3, "UploadFailure", 4),
            ):
                order = _get_log(place, request_id=number)
                order.retries, order.retry_interval = 2, 1
                await client.call(order)
                await self.books.hears("LogStatusNotification", status=status, requestId=number)
                self.assertEqual(requests, len(server.taken))
            order = _get_log(f"https://127.0.0.1:{stranger.port}/", request_id=4)
            order.retries = 0
            await client.call(order)
            await self.books.hears("LogStatusNotification", status="UploadFailure", requestId=4)
            await manager.says("its server is not trusted: its certificate is not signed by")
            self.assertEqual([], stranger.taken)


class Hostile(Case):
    """A backend that is allowed to, and names places in the house."""

    def test_places(self) -> None:
        """Nobody in the house is called, however he is named."""
        manager = self.device()
        self.run_peers(self.places(self.server(manager)))

    async def places(self, server: FileServer) -> None:
        """See L{test_places}."""
        port = server.port
        async with self.listening():
            client = await self.client()
            for host in (
                "127.0.0.1",
                "127.1",
                "2130706433",
                "0x7f000001",
                "[::1]",
                "localhost",
            ):
                found = await client.call(_get_log(f"http://{host}:{port}/"))
                self.assertEqual("Rejected", found.status, host)
            for url in (*NEARBY, *NO_LOCATIONS):
                if 0 < len(url) <= 512 and "\x00" not in url:
                    found = await client.call(_get_log(url))
                    self.assertEqual("Rejected", found.status, url)
            found = await client.call(call.GetDiagnostics(location=f"http://127.1:{port}/"))
            self.assertIsNone(found.file_name)
            await self.books.hears("DiagnosticsStatusNotification", status="UploadFailed")
            self.assertEqual([], server.taken)

    def test_forwarded(self) -> None:
        """A wallbox with OCPP is sent into the internet, and nowhere else."""
        gateway = (
            "[gateway bay-1]\nevse = bay-1\nurl = ws://127.0.0.1:{port}/ocpp/\n"
            f"client_id = {CLIENT}\nallow = GetDiagnostics\n"
        )
        self.run_peers(self.forwarded(self.manager(gateway=gateway)))

    async def forwarded(self, manager: Program) -> None:
        """See L{test_forwarded}."""
        async with self.listening(), connected(manager, "CP-0001") as station:
            await station.boot()
            client = await self.client()
            for url in ("http://192.168.1.1/", "ftp://localhost/", "http://a.example/;reboot"):
                found = await client.call(call.GetDiagnostics(location=url))
                self.assertIsNone(found.file_name, url)
            # A station that was asked says that it knows no such thing.
            with self.assertRaises(NotImplementedByStation):
                place = call.GetDiagnostics(location="https://93.184.215.14/")
                await client.call(place, suppress=False)
