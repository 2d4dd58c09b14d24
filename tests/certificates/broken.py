"""
What is handed in as a certificate, a key or a request, and is none that can be used.

Each is a name and the bytes; most are made of good ones, by rules.
"""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Iterator
from functools import cache
from random import Random

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PrivateFormat,
    PublicFormat,
)

from cfos_cm.certificates.issuing import make_request
from cfos_cm.certificates.pem import (
    MAX_BUNDLE_BYTES,
    MAX_CERTIFICATES,
    MAX_FILE_BYTES,
    pem_of,
)
from cfos_cm.certificates.subject import Subject
from tests.certificates.made import (
    certificate,
    client_pair,
    der_value,
    ec_key,
    key_pem,
    named,
    rsa_key,
    server_pair,
)

__all__ = [
    "armoured",
    "certificates",
    "flipped",
    "flips",
    "good_certificate",
    "good_key",
    "good_request",
    "private_keys",
    "requests",
]

_FLIPS = 40
_CUTS = 20


@cache
def good_certificate() -> x509.Certificate:
    """The one that is damaged."""
    return server_pair(key=ec_key()).certificate


@cache
def good_request() -> x509.CertificateSigningRequest:
    """The one that is damaged."""
    return make_request(Subject("CP-1", "Tiefgarage Köln"), ["cp-1.local"], ec_key())


@cache
def good_key() -> bytes:
    """The one that is damaged: DER, PKCS #8."""
    return key_pem(rsa_key(), encoding=Encoding.DER)


def certificates() -> Iterator[tuple[str, bytes]]:
    """What is no file of certificates."""
    good = good_certificate().public_bytes(Encoding.DER)
    pem = pem_of(good_certificate()).encode()
    yield from _texts(pem, "CERTIFICATE")
    yield from _damaged_frames(good, "CERTIFICATE")
    yield "a private key beside it", pem + key_pem(ec_key())
    yield (
        "an old private key beside it",
        key_pem(rsa_key(), PrivateFormat.TraditionalOpenSSL) + pem,
    )
    yield "a locked private key beside it", pem + key_pem(ec_key(), passphrase=b"geheim")
    yield "a private key", key_pem(ec_key())
    yield "a private key as DER", key_pem(ec_key(), encoding=Encoding.DER)
    yield "a private key without its end", pem + key_pem(ec_key())[:90]
    yield "a request", pem_of(good_request()).encode()
    yield (
        "a request under another name",
        armoured(good_request().public_bytes(Encoding.DER), "CERTIFICATE"),
    )
    yield (
        "a public key",
        ec_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )
    yield "trusted", armoured(good, "TRUSTED CERTIFICATE")
    yield "a list of revoked ones", armoured(good, "X509 CRL")
    yield "a bundle of another kind", armoured(good, "PKCS7")
    yield "too many", pem * (MAX_CERTIFICATES + 1)
    yield "far too long", pem + b"#" * MAX_BUNDLE_BYTES
    yield "long DER", der_value(0x30, good + b"\0" * MAX_FILE_BYTES)
    yield "the second damaged", pem + armoured(good[:-9], "CERTIFICATE")
    yield "two as DER", good + good
    yield "one more byte", good + b"\0"
    yield from _odd_certificates(good)


def private_keys() -> Iterator[tuple[str, bytes]]:
    """What is no file with a private key, without a passphrase."""
    pem = key_pem(rsa_key())
    yield from _texts(pem, "PRIVATE KEY")
    yield from _cut(good_key(), "PRIVATE KEY")
    old = key_pem(rsa_key(), PrivateFormat.TraditionalOpenSSL, encoding=Encoding.DER)
    yield from _cut(old, "RSA PRIVATE KEY")
    short = key_pem(ec_key(), PrivateFormat.TraditionalOpenSSL, encoding=Encoding.DER)
    yield from _cut(short, "EC PRIVATE KEY")
    # In the middle of it are its numbers: each of them is needed for a signature.
    for at in range(300, 1200, 30):
        yield f"bit {at} of its numbers", armoured(flipped(good_key(), at * 8), "PRIVATE KEY")
    yield "two of them", pem + pem
    yield "a certificate", pem_of(good_certificate()).encode()
    yield "a certificate as DER", good_certificate().public_bytes(Encoding.DER)
    yield "locked", key_pem(ec_key(), passphrase=b"geheim")
    yield (
        "locked in the old way",
        key_pem(rsa_key(), PrivateFormat.TraditionalOpenSSL, passphrase=b"geheim"),
    )
    yield "of SSH", key_pem(ec_key(), PrivateFormat.OpenSSH)
    yield "RSA of 1024 bits", key_pem(rsa_key(1024))
    yield "EC of 192 bits", key_pem(ec.generate_private_key(ec.SECP192R1()))
    yield "Ed25519", key_pem(ed25519.Ed25519PrivateKey.generate())
    yield "DSA", key_pem(_dsa_key())
    yield (
        "a certificate under its name",
        armoured(good_certificate().public_bytes(Encoding.DER), "PRIVATE KEY"),
    )
    yield "too long", pem + b"#" * MAX_FILE_BYTES
    yield "a headline without an end of it", b"-----BEGIN PRIVATE KEY\n" + pem


def requests() -> Iterator[tuple[str, bytes]]:
    """What is no request."""
    good = good_request().public_bytes(Encoding.DER)
    yield from _texts(pem_of(good_request()).encode(), "CERTIFICATE REQUEST")
    yield from _damaged_frames(good, "CERTIFICATE REQUEST")
    # There is no bit in it that its signature does not cover, or is.
    for bit in _bits(good):
        yield f"bit {bit} flipped", flipped(good, bit)
    yield "a certificate", pem_of(good_certificate()).encode()
    yield "two of them", pem_of(good_request(), good_request()).encode()
    yield "RSA of 1024 bits", _request(rsa_key(1024))
    yield "EC of 192 bits", _request(ec.generate_private_key(ec.SECP192R1()))
    yield "Ed25519", _request(ed25519.Ed25519PrivateKey.generate(), is_hashed=False)
    yield "DSA", _request(_dsa_key())
    yield "too long", pem_of(good_request()).encode() + b"#" * MAX_FILE_BYTES


def flips() -> Iterator[tuple[str, bytes]]:
    """Certificates with a bit changed: some can still be read, and nobody has signed them."""
    good = client_pair().certificate.public_bytes(Encoding.DER)
    for bit in _bits(good):
        yield f"bit {bit} flipped", flipped(good, bit)


def armoured(der: bytes, label: str) -> bytes:
    """As PEM."""
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (
        label.encode(),
        encodebytes(der),
        label.encode(),
    )


def flipped(data: bytes, bit: int) -> bytes:
    """With one bit changed."""
    at, mask = bit // 8 % len(data), 1 << bit % 8
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]


def _bits(data: bytes) -> list[int]:
    return sorted(Random(7).sample(range(len(data) * 8), _FLIPS))


def _texts(pem: bytes, label: str) -> Iterator[tuple[str, bytes]]:
    """What can happen to a text."""
    name = label.encode()
    begin, end = b"-----BEGIN %b-----" % name, b"-----END %b-----" % name
    body = pem.replace(begin, b"").replace(end, b"").strip()
    yield "nothing", b""
    yield "spaces", b" \r\n\t\n"
    yield "NUL bytes", b"\0" * 500
    yield "a word", b"certificate"
    yield "a page", b"<html><body>404 Not Found</body></html>"
    yield "bytes above ASCII", bytes(range(128, 256))
    yield "UTF-16", pem.decode().encode("utf-16")
    yield "without its begin", body + b"\n" + end
    yield "without its end", begin + b"\n" + body
    yield "begin only", begin
    yield "end only", end
    yield "begin and end swapped", end + b"\n" + body + b"\n" + begin
    yield "begin twice", begin + b"\n" + pem
    yield "one within the other", begin + b"\n" + pem + end
    yield "another end", pem.replace(end, b"-----END X-----")
    yield "another begin", pem.replace(begin, b"-----BEGIN X-----")
    yield "empty within", begin + b"\n" + end
    yield "no base64 within", begin + b"\n!!!!\n" + end
    yield "NUL within", pem.replace(body[40:44], b"\0\0\0\0")
    yield "umlauts within", pem.replace(body[40:44], "äöü".encode())
    yield "four letters gone", pem.replace(body[60:64], b"", 1)
    yield "a line gone", pem.replace(body[65:130], b"", 1)
    yield "lower case", pem.lower()
    yield "four dashes", pem.replace(b"-----", b"----")
    yield "dashes without a name", pem.replace(name, b"")
    yield "a name without end", pem.replace(name, name * 40)
    yield "ten thousand begins", (begin + b"\n") * 10_000
    yield "ten thousand ends", begin + b"\n" + (b"-----END X-----\n") * 10_000
    yield "base64 twice", armoured(encodebytes(body), label)


def _damaged_frames(der: bytes, label: str) -> Iterator[tuple[str, bytes]]:
    """What can happen to DER."""
    yield from _cut(der, label)
    content = der[4:]
    for tag in (0x00, 0x02, 0x04, 0x05, 0x13, 0x31, 0xA0, 0xFF):
        yield f"begins with {tag:#04x}", der_value(tag, content)
    yield "length without end", b"\x30\x80" + content + b"\0\0"
    yield "length of four GB", b"\x30\x84\xff\xff\xff\xff" + content
    yield "length of too many bytes", b"\x30\xff" + b"\x7f" * 127 + content
    yield "length with a leading zero", b"\x30\x83\x00" + der[2:4] + content
    yield "an empty sequence", der_value(0x30, b"")
    yield "sequences without end", b"\x30\x80" * 2_000
    deep = b""
    for _ in range(1_000):
        deep = der_value(0x30, deep)
    yield "nested deeply", deep
    yield "in another sequence", der_value(0x30, der)
    yield "as an octet string", der_value(0x04, der)
    yield "a huge number", der_value(0x30, der_value(0x02, b"\x7f" * 60_000))
    yield "only zero bits", b"\0" * len(der)
    yield "only one bits", b"\xff" * len(der)
    yield "backwards", der[::-1]


def _cut(der: bytes, label: str) -> Iterator[tuple[str, bytes]]:
    for length in range(1, len(der), len(der) // _CUTS):
        yield f"{label}: the first {length} bytes", der[:length]
        yield f"{label}: the first {length} bytes as PEM", armoured(der[:length], label)


def _odd_certificates(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Good frames with something in them that cannot be used."""
    begins = good.index(b"\x17\x0d")  # UTCTime
    yield "no month 13", _replaced(good, begins + 4, b"13")
    yield "letters in the time", _replaced(good, begins + 2, b"AB")
    yield "a time of another type", _replaced(good, begins, b"\x04")
    yield "no such version", good.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07")
    curve = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
    yield "no such curve", good.replace(curve, curve[:-1] + b"\x7f")
    kind = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
    yield "no such kind of key", good.replace(kind, kind[:-1] + b"\x7f")
    point = good.index(b"\x03\x42\x00\x04")
    yield "a point that is not on the curve", _replaced(good, point + 20, b"\1\2\3\4\5\6")
    yield "CN is no UTF-8", good.replace(b"\x0c\x06server", b"\x0c\x06s\xff\xfe\xfdr\x80")
    names = b"\x82\x0cserver.local"
    yield "a host name that is no ASCII", good.replace(names, b"\x82\x0cserver.\xe4\xf6\xfcal")
    yield "an address of three bytes", good.replace(names, b"\x87\x0cserver.local")
    yield "an extension of another kind", good.replace(b"\x55\x1d\x11", b"\x55\x1d\x13")
    yield "RSA of 16 384 bits", _with_huge_key()
    serial = certificate(serial=0x7001).public_bytes(Encoding.DER)
    yield "a negative serial number", serial.replace(b"\x02\x02\x70\x01", b"\x02\x02\x80\x01")


def _replaced(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def _with_huge_key() -> bytes:
    found = certificate(key=rsa_key(), signed_with=ec_key(), issuer="x")
    info = rsa_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    numbers = der_value(
        0x30, der_value(0x02, b"\0" + b"\xc5" * 2048) + der_value(0x02, b"\1\0\1")
    )
    algorithm = info[4 : info.index(b"\x03\x82", 4)]
    huge = der_value(0x30, algorithm + der_value(0x03, b"\0" + numbers))
    signed = found.tbs_certificate_bytes.replace(info, huge)
    head = 4
    rest = found.public_bytes(Encoding.DER)[4 + len(found.tbs_certificate_bytes) :]
    return der_value(0x30, der_value(0x30, signed[head:]) + rest)


@cache
def _dsa_key() -> dsa.DSAPrivateKey:
    return dsa.generate_private_key(2048)


def _request(key: object, is_hashed: bool = True) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(named("CP-1"))
    signed = builder.sign(key, SHA256() if is_hashed else None)  # type: ignore[arg-type]
    return signed.public_bytes(Encoding.PEM)
