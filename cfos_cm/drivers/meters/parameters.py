"""What C{parameters} says in the section of a meter."""

from __future__ import annotations

import re

from attrs import frozen

__all__ = ["MOST_METERS", "Parameters", "parameters_words", "read_parameters"]

#: A device is asked for one of so many meters at most.
MOST_METERS = 32

_NUMBER = re.compile(r"number=([0-9]{1,2})")


@frozen
class Parameters:
    """
    What can be said of a meter besides where it is.

    @ivar is_inverted: see L{Wiring<cfos_cm.drivers.meters.readings.Wiring>}.
    @ivar number: which of several meters of one device it is, counted from 1.
    """

    is_inverted: bool = False
    number: int = 1


def parameters_words(*, has_number: bool) -> str:
    """What L{read_parameters} takes, in words that complete "must be …"."""
    if not has_number:
        return "inverted; or empty"
    return f"inverted, or number=N with N from 1 to {MOST_METERS}, or both; or empty"


def read_parameters(text: str, *, has_number: bool = False) -> Parameters:
    """
    The parameters in a text.

    @param has_number: a device of this kind may have several meters.
    @raise ValueError: with L{parameters_words}, if something else is in it.
    """
    words = text.split()
    number = 1
    for word in words:
        match = _NUMBER.fullmatch(word) if has_number else None
        if match is not None and 1 <= int(match[1]) <= MOST_METERS:
            number = int(match[1])
        elif word != "inverted":
            raise ValueError(parameters_words(has_number=has_number))
    if len({word.partition("=")[0] for word in words}) != len(words):
        raise ValueError(parameters_words(has_number=has_number))
    return Parameters("inverted" in words, number)
