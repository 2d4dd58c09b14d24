"""The message classes accept what the official schemas accept, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.v16.actions import encode

from .errata import KNOWN_ERRATA
from .schemas import (
    MESSAGES,
    PROFILE,
    SchemaCase,
    for_each_message,
    full_example,
    least_example,
    mutants,
    payloads,
)


class Agreement(SynchronousTestCase):
    """The base of tests that compare a class with its schema."""

    def assert_agreed(self, case: SchemaCase, payload: Any) -> None:
        """The class accepts C{payload} if and only if the schema does."""
        self.assertEqual(case.is_decoded(payload), case.is_valid(payload), (case.name, payload))

    def assert_inverse(self, case: SchemaCase, payload: Any) -> None:
        """C{payload} decoded and encoded is C{payload} again."""
        message = case.decode(payload)
        text = encode(message)
        self.assertEqual(json.loads(text), payload)
        self.assertEqual(case.decode(json.loads(text)), message)


@for_each_message
class ExampleTests(Agreement):
    """Each message, and what happens when it is changed at each of its places."""

    def each_example(self, case: SchemaCase) -> None:
        """The fullest and the shortest message are accepted, and survive a round trip."""
        for payload in (full_example(case.schema), least_example(case.schema)):
            self.assertTrue(case.is_valid(payload), payload)
            self.assert_inverse(case, payload)

    def each_mutant(self, case: SchemaCase) -> None:
        """Whatever is changed at one place: class and schema agree about the result."""
        for mutant in mutants(case.schema, full_example(case.schema)):
            self.assert_agreed(case, mutant())


@for_each_message
class RandomTests(Agreement):
    """The same with messages that nobody thought of."""

    def each_valid_payload(self, case: SchemaCase) -> None:
        """What the schema describes is accepted, and survives a round trip."""

        @PROFILE
        @given(payloads(case.schema))
        def check(payload: Any) -> None:
            self.assertTrue(case.is_valid(payload))
            self.assert_inverse(case, payload)

        check()

    def each_random_mutant(self, case: SchemaCase) -> None:
        """Class and schema agree about a random message that was changed at one place."""

        @PROFILE
        @given(
            payloads(case.schema)
            .map(lambda payload: mutants(case.schema, payload))
            .flatmap(st.sampled_from)
        )
        def check(mutant: Callable[[], Any]) -> None:
            self.assert_agreed(case, mutant())

        check()


class ErrataTests(SynchronousTestCase):
    """The list of differences is as short as it can be."""

    def test_every_erratum_is_needed(self) -> None:
        """Of each witness the published schema says yes and the class no, or the other way."""
        for erratum in KNOWN_ERRATA:
            case, payload = MESSAGES[erratum.message], json.loads(erratum.witness)
            self.assertEqual(case.is_decoded(payload), erratum.accepted, erratum.reason)
            self.assertEqual(case.is_official(payload), not erratum.accepted, erratum.reason)

    def test_every_schema_is_used(self) -> None:
        """Every action has the schemas of its two messages, and they are for objects."""
        self.assertEqual(len(MESSAGES), 78)
        self.assertEqual({case.schema["type"] for case in MESSAGES.values()}, {"object"})

    def test_celsius_may_be_misspelled(self) -> None:
        """Celsius is accepted as the specification's tables and as its schema spell it."""
        for unit in ("Celsius", "Celcius"):
            sampled = {"value": "21.5", "measurand": "Temperature", "unit": unit}
            meter_value = {"timestamp": "2026-03-01T12:00:00Z", "sampledValue": [sampled]}
            payload = {"connectorId": 1, "meterValue": [meter_value]}
            self.assertTrue(MESSAGES["MeterValues"].is_decoded(payload))

    def test_stop_without_reason(self) -> None:
        """A StopTransaction without a reason is accepted, as the errata sheet wants it."""
        payload = {"meterStop": 1, "timestamp": "2026-03-01T12:00:00Z", "transactionId": 1}
        self.assertTrue(MESSAGES["StopTransaction"].is_decoded(payload))
