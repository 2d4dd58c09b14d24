"""The files that readings are written to first."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import StorageError
from cfos_cm.storage.readings import Reading
from cfos_cm.storage.readings_log import ReadingsLog
from tests.storage.cases import NOW

PAYLOAD = '{"meterValue":[],"x":"\\u00e9\\/é"}'


def reading(number: int) -> Reading:
    """One of many."""
    return "CP-1", 1, number + 1, NOW, PAYLOAD


READING = reading(4710)


class Log(SynchronousTestCase):
    """A folder of its own."""

    def setUp(self) -> None:
        """Nothing was written yet."""
        self.folder = Path(self.mktemp())
        self.log = self.opened()

    def opened(self, done: int = 0) -> ReadingsLog:
        """A log on that folder, as after a start of the program."""
        log = ReadingsLog(str(self.folder))
        self.left = log.open(done)
        self.addCleanup(log.close)
        return log

    def killed(self, done: int = 0) -> ReadingsLog:
        """The program ends without a word, and starts again."""
        self.log.close()
        return self.opened(done)

    def files(self) -> list[Path]:
        """What is there."""
        return sorted(self.folder.glob("*.readings"))

    def test_nothing(self) -> None:
        """Where nothing was written there is nothing, and no file."""
        self.assertEqual((), self.left)
        self.assertIsNone(self.log.take())
        self.assertEqual([], self.files())

    def test_folder(self) -> None:
        """What is in it is nobody else's business."""
        self.log.append(READING)
        self.assertEqual(0o700, self.folder.stat().st_mode & 0o777)
        self.assertEqual(0o600, self.files()[0].stat().st_mode & 0o777)

    def test_killed(self) -> None:
        """What was written outlives the program, to the letter and in its order."""
        for number in range(3):
            self.log.append(reading(number))
        self.killed()
        (segment,) = self.left
        self.assertEqual(tuple(reading(number) for number in range(3)), segment.readings)

    def test_taken(self) -> None:
        """What was taken stays until it is forgotten; what comes later is in another file."""
        self.log.append(reading(0))
        first = self.log.take()
        self.log.append(reading(1))
        second = self.log.take()
        assert first is not None
        assert second is not None
        self.assertLess(first.number, second.number)
        self.log.forget(first)
        self.killed()
        (left,) = self.left
        self.assertEqual((second.number, second.path), (left.number, left.path))
        self.assertEqual([reading(1)], list(left.readings))

    def test_done(self) -> None:
        """What the database has already is removed, and no number is used twice."""
        self.log.append(reading(0))
        first = self.log.take()
        assert first is not None
        log = self.killed(done=first.number)
        self.assertEqual(((), []), (self.left, self.files()))
        log.append(reading(1))
        second = log.take()
        assert second is not None
        self.assertGreater(second.number, first.number)

    def test_newDatabase(self) -> None:
        """Numbers go on from what the database knows, also in an empty folder."""
        log = self.killed(done=41)
        log.append(READING)
        segment = log.take()
        assert segment is not None
        self.assertEqual(42, segment.number)

    def test_twoPrograms(self) -> None:
        """Two programs cannot share a folder; when one has ended the other can have it."""
        with self.assertRaises(StorageError) as caught:
            ReadingsLog(str(self.folder)).open(0)
        self.assertIn("another charging manager", str(caught.exception))
        self.killed()

    def test_noSpace(self) -> None:
        """What cannot be written leaves nothing behind, and what was written stays."""
        self.log.append(reading(0))
        real = os.write

        def half(file: int, data: bytes) -> int:
            return real(file, data[: len(data) // 2])

        self.patch(os, "write", half)
        self.assertRaises(StorageError, self.log.append, reading(1))

        def full(file: int, data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        self.patch(os, "write", full)
        with self.assertRaises(StorageError) as caught:
            self.log.append(reading(1))
        self.assertIn("No space left", str(caught.exception))
        self.patch(os, "write", real)
        self.log.append(reading(2))
        self.killed()
        self.assertEqual((reading(0), reading(2)), self.left[0].readings)

    def test_noFolder(self) -> None:
        """A place that cannot be used is named."""
        (self.folder / "file").write_text("")
        with self.assertRaises(StorageError) as caught:
            ReadingsLog(str(self.folder / "file")).open(0)
        self.assertIn("file", str(caught.exception))

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(st.data())
    def test_damage(self, data: st.DataObject) -> None:
        """Of a damaged file all is read up to the damage, and nothing is invented."""
        folder = Path(self.mktemp())
        log = ReadingsLog(str(folder))
        log.open(0)
        written = tuple(reading(number) for number in range(4))
        for one in written:
            log.append(one)
        log.close()
        (path,) = folder.glob("*.readings")
        content = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            del content[place:]
        else:
            content[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        log = ReadingsLog(str(folder))
        (segment,) = log.open(0)
        log.close()
        found = segment.readings
        self.assertEqual(written[: len(found)], found)
        self.assertLess(len(found), 4)
