"""
The security of the connection between a gateway and its backend.

"Improved security for OCPP 1.6-J": passwords, security profiles, certificates and security
events are those of B{our} connection, also where a wallbox with OCPP is behind the gateway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.names import fingerprint
from cfos_cm.charge_point.alarm import Repeater
from cfos_cm.charge_point.configuration import Configuration
from cfos_cm.charge_point.credentials import BackendCredentials
from cfos_cm.charge_point.environment import GatewayEnvironment
from cfos_cm.charge_point.given import (
    Given,
    LoggedIn,
    LoginRefused,
    Notice,
    ServerDistrusted,
    ServerKeySeen,
    UpgradeFailed,
    WeakTls,
)
from cfos_cm.charge_point.installed_roots import InstalledRoots, Root
from cfos_cm.charge_point.own_certificate import OwnCertificate
from cfos_cm.charge_point.security_events import GatewaySecurityEvents, SecurityEventKind
from cfos_cm.charge_point.security_standing import KeptCertificate, SecurityStanding
from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.errors import CfosError, DeviceError, StorageError
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.v16.security import (
    CertificateUse,
    GenericStatus,
    SignCertificateConfirmation,
    SignCertificateRequest,
)
from cfos_cm.v16.types import Message

__all__ = ["LOOK_S", "RETRY_S", "GatewaySecurity", "SecurityHooks"]

#: How often it is looked whether a certificate is old. [s]
LOOK_S: Final = 3600.0
#: A certificate is asked for so often by itself, when nobody gives one. [s]
RETRY_S: Final = 86_400.0

_CENTRAL_SYSTEM: Final = CertificateUse.CENTRAL_SYSTEM_ROOT_CERTIFICATE

_log = Logger(namespace="cfos_cm.gateway")


@frozen
class SecurityHooks:
    """
    What the security of a gateway asks of it, and tells it.

    @ivar queue: owe the backend a message: its action, and the JSON text.
    @ivar afterwards: do something behind the answer to what is being carried out.
    @ivar call: ask the backend.
    @ivar is_serving: whether it is there, and has let us in.
    @ivar changed: the next connection is made with something else.
    @ivar renew: make it now; why, for people.
    """

    queue: Callable[[str, bytes], None]
    afterwards: Callable[[Callable[[], object]], None]
    call: Callable[[Message], Deferred[Message]]
    is_serving: Callable[[], bool]
    changed: Callable[[], None]
    renew: Callable[[str], None]


class GatewaySecurity:
    """
    What one gateway proves itself with, whom it believes, and what has happened about it.

    @ivar roots: the root certificates that were installed.
    @ivar events: what has mattered.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        environment: GatewayEnvironment,
        configuration: Configuration,
        hooks: SecurityHooks,
    ) -> None:
        self._settings = settings
        self._name = settings.name
        self._clock = environment.clock
        self._vault = environment.vault
        self._configuration = configuration
        self._hooks = hooks
        self._credentials = BackendCredentials(settings, environment)
        self._own = OwnCertificate(
            settings.name, settings.client_id, environment.vault, environment.now
        )
        self.roots = InstalledRoots(settings.name, environment.vault, environment.now)
        self.events = GatewaySecurityEvents(
            settings, environment, self._queue, hooks.is_serving
        )
        self._look = Repeater(environment.clock, self._renew_if_old)
        self._asked_s: float | None = None
        self._seen: LoggedIn | None = None
        configuration.key_given = self._key_given
        configuration.profile_given = self._profile_given

    # Its life

    async def open(self) -> None:
        """
        Take up what was given before.

        @raise StorageError: if that cannot be read.
        """
        kept = await self._vault.load()
        for part in (self._credentials, self._own, self.roots):
            part.restore(kept)
        self._show_profile()
        self._watch()

    def close(self) -> None:
        """Nothing is left that would happen later."""
        self._look.stop()

    def started(self) -> None:
        """
        The program has started; not merely the connection, nor with other settings.

        A backend that nothing is proved to has nothing to do with security, and many of these
        know no such message; BootNotification tells it as well.
        """
        is_told = self.profile is not SecurityProfile.NONE
        self.events.note(SecurityEventKind.STARTUP, "", is_told=is_told)

    def serves(self) -> None:
        """The backend has let us in."""
        self.events.served()
        self._renew_if_old()

    # For people, and for the connection

    @property
    def given(self) -> Given:
        """What the next connection is made with."""
        roots = tuple(root.pem for root in self.roots.of(_CENTRAL_SYSTEM))
        return self._own.add_to(self._credentials.add_to(Given(roots=roots)))

    @property
    def profile(self) -> SecurityProfile:
        """The security profile that it has, or is on the way to."""
        wanted = self.given.profile
        configured = self._settings.profile(self._credentials.has_password)
        return configured if wanted is None else max(wanted, configured)

    @property
    def standing(self) -> SecurityStanding:
        """How it stands, for people."""
        given = self.given
        return SecurityStanding(
            profile=self.profile,
            is_proven=given.profile is None or given.profile_works,
            has_given_key=bool(given.keys),
            server=self._credentials.server,
            certificates=self.certificates,
        )

    @property
    def certificates(self) -> tuple[KeptCertificate, ...]:
        """Those that the backend has given, and what each is."""
        own = self._own.certificate
        found = [] if own is None else [KeptCertificate("own certificate", own)]
        for use in CertificateUse:
            words = _WORDS[use]
            found += [KeptCertificate(words, one.certificate) for one in self.roots.of(use)]
        return tuple(found)

    def trust_next(self) -> Deferred[None]:
        """
        Forget the key that the backend is known by, and believe the next one.

        @return: when that is on disk; fails with L{StorageError}.
        """
        return self._credentials.forget_server().addCallback(lambda _: self._changed())

    # What the connection tells

    def noticed(self, notice: Notice) -> None:
        """The connection tells of itself."""
        match notice:
            case LoggedIn():
                self._seen = notice
                self.events.connected()
                has_changed = self._credentials.logged_in(notice)
            case ServerKeySeen():
                self._credentials.server_seen(notice)
                has_changed = True
            case UpgradeFailed():
                has_changed = self._credentials.upgrade_failed(notice)
            case _:
                self.events.note(*_event_of(notice))
                has_changed = False
        if has_changed:
            self._changed()

    # What the backend commands

    def renew(self, why: str) -> None:
        """Have the connection made anew, behind the answer; C{why} is for people."""
        self._hooks.afterwards(lambda: self._hooks.renew(why))

    async def install(self, use: CertificateUse, root: Root) -> None:
        """
        Believe whom a root certificate vouches for.

        @raise StorageError: if it cannot be stored.
        """
        await self.roots.install(use, root)
        self._changed()

    def is_needed(self, use: CertificateUse, root: Root) -> bool:
        """Whether without a root certificate the backend would not be believed any more."""
        if use is not _CENTRAL_SYSTEM or not self._is_encrypted:
            return False
        seen = None if self._seen is None else self._seen.root
        if seen is not None:
            return seen == fingerprint(root.certificate)
        others = [one for one in self.roots.of(use) if one.pem != root.pem]
        has_other = self._settings.has_authorities or self._credentials.server is not None
        return not (others or has_other)

    async def delete(self, use: CertificateUse, root: Root) -> None:
        """As L{install}: believe it no more."""
        await self.roots.delete(use, root)
        self._changed()

    async def take(self, chain: str) -> None:
        """
        Use a certificate that was asked for.

        @param chain: it and those of its authorities (PEM).
        @raise CertificateFault: if it is not to be used.
        @raise StorageError: if it cannot be stored.
        """
        roots = [one.certificate for one in self.roots.of(_CENTRAL_SYSTEM)]
        await self._own.take(self._own.read(chain, roots))
        _log.info("{name}: the backend has given a new certificate", name=self._name)
        self._watch()
        self._changed()
        if self._is_encrypted:
            self.renew("the backend has given a new certificate")

    def ask_certificate(self) -> None:
        """Ask the backend for a new certificate: SignCertificate. What goes wrong is logged."""
        Deferred.fromCoroutine(self._ask_certificate()).addErrback(
            lambda failure: _log.failure(
                "{name}: a certificate could not be asked for", failure, name=self._name
            )
        )

    async def _ask_certificate(self) -> None:
        self._asked_s = self._clock.seconds()
        try:
            request = await self._own.ask(self._configuration.text("CpoName") or None)
            answer = await self._hooks.call(SignCertificateRequest(csr=request))
        except (CertificateFault, StorageError, DeviceError) as error:
            _log.warn(
                "{name}: no certificate was asked for: {why!s}", name=self._name, why=error
            )
            return
        assert isinstance(answer, SignCertificateConfirmation)
        if answer.status is not GenericStatus.ACCEPTED:
            _log.warn("{name}: the backend gives us no certificate", name=self._name)

    def _watch(self) -> None:
        """Look now and then how old the certificate is, if there is one."""
        if self._own.certificate is not None:
            self._look.start(LOOK_S)

    def _renew_if_old(self) -> None:
        if not self._own.is_old or not self._hooks.is_serving():
            return
        now_s = self._clock.seconds()
        if self._asked_s is None or now_s - self._asked_s >= RETRY_S:
            self.ask_certificate()

    # ChangeConfiguration

    def _key_given(self, key: str) -> Deferred[bool]:
        return Deferred.fromCoroutine(self._take_key(key))

    async def _take_key(self, key: str) -> bool:
        if ":" in self._settings.client_id:
            # RFC 7617: it cannot be told with a password.
            return False
        try:
            await self._credentials.give_key(key)
        except CfosError as error:
            return self._not_taken("a password", error)
        self._reconfigured("AuthorizationKey", "the backend has given another password")
        return True

    def _profile_given(self, profile: SecurityProfile) -> Deferred[bool]:
        return Deferred.fromCoroutine(self._take_profile(profile))

    async def _take_profile(self, profile: SecurityProfile) -> bool:
        objection = self._objection(profile)
        if objection is not None:
            _log.warn(
                "{name}: the backend wants security profile {profile}: {why}",
                name=self._name,
                profile=profile.value,
                why=objection,
            )
            return False
        try:
            await self._credentials.raise_profile(profile)
        except CfosError as error:
            return self._not_taken("a security profile", error)
        self._reconfigured("SecurityProfile", "the backend has raised the security profile")
        return True

    def _objection(self, profile: SecurityProfile) -> str | None:
        """Why it cannot be raised to a profile: A05.FR.01 to A05.FR.04."""
        if profile <= self.profile:
            return "it is that, or higher, and is not lowered from there"
        if profile is not SecurityProfile.CERTIFICATE and not self._credentials.has_password:
            return "there is no password; the key AuthorizationKey is to be set first"
        if profile.is_encrypted and not self._has_trust:
            return "there is no root certificate; one is to be installed first"
        has_certificate = self._settings.has_certificate or self._own.certificate is not None
        if profile is SecurityProfile.CERTIFICATE and not has_certificate:
            return "there is no certificate of ours; one is to be given first"
        return None

    @property
    def _is_encrypted(self) -> bool:
        return self._settings.is_secure or self.profile.is_encrypted

    @property
    def _has_trust(self) -> bool:
        """Whether a backend that speaks TLS can be told from another."""
        is_known = self._credentials.server is not None and self._settings.is_secure
        return self._settings.has_authorities or bool(self.given.roots) or is_known

    def _queue(self, action: str, payload: bytes) -> None:
        # What follows from a command is told behind the answer to it.
        self._hooks.afterwards(lambda: self._hooks.queue(action, payload))

    def _not_taken(self, what: str, error: CfosError) -> bool:
        _log.error(
            "{name}: {what} of the backend could not be stored, and was refused: {why!s}",
            name=self._name,
            what=what,
            why=error,
        )
        return False

    def _reconfigured(self, key: str, why: str) -> None:
        self.events.note(SecurityEventKind.RECONFIGURED, key)
        self._changed()
        self.renew(why)

    def _changed(self) -> None:
        self._show_profile()
        self._hooks.changed()

    def _show_profile(self) -> None:
        self._configuration.show("SecurityProfile", str(self.profile.value))


_WORDS: Final = {
    CertificateUse.CENTRAL_SYSTEM_ROOT_CERTIFICATE: "root of the backend",
    CertificateUse.MANUFACTURER_ROOT_CERTIFICATE: "root of the manufacturer",
}


def _event_of(
    notice: ServerDistrusted | LoginRefused | WeakTls,
) -> tuple[SecurityEventKind, str]:
    match notice:
        case ServerDistrusted():
            return SecurityEventKind.INVALID_SERVER_CERTIFICATE, notice.why
        case LoginRefused():
            return SecurityEventKind.NOT_AUTHENTICATED, f"HTTP {notice.status}"
        case WeakTls():
            is_suite = "cipher" in notice.why.lower() or "suite" in notice.why.lower()
            kind = SecurityEventKind
            return (
                kind.INVALID_TLS_SUITE if is_suite else kind.INVALID_TLS_VERSION
            ), notice.why
