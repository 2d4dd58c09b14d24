"""
What every test runs under.

The reactor is trial's own choice: nothing here installs one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import groupby

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

#: Folders of tests that wait for other programs more than they compute.
_WAITING = ("browser", "compliance", "end_to_end", "packaging", "quirks")
#: They are spread over so much of a run, for some of them take long.
_SPREAD = 0.85


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Spread the files that wait among those that compute.

    One behind the other, as their names have them, all workers would wait at first, and then
    all would want the processor.
    """
    files = [list(group) for _, group in groupby(items, lambda item: item.path)]
    waiting = [one for one in files if one[0].path.parts[-2] in _WAITING]
    computing = [one for one in files if one[0].path.parts[-2] not in _WAITING]
    placed = [
        *((_SPREAD * number / len(waiting), one) for number, one in enumerate(waiting)),
        *((number / len(computing), one) for number, one in enumerate(computing)),
    ]
    placed.sort(key=lambda place: place[0])
    items[:] = [item for _, one in placed for item in one]


@pytest.fixture(scope="session", autouse=True)
def _temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """
    Run every test in a temporary folder, as trial does.

    L{twisted.trial.unittest.TestCase.mktemp} names files in the current folder, and they
    would be left behind in the sources.
    """
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("trial"))
    yield
    os.chdir(before)
