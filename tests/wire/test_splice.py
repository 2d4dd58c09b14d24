"""Numbers that are replaced in a text, and everything beside them that is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm import strict_json
from cfos_cm.wire.splice import replaced
from tests.charge_point import samples

_NAMES = ("connectorId", "transactionId")
_NUMBERS = st.integers(-(2**63), 2**63 - 1)

_TEXTS = st.one_of(
    st.sampled_from(
        (
            "transactionId",
            '"transactionId":7',
            '\\"transactionId":7',
            "\\",
            '"',
            "{",
            "[",
            "}]",
            "ä/é",
            ",",
            ":",
        )
    ),
    st.text(max_size=8),
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, st.floats(allow_nan=False, width=16), _TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(_NAMES), _TEXTS), inner, max_size=3),
    ),
    max_leaves=8,
)
_BLANKS = st.sampled_from(("", " ", "\n\t", "\r\n  "))


@st.composite
def _spelled(draw: st.DrawFn, text: str) -> str:
    """A JSON text, with as many escapes as one likes."""
    written = json.dumps(text, ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        written = written.replace("/", "\\/")
    if text.isascii() and text.isalpha() and draw(st.booleans()):
        at = draw(st.integers(1, len(text)))
        code = format(ord(written[at]), draw(st.sampled_from(("04x", "04X"))))
        written = f"{written[:at]}\\u{code}{written[at + 1 :]}"
    return written


@st.composite
def _objects(draw: st.DrawFn) -> tuple[Callable[[int, int], str], bool, bool]:
    """The writer of an object with given numbers, and which of them it has."""
    members: list[tuple[str, Callable[[int, int], str]]] = []
    for name, value in draw(st.dictionaries(_TEXTS, _VALUES, max_size=4)).items():
        if name not in _NAMES:
            members.append((draw(_spelled(name)), _always(json.dumps(value))))
    has_connector, has_transaction = draw(st.booleans()), draw(st.booleans())
    if has_connector:
        members.append((draw(_spelled("connectorId")), lambda connector, _: str(connector)))
    if has_transaction:
        members.append((draw(_spelled("transactionId")), lambda _, number: str(number)))
    parts = [
        (*one, *(draw(_BLANKS) for _ in range(4))) for one in draw(st.permutations(members))
    ]

    def write(connector: int, transaction: int) -> str:
        written = (
            f"{a}{name}{b}:{c}{value(connector, transaction)}{d}"
            for name, value, a, b, c, d in parts
        )
        return "{" + ",".join(written) + "}"

    return write, has_connector, has_transaction


def _always(text: str) -> Callable[[int, int], str]:
    return lambda _connector, _transaction: text


class ReplacedTests(SynchronousTestCase):
    """L{replaced}."""

    @settings(max_examples=2000, deadline=None)
    @given(_objects(), _NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS)
    def test_only_the_numbers(
        self,
        spelled: tuple[Callable[[int, int], str], bool, bool],
        connector: int,
        transaction: int,
        other_connector: int,
        other_transaction: int,
    ) -> None:
        """Whatever an object holds, two numbers are others and each other byte is the same."""
        write, _, _ = spelled
        before = write(connector, transaction).encode()
        after = replaced(
            before, {"connectorId": other_connector, "transactionId": other_transaction}
        )
        self.assertEqual(after, write(other_connector, other_transaction).encode())

    @settings(max_examples=1000, deadline=None)
    @given(_objects(), _NUMBERS)
    def test_as_json(
        self, spelled: tuple[Callable[[int, int], str], bool, bool], number: int
    ) -> None:
        """A reader of JSON sees the same object, but for the one number."""
        write, _, has_transaction = spelled
        before = write(1, 2).encode()
        wanted = json.loads(before)
        if has_transaction:
            wanted["transactionId"] = number
        self.assertEqual(json.loads(replaced(before, {"transactionId": number})), wanted)

    @settings(max_examples=500, deadline=None)
    @given(_NUMBERS, _NUMBERS)
    def test_signed(self, connector: int, transaction: int) -> None:
        """Signed values of every kind arrive as they were sent."""
        here = {"connector": str(connector), "transaction": str(transaction)}
        for make in (
            samples.mennekes_meter_values,
            samples.sml_meter_values,
            samples.innogy_meter_values,
        ):
            put_in = {"connectorId": connector, "transactionId": transaction}
            self.assertEqual(replaced(make(), put_in), make(**here))
        stop = samples.ocmf_stop(str(transaction))
        self.assertEqual(replaced(samples.ocmf_stop(), {"transactionId": transaction}), stop)

    def test_samples_are_json(self) -> None:
        """The samples are what a Charge Point may send."""
        for payload in (*samples.SIGNED.values(), samples.GIRO_E):
            strict_json.check(payload)

    def test_within_a_text(self) -> None:
        """The numbers in the data of a DataTransfer are none of ours."""
        put_in = {"connectorId": 5, "transactionId": 6}
        self.assertEqual(replaced(samples.GIRO_E, put_in), samples.GIRO_E)

    def test_missing(self) -> None:
        """A member that is not there is not added."""
        self.assertEqual(replaced(b'{"a":1}', {"transactionId": 5}), b'{"a":1}')
        self.assertEqual(replaced(b"{}", {"transactionId": 5}), b"{}")

    def test_a_number_of_another_spelling(self) -> None:
        """A number that has a point, or quotation marks, is the transaction's all the same."""
        for spelled in (b"1.0", b"1e0", b'"1"', b"-1E+2"):
            before = b'{"transactionId":%b,"x":1.0}' % spelled
            self.assertEqual(
                replaced(before, {"transactionId": 5}), b'{"transactionId":5,"x":1.0}'
            )

    def test_no_number(self) -> None:
        """What is no number is left as it is."""
        for spelled in (b"null", b"true", b"[1]", b'{"transactionId":1}'):
            before = b'{"transactionId":%b}' % spelled
            self.assertEqual(replaced(before, {"transactionId": 5}), before)

    def test_a_text_of_that_name(self) -> None:
        """A value that reads like the name is not taken for it."""
        before = b'{"idTag":"transactionId","transactionId":1}'
        self.assertEqual(
            replaced(before, {"transactionId": 5}),
            b'{"idTag":"transactionId","transactionId":5}',
        )

    def test_brackets_in_a_text(self) -> None:
        """A bracket within a text does not make anything deeper."""
        before = b'{"a":{"transactionId":1,"b":"{[\\"{"},"c":"[","transactionId":2}'
        self.assertEqual(
            replaced(before, {"transactionId": 5}),
            b'{"a":{"transactionId":1,"b":"{[\\"{"},"c":"[","transactionId":5}',
        )
