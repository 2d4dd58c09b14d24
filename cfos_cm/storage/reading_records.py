"""The form of a file of readings: one record behind the other, each with its own checksum."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from zlib import crc32

import msgspec

from cfos_cm.storage.readings import Reading

__all__ = ["parsed", "record_of"]

#: The length of a record and its checksum; a record that was written in part has another one.
_HEAD = struct.Struct("<II")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Reading).decode


def record_of(reading: Reading) -> bytes:
    """A reading as bytes that can stand behind others."""
    body = _encode(reading)
    return _HEAD.pack(len(body), crc32(body)) + body


def parsed(data: bytes) -> tuple[Sequence[Reading], bytes]:
    """
    The readings in a file's content, and what of it is none.

    A record that is damaged is passed over where its length leads to one that is not; else all
    behind it is lost.
    """
    readings: list[Reading] = []
    unread: list[bytes] = []
    place = 0
    while place < len(data):
        reading, end = _record_at(data, place)
        if reading is not None:
            readings.append(reading)
        elif _record_at(data, end)[0] is not None:
            unread.append(data[place:end])
        else:
            unread.append(data[place:])
            break
        place = end
    return readings, b"".join(unread)


def _record_at(data: bytes, place: int) -> tuple[Reading | None, int]:
    """What is there, C{None} when it is damaged, and where it says that the next one is."""
    if place + _HEAD.size > len(data):
        return None, len(data)
    length, checksum = _HEAD.unpack_from(data, place)
    end = place + _HEAD.size + length
    body = data[place + _HEAD.size : end]
    if len(body) != length or crc32(body) != checksum:
        return None, end
    try:
        return _decode(body), end
    except msgspec.MsgspecError:
        return None, end
