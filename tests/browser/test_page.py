"""The page with a wallbox that charges, a backend, and names that somebody has chosen badly."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any, ClassVar
from urllib.parse import quote

from ocpp.v16 import call
from playwright.sync_api import Page, expect

from tests.end_to_end.billing import Books
from tests.end_to_end.cases import TAG
from tests.end_to_end.program import free_port
from tests.end_to_end.station import TRANSACTION, timestamp

from .browser import BrowserCase
from .peers import SECRET_VALUE, Box, signed_values
from .walk import flaws, places, raw_keys, settled, too_wide

SITE = """\
[manager]
title = Busy <i>garage</i>

[web]
listen = tcp:{web}:interface=127.0.0.1

[ocpp server]
port = {port}
interface = 127.0.0.1
tls = off

[circuit garage]
max_current = 63

[meter grid]
type = reported
role = display

[evse bay-1]
type = ocpp16
address = CP-0001

[evse bay-2]
type = ocpp16
address = CP-0002

[gateway bay-1]
evse = bay-1
url = ws://127.0.0.1:{backend}/
client_id = DE*BUSY*E1
password = of-the-backend-1
"""

CLIENT = "DE*BUSY*E1"

#: Would run where a page took a text for markup; cut to what OCPP allows in each place.
SCRIPT = "<img src=x onerror=hit()>"
SHORT = "<svg onload=hit()>"
NASTY_TAG = "<img src=x>"

#: As a meter makes it: what a writer of JSON would not write again.
OCMF = r"OCMF|{\"FV\":\"1.0\",\"RD\":[{\"RV\":2935.6}]}|{\"SD\":\"3045\u0022\/\"}"


class BusySite(BrowserCase):
    """
    A site that has charged for somebody, and has been told many things.

    @cvar box: the wallbox of bay-1.
    @cvar number: of its first transaction.
    """

    box: ClassVar[Box]
    books: ClassVar[Books]
    backend: ClassVar[int]
    number: ClassVar[int]
    texts: ClassVar[list[str]]

    @classmethod
    def setUpClass(cls) -> None:
        """Start all, and charge."""
        super().setUpClass()
        cls.books = cls.peers.backend(cls.backend)
        cls.box = cls.peers.box(cls.manager, "CP-0001")
        cls.peers.run(cls.tell())

    @classmethod
    def configuration(cls, port: int, web: int) -> str:
        """With a backend."""
        cls.backend = free_port()
        return SITE.format(port=port, web=web, backend=cls.backend)

    @classmethod
    async def tell(cls) -> None:
        """A charge with signed values, and whatever a wallbox may say, none of it kind."""
        box = cls.box
        boot = {
            "chargePointVendor": SHORT,
            "chargePointModel": SHORT,
            "chargePointSerialNumber": SCRIPT,
            "firmwareVersion": SCRIPT,
        }
        await box.say("BootNotification", json.dumps(boot))
        status = {
            "connectorId": 1,
            "errorCode": "NoError",
            "status": "Available",
            "info": SCRIPT,
            "vendorErrorCode": SCRIPT,
        }
        await box.say("StatusNotification", json.dumps(status))
        transfer = {"vendorId": SCRIPT, "messageId": SCRIPT, "data": SCRIPT}
        await box.say("DataTransfer", json.dumps(transfer))
        event = {"type": SCRIPT, "timestamp": timestamp(), "techInfo": SCRIPT}
        await box.say("SecurityEventNotification", json.dumps(event))
        await cls.books.until(lambda: CLIENT in cls.books.clients)
        await cls.books.hears("StatusNotification", connectorId=1)
        start = (
            f'{{"timestamp":"{timestamp()}", "meterStart":1000,"idTag":"{NASTY_TAG}",'
            '"connectorId": 1}'
        )
        cls.number = (await box.say("StartTransaction", start))["transactionId"]
        begin = signed_values(cls.number, OCMF, "Transaction.Begin")
        end = signed_values(cls.number, OCMF, "Transaction.End")
        for values in (begin, end):
            await box.say("MeterValues", values)
        stop = (
            f'{{"meterStop":3500,"transactionId":{cls.number},"timestamp":"{timestamp(60)}"}}'
        )
        await cls.books.hears("StartTransaction")
        # The backend takes each message once only, and refuses the end of the charge.
        only_once = call.ChangeConfiguration(key="TransactionMessageAttempts", value="1")
        await cls.books.clients[CLIENT].call(only_once)
        cls.books.refuses["StopTransaction"] = 1
        await box.say("StopTransaction", stop)
        await box.status("Available")
        cls.texts = [start, begin, end, stop]

    def window(self, **options: Any) -> Page:
        """One in which a script that runs would be noticed."""
        page = super().window(**options)
        page.add_init_script("window.hits = 0; window.hit = () => { window.hits += 1; };")
        return page

    def charge(self, id_tag: str = TAG) -> int:
        """The car of bay-1 charges until the end of the test."""
        number = self.peers.run(self.box.charge(id_tag))
        self.addCleanup(self.end, number)
        return number

    def end(self, number: int) -> None:
        """It leaves."""
        self.peers.run(self.box.end_transaction(number, 9000))
        self.peers.run(self.box.status("Available"))

    def said(self, words: str) -> None:
        """Wait until a short note says so, and put it away."""
        note = self.page.locator(".toast", has_text=words).first
        expect(note).to_be_visible()
        note.get_by_role("button", name="Dismiss").click()


class Views(BusySite):
    """What the views show and do."""

    def test_live(self) -> None:
        """A charge begins: the tile shows state, current against setpoint, and the reason."""
        self.see("")
        tile = self.tile("bay-1")
        expect(tile).to_contain_text("Free")
        mark = len(self.box.orders)
        number = self.charge()
        self.peers.run(self.box.ordered(TRANSACTION, 16, mark))
        self.peers.run(self.box.meter(number, 1500, 15.5))
        expect(tile).to_contain_text("Charging")
        expect(tile).to_contain_text("15.5 of 16 A")
        # It has not told the power, so nobody says that there is none.
        expect(tile).not_to_contain_text("0 W")
        expect(tile).to_contain_text("16 A: all that the wallbox can give")
        expect(tile).to_contain_text("0.50 kWh")
        expect(self.page.get_by_text("1 of 2 charging")).to_be_visible()

    def test_orders(self) -> None:
        """Limit, pause, resume, stop and start by click: the wallbox is told."""
        run, box, page = self.peers.run, self.box, self.see("")
        tile = self.tile("bay-1")
        number = run(box.charge(TAG))
        run(box.ordered(TRANSACTION, 16))
        mark = len(box.orders)
        self.press("Limit bay-1", tile)
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("No more than").fill("9")
        self.press("Limit", dialog)
        run(box.ordered(TRANSACTION, 9, mark))
        self.said("it has confirmed 9 A")
        expect(tile).to_contain_text("9 A: operator allows 9 A")
        mark = len(box.orders)
        self.press("Pause bay-1", tile)
        run(box.ordered(TRANSACTION, 0, mark))
        self.said("it has confirmed 0 A")
        expect(tile).to_contain_text("paused by operator")
        mark = len(box.orders)
        self.press("Resume bay-1", tile)
        run(box.ordered(TRANSACTION, 9, mark))
        self.press("Limit bay-1", tile)
        self.press("Lift the limit", dialog)
        run(box.ordered(TRANSACTION, 16, mark))
        self.press("Stop", tile)
        self.press("Stop", dialog)
        run(box.until(lambda: number in box.remote_stops))
        self.end(number)
        self.press("Start", tile)
        dialog.get_by_label("Tag").fill(TAG)
        self.press("Start", dialog)
        run(box.until(lambda: bool(box.remote_starts)))
        self.assertEqual(TAG, box.remote_starts[-1]["id_tag"])

    def test_transactions(self) -> None:
        """Filter, curve, signed data to the letter, CSV, and a statement to print."""
        page = self.see("transactions")
        row = page.get_by_role("row").filter(has_text="2.50 kWh")
        expect(row).to_contain_text(NASTY_TAG)
        page.get_by_label("Wallbox").select_option("bay-2")
        expect(page.get_by_text("No transaction fits")).to_be_visible()
        self.press("Clear the filter")
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV").click()
        table = download.value.path().read_bytes().decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(table, newline=""), strict=True))
        mine = [one for one in rows if one["transaction_id"] == str(self.number)]
        self.assertEqual(["2500"], [one["energy_wh"] for one in mine])
        row.get_by_role("link").first.click()
        expect(page.get_by_role("heading", name=f"Transaction {self.number}")).to_be_visible()
        expect(page.locator("canvas").first).to_be_visible()
        self.check_signed(page)
        self.see("transactions/statement")
        sheet = page.get_by_role("article").filter(has_text=NASTY_TAG)
        expect(sheet).to_contain_text("2.500")
        page.emulate_media(media="print")
        expect(sheet).to_contain_text("Charging statement")
        expect(page.get_by_role("navigation").first).to_be_hidden()
        self.assertGreater(len(page.pdf()), 5000)

    def check_signed(self, page: Page) -> None:
        """What is downloaded is what the wallbox has sent, byte for byte."""
        value = json.loads(f'"{OCMF}"').encode()
        button = page.get_by_role("button", name=re.compile(r"^Download: .*\.ocmf$"))
        for each in range(2):
            with page.expect_download() as download:
                button.nth(each).click()
            self.assertEqual(value, download.value.path().read_bytes())
        with page.expect_download() as download:
            page.get_by_role("link", name="All messages").click()
        lines = download.value.path().read_bytes().decode().splitlines()
        self.assertEqual(self.texts, [json.loads(line)["payload"] for line in lines])

    def test_dead_letter(self) -> None:
        """What the backend did not take is seen, and is sent again by click."""
        page = self.see("gateways/bay-1/dead")
        row = page.get_by_role("row").filter(has_text="StopTransaction")
        expect(row).to_contain_text("InternalError")
        before = len([one for one in self.books.told if one.action == "StopTransaction"])
        row.get_by_role("checkbox").check()
        self.press("Send chosen again (1)")
        self.press("Send again", page.get_by_role("dialog"))

        def again() -> bool:
            told = [one for one in self.books.told if one.action == "StopTransaction"]
            return len(told) > before and told[-1].payload["meterStop"] == 3500

        self.peers.run(self.books.until(again))
        expect(page.get_by_text("The backend has taken everything")).to_be_visible()

    def test_trace(self) -> None:
        """Messages come live, are filtered and held back; secrets are not in them."""
        page = self.see("trace")
        log = page.get_by_role("region", name="OCPP trace")
        expect(page.get_by_text("Live").last).to_be_visible()
        self.ask("/api/v1/charge-points/CP-0001/configuration")
        line = log.get_by_role("button").filter(has_text="GetConfiguration")
        line.last.click()
        expect(log.locator("pre")).to_contain_text("WlanPassword")
        expect(log.locator("pre")).not_to_contain_text(SECRET_VALUE)
        page.get_by_label("Action").fill("Heartbeat")
        page.keyboard.press("Tab")
        expect(line).to_have_count(0)
        lines = log.get_by_role("button").filter(has_text="CP-0001")
        self.peers.run(self.box.say("Heartbeat", "{}"))
        expect(lines).to_have_count(2)
        self.press("Pause")
        self.peers.run(self.box.say("Heartbeat", "{}"))
        expect(page.get_by_text("Paused, 2 new")).to_be_visible()
        expect(lines).to_have_count(2)
        self.press("Resume")
        expect(lines).to_have_count(4)
        self.peers.run(self.box.say("DataTransfer", '{"vendorId":"elsewhere"}'))
        self.peers.run(self.box.say("Heartbeat", "{}"))
        expect(lines).to_have_count(6)

    def test_command(self) -> None:
        """A command from the form, and a configuration key: the wallbox gets just that."""
        page = self.see("charge-points/CP-0001/command")
        page.get_by_label("Action").select_option("Reset")
        page.get_by_label("type").select_option("Soft")
        self.press("Send Reset")
        answer = page.locator("section", has=page.get_by_role("heading", name="Answer")).last
        expect(answer).to_contain_text("Accepted")
        self.assertEqual(["Soft"], self.box.resets)
        self.see("charge-points/CP-0001/configuration")
        row = page.get_by_role("row").filter(has_text="HeartbeatInterval")
        row.get_by_label("HeartbeatInterval").fill("77")
        self.press("Set", row)
        self.peers.run(self.box.until(lambda: self.box.set.get("HeartbeatInterval") == "77"))
        self.assertNotIn(SECRET_VALUE, page.content())
        expect(page.get_by_role("row").filter(has_text="NumberOfConnectors")).to_contain_text(
            "read only"
        )

    def test_tags(self) -> None:
        """With the first tag only the list may charge; without it everybody may again."""
        page = self.see("tags")
        self.press("Add a tag")
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Tag").fill("LISTED-1")
        expect(dialog).to_contain_text("The list is empty and everybody may charge.")
        dialog.locator("[type=submit]").click()
        expect(page.get_by_role("cell", name="LISTED-1", exact=True)).to_be_visible()
        box = self.peers.box(self.manager, "CP-0002")
        self.addCleanup(self.peers.leave, box)
        self.peers.run(box.boot())
        verdicts = [
            self.peers.run(box.authorize(tag))["status"] for tag in ("LISTED-1", "OTHER-1")
        ]
        self.assertEqual(["Accepted", "Invalid"], verdicts)
        self.press("Remove LISTED-1")
        expect(dialog).to_contain_text("This is the last tag.")
        dialog.locator(".danger").click()
        expect(page.get_by_text("The list is empty: everybody may charge")).to_be_visible()
        self.assertEqual("Accepted", self.peers.run(box.authorize("OTHER-1"))["status"])

    def test_scripts(self) -> None:
        """No text of a wallbox is taken for markup, whatever it is."""
        # A ChargeBox ID has no such letters; what else it has is odd enough.
        identity = "A=B|C@D #1+*"
        stranger = self.peers.box(self.manager, quote(identity, safe=""))
        self.addCleanup(self.peers.leave, stranger)
        boot = {"chargePointVendor": SHORT, "chargePointModel": SHORT}
        self.peers.run(stranger.say("BootNotification", json.dumps(boot)))
        page = self.page
        seen = ""
        for _ in places(page, self.names()):
            self.assertEqual([0, 0], page.evaluate(_HITS), page.url)
            seen += page.inner_text("main")
        for words in (SHORT, SCRIPT, NASTY_TAG):
            self.assertIn(words, seen)
        self.see("charge-points")
        page.get_by_role("tab", name="Waiting for approval").click()
        row = page.get_by_role("row").filter(has_text=identity)
        expect(row).to_contain_text(SHORT)
        self.press("Approve", row)
        expect(page.get_by_role("dialog")).to_contain_text(SHORT)
        page.keyboard.press("Escape")
        self.see("security")
        page.get_by_role("tab", name="Security events").click()
        expect(page.get_by_role("row").filter(has_text=SCRIPT).first).to_be_visible()
        self.see("")
        self.press("Curve and details of bay-1", self.tile("bay-1"))
        expect(page.get_by_role("dialog")).to_contain_text(SCRIPT)
        self.assertEqual([0, 0], page.evaluate(_HITS))
        expect(page.locator(".brand")).to_contain_text("Busy <i>garage</i>")

    def names(self) -> dict[str, str]:
        """What stands in the ways."""
        return {"transaction": str(self.number)}

    def test_accessible(self) -> None:
        """Axe-core finds nothing serious in any view, by day; no text is a key."""
        wrong = []
        for way in places(self.page, self.names()):
            wrong += [f"{way}: {one}" for one in flaws(self.page)]
            wrong += [f"{way}: {one}" for one in raw_keys(self.page)]
        self.assertEqual([], wrong, "\n".join(wrong))

    def test_looks(self) -> None:
        """What is looked for everywhere would be found."""
        page = self.see("")
        settled(page, "")
        self.assertEqual(([], [], []), (flaws(page), raw_keys(page), too_wide(page)))
        # From here on it complains, and not all of it at once.
        page.remove_listener("console", self._listen)
        page.evaluate(_SPOILT)
        self.assertEqual(["forms.save"], raw_keys(page))
        self.assertTrue(too_wide(page))
        found = " ".join(flaws(page))
        for rule in ("image-alt", "label", "color-contrast"):
            self.assertIn(f"{rule}:", found)
        page.evaluate(f"document.querySelector('h1').innerHTML = {json.dumps(SCRIPT)}")
        page.wait_for_function(f"({_HITS})().join() !== '0,0'")
        page.context.close()
        self.loud.clear()

    def test_dark(self) -> None:
        """By night everything can be read as well; in German no text is missing."""
        page = self.window(color_scheme="dark", locale="de-DE")
        wrong = []
        for way in places(page, self.names()):
            wrong += [f"{way}: {one}" for one in flaws(page, ["color-contrast"])]
            wrong += [f"{way}: {one}" for one in raw_keys(page)]
        self.assertEqual([], wrong, "\n".join(wrong))

    def test_narrow(self) -> None:
        """On a phone nothing scrolls sideways; in Portuguese no text is missing."""
        phone = {"width": 390, "height": 844}
        page = self.window(viewport=phone, locale="pt-PT", has_touch=True, is_mobile=True)
        wrong = []
        for way in places(page, self.names()):
            wrong += [f"{way}: {one}" for one in (*too_wide(page), *raw_keys(page))]
        self.assertEqual([], wrong, "\n".join(wrong))

    def test_dialogs(self) -> None:
        """The dialogs are accessible, too, and fit on a phone."""
        page = self.window(viewport={"width": 390, "height": 844}, locale="pt-PT")
        wrong = []
        for name, place in (("start", 0), ("limit", 2), ("detail", 3), ("settings", 4)):
            self.see("", page)
            settled(page, "")
            tile = page.get_by_role("article", name="bay-1")
            tile.locator(".buttons button").nth(place).click()
            expect(page.get_by_role("dialog").get_by_role("button").first).to_be_visible()
            expect(page.locator("dialog .spinner")).to_have_count(0)
            found = (*flaws(page), *raw_keys(page), *too_wide(page))
            wrong += [f"{name}: {one}" for one in found]
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
        self.assertEqual([], wrong, "\n".join(wrong))

    def test_keyboard(self) -> None:
        """Without a mouse: to the gear, into its dialog, not out of it, and back."""
        page = self.see("")
        expect(self.tile("bay-1")).to_be_visible()
        name = "document.activeElement.getAttribute('aria-label')"
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(name) == "Settings of bay-1":
                break
        self.assertEqual("Settings of bay-1", page.evaluate(name))
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog").get_by_label("Address")).to_be_visible()
        seen = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            where = page.evaluate(_WHERE)
            self.assertIn(where[0], ("dialog", "nowhere"))
            seen.add(where[1])
        self.assertGreater(len(seen), 10)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        self.assertEqual("Settings of bay-1", page.evaluate(name))

    def test_language(self) -> None:
        """The language is switched: all of the navigation, and what the page calls its own."""
        page = self.see("transactions")
        ways = page.get_by_role("navigation").first.get_by_role("link")
        seen = {}
        for choice, code in (("English", "en"), ("Deutsch", "de"), ("Português", "pt")):
            page.get_by_role("combobox").filter(has_text="Deutsch").select_option(label=choice)
            expect(page.locator(f"html[lang|={code}]")).to_have_count(1)
            labels = page.locator("main label, main th, main h1").all_inner_texts()
            seen[code] = (ways.all_inner_texts(), labels)
        for one, other in (("en", "de"), ("en", "pt"), ("de", "pt")):
            for these, those in zip(seen[one], seen[other], strict=True):
                same = set(these) & set(those) - _SAME
                self.assertEqual(set(), same, (one, other))
        page.reload()
        expect(page.locator("html[lang|=pt]")).to_have_count(1)


#: How often a script has run, and what would load something.
_HITS = "() => [window.hits, document.querySelectorAll('img, [onload], [onerror]').length]"

#: A page as it must not be.
_SPOILT = """() => {
    const one = document.createElement("p");
    one.textContent = "forms.save";
    one.style.cssText = "width: 5000px; color: #888; background: #999";
    one.append(document.createElement("input"));
    document.querySelector("main").append(one);
    const picture = document.createElement("img");
    picture.src = "/icon.svg";
    document.querySelector("h1").append(picture);
}"""

#: Where the focus is.
_WHERE = """() => {
    const at = document.activeElement;
    const where = at.closest("dialog") ? "dialog" : at === document.body ? "nowhere" : "page";
    return [where, at.id || at.textContent];
}"""

#: What is called the same in two languages.
_SAME = {"Gateways", "Dashboard", "Status", "Tag", "Tags", "Wallbox", ""}
