"""
InstallCertificate, DeleteCertificate, GetInstalledCertificateIds and CertificateSigned.

They are about the connection between the gateway and its backend, whatever is behind the
gateway; but for the roots of a Charge Point's maker, which are its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.hash_data import HashAlgorithm, HashData
from cfos_cm.charge_point.commands.upkeep import for_charge_point
from cfos_cm.charge_point.policy import makers_charge_point
from cfos_cm.charge_point.security_events import SecurityEventKind
from cfos_cm.errors import CfosError
from cfos_cm.v16 import types
from cfos_cm.v16.security import (
    CertificateSignedConfirmation,
    CertificateSignedRequest,
    CertificateSignedStatus,
    CertificateUse,
    DeleteCertificateConfirmation,
    DeleteCertificateRequest,
    DeleteCertificateStatus,
    GetInstalledCertificateIdsConfirmation,
    GetInstalledCertificateIdsRequest,
    GetInstalledCertificateStatus,
    InstallCertificateConfirmation,
    InstallCertificateRequest,
    InstallCertificateStatus,
)
from cfos_cm.v16.types import CertificateHashData, Message
from cfos_cm.wire.ocppj import Call

if TYPE_CHECKING:
    from cfos_cm.charge_point.gateway import Gateway

__all__ = [
    "certificate_signed",
    "delete_certificate",
    "get_installed_certificate_ids",
    "install_certificate",
]

_MAKERS = CertificateUse.MANUFACTURER_ROOT_CERTIFICATE


def install_certificate(
    gateway: Gateway, request: InstallCertificateRequest, call: Call
) -> Deferred[Message | bytes]:
    """Believe whom a root certificate vouches for. M05."""
    if request.certificate_type is _MAKERS and _is_for_charge_point(gateway, call):
        return for_charge_point(gateway, request, call)
    return Deferred.fromCoroutine(_install_certificate(gateway, request))


async def _install_certificate(
    gateway: Gateway, request: InstallCertificateRequest
) -> Message | bytes:
    use = request.certificate_type
    status = InstallCertificateStatus.ACCEPTED
    try:
        root = gateway.security.roots.read(use, request.certificate)
        await gateway.security.install(use, root)
    except CertificateFault as error:
        gateway.remark(f"a root certificate of the backend is refused: {error}")
        if use is not _MAKERS:
            kind = SecurityEventKind.INVALID_SERVER_CERTIFICATE
            gateway.security.events.note(kind, str(error))
        status = InstallCertificateStatus.REJECTED
    except CfosError as error:
        gateway.remark(f"a root certificate of the backend could not be stored: {error}")
        status = InstallCertificateStatus.FAILED
    return InstallCertificateConfirmation(status=status)


def delete_certificate(
    gateway: Gateway, request: DeleteCertificateRequest, call: Call
) -> Deferred[Message | bytes]:
    """Believe a root certificate no more; but not if the backend proves itself by it. M04."""
    wanted = _read(request.certificate_hash_data)
    found = gateway.security.roots.find(wanted)
    if found is None and _is_for_charge_point(gateway, call):
        return for_charge_point(gateway, request, call)
    return Deferred.fromCoroutine(_delete_certificate(gateway, wanted))


async def _delete_certificate(gateway: Gateway, wanted: HashData) -> Message | bytes:
    found = gateway.security.roots.find(wanted)
    status = DeleteCertificateStatus.ACCEPTED
    if found is None:
        status = DeleteCertificateStatus.NOT_FOUND
    elif gateway.security.is_needed(*found):
        gateway.remark("the backend would delete the root certificate that it is believed by")
        status = DeleteCertificateStatus.FAILED
    else:
        try:
            await gateway.security.delete(*found)
        except CfosError as error:
            gateway.remark(f"a root certificate could not be deleted: {error}")
            status = DeleteCertificateStatus.FAILED
    return DeleteCertificateConfirmation(status=status)


def get_installed_certificate_ids(
    gateway: Gateway, request: GetInstalledCertificateIdsRequest, call: Call
) -> Message | Deferred[Message | bytes]:
    """Name the root certificates that are installed. M03."""
    use = request.certificate_type
    if use is _MAKERS and _is_for_charge_point(gateway, call):
        return for_charge_point(gateway, request, call)
    found = tuple(_told(one) for one in gateway.security.roots.ids(use))
    statuses = GetInstalledCertificateStatus
    return GetInstalledCertificateIdsConfirmation(
        status=statuses.ACCEPTED if found else statuses.NOT_FOUND,
        certificate_hash_data=found or None,
    )


def certificate_signed(
    gateway: Gateway, request: CertificateSignedRequest, _call: Call
) -> Deferred[Message | bytes]:
    """Use the certificate that was asked for, from the next connection on. A02."""
    return Deferred.fromCoroutine(_certificate_signed(gateway, request))


async def _certificate_signed(
    gateway: Gateway, request: CertificateSignedRequest
) -> Message | bytes:
    status = CertificateSignedStatus.ACCEPTED
    try:
        await gateway.security.take(request.certificate_chain)
    except CfosError as error:
        gateway.remark(f"a certificate of the backend is refused: {error}")
        if isinstance(error, CertificateFault):
            kind = SecurityEventKind.INVALID_OWN_CERTIFICATE
            gateway.security.events.note(kind, str(error))
        status = CertificateSignedStatus.REJECTED
    return CertificateSignedConfirmation(status=status)


def _is_for_charge_point(gateway: Gateway, call: Call) -> bool:
    """Whether a Charge Point has to answer what is about a root of its maker."""
    # What has more fields than it should has been refused: it reads there what was read here.
    return makers_charge_point(gateway.settings, call.action) is not None


def _read(told: CertificateHashData) -> HashData:
    return HashData(
        HashAlgorithm(told.hash_algorithm.value),
        told.issuer_name_hash,
        told.issuer_key_hash,
        told.serial_number,
    )


def _told(found: HashData) -> CertificateHashData:
    return CertificateHashData(
        hash_algorithm=types.HashAlgorithm(found.algorithm.value),
        issuer_name_hash=found.issuer_name_hash,
        issuer_key_hash=found.issuer_key_hash,
        serial_number=found.serial_number,
    )
