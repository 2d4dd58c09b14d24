"""The sources, installed into an empty virtual environment by plain C{pip install}."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.packaging.environments import (
    VirtualEnvironment,
    copy_of_sources,
    distributions,
    lists_the_service,
    scratch_folder,
)

pytestmark = pytest.mark.timeout(600)


def missing_files(packages: Path, distribution: str) -> set[str]:
    """
    Which of its files an installed distribution has lost.

    @param packages: the site-packages folder.
    @param distribution: its name, as its metadata folder spells it.
    @return: the lost files; empty when it is whole.
    """
    (record,) = packages.glob(f"{distribution}-*.dist-info/RECORD")
    names = {line.split(",")[0] for line in record.read_text().splitlines()}
    return {name for name in names if not (packages / name).exists()}


class SourceTests(SynchronousTestCase):
    """Installing from the source distribution, removing, and installing from a folder."""

    environment: VirtualEnvironment

    @classmethod
    def setUpClass(cls) -> None:
        """Install the source distribution into an empty environment, as anybody would."""
        cls.environment = VirtualEnvironment(sys.executable)
        cls.environment.pip("install", "-q", distributions().sdist)

    def setUp(self) -> None:
        """Put back what a test before this one has removed."""
        if not (self.environment.folder / "bin" / "cfos-cm").exists():
            self.environment.pip("install", "-q", distributions().sdist)

    def listed(self) -> bool:
        """
        Ask the environment's C{twistd}.

        @return: whether it lists the service.
        """
        return lists_the_service(self.environment.program("twistd", "--help"))

    def check_commands(self) -> None:
        """
        Try both commands.

        @raise AssertionError: when one of them does not work.
        """
        self.assertTrue(self.listed())
        self.assertIn("--config", self.environment.program("twistd", "cfos-cm", "--help"))
        self.assertIn("cfos-cm", self.environment.program("cfos-cm", "--help"))

    def test_sdist(self) -> None:
        """Both commands work after C{pip install} of the source distribution."""
        self.check_commands()

    def test_uninstall(self) -> None:
        """Removing the package removes its service, and nothing of Twisted's."""
        self.environment.program("twistd", "--help")
        self.environment.pip("uninstall", "-q", "-y", "cfos_cm")
        self.assertEqual(missing_files(self.environment.packages(), "twisted"), set())
        self.assertFalse(self.listed())

    def test_folder(self) -> None:
        """Both commands work after C{pip install .} in the project's folder."""
        self.environment.pip("uninstall", "-q", "-y", "cfos_cm")
        folder = copy_of_sources(scratch_folder() / "sources")
        self.environment.pip("install", "-q", folder)
        self.check_commands()

    def test_editable(self) -> None:
        """
        The plugin is found in a folder that is installed with C{pip install -e .}, too.

        Twisted looks for plugins in folders on the path, so the folder must be on it.
        """
        self.environment.pip("uninstall", "-q", "-y", "cfos_cm")
        folder = copy_of_sources(scratch_folder() / "sources")
        self.environment.pip("install", "-q", "--no-deps", "-e", folder)
        try:
            self.check_commands()
        finally:
            self.environment.pip("uninstall", "-q", "-y", "cfos_cm")
