"""The local authorisation list in a file."""

from __future__ import annotations

from . import cases, lists_contract


class SqliteTagList(cases.SqliteCase, lists_contract.TagListContract):
    """A list in a file keeps every promise of a list."""
