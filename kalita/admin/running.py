"""
Run the server, and run short commands beside one.
"""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import uvloop

from kalita.app import App
from kalita.clock import Clock
from kalita.observe import UP_SINCE, log, set_up_log
from kalita.settings import Settings
from kalita.web.listen import bind, listen

Result = TypeVar("Result")


def run(work: Callable[[], Awaitable[Result]]) -> Result:
    """Run a coroutine to its end on uvloop."""

    async def main() -> Result:
        return await work()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


async def with_app(
    settings: Settings, work: Callable[[App], Awaitable[Result]], writes: bool = True, create: bool = False
) -> Result:
    """Open the installation, beside a live server or not, do some work, close it. writes: lease a lane for it."""
    app = await App.open(settings, create=create)
    try:
        if writes:
            await app.start()
        return await work(app)
    finally:
        await app.close()


async def serve(settings: Settings, prepare: Callable[[App, str], Awaitable[Callable[[], None]]] | None = None) -> None:
    """
    Serve until a signal asks to stop.

    prepare  called with the address before the server listens; what it returns is called once it does
    """
    set_up_log(settings.log_level, settings.log_human)
    bound = bind(settings.host, settings.port)
    app = await App.open(settings, Clock(), create=settings.demo)
    await app.start()
    host, port = bound.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    announce = await prepare(app, address) if prepare is not None else None
    metrics = None
    if settings.metrics_port >= 0:
        second = bind(settings.metrics_host, settings.metrics_port)
        log.info("metrics", address="http://{}:{}/metrics".format(*second.getsockname()[:2]))
        metrics = (app.metrics_server(), second)
    gc.freeze()
    try:
        await listen(app.server(), bound, metrics, lambda: _listening(address, announce))
    finally:
        await app.close()


def _listening(address: str, announce: Callable[[], None] | None) -> None:
    UP_SINCE.set(time.time())
    log.info("listening", address=address)
    if announce is not None:
        announce()
