"""What was said during a play, for those who want to see it."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

__all__ = ["MAX_LINES", "MAX_LINE_CHARS", "Transcript"]

#: Of one play; it says less than a tenth of it.
MAX_LINES = 2000
MAX_LINE_CHARS = 2000


@define
class Transcript:
    """
    The lines of one play.

    @ivar seconds: a clock. [s]
    """

    seconds: Callable[[], float]
    _lines: list[str] = field(factory=list, init=False)
    _begun_s: float | None = field(default=None, init=False)

    def sent(self, text: bytes | str) -> None:
        """The wallbox has said something."""
        self._note("->", text)

    def received(self, text: bytes | str) -> None:
        """The Central System has said something."""
        self._note("<-", text)

    def remark(self, text: str) -> None:
        """Something has happened."""
        self._note("--", text)

    def lines(self) -> tuple[str, ...]:
        """All of them: seconds since the first, who, what."""
        return tuple(self._lines)

    def _note(self, mark: str, text: bytes | str) -> None:
        if len(self._lines) >= MAX_LINES:
            return
        now_s = self.seconds()
        self._begun_s = now_s if self._begun_s is None else self._begun_s
        if isinstance(text, bytes):
            text = text[: 4 * MAX_LINE_CHARS].decode("utf-8", "backslashreplace")
        shown = "".join(char if char.isprintable() else "·" for char in text[:MAX_LINE_CHARS])
        more = "…" if len(text) > MAX_LINE_CHARS else ""
        self._lines.append(f"{now_s - self._begun_s:8.3f} {mark} {shown}{more}")
