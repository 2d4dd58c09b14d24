"""Why something cannot be answered, or done: RFC 9457, "Problem Details for HTTP APIs"."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cfos_cm.errors import CfosError

__all__ = ["Problem"]


class Problem(CfosError):
    """
    An answer that says what is wrong.

    @ivar status: of HTTP.
    @ivar detail: a sentence for a person, without secrets.
    @ivar extensions: further members of the answer, such as C{mistakes}.
    @ivar headers: further header fields, such as C{Retry-After}.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        extensions: Mapping[str, object] = MappingProxyType({}),
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.extensions = extensions
        self.headers = headers
