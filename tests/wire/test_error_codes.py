"""What peers mean by their error codes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import CallErrorCode
from cfos_cm.wire.error_codes import understood


class UnderstoodTests(SynchronousTestCase):
    """Codes, aliases and inventions."""

    def test_specified(self) -> None:
        """Each code of the specification means itself."""
        for code in CallErrorCode:
            self.assertIs(understood(code.value), code)

    def test_aliases(self) -> None:
        """The two that the specification misspells are understood when spelled well."""
        self.assertIs(understood("FormatViolation"), CallErrorCode.FORMATION_VIOLATION)
        self.assertIs(
            understood("OccurrenceConstraintViolation"),
            CallErrorCode.OCCURENCE_CONSTRAINT_VIOLATION,
        )

    def test_unknown(self) -> None:
        """What nobody specified, or with other capitals, is a generic error."""
        for code in ("", "RpcFrameworkError", "MessageTypeNotSupported", "notsupported", "é"):
            self.assertIs(understood(code), CallErrorCode.GENERIC_ERROR, code)

    @given(st.text())
    def test_any_text(self, code: str) -> None:
        """Any text is some code."""
        self.assertIsInstance(understood(code), CallErrorCode)
