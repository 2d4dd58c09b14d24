"""The sites that cases for a Charge Point are played at."""

from __future__ import annotations

from attrs import evolve

from tests.compliance.gateway.box import BOX_TYPE
from tests.compliance.gateway.wallbox import IDENTITY
from tests.compliance.papers import BACKEND_AUTHORITY, GATEWAY_PAPERS
from tests.compliance.sites import Site

__all__ = [
    "BAY",
    "BEFORE_TLS",
    "CLIENT",
    "ENCRYPTED",
    "KEY",
    "MIXED",
    "NO_RESERVATIONS",
    "ONE_BOX",
    "PORT",
    "TWO_BOXES",
    "WITH_CERTIFICATE",
    "WITH_PASSWORD",
    "encrypted",
    "with_wallbox",
]

#: Where the backend is; a bench on sockets puts its own in the place of it.
PORT = 9210
CLIENT = "GW-1"
#: Its password, in hexadecimal.
KEY = "00112233445566778899aabbccddeeff"
#: The EVSE that cases are about.
BAY = "bay"

#: What the owner of a wallbox with OCPP lets the backend do with it.
_ALLOWED = (
    "UpdateFirmware",
    "GetDiagnostics",
    "SignedUpdateFirmware",
    "GetLog",
    "InstallCertificate",
    "GetInstalledCertificateIds",
)

#: Who has signed the backend's certificate.
_AUTHORITY = "ca_certificates = backend.pem"
_AUTHORITY_FILE = ("backend.pem", BACKEND_AUTHORITY.pem)

_SITE = """\
[manager]
database = sqlite:///site.sqlite
state_directory = state
min_pause = 0
min_charge_time = 0
[ocpp server]
tls = off
interface = 127.0.0.1
[circuit garage]
max_current = 100
"""

_GATEWAY = f"""\
[gateway {{name}}]
evse = {{name}}
url = ws://127.0.0.1:{PORT}/ocpp/
client_id = {CLIENT}
"""


def _box(name: str) -> str:
    return f"[evse {name}]\ntype = {BOX_TYPE}\naddress = {name}\n"


def _gateway(name: str, *lines: str) -> str:
    return _GATEWAY.format(name=name) + "".join(f"{line}\n" for line in lines)


def encrypted(site: Site) -> Site:
    """The same, and its backend is called by TLS; unless it stays plain, or is called so."""
    plain = f"url = ws://127.0.0.1:{PORT}/ocpp/\n"
    if site.stays_plain or plain not in site.configuration:
        return site
    text = site.configuration.replace(plain, f"{plain.replace('ws:', 'wss:')}{_AUTHORITY}\n")
    return evolve(site, configuration=text, files=(*site.files, _AUTHORITY_FILE))


def with_wallbox(configuration: str) -> str:
    """
    The same site with a wallbox with OCPP in the place of its first box.

    Its owner lets the backend take care of it.
    """
    box, wallbox = _box(BAY), f"[evse {BAY}]\ntype = ocpp16\naddress = {IDENTITY}\n"
    gateway = _gateway(BAY)
    found = configuration.replace(box, wallbox)
    return found.replace(gateway, f"{gateway}allow = {' '.join(_ALLOWED)}\n")


#: One EVSE without OCPP; most cases.
ONE_BOX = Site(_SITE + _box(BAY) + _gateway(BAY), ())
#: Two of them under one client id: connectors 1 and 2.
TWO_BOXES = Site(_SITE + _box(BAY) + _box("bay-2") + _gateway(BAY) + _gateway("bay-2"), ())
#: A box, and a wallbox with OCPP that never comes, under one client id.
MIXED = Site(
    _SITE
    + _box(BAY)
    + "[evse bay-2]\ntype = ocpp16\naddress = WB-2\n"
    + _gateway(BAY)
    + _gateway("bay-2"),
    (),
)
#: Whose owner lets the backend reserve nothing.
NO_RESERVATIONS = Site(_SITE + _box(BAY) + _gateway(BAY, "refuse = ReserveNow"), ())
#: A backend that asks for a password: a key of 16 bytes, in hexadecimal.
WITH_PASSWORD = Site(_SITE + _box(BAY) + _gateway(BAY, f"password = {KEY}"), ())
#: The same, and it is called plainly as yet.
BEFORE_TLS = evolve(WITH_PASSWORD, stays_plain=True)


def _with_tls(*lines: str, files: tuple[tuple[str, str], ...] = ()) -> Site:
    text = _SITE + _box(BAY) + _gateway(BAY, _AUTHORITY, *lines)
    by_name = text.replace(f"ws://127.0.0.1:{PORT}/", f"wss://localhost:{PORT}/")
    return Site(by_name, (), (_AUTHORITY_FILE, *files))


#: A backend that is called by its name, encrypted, and has to prove who it is.
ENCRYPTED = _with_tls(f"password = {KEY}")
#: To whom we have to prove it with a certificate, too.
WITH_CERTIFICATE = _with_tls(
    "certificate = gateway.pem",
    "private_key = gateway.key",
    files=(("gateway.pem", GATEWAY_PAPERS.chain), ("gateway.key", GATEWAY_PAPERS.key)),
)
