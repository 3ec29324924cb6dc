"""
What the server tells its operator: a structured log on standard error, counters for Prometheus.

No personal data and no secrets go in: a request is logged by the pattern of its route, never by its address.
"""

import logging
import sys
from typing import Any

import msgspec
import structlog
from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("kalita_requests_total", "Answered requests", ("route", "status"))
SECONDS = Histogram(
    "kalita_request_seconds",
    "Time from the request's head to its answer",
    ("route",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
GROUP_SIZE = Histogram("kalita_group_orders", "Orders written by one commit", buckets=(1, 2, 4, 8, 16, 32, 64, 96, 128))
REFUSALS = Counter("kalita_refusals_total", "Refused calls", ("code",))
UP_SINCE = Gauge("kalita_started_seconds", "When this process began to listen, seconds since 1970")

log = structlog.stdlib.get_logger("kalita")


def _json(event: Any, **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()


def set_up_log(level: str = "info", human: bool = False) -> None:
    """Write events as JSON lines, or as lines for a person at a terminal. level: debug, info, warning, error."""
    shown = getattr(logging, level.upper())
    last = structlog.dev.ConsoleRenderer() if human else structlog.processors.JSONRenderer(_json)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(shown),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
