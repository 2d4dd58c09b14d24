"""Pages of other web sites, in the browser of somebody who is logged in."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from playwright.sync_api import Request

from .browser import BrowserCase
from .test_entrance import SITE

#: What the page of the other site tries; each tells what came of it.
_TRICKS = """async ({ page, ocpp }) => {
    const api = page + "api/v1/";
    const order = api + "evses/bay-1/pause";
    const fate = (node) => new Promise((resolve) => {
        node.onload = () => resolve("loaded");
        node.onerror = () => resolve("failed");
        document.body.append(node);
    });
    const form = (enctype) => new Promise((resolve) => {
        const frame = document.createElement("iframe");
        frame.name = "answer-" + enctype;
        document.body.append(frame);
        const form = document.createElement("form");
        Object.assign(form, { action: order, method: "post", enctype, target: frame.name });
        const field = document.createElement("input");
        Object.assign(field, { name: '{"x": "', value: '"}' });
        form.append(field);
        document.body.append(form);
        frame.onload = () => resolve("answered");
        form.submit();
    });
    const asked = async (url, options) => {
        try {
            const answer = await fetch(url, { credentials: "include", ...options });
            return answer.type === "opaque" ? "opaque" : await answer.text();
        } catch (problem) {
            return "failed";
        }
    };
    const node = (tag, values) => Object.assign(document.createElement(tag), values);
    const stream = (way) => new Promise((resolve) => {
        way.onopen = () => resolve("open");
        way.onerror = () => resolve("failed");
    });
    const json = { "Content-Type": "application/json" };
    return {
        form: await form("application/x-www-form-urlencoded"),
        text: await form("text/plain"),
        upload: await form("multipart/form-data"),
        image: await fate(node("img", { src: api + "session" })),
        script: await fate(node("script", { src: api + "evses" })),
        style: await fate(node("link", { rel: "stylesheet", href: api + "evses" })),
        blind: await asked(order, { method: "POST", mode: "no-cors", body: "{}" }),
        order: await asked(order, { method: "POST", headers: json, body: "{}" }),
        erase: await asked(api + "session", { method: "DELETE" }),
        read: await asked(api + "evses"),
        events: await stream(new EventSource(api + "live", { withCredentials: true })),
        page_socket: await stream(new WebSocket(page.replace("http", "ws") + "api/v1/live")),
        wallbox: await stream(new WebSocket(ocpp + "CP-0001", "ocpp1.6")),
    };
}"""

_OUTCOMES = {
    "form": "answered",
    "text": "answered",
    "upload": "answered",
    "image": "failed",
    "script": "failed",
    "style": "failed",
    "blind": "failed",
    "order": "failed",
    "erase": "failed",
    "read": "failed",
    "events": "failed",
    "page_socket": "failed",
    "wallbox": "failed",
}


class _Elsewhere(BaseHTTPRequestHandler):
    """A page of somebody else."""

    def do_GET(self) -> None:
        """Answer anything."""
        page = b"<!doctype html><title>Elsewhere</title><body>Win a car!"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


class CrossSite(BrowserCase):
    """What it can do, and what it is told."""

    site = SITE
    elsewhere: ClassVar[int]

    @classmethod
    def setUpClass(cls) -> None:
        """Put the other site on the net, too."""
        super().setUpClass()
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere)
        cls.addClassCleanup(server.server_close)
        cls.addClassCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cls.elsewhere = server.server_port

    def try_all(self, host: str) -> list[Request]:
        """
        Lure who is logged in to that page, which tries everything.

        @return: what it has asked the manager for.
        """
        page, asked = self.window(), list[Request]()
        page.on("request", lambda one: asked.append(one))
        page.goto(f"http://{host}:{self.elsewhere}/")
        where = {"page": self.address, "ocpp": f"ws://localhost:{self.manager.port}/"}
        self.assertEqual(_OUTCOMES, page.evaluate(_TRICKS, where))
        (evse,) = self.ask("/api/v1/evses")["evses"]
        self.assertEqual((False, "never"), (evse["paused"], evse["link"]))
        # Who is refused is written down; the one who was let in is the test itself.
        entries = self.ask("/api/v1/audit")["entries"]
        done = [one["path"] for one in entries if one["status"] < 400]
        self.assertEqual(["/api/v1/setup"], done)
        self.manager.wait_for("refused, a page of another web site asks")
        return [one for one in asked if one.url.startswith(self.address)]

    def tearDown(self) -> None:
        """What the browser complains of is meant to be."""

    def carried(self, asked: list[Request]) -> set[str]:
        """The methods of the requests that had the cookie with them."""
        return {one.method for one in asked if "cookie" in one.all_headers()}

    def test_cross_site(self) -> None:
        """Another host: the cookie stays away as well."""
        asked = self.try_all("127.0.0.1")
        self.assertTrue(asked)
        self.assertEqual(set(), self.carried(asked))

    def test_same_site(self) -> None:
        """Another port of the same host, where the cookie is sent: it is of no use."""
        asked = self.try_all("localhost")
        self.assertIn("POST", self.carried(asked))

    def test_frame(self) -> None:
        """The page is not shown within another one, whose buttons lie over its own."""
        for host in ("127.0.0.1", "localhost"):
            page, asked = self.window(), list[Request]()
            page.on("request", lambda one, asked=asked: asked.append(one))
            page.goto(f"http://{host}:{self.elsewhere}/")
            with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
                page.evaluate(
                    """url => new Promise((resolve) => {
                        const frame = document.createElement("iframe");
                        Object.assign(frame, { src: url, onload: resolve });
                        document.body.append(frame);
                    })""",
                    self.address,
                )
            # Neither its scripts nor anything else of it is asked for.
            urls = [one.url for one in asked if one.url.startswith(self.address)]
            self.assertEqual([self.address], urls)

    def test_opened(self) -> None:
        """Who opens it in a window cannot reach into it."""
        page = self.window()
        page.goto(f"http://localhost:{self.elsewhere}/")
        with page.expect_popup() as opened:
            page.evaluate("url => { window.victim = window.open(url); }", self.address)
        opened.value.get_by_role("article", name="bay-1").wait_for()
        self.assertTrue(page.evaluate("() => window.victim.closed"))
        self.assertIsNone(opened.value.evaluate("() => window.opener"))
