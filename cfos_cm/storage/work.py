"""What the writer's thread is asked to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["CommonWork", "Share", "Work"]

# As texts: whoever only hands work over does not pay for the import of SQLAlchemy.
Work: TypeAlias = "Callable[[Connection], Any]"
CommonWork: TypeAlias = "Callable[[Connection, Sequence[Any]], None]"


@frozen
class Share:
    """
    One thing of many that are cheaper to do together.

    @ivar work: is given the items of all the shares that wait one behind the other.
    """

    work: CommonWork
    item: Any
