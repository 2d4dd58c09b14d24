"""What import-linter cannot see: which parts of Twisted a layer uses, and where."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import cfos_cm

_PACKAGE = Path(cfos_cm.__file__).parent

#: What a role may not touch: it is handed a clock, and text instead of sockets.
_NOT_FOR_ROLES = (
    "twisted.application",
    "twisted.internet.endpoints",
    "twisted.internet.protocol",
    "twisted.internet.reactor",
)


def _imported(node: ast.AST) -> Iterator[str]:
    """The modules, and the names in them, that one statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _modules(folder: Path) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield str(path.relative_to(_PACKAGE)), _parsed(path.read_text(encoding="utf-8"))


def _parsed(text: str, tries: int = 10) -> ast.Module:
    """
    The tree of a module.

    Early releases of Python 3.11 fail to make one, with a C{SystemError} about the depth of
    recursion, when another thread makes one at the same moment.
    """
    for _ in range(tries - 1):
        with contextlib.suppress(SystemError):
            return ast.parse(text)
    return ast.parse(text)


def _run_at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """Every statement that runs when the module is imported: those outside functions."""
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _run_at_import(child)


class Twisted(SynchronousTestCase):
    """The rules about Twisted that hold for the whole package."""

    def test_noReactorAtModuleLevel(self) -> None:
        """Importing any module installs no reactor: that is for whoever starts the program."""
        found = [
            name
            for name, tree in _modules(_PACKAGE)
            for node in _run_at_import(tree)
            for imported in _imported(node)
            if imported.startswith("twisted.internet.reactor")
        ]
        self.assertEqual([], found)

    def test_roles(self) -> None:
        """The Central System role uses Deferreds and interfaces, and nothing that opens."""
        found = [
            f"{name}: {imported}"
            for name, tree in _modules(_PACKAGE / "central_system")
            for node in ast.walk(tree)
            for imported in _imported(node)
            if imported.startswith(_NOT_FOR_ROLES)
        ]
        self.assertEqual([], found)

    def test_seesImports(self) -> None:
        """The search finds what it looks for, also inside classes and under conditions."""
        tree = ast.parse(
            "class A:\n    if True:\n        from twisted.internet import reactor\n"
            "def f():\n    import twisted.application\n"
        )
        at_import = [name for node in _run_at_import(tree) for name in _imported(node)]
        self.assertEqual(["twisted.internet.reactor"], at_import)
        anywhere = {name for node in ast.walk(tree) for name in _imported(node)}
        self.assertIn("twisted.application", anywhere)
