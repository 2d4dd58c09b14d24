"""The sections of C{tap.cfg} that show EVSEs to billing backends."""

# ruff: noqa: RUF009 - option() makes a field, as attrs.field() does, not a value

from __future__ import annotations

from attrs import frozen

from cfos_cm.charge_point.settings import GatewayRole, Outage
from cfos_cm.net.backend_target import PasswordForm
from cfos_cm.services.config.gateway_values import ACTION_NAMES, CLIENT_ID, PROXY_URL
from cfos_cm.services.config.options import Section, hidden, option
from cfos_cm.services.config.quantities import whole
from cfos_cm.services.config.values import (
    AUTHORITIES,
    FILE,
    PASSWORD,
    TAG_PATTERNS,
    WEBSOCKET_URL,
    choice,
    optional,
    reference,
    shown_url,
)

__all__ = ["GatewaySection"]


@frozen(kw_only=True)
class GatewaySection(Section):
    """An EVSE as a billing backend sees it; one section for each EVSE and backend."""

    evse: str = option(reference("evse"), "The EVSE.")
    url: str = option(WEBSOCKET_URL, "The backend, without the client id.", shown=shown_url)
    client_id: str = option(
        CLIENT_ID,
        "The identity that the backend knows. EVSEs with the same one at the same backend are "
        "its connectors 1, 2, and so on.",
    )
    connector: int | None = option(
        optional(whole(1, 100)),
        "The EVSE's number under that client id; empty: the lowest that is left, in the order "
        "of the file.",
        default="",
    )
    password: str | None = option(
        optional(PASSWORD),
        "What the backend asks for; empty: nothing.",
        default="",
        shown=hidden,
    )
    password_form: PasswordForm = option(
        choice(PasswordForm),
        "text: the password's characters are sent; hex: it is hexadecimal for the bytes to "
        "send; auto: what the backend accepts.",
        default="auto",
    )
    ca_certificates: tuple[str, ...] = option(
        AUTHORITIES,
        "Who may have signed the backend's certificate (PEM), or that certificate itself; "
        "system: whom this computer believes. Empty: any certificate is taken the first time, "
        "and from then on only those with the same key.",
        default="",
    )
    certificate: str | None = option(
        optional(FILE), "The client certificate chain to show the backend (PEM).", default=""
    )
    private_key: str | None = option(
        optional(FILE), "The client certificate's private key (PEM).", default=""
    )
    role: GatewayRole = option(
        choice(GatewayRole),
        "authority: the backend decides who may charge; report: it is only told.",
        default="authority",
    )
    outage: Outage = option(
        choice(Outage),
        "While the backend cannot be reached: shield: charging goes on; strict: it stops.",
        default="shield",
    )
    tags: tuple[str, ...] = option(
        TAG_PATTERNS,
        "Which idTags this backend is asked about and told of, such as DE-* 04A2*.",
        default="*",
    )
    proxy: str | None = option(
        optional(PROXY_URL),
        "The proxy on the way to the backend; it looks the backend's name up. Empty: none.",
        default="",
        shown=shown_url,
    )
    allow: tuple[str, ...] = option(
        ACTION_NAMES,
        "What the backend may command that needs consent, such as UpdateFirmware.",
        default="",
    )
    refuse: tuple[str, ...] = option(
        ACTION_NAMES,
        "What the backend may not command, such as Reset ChangeConfiguration.",
        default="",
    )
    queue_limit: int = option(
        whole(1000, 10_000_000),
        "Above so many messages that wait for the backend periodic readings are thinned out; "
        "the first and the last of a transaction and signed ones never.",
        default="1000000",
    )
