"""The wheel, installed on every Python that is supported and found on this machine."""

from __future__ import annotations

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.packaging.environments import (
    RUN_LOCK,
    VirtualEnvironment,
    distributions,
    find_python,
    lists_the_service,
    scratch_folder,
)

pytestmark = pytest.mark.timeout(600)


class WheelTests:
    """
    What is promised on every Python.

    @cvar version: the Python's major and minor version.
    """

    version: str
    environment: VirtualEnvironment

    @classmethod
    def setUpClass(cls) -> None:
        """
        Install the locked packages, let Twisted look for plugins once, then add the wheel.

        The wheel finds no index: all that it asks for must be in the lock.
        """
        cls.environment = VirtualEnvironment(find_python(cls.version))
        cls.environment.pip("install", "-q", "--require-hashes", "-r", RUN_LOCK)
        cls.environment.program("twistd", "--help")
        cls.environment.pip("install", "-q", "--no-index", distributions().wheel)

    def test_listed(self) -> None:
        """C{twistd} lists the service, although its plugin cache is older than the install."""
        help_text = self.environment.program("twistd", "--help")
        assert lists_the_service(help_text), help_text

    def test_service(self) -> None:
        """C{twistd cfos-cm} loads the service and can tell its options."""
        assert "--config" in self.environment.program("twistd", "cfos-cm", "--help")

    def test_console(self) -> None:
        """The console command is installed and answers."""
        assert "cfos-cm" in self.environment.program("cfos-cm", "--help")

    def test_wallbox(self) -> None:
        """So does C{twistd cfos-wallbox}."""
        assert "--config" in self.environment.program("twistd", "cfos-wallbox", "--help")

    def test_backend(self) -> None:
        """So does C{twistd cfos-backend}."""
        assert "--only" in self.environment.program("twistd", "cfos-backend", "--help")

    def test_known_meters(self) -> None:
        """The meters that are data have come along."""
        site = scratch_folder() / "tap.cfg"
        site.write_text(
            "[meter m]\ntype = modbus\naddress = tcp:192.0.2.1:502\nrole = display\n"
            "definition = sdm630\n",
            encoding="utf-8",
        )
        self.environment.program("cfos-cm", "check", site)

    def test_requirements_fit(self) -> None:
        """No package asks for a version of another that is not there."""
        self.environment.pip("check")


class Python311Tests(WheelTests, SynchronousTestCase):
    """On Python 3.11."""

    version = "3.11"


class Python312Tests(WheelTests, SynchronousTestCase):
    """On Python 3.12."""

    version = "3.12"


class Python313Tests(WheelTests, SynchronousTestCase):
    """On Python 3.13."""

    version = "3.13"
