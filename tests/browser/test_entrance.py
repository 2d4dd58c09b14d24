"""Who comes in, by which door, and what he may then: first start, login, logout, roles."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from .browser import PASSWORD, BrowserCase

SITE = """\
[manager]
title = Locked garage

[web]
listen = tcp:{web}:interface=127.0.0.1

[ocpp server]
port = {port}
interface = 127.0.0.1
tls = off

[circuit garage]
max_current = 32

[evse bay-1]
type = ocpp16
address = CP-0001
"""

#: What each role finds in the navigation.
WAYS = {
    "viewer": ["Dashboard", "Transactions", "Gateways", "Accounts"],
    "operator": [
        "Dashboard", "Charge points", "Transactions", "Tags", "Gateways", "OCPP trace",
        "Accounts",
    ],
    "admin": [
        "Dashboard", "Charge points", "Transactions", "Tags", "Gateways", "OCPP trace",
        "Settings", "Security", "Accounts",
    ],
}  # fmt: skip

#: What the tile of an EVSE offers.
TOOLS = {"viewer": set(), "operator": {"Start", "Pause bay-1", "Limit bay-1"}}
TOOLS["admin"] = TOOLS["operator"] | {"Settings of bay-1"}

#: The least role for each of these requests; the names in them are of nothing that there is,
#: so that whoever may ask changes nothing.
ASKS = [
    ("POST", "evses/none/pause", {}, "operator"),
    ("PUT", "tags/NONE", {"status": "Nonsense"}, "operator"),
    ("POST", "charge-points/none/call", {"action": "ClearCache", "payload": {}}, "operator"),
    ("GET", "trace", None, "operator"),
    ("GET", "settings", None, "admin"),
    ("PATCH", "settings", {"changes": [{"heading": "evse none", "remove": True}]}, "admin"),
    ("POST", "accounts", {}, "admin"),
    ("GET", "audit", None, "admin"),
    ("GET", "certificates", None, "admin"),
    ("GET", "security", None, "admin"),
]
RANKS = ["viewer", "operator", "admin"]


class Entrance(BrowserCase):
    """A manager that was started for the first time."""

    site = SITE

    @classmethod
    def _set_up(cls) -> Any:
        """Set it up as its owner does: with the code of the log, in a browser."""
        context = cls._browser.new_context(base_url=cls.address, locale="en-GB")
        try:
            page = context.new_page()
            page.goto("/")
            expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
            fill(page, "AAAA-BBBB-CCCC-DDDD", PASSWORD, PASSWORD)
            expect(page.get_by_role("alert")).to_contain_text("code")
            fill(page, cls.setup_code(), "short", "short")
            expect(page.get_by_text("That is shorter than 8 characters.")).to_be_visible()
            fill(page, cls.setup_code(), PASSWORD, PASSWORD + "!")
            expect(page.get_by_text("The two passwords differ.")).to_be_visible()
            fill(page, cls.setup_code(), PASSWORD, PASSWORD)
            expect(page.get_by_role("article", name="bay-1")).to_be_visible()
            # The code has done its work.
            assert not (cls.manager.folder / "var" / "setup-code").exists()
            return context.storage_state()
        finally:
            context.close()

    def logged_in(self, name: str, password: str) -> Page:
        """A window in which somebody logs in."""
        page = self.window(logged_in=False)
        with self.expected_complaints():
            self.see("", page)
            page.get_by_label("User").fill(name)
            page.get_by_label("Password", exact=True).fill(password)
            page.get_by_role("button", name="Log in").click()
            expect(page.get_by_role("article", name="bay-1")).to_be_visible()
        return page

    def test_once(self) -> None:
        """A link with an old code leads to the login: it is set up already."""
        page = self.window(logged_in=False)
        with self.expected_complaints():
            self.see("setup?code=AAAA-BBBB-CCCC-DDDD", page)
            expect(page.get_by_role("heading", name="Log in")).to_be_visible()

    def test_wrong(self) -> None:
        """A wrong password is called one; nothing is said of who there is."""
        page = self.window(logged_in=False)
        with self.expected_complaints():
            self.see("", page)
            for name in ("admin", "nobody"):
                page.get_by_label("User").fill(name)
                page.get_by_label("Password", exact=True).fill("wrong-one-1")
                page.get_by_role("button", name="Log in").click()
                words = page.get_by_text("The user or the password is wrong.")
                expect(words).to_be_visible()
                expect(page.get_by_label("Password", exact=True)).to_have_value("")
                expect(page.get_by_role("article")).to_have_count(0)
        self.see("security")
        table = self.page.get_by_role("table", name="Failed logins")
        expect(table).to_contain_text("The password is another one")
        expect(table).to_contain_text("There is no such account")
        # Somebody may have typed his password there.
        expect(table).not_to_contain_text("nobody")

    def test_log_out(self) -> None:
        """Logging out ends the session and its live stream; what was shown is gone."""
        page = self.logged_in("admin", PASSWORD)
        before = self.open_pages()
        with self.expected_complaints():
            page.get_by_role("button", name="Log out").click()
            expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        self.assertEqual(401, page.context.request.get("/api/v1/site").status)
        self.assertNotIn("bay-1", page.content())
        self.assertEqual(before - 1, self.open_pages())

    def test_ended_elsewhere(self) -> None:
        """A page whose session ends elsewhere is told nothing more, and asks for the login."""
        page = self.logged_in("admin", PASSWORD)
        csrf = page.context.request.get("/api/v1/session").json()["csrf"]
        with self.expected_complaints():
            answer = page.context.request.delete(
                "/api/v1/session",
                headers={"X-CSRF-Token": csrf, "Origin": self.address.rstrip("/")},
            )
            self.assertEqual(204, answer.status)
            expect(page.get_by_role("heading", name="Log in")).to_be_visible()

    def open_pages(self) -> int:
        """How many pages are told what happens."""
        text = self.page.context.request.get("/metrics").text()
        found = re.search(r"^cfos_cm_pages_open (\d+)", text, re.MULTILINE)
        assert found is not None, text[:400]
        return int(found[1])

    def test_roles(self) -> None:
        """Each role sees and may what it is for; the server says so, too."""
        page = self.see("accounts/accounts")
        for name, role in (("vera", "Viewer"), ("otto", "Operator")):
            self.press("Add an account")
            dialog = page.get_by_role("dialog")
            dialog.get_by_label("Name").fill(name)
            dialog.get_by_label("Role").select_option(label=role)
            dialog.get_by_label("Password", exact=False).first.fill("words of " + name)
            dialog.get_by_role("button", name=re.compile("^(Save|Add)")).click()
            expect(page.get_by_role("cell", name=name, exact=True)).to_be_visible()
        for name, role in (("vera", "viewer"), ("otto", "operator"), ("admin", "admin")):
            password = PASSWORD if name == "admin" else "words of " + name
            self.check_role(role, self.logged_in(name, password))

    def check_role(self, role: str, page: Page) -> None:
        """The navigation, the tools of a tile, and what the server says."""
        ways = page.get_by_role("navigation").first.get_by_role("link")
        self.assertEqual(WAYS[role], [one.strip() for one in ways.all_inner_texts()], role)
        tools = page.get_by_role("article", name="bay-1").locator(".buttons button")
        shown = {
            one.get_attribute("aria-label") or one.inner_text().strip() for one in tools.all()
        }
        self.assertEqual(TOOLS[role], shown - {"Curve and details of bay-1"}, role)
        csrf = page.context.request.get("/api/v1/session").json()["csrf"]
        headers = {"X-CSRF-Token": csrf, "Origin": self.address.rstrip("/")}
        for method, path, body, least in ASKS:
            answer = page.context.request.fetch(
                f"/api/v1/{path}", method=method, data=body, headers=headers
            )
            may = RANKS.index(role) >= RANKS.index(least)
            self.assertEqual(not may, answer.status == 403, f"{role} {method} {path}")
        if role != "admin":
            self.see("settings", page)
            expect(page.get_by_text("Your account may not see this")).to_be_visible()


def fill(page: Page, code: str, password: str, again: str) -> None:
    """Fill the form of the first start, and send it."""
    page.get_by_label("Set-up code").fill(code)
    page.get_by_label("New password").fill(password)
    page.get_by_label("The same password again").fill(again)
    page.get_by_role("button", name="Set password and log in").click()
