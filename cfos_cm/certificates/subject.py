"""For whom a certificate is made: checked before anything is signed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

import idna
from attrs import frozen
from cryptography import x509
from cryptography.x509.oid import NameOID

from cfos_cm.certificates.fault import CertificateFault

__all__ = [
    "MAX_COMMON_NAME_BYTES",
    "MAX_HOSTS",
    "MAX_TEXT_CHARS",
    "Subject",
    "host_names",
    "subject_of",
]

MAX_HOSTS = 50
#: X.520, ub-common-name, counted as UTF-8: some libraries do so.
MAX_COMMON_NAME_BYTES = 64
#: X.520, ub-organization-name and ub-organizational-unit-name.
MAX_TEXT_CHARS = 64
_MAX_LOCALITY_CHARS = 128
_MAX_EMAIL_CHARS = 128
_MAX_HOST_CHARS = 253
_SHOWN_CHARS = 80

_COUNTRY = re.compile(r"[A-Za-z]{2}")
_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_WILDCARD = "*."

#: The fields, what stands for them in a certificate, and the characters that they may have.
_TEXTS = (
    ("common_name", NameOID.COMMON_NAME, MAX_COMMON_NAME_BYTES),
    ("organisation", NameOID.ORGANIZATION_NAME, MAX_TEXT_CHARS),
    ("unit", NameOID.ORGANIZATIONAL_UNIT_NAME, MAX_TEXT_CHARS),
    ("locality", NameOID.LOCALITY_NAME, _MAX_LOCALITY_CHARS),
    ("country", NameOID.COUNTRY_NAME, 2),
    ("email", NameOID.EMAIL_ADDRESS, _MAX_EMAIL_CHARS),
)


@frozen
class Subject:
    """
    The distinguished name of a certificate. Every text may have umlauts, but for C{email}.

    @ivar country: two letters, ISO 3166: C{DE}.
    @raise CertificateFault: by the constructor, if a text is empty, too long or not printable.
    """

    common_name: str
    organisation: str | None = None
    unit: str | None = None
    locality: str | None = None
    country: str | None = None
    email: str | None = None

    def __attrs_post_init__(self) -> None:
        for field, _, most in _TEXTS:
            value = getattr(self, field)
            if value is not None:
                _check_text(field.replace("_", " "), value, most)
        if len(self.common_name.encode()) > MAX_COMMON_NAME_BYTES:
            raise CertificateFault(
                f"the common name has more than {MAX_COMMON_NAME_BYTES} bytes; letters such "
                "as umlauts count as two"
            )
        if self.country is not None and not _COUNTRY.fullmatch(self.country):
            raise CertificateFault(
                f"the country is {self.country!r}; two letters are needed, such as DE"
            )
        if self.email is not None and not _EMAIL.fullmatch(self.email):
            raise CertificateFault(
                f"the email is {_shown(self.email)}; an address such as info@example.com is "
                "needed, without umlauts"
            )

    def name(self) -> x509.Name:
        """As it stands in a certificate; the country in upper case."""
        country = None if self.country is None else self.country.upper()
        values = {**{one: getattr(self, one) for one, _, _ in _TEXTS}, "country": country}
        return x509.Name(
            [
                x509.NameAttribute(oid, values[field])
                for field, oid, _ in _TEXTS
                if values[field] is not None
            ]
        )


def subject_of(name: x509.Name) -> Subject:
    """
    What can be taken over of a name that somebody else has made; the rest is left out.

    @raise CertificateFault: if it has no common name or more than one, or a text in it cannot
        be used.
    """
    found = {field: _values(name, oid) for field, oid, _ in _TEXTS}
    if len(found["common_name"]) != 1:
        number = len(found["common_name"])
        raise CertificateFault(f"one common name (CN) is needed, and there are {number}")
    return Subject(**{field: values[0] for field, values in found.items() if values})


def host_names(texts: Iterable[str]) -> tuple[x509.GeneralName, ...]:
    """
    Host names and addresses as alternative names, each once.

    C{*.example.com} is allowed; umlauts become what the DNS has (IDNA).

    @raise CertificateFault: if one is neither, or there are more than L{MAX_HOSTS}.
    """
    found: dict[x509.GeneralName, None] = {}
    for text in texts:
        found[_host(text.strip())] = None
        if len(found) > MAX_HOSTS:
            raise CertificateFault(f"there are more than {MAX_HOSTS} host names")
    return tuple(found)


def _check_text(what: str, value: str, most: int) -> None:
    if not value.strip():
        raise CertificateFault(f"the {what} is empty")
    if len(value) > most:
        raise CertificateFault(f"the {what} has {len(value)} characters; {most} are allowed")
    if not value.isprintable():
        raise CertificateFault(f"the {what} has characters in it that cannot be printed")


def _values(name: x509.Name, oid: x509.ObjectIdentifier) -> list[str]:
    values = [one.value for one in name.get_attributes_for_oid(oid)]
    return [one for one in values if isinstance(one, str)]


def _host(text: str) -> x509.GeneralName:
    address = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        # The interface behind a % means something on one machine only.
        return x509.IPAddress(ip_address(address.partition("%")[0]))
    except ValueError:
        return x509.DNSName(_dns(text))


def _dns(text: str) -> str:
    is_wildcard = text.startswith(_WILDCARD)
    name = text.removeprefix(_WILDCARD).removesuffix(".")
    if not name.isascii():
        try:
            name = idna.encode(name[:_MAX_HOST_CHARS], uts46=True).decode("ascii")
        except ValueError:  # which idna.IDNAError is
            raise _no_host(text) from None
    name = name.lower()
    labels = name.split(".")
    is_number = labels[-1].isdigit()
    if is_number or len(name) > _MAX_HOST_CHARS or not all(map(_LABEL.fullmatch, labels)):
        raise _no_host(text)
    return f"{_WILDCARD}{name}" if is_wildcard else name


def _no_host(text: str) -> CertificateFault:
    return CertificateFault(f"{_shown(text)} is neither a host name nor an address")


def _shown(text: str) -> str:
    return repr(text[:_SHOWN_CHARS])
