"""The scoreboard is whole, and the page says what it says."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.compliance.case import Behind, Profile, Subject
from tests.compliance.scoreboard import (
    BOX_MEMORY,
    DOCUMENT,
    ENTRIES,
    MEMORY,
    document,
    played,
    printed,
    summary,
)

#: The cases for Central Systems among the Open Charge Alliance's.
OFFICIAL = """
001 003 004_1 004_2 005_1 007 061 010 011_1 011_2 012 013 014 017_1 017_2 018_1 019_1 019_2 021
023_1 023_2 023_3 024 026 028 030 031 032_1 037_1 037_3 039 040_1 040_2 042_1 042_2 043_1 043_3
043_4 043_5 044_1 044_2 044_3 045_1 045_2 046 047 048_1 048_2 048_3 048_4 049 051 052 053 054
055 056 057 066 067 059 064 073 074 075_1 075_2 076 077 078 079 080 081 083 085 086 087 088
"""

#: The cases for Charge Points among them.
OFFICIAL_CS = """
001 002 003 004_1 004_2 068 069 005_1 005_2 005_3 007 061 010 011_1 011_2 012 013 014 015 016
017_1 017_2 018_1 018_2 019 021 070 071 023 024 026 027 028 030 031 032_1 032_2 034 036 037_1
037_2 037_3 038 039 040_1 040_2 041 042_1 042_2 043 043_1 043_2 043_3 008 044_1 044_2 044_3
045_1 045_2 046_1 046_2 047 048_1 048_2 048_3 048_4 049 050_1 050_2 050_3 050_4 051 052 053 054
055 056 057 058_1 058_2 082 066 067 072 059 060 062 073 074 075_1 075_2 076 077 078 079 080 081
083 084 085 086 087
"""

#: What is about encryption itself.
ONLY_TLS = {
    Subject.CENTRAL_SYSTEM: {"TC_074_CSMS", "TC_083_CSMS", "TC_086_CSMS", "TC_087_CSMS"},
    Subject.CHARGE_POINT: {"TC_074_CS", "TC_083_CS", "TC_086_CS", "TC_087_CS"},
}


class Scoreboard(SynchronousTestCase):
    """Which cases there are."""

    def test_ids(self) -> None:
        """Each of the 179 official cases and of the others is there, and exactly once."""
        official = [f"TC_{number}_CSMS" for number in OFFICIAL.split()]
        self.assertEqual(len(official), 77)
        others = [f"TC_{number}_CS" for number in OFFICIAL_CS.split()]
        self.assertEqual(len(others), 102)
        others += [f"NEG-{number:02}" for number in range(1, 23)]
        # Those that both roles have to bear.
        others += [f"NEG-{number:02}_CS" for number in range(1, 11)]
        self.assertEqual(
            sorted(entry.case_id for entry in ENTRIES), sorted([*official, *others])
        )

    def test_played(self) -> None:
        """On TLS all cases are played, and elsewhere all but those that are about it."""
        for subject, ids in ONLY_TLS.items():
            own = {entry.case_id for entry in ENTRIES if entry.subject is subject}
            plain = {case.case_id for case in played(subject)}
            encrypted = {case.case_id for case in played(subject, is_encrypted=True)}
            self.assertEqual(own, encrypted)
            self.assertEqual(own - ids, plain)

    def test_behind(self) -> None:
        """Each case of a gateway has something behind it, and 25 and more a wallbox."""
        for case in played(Subject.CHARGE_POINT, is_encrypted=True):
            self.assertTrue(case.behind, case.case_id)
        self.assertGreaterEqual(len(played(Subject.CHARGE_POINT, Behind.WALLBOX)), 25)

    def test_described(self) -> None:
        """Every case has a title, a criterion and something that happens; rows stay whole."""
        for entry in ENTRIES:
            self.assertTrue(entry.title)
            self.assertTrue(entry.criterion)
            self.assertNotIn("|", entry.title + entry.criterion)
            is_official = not entry.case_id.startswith("NEG")
            is_central_system = entry.subject is Subject.CENTRAL_SYSTEM
            if is_official:
                self.assertEqual(is_central_system, entry.case_id.endswith("_CSMS"))
            self.assertTrue(entry.steps, entry.case_id)

    def test_profiles(self) -> None:
        """Every profile has cases; the negative ones are one of their own."""
        self.assertEqual({entry.profile for entry in ENTRIES}, set(Profile))
        for entry in ENTRIES:
            negative = entry.profile is Profile.NEGATIVE
            self.assertEqual(negative, entry.case_id.startswith("NEG"), entry.case_id)


class Page(SynchronousTestCase):
    """The page and the table on a terminal."""

    def test_document(self) -> None:
        """The page carries the tables as they are now; C{--write-docs} writes them."""
        page = DOCUMENT.read_text(encoding="utf-8")
        self.assertEqual(document(page), page)

    def test_notOurPage(self) -> None:
        """A page without the line that the tables stand below is left alone."""
        self.assertRaises(ValueError, document, "# Another page\n")

    def test_printed(self) -> None:
        """The table has a line for each case and what came of it where it was played."""
        results = {
            MEMORY: {"TC_001_CSMS": "passed", "TC_003_CSMS": "FAILED"},
            BOX_MEMORY: {"TC_001_CS": "FAILED", "TC_003_CS": "passed"},
        }
        lines = {line.split()[0]: line for line in printed(results)}
        self.assertEqual(len(lines), 1 + len(ENTRIES))
        ends = {
            "TC_001_CSMS": "passed",
            "TC_003_CSMS": "FAILED",
            "TC_001_CS": "FAILED",
            "TC_003_CS": "passed",
            "TC_007_CSMS": "-",
            "TC_086_CSMS": "-",
            "NEG-16": "-",
        }
        found = {case_id: lines[case_id].split()[-1] for case_id in ends}
        self.assertEqual(ends, found)

    def test_summary(self) -> None:
        """The last lines count, and nothing that was not played counts as passed."""
        results = {"plain": {"TC_001_CSMS": "passed", "TC_003_CSMS": "FAILED"}}
        self.assertEqual(
            list(summary(results)),
            [
                "plain: 1 of 2 played cases passed",
                "Central System: 92 cases, 4 of them on TLS only",
                "Charge Point: 119 cases, 4 of them on TLS only",
            ],
        )
