"""The page knows what the program says, to say it in its own language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import cfos_cm

PACKAGE = Path(cfos_cm.__file__).parent
TEMPLATES = PACKAGE / "web" / "ui" / "src" / "i18n" / "templates.ts"

#: Where sentences are made that the page shows: reasons, warnings, answers to orders.
SPEAKERS = (
    "limits/*.py",
    "services/control_loop.py",
    "services/dismissal.py",
    "services/web/evse_orders.py",
    "services/web/evse_replies.py",
    "services/web/evse_view.py",
    "services/web/site_view.py",
    "site/state.py",
)

#: What is said to programmers, or is wrong with what only a program can have sent.
NOT_SHOWN = {
    "the rating is a ceiling for everybody",
    "outside limit",
    "in the next cycle",
    "its release",
    "a transaction has begun, and this order was not about it",
    "id_tag: holds a character that cannot be printed",
    "there is no EVSE",
}


def templates() -> list[str]:
    """The page's list of sentences."""
    text = TEMPLATES.read_text(encoding="utf-8")
    return re.findall(r'^  \w+:\s+"([^"]*)",$', text, flags=re.MULTILINE)


def fragments(source: str) -> Iterator[str]:
    """
    What a module says, without what changes: of a sentence with a name in the middle both ends.

    Neither its documentation nor what it logs, nor what is wrong with its own callers.
    """
    tree = ast.parse(source)
    silent = {id(one) for node in ast.walk(tree) if _is_silent(node) for one in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in silent:
            said = node.value
            if isinstance(said, str) and re.search("[a-z] [a-z]", said):
                yield from (part.strip() for part in said.split("; "))


def _is_silent(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="_log"))):
            return True
        case ast.Raise(exc=ast.Call(func=ast.Name(id="ValueError"))):
            return True
    return False


class SentencesTests(SynchronousTestCase):
    """Each is one of the page's; what it is in other languages the page's own tests ask."""

    def test_known(self) -> None:
        """A sentence that is new here has to be told in all languages."""
        known = "\n".join(templates()).replace("; ", "\n")
        paths = sorted(path for way in SPEAKERS for path in PACKAGE.glob(way))
        said = {
            (path.name, one)
            for path in paths
            for one in fragments(path.read_text(encoding="utf-8"))
        }
        self.assertGreater(len(said), 60)
        unknown = {one for one in said if one[1] not in known and one[1] not in NOT_SHOWN}
        self.assertEqual(set(), unknown)
