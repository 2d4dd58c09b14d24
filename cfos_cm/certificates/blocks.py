"""PEM (RFC 7468): the blocks of a text, found without looking into them."""

from __future__ import annotations

from base64 import b64decode

from attrs import field, frozen

from cfos_cm.certificates.fault import CertificateFault

__all__ = ["Block", "blocks_of"]

_BEGIN, _END, _DASHES = b"-----BEGIN ", b"-----END ", b"-----"
_MAX_LABEL = 40
_UTF8_MARK, _UTF16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")


@frozen
class Block:
    """
    One block.

    @ivar label: what stands in its first line: C{CERTIFICATE}.
    @ivar lines: from its first line to its last, without spaces around them.
    """

    label: str
    lines: tuple[bytes, ...] = field(repr=False)

    @property
    def pem(self) -> bytes:
        """The block as a text of its own."""
        return b"\n".join(self.lines) + b"\n"

    def content(self) -> bytes:
        """
        What is in it, of a block without headers.

        @raise ValueError: if it is not base64.
        """
        return b64decode(b"".join(self.lines[1:-1]), validate=True)

    @property
    def is_private_key(self) -> bool:
        """Whether it says that there is a private key in it, of whatever kind."""
        return self.label.endswith("PRIVATE KEY")


def blocks_of(data: bytes, what: str) -> list[Block]:
    """
    The blocks of a text, in their order; what stands between them is overlooked.

    @raise CertificateFault: if a block has no end, or a beginning within another.
    """
    if data.startswith(_UTF16_MARKS):
        raise CertificateFault(f"{what}: it is saved as UTF-16; a plain text (ASCII) is needed")
    found: list[Block] = []
    label: str | None = None
    lines: list[bytes] = []
    for line in map(bytes.strip, data.removeprefix(_UTF8_MARK).splitlines()):
        if line.startswith(_BEGIN):
            if label is not None:
                raise _no_end(what, label)
            label, lines = _label(line, _BEGIN, what), []
        if label is None:
            continue
        lines.append(line)
        if line.startswith(_END):
            if _label(line, _END, what) != label:
                raise _no_end(what, label)
            found.append(Block(label, tuple(lines)))
            label = None
    if label is not None:
        raise _no_end(what, label)
    return found


def _label(line: bytes, before: bytes, what: str) -> str:
    label = line.removeprefix(before).removesuffix(_DASHES)
    is_ended = line.endswith(_DASHES) and len(line) > len(before) + len(_DASHES)
    is_plain = label.replace(b" ", b"").isalnum() and label.upper() == label
    if not is_ended or not is_plain or len(label) > _MAX_LABEL:
        raise CertificateFault(f"{what}: a line with BEGIN or END is damaged")
    return label.decode("ascii")


def _no_end(what: str, label: str) -> CertificateFault:
    return CertificateFault(f"{what}: BEGIN {label} has no END {label}; is the text complete?")
