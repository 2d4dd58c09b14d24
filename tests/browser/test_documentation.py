"""What the product's documentation instructs, click by click, up to what a wallbox hears."""

from __future__ import annotations

import contextlib
import ssl
from base64 import b64encode
from urllib.parse import unquote

import websockets
from playwright.sync_api import Locator, expect

from tests.end_to_end.cases import TAG
from tests.end_to_end.program import free_port
from tests.end_to_end.station import DEFAULT, TRANSACTION

from .browser import BrowserCase
from .peers import Box

SITE = """\
[manager]
title = Documented garage

[web]
listen = tcp:{web}:interface=127.0.0.1

[ocpp server]
port = {port}
interface = 127.0.0.1
tls = off

[circuit garage]
max_current = 63

[evse bay-1]
type = ocpp16
address = CP-0001
"""


#: Puts away what was said before.
_DISMISS = "() => document.querySelectorAll('.toast button').forEach((one) => one.click())"


class Documentation(BrowserCase):
    """Chapters of the documentation; each test leaves the site as it was."""

    site = SITE

    def connected(self, identity: str, **options: object) -> Box:
        """A wallbox that has introduced itself, until the end of the test."""
        box = self.peers.box(self.manager, identity, **options)
        self.addCleanup(self.peers.leave, box)
        self.peers.run(box.boot())
        return box

    def charges(self, box: Box, limit_a: float = 16) -> None:
        """It charges with what it is given, and ends that."""
        number = self.peers.run(box.charge(TAG))
        self.peers.run(box.ordered(TRANSACTION, limit_a))
        self.peers.run(box.end_transaction(number, 2000))
        self.peers.run(box.status("Available"))

    def save(self, within: Locator | None = None) -> None:
        """Save the settings, and see that they are."""
        self.page.evaluate(_DISMISS)
        expect(self.page.locator(".toast")).to_have_count(0)
        self.press("Save", within)
        self.says("Saved and applied.")

    def test_evse(self) -> None:
        """Operating an OCPP EVSE: device type, address and id in its settings; it charges."""
        self.addCleanup(self.change, {"heading": "evse doc-1", "remove": True})
        page = self.see("settings/evses")
        self.press("Add: EVSE")
        card = page.locator(".section", has=page.get_by_label("Name *"))
        card.get_by_label("Name *").fill("doc-1")
        card.get_by_label("Device type").select_option("EVSE with OCPP 1.6")
        card.get_by_label("Address").fill("BOX-7")
        card.get_by_label("Id", exact=True).fill("1")
        card.get_by_label("Maximum charging current").fill("13")
        self.save()
        for line in ("[evse doc-1]", "type = ocpp16", "address = BOX-7", "max_current = 13"):
            self.assertIn(line, self.file().splitlines())
        box = self.connected("BOX-7")
        self.charges(box, 13)
        self.see("")
        expect(self.tile("doc-1")).to_contain_text("Peer Box")

    def test_approve(self) -> None:
        """One that nobody has configured waits, is approved on the page, and charges."""
        self.addCleanup(self.change, {"heading": "evse new-1", "remove": True})
        box = self.peers.box(self.manager, "NEW-1")
        self.addCleanup(self.peers.leave, box)
        self.assertEqual("Pending", self.peers.run(box.boot()).status)
        page = self.see("charge-points")
        self.says(f"ws://127.0.0.1:{self.manager.port}/")
        page.get_by_role("tab", name="Waiting for approval").click()
        row = page.get_by_role("row", name="NEW-1")
        self.press("Approve", row)
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name of the EVSE").fill("new-1")
        self.press("Approve", dialog)
        self.says("new-1 is part of the site now.")
        self.assertIn("[evse new-1]", self.file())
        self.assertIn("address = NEW-1", self.file())
        self.peers.run(box.until(lambda: "BootNotification" in box.triggers))
        self.assertEqual("Accepted", self.peers.run(box.boot()).status)
        self.charges(box)

    def test_server(self) -> None:
        """OCPP Server TLS, port and password: the server obeys, and who is connected stays."""
        old = self.manager.port
        self.addCleanup(self.back_to, old)
        running = self.connected("CP-0001")
        page = self.see("settings")
        tls = page.get_by_label("OCPP Server TLS")
        expect(tls).to_have_value("off")
        self.assertEqual({"plain"}, self.ways_in())
        for choice, written, ways in (
            ("Detect", "tls = detect", {"plain", "tls"}),
            ("On", "tls = on", {"tls"}),
        ):
            tls.select_option(label=choice)
            self.save()
            self.assertIn(written, self.file().splitlines())
            self.assertEqual(ways, self.ways_in(), choice)
        tls.select_option(label="Off")
        new = free_port()
        page.get_by_role("textbox", name="OCPP Server Port").fill(str(new))
        page.get_by_label("OCPP Server password").fill("doc-password-1")
        self.save()
        self.assertIn(f"port = {new}", self.file())
        self.assertEqual(set(), self.ways_in())
        self.manager.port = new
        self.assertEqual(set(), self.ways_in())
        self.assertEqual({"plain"}, self.ways_in("doc-password-1"))
        self.peers.run(running.status("Available"))
        self.charges(running)
        expect(page.get_by_text("•••••• is set")).to_be_visible()
        self.assertNotIn("doc-password-1", page.content())

    def back_to(self, port: int) -> None:
        """The server as it was."""
        options = {"port": str(port), "tls": "off", "password": None}
        self.change({"heading": "ocpp server", "options": options})
        self.manager.port = port

    def ways_in(self, password: str | None = None) -> set[str]:
        """How a wallbox gets in."""
        found = set()
        blind = ssl.create_default_context()
        blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
        for name, context in (("plain", None), ("tls", blind)):
            with contextlib.suppress(OSError, websockets.InvalidHandshake, EOFError):
                box = self.peers.box(self.manager, "PROBE", password=password, context=context)
                self.peers.leave(box)
                found.add(name)
        return found

    def test_gateway(self) -> None:
        """The gear's OCPP gateway settings: the backend is called, with login and client id."""
        self.addCleanup(self.change, {"heading": "gateway bay-1", "remove": True})
        port = free_port()
        books = self.peers.backend(port)
        box = self.connected("CP-0001")
        self.peers.run(box.status("Available"))
        page = self.see("")
        self.press("Settings of bay-1", self.tile("bay-1"))
        dialog = page.get_by_role("dialog")
        self.press("Add a gateway", dialog)
        dialog.get_by_label("OCPP Gateway URL").fill(f"ws://127.0.0.1:{port}/path/to/resource/")
        dialog.get_by_label("OCPP Gateway password").fill("gateway-pass-1")
        dialog.get_by_label("OCPP Gateway client ID").fill("DE*DOC*E7")
        self.save(dialog)
        self.peers.run(
            books.hears("BootNotification", chargePointVendor="Peer", chargePointModel="Box")
        )
        self.peers.run(books.hears("StatusNotification", connectorId=1, status="Available"))
        self.assertEqual("/path/to/resource/DE*DOC*E7", unquote(books.paths[0]))
        login = b64encode(b"DE*DOC*E7:gateway-pass-1").decode()
        self.assertEqual(f"Basic {login}", books.logins[0])
        self.assertIn("password = gateway-pass-1", self.file())
        self.press("Close", dialog)
        self.see("gateways")
        expect(page.get_by_role("listitem").filter(has_text="DE*DOC*E7")).to_contain_text(
            "Serving"
        )

    def test_release(self) -> None:
        """Deleting profiles: cancel the limit, Activated off; the page says what came of it."""
        self.addCleanup(
            self.change,
            {"heading": "manager", "options": {"on_disable": None}},
            {"heading": "evse bay-1", "options": {"enabled": None}},
        )
        box = self.connected("CP-0001")
        self.peers.run(box.status("Available"))
        self.peers.run(box.ordered(DEFAULT))
        page = self.see("settings")
        page.get_by_label("For device deactivation").select_option(
            label="Cancel charging current limit"
        )
        self.save()
        self.assertIn("on_disable = cancel_limits", self.file())
        self.assertEqual([], box.cleared)
        box.clears = "Error"
        box.refuses = {DEFAULT, TRANSACTION, "ChargePointMaxProfile"}
        self.off()
        dialog = page.get_by_role("dialog")
        refused = dialog.get_by_text("The wallbox has not cleared its charging profiles.")
        expect(refused).to_be_visible()
        self.assertIn("enabled = no", self.file())
        self.press("Close", dialog.locator("footer"))
        box.clears, box.refuses = "Accepted", set()
        self.off(on=True)
        self.press("Close", dialog.locator("footer"))
        expect(self.tile("bay-1")).not_to_contain_text("Switched off")
        mark = len(box.cleared)
        self.off()
        confirmed = "The wallbox has confirmed"
        expect(dialog.get_by_text(confirmed)).to_be_visible()
        self.assertIn({}, box.cleared[mark:])
        self.press("Close", dialog.locator("footer"))
        expect(self.tile("bay-1")).to_contain_text("Switched off")
        expect(self.tile("bay-1")).to_contain_text("Released: it charges by itself")

    def off(self, on: bool = False) -> None:
        """The gear of the tile, the switch "Activated", save."""
        self.see("")
        self.press("Settings of bay-1", self.tile("bay-1"))
        dialog = self.page.get_by_role("dialog")
        switch = dialog.get_by_role("switch", name="Activated")
        expect(switch).to_be_checked(checked=not on)
        switch.set_checked(on, force=True)
        self.save(dialog)
