"""What is said when something about gateways cannot be done."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import FirstError
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.charge_point.queued import Depth
from cfos_cm.errors import DeviceError, NotSent, StorageError

__all__ = ["could_not_end", "could_not_note", "first_failure", "none_known", "warn_of_orphans"]

_log = Logger(namespace="cfos_cm.gateway")


def first_failure(failure: Failure) -> Failure:
    """What has failed first, of several things."""
    error = failure.value
    return error.subFailure if isinstance(error, FirstError) else failure


def warn_of_orphans(orphans: Mapping[str, Depth]) -> None:
    """There are queues whose gateway is no more."""
    for key, depth in orphans.items():
        _log.warn(
            "{count} messages wait for {key}, which is no gateway any more: 'cfos-cm gateway' "
            "has another one deliver them, or forgets them",
            count=depth.waiting + depth.dead,
            key=key,
        )


def none_known(failure: Failure) -> None:
    """Such queues could not be looked for."""
    # Why a database cannot be read is told elsewhere.
    if not isinstance(failure.value, StorageError):
        _log.failure("queues without a gateway cannot be looked for", failure)


def could_not_note(failure: Failure, name: str) -> None:
    """What a backend says of who charges is not on disk."""
    _log.error(
        "{name}: what the backend says of who charges could not be written down: {error!s}",
        name=name,
        error=failure.value,
    )


def could_not_end(failure: Failure, name: str) -> None:
    """A transaction goes on; where its device is not there, that is told elsewhere."""
    if not isinstance(failure.value, DeviceError | NotSent):
        _log.failure("{name}: a transaction could not be ended", failure, name=name)
