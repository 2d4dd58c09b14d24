"""What is in the source distribution and in the wheel."""

from __future__ import annotations

import tarfile
import zipfile
from configparser import ConfigParser
from email.message import Message
from email.parser import Parser

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.packaging.environments import (
    ROOT,
    Distributions,
    build,
    copy_of_sources,
    scratch_folder,
)

pytestmark = pytest.mark.timeout(600)

#: What lies about in a folder that somebody works in, and is nobody else's business.
LITTER = (
    "certs/site.key",
    "certs/site.crt",
    "twisted/plugins/dropin.cache",
    "cfos_cm/__pycache__/errors.cpython-311.pyc",
    "cfos_cm/storage/migrations/__pycache__/env.cpython-311.pyc",
)


def package_files() -> set[str]:
    """
    The files that the installed program needs.

    @return: their paths from the project's folder: every module, every file of the
        migrations, and the mark that says that the package is typed.
    """
    modules = set(ROOT.glob("cfos_cm/**/*.py"))
    migrations = set(ROOT.glob("cfos_cm/storage/migrations/**/*.*"))
    found = {str(path.relative_to(ROOT)) for path in modules | migrations}
    return {path for path in found if "__pycache__" not in path} | {"cfos_cm/py.typed"}


class DistributionTests(SynchronousTestCase):
    """Both distributions, built from a folder with litter in it."""

    built: Distributions
    in_sdist: frozenset[str]
    in_wheel: frozenset[str]

    @classmethod
    def setUpClass(cls) -> None:
        """Build once for all the tests."""
        sources = copy_of_sources(scratch_folder() / "sources")
        for name in LITTER:
            (sources / name).parent.mkdir(parents=True, exist_ok=True)
            (sources / name).write_text("litter")
        cls.built = build(sources, scratch_folder())
        with tarfile.open(cls.built.sdist) as archive:
            names = [name.partition("/")[2] for name in archive.getnames()]
        cls.in_sdist = frozenset(names)
        with zipfile.ZipFile(cls.built.wheel) as wheel:
            cls.in_wheel = frozenset(wheel.namelist())

    def metadata(self) -> Message:
        """
        Read the wheel's metadata.

        @return: its headers.
        """
        (name,) = (name for name in self.in_wheel if name.endswith(".dist-info/METADATA"))
        with zipfile.ZipFile(self.built.wheel) as wheel:
            return Parser().parsestr(wheel.read(name).decode())

    def test_package(self) -> None:
        """Every module, the migrations and C{py.typed} are in both."""
        self.assertEqual(package_files() - self.in_wheel, set())
        self.assertEqual(package_files() - self.in_sdist, set())

    def test_plugin(self) -> None:
        """The file that makes C{twistd} list the service is in both."""
        self.assertIn("twisted/plugins/cfos_cm_plugin.py", self.in_wheel)
        self.assertIn("twisted/plugins/cfos_cm_plugin.py", self.in_sdist)

    def test_twisted_is_left_to_twisted(self) -> None:
        """Nothing else of Twisted's folders is in either: an C{__init__.py} would break it."""
        for names in (self.in_wheel, self.in_sdist):
            files = {name for name in names if name.startswith("twisted/") and "." in name}
            self.assertEqual(files, {"twisted/plugins/cfos_cm_plugin.py"})

    def test_licence(self) -> None:
        """The licence is in both."""
        self.assertIn("LICENSE", self.in_sdist)
        self.assertTrue(any(name.endswith("/LICENSE") for name in self.in_wheel))

    def test_wheel_has_nothing_else(self) -> None:
        """The wheel installs the package, the plugin and its own metadata, and nothing else."""
        tops = {name.partition("/")[0] for name in self.in_wheel}
        self.assertEqual(
            {top for top in tops if not top.endswith(".dist-info")}, {"cfos_cm", "twisted"}
        )

    def test_sdist_can_be_worked_with(self) -> None:
        """Who has the source distribution can run, test and lint it."""
        for name in ("Makefile", "requirements/run.txt", "requirements/test.txt", "setup.py"):
            self.assertIn(name, self.in_sdist)
        for folder in ("tests/packaging", "tools"):
            for path in (ROOT / folder).iterdir():
                if path.is_file():
                    self.assertIn(f"{folder}/{path.name}", self.in_sdist)

    def test_no_litter(self) -> None:
        """No key, certificate, cache or compiled file of the author's is given away."""
        for name in LITTER:
            self.assertNotIn(name, self.in_sdist)
            self.assertNotIn(name, self.in_wheel)

    def test_lower_bounds_only(self) -> None:
        """
        Who uses the package in a process of their own chooses its versions.

        Only pymodbus has an upper bound, because its minor releases change its interfaces.
        """
        required = self.metadata().get_all("Requires-Dist", [])
        self.assertNotEqual(required, [])
        bounded = {line.partition(";")[0] for line in required if "<" in line or "==" in line}
        bounded = {line for line in bounded if not line.startswith("pymodbus")}
        self.assertEqual({line for line in bounded if "<" in line or "==" in line}, set())

    def test_metadata(self) -> None:
        """Name, version, licence and oldest Python are what C{setup.cfg} says."""
        declared = ConfigParser()
        declared.read(ROOT / "setup.cfg")
        found = self.metadata()
        self.assertEqual(found["Version"], declared["metadata"]["version"])
        self.assertEqual(found["License"], "MIT")
        self.assertEqual(found["Requires-Python"], ">=3.11")
