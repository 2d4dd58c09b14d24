"""What the classes of messages say of their fields."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.v16.forms import form_of, shape_of
from cfos_cm.v16.types import SampledValue

from .schemas import MESSAGES, PROFILE, full_example

#: What could stand in a field, and may be wrong there.
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=60)
    | st.sampled_from(["", "Wh", "Accepted", "x" * 5501, [], {}])
)


class FitTests(SynchronousTestCase):
    """Whether a value will be taken."""

    @PROFILE
    @given(st.sampled_from(sorted(MESSAGES)), VALUES)
    def test_never_too_strict(self, name: str, value: Any) -> None:
        """What the class takes fits; it may refuse some of what does."""
        case = MESSAGES[name]
        kind = case.action.request if case.is_request else case.action.confirmation
        example = full_example(case.schema)
        for field, fits in form_of(kind).fits.items():
            try:
                msgspec.convert(example | {field: value}, kind)
            except msgspec.ValidationError:
                continue
            self.assertTrue(fits(value), (field, value))

    def test_what_is_refused(self) -> None:
        """What is of another type, no word of the list or too long does not fit."""
        form = form_of(SampledValue)
        for field, value in (("value", 1), ("value", None), ("unit", "hz"), ("unit", 1)):
            self.assertFalse(form.fits[field](value))
        start = form_of(MESSAGES["StartTransaction"].action.request)
        for field, text in (
            ("idTag", "x" * 21),
            ("connectorId", True),
            ("connectorId", 1.0),
            ("connectorId", "1"),
        ):
            self.assertFalse(start.fits[field](text))


class FormTests(SynchronousTestCase):
    """What an object looks like."""

    def test_required(self) -> None:
        """The fields that have to be there, and all of them."""
        form = form_of(SampledValue)
        self.assertEqual(form.required, {"value"})
        self.assertEqual(len(form.fields), len(shape_of(SampledValue).fields))

    def test_all(self) -> None:
        """Whether all objects of a list are right."""
        form = form_of(SampledValue)
        good: list[object] = [{"value": "1"}] * 3
        self.assertTrue(form.is_that_of_all(good))
        for bad in ({}, {"value": 1}, {"value": "1", "x": 1}, None, []):
            self.assertFalse(form.is_that_of_all([*good, bad]))
