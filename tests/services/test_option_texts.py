"""The words that the page has for the options of tap.cfg."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

import cfos_cm.web
from cfos_cm.services.config.options import Option, options_of
from cfos_cm.services.config.sections import NAMED_SECTIONS, SINGLE_SECTIONS

LOCALES = Path(cfos_cm.web.__file__).parent / "ui" / "src" / "locales"
KINDS = {**SINGLE_SECTIONS, **NAMED_SECTIONS}
#: Words that are the same in all languages, or are shown in another way.
_NO_WORDS = {"yes", "on", "true", "no", "off", "false"}


def _texts(language: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((LOCALES / language / "options.json").read_text())
    return found


class OptionTextsTests(SynchronousTestCase):
    """Each option is called something in each language, and nothing else is."""

    def test_labels(self) -> None:
        """Each option of each kind has a label in English, German and Portuguese."""
        for language in ("en", "de", "pt"):
            texts = _texts(language)
            for kind, section in KINDS.items():
                words = texts[kind.replace(" ", "_")]
                wanted = {"_", *(one.name for one in options_of(section))}
                self.assertEqual(wanted, set(words), f"{language}: {kind}")
                self.assertTrue(all(words[name]["label"] for name in wanted - {"_"}))

    def test_help(self) -> None:
        """Each option is explained in German and in Portuguese."""
        for language in ("de", "pt"):
            texts = _texts(language)
            for kind, section in KINDS.items():
                for one in options_of(section):
                    words = texts[kind.replace(" ", "_")][one.name]
                    self.assertTrue(words.get("help"), f"{language}: {kind} {one.name}")

    def test_choices(self) -> None:
        """Each word that a choice takes is called something in each language."""
        for language in ("en", "de", "pt"):
            texts = _texts(language)
            for kind, section in KINDS.items():
                for one in options_of(section):
                    words = texts[kind.replace(" ", "_")][one.name]
                    wanted = _chosen(one)
                    self.assertEqual(
                        wanted, set(words.get("choices", ())), f"{language}: {kind} {one.name}"
                    )


def _chosen(one: Option) -> set[str]:
    """The choices that a person picks one of."""
    choices = set(one.kind.choices)
    is_list = "spaces or commas" in one.kind.allowed or len(choices) > 20
    return set() if choices == _NO_WORDS or is_list else choices
