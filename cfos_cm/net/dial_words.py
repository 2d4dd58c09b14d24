"""Why a host could not be reached, or a connection has ended, in plain words."""

from __future__ import annotations

from OpenSSL import SSL
from twisted.internet import error
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from cfos_cm.errors import CfosError
from cfos_cm.net.backend_socket import Loss
from cfos_cm.net.client_tls import ClientTls, tls_words
from cfos_cm.net.upgrade_answer import printable

__all__ = ["dial_words", "loss_words"]


def dial_words(failure: Failure, host: str, authority: str) -> str:
    """
    Why there is no connection.

    @param host: the name or address that was dialled.
    @param authority: the same with its port.
    """
    found = failure.value
    if isinstance(found, CfosError):
        return str(found)
    if isinstance(found, SSL.Error):
        return tls_words(found)
    if failure.check(error.DNSLookupError):
        return f"no address is known for {host} (DNS)"
    if failure.check(error.ConnectionRefusedError):
        return f"nobody listens at {authority} (connection refused)"
    if failure.check(error.TimeoutError, error.TCPTimedOutError):
        return f"{authority} does not answer"
    if failure.check(error.NoRouteError):
        return f"there is no way to {host} in the network"
    if failure.check(CancelledError, error.ConnectingCancelledError):
        return "it is not wanted any more"
    if failure.check(error.ConnectError):
        return f"{authority} cannot be reached: {printable(failure.getErrorMessage())}"
    return f"the connection to {authority} has failed: {printable(failure.getErrorMessage())}"


def loss_words(loss: Loss, tls: ClientTls | None) -> str:
    """
    Why a connection has ended, or has not come about.

    @param tls: of this attempt; C{None}: there was none.
    """
    if tls is not None and tls.objection is not None:
        return f"the backend is not trusted: {tls.objection}"
    if loss.failure is not None and isinstance(loss.failure.value, SSL.Error):
        return tls_words(loss.failure.value)
    if loss.is_silent and tls is not None:
        return tls.broken_off_words()
    return loss.why
