"""Two calls for whoever runs the server: is it well, and its figures for Prometheus."""

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from kalita.refusals import UNAVAILABLE
from kalita.storage.engine import Engine
from kalita.wire.endpoint import Answer, Call, Caller, Endpoint, Rate


class Health(msgspec.Struct):
    """`ok` when the database answers."""

    status: str


class Status:
    """Tell how the server is."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def health(self, call: Call) -> bytes:
        """Answer ok after a look into the database; 503 when it cannot be reached."""
        await self._engine.one("meta_get", "key_check")
        return msgspec.json.encode(Health("ok"))

    async def metrics(self, call: Call) -> Answer:
        """Answer the figures in Prometheus' text form."""
        return Answer(generate_latest(), content_type=CONTENT_TYPE_LATEST.encode())


HEALTH = Endpoint(
    "GET",
    "/health",
    Status,
    Status.health,
    "Whether the server is well",
    "design.md What runs",
    caller=Caller.ANYONE,
    answers=Health,
    refusals=(UNAVAILABLE,),
    rate=Rate.NONE,
    sampled=True,
)

ROWS = (HEALTH,)

METRICS_ROWS = (
    HEALTH,
    Endpoint(
        "GET",
        "/metrics",
        Status,
        Status.metrics,
        "Figures for Prometheus",
        "design.md What runs",
        caller=Caller.ANYONE,
        media="text/plain",
        rate=Rate.NONE,
        sampled=True,
    ),
)
