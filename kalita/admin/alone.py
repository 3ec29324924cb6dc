"""
Serve with one process. SIGHUP: the settings are read again, and the server starts anew with them, in the same process.

There are never two servers on one file. The addresses stay open meanwhile: a call that comes between the last answer of
the old server and the start of the new one waits, and is answered.
"""

import gc
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from kalita.admin.running import Prepare, Refused, address_of, bound_to, may_serve, run, serve_app
from kalita.app import App
from kalita.clock import Clock
from kalita.observe import UP_SINCE, log, set_up_log
from kalita.settings import Settings


class Alone:
    """
    One server after another, with the settings of its time.

    load     reads the settings; again when a signal asks for it
    prepare  see running.Prepare
    """

    def __init__(self, load: Callable[[], Settings], prepare: Prepare | None = None) -> None:
        self._load, self._prepare = load, prepare
        self._settings = load()
        self._before: Settings | None = None
        self._next: Settings | None = None
        self._asked = False

    def run(self) -> None:
        """Serve until a signal asks to stop."""
        if not os.isatty(0):  # what was started at a terminal ends with it
            signal.signal(signal.SIGHUP, self._hang_up)
        first = self._settings
        set_up_log(first.log_level, first.log_human)
        self._bound, self._second = bound_to("port", first.host, first.port), None
        if first.metrics_port >= 0:
            self._second = bound_to("metrics-port", first.metrics_host, first.metrics_port)
        while self._goes_on():
            gc.unfreeze()
            gc.collect()
            set_up_log(self._settings.log_level, self._settings.log_human)

    def _goes_on(self) -> bool:
        """Serve with the settings of now; tell whether there are others to go on with."""
        try:
            if run(self._serve) or self._next is None:
                return False
        except Refused as problem:
            if self._before is None:
                raise
            log.error("not_reloaded", reason=problem.message)
            self._settings, self._before = self._before, None
            return True
        self._before, self._settings, self._next = self._settings, self._next, None
        return True

    async def _serve(self) -> bool:
        """Serve until a signal asks to stop, or to read the settings again; tell whether it is to stop."""
        app = await App.open(self._settings, Clock(), create=self._settings.demo, serving=True)
        try:
            await may_serve(app)
            await app.start()
            address = address_of(self._bound)
            app.public_url = self._settings.public_url or address
            announce = await self._prepare(app, address) if self._prepare is not None else None
            second = self._second
            if second is not None:
                log.info("metrics", address=f"{address_of(second)}/metrics")
            return await serve_app(
                app,
                self._bound.dup(),
                second.dup() if second is not None else None,
                lambda: self._listening(address, announce),
                self._is_over,
            )
        finally:
            await app.close()

    def _listening(self, address: str, announce: Callable[[], None] | None) -> None:
        UP_SINCE.set(time.time())
        log.info("reloaded" if self._before is not None else "listening", address=address)
        self._before = None
        if announce is not None:
            announce()

    def _hang_up(self, *_: Any) -> None:
        self._asked = True

    def _is_over(self) -> bool:
        """Tell whether a signal asked for other settings, and they can be used."""
        if self._asked:
            self._asked = False
            try:
                self._next = replace(self._load(), processes=1)
            except click.UsageError as problem:
                log.error("not_reloaded", reason=problem.message)
        return self._next is not None
