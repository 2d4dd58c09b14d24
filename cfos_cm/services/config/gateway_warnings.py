"""What about the gateways in a C{tap.cfg} is allowed, and less safe than it could be."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from cfos_cm.services.config.gateway_section import GatewaySection
from cfos_cm.services.config.options import Findings

__all__ = ["warn_of_gateways"]


def warn_of_gateways(gateways: Iterable[GatewaySection], found: Findings) -> None:
    """Note what is less safe than it could be."""
    for one in gateways:
        if one.url.lower().startswith("wss:"):
            if not one.ca_certificates:
                text = (
                    "ca_certificates is empty: the first certificate that it shows is taken, "
                    "whoever's it is, and its key from then on"
                )
                found.about(one, "url", text)
        elif one.password is not None and not _is_near(urlsplit(one.url).hostname or ""):
            text = "is sent to another network for anybody to read: take wss:// if there is any"
            found.about(one, "password", text)


def _is_near(host: str) -> bool:
    """Whether a host is in this network, as far as its name or its address says it."""
    try:
        return ip_address(host).is_private
    except ValueError:
        ends = (".local", ".lan", ".internal", ".home.arpa", ".localhost")
        return "." not in host or host.lower().rstrip(".").endswith(ends)
