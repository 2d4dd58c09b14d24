"""
Modbus TCP devices that only answer: C{--ports} many, each with the registers of a box.

A device answers each request after the same time, also several that are under way at once.
Nothing of a Modbus library is in it, so that it is never what is measured. On stdin C{rounds}
asks for how the devices were asked since the last time; the end of stdin is the end.
"""

from __future__ import annotations

import argparse
import heapq
import json
import selectors
import socket
import struct
import sys
import time
from itertools import pairwise

#: Registers beside 8000 that say more than 0: a box in order, with a car that charges.
_WORDS = {
    8000: 0xCF05,
    8002: 1,
    8003: 0x100,
    8004: 0x100,
    8006: 0x100,
    8057: 1,
    8061: 5000,
    8063: 6900,
    8065: 100,
    8067: 100,
    8069: 100,
    8081: 160,
    8084: 300,
    8090: 320,
    8092: 2,
    8093: 100,
    8094: 1,
    8095: 100,
    8112: 1,
    8113: 0x100,
}
_FIRST, _LAST = 8000, 8121
#: A round of a box begins with this register.
_STATE = 8090


class Device:
    """One device: its registers, and when it was asked for its state."""

    def __init__(self) -> None:
        self.words = [_WORDS.get(address, 0) for address in range(_FIRST, _LAST + 1)]
        self.asked_s: list[float] = []
        self.requests = 0

    def answer(self, frame: bytes) -> bytes:
        """The answer to a whole frame."""
        self.requests += 1
        function = frame[7]
        address, value = struct.unpack_from(">HH", frame, 8)
        if function == 3:
            if address <= _STATE < address + value:
                self.asked_s.append(time.monotonic())
            place = address - _FIRST
            words = self.words[place : place + value]
            pdu = struct.pack(f">BB{value}H", 3, 2 * value, *words)
        elif function == 6:
            self.words[address - _FIRST] = value
            pdu = frame[7:12]
        else:
            self.words[address - _FIRST : address - _FIRST + value] = struct.unpack_from(
                f">{value}H", frame, 13
            )
            pdu = frame[7:12]
        return frame[:4] + struct.pack(">HB", len(pdu) + 1, frame[6]) + pdu


class Responder:
    """All devices, in one thread."""

    def __init__(self, ports: int, latency_s: float) -> None:
        self._latency_s = latency_s
        self._selector = selectors.DefaultSelector()
        self._due: list[tuple[float, int, socket.socket, bytes]] = []
        self._number = 0
        self._buffers: dict[socket.socket, bytes] = {}
        self.devices = [Device() for _ in range(ports)]
        self.ports = []
        for device in self.devices:
            door = socket.create_server(("127.0.0.1", 0), backlog=16)
            door.setblocking(False)
            self.ports.append(door.getsockname()[1])
            self._selector.register(door, selectors.EVENT_READ, (self._accept, device))
        self._selector.register(sys.stdin, selectors.EVENT_READ, (None, None))

    def run(self) -> None:
        """Answer until stdin is closed."""
        while True:
            wait_s = self._due[0][0] - time.monotonic() if self._due else None
            for key, _ in self._selector.select(wait_s):
                act, device = key.data
                if act is None:
                    line = sys.stdin.readline()
                    if not line:
                        return
                    print(json.dumps(self._rounds()), flush=True)
                else:
                    act(key.fileobj, device)
            now_s = time.monotonic()
            while self._due and self._due[0][0] <= now_s:
                _, _, peer, answer = heapq.heappop(self._due)
                self._send(peer, answer)

    def _accept(self, door: socket.socket, device: Device) -> None:
        peer, _ = door.accept()
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffers[peer] = b""
        self._selector.register(peer, selectors.EVENT_READ, (self._read, device))

    def _read(self, peer: socket.socket, device: Device) -> None:
        try:
            data = peer.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(peer)
            del self._buffers[peer]
            peer.close()
            return
        buffer = self._buffers[peer] + data
        answers = []
        while len(buffer) >= 6:
            end = 6 + int.from_bytes(buffer[4:6], "big")
            if len(buffer) < end:
                break
            answers.append(device.answer(buffer[:end]))
            buffer = buffer[end:]
        self._buffers[peer] = buffer
        if not self._latency_s:
            self._send(peer, b"".join(answers))
            return
        for answer in answers:
            self._number += 1
            due_s = time.monotonic() + self._latency_s
            heapq.heappush(self._due, (due_s, self._number, peer, answer))

    def _send(self, peer: socket.socket, data: bytes) -> None:
        if data and peer in self._buffers:
            peer.sendall(data)

    def _rounds(self) -> dict[str, object]:
        """How the devices were asked for their state since the last time."""
        gaps = []
        for device in self.devices:
            asked = device.asked_s
            gaps += [later - earlier for earlier, later in pairwise(asked)]
        rounds = [len(device.asked_s) for device in self.devices]
        requests = sum(device.requests for device in self.devices)
        for device in self.devices:
            device.asked_s.clear()
            device.requests = 0
        return {"gaps_s": sorted(gaps), "rounds": rounds, "requests": requests}


def main() -> None:
    """Say the ports, and answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ports", type=int, default=1)
    parser.add_argument("--latency", type=float, default=0.0, help="s")
    options = parser.parse_args()
    responder = Responder(options.ports, options.latency)
    print(json.dumps(responder.ports), flush=True)
    responder.run()


if __name__ == "__main__":
    main()
