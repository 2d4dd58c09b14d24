"""The scripts behind C{make run} and C{make test}."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.packaging.environments import ROOT, scratch_folder

#: A wrapper for a Python that is not installed: there, and of no use.
BROKEN = "#!/bin/sh\nexit 127\n"

OLD = """#!/bin/sh
[ "$1" = --version ] && echo 'Python 3.9.2' && exit 0
exit 1
"""

#: Good enough for everything, and it has no ensurepip.
WITHOUT_VENV = """#!/bin/sh
case "$2" in *ensurepip*) exit 1 ;; esac
exit 0
"""

GOOD = "#!/bin/sh\nexit 0\n"


class ToolTests(SynchronousTestCase):
    """Scripts that see no programs but the ones that a test gives them."""

    def setUp(self) -> None:
        """Make an empty folder for the programs."""
        self.programs = scratch_folder()

    def give(self, name: str, script: str) -> str:
        """
        Add a program.

        @return: its full path.
        """
        path = self.programs / name
        path.write_text(script)
        path.chmod(0o755)
        return str(path)

    def give_real(self, *names: str) -> None:
        """Add programs of the system."""
        for name in names:
            found = shutil.which(name)
            assert found is not None, name
            (self.programs / name).symlink_to(found)

    def run_tool(self, name: str, *arguments: str, python: str = "") -> tuple[int, str]:
        """
        Run a script of C{tools/}.

        @param python: what C{PYTHON} says.
        @return: its exit code, and what it printed, errors included.
        """
        finished = subprocess.run(
            ["/bin/sh", str(ROOT / "tools" / name), *arguments],
            env={"PATH": str(self.programs), "PYTHON": python},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return finished.returncode, finished.stdout.strip()


class FindPythonTests(ToolTests):
    """The choice of a Python."""

    def test_newest(self) -> None:
        """The newest of the known names is taken."""
        newest = self.give("python3.12", GOOD)
        self.give("python3.11", GOOD)
        self.give("python3", GOOD)
        self.assertEqual(self.run_tool("find_python"), (0, newest))

    def test_broken_wrapper(self) -> None:
        """A name behind which no Python is installed is passed over."""
        self.give("python3.13", BROKEN)
        good = self.give("python3", GOOD)
        self.assertEqual(self.run_tool("find_python"), (0, good))

    def test_one_that_makes_environments(self) -> None:
        """An older one that can make virtual environments goes before a newer that cannot."""
        self.give("python3.13", WITHOUT_VENV)
        good = self.give("python3.11", GOOD)
        self.assertEqual(self.run_tool("find_python"), (0, good))

    def test_none_makes_environments(self) -> None:
        """One without ensurepip is better than none: it can be completed."""
        only = self.give("python3.12", WITHOUT_VENV)
        self.assertEqual(self.run_tool("find_python"), (0, only))

    def test_too_old(self) -> None:
        """Where all are too old, the message says what was found and what is needed."""
        self.give("python3", OLD)
        code, text = self.run_tool("find_python")
        self.assertEqual(code, 1)
        self.assertIn("Python 3.11 or newer is needed; found: Python 3.9.2.", text)

    def test_none(self) -> None:
        """Where there is no Python at all, the message says so."""
        code, text = self.run_tool("find_python")
        self.assertEqual(code, 1)
        self.assertIn("found: no python3.", text)

    def test_named(self) -> None:
        """C{PYTHON} goes before every other."""
        self.give("python3.13", GOOD)
        named = self.give("my-python", GOOD)
        self.assertEqual(self.run_tool("find_python", python=named), (0, named))

    def test_named_too_old(self) -> None:
        """A C{PYTHON} that is too old is refused, not replaced by another."""
        self.give("python3.13", GOOD)
        named = self.give("my-python", OLD)
        code, text = self.run_tool("find_python", python=named)
        self.assertEqual(code, 1)
        self.assertIn(f"PYTHON={named}: found Python 3.9.2", text)

    def test_named_missing(self) -> None:
        """A C{PYTHON} that does not exist is refused."""
        code, text = self.run_tool("find_python", python="/no/such/python")
        self.assertEqual(code, 1)
        self.assertIn("/no/such/python: there is no such program", text)


class AptInstallTests(ToolTests):
    """System packages."""

    def setUp(self) -> None:
        """Be an ordinary user on a Debian, with an C{apt-get} that notes its arguments."""
        super().setUp()
        self.noted = scratch_folder() / "noted"
        self.give_real("env", "mktemp", "rm", "tail", "dirname", "sh")
        self.give("apt-get", f'#!/bin/sh\necho "$*" >>"{self.noted}"\n')
        self.user(1000)

    def user(self, uid: int) -> None:
        """Be somebody else."""
        self.give("id", f"#!/bin/sh\necho {uid}\n")

    def test_ordinary_user(self) -> None:
        """Who may not install packages is told the one command, and nothing is tried."""
        code, text = self.run_tool("apt_install", "curl", "postgresql")
        self.assertEqual(code, 1)
        self.assertIn("sudo apt-get install -y curl postgresql", text)
        self.assertFalse(self.noted.exists())

    def test_sudo_that_asks(self) -> None:
        """A sudo that would ask for a password counts as none."""
        self.give("sudo", "#!/bin/sh\nexit 1\n")
        code, text = self.run_tool("apt_install", "curl")
        self.assertEqual(code, 1)
        self.assertIn("sudo apt-get install -y curl", text)

    def test_sudo(self) -> None:
        """A sudo that asks for nothing is used."""
        self.give("sudo", '#!/bin/sh\nshift\n"$@"\n')
        code, text = self.run_tool("apt_install", "curl")
        self.assertEqual(code, 0, text)
        self.assertIn("install -y --no-install-recommends curl", self.noted.read_text())

    def test_root(self) -> None:
        """Root installs at once."""
        self.user(0)
        code, text = self.run_tool("apt_install", "curl")
        self.assertEqual(code, 0, text)
        self.assertIn("install -y --no-install-recommends curl", self.noted.read_text())

    def test_failure(self) -> None:
        """When apt-get fails, its last words and the command are shown."""
        self.user(0)
        self.give("apt-get", "#!/bin/sh\necho 'E: no such thing'\nexit 100\n")
        code, text = self.run_tool("apt_install", "curl")
        self.assertEqual(code, 1)
        self.assertIn("E: no such thing", text)
        self.assertIn("sudo apt-get install -y curl", text)

    def test_tests_go_on(self) -> None:
        """What the tests would like to have is asked for, and missing it is no failure."""
        code, text = self.run_tool("system_packages")
        self.assertEqual(code, 0)
        self.assertIn("sudo apt-get install -y curl", text)


class RunTests(SynchronousTestCase):
    """The process between C{make} and C{twistd}."""

    def setUp(self) -> None:
        """Lay out a project whose C{twistd} is a stand-in."""
        self.folder = scratch_folder()
        (self.folder / "tools").mkdir()
        (self.folder / "bin").mkdir()
        shutil.copy(ROOT / "tools" / "run.py", self.folder / "tools")
        (self.folder / "bin" / "python").symlink_to(Path(sys.executable).resolve())

    def start(self, script: str, *arguments: str) -> subprocess.Popen[str]:
        """
        Start the stand-in.

        @param script: what C{twistd} does.
        @return: the running process.
        """
        twistd = self.folder / "bin" / "twistd"
        twistd.write_text(f"#!/bin/sh\n{script}\n")
        twistd.chmod(0o755)
        process = subprocess.Popen(
            [self.folder / "bin" / "python", "tools/run.py", *arguments],
            cwd=self.folder,
            env=dict(os.environ),
            stdout=subprocess.PIPE,
            text=True,
            # Tests that were started with nohup would hand on that a hang-up is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def stopped_by(self, number: signal.Signals) -> int:
        """
        Send a signal to the process in between, and to it alone.

        @return: its exit code.
        """
        process = self.start("echo ready; exec sleep 60")
        assert process.stdout is not None
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.send_signal(number)
        return process.wait()

    def test_arguments(self) -> None:
        """The manager runs in the foreground with C{tap.cfg}, and with what is added."""
        printed, _ = self.start('echo "$*"', "--help").communicate()
        self.assertEqual(printed, "-n --pidfile= cfos-cm --config tap.cfg --help\n")

    def test_exit_code(self) -> None:
        """The manager's exit code is handed on."""
        self.assertEqual(self.start("exit 3").wait(), 3)

    def test_interrupt(self) -> None:
        """An interrupt ends the manager, and that is no error."""
        self.assertEqual(self.stopped_by(signal.SIGINT), 0)

    def test_terminate(self) -> None:
        """A request to terminate reaches the manager; the exit code names the signal."""
        self.assertEqual(self.stopped_by(signal.SIGTERM), 128 + signal.SIGTERM)

    def test_hang_up(self) -> None:
        """A hang-up reaches the manager, which may read its files again and go on."""
        process = self.start(
            "trap 'echo again; kill $!; exit 0' HUP; echo ready; sleep 60 & wait"
        )
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        self.assertEqual(process.stdout.readline(), "again\n")
        self.assertEqual(process.wait(), 0)
