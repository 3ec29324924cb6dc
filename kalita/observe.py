"""
What the server tells its operator: a structured log on standard error, counters for Prometheus.

No personal data and no secrets go in: a request is logged by the pattern of its route, never by its address.
"""

import logging
import sys
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import suppress
from itertools import accumulate
from typing import Any, TextIO, cast

import msgspec
import structlog
from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)


class RouteFigures:
    """Answers of one route: how many with each status, how many within each bound, seconds in all."""

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self.within = [0] * (len(BOUNDS_S) + 1)
        self.seconds = 0.0

    def count(self, status: int, seconds: float) -> None:
        """Count an answer."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.within[bisect_left(BOUNDS_S, seconds)] += 1
        self.seconds += seconds


class Routes(Collector):
    """
    The figures of every route, given to Prometheus when it asks: counting itself takes no lock.

    answered  requests of all routes so far
    """

    def __init__(self) -> None:
        self._figures: dict[str, RouteFigures] = {}
        self.answered = 0

    def of(self, route: str) -> RouteFigures:
        """Return the figures of a route."""
        return self._figures.setdefault(route, RouteFigures())

    def collect(self) -> Iterator[Metric]:
        """Give the figures as Prometheus has them."""
        requests = CounterMetricFamily("kalita_requests", "Answered requests", labels=("route", "status"))
        times = HistogramMetricFamily(
            "kalita_request_seconds", "Time from the request's head to its answer", labels=("route",)
        )
        names = [*map(str, BOUNDS_S), "+Inf"]
        for route, figures in self._figures.items():
            for status, count in figures.statuses.items():
                requests.add_metric((route, str(status)), count)
            buckets = list(zip(names, accumulate(figures.within), strict=True))
            times.add_metric((route,), buckets, figures.seconds)
        yield requests
        yield times


ROUTES = Routes()
REGISTRY.register(ROUTES)
GROUP_SIZE = Histogram("kalita_group_orders", "Orders written by one commit", buckets=(1, 2, 4, 8, 16, 32, 64, 96, 128))
REFUSALS = Counter("kalita_refusals_total", "Refused calls", ("code",))
DELIVERIES = Counter("kalita_deliveries_total", "Attempts to deliver a message", ("channel", "outcome"))
UP_SINCE = Gauge("kalita_started_seconds", "When this process began to listen, seconds since 1970")

log = structlog.stdlib.get_logger("kalita")


class _Stderr:
    """Standard error, as far as it takes what is written: a log that cannot be written holds up no answer."""

    def write(self, text: str) -> None:
        """Write a line, or lose it."""
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        """Let it go out, or keep it for later."""
        with suppress(OSError):
            sys.stderr.flush()


def _json(event: Any, **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()


def set_up_log(level: str = "info", human: bool = False) -> None:
    """Write events as JSON lines, or as lines for a person at a terminal. level: debug, info, warning, error."""
    shown = getattr(logging, level.upper())
    person = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    last = person if human else structlog.processors.JSONRenderer(_json)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(shown),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Stderr())),
        cache_logger_on_first_use=True,
    )
    vars(log).pop("bind", None)  # what its first use kept, of the settings of before
