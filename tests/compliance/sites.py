"""The sites that cases are played at: a C{tap.cfg}, and who may charge there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from attrs import field, frozen

from cfos_cm.site.tag import Tag, Verdict
from tests.compliance.papers import OWNER

__all__ = [
    "BLOCKED",
    "DETECTING",
    "EXPIRED",
    "FIRST",
    "GARAGE",
    "INVALID",
    "OBSERVED",
    "OTHER_OF_GROUP",
    "PARENT",
    "PASSWORD",
    "SECOND",
    "STRANGER",
    "STRICT",
    "STRICT_SITE",
    "TAGS",
    "VALID",
    "WITH_CERTIFICATES",
    "WITH_PASSWORD",
    "Site",
]

#: The Charge Point that most cases are about; it has two connectors.
FIRST = "CP-1"
#: Another one, with one connector.
SECOND = "CP-2"
#: One that has to log in, with this password.
WITH_PASSWORD = "CP-3"
PASSWORD = "correct horse battery"
#: One that is forgiven nothing.
STRICT = "CP-4"
#: One that stands nowhere in the settings.
STRANGER = "CP-9"

#: Who may charge; the next one belongs to the same group.
VALID = "04A1B2C3"
OTHER_OF_GROUP = "04D4E5F6"
PARENT = "FLEET"
BLOCKED = "04B10C4D"
EXPIRED = "04E0E1E2"
#: In no list.
INVALID = "04FFFFFF"

TAGS = (
    Tag(VALID, parent_id_tag=PARENT),
    Tag(OTHER_OF_GROUP, parent_id_tag=PARENT),
    Tag(BLOCKED, Verdict.BLOCKED),
    Tag(EXPIRED, expires_at=datetime(2020, 1, 1, tzinfo=UTC)),
)

_GARAGE = """\
[manager]
database = sqlite:///site.sqlite
[ocpp server]
tls = off
interface = 127.0.0.1
[circuit garage]
max_current = 100
[evse bay-1]
type = ocpp16
address = CP-1
connector = 1
[evse bay-2]
type = ocpp16
address = CP-1
connector = 2
[evse bay-3]
type = ocpp16
address = CP-2
[evse bay-4]
type = ocpp16
address = CP-3
password = "correct horse battery"
"""

_STRICT = """\
[evse bay-5]
type = ocpp16
address = CP-4
quirks = strict
"""


@frozen
class Site:
    """
    Where a case is played.

    @ivar configuration: the text of C{tap.cfg}.
    @ivar tags: the local authorisation list.
    @ivar files: what lies beside it: names and texts.
    @ivar stays_plain: it begins without encryption on a bench that encrypts, too.
    """

    configuration: str
    tags: tuple[Tag, ...] = TAGS
    files: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    stays_plain: bool = False

    def write(self, folder: Path, configuration: str | None = None) -> Path:
        """
        Put all of it into a folder.

        @param configuration: in the place of its own.
        @return: where C{tap.cfg} is.
        """
        for name, text in self.files:
            (folder / name).write_text(text, encoding="utf-8")
            (folder / name).chmod(0o600)
        path = folder / "tap.cfg"
        path.write_text(configuration or self.configuration, encoding="utf-8")
        return path


GARAGE = Site(_GARAGE)
#: Where load management sets nothing, so that an operator may.
OBSERVED = Site(_GARAGE.replace("[manager]\n", "[manager]\nload_management = observe\n"))
STRICT_SITE = Site(_GARAGE + _STRICT)


def _signing(tls: str, *lines: str) -> Site:
    """A site whose owner signs what Charge Points ask for."""
    server = (f"tls = {tls}", "signing_certificate = owner.pem", "signing_key = owner.key")
    text = _GARAGE.replace("tls = off\n", "".join(f"{line}\n" for line in (*server, *lines)))
    files = (("owner.pem", OWNER.pem), ("owner.key", OWNER.papers.key))
    return Site(text, files=files)


#: Where Charge Points may come encrypted, or not yet.
DETECTING = _signing("detect")
#: Where they have to show a certificate of the owner.
WITH_CERTIFICATES = _signing("on", "ca_certificates = owner.pem")
