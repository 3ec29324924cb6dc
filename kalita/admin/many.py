"""
Serve with several processes on PostgreSQL: what the parent makes ready for all of them, and what each does.

Each writes in a lane of its own, dispatches, delivers; they meet in the database, and in the counters of rates, which
lie in memory that all of them have. Metrics of process K are at the port of metrics plus K.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from socket import socket

import click

from kalita.access.rates import Rates
from kalita.access.shared import shared_rates
from kalita.admin.processes import Parent, Work
from kalita.admin.running import Prepare, address_of, bound_to, may_serve, run, serve_app
from kalita.app import App
from kalita.clock import Clock
from kalita.observe import UP_SINCE, log, set_up_log
from kalita.outbound.targets import check_services
from kalita.settings import Settings

BACKLOG = 2048


def serve_many(load: Callable[[], Settings], prepare: Prepare | None = None) -> int:
    """
    Serve until a signal asks to stop; return the exit code.

    load     reads the settings; again when a signal asks for it
    prepare  see running.serve
    """
    settings = load()
    set_up_log(settings.log_level, settings.log_human)
    bound = bound_to("port", settings.host, settings.port)
    bound.listen(BACKLOG)
    metrics = [_metrics(settings, number) for number in range(settings.processes)]
    address = address_of(bound)
    announce = run(lambda: _prepared(settings, address, prepare))
    rates = shared_rates(settings.requests_a_minute, settings.bad_tokens_a_minute)
    parent = Parent(settings.processes, _work(settings, bound, metrics, rates))
    for number, second in enumerate(metrics):
        if second is not None:
            log.info("metrics", number=number, address=f"{address_of(second)}/metrics")

    def announced() -> None:
        log.info("listening", address=address, processes=settings.processes)
        announce()

    return parent.run(announced, partial(_again, load, bound, metrics, rates))


def _metrics(settings: Settings, number: int) -> socket | None:
    if settings.metrics_port < 0:
        return None
    port = settings.metrics_port + number if settings.metrics_port else 0
    return bound_to("metrics-port", settings.metrics_host, port)


async def _prepared(settings: Settings, address: str, prepare: Prepare | None) -> Callable[[], None]:
    """Bring the tables up to the code and do what comes before serving, once for all processes."""
    check_services(settings)
    app = await App.open(settings, Clock(), create=settings.demo)
    try:
        await may_serve(app)
        if prepare is None:
            return lambda: None
        await app.start()
        return await prepare(app, address)
    finally:
        await app.close()


def _again(load: Callable[[], Settings], bound: socket, metrics: list[socket | None], rates: Rates) -> Work | None:
    """Return the work of new processes with the settings as they are now; None when those are wrong."""
    try:
        settings = load()
    except click.UsageError as problem:
        log.error("not_reloaded", reason=problem.message)
        return None
    fresh = shared_rates(settings.requests_a_minute, settings.bad_tokens_a_minute)
    fresh.history, fresh.tests = rates.history, rates.tests
    return _work(settings, bound, metrics, fresh)


def _work(settings: Settings, bound: socket, metrics: list[socket | None], rates: Rates) -> Work:
    def work(number: int, alive: int, ready: Callable[[], None]) -> None:
        set_up_log(settings.log_level, settings.log_human)
        run(lambda: _serve(settings, bound, metrics[number], rates, alive, ready))

    return work


async def _serve(
    settings: Settings, bound: socket, second: socket | None, rates: Rates, alive: int, ready: Callable[[], None]
) -> None:
    """Be one of the processes. alive: closes when the parent is gone, however that happened"""
    loop = asyncio.get_running_loop()
    app = await App.open(settings, Clock(), serving=True)
    app.rates = rates
    app.public_url = settings.public_url or address_of(bound)

    def orphaned() -> None:
        loop.remove_reader(alive)
        os.kill(os.getpid(), signal.SIGTERM)

    def serving() -> None:
        UP_SINCE.set(time.time())
        loop.add_reader(alive, orphaned)
        ready()

    try:
        await app.start()
        await serve_app(app, bound, second, serving)
    finally:
        await app.close()
