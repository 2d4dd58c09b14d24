"""Taking the mask off a WebSocket frame: RFC 6455, 5.3."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["unmask", "unmask_by_integer"]

#: Up to this size one large integer is faster than the way into a C library.
_SHORT_BYTES = 128


def unmask_by_integer(mask: bytes, payload: bytes) -> bytes:
    """
    Take a mask off, with nothing but Python.

    @param mask: 4 bytes.
    """
    size = len(payload)
    pattern = (mask * (size // 4 + 1))[:size]
    mixed = int.from_bytes(payload, "little") ^ int.from_bytes(pattern, "little")
    return mixed.to_bytes(size, "little")


def _native() -> Callable[[bytes, bytes], bytes] | None:
    """What Autobahn's C library does it with, if it is there and does it right."""
    try:
        from _nvx_xormasker import ffi, lib  # type: ignore[import-not-found, unused-ignore]

        new, process, free = (
            lib.nvx_xormask_new,
            lib.nvx_xormask_process,
            lib.nvx_xormask_free,
        )
        buffer_of = ffi.from_buffer
    except (ImportError, AttributeError):
        return None

    def unmask_natively(mask: bytes, payload: bytes) -> bytes:
        size = len(payload)
        if size < _SHORT_BYTES:
            return unmask_by_integer(mask, payload)
        # It works in place.
        mixed = bytearray(payload)
        masker = new(mask)
        process(masker, buffer_of(mixed), size)
        free(masker)
        return bytes(mixed)

    sample = bytes(range(256)) * 2
    if unmask_natively(b"\x01\x80\xfe\x37", sample) != unmask_by_integer(
        b"\x01\x80\xfe\x37", sample
    ):
        return None
    return unmask_natively


#: Take a mask of 4 bytes off a payload, the fastest way that is there.
unmask: Callable[[bytes, bytes], bytes] = _native() or unmask_by_integer
