"""The local authorisation list in a file."""

from __future__ import annotations

from . import cases, contracts


class SqliteTagList(cases.SqliteCase, contracts.TagListContract):
    """A list in a file keeps every promise of a list."""
