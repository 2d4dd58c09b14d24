"""
Copies of this project, and virtual environments that it is installed into.

Nothing is ever built in the project's own folder: a build leaves files there that the next
build would take for sources.
"""

from __future__ import annotations

import functools
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest import SkipTest

from attrs import frozen

ROOT = Path(__file__).resolve().parents[2]

RUN_LOCK = ROOT / "requirements" / "run.txt"

#: Longest that one command may take [s]: a first install over a slow line.
COMMAND_TIMEOUT_S = 500

_NOT_SOURCES = shutil.ignore_patterns(
    ".git", ".venv", "build", "dist", "var", "node_modules", "_trial_temp*", "dropin.cache",
    "__pycache__", "*.egg-info", ".*_cache", ".hypothesis", ".cache",
)  # fmt: skip

_MISLEADING = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONSTARTUP", "PYTHON")


def run(*command: str | Path, cwd: Path | None = None, **more: str) -> str:
    """
    Run a command to its end, in an environment that does not point at this project.

    @param more: environment variables to add.
    @return: what it printed, errors included.
    @raise AssertionError: when it fails; the text is all that it printed.
    """
    finished = subprocess.run(
        [str(word) for word in command],
        cwd=cwd or tempfile.gettempdir(),
        env=clean_environment(more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )
    if finished.returncode:
        raise AssertionError(f"{command} ended with {finished.returncode}:\n{finished.stdout}")
    return finished.stdout


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """
    The environment of this process without what would lead a Python to this one's packages.

    @param more: variables to add.
    @return: a new dictionary.
    """
    kept = {name: text for name, text in os.environ.items() if name not in _MISLEADING}
    return {**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", **more}


def copy_of_sources(folder: Path) -> Path:
    """
    Copy the project's sources.

    @param folder: where to; must not exist.
    @return: the folder.
    """
    return Path(shutil.copytree(ROOT, folder, ignore=_NOT_SOURCES))


@frozen
class Distributions:
    """
    What is given to others.

    @ivar sdist: the source distribution's C{.tar.gz}.
    @ivar wheel: the C{.whl}, built from the folder itself, as C{pip install .} does.
    """

    sdist: Path
    wheel: Path


def build(sources: Path, results: Path) -> Distributions:
    """
    Build both distributions with the setuptools that is installed beside these tests.

    @param sources: a copy of the project; the build writes to it.
    @param results: the folder to write to.
    @return: what was built.
    """
    options = ("--no-isolation", "--sdist", "--wheel", "--outdir", results)
    run(sys.executable, "-m", "build", *options, sources)
    (sdist,) = results.glob("*.tar.gz")
    (wheel,) = results.glob("*.whl")
    return Distributions(sdist, wheel)


@functools.cache
def distributions() -> Distributions:
    """
    The distributions of the sources as they are now, built once in a process.

    @return: what was built; the files live as long as this process.
    """
    folder = scratch_folder()
    return build(copy_of_sources(folder / "sources"), folder / "results")


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="cfos_cm-packaging-")


def scratch_folder() -> Path:
    """
    Make a new folder that is removed when this process ends.

    @return: the folder.
    """
    return Path(tempfile.mkdtemp(dir=_scratch().name))


def _candidates(version: str) -> Iterator[str]:
    yield sys.executable
    yield f"python{version}"
    homes = {Path(pwd.getpwuid(os.getuid()).pw_dir), Path(os.environ.get("HOME", "/"))}
    for home in sorted(homes):
        for path in sorted(home.glob(f".pyenv/versions/{version}.*/bin/python")):
            yield str(path)


def find_python(version: str) -> str:
    """
    Find a Python on this machine.

    @param version: major and minor, as C{"3.12"}.
    @return: what starts it.
    @raise SkipTest: there is none, or only the running version is wanted (C{CFOS_CM_QUICK=1})
        and it is another.
    """
    question = "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if os.environ.get("CFOS_CM_QUICK") == "1" and version != running:
        raise SkipTest(f"CFOS_CM_QUICK=1: only the running Python {running} is tried")
    for candidate in _candidates(version):
        try:
            if run(candidate, "-c", question).strip() == version:
                return candidate
        except (OSError, AssertionError):
            continue
    raise SkipTest(f"no Python {version} with ensurepip on this machine")


class VirtualEnvironment:
    """
    A new virtual environment with nothing but pip in it.

    @ivar folder: where it is.
    """

    def __init__(self, python: str) -> None:
        self.folder = scratch_folder() / "venv"
        run(python, "-m", "venv", self.folder)

    def program(self, name: str, *arguments: str | Path) -> str:
        """
        Run one of the programs that are installed in the environment.

        @return: what it printed.
        @raise AssertionError: when it fails, or is not there.
        """
        path = self.folder / "bin" / name
        if not path.exists():
            raise AssertionError(f"{name} is not installed in {path.parent}")
        return run(path, *arguments)

    def pip(self, *arguments: str | Path) -> str:
        """
        Run the environment's pip.

        @return: what it printed.
        @raise AssertionError: when it fails.
        """
        return self.program("python", "-m", "pip", *arguments)

    def packages(self) -> Path:
        """
        Where packages are installed.

        @return: the environment's site-packages.
        """
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found


def lists_the_service(twistd_help: str) -> bool:
    """
    Whether C{twistd --help} offers the C{cfos-cm} command.

    @param twistd_help: what it printed.
    @return: whether a line of its list of commands starts with the name.
    """
    return any(line.split()[:1] == ["cfos-cm"] for line in twistd_help.splitlines())
