"""Oddities of TLS: Q9."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from OpenSSL import SSL
from twisted.protocols.tls import TLSMemoryBIOProtocol

from cfos_cm.net.client_material import ClientMaterial
from cfos_cm.net.client_tls import ClientTls
from cfos_cm.simulator.personas.persona import Make, Outcome, Persona, Reaction
from cfos_cm.simulator.personas.stage import NobodyThere, NotShown
from cfos_cm.simulator.personas.wallbox import Wallbox

__all__ = ["ENCRYPTION", "MuteTls"]

#: Believes nobody: SHA-256 of no key that anybody has found.
_NOBODY = ClientMaterial(pin="0" * 64)


class MuteTls(ClientTls):
    """
    TLS as small devices have it: it names no host, and says nothing to whom it does not
    believe. No alert: the connection is gone.
    """

    _protocol: TLSMemoryBIOProtocol | None = None

    def __init__(self, host: str, material: ClientMaterial) -> None:
        """See L{ClientTls}."""
        super().__init__(host, material)
        # RFC 6066, 3: a name of this kind is what a server has its certificate chosen by.
        self._server_name = None

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """See L{ClientTls}."""
        self._protocol = protocol
        return super().clientConnectionForTLS(protocol)

    def _verify(self, *shown: Any) -> bool:
        is_good = super()._verify(*shown)
        if not is_good and self._protocol is not None:
            # That of TCP, before OpenSSL has written why.
            transport: Any = self._protocol.transport
            transport.abortConnection()
        return is_good


async def _uploaded_certificate(wallbox: Wallbox) -> None:
    given = _given(wallbox)
    await wallbox.knock()
    wallbox.must("names no host in its TLS, and connects", await _dial(wallbox, given))
    await wallbox.boot()
    await wallbox.heartbeat("says Heartbeat")
    await wallbox.close()
    await _dial(wallbox, _NOBODY)
    wallbox.must(
        "drops a server that it was given no certificate of without a word, is given it, and "
        "connects",
        await _dial(wallbox, given),
    )
    await wallbox.boot(again=True)


def _given(wallbox: Wallbox) -> ClientMaterial:
    """
    The certificates that were uploaded, and nothing else that is believed.

    @raise NotShown: if there are none, or no TLS.
    """
    stage = wallbox.stage
    material = stage.material
    if not stage.address.is_secure or material is None or not material.authorities:
        raise NotShown(
            "it has TLS only, and a certificate uploaded: give it a URL of wss:// and "
            "--ca-certificates FILE"
        )
    return evolve(material, has_system_roots=False)


async def _dial(wallbox: Wallbox, material: ClientMaterial) -> Outcome:
    """Dial; no TLS is something that was found, and not the end of the play."""
    try:
        return await wallbox.dial(tls=MuteTls, material=material)
    except NobodyThere as error:
        return Outcome(Reaction.CLOSED, str(error))


ENCRYPTION = (
    Persona(
        number="Q9",
        title=(
            "has TLS only, names no host in it, and drops without a word whoever has no "
            "certificate that it was given"
        ),
        boxes="Autel and others",
        why=(
            "A server that chooses its certificate by the name shows it the wrong one, and "
            "nobody is told why it never comes."
        ),
        evidence=("lbbrhzn/ocpp, documentation",),
        make=Make("Autel", "MaxiCharger AC"),
        script=_uploaded_certificate,
    ),
)
