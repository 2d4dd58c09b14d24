"""Files that belong to a change: there with it, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from attrs import field, frozen

from cfos_cm.storage.private_files import SECRET, private_folder, put_file, remove_file

__all__ = ["NewFile", "NewFiles"]


@frozen
class NewFile:
    """A file that nobody else may look for: its folder is closed to others."""

    path: Path
    content: bytes = field(repr=False)
    mode: int = SECRET


class NewFiles:
    """Puts files, and takes them away again. For a thread."""

    def __init__(self, files: Sequence[NewFile]) -> None:
        self._files = files
        self._before: list[tuple[NewFile, bytes | None]] = []

    def put(self) -> None:
        """
        Have them all there, and on disk.

        @raise OSError: if one cannot be written; L{undo} removes the others.
        """
        for one in self._files:
            private_folder(one.path.parent)
            before = _content(one.path)
            if before != one.content:
                self._before.append((one, before))
                put_file(one.path, one.content, one.mode)

    def undo(self) -> None:
        """Have everything as it was before, as far as that can be done."""
        for one, before in reversed(self._before):
            with suppress(OSError):
                if before is None:
                    remove_file(one.path)
                else:
                    put_file(one.path, before, one.mode)
        self._before = []


def _content(path: Path) -> bytes | None:
    """What is there, if it is a file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
