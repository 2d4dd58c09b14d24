"""
Take pictures of the page, with the sample site behind it.

    python tools/screenshots.py FOLDER             every view: light, dark, and on a phone
    python tools/screenshots.py --docs [FOLDER]    those of docs/first-steps, in each language

The sample site of tap.cfg runs in a temporary folder, on free ports, with a wallbox more that
waits to be approved. What tests need is needed: Playwright's Python package, and Chromium.
"""

from __future__ import annotations

import argparse
import re
import socket
import struct
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright  # noqa: E402

from tests.browser.browser import PASSWORD, launch  # noqa: E402
from tests.browser.walk import places  # noqa: E402
from tests.end_to_end.ports import ports_in_a_row  # noqa: E402
from tests.end_to_end.program import Program, free_port  # noqa: E402

LOCALES = {"en": "en-GB", "de": "de-DE", "pt": "pt-PT"}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 860}},
    "dark": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
WIDE: dict[str, Any] = {"viewport": {"width": 1200, "height": 780}}

#: How big a picture of the documentation may be. [bytes]
MOST_BYTES = 120 * 1024

#: A car so empty that it charges all the time.
NEEDS = "car_needs = 60"

STRANGER = """
[simulator stranger]
type = charge_point
url = ws://127.0.0.1:{ocpp}/
address = CP-0777
arrives_after = 900
"""


def sample(ports: dict[str, int]) -> str:
    """The sample site on other ports, with cars that come at once."""
    text = (ROOT / "tap.cfg").read_text("utf-8")
    changes = (
        ("listen = tcp:4712:", f"listen = tcp:{ports['web']}:"),
        (";backend_port = 9210", f"backend_port = {ports['backend']}"),
        ("ws://127.0.0.1:9210/", f"ws://127.0.0.1:{ports['backend']}/"),
        (";port = 19520", f"port = {ports['ocpp']}"),
        (";url = ws://127.0.0.1:19520/", f"url = ws://127.0.0.1:{ports['ocpp']}/"),
        ("tcp:127.0.0.1:4701", f"tcp:127.0.0.1:{ports['box']}"),
        (";modbus_port =", f"modbus_port = {ports['box']}"),
        ("tcp:127.0.0.1:1502", f"tcp:127.0.0.1:{ports['meter']}"),
        ("type = meter\n", f"type = meter\nmodbus_port = {ports['meter']}\n"),
        ("arrives_after = 2\n", "arrives_after = 1\n"),
        ("arrives_after = 20\n", "arrives_after = 2\n"),
        ("car_needs = 8\n", NEEDS + "\n"),
    )
    for old, new in changes:
        if old not in text:
            sys.exit(f"tap.cfg has no {old.strip()!r} any more: adapt tools/screenshots.py.")
        text = text.replace(old, new)
    return text + STRANGER.format(**ports)


@contextmanager
def running() -> Iterator[tuple[Program, str]]:
    """The sample site, and the address of its page; nobody has set it up."""
    with tempfile.TemporaryDirectory(prefix="cfos_cm-pictures-") as folder:
        ports = {"web": free_port(), "backend": free_port(), "ocpp": usual_port(19520)}
        ports |= {"box": ports_in_a_row(3), "meter": free_port()}
        program = Program(Path(folder), ports["ocpp"])
        program.configure(sample(ports))
        program.start()
        program.wait_for("the page is at ")
        try:
            yield program, f"http://localhost:{ports['web']}/"
        finally:
            program.clean_up()


def usual_port(port: int) -> int:
    """The port that everybody knows, if nobody has it; else some other one."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return free_port()
    return port


class Camera:
    """
    Takes pictures of one site.

    @ivar folder: where they go.
    """

    def __init__(self, browser: Browser, address: str, folder: Path) -> None:
        self._browser = browser
        self._address = address
        self.folder = folder
        self._state: Any = None
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def window(self, language: str = "en", **options: Any) -> Iterator[Page]:
        """A window of its own; logged in as soon as somebody has set the site up."""
        context = self._browser.new_context(
            base_url=self._address,
            locale=LOCALES[language],
            storage_state=self._state,
            reduced_motion="reduce",
            **options,
        )
        page = context.new_page()
        try:
            yield page
        finally:
            context.close()

    def set_up(self, code: str) -> None:
        """Choose the password."""
        with self.window() as page:
            answer = page.request.post(
                "/api/v1/setup",
                data={"code": code, "password": PASSWORD},
                headers={"Origin": self._address.rstrip("/")},
            )
            if not answer.ok:
                sys.exit(f"The site was not set up: {answer.text()}")
            self._state = page.context.storage_state()

    def take(self, page: Page, name: str) -> None:
        """Take a picture of what is seen now."""
        path = self.folder / f"{name}.png"
        path.write_bytes(page.screenshot(animations="disabled"))
        print(f"{path} ({path.stat().st_size // 1024} KiB)")

    def keep(self, page: Page, number: int, language: str) -> None:
        """Take a picture for the documentation."""
        name = f"first-steps-{number}-{language}"
        self.take(page, name)
        path = self.folder / f"{name}.png"
        path.write_bytes(smaller(path.read_bytes()))
        if path.stat().st_size > MOST_BYTES:
            sys.exit(f"{path} is bigger than {MOST_BYTES // 1024} KiB.")


def views(camera: Camera, code: str) -> None:
    """Every view, in each look."""
    for look, options in LOOKS.items():
        with camera.window(**options) as page:
            page.goto("/")
            page.locator("form").wait_for()
            camera.take(page, f"setup-{look}")
    camera.set_up(code)
    with camera.window() as page:
        wait_for_charges(page)
        number = page.request.get("/api/v1/transactions").json()["transactions"][0]["id"]
    for look, options in LOOKS.items():
        with camera.window(**options) as page:
            for way in places(page, {"transaction": str(number)}):
                page.wait_for_timeout(300)
                camera.take(page, f"{re.sub('[^a-z0-9]+', '-', way.lower())}-{look}")
            for button in ("settings", "detail", "limit"):
                page.goto("/#/")
                open_tool(page, button)
                page.wait_for_timeout(500)
                camera.take(page, f"tile-{button}-{look}")
                page.keyboard.press("Escape")


def docs(camera: Camera, code: str) -> None:
    """What docs/first-steps shows, in each language."""
    for language in LOCALES:
        with camera.window(language, **WIDE) as page:
            page.goto("/")
            page.locator("form input").first.fill("XXXX-XXXX-XXXX-XXXX")
            camera.keep(page, 1, language)
    camera.set_up(code)
    for language in LOCALES:
        with camera.window(language, **WIDE) as page:
            wait_for_charges(page)
            camera.keep(page, 2, language)
            before_saving(camera, page, language)
    with camera.window(**WIDE) as page:
        page.goto("/#/settings")
        page.locator('select[id$="-on_disable"]').select_option("cancel_limits")
        page.locator(".save-bar .primary").click()
        page.locator(".toast").wait_for()
        page.goto("/#/")
        open_tool(page, "settings")
        page.locator("dialog .switch").first.click()
        page.locator("dialog footer .primary").click()
        page.locator("dialog .release.confirmed").wait_for()
    for language in LOCALES:
        with camera.window(language, **WIDE) as page:
            page.goto("/#/")
            open_tool(page, "settings")
            page.locator("dialog .release.confirmed").wait_for()
            camera.keep(page, 10, language)


def before_saving(camera: Camera, page: Page, language: str) -> None:
    """What is seen while all is as it was."""
    page.goto("/#/charge-points")
    page.locator(".address code").first.wait_for()
    camera.keep(page, 3, language)
    page.get_by_role("tab").nth(1).click()
    page.locator("tbody .button.primary").first.click()
    page.locator("dialog input").first.fill("bay-3")
    camera.keep(page, 4, language)
    page.goto("/#/")
    page.reload()
    open_tool(page, "settings")
    camera.keep(page, 5, language)
    to_top(page.locator("dialog fieldset.gateway").first)
    camera.keep(page, 6, language)
    page.goto("/#/settings/parameters")
    page.reload()
    to_top(page.locator(".card", has=page.locator('select[id$="-tls"]')))
    camera.keep(page, 7, language)
    page.goto("/#/settings/certificates")
    page.locator(".finger").first.wait_for()
    camera.keep(page, 8, language)
    page.goto("/#/settings/parameters")
    page.locator('select[id$="-on_disable"]').select_option("cancel_limits")
    page.locator(".save-bar").wait_for()
    camera.keep(page, 9, language)


def wait_for_charges(page: Page) -> None:
    """Show the dashboard when both cars charge."""
    page.goto("/#/")
    expect(page.locator("article .badge.good")).to_have_count(2, timeout=60_000)
    # The curves of the tiles have begun.
    page.wait_for_timeout(4_000)


def open_tool(page: Page, tool: str) -> None:
    """Press one of the buttons of the first tile."""
    buttons = page.locator('article[aria-label="bay-1"] .buttons button')
    place = {"limit": 2, "detail": 3, "settings": 4}[tool]
    buttons.nth(place).click()
    page.locator("dialog .inside").wait_for()
    if tool == "settings":
        page.locator("dialog .options").first.wait_for()


def to_top(place: Locator) -> None:
    """Scroll it to the top of what is seen."""
    place.evaluate("one => one.scrollIntoView({ block: 'start', behavior: 'instant' })")


def smaller(picture: bytes) -> bytes:
    """The same PNG with a palette, instead of three bytes for each point."""
    width, height, points = _points(picture)
    palette, indexes = _with_palette(points)
    rows = b"".join(b"\0" + indexes[row * width : (row + 1) * width] for row in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, content)
        for kind, content in (
            (b"IHDR", head),
            (b"PLTE", palette),
            (b"IDAT", zlib.compress(rows, 9)),
            (b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    whole = kind + content
    return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))


def _points(picture: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height and the colours of a picture as Chromium writes it."""
    width, height, depth, kind = struct.unpack(">IIBB", picture[16:26])
    if depth != 8 or kind not in (2, 6):
        sys.exit("Chromium writes pictures in another way now: adapt tools/screenshots.py.")
    size = 3 if kind == 2 else 4
    data, at = b"", 8
    while at < len(picture):
        (length,) = struct.unpack(">I", picture[at : at + 4])
        if picture[at + 4 : at + 8] == b"IDAT":
            data += picture[at + 8 : at + 8 + length]
        at += length + 12
    raw, line = zlib.decompress(data), bytearray(width * size)
    found: list[bytes] = []
    for row in range(height):
        start = row * (width * size + 1)
        line = _unfiltered(raw[start], raw[start + 1 : start + 1 + width * size], line, size)
        found += [bytes(line[i : i + 3]) for i in range(0, width * size, size)]
    return width, height, found


def _unfiltered(kind: int, row: bytes, above: bytearray, size: int) -> bytearray:
    """A row of points; PNG, "Filter types for filter method 0"."""
    line = bytearray(row)
    if kind == 0:
        return line
    for i in range(len(line)):
        left = line[i - size] if i >= size else 0
        corner = above[i - size] if i >= size else 0
        guess = (0, left, above[i], (left + above[i]) // 2, 0)[kind]
        if kind == 4:
            guess = _paeth(left, above[i], corner)
        line[i] = (line[i] + guess) & 0xFF
    return line


def _paeth(left: int, up: int, corner: int) -> int:
    """The nearest of three neighbours; PNG, "Filter type 4: Paeth"."""
    guess = left + up - corner
    far = abs(guess - left), abs(guess - up), abs(guess - corner)
    if far[0] <= far[1] and far[0] <= far[2]:
        return left
    return up if far[1] <= far[2] else corner


def _with_palette(points: list[bytes]) -> tuple[bytes, bytes]:
    """The 256 colours that are there most, and which of them each point has."""
    counts: dict[bytes, int] = {}
    for point in points:
        counts[point] = counts.get(point, 0) + 1
    known = sorted(counts, key=lambda one: -counts[one])
    chosen = known[:256]
    nearest = {colour: number for number, colour in enumerate(chosen)}
    for colour in known[256:]:
        nearest[colour] = min(
            range(len(chosen)),
            key=lambda number: sum(
                (a - b) ** 2 for a, b in zip(chosen[number], colour, strict=True)
            ),
        )
    return b"".join(chosen), bytes(nearest[point] for point in points)


def main() -> None:
    """Take what was asked for."""
    parser = argparse.ArgumentParser(description="Take pictures of the page.")
    parser.add_argument("folder", type=Path, nargs="?", help="where they go")
    parser.add_argument("--docs", action="store_true", help="those of the documentation")
    options = parser.parse_args()
    if options.folder is None and not options.docs:
        parser.error("say a folder, or --docs")
    folder = options.folder or ROOT / "docs" / "images"
    with running() as (program, address), sync_playwright() as playwright:
        browser = launch(playwright)
        code = (program.folder / "var" / "setup-code").read_text().strip()
        (docs if options.docs else views)(Camera(browser, address, folder), code)
        browser.close()


if __name__ == "__main__":
    main()
