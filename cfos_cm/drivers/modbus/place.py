"""Where Modbus devices are: C{tcp:HOST:PORT}, C{rtu:HOST:PORT} or C{serial:DEVICE}."""

from __future__ import annotations

import re

from attrs import frozen

from cfos_cm.wire.modbus import Framing

__all__ = ["PLACE_WORDS", "Place", "SerialPlace", "SocketPlace", "parse_place"]

#: What L{parse_place} takes, in words that complete "must be …".
PLACE_WORDS = (
    "tcp:HOST:PORT, rtu:HOST:PORT or serial:DEVICE, such as serial:/dev/ttyUSB0:9600:8N1"
)

_SOCKET = re.compile(r"(tcp|rtu):(\[[0-9A-Fa-f:.]{2,45}\]|[^\s:\[\]]{1,253}):([0-9]{1,5})")
_SERIAL = re.compile(r"serial:([^\s:]{1,200})(?::([0-9]{3,7}))?(?::([78])([NEO])([12]))?")

#: Of a serial line: a start bit, eight of data, parity or a second stop bit, a stop bit.
_BITS_PER_CHARACTER = 11
#: The silence before a frame, in characters; above 19 200 baud it is a fixed time (MODBUS over
#: Serial Line V1.02, 2.5.1.1). [s]
_SILENCE_CHARACTERS = 3.5
_FASTEST_COUNTED = 19_200
_FIXED_SILENCE_S = 0.00175


@frozen
class SocketPlace:
    """
    A device, or a converter to a serial line, on the network.

    @ivar framing: RTU is what simple converters pass on as it comes.
    """

    host: str
    port: int
    framing: Framing = Framing.TCP

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.framing}:{host}:{self.port}"

    @property
    def gap_s(self) -> float:
        """The silence between an answer and the next request. [s]"""
        return 0.0 if self.framing is Framing.TCP else _FIXED_SILENCE_S


@frozen
class SerialPlace:
    """
    A serial line of this machine.

    @ivar parity: C{N}, C{E} or C{O}.
    """

    device: str
    baud_rate: int = 9600
    data_bits: int = 8
    parity: str = "N"
    stop_bits: int = 1

    def __str__(self) -> str:
        form = f"{self.data_bits}{self.parity}{self.stop_bits}"
        return f"serial:{self.device}:{self.baud_rate}:{form}"

    @property
    def framing(self) -> Framing:
        """There is only one on a serial line."""
        return Framing.RTU

    @property
    def gap_s(self) -> float:
        """The silence between an answer and the next request. [s]"""
        if self.baud_rate > _FASTEST_COUNTED:
            return _FIXED_SILENCE_S
        return _SILENCE_CHARACTERS * _BITS_PER_CHARACTER / self.baud_rate


Place = SocketPlace | SerialPlace


def parse_place(text: str) -> Place:
    """
    The place that a text names; two that name the same are equal.

    @raise ValueError: if it names none; see L{PLACE_WORDS}.
    """
    socket = _SOCKET.fullmatch(text)
    if socket is not None and 1 <= int(socket[3]) <= 65_535:
        return SocketPlace(socket[2].strip("[]").lower(), int(socket[3]), Framing(socket[1]))
    serial = _SERIAL.fullmatch(text)
    if serial is None or not 300 <= int(serial[2] or 9600) <= 1_000_000:
        raise ValueError(text)
    usual = SerialPlace(serial[1])
    return SerialPlace(
        serial[1],
        int(serial[2] or usual.baud_rate),
        int(serial[3] or usual.data_bits),
        serial[4] or usual.parity,
        int(serial[5] or usual.stop_bits),
    )
