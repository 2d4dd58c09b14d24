"""The certificates of the Charge Points in the cases, and who has signed them."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.issuer import Issuer

__all__ = [
    "ANOTHER_BACKENDS_PAPERS",
    "BACKEND_AUTHORITY",
    "BACKEND_PAPERS",
    "EXPIRED_BACKEND_PAPERS",
    "EXPIRED_PAPERS",
    "EXPIRED_ROOT",
    "FORGED_BACKEND_PAPERS",
    "FORGED_PAPERS",
    "GATEWAY_PAPERS",
    "NOT_A_ROOT",
    "OLD_PAPERS",
    "OTHER_ROOT",
    "OWNER",
    "PAPERS_OF_ANOTHER",
    "ROOT",
    "RSA_BACKEND_PAPERS",
    "STRANGER",
]

_HOSTS = ("localhost", "127.0.0.1")
_LONG_AGO = datetime(2021, 1, 1, tzinfo=UTC)

#: Who owns the Charge Points, and signs their certificates.
OWNER = Issuer("Owner of the garage")
#: Somebody whom nobody knows.
STRANGER = Issuer("Somebody else")

#: The Charge Point that has to log in: see L{tests.compliance.sites.WITH_PASSWORD}.
OLD_PAPERS = OWNER.issue("CP-3")
PAPERS_OF_ANOTHER = OWNER.issue("CP-1")
EXPIRED_PAPERS = OWNER.issue("CP-3", ends=_LONG_AGO)
FORGED_PAPERS = STRANGER.issue("CP-3")

#: Who has signed the certificate of the backend.
BACKEND_AUTHORITY = Issuer("Authority of the backend")
BACKEND_PAPERS = BACKEND_AUTHORITY.issue("backend", *_HOSTS)
#: The same with an RSA key.
RSA_BACKEND_PAPERS = BACKEND_AUTHORITY.issue("backend", *_HOSTS, bits=2048)
#: What it is not to be believed with.
EXPIRED_BACKEND_PAPERS = BACKEND_AUTHORITY.issue("backend", *_HOSTS, ends=_LONG_AGO)
ANOTHER_BACKENDS_PAPERS = BACKEND_AUTHORITY.issue("backend", "backend.example")
FORGED_BACKEND_PAPERS = STRANGER.issue("backend", *_HOSTS)
#: What a gateway shows to it.
GATEWAY_PAPERS = BACKEND_AUTHORITY.issue("GW-1")
#: A root that the backend may install, another, and one that nobody should.
ROOT = Issuer("Root of the backend")
OTHER_ROOT = Issuer("Other root of the backend")
EXPIRED_ROOT = Issuer("Root of long ago", ends=_LONG_AGO)
NOT_A_ROOT = Issuer("No root", is_authority=False)
