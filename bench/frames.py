"""
The frames that the load is made of: masked in advance, so that sending one is a C{join}.

RFC 6455, 5.3: a client masks every frame. One mask serves for all of them here, because the
server's work does not depend on which it is; the pieces of a message are masked once for each
of the four places in the mask at which they can begin, and put together when they are sent.

Each message is another one: its id, its energy and its currents change from message to
message, as a real wallbox's do, so that neither a memory of message ids nor a comparison with
the last reading saves a server any work that it would have in a garage.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

MASK = bytes.fromhex("37fa213d")

#: How often a message can be numbered anew.
NUMBERS = 10_000 * 10_000

# As long as the message ids that most wallboxes make, which are UUIDs.
_ID_BEGINS = b"0f8fad5b-d9cb-469f-a165-7086"

_MEASURANDS = [
    ("Energy.Active.Import.Register", None, "Wh"),
    ("Power.Active.Import", None, "W"),
    *[(name, phase, unit)
      for name, unit in (("Current.Import", "A"), ("Voltage", "V"), ("Power.Factor", None))
      for phase in ("L1", "L2", "L3")],
    ("Temperature", None, "Celsius"),
]  # fmt: skip

# What changes from message to message: the amperes run through so many values.
_VARIANTS = 16

_ENERGY = "ENERGY-HERE"

_TIMESTAMP = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


def meter_values(transaction_id: int, variant: int = 0, energy: str = "12345678") -> bytes:
    """
    The payload of a MeterValues.req with twelve sampled values.

    @param variant: another one has other powers and currents; its length is the same.
    """
    tenth = variant % 10
    read = [energy, f"11{tenth}40", *["16.1" + str(tenth)] * 3, *["230.1"] * 3, *["0.99"] * 3]
    sampled = [
        _sampled_value(value, *measurand)
        for value, measurand in zip([*read, "31.5"], _MEASURANDS, strict=True)
    ]
    sampled[3]["value"] = f"15.{variant:02}"
    payload = {
        "connectorId": 1,
        "transactionId": transaction_id,
        "meterValue": [{"timestamp": _TIMESTAMP, "sampledValue": sampled}],
    }
    return json.dumps(payload, separators=(",", ":")).encode()


def _sampled_value(
    value: str, measurand: str, phase: str | None, unit: str | None
) -> dict[str, str]:
    sampled = {"value": value, "context": "Sample.Periodic", "measurand": measurand}
    sampled["location"] = "Outlet"
    if phase is not None:
        sampled["phase"] = phase
    if unit is not None:
        sampled["unit"] = unit
    return sampled


def message_id(number: int) -> bytes:
    """The id of a connection's message; 36 characters."""
    return b"%s%08d" % (_ID_BEGINS, number % NUMBERS)


def call(number: int, action: str, payload: Mapping[str, Any] | bytes) -> bytes:
    """The text of one CALL."""
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return b'[2,"%s","%s",%s]' % (message_id(number), action.encode(), text)


def masked(data: bytes, place: int = 0) -> bytes:
    """
    C{data} under L{MASK}.

    @param place: how many bytes of the payload are before it.
    """
    key = (MASK * 2)[place % 4 :][:4] * (len(data) // 4 + 1)
    both = int.from_bytes(data, "big") ^ int.from_bytes(key[: len(data)], "big")
    return both.to_bytes(len(data), "big")


def text_frame(text: bytes) -> bytes:
    """One complete text message of a client."""
    return _head(len(text)) + masked(text)


def pong(payload: bytes) -> bytes:
    """A client's answer to a ping."""
    return bytes([0x8A, 0x80 | len(payload)]) + MASK + masked(payload)


def _head(length: int) -> bytes:
    if length < 126:
        return bytes([0x81, 0x80 | length]) + MASK
    return bytes([0x81, 0x80 | 126]) + length.to_bytes(2, "big") + MASK


# Four digits, masked, for each place in the mask.
_DIGITS = tuple(
    tuple(masked(b"%04d" % number, place) for number in range(10_000)) for place in range(4)
)

# The end of the message behind its energy, by the place at which it begins.
_ENDS: dict[int, tuple[bytes, ...]] = {}


class MeterValuesFrames:
    """The MeterValues.req of one connection, ready to send."""

    __slots__ = ("_before_energy", "_before_id", "_ends", "_energy_place", "_id_place")

    def __init__(self, transaction_id: int) -> None:
        begin, end = meter_values(transaction_id, 0, _ENERGY).split(_ENERGY.encode())
        before_id = b'[2,"' + _ID_BEGINS
        before_energy = b'","MeterValues",' + begin
        self._id_place = len(before_id) % 4
        place = len(before_id) + 8 + len(before_energy)
        self._energy_place = place % 4
        head = _head(place + 8 + len(end) + 1)
        self._before_id = head + masked(before_id)
        self._before_energy = masked(before_energy, len(before_id) + 8)
        self._ends = _ends(place + 8)

    def frame(self, number: int) -> bytes:
        """The message that has this number, as bytes for the socket."""
        high, low = divmod(number % NUMBERS, 10_000)
        ids = _DIGITS[self._id_place]
        energies = _DIGITS[self._energy_place]
        return b"".join(
            (
                self._before_id, ids[high], ids[low],
                # A register that only rises, and has eight digits from the beginning.
                self._before_energy, energies[1000 + high % 9000], energies[low],
                self._ends[number % _VARIANTS],
            )
        )  # fmt: skip


def _ends(place: int) -> tuple[bytes, ...]:
    place %= 4
    if place not in _ENDS:
        texts = [meter_values(0, variant, _ENERGY) for variant in range(_VARIANTS)]
        _ENDS[place] = tuple(
            masked(text.split(_ENERGY.encode())[1] + b"]", place) for text in texts
        )
    return _ENDS[place]


def plain_answer(number: int) -> bytes:
    """The frame with which a server confirms a MeterValues.req, without any blank."""
    text = b'[3,"%s",{}]' % message_id(number)
    return bytes([0x81, len(text)]) + text
