"""Places in the program at which it is killed, as by C{kill -9}."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

__all__ = ["FAIL_POINTS", "FailPoint", "arm"]

#: The module that Python imports by itself at the start of a process.
_MODULE = "sitecustomize.py"

_SOURCE = '''\
"""Kills the process at the {count}. call of {name}, {when} it."""
import functools, importlib.machinery, os, signal, sys

COUNT = {count}


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def patched(method):
    calls = [0]

    @functools.wraps(method)
    def call(*arguments, **options):
        calls[0] += 1
        if calls[0] == COUNT and {before}:
            die()
        result = method(*arguments, **options)
        if calls[0] == COUNT:
            die()
        return result

    return call


class Finder:
    def find_spec(self, name, path, target=None):
        if name != {module!r}:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            owner = getattr(module, {owner!r})
            setattr(owner, {method!r}, patched(getattr(owner, {method!r})))

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Finder())
'''


@frozen
class FailPoint:
    """
    A method, and whether the end comes before or after what it does.

    @ivar words: what that is, for people.
    @ivar sample: one of its calls, in the middle of a charge.
    """

    words: str
    module: str
    owner: str
    method: str
    before: bool
    sample: int

    def source(self, count: int) -> str:
        """The text of a module that kills the process at the C{count}. call."""
        return _SOURCE.format(
            name=f"{self.owner}.{self.method}",
            when="before" if self.before else "after",
            count=count,
            before=self.before,
            module=self.module,
            owner=self.owner,
            method=self.method,
        )


def _both(
    words: str, module: str, owner: str, method: str, sample: int = 6
) -> tuple[FailPoint, ...]:
    return (
        FailPoint(f"before {words}", module, owner, method, True, sample),
        FailPoint(f"after {words}", module, owner, method, False, sample),
    )


FAIL_POINTS: tuple[FailPoint, ...] = (
    *_both("a commit", "cfos_cm.storage.store", "Store", "run", sample=14),
    *_both("a frame to the backend", "cfos_cm.net.backend_socket", "Socket", "send_text"),
    *_both("a frame of the backend", "cfos_cm.charge_point.gateway", "Gateway", "received"),
    *_both(
        "the number of a transaction is noted",
        "cfos_cm.charge_point.transactions",
        "Transactions",
        "bound",
        sample=1,
    ),
    *_both("an answer to the wallbox", "cfos_cm.central_system.session", "Session", "received"),
)


def arm(folder: Path, point: FailPoint | None, count: int = 0) -> None:
    """
    Have each process that has C{folder} among its packages killed there.

    @param point: C{None}: nowhere.
    """
    place = folder / _MODULE
    if point is None:
        place.unlink(missing_ok=True)
    else:
        place.write_text(point.source(count), encoding="utf-8")
