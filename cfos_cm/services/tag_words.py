"""What is said to whoever changes the local authorisation list."""

from __future__ import annotations

__all__ = ["LIST_IS_EMPTY", "LIST_IS_EMPTY_NOW", "TAG_IS_FIRST"]

TAG_IS_FIRST = "it is the first one: from now on only tags on the list may charge"
LIST_IS_EMPTY = "the list is empty: everybody may charge"
LIST_IS_EMPTY_NOW = "the list is empty now: everybody may charge"
