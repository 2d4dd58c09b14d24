"""A site that runs, and a page that follows it over a socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from cfos_cm.services.charging_site import ChargingSite
from tests.services.sites import BAYS, SiteCase

from .sights import Page

PASSWORD = "correct horse battery staple"
#: Nobody is ever there.
GATEWAY = """\
[gateway cloud]
evse = bay-2
url = ws://127.0.0.1:1/ocpp
client_id = GARAGE-2
role = report
"""
#: Longer than anything takes, however busy the machine is. [s]
PATIENCE_S = 60.0


class Browser:
    """Asks a site from a thread, as a program does that knows nothing of it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookie = ""

    def ask(
        self, path: str, body: object = None, method: str = "GET"
    ) -> tuple[int, dict[str, str], Any]:
        """The status, the headers and the answer."""
        connection = self._connection()
        said = None if body is None else json.dumps(body)
        origin = f"http://127.0.0.1:{self._port}"
        headers = {"Cookie": self._cookie, "Content-Type": "application/json", "Origin": origin}
        connection.request(method, path, said, headers)
        response = connection.getresponse()
        cookie = response.headers["Set-Cookie"]
        if cookie:
            self._cookie = cookie.partition(";")[0]
        content = response.read()
        connection.close()
        return response.status, dict(response.headers), json.loads(content) if content else None

    def follow(self) -> tuple[HTTPConnection, HTTPResponse]:
        """What changes."""
        connection = self._connection()
        connection.request("GET", "/api/v1/live", headers={"Cookie": self._cookie})
        return connection, connection.getresponse()

    def _connection(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)


def read_until(response: HTTPResponse, page: Page, is_there: Callable[[], bool]) -> None:
    """Read events until something is so."""
    block = b""
    while not is_there():
        line = response.readline()
        assert line, "the stream has ended"
        block += line
        if block.endswith(b"\n\n"):
            page.write(block)
            block = b""


class LiveSiteTests(SiteCase):
    """A site with a page."""

    timeout = 90

    async def with_page(self) -> tuple[ChargingSite, int, Browser]:
        """A site that is set up, its port for wallboxes, and somebody who is logged in."""
        port = await self.free_port()
        listen = f"[web]\nlisten = tcp:{port}:interface=127.0.0.1"
        site, ocpp_port = await self.started(BAYS + GATEWAY, more=listen)
        browser = Browser(port)
        code = (self.folder / "var" / "setup-code").read_text().strip()
        setup = {"code": code, "password": PASSWORD}
        status, _, _ = await deferToThread(browser.ask, "/api/v1/setup", setup, "POST")
        self.assertEqual(200, status)
        return site, ocpp_port, browser

    async def test_follow(self) -> None:
        """A wallbox that connects is seen on a page that is open, and by whoever asks."""
        site, ocpp_port, browser = await self.with_page()
        connection, response = await deferToThread(browser.follow)
        self.addCleanup(connection.close)
        self.assertEqual(200, response.status)
        self.assertEqual("text/event-stream", response.headers["Content-Type"])
        page = Page()
        await deferToThread(read_until, response, page, lambda: "gateways" in page.events)
        self.assertEqual(["site", "evses", "gateways"], page.events)
        self.assertEqual({"bay-1", "bay-2"}, set(page.evses))
        self.assertEqual("never", page.evses["bay-1"]["link"])
        (cloud,) = page.gateways
        self.assertEqual(
            ("cloud", False, {"1": "bay-2"}),
            (cloud["name"], cloud["is_serving"], cloud["connectors"]),
        )
        self.assertEqual(["cloud"], [one["name"] for one in page.evses["bay-2"]["gateways"]])
        seen: Deferred[None] = deferToThread(
            read_until, response, page, lambda: page.evses["bay-1"]["link"] == "online"
        )
        await self.station(ocpp_port, "CP-1")
        await seen
        self.assertNotIn("evses", page.events[3:])
        status, _, one = await deferToThread(browser.ask, "/api/v1/evses/bay-1")
        self.assertEqual((200, "online", "CP-1"), (status, one["link"], one["charge_point"]))
        status, _, found = await deferToThread(browser.ask, "/api/v1/site")
        self.assertEqual(
            (200, "on", ocpp_port), (status, found["mode"], found["ocpp_server"]["port"])
        )
        self.assertIsNotNone(found["cycle_ms"])
        status, _, history = await deferToThread(
            browser.ask, "/api/v1/evses/bay-1/history?span=days"
        )
        self.assertEqual((200, 300), (status, history["step_s"]))
        await site.stopService()
        self.assertEqual(b"", await deferToThread(_rest, response))

    async def test_strangers(self) -> None:
        """Who is not logged in sees nothing of the site but whether it works."""
        _, _, browser = await self.with_page()
        stranger = Browser(browser._port)
        for path in ("/api/v1/site", "/api/v1/evses", "/api/v1/live", "/api/v1/site/history"):
            status, _, _ = await deferToThread(stranger.ask, path)
            self.assertEqual(401, status, path)
        for path in ("/healthz", "/readyz"):
            status, _, found = await deferToThread(stranger.ask, path)
            self.assertEqual((200, {"status": "ok", "reasons": []}), (status, found))
        status, _, problem = await deferToThread(browser.ask, "/api/v1/evses/bay1")
        self.assertEqual(404, status)
        self.assertIn("did you mean 'bay-1'?", problem["detail"])


def _rest(response: HTTPResponse) -> bytes:
    """What there is after the last whole event, when the stream has ended."""
    return response.read().rpartition(b"\n\n")[2]
