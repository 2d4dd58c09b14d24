"""Servers that misbehave, over real sockets: nothing is mistaken for anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from cfos_cm.counters import Counter, Counters
from cfos_cm.drivers.modbus.buses import Bus, Buses
from cfos_cm.drivers.modbus.line import ModbusRefusal
from cfos_cm.drivers.modbus.place import SocketPlace
from cfos_cm.errors import DeviceError, NotSent
from cfos_cm.wire.modbus import ExceptionCode, Framing, Read

#: How long an answer may take in these tests, [s]
_TIMEOUT_S = 0.3
#: and how long a late one takes. [s]
_LATE_S = 0.45

#: What a server says to a request: bytes, a pause in seconds, or C{None}: it hangs up.
Says = Iterable[bytes | float | None]


def good(asked: bytes, first: int | None = None) -> bytes:
    """The right answer to a request for registers, which hold their own addresses."""
    address = int.from_bytes(asked[8:10], "big") if first is None else first
    count = int.from_bytes(asked[10:12], "big")
    words = b"".join((address + place).to_bytes(2, "big") for place in range(count))
    return framed(asked, asked[7:8] + bytes([len(words)]) + words)


def framed(asked: bytes, pdu: bytes) -> bytes:
    """A PDU as the answer to a request."""
    return asked[:4] + (1 + len(pdu)).to_bytes(2, "big") + asked[6:7] + pdu


class Server(Protocol):
    """Says to each request what it was told to say, and the right thing afterwards."""

    def __init__(self, script: Iterator[Callable[[bytes], Says]]) -> None:
        self.script = script

    def dataReceived(self, data: bytes) -> None:
        """Requests have come; each has 12 bytes."""
        for start in range(0, len(data), 12):
            asked = data[start : start + 12]
            says = next(self.script, lambda asked: (good(asked),))
            self._say(iter(says(asked)))

    def _say(self, words: Iterator[bytes | float | None]) -> None:
        assert self.transport is not None
        for word in words:
            if isinstance(word, float):
                clock: Any = reactor
                clock.callLater(word, self._say, words)
                return
            if word is None:
                self.transport.loseConnection()
                return
            self.transport.write(word)


class MisbehavingTests(TestCase):
    """What is asked meanwhile, and what is asked next."""

    timeout = 20

    async def asking(self, *script: Callable[[bytes], Says]) -> Bus:
        """A way to a server that answers by a script; through all of its connections."""
        steps = iter(script)
        factory = Factory.forProtocol(lambda: Server(steps))
        factory.noisy = False
        listening: Any = reactor
        port = listening.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        address = port.getHost()
        assert isinstance(address, IPv4Address)
        self.counters = Counters()
        buses = Buses(reactor, self.counters, timeout_s=_TIMEOUT_S)
        self.bus = buses.bus(SocketPlace("127.0.0.1", address.port, Framing.TCP))
        self.addCleanup(self.bus.leave)
        await self.opened()
        return self.bus

    async def opened(self, again: bool = False) -> None:
        """It is connected, perhaps again."""
        if self.bus.is_open and not again:
            return
        change: Deferred[None] = Deferred()

        def changed(is_open: bool) -> None:
            if is_open and not change.called:
                change.callback(None)

        self.bus.changed = changed
        await change

    async def next_is_right(self) -> None:
        """What is asked next is answered by its own answer."""
        await self.opened()
        answer = await self.bus.ask(Read(1, 8095, 2))
        self.assertEqual((8095, 8096), answer.registers)

    async def fails(self, address: int = 8093, retries: int = 0) -> str:
        """What is asked is not answered; why."""
        failure = await self.assertFailure(
            self.bus.ask(Read(1, address, 2), retries), DeviceError
        )
        return str(failure)

    async def test_late(self) -> None:
        """An answer after its time is none, also when the next one is waited for."""
        await self.asking(
            lambda asked: (_LATE_S, good(asked)),
            lambda asked: (_LATE_S - _TIMEOUT_S + 0.05, good(asked)),
        )
        self.assertIn("has not answered within", await self.fails())
        await self.next_is_right()
        self.assertEqual(1, self.counters[Counter.MODBUS_LATE])

    async def test_wrong_id(self) -> None:
        """An answer with an id that nobody has used is nobody's."""
        await self.asking(lambda asked: (bytes([asked[0] ^ 0x7F]) + good(asked)[1:],))
        self.assertIn("has not answered within", await self.fails())
        self.assertEqual(1, self.counters[Counter.MODBUS_FOREIGN])
        await self.next_is_right()

    async def test_wrong_unit(self) -> None:
        """Another unit's answer is none, though it has the right id."""
        await self.asking(lambda asked: (good(asked)[:6] + b"\x02" + good(asked)[7:],))
        self.assertIn("unit 2 has answered", await self.fails())
        await self.next_is_right()

    async def test_too_short(self) -> None:
        """Fewer registers than were asked for are not taken for some of them."""
        await self.asking(lambda asked: (framed(asked, b"\x03\x02\x1f\x9d"),))
        self.assertIn("it has 1 registers, and 2 were asked for", await self.fails())
        await self.next_is_right()

    async def test_wrong_length(self) -> None:
        """Where the length does not fit nobody knows where the next answer begins."""
        await self.asking(lambda asked: (framed(asked, good(asked)[7:] + b"\0"),))
        self.assertIn("no Modbus: an answer of 7 bytes", await self.fails())
        await self.next_is_right()

    async def test_no_length(self) -> None:
        """Nor where it cannot be one."""
        await self.asking(lambda asked: (asked[:4] + b"\xff\xff" + good(asked)[6:],))
        self.assertIn("a frame of 65535 bytes", await self.fails())
        await self.next_is_right()

    async def test_exceptions(self) -> None:
        """Each exception is told as what it is; one that nobody knows by its number."""
        codes = [*(ExceptionCode), 99]
        await self.asking(
            *(lambda asked, code=code: (framed(asked, bytes([0x83, code])),) for code in codes)
        )
        for code in codes:
            failure = await self.assertFailure(self.bus.ask(Read(1, 8093, 2)), ModbusRefusal)
            self.assertEqual(code, failure.exception_code)
        await self.next_is_right()

    async def test_half(self) -> None:
        """Half a frame, and nothing more: the other half is not taken from the next answer."""
        await self.asking(lambda asked: (good(asked)[:9],))
        self.assertIn("has not answered within", await self.fails())
        # What comes next begins in the middle: that is seen, and the connection made anew.
        await self.fails(8095)
        await self.next_is_right()

    async def test_half_and_closed(self) -> None:
        """Half a frame, and it hangs up."""
        await self.asking(lambda asked: (good(asked)[:9], None))
        self.assertIn("the connection was lost", await self.fails())
        await self.next_is_right()

    async def test_pieces(self) -> None:
        """Byte by byte is as good as at once."""
        await self.asking(lambda asked: [bytes([byte]) for byte in good(asked)])
        answer = await self.bus.ask(Read(1, 8093, 2))
        self.assertEqual((8093, 8094), answer.registers)

    async def test_closes(self) -> None:
        """It hangs up instead: it is told at once, and connected again."""
        await self.asking(lambda asked: (None,))
        self.assertIn("the connection was lost", await self.fails())
        await self.next_is_right()

    async def test_never_answers(self) -> None:
        """Nothing comes, however often it is asked: the connection is made anew."""
        await self.asking(*(lambda asked: () for _ in range(5)))
        self.assertIn("has not answered within", await self.fails(retries=1))
        self.assertIn("has not answered within", await self.fails(retries=1))
        await self.fails()
        await self.assertFailure(self.bus.ask(Read(1, 8093, 2)), NotSent)
        self.assertEqual(5, self.counters[Counter.MODBUS_TIMED_OUT])
        await self.opened(again=True)
        await self.next_is_right()

    async def test_once_more(self) -> None:
        """Who does not answer the first time may do so the second time."""
        await self.asking(lambda asked: ())
        answer = await self.bus.ask(Read(1, 8093, 2), 1)
        self.assertEqual((8093, 8094), answer.registers)

    async def test_twice(self) -> None:
        """The second answer changes nothing, least of all for the next request."""
        await self.asking(
            lambda asked: (good(asked), good(asked, 1)),
            lambda asked: (good(asked),),
        )
        answer = await self.bus.ask(Read(1, 8093, 2))
        self.assertEqual((8093, 8094), answer.registers)
        await self.next_is_right()
        self.assertEqual(1, self.counters[Counter.MODBUS_DOUBLED])
