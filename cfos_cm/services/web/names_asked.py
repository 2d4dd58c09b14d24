"""The names of accounts and tokens in what is asked."""

from __future__ import annotations

from cfos_cm.web.account_name import BadName, account_name
from cfos_cm.web.problem import Problem
from cfos_cm.web.route import Asked

__all__ = ["known_name", "new_name"]


def new_name(text: str) -> str:
    """
    What somebody is to be called.

    @raise Problem: 422 if nobody can be called so.
    """
    try:
        return account_name(text)
    except BadName as error:
        raise Problem(422, str(error)) from error


def known_name(asked: Asked) -> str:
    """How what the path names is called; empty, and so nobody, if nothing can be."""
    try:
        return account_name(asked.path["name"])
    except BadName:
        return ""
