"""The certificates of measured connections: EC P-256, made anew for each run."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cfos_cm.certificates.issuing import issue_client, issue_server, make_authority
from cfos_cm.certificates.keys import PrivateKey, new_ec_key
from cfos_cm.certificates.pair import Pair
from cfos_cm.certificates.pem import pem_of
from cfos_cm.certificates.subject import Subject

__all__ = ["AUTHORITY", "CLIENT", "CLIENT_NAME", "SERVER", "Files", "make", "server_context"]


@dataclass(frozen=True)
class Files:
    """A certificate and its key, by the names of their files."""

    chain: str
    key: str


SERVER = Files("server.pem", "server.key")
CLIENT = Files("client.pem", "client.key")
AUTHORITY = "ca.pem"
#: Whose certificate the load shows.
CLIENT_NAME = "Benchmark"

_DAYS = 2


def make(folder: Path) -> None:
    """Make an authority, and a certificate of it for each side."""
    now = datetime.now(UTC)
    key = new_ec_key()
    root = make_authority(Subject("Benchmark CA"), key, now, _DAYS)
    authority = Pair((root,), key)
    own, theirs = new_ec_key(), new_ec_key()
    server = issue_server(
        authority,
        Subject("localhost"),
        ("localhost", "127.0.0.1"),
        own.public_key(),
        now,
        _DAYS,
    )
    client = issue_client(authority, Subject(CLIENT_NAME), (), theirs.public_key(), now, _DAYS)
    (folder / AUTHORITY).write_bytes(pem_of(root).encode())
    for files, certificate, of in ((SERVER, server, own), (CLIENT, client, theirs)):
        (folder / files.chain).write_bytes(pem_of(certificate).encode())
        _write_key(folder / files.key, of)


def _write_key(path: Path, key: PrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(pem_of(key).encode())


def server_context(folder: Path, asks_for_certificate: bool) -> ssl.SSLContext:
    """The settings of Python's own TLS, for the peers that are built on it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder / SERVER.chain, folder / SERVER.key)
    if asks_for_certificate:
        context.load_verify_locations(folder / AUTHORITY)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
