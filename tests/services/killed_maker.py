"""
Makes the server's pairs again and again, and is killed at another step each time.

It prints how many steps there are, and fails if what is left after any of them cannot be used.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cfos_cm.certificates.keys import new_ec_key
from cfos_cm.certificates.names import public_key_pin
from cfos_cm.certificates.pair import flaws
from cfos_cm.services import own_pairs as module
from cfos_cm.services.own_pairs import own_pairs
from cfos_cm.storage import private_files

NOW = datetime(2027, 3, 1, tzinfo=UTC)
_STEPS = ("open", "rename", "fsync", "unlink", "mkdir", "close")
_MOST = 200


class _Dying:
    """The system's calls, of which one is the last."""

    def __init__(self, last: int) -> None:
        self._left = last

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        return self._counted(found) if name in _STEPS else found

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)
            self._left -= 1
            return call(*args, **options)

        return counted


def _dies(folder: Path, names: list[str], step: int) -> bool:
    """Whether a program that is killed at a step was."""
    child = os.fork()
    if not child:
        private_files.os = _Dying(step)  # type: ignore[assignment]
        own_pairs(folder, names, "Garage", NOW)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _pins(folder: Path) -> list[str]:
    made = own_pairs(folder, ["a"], "Garage", NOW)
    if made.troubles or any(flaws(one) for one in made.pairs):
        raise SystemExit(f"{made.troubles}, {[flaws(one) for one in made.pairs]}")
    return [public_key_pin(one.certificate) for one in made.pairs]


def main(root: Path) -> int:
    """The number of steps."""
    module._KINDS = {"ec": new_ec_key, "rsa": new_ec_key}
    for step in range(_MOST):
        first = root / f"first-{step}"
        was_killed = _dies(first, ["a"], step)
        _pins(first)
        # Once more with another name, so that what is there is replaced.
        later = root / f"later-{step}"
        before = _pins(later)
        was_killed = _dies(later, ["a", f"b-{step}"], step) or was_killed
        if _pins(later) != before:
            raise SystemExit(f"step {step}: another key")
        if not was_killed:
            return step
    raise SystemExit("it never ends")


if __name__ == "__main__":
    sys.stdout.write(f"{main(Path(sys.argv[1]))}\n")
