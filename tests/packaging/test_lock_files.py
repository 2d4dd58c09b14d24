"""The lock files that C{make run}, C{make test} and C{make bench} install."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.packaging.environments import ROOT

RUN = ROOT / "requirements" / "run.txt"
TEST = ROOT / "requirements" / "test.txt"
BENCH = ROOT / "requirements" / "bench.txt"
LOCKS = (RUN, TEST, BENCH)

_ENTRY = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)(.*)$")


def entries(path: Path) -> dict[tuple[str, str], str]:
    """
    Read a lock file.

    @return: for each name and version, all that follows: a marker and the hashes.
    @raise ValueError: when a line is neither an entry, part of one, nor a comment.
    """
    found: dict[tuple[str, str], str] = {}
    for line in path.read_text().replace("\\\n", " ").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        entry = _ENTRY.match(line)
        if entry is None:
            raise ValueError(f"{path.name}: {line!r} names no exact version")
        found[entry[1], entry[2]] = entry[3]
    return found


def declared(without: str = "") -> set[str]:
    """
    What C{setup.cfg} asks for, with every extra except one.

    @return: names, spelled as lock files spell them.
    """
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = setup["options"]["install_requires"].strip().splitlines()
    for name, extra in setup["options.extras_require"].items():
        if name != without:
            lines += extra.strip().splitlines()
    names = {re.split(r"[\[<>=,;]", line)[0] for line in lines}
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


class LockFileTests(SynchronousTestCase):
    """The lock files, as text."""

    def test_every_entry_has_a_hash(self) -> None:
        """Each package is named with one version and the hashes of its files."""
        for path in LOCKS:
            for entry, rest in entries(path).items():
                self.assertRegex(rest, r"--hash=sha256:[0-9a-f]{64}", f"{path.name}: {entry}")

    def test_run_is_part_of_test(self) -> None:
        """What runs is what was tested: the same versions of the same files."""
        self._assert_part(RUN, TEST)

    def test_test_is_part_of_bench(self) -> None:
        """What is measured is what was tested."""
        self._assert_part(TEST, BENCH)

    def test_all_that_is_declared(self) -> None:
        """Whatever C{setup.cfg} asks for is locked; C{make lock} was run after a change."""
        self.assertEqual(declared() - {name for name, _ in entries(BENCH)}, set())
        self.assertEqual(declared("bench") - {name for name, _ in entries(TEST)}, set())

    def test_only_bench_has_its_peers(self) -> None:
        """C{make test} needs nothing of what is only measured against."""
        peers = declared() - declared("bench")
        self.assertIn("picows", peers)
        self.assertEqual(peers & {name for name, _ in entries(TEST)}, set())

    def test_no_address(self) -> None:
        """The lock files leave it to pip where packages come from."""
        for path in LOCKS:
            self.assertNotIn("://", path.read_text())
            self.assertNotRegex(path.read_text(), r"(?m)^\s*-(i|f|-index|-extra|-find)")

    def _assert_part(self, part: Path, whole: Path) -> None:
        there = entries(whole)
        for entry, rest in entries(part).items():
            self.assertEqual(there.get(entry), rest, entry)
