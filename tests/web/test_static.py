"""The files of the page."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.web.static import read_page

from .asking import House

SCRIPT = "/assets/index-1a2B3c4_.js"
#: Ways out of a folder, where a server makes paths of files of what is asked for.
TRAVERSALS = (
    "/../secret.txt", "/assets/../../secret.txt", "/assets/../index.html", "/./index.html",
    "/%2e%2e/secret.txt", "/%2e%2e%2fsecret.txt", "/..%2fsecret.txt",
    "/assets/%2e%2e%2findex.html", "/%252e%252e%252fsecret.txt",
    "/assets/..%5c..%5csecret.txt", "/..\\secret.txt", "/index.html%00", "/%00",
    "/assets/index-1a2B3c4_.js%00.txt", "/assets/", "/assets", "/assets//x", "/etc/passwd",
    "//etc/passwd", "/%2fetc%2fpasswd", "/assets/%2fetc%2fpasswd", "/C:%5cboot.ini",
    "/.hidden.txt", "/assets/.hidden.js", "/link.txt", "/assets/link.js", "/sources.sha256",
    "/index.html.gz", "/assets/index-1a2B3c4_.js.gz", "/folder.js", "/~root", "/index%2ehtml",
)  # fmt: skip


def write(folder: Path, name: str, content: bytes) -> None:
    """Put a file there."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


class Files(SynchronousTestCase):
    """A folder with a page, and with what belongs to nobody."""

    def setUp(self) -> None:
        """Build it."""
        base = Path(self.mktemp()).resolve()
        self.folder = base / "page"
        write(base, "secret.txt", b"hunter2")
        for name in ("index.html", "index.html.gz", "icon.svg", "sources.sha256", ".hidden.txt",
                     "assets/.hidden.js", "assets/plain.css"):  # fmt: skip
            write(self.folder, name, f"<{name}>".encode())
        for suffix in ("", ".gz", ".br"):
            write(self.folder, SCRIPT[1:] + suffix, f"script{suffix}".encode())
        (self.folder / "folder.js").mkdir()
        os.symlink(base / "secret.txt", self.folder / "link.txt")
        os.symlink(base / "secret.txt", self.folder / "assets" / "link.js")
        self.house = House(page=self.folder)

    def test_page(self) -> None:
        """The page needs nobody to have logged in, and is asked for again each time."""
        answer = self.house.ask("/", fields={})
        self.assertEqual((200, b"<index.html>"), (answer.status, answer.body))
        self.assertEqual(
            ("text/html; charset=utf-8", "no-cache"),
            (answer.fields["content-type"], answer.fields["cache-control"]),
        )
        self.assertIn("frame-ancestors 'none'", answer.fields["content-security-policy"])
        self.assertEqual("image/svg+xml", self.house.ask("/icon.svg").fields["content-type"])

    def test_before_set_up(self) -> None:
        """The page asks for the first password: it is there before there is one."""
        self.house.keeper.is_set_up = False
        self.assertEqual(200, self.house.ask("/", fields={}).status)

    def test_immutable(self) -> None:
        """What changes its name with what is in it is kept; all else is not."""
        hashed, plain = self.house.ask(SCRIPT), self.house.ask("/assets/plain.css")
        self.assertIn("immutable", hashed.fields["cache-control"])
        self.assertEqual("text/javascript; charset=utf-8", hashed.fields["content-type"])
        self.assertEqual("no-cache", plain.fields["cache-control"])

    def test_packed(self) -> None:
        """Who takes it packed gets what was packed when the page was built."""
        for accepted, body, coding in (
            ("gzip, br", b"script.br", "br"),
            ("gzip", b"script.gz", "gzip"),
            ("gzip;q=0", b"script", None),
            ("", b"script", None),
        ):
            answer = self.house.ask(SCRIPT, fields={"Accept-Encoding": accepted})
            self.assertEqual(
                (body, coding), (answer.body, answer.fields.get("content-encoding"))
            )
            self.assertEqual("Accept-Encoding", answer.fields["vary"])

    def test_known_already(self) -> None:
        """Who has it is not sent it again."""
        etag = self.house.ask("/").fields["etag"]
        answer = self.house.ask("/", fields={"If-None-Match": etag})
        self.assertEqual((304, b""), (answer.status, answer.body))

    def test_ways_out(self) -> None:
        """Nothing but the page's own files is there, however it is asked for."""
        for path in TRAVERSALS:
            answer = self.house.ask(path, fields={})
            self.assertIn(answer.status, (400, 404), path)
            self.assertNotIn(b"hunter2", answer.body)

    def test_read_once(self) -> None:
        """What is put there later is not served, and what is taken away still is."""
        write(self.folder, "later.txt", b"later")
        (self.folder / "index.html").unlink()
        self.assertEqual(404, self.house.ask("/later.txt").status)
        self.assertEqual(200, self.house.ask("/").status)

    def test_only_get(self) -> None:
        """Nobody can change it."""
        for method in ("POST", "PUT", "DELETE"):
            self.assertEqual(405, self.house.ask("/", method).status)

    def test_assets_elsewhere(self) -> None:
        """A folder of assets that is a link leads nowhere."""
        base = Path(self.mktemp())
        write(base / "page", "index.html", b"<html>")
        write(base / "other", "x.js", b"secret")
        os.symlink(base.resolve() / "other", base / "page" / "assets")
        self.assertEqual({"/"}, set(read_page(base / "page") or {}))

    def test_too_much(self) -> None:
        """What is no page of ours is not read into memory."""
        folder = Path(self.mktemp())
        for number in range(501):
            write(folder, f"{number}.txt", b"")
        with self.assertRaises(ValueError):
            read_page(folder)

    def test_not_built(self) -> None:
        """Without an index there is no page."""
        folder = Path(self.mktemp())
        write(folder, "icon.svg", b"")
        self.assertIsNone(read_page(folder))
        self.assertIsNone(read_page(None))
