"""
What a peer meant, where it is forgiven that it said something else.

L{mended} goes through the JSON value of a payload beside the class of its message. Each
deviation has a name, a L{Quirk}; one that is tolerated is repaired and noted, any other is left
as it is, for the class to refuse. Nothing is guessed: what could mean two things, as an unknown
status or an idTag that is too long, stays refused whatever is tolerated.

A message may have a hundred thousand places. What has to be refused for one of them is not
repaired any further, and what is as it should be is found so by the class, many at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final, cast

import msgspec
from attrs import frozen
from msgspec import Struct, inspect

from cfos_cm.quirk import Quirk
from cfos_cm.strict_json import WrittenFloat
from cfos_cm.v16.core import (
    DataTransferConfirmation,
    DataTransferRequest,
    MeterValuesRequest,
)
from cfos_cm.v16.forms import Fit, Form, fit_of, form_of
from cfos_cm.v16.other_words import Nothing, meant_by
from cfos_cm.v16.types import Message, MeterValue, TransactionData
from cfos_cm.v16.violations import excerpt

__all__ = ["MAX_REMARKS", "MAX_REMARK_CHARS", "MAX_REPAIRS", "Mended", "mended"]

#: What is wrong with a message a thousand times is told often enough by these.
MAX_REMARKS = 16
MAX_REMARK_CHARS = 160
#: In one message; a StopTransaction of 256 KiB has at most some 4 000 sampled values. Each
#: costs a few microseconds of a process that others wait for.
MAX_REPAIRS = 10_000
#: So many objects of a list are looked at together, because most of them are as they should be.
_AT_ONCE: Final = 64


@frozen
class Mended:
    """
    A payload after its repair.

    @ivar value: it may still be one that its class refuses.
    @ivar quirks: the deviations that were repaired.
    @ivar remarks: what was repaired, in a few words each, at most L{MAX_REMARKS} of them.
    @ivar not_tolerated: the first deviation that could have been repaired and was not allowed.
    @ivar nothing_left: whether each of its meter's values had to be left out.
    """

    value: object
    quirks: frozenset[Quirk]
    remarks: tuple[str, ...]
    not_tolerated: Quirk | None
    nothing_left: bool

    def as_message(self, kind: type[Message]) -> Message:
        """
        The value as an instance of C{kind}.

        @raise msgspec.ValidationError: if it is none.
        """
        if not self.nothing_left or not isinstance(self.value, dict):
            return msgspec.convert(self.value, kind)
        # The class wants one at least, which is right for those who send. It is given one that
        # is taken away again.
        message = msgspec.convert(self.value | _ONE_METER_VALUE, kind)
        return msgspec.structs.replace(message, meter_value=())


_ONE_METER_VALUE: Final[dict[str, object]] = {
    "meterValue": [{"timestamp": "", "sampledValue": [{"value": ""}]}]
}


def mended(
    value: object, payload: bytes, kind: type[Message], tolerated: frozenset[Quirk]
) -> Mended:
    """
    Repair what is tolerated.

    @param value: as L{cfos_cm.strict_json.read} has read it; it is not changed.
    @param payload: the JSON text that it was read from.
    @param kind: the class that it should be an instance of.
    """
    mending = _Mending(payload, tolerated)
    better = mending.structure(value, kind, "$")
    return Mended(
        better,
        frozenset(mending.quirks),
        tuple(mending.remarks),
        mending.not_tolerated,
        mending.nothing_left,
    )


class _Mending:
    """
    The repair of one payload; its attributes are those of L{Mended}.

    @ivar _stuck: the class will refuse what was looked at last, unless it is left out with the
        object that it is in.
    """

    def __init__(self, payload: bytes, tolerated: frozenset[Quirk]) -> None:
        self._payload = payload
        self._tolerated = tolerated
        self._stuck = False
        self._repairs = 0
        self.quirks: set[Quirk] = set()
        self.remarks: list[str] = []
        self.not_tolerated: Quirk | None = None
        self.nothing_left = False

    def structure(self, found: object, kind: type[Struct], place: str) -> object:
        """What an object of the class C{kind} means, or L{Nothing.FIELD}."""
        if not isinstance(found, dict):
            self._stuck = True
            return _plain(found)
        form = form_of(kind)
        meant: dict[str, object] = {}
        is_stuck = False
        items = iter(self._renamed(found, kind, place).items())
        for name, inner in items:
            fits = form.fits.get(name)
            if fits is not None and fits(inner):
                meant[name] = inner
                continue
            better = self._field(inner, name, form, place)
            is_stuck, self._stuck = is_stuck or self._stuck, False
            if better is not Nothing.OBJECT:
                if better is not Nothing.FIELD:
                    meant[name] = better
            elif place == "$":
                self.nothing_left = True
            else:
                return Nothing.FIELD
            if is_stuck and place == "$":
                # However good the rest is.
                meant.update(items)
        self._stuck = is_stuck or not form.required <= meant.keys()
        return meant

    def _forgives(self, quirk: Quirk, remark: str | Callable[[], str], place: str) -> bool:
        """
        Whether a deviation is to be repaired; it is noted in both cases.

        @param remark: what it is; called only if it is told.
        """
        if quirk not in self._tolerated:
            if self.not_tolerated is None:
                self.not_tolerated = quirk
            return False
        self._repairs += 1
        if self._repairs > MAX_REPAIRS:
            return False
        self.quirks.add(quirk)
        if len(self.remarks) < MAX_REMARKS:
            what = remark if isinstance(remark, str) else remark()
            told = f"{what} at {place}"[:MAX_REMARK_CHARS]
            if told not in self.remarks:
                self.remarks.append(told)
        return True

    def _renamed(
        self, found: dict[str, object], kind: type, place: str
    ) -> Mapping[str, object]:
        """The same object, with the names of OCPP 1.6 instead of those of 1.5."""
        names = _NAMES_OF_OCPP_15.get(kind)
        if names is None or names[0] in found:
            return found
        name, older = names
        used = next((word for word in older if isinstance(found.get(word), list | dict)), None)
        if used is None:
            return found
        if not self._forgives(Quirk.OCPP15_VALUES, f"{used} instead of {name}", place):
            return found
        return {name if word == used else word: inner for word, inner in found.items()}

    def _field(self, found: object, name: str, form: Form, place: str) -> object:
        """What one field of an object means, or a L{Nothing}."""
        field = form.fields.get(name)
        if field is None:
            if self._forgives(
                Quirk.UNKNOWN_FIELDS, lambda: f"unknown field {_shown(name)}", place
            ):
                return Nothing.FIELD
            self._stuck = True
            return _plain(found)
        here = f"{place}.{name}"
        if found is None and not field.required:
            if self._forgives(Quirk.NULL_FIELDS, "null", here):
                return Nothing.FIELD
            self._stuck = True
            return None
        if name == "data" and form.kind in _TRANSFERS:
            found = self._data(found, here)
        return self._value(found, field.type, form.fits.get(name), name, here)

    def _value(
        self, found: object, shape: inspect.Type, fits: Fit | None, name: str, place: str
    ) -> object:
        if isinstance(shape, inspect.StructType):
            return self.structure(found, shape.cls, place)
        if isinstance(shape, inspect.VarTupleType):
            return self._list(found, shape, place)
        better = self._single(found, shape, name, place)
        if fits is not None and not fits(better) and not isinstance(better, Nothing):
            self._stuck = True
        return _plain(better)

    def _single(self, found: object, shape: inspect.Type, name: str, place: str) -> object:
        """What a value means that is neither an object nor a list, or a L{Nothing}."""
        match shape:
            case inspect.StrType(max_length=limit):
                return self._text(found, limit, name, place)
            case inspect.EnumType():
                return self._word(found, cast(type[StrEnum], shape.cls), place)
            case inspect.IntType():
                return self._integer(found, name, place)
            case inspect.FloatType():
                return self._number(found, place)
            case _:
                return self._flag(found, place)

    def _list(self, found: object, shape: inspect.VarTupleType, place: str) -> object:
        item = shape.item_type
        if (
            isinstance(found, dict)
            and isinstance(item, inspect.StructType)
            and self._forgives(Quirk.SINGLE_METER_VALUE, "an object, not a list", place)
        ):
            found = [found]
        if not isinstance(found, list):
            self._stuck = True
            return _plain(found)
        here = f"{place}[...]"
        is_left_out = False
        if isinstance(item, inspect.StructType):
            meant, is_left_out = self._objects(found, form_of(item.cls), here)
        else:
            meant = self._singles(found, item, here)
        if len(meant) < (shape.min_length or 0):
            if is_left_out:
                return Nothing.OBJECT
            self._stuck = True
        return meant

    def _singles(self, found: list[object], shape: inspect.Type, place: str) -> list[object]:
        """What those elements of a list mean that are neither objects nor lists."""
        fits = fit_of(shape)
        meant: list[object] = []
        for index, inner in enumerate(found, 1):
            if inner is None and self._forgives(Quirk.NULL_FIELDS, "null", place):
                continue
            meant.append(self._value(inner, shape, fits, "", place))
            if self._stuck:
                return meant + found[index:]
        return meant

    def _objects(
        self, found: list[object], form: Form, place: str
    ) -> tuple[list[object], bool]:
        """What the objects in a list mean, and whether one had to be left out."""
        meant: list[object] = []
        is_left_out = False
        for start in range(0, len(found), _AT_ONCE):
            some = found[start : start + _AT_ONCE]
            # As they are: nothing can help any more, or nothing has to.
            if self._stuck or form.is_that_of_all(some):
                meant += some
            elif self._each(some, form.kind, place, meant):
                is_left_out = True
        return meant, is_left_out

    def _each(
        self, found: list[object], kind: type[Struct], place: str, meant: list[object]
    ) -> bool:
        """Put what some objects mean into another list; whether one had to be left out."""
        is_left_out = False
        for index, inner in enumerate(found, 1):
            if inner is None and self._forgives(Quirk.NULL_FIELDS, "null", place):
                continue
            moments = _moments_of_ocpp_15(inner) if kind is TransactionData else None
            if moments is not None and self._forgives(
                Quirk.OCPP15_VALUES, "values of several moments", place
            ):
                self._each(moments, kind, place, meant)
            elif (better := self.structure(inner, kind, place)) is Nothing.FIELD:
                is_left_out = True
            else:
                meant.append(better)
            if self._stuck:
                meant += found[index:]
                break
        return is_left_out

    def _text(self, found: object, limit: int | None, name: str, place: str) -> object:
        if found is None and name == "timestamp":
            # No point in time: who has to have one takes that of the receipt.
            return "" if self._forgives(Quirk.NULL_FIELDS, "null", place) else None
        if isinstance(found, _NUMBERS):
            if not self._forgives(Quirk.LOOSE_TYPES, _loosely(found), place):
                return found
            found = _written(found)
        if not isinstance(found, str) or limit is None or len(found) <= limit:
            return found
        remark = f"{len(found)} characters cut to {limit}"
        if name in _NEVER_CUT or not self._forgives(Quirk.LONG_TEXTS, remark, place):
            return found
        return found[:limit]

    def _data(self, found: object, place: str) -> object:
        """The data of a DataTransfer: what is no text is taken as it is written."""
        if not isinstance(found, dict | list):
            return found
        if not self._forgives(Quirk.DATA_AS_OBJECT, "JSON instead of a text", place):
            return found
        parts = msgspec.json.decode(self._payload, type=dict[str, msgspec.Raw])
        return bytes(parts["data"]).decode("utf-8")

    def _word(self, found: object, words: type[StrEnum], place: str) -> object:
        if not isinstance(found, str):
            return found
        meant = meant_by(found, words)
        if meant is None or meant == found:
            return found
        outcome = meant.value if isinstance(meant, Nothing) else f"read as {meant}"
        if not self._forgives(Quirk.OTHER_WORDS, lambda: f"{excerpt(found)} {outcome}", place):
            return found
        return meant

    def _integer(self, found: object, name: str, place: str) -> object:
        number = _exact(found)
        if number is None:
            return found
        if number % 1 and name not in _ROUNDED:
            return found
        # 1.0 is the integer 1 in JSON; whoever writes it deviates from nothing.
        is_integer = isinstance(found, WrittenFloat) and not number % 1
        if is_integer or self._forgives(Quirk.LOOSE_TYPES, _loosely(found), place):
            return round(number)
        return found

    def _number(self, found: object, place: str) -> object:
        if isinstance(found, WrittenFloat):
            return _plain(found)
        number = _exact(found) if isinstance(found, str) else None
        if number is None or not self._forgives(Quirk.LOOSE_TYPES, _loosely(found), place):
            return found
        return float(number)

    def _flag(self, found: object, place: str) -> object:
        word = found.strip().casefold() if isinstance(found, str) else found
        if isinstance(word, bool) or not isinstance(word, str | int) or word not in _FLAGS:
            return found
        if not self._forgives(Quirk.LOOSE_TYPES, _loosely(found), place):
            return found
        return _FLAGS[word]


_NUMBERS: Final = (bool, int, WrittenFloat)

_TRANSFERS: Final = (DataTransferRequest, DataTransferConfirmation)

#: What OCPP 1.5 calls the field of a class, by one or the other translation from its XML.
_NAMES_OF_OCPP_15: Final[Mapping[type, tuple[str, tuple[str, ...]]]] = {
    MeterValuesRequest: ("meterValue", ("values",)),
    MeterValue: ("sampledValue", ("values", "value")),
    TransactionData: ("sampledValue", ("values", "value")),
}

#: Cut, these would be somebody else's, lead elsewhere or prove nothing.
_NEVER_CUT: Final = frozenset(
    {
        "idTag",
        "parentIdTag",
        "certificate",
        "certificateChain",
        "csr",
        "issuerKeyHash",
        "issuerNameHash",
        "location",
        "remoteLocation",
        "serialNumber",
        "signature",
        "signingCertificate",
    }
)

#: Energies: half a watt-hour more or less is worth less than the message. [Wh]
_ROUNDED: Final = frozenset({"meterStart", "meterStop"})

_DIGITS: Final = re.compile(r"[+-]?[0-9]{1,19}(?:\.[0-9]{0,30})?")

_FLAGS: Final[Mapping[str | int, bool]] = {"true": True, "false": False, 1: True, 0: False}


def _exact(found: object) -> Decimal | None:
    """The number that is meant by what is no JSON integer; C{None} if there is none."""
    if isinstance(found, bool):
        return Decimal(found)
    if isinstance(found, WrittenFloat):
        number = Decimal(_written(found))
        # Compared, not computed with: its exponent may be huge.
        return number if -(2**63) <= number < 2**63 and number.adjusted() > -31 else None
    if isinstance(found, str) and _DIGITS.fullmatch(found.strip()):
        return Decimal(found.strip())
    return None


def _written(found: bool | int | WrittenFloat) -> str:
    """The JSON text of a number or a truth value, as it came."""
    if isinstance(found, bool):
        return "true" if found else "false"
    return bytes(found).decode() if isinstance(found, WrittenFloat) else str(found)


def _loosely(found: object) -> str:
    """What stands where something of another type should."""
    if isinstance(found, bool):
        return "true or false"
    return "a text" if isinstance(found, str) else "a number"


def _plain(found: object) -> object:
    """The value as one that msgspec takes."""
    return float(_written(found)) if isinstance(found, WrittenFloat) else found


def _moments_of_ocpp_15(found: object) -> list[object] | None:
    """The meter values in an element of OCPP 1.5's transaction data; C{None} if it is none."""
    if not isinstance(found, dict) or len(found) != 1 or "values" not in found:
        return None
    values = found["values"]
    moments = [values] if isinstance(values, dict) else values
    if not isinstance(moments, list):
        return None
    has_moments = all(isinstance(inner, dict) and "timestamp" in inner for inner in moments)
    return moments if has_moments else None


def _shown(name: str) -> str:
    """A peer's name for a field, as a remark may repeat it."""
    return name if name.isascii() and name.isidentifier() and len(name) <= 40 else excerpt(name)
