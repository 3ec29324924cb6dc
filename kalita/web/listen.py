"""
Listen: uvicorn supervises the sockets, the signals and the graceful stop; connections speak our protocol.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn

from kalita.web.protocol import Protocol

SLOWEST_REQUEST_S = 30
KEEP_ALIVE_S = 75
DRAIN_S = 20
LOOK_S = 0.1


async def _sweep(server: uvicorn.Server) -> None:
    """
    End connections whose request has been arriving for too long, or that have been idle for too long.

    They are cut, not closed: closing would wait until a client that does not read has taken its last answer.
    """
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SLOWEST_REQUEST_S / 6)
        for protocol in list(server.server_state.connections):
            assert isinstance(protocol, Protocol)
            now = loop.time()
            slow = protocol.begun_at is not None and now - protocol.begun_at > SLOWEST_REQUEST_S
            idle = protocol.idle_since is not None and now - protocol.idle_since > KEEP_ALIVE_S
            if slow or idle:
                protocol.transport.abort()


class _Main(uvicorn.Server):
    """
    The first server of the process: a signal asks it to stop.

    is_asked  whether one did
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_asked = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; only a second SIGINT of somebody at a terminal waits for nothing (uvicorn)."""
        if self.is_asked or not self.should_exit:
            super().handle_exit(sig, frame)
        self.is_asked = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal; uvicorn's own way raises it again at the end, and whoever closes after us never would."""
        loop, numbers = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


class _Quiet(uvicorn.Server):
    """A second server of the process: the first one handles the signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """Bind an address. port 0: any free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def _configured(application: Any) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=Protocol,
        loop="none",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="error",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_graceful_shutdown=DRAIN_S,
    )


async def listen(
    application: Any,
    bound: socket.socket,
    metrics: tuple[Any, socket.socket] | None,
    ready: Callable[[], None],
    is_over: Callable[[], bool] | None = None,
) -> bool:
    """
    Serve until a signal asks to stop, or it is over; then let requests finish. Tell whether a signal asked.

    metrics  the application and the address that only the operator reaches
    ready    called once the address listens
    is_over  asked ten times a second from then on
    """
    server = _Main(_configured(application))
    helpers = [asyncio.create_task(_sweep(server)), asyncio.create_task(_when_started(server, ready, is_over))]
    second = _Quiet(_configured(metrics[0])) if metrics else None
    if second and metrics:
        helpers.append(asyncio.create_task(second.serve([metrics[1]])))
    await server.serve([bound])
    if second:
        second.should_exit = True
        await helpers.pop()
    for helper in helpers:
        helper.cancel()
    return server.is_asked


async def _when_started(server: uvicorn.Server, ready: Callable[[], None], is_over: Callable[[], bool] | None) -> None:
    while not server.started:
        await asyncio.sleep(0.005)
    ready()
    if is_over is not None:
        while not is_over():
            await asyncio.sleep(LOOK_S)
        server.should_exit = True
