"""What has to be typed into a wallbox, so that it finds this program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from cfos_cm.net.tls_mode import TlsMode
from cfos_cm.services.config.sections import OcppServerSection

__all__ = ["wallbox_urls"]

_SCHEMES = {
    TlsMode.OFF: ("ws",),
    TlsMode.ON: ("wss",),
    TlsMode.DETECT: ("wss", "ws"),
}


def wallbox_urls(server: OcppServerSection, addresses: Sequence[str]) -> tuple[str, ...]:
    """
    The URLs of the OCPP server; the ChargeBox ID comes behind each, by the wallbox itself or
    by hand.

    @param addresses: of this computer; see L{cfos_cm.services.own_names.own_addresses}. Those
        that only this computer itself can reach are passed over, unless it listens at nothing
        else.
    @return: encrypted ones first.
    """
    hosts = tuple(_hosts(server.interface, addresses))
    return tuple(
        f"{scheme}://{_in_url(host)}:{server.port}/"
        for scheme in _SCHEMES[server.tls]
        for host in hosts
    )


def _hosts(interface: str | None, addresses: Sequence[str]) -> Iterator[str]:
    listening = ip_address(interface or "0.0.0.0")  # noqa: S104 - compared, not bound
    if not listening.is_unspecified:
        yield str(listening)
        return
    for one in addresses:
        address = ip_address(one)
        # Who listens at all addresses of IPv6 does so at those of IPv4, too.
        if not address.is_loopback and address.version <= listening.version:
            yield one


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
