"""
Where the time of a process goes: what each of its threads is doing, a thousand times a second.

A sampler disturbs less than C{cProfile}, which makes every call of a Python function dearer
and so points at the small ones. Each look is weighed with the CPU time that the thread has used
since the last one, so that a thread that waits weighs nothing, and what is written in C counts
for the Python function that has called it.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import Counter
from types import FrameType

_INTERVAL_S = 0.001


class Sampler:
    """Looks at all threads of this process while it uses the CPU."""

    def __init__(self) -> None:
        self._own: Counter[str] = Counter()
        self._total: Counter[str] = Counter()
        self._threads: Counter[str] = Counter()
        self._clocks: dict[int, int] = {}
        self._last_ns: dict[int, int] = {}

    @classmethod
    def prepare(cls) -> None:
        """Route the signal; call this in the main thread, before L{start}."""
        signal.signal(signal.SIGPROF, lambda _, frame: cls._signalled(frame))

    _active: Sampler | None = None

    @classmethod
    def _signalled(cls, frame: FrameType | None) -> None:
        if cls._active is not None:
            cls._active.look(frame)

    def start(self) -> None:
        """Begin."""
        self._own.clear()
        self._total.clear()
        self._threads.clear()
        self._last_ns.clear()
        Sampler._active = self
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL_S, _INTERVAL_S)

    def stop(self) -> dict[str, dict[str, int]]:
        """
        End, and say what was found: CPU time by function and by thread. [ns]

        @return: C{own}: in the function itself; C{total}: with all that it calls; C{threads}.
        """
        signal.setitimer(signal.ITIMER_PROF, 0)
        Sampler._active = None
        return {
            "own": dict(self._own),
            "total": dict(self._total),
            "threads": dict(self._threads),
        }

    def look(self, main_frame: FrameType | None) -> None:
        """Note what every thread is doing; C{main_frame} is where the main thread is."""
        main = threading.main_thread().ident
        for thread in threading.enumerate():
            if thread.ident is None:
                continue
            used = self._used_ns(thread.ident)
            if used == 0:
                continue
            frame = (
                main_frame if thread.ident == main else sys._current_frames().get(thread.ident)
            )
            self._threads[thread.name] += used
            self._count(frame, used)

    def _used_ns(self, ident: int) -> int:
        clock = self._clocks.get(ident)
        if clock is None:
            clock = self._clocks[ident] = time.pthread_getcpuclockid(ident)
        now = time.clock_gettime_ns(clock)
        before, self._last_ns[ident] = self._last_ns.get(ident, now), now
        return now - before

    def _count(self, frame: FrameType | None, weight: int) -> None:
        seen = set()
        first = True
        while frame is not None:
            code = frame.f_code
            name = f"{_short(code.co_filename)}:{code.co_firstlineno} {code.co_qualname}"
            if first:
                self._own[name] += weight
                first = False
            if name not in seen:
                seen.add(name)
                self._total[name] += weight
            frame = frame.f_back


def _short(path: str) -> str:
    return "/".join(path.split("/")[-3:])
