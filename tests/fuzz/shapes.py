"""
Messages as long as they may be, each of another shape that could be dear to read.

C{python -m tests.fuzz.shapes} says each of them to a Central System that forgives nothing, to
the usual one and to one that forgives everything, and shows which took longest.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Final

from attrs import frozen
from twisted.logger import globalLogBeginner

from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.central_system.settings import CentralSystemSettings, ChargePointSettings
from cfos_cm.quirk import EVERY_QUIRK
from cfos_cm.wire.ocppj import MAX_FRAME_BYTES

from ..central_system.world import BAY_1, BAY_2
from .season import Season
from .sessions import MAX_S, attention

__all__ = [
    "FORGIVING",
    "SHAPES",
    "STRICT",
    "USUAL",
    "Shape",
    "Siege",
    "besiege",
    "main",
]

#: Gives the message that has a message id.
Shape = Callable[[str], bytes]


def _full(frame: str, unit: str, closing: str = "") -> Shape:
    """
    A message that is full of one thing.

    @param frame: with C{ID} for its message id, and C{@} for all of them.
    @param unit: one of them; C{#} in it is another number each time.
    @param closing: what there has to be for each of them in the place of C{%} in C{frame}.
    """

    def make(unique_id: str) -> bytes:
        text = frame.replace("ID", unique_id)
        room = MAX_FRAME_BYTES - len(text.encode("utf-8", "surrogatepass"))
        one = unit.replace("#", "00000")
        times = room // len((one + closing).encode("utf-8", "surrogatepass"))
        if "#" in unit:
            units = "".join(unit.replace("#", f"{number:05}") for number in range(times))
        else:
            units = unit * times
        text = text.replace("%", closing * times).replace("@", units)
        return text.encode("utf-8", "surrogatepass")

    return make


def _call(action: str, payload: str, unit: str, closing: str = "") -> Shape:
    """A CALL that is full of one thing; see L{_full}."""
    return _full(f'[2,"ID","{action}",{payload}]', unit, closing)


def _transfer(data: str, unit: str, closing: str = "") -> Shape:
    """A DataTransfer.req, which may carry any text."""
    return _call("DataTransfer", f'{{"vendorId":"v","data":{data}}}', unit, closing)


def _not_utf8(unique_id: str) -> bytes:
    return b'[2,"%s","' % unique_id.encode() + b"\xff" * 262_000


_AT = '"timestamp":"2026-03-02T12:00:00Z"'
_VALUE = '{"value":"1"}'
_RICH = (
    '{"value":"16.1","context":"Sample.Periodic","measurand":"Current.Import",'
    '"phase":"L1","location":"Outlet","unit":"A"},'
)
_START = '{{"connectorId":1,"idTag":"04AABB","meterStart":{},{}}}'


def _readings(sampled: str, unit: str) -> Mapping[str, Shape]:
    """Many sampled values in one reading, in the two messages that have readings."""
    reading = f'[{{{_AT},"sampledValue":[{sampled}]}}]'
    return _in_both(reading, unit)


def _in_both(readings: str, unit: str) -> Mapping[str, Shape]:
    stop = f'{{"transactionId":7,"meterStop":1,{_AT},"transactionData":{readings}}}'
    return {
        "MeterValues": _call(
            "MeterValues", f'{{"connectorId":1,"meterValue":{readings}}}', unit
        ),
        "StopTransaction": _call("StopTransaction", stop, unit),
    }


_READINGS: Final[Mapping[str, Mapping[str, Shape]]] = {
    "sampled values": _readings(f"@{_VALUE}", f"{_VALUE},"),
    "sampled values with all fields": _readings(f"@{_VALUE}", _RICH),
    "sampled values, all with another number": _readings(f"@{_VALUE}", '{"value":"#.5"},'),
    "sampled values and a bad one": _readings('@{"value":[]}', f"{_VALUE},"),
    "sampled values that are numbers": _readings('@{"value":1}', '{"value":1},'),
    "sampled values with null": _readings(f"@{_VALUE}", '{"value":"1","unit":null},'),
    "sampled values with unknown fields": _readings(f"@{_VALUE}", '{"value":"1","k#":1},'),
    "sampled values with other words": _readings(
        f"@{_VALUE}", '{"value":"1","unit":"Amp","measurand":"Power"},'
    ),
    "sampled values of nothing": _readings("@{}", "{},"),
    "a value of many digits": _readings('{"value":"@"}', "9"),
    "a value with many decimals": _readings('{"value":"0.@"}', "1"),
    "a value with a long exponent": _readings('{"value":"1e@"}', "9"),
    "a number of many digits": _readings('{"value":@}', "9"),
    "signed data": _readings('{"value":"@","format":"SignedData"}', "0A"),
    "readings": _in_both(
        f'[@{{{_AT},"sampledValue":[{_VALUE}]}}]', f'{{{_AT},"sampledValue":[{_VALUE}]}},'
    ),
    "readings of nothing": _in_both(f"[@{{{_AT}}}]", f'{{{_AT},"sampledValue":[]}},'),
    "readings of OCPP 1.5": _in_both(
        f'{{"values":[@{{{_AT},"value":[{{"value":"1"}}]}}]}}', f'{{{_AT},"value":"1"}},'
    ),
    "readings without a time": _in_both("[@{}]", '{"sampledValue":[{"value":"1"}]},'),
}

_OTHERS: Final[Mapping[str, Shape]] = {
    "lists in lists": _transfer("@%", "[", "]"),
    "objects in objects": _transfer("@1%", '{"a":', "}"),
    "lists without an end": _full('[2,"ID","Heartbeat",@', "["),
    "only brackets": _full("@", "["),
    "lists side by side": _transfer("[@1]", "[],"),
    "objects side by side": _transfer("[@1]", "{},"),
    "numbers side by side": _transfer("[@1]", "1,"),
    "names and a comma": _call("Heartbeat", "{@}", '"k#":1,'),
    "names and a last one": _call("Heartbeat", '{@"last":1}', '"k#":1,'),
    "names with escapes": _call("Heartbeat", '{@"last":1}', '"\\u006b#":1,'),
    "one name again and again": _call("Heartbeat", '{@"a":1}', '"a":1,'),
    "fields that are null": _call(
        "BootNotification", '{@"chargePointVendor":"v"}', '"k#":null,'
    ),
    "a long idTag": _call("Authorize", '{"idTag":"@"}', "x"),
    "a long vendor": _call(
        "BootNotification", '{"chargePointVendor":"@","chargePointModel":"m"}', "x"
    ),
    "a long text": _transfer('"@"', "x"),
    "a long text of four bytes each": _transfer('"@"', "\U0001d11e"),
    "a text without an end": _full('[2,"ID","DataTransfer",{"data":"@', "x"),
    "a long message id": _full('[2,"ID@","Heartbeat",{}]', "x"),
    "a long action": _full('[2,"ID","Heartbeat@",{}]', "x"),
    "escapes": _transfer('"@"', "\\u0061"),
    "escaped quotes": _transfer('"@"', '\\"'),
    "escaped pairs": _transfer('"@"', "\\ud83d\\ude00"),
    "half pairs": _transfer('"@"', "\\ud800"),
    "an escape in front of each": _transfer('"@"', "\\n"),
    "backslashes without an end": _full('[2,"ID","DataTransfer",{"data":"@', "\\"),
    "quotes": _full("@", '"'),
    "a long number": _call("StartTransaction", _START.format("@", _AT), "9"),
    "a long number below zero": _call("StartTransaction", _START.format("-@", _AT), "9"),
    "a long fraction": _call("StartTransaction", _START.format("1.@", _AT), "0"),
    "a long exponent": _call("StartTransaction", _START.format("1e@", _AT), "9"),
    "a long number in quotes": _call("StartTransaction", _START.format('"@"', _AT), "9"),
    "a number as message id": _full('[2,ID@,"Heartbeat",{}]', "9"),
    "a long second": _call(
        "StartTransaction", _START.format(1, '"timestamp":"2026-03-02T12:00:00.@Z"'), "0"
    ),
    "a long year": _call(
        "StartTransaction", _START.format(1, '"timestamp":"@-03-02T12:00:00Z"'), "2"
    ),
    "blanks": _full('[2,"ID",@"Heartbeat",{}]', " "),
    "blanks everywhere": _transfer("[@1]", " 1 , "),
    "commas": _call("Heartbeat", "{@}", ","),
    "values left out": _call("Heartbeat", '{@"last":1}', '"k#":,'),
    "commas too many": _call("Heartbeat", '{@"last":1}', '"k#":1,,'),
    "byte order marks": _full('@[2,"ID","Heartbeat",{}]', "\ufeff"),
    "NUL behind": _full('[2,"ID","Heartbeat",{}]@', "\0"),
    "NUL in a text": _transfer('"@"', "\\u0000"),
    "not UTF-8": _not_utf8,
    "an answer with many names": _full('[3,"ID",{@"last":1}]', '"k#":1,'),
    "an answer in lists": _full('[3,"ID",@%]', "[", "]"),
    "an error with a long text": _full('[4,"ID","GenericError","@",{}]', "x"),
    "an error with many names": _full('[4,"ID","GenericError","",{@"last":1}]', '"k#":1,'),
    "a frame of many parts": _full('[2,"ID","Heartbeat",@1]', "{},"),
}

#: By what they are full of.
SHAPES: Final[Mapping[str, Shape]] = {
    **{
        f"{name}, {action}": shape
        for name, shapes in _READINGS.items()
        for action, shape in shapes.items()
    },
    **_OTHERS,
}


STRICT: Final = QuirkPolicy(strict=True)
USUAL: Final = QuirkPolicy()
FORGIVING: Final = QuirkPolicy(named=EVERY_QUIRK)

#: So often it is looked again how long one takes that took too long: other programs, too, can
#: make one slow.
_LOOKS = 3


@frozen
class Siege:
    """
    What came of all shapes, said one after the other.

    @ivar took: how much work each of them was, as the clock told.
    @ivar violations: an input, and which promise was not kept then.
    """

    took: Mapping[str, float]
    violations: list[tuple[bytes, str]]

    def slowest(self) -> list[tuple[str, float]]:
        """All of them, the slowest first."""
        return sorted(self.took.items(), key=lambda one: -one[1])


def besiege(
    policy: QuirkPolicy,
    names: Iterable[str] = SHAPES,
    clock: Callable[[], float] = time.process_time,
    enough: float = MAX_S,
) -> Siege:
    """
    Say shapes in one conversation, and a Heartbeat behind each.

    @param policy: what the one who says it is forgiven.
    @param names: of the shapes.
    @param clock: what the work on each is measured with.
    @param enough: up to here nobody looks a second time how much it is.
    """
    known = ChargePointSettings("CP-1", {1: BAY_1, 2: BAY_2}, quirks=policy)
    season = Season(1, CentralSystemSettings({"CP-1": known}), clock)
    with attention(season):
        took = {name: _least(season, name, enough) for name in names}
        season.end()
    return Siege(took, season.violations)


def _least(season: Season, name: str, enough: float) -> float:
    least = inf
    for look in range(_LOOKS):
        # Another id each time, or it would be answered from memory.
        unique_id = f"{list(SHAPES).index(name)}-{look}"
        least = min(least, season.say(SHAPES[name](unique_id)))
        if least <= enough:
            break
    return least


def main() -> int:
    """
    Besiege each of the three, and print what came out.

    @return: the exit status: 1 if a promise was not kept, or an input took too long.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", type=int, default=5, help="how many of the slowest")
    arguments = parser.parse_args()
    globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)
    well = True
    for who, policy in (("strict", STRICT), ("usual", USUAL), ("forgiving", FORGIVING)):
        siege = besiege(policy)
        slowest = siege.slowest()
        well = well and not siege.violations and slowest[0][1] <= MAX_S
        sys.stdout.write(
            f"{who}: {len(slowest)} shapes, {len(siege.violations)} violations, "
            f"at most {MAX_S * 1000:g} ms each; the slowest:\n"
            + "".join(
                f"{took_s * 1000:>9.1f} ms {'TOO SLOW: ' if took_s > MAX_S else ''}{name}\n"
                for name, took_s in slowest[: arguments.show]
            )
            + "".join(f"VIOLATION {what}\n" for _, what in siege.violations[:20])
        )
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
