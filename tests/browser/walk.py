"""All that there is to look at in the page, and what has to hold wherever one looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest import SkipTest

from playwright.sync_api import Page

import cfos_cm.web

__all__ = ["PLACES", "flaws", "places", "raw_keys", "settled", "too_wide"]

#: Where each view and each of its tabs is.
PLACES = (
    "dashboard",
    "charge-points",
    "charge-points/CP-0001/overview",
    "charge-points/CP-0001/configuration",
    "charge-points/CP-0001/command",
    "charge-points/CP-0001/events",
    "transactions",
    "transactions/{transaction}",
    "transactions/statement",
    "tags",
    "gateways",
    "gateways/bay-1/overview",
    "gateways/bay-1/queue",
    "gateways/bay-1/dead",
    "gateways/bay-1/ids",
    "trace",
    "settings/parameters",
    "settings/circuits",
    "settings/meters",
    "settings/evses",
    "settings/certificates",
    "settings/all",
    "settings/backups",
    "security",
    "accounts/own",
    "accounts/accounts",
    "accounts/tokens",
    "accounts/audit",
)

#: Everything that is asked for has come, and what was there before is gone.
_SETTLED = """hash => location.hash === hash && document.querySelector("main h1")
    && !document.querySelector("main .spinner, main [aria-busy=true]")"""

#: Texts and names for who cannot see them that are keys of texts.
_RAW = """() => {
    const key = /^[a-zA-Z-]+(\\.[a-zA-Z_-]+)+$/;
    const found = [];
    const look = (text) => { if (key.test(text.trim())) found.push(text.trim()); };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) look(node.data);
    for (const node of document.querySelectorAll("[aria-label], [title], [placeholder]"))
        for (const name of ["aria-label", "title", "placeholder"])
            look(node.getAttribute(name) ?? "");
    return found;
}"""

_TOO_WIDE = """() => {
    const page = document.documentElement;
    if (page.scrollWidth <= page.clientWidth) return [];
    return [...document.querySelectorAll("main *")]
        .filter((one) => one.getBoundingClientRect().right > page.clientWidth + 1)
        .slice(0, 5).map((one) => one.outerHTML.slice(0, 150));
}"""

_AXE = """async (only) => {
    const options = { resultTypes: ["violations"] };
    if (only) options.runOnly = { type: "rule", values: only };
    const found = await axe.run(document, options);
    return found.violations
        .filter((one) => ["serious", "critical"].includes(one.impact))
        .map((one) => one.id + ": " + one.help + ": "
            + one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)
            + (node.any[0] ? " (" + node.any[0].message + ")" : "")).join(" | "));
}"""


def places(page: Page, names: Mapping[str, str]) -> Iterator[str]:
    """
    Go everywhere, one after the other.

    @param names: what stands for the names in L{PLACES}.
    """
    page.goto("/")
    for place in PLACES:
        way = place.format_map(dict(names))
        page.evaluate("way => { location.hash = way; }", f"#/{way}")
        settled(page, way)
        yield way


def settled(page: Page, way: str) -> None:
    """Wait until a view shows all that it has asked for."""
    page.wait_for_function(_SETTLED, arg=f"#/{way}")


def raw_keys(page: Page) -> list[str]:
    """The keys that stand where a text should."""
    found: list[str] = page.evaluate(_RAW)
    return found


def too_wide(page: Page) -> list[str]:
    """What makes the page scroll sideways."""
    found: list[str] = page.evaluate(_TOO_WIDE)
    return found


def flaws(page: Page, only: list[str] | None = None) -> list[str]:
    """
    What axe-core finds that keeps people from using the page.

    @param only: rules; C{None}: all.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_axe())
    found: list[Any] = page.evaluate(_AXE, only)
    return [str(one) for one in found]


@lru_cache(maxsize=1)
def _axe() -> str:
    (place,) = cfos_cm.web.__path__
    path = Path(place) / "ui" / "node_modules" / "axe-core" / "axe.min.js"
    if not path.is_file():
        raise SkipTest("axe-core is not installed: npm ci in cfos_cm/web/ui")
    return path.read_text("utf-8")
