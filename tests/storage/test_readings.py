"""Which readings a bill may hang on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.storage.readings import is_evidence
from cfos_cm.v16.other_words import meant_by
from cfos_cm.v16.types import ReadingContext, ValueFormat

WORDS = (
    ValueFormat.SIGNED_DATA,
    ReadingContext.TRANSACTION_BEGIN,
    ReadingContext.TRANSACTION_END,
)


def spellings(word: str) -> Iterator[str]:
    """A word in other capitals, and with each sign that is taken for one of its letters."""
    yield from (word, word.lower(), word.upper(), word.swapcase(), word[:1].lower() + word[1:])
    for code in range(sys.maxunicode + 1):
        sign = chr(code)
        folded = sign.casefold()
        if folded in word.casefold() and folded != sign:
            yield word.casefold().replace(folded, sign)


class Evidence(SynchronousTestCase):
    """What the program itself takes for signed, or for a start or an end, is found."""

    def test_spellings(self) -> None:
        """However the word is spelled, as long as it is understood."""
        for word in WORDS:
            for spelling in spellings(word):
                self.assertIs(word, meant_by(spelling, type(word)), spelling)
                for text in (f'{{"x":"{spelling}"}}', f'{{"x":" {spelling}","°":"ß"}}'):
                    self.assertTrue(is_evidence(text), text)

    def test_escaped(self) -> None:
        """However one of its signs is written."""
        for word in WORDS:
            for spelling in spellings(word):
                for place, sign in enumerate(spelling):
                    for escaped in (f"\\u{ord(sign):04x}", f"\\u{ord(sign):04X}"):
                        text = f'"{spelling[:place]}{escaped}{spelling[place + 1 :]}"'
                        self.assertEqual(spelling, json.loads(text))
                        self.assertTrue(is_evidence(text), text)

    def test_others(self) -> None:
        """What the others say is none, in whatever language."""
        for text in (
            '{"transactionId":7,"context":"Sample.Periodic","format":"Raw"}',
            '{"context":"Interruption.Begin","unit":"°C"}',
            '{"unit":"Wh\\/h\\u003c\\u00e9","x":"data signed, transaction"}',
        ):
            self.assertFalse(is_evidence(text), text)
