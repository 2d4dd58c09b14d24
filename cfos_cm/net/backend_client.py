"""
The connection to a backend: it dials, waits, dials again, and says in plain words how it is.

What is said on it is the listener's. A connection counts as useful when the listener says so or
when it has lasted; until then each attempt waits longer than the one before, so that a backend
that takes us and throws us out again is not called every second.

What the backend has given us (passwords, a certificate, roots, a security profile), or what was
learned of it, counts from the next connection on; what is learned on one is told the listener.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectingCancelledError, TCPTimedOutError
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.charge_point.given import (
    Given,
    LoggedIn,
    LoginRefused,
    Notice,
    ServerDistrusted,
    UpgradeFailed,
    WeakTls,
)
from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.backend_keys import BackendKeys
from cfos_cm.net.backend_socket import (
    HANDSHAKE_TIMEOUT_S,
    PING_INTERVAL_S,
    Events,
    Loss,
    Socket,
    SocketFactory,
    basic_authorization,
)
from cfos_cm.net.backend_target import BackendTarget
from cfos_cm.net.backend_url import Endpoint, endpoint_of
from cfos_cm.net.backend_way import way_to
from cfos_cm.net.client_material import read_material
from cfos_cm.net.client_tls import ClientTls, is_weak
from cfos_cm.net.dial_words import dial_words, loss_words
from cfos_cm.net.dialling import FIRST_WAIT_S, Connection, Effects, connection, wait_s
from cfos_cm.net.profile_upgrade import ProfileUpgrade
from cfos_cm.net.proxy_url import read_proxy
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.wire.authorization_key import KeyForm
from cfos_cm.wire.close_code import CloseCode

__all__ = ["MAX_WAIT_S", "BackendClient", "BackendListener", "BackendState"]

#: "Improved security for OCPP 1.6-J" has no bound; five minutes after an outage of hours is
#: soon enough, and does no harm to a backend of thousands. [s]
MAX_WAIT_S = 300.0
#: A connection that has lasted so long has been of use. [s]
USEFUL_AFTER_S = 60.0
TLS_HANDSHAKE_TIMEOUT_S = 10.0
#: For one of the addresses that a name has, and for all of it, the name's look-up too. [s]
CONNECT_TIMEOUT_S = 5.0
DIAL_TIMEOUT_S = 20.0
#: A connection may be replaced at once so often before one has lasted; after that the wait is
#: the usual one, for a backend that has us come back again and again.
MAX_REDIALS = 8

_UNAUTHORIZED = 401
_REFUSALS = frozenset({_UNAUTHORIZED, 403})
_UNCHECKED = "the backend's certificate is not checked: ca_certificates is empty"
_PINNED = f"{_UNCHECKED}; only that its key stays the same is"

_NOT_WANTED = "it is not wanted any more"

_log = Logger(namespace="cfos_cm.gateway")


class BackendListener(Protocol):
    """Who speaks on the connection."""

    def connected(
        self, send: Callable[[bytes], None], hang_up: Callable[[int, str], None]
    ) -> None:
        """It is open. C{send} takes text messages, C{hang_up} a close code and words."""

    def received(self, text: bytes) -> None:
        """A text message has come."""

    def disconnected(self, why: str) -> None:
        """It is down."""

    def noticed(self, notice: Notice) -> None:
        """
        Something about the backend, or about how it is called, was found out. What follows
        from it may be told by L{BackendClient.use} at once.
        """


@frozen
class BackendState:
    """
    How a connection is, for people.

    @ivar words: such as C{connected}, or C{not connected: } and why.
    @ivar lasts_s: for how long it has been connected, or not. [s]
    @ivar next_attempt_in_s: when it is dialled again; C{None}: it is connected, being dialled,
        or not wanted. [s]
    @ivar attempts: how many in a row were of no use.
    @ivar password_form: as what the password is sent; C{None}: none is.
    @ivar warning: what is less safe than it should be; empty: nothing.
    @ivar profile: what the connection amounts to; C{None}: there is none.
    """

    words: str
    is_connected: bool = False
    lasts_s: float = 0.0
    next_attempt_in_s: float | None = None
    attempts: int = 0
    password_form: KeyForm | None = None
    warning: str = ""
    profile: SecurityProfile | None = None


def _nobody() -> None:
    """Nobody is told."""


class BackendClient:
    """
    The connection of one identity to one backend.

    @ivar target: where it is.
    """

    def __init__(
        self,
        target: BackendTarget,
        listener: BackendListener,
        reactor: Any,
        random: Callable[[], float],
        changed: Callable[[], None] = _nobody,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        """
        @param reactor: for sockets, names and timers.
        @param random: a number from 0 to 1, another one each time.
        @param changed: is called when L{state} says something else than before.
        @param first_wait_s: before it dials again for the first time. [s]
        @raise LocalProtocolError: if the target cannot be dialled at all.
        """
        self.target = target
        self._configured_url = target.dialled_url()
        self._endpoint: Endpoint = endpoint_of(self._configured_url)
        self._proxy = read_proxy(target.proxy) if target.proxy else None
        self._keys = BackendKeys(target)
        self._upgrade = ProfileUpgrade()
        self._given = Given()
        # What the connection was dialled with; by now, it may be something else.
        self._told = self._keys.login
        self._tried = self._upgrade.profile
        self._listener = listener
        self._reactor = reactor
        self._random = random
        self._changed = changed
        self._first_wait_s = first_wait_s
        self._ping_interval_s = PING_INTERVAL_S
        self._failures = 0
        self._words = "not connected: not dialled yet"
        self._since_s: float = reactor.seconds()
        self._why = _NOT_WANTED
        # Dialled, and not open yet.
        self._is_attempt = False
        self._is_open = False
        self._is_useful = False
        self._redials = 0
        self._profile: SecurityProfile | None = None
        # How many useful connections in a row have not lasted.
        self._broken_off = 0
        self._dialling: Deferred[Any] | None = None
        self._socket: Socket | None = None
        self._tls: ClientTls | None = None
        self._redial: IDelayedCall | None = None
        self._useful: IDelayedCall | None = None
        self._ended: list[Deferred[None]] = []
        self._connection: Connection = connection(
            Effects(
                dial=self._dial,
                serve=self._serve,
                leave=self._leave,
                wait=self._wait,
                hang_up=self._hang_up,
                stop_waiting=self._stop_waiting,
                stopped=self._stopped,
            )
        )

    # From outside.

    @property
    def state(self) -> BackendState:
        """How it is now."""
        now_s: float = self._reactor.seconds()
        next_s = None if self._redial is None else max(0.0, self._redial.getTime() - now_s)
        return BackendState(
            words=self._words,
            is_connected=self._is_open,
            lasts_s=max(0.0, now_s - self._since_s),
            next_attempt_in_s=next_s,
            attempts=self._failures,
            password_form=self._keys.login.form,
            warning=self._warning,
            profile=self._profile,
        )

    def start(self) -> None:
        """Have a connection from now on."""
        self._failures = 0
        if self._warning:
            _log.warn("{name}: {why}", name=self.target.name, why=self._warning)
        self._connection.start()

    def stop(self) -> Deferred[None]:
        """
        Have none any more.

        @return: fires when neither a socket nor a timer is left.
        """
        ended: Deferred[None] = Deferred()
        self._ended.append(ended)
        self._is_attempt = False
        self._why = _NOT_WANTED
        self._connection.stop()
        return ended

    def hang_up(self, code: int, why: str) -> None:
        """End the connection that there is, if there is one; it is dialled again later."""
        if self._socket is not None and self._is_open:
            self._socket.hang_up(code, why)

    def of_use(self) -> None:
        """
        The backend serves us: after the end of this connection it is soon dialled again; less
        and less soon, if it ends many in a row before they have lasted.
        """
        if self._is_open and not self._is_useful:
            self._is_useful = True
            self._failures = self._broken_off
            self._changed()

    def set_ping_interval(self, interval_s: float) -> None:
        """Try a silent connection so often, this one and later ones; 0: never. [s]"""
        self._ping_interval_s = interval_s
        if self._socket is not None:
            self._socket.set_ping_interval(interval_s)

    def use(self, given: Given) -> None:
        """
        Make use of what the gateway was given, or has learned, from the next connection on.

        @raise LocalProtocolError: if one of the keys cannot be sent; all stays as it was.
        """
        self._keys.use(given.keys, given.keys_work)
        self._upgrade.use(given)
        self._given = given
        self._changed()

    def redial(self, why: str) -> None:
        """
        End the connection that there is in good order, and dial again at once; later, if that
        has been asked for many times and none has lasted.

        @param why: for people.
        """
        if self._redials >= MAX_REDIALS:
            self.hang_up(CloseCode.NORMAL, why)
            return
        self._redials += 1
        self._is_attempt = False
        self._why = f"we have hung up: {why}"
        self._connection.redial()

    # What the dialling machine asks for.

    def _dial(self) -> None:
        self._say("not connected: being dialled")
        self._is_attempt = True
        self._tls = None
        self._told, self._tried = self._keys.login, self._upgrade.profile
        url = self._upgrade.url(self._configured_url)
        endpoint = self._endpoint = endpoint_of(url)
        try:
            if endpoint.is_secure:
                self._tls = self._new_tls(endpoint.host)
            way = way_to(endpoint, self._reactor, CONNECT_TIMEOUT_S, self._tls, self._proxy)
            factory = SocketFactory(
                url,
                self._authorization(),
                Events(self._connection.opened, self._received, self._lost),
                self._reactor,
                TLS_HANDSHAKE_TIMEOUT_S if endpoint.is_secure else HANDSHAKE_TIMEOUT_S,
                self._ping_interval_s,
            )
        except (LocalProtocolError, CertificateFault, OSError, ValueError) as error:
            is_ours = isinstance(error, LocalProtocolError | CertificateFault)
            why = str(error) if is_ours else f"it cannot be dialled ({type(error).__name__})"
            self._lost(Loss(why))
            return
        self._dialling = way.connect(factory)
        self._dialling.addTimeout(DIAL_TIMEOUT_S, self._reactor, _late)
        self._dialling.addCallbacks(self._dialled, self._not_dialled)

    @property
    def _warning(self) -> str:
        given = self._given
        is_secure = endpoint_of(self._upgrade.url(self._configured_url)).is_secure
        if not is_secure or self.target.ca_certificates or given.roots:
            return ""
        return _UNCHECKED if given.pin is None else _PINNED

    def _new_tls(self, host: str) -> ClientTls:
        """
        @raise LocalProtocolError: if there is no TLS with our own certificate or to this host.
        @raise CertificateFault: if a certificate or a key cannot be read.
        """
        material = read_material(self.target, self._given)
        return ClientTls(host, material, f"cfos-cm gateway trust {self.target.name}")

    def _authorization(self) -> str | None:
        secret = self._told.secret
        if secret is None:
            return None
        return basic_authorization(self.target.client_id, secret.sent)

    def _dialled(self, socket: Socket) -> None:
        self._dialling = None
        self._socket = socket

    def _not_dialled(self, failure: Failure) -> None:
        self._dialling = None
        if self._proxy is None:
            host, authority = self._endpoint.host, self._endpoint.authority
            words = dial_words(failure, host, authority)
        else:
            shown = f"the proxy {self._proxy.shown}"
            words = dial_words(failure, shown, shown)
        self._lost(Loss(words))

    def _serve(self) -> None:
        socket = self._socket
        assert socket is not None
        self._is_open, self._is_attempt = True, False
        self._keys.taken(self._told)
        self._upgrade.worked(self._tried)
        self._profile = self._amounts_to()
        # Until it is of use, this is one more attempt.
        self._failures += 1
        self._since_s = self._reactor.seconds()
        self._useful = self._reactor.callLater(USEFUL_AFTER_S, self._has_lasted)
        name, host = self.target.name, self._endpoint.authority
        _log.info("{name}: connected to {host}", name=name, host=host)
        self._say("connected")
        # It may have been changed since this was dialled.
        socket.set_ping_interval(self._ping_interval_s)
        # By then, the listener may have had something else used from the next one on.
        tls = self._tls
        seen, root = (None, None) if tls is None else (tls.seen, tls.root)
        logged_in = LoggedIn(self._told.key, self._profile, root)
        self._tell(self._listener.connected, socket.send_text, socket.hang_up)
        self._notice(seen)
        self._notice(logged_in)

    def _amounts_to(self) -> SecurityProfile:
        if self._tls is not None:
            has_shown = self._tls.has_shown
            return SecurityProfile.CERTIFICATE if has_shown else SecurityProfile.TLS
        told = self._told.secret
        return SecurityProfile.NONE if told is None else SecurityProfile.PASSWORD

    def _has_lasted(self) -> None:
        self._useful = None
        self._broken_off = 0
        self._redials = 0
        self._is_useful = True
        if self._failures:
            self._failures = 0
            self._changed()

    def _leave(self) -> None:
        self._is_open = False
        self._profile = None
        self._since_s = self._reactor.seconds()
        if self._useful is not None:
            self._useful.cancel()
            self._useful = None
            if self._is_useful:
                self._broken_off += 1
                self._failures = self._broken_off
        self._is_useful = False
        self._tell(self._listener.disconnected, self._why)

    def _wait(self) -> None:
        self._failures = max(self._failures, 1)
        delay_s = wait_s(self._failures, self._random(), self._first_wait_s, MAX_WAIT_S)
        self._redial = self._reactor.callLater(delay_s, self._redial_now)
        _log.info(
            "{name}: not connected: {why}; next attempt in {delay_s:.0f} s",
            name=self.target.name,
            why=self._why,
            delay_s=delay_s,
        )
        self._say(f"not connected: {self._why}")

    def _redial_now(self) -> None:
        self._redial = None
        self._connection.waited()

    def _stop_waiting(self) -> None:
        if self._redial is not None:
            self._redial.cancel()
            self._redial = None

    def _hang_up(self) -> None:
        if self._dialling is not None:
            self._dialling.cancel()
        elif self._socket is not None:
            self._socket.hang_up()

    def _stopped(self) -> None:
        self._say("not connected: not wanted")
        ended, self._ended = self._ended, []
        for waiting in ended:
            waiting.callback(None)

    def _notice(self, notice: Notice | None) -> None:
        if notice is not None:
            self._tell(self._listener.noticed, notice)

    def _tell(self, listener: Callable[..., None], *what: object) -> None:
        """A mistake of the listener's ends the connection, and nothing else."""
        try:
            listener(*what)
        except Exception:  # noqa: BLE001
            _log.failure("{name}: the backend could not be served", name=self.target.name)
            self.hang_up(CloseCode.INTERNAL_ERROR, "internal error")

    # From the socket.

    def _received(self, text: bytes) -> None:
        self._tell(self._listener.received, text)

    def _lost(self, loss: Loss) -> None:
        self._socket = None
        is_failed, self._is_attempt = self._is_attempt, False
        self._why = loss_words(loss, self._tls)
        found: tuple[Notice, ...] = ()
        if is_failed:
            self._failures += 1
            found = tuple(self._found_out(loss))
        self._connection.lost()
        for notice in found:
            self._notice(notice)

    def _found_out(self, loss: Loss) -> Iterator[Notice]:
        """What an attempt that has failed says of the backend."""
        # While there is another password to tell, nothing has failed.
        is_over = loss.status != _UNAUTHORIZED or self._keys.refused(self._told)
        if loss.status in _REFUSALS and is_over:
            yield LoginRefused(loss.status)
        if self._tls is not None and self._tls.objection is not None:
            yield ServerDistrusted(self._tls.objection)
        elif loss.failure is not None and is_weak(loss.failure.value):
            yield WeakTls(self._why)
        given_up = self._upgrade.failed(self._tried) if is_over else None
        if given_up is not None:
            yield UpgradeFailed(given_up, self._why)

    def _say(self, words: str) -> None:
        self._words = words
        self._changed()


def _late(result: Any, _: float) -> Any:
    """What a dial that was cancelled for its time has come to."""
    is_cancelled = isinstance(result, Failure) and result.check(
        CancelledError, ConnectingCancelledError
    )
    return Failure(TCPTimedOutError()) if is_cancelled else result
