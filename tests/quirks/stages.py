"""A site in a file, a persona that plays against it, and what the site knows then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import evolve, field, frozen
from twisted.internet import defer, reactor

from cfos_cm.certificates.pem import read_certificates
from cfos_cm.errors import DeviceError
from cfos_cm.net.client_material import ClientMaterial
from cfos_cm.net.limits import ServerLimits
from cfos_cm.services.charging_site import ChargingSite
from cfos_cm.services.config import read_config
from cfos_cm.simulator.personas.catalogue import PERSONAS
from cfos_cm.simulator.personas.persona import Performance, Persona
from cfos_cm.simulator.personas.play import play
from cfos_cm.simulator.personas.stage import Stage
from cfos_cm.simulator.personas.upgrade import Address
from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.state import SiteState
from cfos_cm.storage.charge_points import ChargePointRegister
from cfos_cm.storage.database import Database
from cfos_cm.storage.readings import StoredMeterValues
from cfos_cm.storage.review import StrayStop
from cfos_cm.storage.transactions import Ledger, StoredTransaction
from cfos_cm.v16.types import Message
from tests.net.authority import Authority
from tests.services.sites import SiteCase

__all__ = [
    "IDENTITY",
    "PINGED_AT_ONCE",
    "TAG",
    "PersonaCase",
    "Scene",
    "Stored",
    "add_tests",
    "is_limited",
]

IDENTITY = "FAKE-1"
TAG = "04A1B2C3D4E5F6"


def is_limited(evse: Evse) -> bool:
    """Whether an EVSE has confirmed a limit that lets it charge, and obeys."""
    confirmed = evse.confirmed
    return confirmed is not None and confirmed.current_ma > 0 and not evse.disobedient


#: What should hold at some moments.
SETTLED: Mapping[str, Callable[[Evse], bool]] = {
    "answered": is_limited,
    "limited": is_limited,
    "away": lambda evse: evse.link is Link.LOST,
}


@frozen
class Stored:
    """
    What is on disk after a play.

    @ivar transactions: all of them, those that began first first.
    @ivar readings: the meter values of each transaction, by its number in that order.
    @ivar loose: the meter values outside any transaction.
    @ivar stray: the stops that were kept for review.
    @ivar charge_points: the identities that the site has heard of.
    """

    transactions: tuple[StoredTransaction, ...]
    readings: tuple[tuple[StoredMeterValues, ...], ...]
    loose: tuple[StoredMeterValues, ...]
    stray: tuple[StrayStop, ...]
    charge_points: frozenset[str]


@frozen
class Scene:
    """
    A play that is over.

    @ivar moments: the state of the site at each moment of the script.
    @ivar state: the state of the site at its end.
    @ivar answers: what an operator has heard: confirmations, or errors.
    """

    performance: Performance
    moments: Mapping[str, SiteState]
    state: SiteState
    stored: Stored
    answers: Sequence[Message | DeviceError] = field(factory=list)

    def bay(self, moment: str | None = None) -> Evse:
        """What was known of the EVSE, at a moment or at the end."""
        state = self.state if moment is None else self.moments[moment]
        return state.evses["bay"]


#: Nobody waits half a minute here to be pinged.
PINGED_AT_ONCE = ServerLimits(ping_interval_s=0.1, pong_timeout_s=0.1)


class PersonaCase(SiteCase):
    """
    A test with a site that has one EVSE.

    @ivar limits: how much of everything its sites give a wallbox; C{None}: the usual.
    """

    timeout = 40
    limits: ServerLimits | None = None

    def site(self) -> ChargingSite:
        """The site of the configuration, not started; stopped after the test."""
        site = ChargingSite(read_config(str(self.path)), reactor, self.limits)
        self.addCleanup(lambda: site.stopService() if site.running else None)
        return site

    async def perform(
        self,
        persona: Persona,
        setting: str,
        *,
        evse: str = "",
        server: str = "",
        password: bytes | None = None,
        requests: Sequence[Message] = (),
        timeout_s: float = 6.0,
        is_secure: bool = False,
    ) -> Scene:
        """
        Have a persona play against a site of its own, which is stopped afterwards.

        @param setting: of the option C{quirks}.
        @param evse: more lines for the EVSE.
        @param server: more lines for the server.
        @param requests: what an operator sends as soon as he is asked for it.
        @param is_secure: they speak by TLS; the site's certificate is signed by somebody whom
            the persona was told to believe.
        """
        authority = Authority(self.folder, "garage") if is_secure else None
        if authority is not None:
            pair = authority.pair("127.0.0.1")
            files = f"certificate = {pair.certificate}\nprivate_key = {pair.key}"
            server = f"tls = on\n{files}\n{server}"
        site, port = await self.started(
            "[circuit garage]\nmax_current = 40\n"
            f"[evse bay]\ntype = ocpp16\naddress = {IDENTITY}\nquirks = {setting}\n{evse}",
            server=server,
        )
        moments: dict[str, SiteState] = {}
        answers: list[Message | DeviceError] = []

        async def look(moment: str) -> None:
            await self.settled(site, moment, timeout_s / 2)
            moments[moment] = _state(site)

        def ask(_: str) -> None:
            assert site.central_system is not None
            for request in requests:
                answer = site.central_system.call(IDENTITY, request)
                answer.addCallbacks(answers.append, _noting(answers))

        stage = self.stage(
            port, password=password, timeout_s=timeout_s, tell=ask, audience=look
        )
        if authority is not None:
            believed = ClientMaterial(read_certificates(authority.pem.encode(), "authority"))
            address = evolve(stage.address, is_secure=True)
            stage = evolve(stage, address=address, material=believed)
        performance = await play(persona, stage)
        state = _state(site)
        assert site.ledger is not None
        await site.ledger.settled()
        await site.stopService()
        return Scene(performance, moments, state, await self.stored(site), answers)

    def stage(self, port: int, **more: Any) -> Stage:
        """Where a persona plays against a site; C{more}: what is not as usual."""
        return Stage(
            reactor=reactor,
            now=lambda: datetime.now(UTC),
            address=Address("127.0.0.1", port),
            identity=IDENTITY,
            id_tag=TAG,
            patience_s=0.5,
            **more,
        )

    async def settled(self, site: ChargingSite, moment: str, within_s: float) -> None:
        """
        Wait until the site knows what the moment is about.

        A wallbox has accepted a limit then, and the control loop may be about to give another;
        or it has gone away, and its end of the connection is gone before ours.

        @param within_s: how long that may take. [s]
        """
        holds = SETTLED.get(moment)
        if holds is None or holds(_state(site).evses["bay"]):
            return
        settled: defer.Deferred[None] = defer.Deferred()

        def look(*_: object) -> None:
            if not settled.called and holds(_state(site).evses["bay"]):
                settled.callback(None)

        assert site.control_loop is not None
        site.control_loop.observe(look)
        settled.addTimeout(within_s, reactor)
        # What it has come to is for the test to judge.
        await settled.addErrback(lambda failure: failure.trap(defer.TimeoutError) and None)

    async def stored(self, site: ChargingSite) -> Stored:
        """What a site that has stopped left on disk."""
        database = Database(site.config.database_url, reactor, lambda: datetime.now(UTC))
        await database.start()
        try:
            ledger = Ledger(database, lambda: 1)
            found = tuple(reversed(await ledger.transactions()))
            readings = [
                await ledger.meter_values(IDENTITY, one.transaction.transaction_id)
                for one in found
            ]
            return Stored(
                found,
                tuple(readings),
                await ledger.meter_values(IDENTITY, None),
                await ledger.stray_stops(IDENTITY),
                frozenset(one.identity for one in await ChargePointRegister(database).all()),
            )
        finally:
            await database.stop()

    def assertCalm(self) -> None:
        """The log tells of no error that nobody has expected."""
        trouble = [line for line in self.log if "Traceback" in line or "Unhandled" in line]
        self.assertEqual([], trouble)


def add_tests(
    case: type[PersonaCase],
    numbers: Iterable[str],
    play: Callable[[Any, str], Awaitable[object]],
) -> None:
    """
    Give a case one test for each of some personas, with its number at the end of its name.

    @param play: what each does, given the test itself and the number.
    """
    for number in numbers:
        setattr(case, f"test_{number}", _test(number, play))


def _test(number: str, play: Callable[[Any, str], Awaitable[object]]) -> Any:
    async def test(self: PersonaCase) -> None:
        await play(self, number)

    test.__doc__ = f"A wallbox that {PERSONAS[number].title}."
    return test


def _state(site: ChargingSite) -> SiteState:
    assert site.control_loop is not None
    return site.control_loop.state


def _noting(answers: list[Message | DeviceError]) -> Any:
    def note(failure: Any) -> None:
        failure.trap(DeviceError)
        answers.append(failure.value)

    return note
