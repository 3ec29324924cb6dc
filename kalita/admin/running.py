"""
Run the server, and run short commands beside one.

What the world or the books refuse ends a command with exit code 1 and one line that says what to do next.
"""

import asyncio
import errno
import gc
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click
import uvloop

from kalita.app import App
from kalita.clock import DEMO
from kalita.keys import BadKey
from kalita.ledger.writer import Fault
from kalita.observe import set_up_log
from kalita.settings import BadSetting, Settings
from kalita.storage.engine import Unavailable
from kalita.storage.migrate import NewerDatabase
from kalita.storage.postgres.connection import Unsafe
from kalita.web.listen import bind, listen

Result = TypeVar("Result")


class Refused(click.ClickException):
    """The command was understood and not done: exit code 1. The text says why, and what to do next."""

    exit_code = 1


def run(work: Callable[[], Awaitable[Result]]) -> Result:
    """Run a coroutine to its end on uvloop; what an operator can mend ends it with one line and exit code 1."""

    async def main() -> Result:
        return await work()

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main())
    except (BadSetting, BadKey, NewerDatabase, Unsafe) as problem:
        raise Refused(str(problem)) from None
    except Unavailable as problem:
        raise Refused(f"the database cannot be used: {problem}. Nothing is known to be done") from None
    except Fault as problem:
        raise Refused(f"{problem}; nothing was done, the log says why") from None
    except OSError as problem:
        raise cannot_use(problem) from None


def cannot_use(problem: OSError) -> Refused:
    """Return the refusal of a command that could not use a file or an address."""
    where = f"{problem.filename}: " if problem.filename else ""
    return Refused(f"{where}{problem.strerror or problem}; check the path and who may use it")


async def with_app(
    settings: Settings, work: Callable[[App], Awaitable[Result]], writes: bool = True, create: bool = False
) -> Result:
    """
    Open the installation, beside a live server or not, do some work, close it.

    writes  lease a lane of the ledger for it: only who moves money or opens accounts needs one
    """
    set_up_log("warning", human=True)
    app = await App.open(settings, create=create)
    try:
        if writes:
            await app.start()
        return await work(app)
    finally:
        await app.close()


Prepare = Callable[[App, str], Awaitable[Callable[[], None]]]
"""Called with the address before a server listens; what it returns is called once it does."""


async def may_serve(app: App) -> None:
    """Refuse to serve a demonstration's books as real ones. raises: Refused"""
    if not app.settings.demo and await app.engine.one("meta_get", DEMO) is not None:
        raise Refused(
            "these books are a demonstration's, with play money and a clock that may have been moved: "
            "serve them with `kalita demo`, or make real ones in another place with `kalita init`"
        )


async def serve_app(
    app: App,
    bound: socket.socket,
    second: socket.socket | None,
    ready: Callable[[], None],
    is_over: Callable[[], bool] | None = None,
) -> bool:
    """
    Let an installation listen until a signal asks to stop, or it is over; tell whether a signal asked.

    second  the address of metrics
    """
    metrics = None if second is None else (app.metrics_server(), second)
    gc.freeze()
    gc.set_threshold(50_000)
    return await listen(app.server(), bound, metrics, ready, is_over)


def bound_to(option: str, host: str, port: int) -> socket.socket:
    """Bind an address; one that cannot be had ends the command with a line that names the option."""
    try:
        return bind(host, port)
    except OSError as problem:
        raise cannot_listen(
            problem, host, port, f"--{option}", option.replace("port", "host").replace("-", "_")
        ) from None


def cannot_listen(problem: OSError, host: str, port: int, port_option: str, host_setting: str) -> Refused:
    """Return the refusal of a command that could not listen: what is wrong decides what to do about it."""
    reason = (problem.strerror or str(problem)).lower()
    help_ = {
        errno.EADDRINUSE: f"Stop what listens there, or choose another {port_option}",
        errno.EACCES: f"Ports below 1024 are the system's: choose another {port_option}",
    }.get(problem.errno or 0, f"`{host_setting}` has to be an address of this machine")
    return Refused(f"cannot listen on {host}, port {port}: {reason}. {help_}")


def address_of(bound: socket.socket) -> str:
    """Return the URL of a bound address."""
    host, port = bound.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
