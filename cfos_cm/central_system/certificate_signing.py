"""
Certificates for Charge Points that ask for one.

"Improved security for OCPP 1.6-J", A02 and A03: SignCertificate brings a certificate signing
request; when an authority of ours signs it, CertificateSigned brings the certificate back.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.central_system.connected import ConnectedChargePoint
from cfos_cm.certificates.names import alternative_names, common_names, identities
from cfos_cm.certificates.pem import read_request
from cfos_cm.errors import CfosError, LocalProtocolError
from cfos_cm.v16.security import (
    CertificateSignedConfirmation,
    CertificateSignedRequest,
    CertificateSignedStatus,
    GenericStatus,
    SignCertificateConfirmation,
    SignCertificateRequest,
)
from cfos_cm.v16.types import Message
from cfos_cm.v16.violations import excerpt
from cfos_cm.wire.ocppj import Call

__all__ = ["MAX_CHAIN_CHARS", "SIGNING_PAUSE_S", "sign_certificate"]

#: Between two certificates for the same Charge Point. [s]
SIGNING_PAUSE_S = 60.0

#: "Improved security for OCPP 1.6-J", CertificateSigned: longer than no chain may be.
MAX_CHAIN_CHARS = 10_000

_log = Logger(namespace="cfos_cm.central_system")


def sign_certificate(
    charge_point: ConnectedChargePoint, request: SignCertificateRequest, call: Call
) -> SignCertificateConfirmation:
    """
    Have a certificate signed for a Charge Point that has proved who it is.

    The certificate follows the confirmation, by CertificateSigned.
    """
    try:
        chain = _signed(charge_point, request.csr)
    except CfosError as error:
        charge_point.acquaintance.warn(f"gets no certificate: {error}")
        return SignCertificateConfirmation(status=GenericStatus.REJECTED)
    clock = charge_point.roster.environment.clock
    # Behind the confirmation: until it has that, a Charge Point may expect no certificate.
    clock.callLater(0, _deliver, charge_point, chain)
    return SignCertificateConfirmation(status=GenericStatus.ACCEPTED)


def _signed(charge_point: ConnectedChargePoint, request_pem: str) -> str:
    """@raise CfosError: if it is not signed, with the reason."""
    signer = charge_point.roster.environment.signer
    if signer is None:
        raise LocalProtocolError("there is no authority here that signs certificates")
    if charge_point.identity not in charge_point.roster.settings.charge_points:
        raise LocalProtocolError("it is not configured")
    if not charge_point.is_proven:
        raise LocalProtocolError(
            "it has proved with neither a password nor a certificate who it is"
        )
    _check_pause(charge_point)
    _check_names(charge_point, request_pem)
    chain = signer.sign(request_pem, charge_point.certificate_names)
    charge_point.acquaintance.signed_s = charge_point.roster.environment.clock.seconds()
    if len(chain) > MAX_CHAIN_CHARS:
        raise LocalProtocolError(
            f"its certificate chain would have {len(chain)} characters; at most "
            f"{MAX_CHAIN_CHARS}"
        )
    return chain


def _check_pause(charge_point: ConnectedChargePoint) -> None:
    before_s = charge_point.acquaintance.signed_s
    now_s = charge_point.roster.environment.clock.seconds()
    if before_s is not None and now_s - before_s < SIGNING_PAUSE_S:
        raise LocalProtocolError(
            f"it asks for another one within {SIGNING_PAUSE_S:.0f} seconds"
        )


def _check_names(charge_point: ConnectedChargePoint, request_pem: str) -> None:
    """@raise CfosError: if it is no request, or one for somebody else's certificate."""
    request = read_request(request_pem.encode())
    wanted = common_names(request) or alternative_names(request)
    _note_serial_number(charge_point, wanted)
    allowed = {name.casefold() for name in charge_point.certificate_names}
    # Two may differ in upper and lower case alone; what is exactly another's name is that.
    others = charge_point.roster.settings.charge_points.keys() - {charge_point.identity}
    own = {name for name in identities(request) if name.casefold() in allowed}
    if not wanted or not own.issuperset(wanted) or own & others:
        names = dict.fromkeys((*wanted, *sorted(own & others)))
        found = excerpt(", ".join(names)) if wanted else "nobody"
        raise LocalProtocolError(
            f"it asks for one in the name of {found}; allowed are "
            f"{', '.join(charge_point.certificate_names)}, and what certificate_name in its "
            "[evse …] section says"
        )


def _note_serial_number(charge_point: ConnectedChargePoint, wanted: Iterable[str]) -> None:
    """Who has proved who it is, and asks in the name of its serial number, has told that."""
    acquaintance = charge_point.acquaintance
    told = acquaintance.device and acquaintance.device.serial_number
    if told and told.strip().casefold() in {name.casefold() for name in wanted}:
        acquaintance.may_be_another = False


def _deliver(charge_point: ConnectedChargePoint, chain: str) -> None:
    asked = charge_point.ask_aside(CertificateSignedRequest(certificate_chain=chain))
    if asked is None:
        _log.warn(
            "{identity} was gone before it had the certificate that it asked for",
            identity=charge_point.identity,
        )
        return
    asked.addCallbacks(
        _delivered, _not_delivered, callbackArgs=(charge_point,), errbackArgs=(charge_point,)
    )


def _delivered(answer: Message, charge_point: ConnectedChargePoint) -> None:
    assert isinstance(answer, CertificateSignedConfirmation)
    if answer.status is CertificateSignedStatus.ACCEPTED:
        charge_point.acquaintance.has_certificate = True
        _log.info("{identity} has taken its new certificate", identity=charge_point.identity)
    else:
        _log.warn(
            "{identity} does not take the certificate that it asked for: {status}",
            identity=charge_point.identity,
            status=answer.status.value,
        )


def _not_delivered(failure: Failure, charge_point: ConnectedChargePoint) -> None:
    _log.warn(
        "{identity}: whether it has taken its new certificate is not known: {error!s}",
        identity=charge_point.identity,
        error=failure.value,
    )
