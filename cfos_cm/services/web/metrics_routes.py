"""C{/metrics}: numbers for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from cfos_cm.web.answer import Answer, Content
from cfos_cm.web.role import Role
from cfos_cm.web.route import Asked, Route

__all__ = ["metrics_routes"]


def metrics_routes(registry: CollectorRegistry, *, is_open: bool) -> tuple[Route, ...]:
    """
    C{GET /metrics}.

    @param is_open: for anybody; else for whoever has a token.
    """

    async def metrics(asked: Asked) -> Answer:
        encode, media_type = _encoder(asked.accept)
        return Content(content=encode(registry), media_type=media_type)

    return (
        Route(
            method="GET",
            path="/metrics",
            role=Role.ANYBODY if is_open else Role.VIEWER,
            handle=metrics,
            summary="The site in numbers, in the format of Prometheus.",
            tag="Watching over it",
            media=("text/plain", "application/openmetrics-text"),
        ),
    )


def _encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    try:
        return choose_encoder(accept)
    except (TypeError, ValueError):
        # It names a version that is none.
        return choose_encoder("")
