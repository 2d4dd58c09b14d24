"""
What the classes of messages say of their fields, in a form that is quick to ask.

msgspec says only whether all of a payload is right. Whoever has to know which part of it is not
asks here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import GenericAlias
from typing import cast

import msgspec
from attrs import frozen
from msgspec import Struct, inspect

__all__ = ["Fit", "Form", "fit_of", "form_of", "shape_of"]

#: Says whether a value is as it should be.
Fit = Callable[[object], bool]


@cache
def shape_of(kind: type[Struct]) -> inspect.StructType:
    """The fields of a class and their types."""
    return cast(inspect.StructType, inspect.type_info(kind))


@frozen
class Form:
    """
    What an object of some class looks like.

    @ivar kind: the class.
    @ivar fields: by their names on the wire.
    @ivar fits: whether a value is as it should be, for those fields that hold a single one.
    @ivar required: the names of the fields that have to be there.
    @ivar row: the type of a list of such objects.
    """

    kind: type[Struct]
    fields: Mapping[str, inspect.Field]
    fits: Mapping[str, Fit]
    required: frozenset[str]
    row: GenericAlias

    def is_that_of_all(self, found: list[object]) -> bool:
        """Whether the class will take all of these objects, as they are."""
        try:
            msgspec.convert(found, self.row)
        except msgspec.ValidationError:
            return False
        return True


@cache
def form_of(kind: type[Struct]) -> Form:
    """What objects of the class C{kind} look like."""
    fields = {field.encode_name: field for field in shape_of(kind).fields}
    return Form(
        kind,
        fields,
        {
            name: fit
            for name, field in fields.items()
            if (fit := fit_of(field.type)) is not None
        },
        frozenset(name for name, field in fields.items() if field.required),
        GenericAlias(list, (kind,)),
    )


def fit_of(shape: inspect.Type) -> Fit | None:
    """
    What tells whether a value will be taken; C{None} for objects and lists.

    It may say yes to a value that is refused, but never no to one that is taken.
    """
    match shape:
        case inspect.StructType() | inspect.VarTupleType():
            return None
        case inspect.StrType(max_length=None):
            return lambda found: type(found) is str
        case inspect.StrType(max_length=int() as limit):
            return lambda found: type(found) is str and len(found) <= limit
        case inspect.EnumType(cls=words):
            texts = frozenset(str(word.value) for word in words)
            return lambda found: isinstance(found, str) and found in texts
        case inspect.IntType():
            return lambda found: type(found) is int
        case inspect.FloatType():
            return lambda found: type(found) in (int, float)
        case _:
            return lambda found: type(found) is bool
