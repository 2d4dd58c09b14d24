"""A real browser, and a manager for it to look at."""

from __future__ import annotations

import json
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import SkipTest

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Playwright,
    expect,
    sync_playwright,
)
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.web.site_web import page_folder
from tests.end_to_end.program import WAIT_S, Program, free_port

from .peers import Peers

__all__ = ["PASSWORD", "BrowserCase", "chromium", "launch"]

#: Of the account that every test logs in with.
PASSWORD = "correct horse battery"

#: What keeps a browser from looking for the world outside.
_ALONE = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str:
    """
    The system's browser.

    @raise SkipTest: if there is none.
    """
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found is not None:
            return found
    raise SkipTest("there is no Chromium on this computer")


def launch(playwright: Playwright) -> Browser:
    """Start the browser."""
    return playwright.chromium.launch(executable_path=chromium(), args=list(_ALONE))


@pytest.mark.timeout(300)
class BrowserCase(SynchronousTestCase):
    """
    Tests before one manager, each with a browser window of its own.

    @cvar site: its configuration; C{{port}} and C{{web}} are the ports.
    @cvar manager: the manager.
    @cvar address: of its page.
    @cvar peers: the wallboxes and backends.
    @ivar page: the browser's window, logged in.
    """

    site = ""
    manager: Program
    peers: Peers
    address: str
    _playwright: Playwright
    _browser: Browser
    _folder: str
    _state: Any

    @classmethod
    def setUpClass(cls) -> None:
        """Start the manager, set it up as its owner does, and start the browser."""
        chromium()
        if page_folder() is None:
            raise SkipTest("the page is not built: python tools/build_page.py")
        expect.set_options(timeout=WAIT_S * 1000)
        cls._folder = tempfile.mkdtemp(prefix="cfos_cm-browser-")
        cls.addClassCleanup(shutil.rmtree, cls._folder, True)
        cls.manager = Program(Path(cls._folder), free_port())
        cls.addClassCleanup(cls.manager.clean_up)
        web = free_port()
        cls.address = f"http://localhost:{web}/"
        cls.peers = Peers()
        cls.addClassCleanup(cls.peers.clean_up)
        cls.manager.configure(cls.configuration(cls.manager.port, web))
        cls.manager.start()
        cls.manager.wait_for("the page is at ")
        cls._playwright = sync_playwright().start()
        cls.addClassCleanup(cls._playwright.stop)
        cls._browser = launch(cls._playwright)
        cls.addClassCleanup(cls._browser.close)
        cls._state = cls._set_up()

    @classmethod
    def configuration(cls, port: int, web: int) -> str:
        """The text of the manager's tap.cfg."""
        return cls.site.format(port=port, web=web)

    @classmethod
    def setup_code(cls) -> str:
        """The code of the first start, as it stands in its file."""
        return (cls.manager.folder / "var" / "setup-code").read_text().strip()

    @classmethod
    def _set_up(cls) -> Any:
        """Choose the password; @return: the cookies of who has."""
        context = cls._browser.new_context(base_url=cls.address)
        try:
            answer = context.request.post(
                "/api/v1/setup",
                data={"code": cls.setup_code(), "password": PASSWORD},
                headers={"Origin": cls.address.rstrip("/")},
            )
            assert answer.ok, answer.text()
            return context.storage_state()
        finally:
            context.close()

    def setUp(self) -> None:
        """Open a window."""
        self.loud: list[str] = []
        self.page = self.window()

    def window(self, *, logged_in: bool = True, **options: Any) -> Page:
        """
        Open a window.

        @param options: of Playwright's C{new_context}.
        """
        options.setdefault("locale", "en-GB")
        if logged_in:
            options["storage_state"] = self._state
        context: BrowserContext = self._browser.new_context(base_url=self.address, **options)
        context.set_default_timeout(WAIT_S * 1000)
        self.addCleanup(context.close)
        page = context.new_page()
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.loud.append(str(error)))
        page.on("request", self._look_where)
        return page

    def tearDown(self) -> None:
        """Nothing was complained of, and nothing was asked of anybody else."""
        self.assertEqual([], self.loud)

    def _listen(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.loud.append(message.text)

    def _look_where(self, request: Any) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.loud.append(f"asked elsewhere: {request.url}")

    def see(self, way: str, page: Page | None = None) -> Page:
        """
        Show a view, as its link does.

        @param way: such as C{settings/circuits}.
        """
        page = page or self.page
        page.goto(f"/#/{way}")
        return page

    def tile(self, name: str) -> Locator:
        """The tile of an EVSE."""
        return self.page.get_by_role("article", name=name, exact=True)

    def press(self, name: str, within: Locator | None = None) -> None:
        """Press a button by what it says."""
        (within or self.page).get_by_role("button", name=name, exact=True).first.click()

    def says(self, words: str) -> None:
        """Wait until the page says so."""
        expect(self.page.get_by_text(words).first).to_be_visible()

    def file(self) -> str:
        """The text of tap.cfg."""
        return (self.manager.folder / "tap.cfg").read_text("utf-8")

    def change(self, *changes: dict[str, Any]) -> None:
        """Change the settings by the API, for what a test has to find or to leave behind."""
        csrf = self.ask("/api/v1/session")["csrf"]
        answer = self.page.context.request.patch(
            "/api/v1/settings",
            data={"changes": list(changes)},
            headers={"X-CSRF-Token": csrf, "Origin": self.address.rstrip("/")},
        )
        assert answer.ok, answer.text()

    def ask(self, path: str) -> Any:
        """What the API says to who is logged in; JSON."""
        answer = self.page.context.request.get(path)
        assert answer.ok, answer.text()
        return answer.json()

    @contextmanager
    def expected_complaints(self) -> Iterator[None]:
        """What the browser complains of meanwhile is meant to be."""
        before = list(self.loud)
        yield
        self.loud[:] = before


def get(url: str) -> Any:
    """What a program without any browser gets; JSON."""
    with urllib.request.urlopen(url, timeout=WAIT_S) as answer:
        return json.load(answer)
