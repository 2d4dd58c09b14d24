"""What somebody configures about HTTP."""

from __future__ import annotations

from attrs import frozen

__all__ = ["HttpSettings"]


@frozen(kw_only=True)
class HttpSettings:
    """
    What somebody configures about HTTP.

    @ivar names: what else this computer is called by those who ask; its own name, the one below
        C{.local}, C{localhost} and all IP addresses need not be among them.
    @ivar trusted_proxies: the addresses, or networks such as C{10.0.0.0/8}, of proxies that are
        believed who asks; C{unix}: whoever comes by a socket of the file system.
    """

    names: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
