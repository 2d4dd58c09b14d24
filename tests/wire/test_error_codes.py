"""What peers mean by their error codes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import CallErrorCode
from cfos_cm.wire.error_codes import cannot_do, understood


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

    def test_later_codes(self) -> None:
        """Two codes of OCPP 2.0.1 have their nearest meaning."""
        self.assertIs(understood("RpcFrameworkError"), CallErrorCode.FORMATION_VIOLATION)
        self.assertIs(understood("MessageTypeNotSupported"), CallErrorCode.NOT_SUPPORTED)

    def test_unknown(self) -> None:
        """What nobody specified, or with other capitals, is a generic error."""
        for code in ("", "SomethingElse", "notsupported", "é"):
            self.assertIs(understood(code), CallErrorCode.GENERIC_ERROR, code)

    def test_cannot_do(self) -> None:
        """Both codes that peers mistake for each other mean the same, and no other does."""
        found = {code.value for code in CallErrorCode if cannot_do(code.value)}
        self.assertEqual(found, {"NotImplemented", "NotSupported"})
        self.assertFalse(cannot_do("SomethingElse"))

    @given(st.text())
    def test_any_text(self, code: str) -> None:
        """Any text is some code."""
        self.assertIsInstance(understood(code), CallErrorCode)
