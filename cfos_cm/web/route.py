"""One thing that can be asked over HTTP: where, by whom, in which form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from attrs import field, frozen

from cfos_cm.web.answer import Answer
from cfos_cm.web.role import Caller, Role

__all__ = ["API", "Asked", "Handler", "Route"]

#: Where all routes of the API begin.
API = "/api/v1"


@frozen
class Asked:
    """
    What somebody asks.

    @ivar path: the values of the path's C{{names}}, decoded.
    @ivar query: an instance of the route's C{query}; C{None} where it has none.
    @ivar body: an instance of the route's C{body}, or bytes; C{None} where it has none.
    @ivar if_match: the state that the asker believes in; C{None}: he does not say.
    @ivar accept: the media types that he takes, as he said it.
    @ivar is_secure: whether he asks over TLS, at a proxy that is trusted or here.
    """

    caller: Caller
    path: Mapping[str, str]
    query: Any = None
    body: Any = field(default=None, repr=False)
    if_match: str | None = None
    accept: str = ""
    is_secure: bool = False


#: Answers; fails with a L{Problem<cfos_cm.web.problem.Problem>} or another
#: L{cfos_cm.errors.CfosError}, whose text is for whoever asks.
Handler = Callable[[Asked], Awaitable[Answer]]


@frozen(kw_only=True)
class Route:
    """
    One thing that can be asked.

    @ivar method: C{GET}, C{POST}, C{PUT}, C{PATCH} or C{DELETE}. A GET changes nothing.
    @ivar path: such as C{/api/v1/evses/{name}}.
    @ivar role: the least that who asks has to have.
    @ivar summary: a sentence for the OpenAPI document.
    @ivar tag: the heading that it stands below there.
    @ivar query: the parameters behind the question mark, all of them optional.
    @ivar body: what it is told; a Struct, or C{bytes} for a file.
    @ivar body_media: the media type of the body.
    @ivar answer: what it answers as JSON; C{None}: nothing, or no JSON.
    @ivar media: what it can answer with.
    @ivar done: the status of the answer where it has been done; 204 where there is none.
    @ivar problems: the statuses of its problems, besides those that each such route can have.
    @ivar is_audited: whether it is noted who has asked; for all but a GET it is.
    @ivar max_body_bytes: a longer body is refused.
    """

    method: str
    path: str
    role: Role
    handle: Handler
    summary: str
    tag: str
    query: type[msgspec.Struct] | None = None
    body: type[Any] | None = None
    body_media: str = "application/json"
    answer: Any = None
    media: tuple[str, ...] = ("application/json",)
    done: int = 200
    problems: tuple[int, ...] = ()
    is_audited: bool = True
    max_body_bytes: int = 1024 * 1024
