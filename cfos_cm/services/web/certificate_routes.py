"""Certificates over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Annotated

import msgspec

from cfos_cm.services.certificate_orders import MAX_SHOWN, Watch
from cfos_cm.services.certificate_watch import CertificateReport
from cfos_cm.services.web.settings_answers import SettingsChanged, changed_answer
from cfos_cm.services.web.settings_file import Changed
from cfos_cm.services.web.uploaded import PairTexts, Uploaded
from cfos_cm.web.answer import Json
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Route

__all__ = ["certificate_routes"]

Pem = Annotated[str, msgspec.Meta(max_length=64 * 1024)]
Passphrase = Annotated[str, msgspec.Meta(max_length=200)]

_OWN = "the server's own certificate"


class CertificateShown(msgspec.Struct, kw_only=True):
    """
    How one certificate stands.

    C{file} is empty where it is in none. C{fingerprint} is SHA-256. C{days_left} is negative
    when it has expired. C{words} is empty where nothing is to be said. C{is_own}: this program
    has made it.
    """

    what: str
    file: str
    subject: str
    fingerprint: str
    not_after: datetime | None
    days_left: int | None
    is_warning: bool
    words: str
    is_own: bool


class CertificatesShown(msgspec.Struct, kw_only=True):
    """Those with warnings come first."""

    certificates: list[CertificateShown]


class _Secretive(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    def __repr__(self) -> str:
        """Nothing of what is in it."""
        return f"{type(self).__name__}(***)"


class ServerPair(_Secretive):
    """A certificate chain and its private key, PEM; the passphrase is not kept."""

    certificate: Pem
    private_key: Pem
    passphrase: Passphrase | None = None


class OwnNames(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the server is called, beside the names of the computer: host names, addresses."""

    names: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=253)]],
        msgspec.Meta(max_length=20),
    ] = []


class Authorities(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Certificates of those who sign for wallboxes, PEM."""

    certificates: Pem


class GatewayMaterial(_Secretive):
    """
    What a gateway shows its backend, and whom it believes, PEM; what is null stays as it is.

    A certificate and its private key come together.
    """

    ca_certificates: Pem | None = None
    certificate: Pem | None = None
    private_key: Pem | None = None
    passphrase: Passphrase | None = None


def certificate_routes(watch: Watch, uploaded: Uploaded) -> tuple[Route, ...]:
    """
    What can be asked of certificates, and how they are replaced.

    @param watch: knows how they stand.
    """
    put, delete = partial(_route, "PUT"), partial(_route, "DELETE")
    return (
        Route(
            method="GET",
            path=f"{API}/certificates",
            role=Role.ADMIN,
            handle=partial(_shown, watch),
            summary="How all certificates of the site stand.",
            tag="certificates",
            answer=CertificatesShown,
        ),
        put("/server", _put_server, uploaded, "Have the server show this one.", ServerPair),
        delete("/server", _delete_server, uploaded, "Show the own one again."),
        _route("POST", "/server/create", _create, uploaded, "Make a new own one.", OwnNames),
        put(
            "/authorities",
            _put_authorities,
            uploaded,
            "Let in wallboxes that one of these has signed for.",
            Authorities,
        ),
        delete("/authorities", _delete_authorities, uploaded, "Ask for no certificate."),
        put(
            "/gateways/{name}",
            _put_gateway,
            uploaded,
            "What a gateway shows, and whom it believes.",
            GatewayMaterial,
        ),
        delete("/gateways/{name}", _delete_gateway, uploaded, "Nothing of that any more."),
    )


def _route(
    method: str,
    path: str,
    act: Callable[[Uploaded, Asked], Awaitable[Changed]],
    uploaded: Uploaded,
    summary: str,
    body: type[msgspec.Struct] | None = None,
) -> Route:
    async def handle(asked: Asked) -> Json:
        return changed_answer(await act(uploaded, asked))

    return Route(
        method=method,
        path=f"{API}/certificates{path}",
        role=Role.ADMIN,
        handle=handle,
        summary=summary,
        tag="certificates",
        body=body,
        answer=SettingsChanged,
        max_body_bytes=256 * 1024,
    )


async def _shown(watch: Watch, asked: Asked) -> Json:
    reports = sorted(watch.report(), key=lambda one: not one.is_warning)
    return Json(value=CertificatesShown(certificates=[_of(one) for one in reports[:MAX_SHOWN]]))


def _of(report: CertificateReport) -> CertificateShown:
    return CertificateShown(
        what=report.what,
        file=report.file,
        subject=report.subject,
        fingerprint=report.fingerprint,
        not_after=report.not_after,
        days_left=report.days_left,
        is_warning=report.is_warning,
        words=report.words,
        is_own=report.what == _OWN,
    )


async def _put_server(uploaded: Uploaded, asked: Asked) -> Changed:
    body: ServerPair = asked.body
    texts = PairTexts(body.certificate, body.private_key, body.passphrase)
    return await uploaded.use_server(texts, asked.caller.name)


async def _delete_server(uploaded: Uploaded, asked: Asked) -> Changed:
    return await uploaded.use_own(asked.caller.name)


async def _create(uploaded: Uploaded, asked: Asked) -> Changed:
    return await uploaded.create_own(asked.body.names, asked.caller.name)


async def _put_authorities(uploaded: Uploaded, asked: Asked) -> Changed:
    return await uploaded.use_authorities(asked.body.certificates, asked.caller.name)


async def _delete_authorities(uploaded: Uploaded, asked: Asked) -> Changed:
    return await uploaded.drop_authorities(asked.caller.name)


async def _put_gateway(uploaded: Uploaded, asked: Asked) -> Changed:
    body: GatewayMaterial = asked.body
    pair = None
    if body.certificate is not None and body.private_key is not None:
        pair = PairTexts(body.certificate, body.private_key, body.passphrase)
    elif body.certificate is not None or body.private_key is not None:
        raise Problem(422, "a certificate and its private key have to be sent together")
    name = asked.path["name"]
    return await uploaded.use_gateway(name, body.ca_certificates, pair, asked.caller.name)


async def _delete_gateway(uploaded: Uploaded, asked: Asked) -> Changed:
    return await uploaded.drop_gateway(asked.path["name"], asked.caller.name)
