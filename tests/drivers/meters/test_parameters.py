"""What C{parameters} of a meter may say."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.meters.parameters import Parameters, parameters_words, read_parameters


class ParametersTests(SynchronousTestCase):
    """Words with blanks between."""

    def test_read(self) -> None:
        """Each word is optional, in any order."""
        for text, expected in (
            ("", Parameters()),
            ("inverted", Parameters(True)),
            ("number=2", Parameters(False, 2)),
            ("number=32  inverted", Parameters(True, 32)),
        ):
            self.assertEqual(expected, read_parameters(text, has_number=True))

    def test_wrong(self) -> None:
        """Anything else is a mistake, and so is a word that is there twice."""
        wrong = (
            "invert",
            "number=0",
            "number=33",
            "number=",
            "inverted inverted",
            "number=1 number=2",
        )
        for text in wrong:
            error = self.assertRaises(ValueError, read_parameters, text, has_number=True)
            self.assertEqual(parameters_words(has_number=True), str(error))

    def test_without_number(self) -> None:
        """A device with one meter has no number."""
        error = self.assertRaises(ValueError, read_parameters, "number=1")
        self.assertEqual("inverted; or empty", str(error))
