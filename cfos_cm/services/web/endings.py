"""What is to be done when something counts no more, by its name."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

__all__ = ["Endings"]

_log = Logger(namespace="cfos_cm.web")


class Endings:
    """What ends with each name."""

    def __init__(self) -> None:
        self._acts: dict[str, dict[object, Callable[[], None]]] = {}

    def add(self, name: str, act: Callable[[], None]) -> Callable[[], None]:
        """
        Have something called once when C{name} ends.

        @return: takes that back.
        """
        place = object()
        self._acts.setdefault(name, {})[place] = act

        def take_back() -> None:
            acts = self._acts.get(name, {})
            acts.pop(place, None)
            if not acts:
                self._acts.pop(name, None)

        return take_back

    def end(self, name: str) -> None:
        """It counts no more."""
        acts = self._acts.pop(name, {})
        while acts:
            _call(acts.pop(next(iter(acts))))

    def end_all(self) -> None:
        """Nothing counts any more."""
        for name in tuple(self._acts):
            self.end(name)

    def __len__(self) -> int:
        return sum(len(acts) for acts in self._acts.values())


def _call(act: Callable[[], None]) -> None:
    try:
        act()
    except Exception:  # noqa: BLE001 - what others do at the end keeps nobody in
        _log.failure("what ends with a token has failed")
