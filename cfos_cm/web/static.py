"""
The files of the built page, read once.

What is asked for is looked up among the names that were there at the start: no request makes
a path of a file.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen
from twisted.web.http_headers import Headers

from cfos_cm.web.headers import IMMUTABLE, REVALIDATE
from cfos_cm.web.problem import Problem
from cfos_cm.web.replying import Reply, accepted_codings, matches

__all__ = ["NO_PAGE", "Page", "StaticFile", "read_page", "serve"]

MAX_FILES = 500
MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_BYTES = 32 * 1024 * 1024

_INDEX = "index.html"
_ASSETS = "assets"
_PACKED = {".br": "br", ".gz": "gzip"}
_MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
#: A name that begins with a dot, or has anything else in it, is none of the page's.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@~-]*")
#: Vite puts 8 characters of what is in a file before its suffix.
_HASHED = re.compile(r".*-[A-Za-z0-9_-]{8}\.[a-z0-9]+")

NO_PAGE = (
    "The page is not built. Build it with Node.js: python tools/build_page.py, "
    "then start again. The HTTP interface works without it, below /api/v1.\n"
)


@frozen
class StaticFile:
    """
    One file of the page.

    @ivar packed: the same in other content codings, by their names.
    @ivar is_immutable: its name changes with what is in it.
    """

    content: bytes
    media_type: str
    etag: str
    is_immutable: bool
    packed: Mapping[str, bytes]


#: By path: C{/} and such as C{/assets/index-1a2b3c4d.js}.
Page = Mapping[str, StaticFile]


def read_page(folder: Path | None) -> Page | None:
    """
    Read the page's folder: C{index.html}, what is beside it and what is in C{assets}.

    Links, names that begin with a dot, and kinds of files that a page has no use for are left
    out.

    @return: C{None}: there is no built page.
    @raise ValueError: if there is more than a page can have.
    """
    found = {} if folder is None else _read_all(folder)
    if f"/{_INDEX}" not in found:
        return None
    page = {
        path: one for path, content in found.items() if (one := _file(path, content, found))
    }
    page["/"] = page.pop(f"/{_INDEX}")
    return page


def serve(page: Page | None, path: str, headers: Headers) -> Reply:
    """
    The file that is asked for.

    @param path: as it was asked for, not decoded.
    @param headers: of the request.
    @raise Problem: 404.
    """
    if page is None and path == "/":
        size = str(len(NO_PAGE))
        plain = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
        return Reply(503, {**plain, "Content-Length": size}, NO_PAGE.encode())
    file = (page or {}).get(path)
    if file is None:
        raise Problem(404, "There is nothing of this name.")
    return _reply(file, headers)


def _reply(file: StaticFile, headers: Headers) -> Reply:
    fields = {
        "Cache-Control": IMMUTABLE if file.is_immutable else REVALIDATE,
        "ETag": f'W/"{file.etag}"',
        "Vary": "Accept-Encoding",
    }
    if matches(headers, file.etag):
        return Reply(304, fields)
    content = file.content
    accepted = accepted_codings(headers)
    for coding, packed in file.packed.items():
        if coding in accepted:
            content, fields["Content-Encoding"] = packed, coding
            break
    more = {"Content-Type": file.media_type, "Content-Length": str(len(content))}
    return Reply(200, {**fields, **more}, content)


def _file(path: str, content: bytes, found: Mapping[str, bytes]) -> StaticFile | None:
    media_type = _MEDIA.get(Path(path).suffix)
    if media_type is None:
        return None
    packed = {
        coding: found[path + suffix]
        for suffix, coding in _PACKED.items()
        if path + suffix in found
    }
    etag = hashlib.sha256(content).hexdigest()[:32]
    is_hashed = path.startswith(f"/{_ASSETS}/") and _HASHED.fullmatch(path) is not None
    return StaticFile(content, media_type, etag, is_hashed, packed)


def _read_all(folder: Path) -> dict[str, bytes]:
    """All files, by path."""
    found: dict[str, bytes] = {}
    left_bytes = MAX_BYTES
    for path, name in _names(folder):
        content = _content(name)
        left_bytes -= len(content)
        if len(found) >= MAX_FILES or left_bytes < 0:
            raise ValueError(
                f"{folder}: found more than a page has; "
                f"there may be {MAX_FILES} files, of {MAX_BYTES} bytes in all"
            )
        found[path] = content
    return found


def _names(folder: Path) -> Iterator[tuple[str, str]]:
    for place, below in ((folder, "/"), (folder / _ASSETS, f"/{_ASSETS}/")):
        if not place.is_dir() or (place.is_symlink() and place != folder):
            continue
        with os.scandir(place) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                if _is_wanted(entry.name) and entry.is_file(follow_symlinks=False):
                    yield below + entry.name, entry.path


def _is_wanted(name: str) -> bool:
    if not _NAME.fullmatch(name):
        return False
    parts = Path(name)
    suffix = Path(parts.stem).suffix if parts.suffix in _PACKED else parts.suffix
    return suffix in _MEDIA


def _content(name: str) -> bytes:
    # What is looked at before it is opened may be a link by then.
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{name}: found no regular file")
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"{name}: found more than {MAX_FILE_BYTES} bytes")
    return content
