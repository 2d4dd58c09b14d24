"""A serial line as an endpoint: it is opened like a connection, and again when it is lost."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from zope.interface import implementer

from cfos_cm.drivers.modbus.place import SerialPlace

__all__ = ["SerialEndpoint"]


@implementer(IStreamClientEndpoint)
class SerialEndpoint:
    """A serial port of this machine, such as an adapter for RS-485 in a USB socket."""

    def __init__(self, reactor: Any, place: SerialPlace) -> None:
        self._reactor = reactor
        self._place = place

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Open the port.

        @return: fails with L{ConnectError}, which says why it cannot be opened.
        """
        try:
            from twisted.internet.serialport import SerialPort
        except ImportError:
            why = "serial lines need pyserial, which is not installed"
            return fail(ConnectError(string=why))
        protocol = protocolFactory.buildProtocol(None)  # type: ignore[arg-type]
        if protocol is None:
            return fail(ConnectError(string="it is closed"))
        place = self._place
        try:
            SerialPort(
                protocol,
                place.device,
                self._reactor,
                baudrate=place.baud_rate,
                bytesize=place.data_bits,
                parity=place.parity,
                stopbits=place.stop_bits,
            )
        # pyserial's own error is an OSError; a rate that no port has is a ValueError.
        except (OSError, ValueError) as error:
            return fail(ConnectError(string=getattr(error, "strerror", None) or str(error)))
        return succeed(protocol)
