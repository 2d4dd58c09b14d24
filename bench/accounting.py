"""What the kernel says that a process has used."""

from __future__ import annotations

import os
from pathlib import Path


def cpu_ns(pid: int) -> int:
    """
    The CPU time of all threads that a process has now. [ns]

    From C{schedstat}, which counts to the nanosecond; C{/proc/PID/stat} has ticks of 10 ms.
    """
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        total += int((thread / "schedstat").read_text().split()[0])
    return total


def rss_kib(pid: int) -> int:
    """The memory that a process has resident. [KiB]"""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise ProcessLookupError(f"process {pid} has no memory: it has ended")


def cores() -> tuple[int, int]:
    """
    The core for the servers and the one for the load.

    They are the same where there is only one; the figures are of little use then.
    """
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]
