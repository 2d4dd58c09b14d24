"""The files that readings are written to first."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from stat import S_ISDIR

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import StorageError
from cfos_cm.storage import readings_log
from cfos_cm.storage.reading_records import parsed
from cfos_cm.storage.readings import Reading
from cfos_cm.storage.readings_log import ReadingsLog
from tests.storage.cases import NOW

PAYLOAD = '{"meterValue":[],"x":"\\u00e9\\/é"}'


def reading(number: int) -> Reading:
    """One of many."""
    return "CP-1", 1, number + 1, NOW, PAYLOAD


READING = reading(4710)


class LogCase(SynchronousTestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        """Nothing was written yet."""
        self.folder = Path(self.mktemp())
        self.log = self.opened()

    def opened(self, done: int = 0) -> ReadingsLog:
        """A log on that folder, as after a start of the program."""
        log = ReadingsLog(str(self.folder))
        self.log_id = log.open()
        self.addCleanup(log.close)
        self.left = log.left(done)
        return log

    def killed(self, done: int = 0) -> ReadingsLog:
        """The program ends without a word, and starts again."""
        self.log.close()
        self.log = self.opened(done)
        return self.log

    def files(self) -> list[Path]:
        """What is there."""
        return sorted(self.folder.glob("*.readings"))


class Log(LogCase):
    """What was written is there after a start, whatever has happened."""

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
        self.assertEqual((second.number, second.paths), (left.number, list(left.paths)))
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

    def number(self, log: ReadingsLog) -> int:
        """The number of the next segment."""
        log.append(READING)
        segment = log.take()
        assert segment is not None
        log.forget(segment)
        return segment.number

    def test_otherDatabase(self) -> None:
        """Numbers count up from start to start, whatever the database knows, and beyond it."""
        first = self.number(self.log)
        second = self.number(self.killed(done=0))
        self.assertGreater(second, first)
        self.assertGreater(self.number(self.killed(done=0)), second)
        self.assertEqual(10**15 + 1, self.number(self.killed(done=10**15)))

    def test_id(self) -> None:
        """A log keeps its id; each has its own."""
        log_id = self.log_id
        self.killed()
        self.assertEqual(log_id, self.log_id)
        self.assertEqual(0o600, (self.folder / "id").stat().st_mode & 0o777)
        other = ReadingsLog(self.mktemp())
        self.addCleanup(other.close)
        self.assertNotEqual(log_id, other.open())

    def test_idDamaged(self) -> None:
        """A log whose id cannot be read has another one, and what is left counts as its own."""
        self.log.append(READING)
        log_id = self.log_id
        (self.folder / "id").write_bytes(b"\xff")
        log = self.killed()
        self.assertNotEqual(log_id, self.log_id)
        self.assertEqual(1, len(self.left))
        self.assertGreater(self.number(log), self.left[0].number)

    def test_fullAtTheStart(self) -> None:
        """A full disk keeps nobody from a start but the first, which lets go of the folder."""
        log_id = self.log_id

        def full(path: Path, content: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        self.log.close()
        self.patch(readings_log, "_write_new", full)
        self.killed()
        self.assertEqual(log_id, self.log_id)
        self.log.close()
        folder = self.mktemp()
        for _ in range(2):
            with self.assertRaises(StorageError) as caught:
                ReadingsLog(folder).open()
            self.assertIn("No space left", str(caught.exception))

    def test_otherNames(self) -> None:
        """Files that only look like segments are left alone."""
        names = {"².readings", "٣.readings", "x.readings", "9" * 19 + ".readings"}
        for name in names:
            (self.folder / name).write_bytes(b"not ours")
        self.killed(done=10)
        self.assertEqual(((), names), (self.left, {path.name for path in self.files()}))

    def test_twoPrograms(self) -> None:
        """Two programs cannot share a folder; when one has ended the other can have it."""
        with self.assertRaises(StorageError) as caught:
            ReadingsLog(str(self.folder)).open()
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

    def test_notCutOff(self) -> None:
        """Behind what was written in part, and cannot be removed, nothing is written."""
        self.log.append(reading(0))
        real = os.write

        def part(file: int, data: bytes) -> int:
            return real(file, data[:9])

        def broken(file: int, length: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        self.patch(os, "write", part)
        self.patch(os, "ftruncate", broken)
        self.assertRaises(StorageError, self.log.append, reading(1))
        self.patch(os, "write", real)
        for number in (2, 3):
            self.log.append(reading(number))
        segment = self.log.take()
        assert segment is not None
        self.assertEqual([reading(0), reading(2), reading(3)], segment.readings)
        self.assertEqual(2, len(self.files()))
        self.killed()
        self.assertEqual(
            [(reading(0),), (reading(2), reading(3))], [one.readings for one in self.left]
        )
        self.assertEqual(segment.number, self.left[-1].number)
        self.log.forget(segment)
        self.assertEqual([], self.files())

    def test_held(self) -> None:
        """What is held is what it takes in memory, where one letter makes all longer."""
        self.log.append(("CP-1", 1, None, NOW, "x" * 1000))
        self.assertLess(self.log.held, 1200)
        self.log.append(("CP-1", 1, None, NOW, "x" * 1000 + "\U0001f600"))
        held = self.log.held
        self.assertGreater(held, 5000)
        segment = self.log.take()
        assert segment is not None
        self.assertEqual((held, 0), (segment.held, self.log.held))
        self.killed()
        self.assertGreater(self.left[0].held, 5000)

    def test_noFolder(self) -> None:
        """A place that cannot be used is named."""
        (self.folder / "file").write_text("")
        with self.assertRaises(StorageError) as caught:
            ReadingsLog(str(self.folder / "file")).open()
        self.assertIn("file", str(caught.exception))

    def damaged(self, place: int, *, record: int) -> bytes:
        """Four readings, of which one record was damaged there; gives the file's content."""
        for number in range(4):
            self.log.append(reading(number))
        (path,) = self.files()
        content = bytearray(path.read_bytes())
        content[len(content) // 4 * record + place] ^= 1
        path.write_bytes(content)
        self.killed()
        return bytes(content)

    def unread(self) -> bytes:
        """What was set aside of what is left."""
        assert self.left[0].unread is not None
        return Path(self.left[0].unread).read_bytes()

    def test_damagedRecord(self) -> None:
        """A record that is damaged costs no other, and is kept."""
        content = self.damaged(20, record=1)
        self.assertEqual((reading(0), reading(2), reading(3)), self.left[0].readings)
        self.assertEqual(content[len(content) // 4 : len(content) // 2], self.unread())

    def test_damagedLength(self) -> None:
        """Where no other record can be found behind one that is damaged, all of it is kept."""
        content = self.damaged(0, record=1)
        self.assertEqual((reading(0),), self.left[0].readings)
        self.assertEqual(content[len(content) // 4 :], self.unread())

    def test_damagedStill(self) -> None:
        """What was kept of a file is not kept once more at the next start."""
        self.damaged(20, record=1)
        self.killed()
        self.assertEqual(1, len(list(self.folder.glob("*.refused"))))

    def test_zeros(self) -> None:
        """Space that was never written to is not worth keeping."""
        self.log.append(READING)
        (path,) = self.files()
        path.write_bytes(path.read_bytes() + bytes(4096))
        self.killed()
        self.assertEqual(((READING,), None), (self.left[0].readings, self.left[0].unread))

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(st.data())
    def test_damage(self, data: st.DataObject) -> None:
        """Of a damaged file nothing is invented, and what cannot be read is not lost."""
        folder = Path(self.mktemp())
        log = ReadingsLog(str(folder))
        log.open()
        written = tuple(reading(number) for number in range(4))
        for one in written:
            log.append(one)
        log.close()
        (path,) = folder.glob("*.readings")
        content = bytearray(path.read_bytes())
        size = len(content) // 4
        place = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            del content[place:]
        else:
            content[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        log = ReadingsLog(str(folder))
        log.open()
        (segment,) = log.left(0)
        log.close()
        found = segment.readings
        self.assertEqual(written[: place // size], found[: place // size])
        self.assertEqual(tuple(one for one in written if one in found), found)
        self.assertLess(len(found), 4)
        unread = Path(segment.unread).read_bytes() if segment.unread else b""
        self.assertEqual(len(content), size * len(found) + len(unread))


class Refused(LogCase):
    """What was set aside."""

    def aside(self, number: int = 1, *words: str) -> Path:
        """Set some readings aside."""
        return Path(
            self.log.set_aside(number, [("CP-1", 1, None, NOW, word) for word in words])
        )

    def left_aside(self) -> list[Path]:
        """What is there of it."""
        return sorted(self.folder.glob("*.refused"))

    def test_nothingWrittenOver(self) -> None:
        """What has the same number stays beside it, unless it is the same."""
        paths = [self.aside(1, word) for word in ("a", "b", "a", "b")]
        self.assertEqual(paths[:2], paths[2:])
        found = [parsed(path.read_bytes()) for path in paths[:2]]
        self.assertEqual(["a", "b"], [readings[0][-1] for readings, _ in found])

    def test_onDisk(self) -> None:
        """It is on disk, and so is that it is in the folder."""
        flushed: list[bool] = []
        self.patch(os, "fsync", lambda file: flushed.append(S_ISDIR(os.fstat(file).st_mode)))
        self.aside(1, "a")
        self.assertEqual([False, True], flushed)

    def test_noSpace(self) -> None:
        """What could not be kept leaves no part of it behind."""

        def full(file: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        self.patch(os, "fsync", full)
        self.assertRaises(StorageError, self.aside, 1, "a")
        self.assertEqual([], self.left_aside())

    def test_oldestGo(self) -> None:
        """The oldest by their time go, not those with the smallest numbers, nor the newest."""
        size = self.aside(9, "a").stat().st_size
        self.patch(readings_log, "MAX_REFUSED_BYTES", 2 * size)
        files = [self.aside(number, "a") for number in (9, 5, 7, 1)]
        for path, time in zip(files, (100, 300, 200, 50), strict=True):
            os.utime(path, (time, time))
        gone = self.log.forget_refused(str(files[-1]))
        self.assertEqual((str(files[0]), str(files[2])), gone)
        self.assertEqual([files[3], files[1]], self.left_aside())

    def test_oneStays(self) -> None:
        """The newest one stays even when it alone is too much."""
        self.patch(readings_log, "MAX_REFUSED_BYTES", 1)
        newest = self.aside(1, "a")
        self.assertEqual((), self.log.forget_refused(str(newest)))

    def test_many(self) -> None:
        """Files that hold next to nothing are bounded too."""
        self.patch(readings_log, "MAX_REFUSED_FILES", 2)
        files = [self.aside(number, "a") for number in range(4)]
        self.assertEqual(2, len(self.log.forget_refused(str(files[-1]))))
