"""
Short messages to phones, by one of several ways.

    Screen    shown on standard error: for who tries the program out
    Drawer    a folder: the outbox of a demonstration, and of tests
    Gateways  whatever Apprise knows, an optional extra: `pip install kalita[sms]`
    Nowhere   no way is set up: nothing can be confirmed by a code
"""

import itertools
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from kalita.settings import BadSetting
from kalita.storage.engine import Unavailable

EXAMPLE = "79991112233"
UNKNOWN = "the setting `sms` is no address that Apprise knows"

_counter = itertools.count(1)


class Sms(Protocol):
    """A way to a phone."""

    async def send(self, number: int, text: str) -> None:
        """Send a text; raise Unavailable when it was not taken."""


class Nowhere:
    """No way at all."""

    async def send(self, number: int, text: str) -> None:
        """Refuse. See Sms."""
        raise Unavailable("no way to send short messages is set up: see the setting `sms`")


class Screen:
    """Show messages to whoever sits at the terminal; they are in no log."""

    async def send(self, number: int, text: str) -> None:
        """Show a message. See Sms."""
        sys.stderr.write(f"SMS to {number}: {text}\n")


class Drawer:
    """Write each message into a file of a folder, readable by its owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, number: int, text: str) -> None:
        """Write a message down, at once and whole. See Sms."""
        try:
            self._write(number, text)
        except OSError as problem:
            raise Unavailable(f"the folder of short messages took none: {problem}") from None

    def _write(self, number: int, text: str) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{os.getpid()}-{next(_counter):06}-{number}"
        partial = self._folder / f"{name}.part"
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text + "\n")
        partial.replace(partial.with_suffix(".sms"))


class Gateways:
    """
    Send through Apprise.

    address  one of Apprise's, `{number}` stands for the phone: `twilio://SID:TOKEN@FROM/{number}`
    """

    def __init__(self, address: str) -> None:
        self._address = address
        try:
            self._apprise: Any = import_module("apprise")
        except ImportError:
            raise BadSetting(
                "the setting `sms` needs a library more: .venv/bin/python -m pip install 'kalita[sms]'"
            ) from None

    async def send(self, number: int, text: str) -> None:
        """Hand a message to the gateway. See Sms."""
        way = self._apprise.Apprise()
        if not way.add(self._address.replace("{number}", str(number))):
            raise Unavailable(UNKNOWN)
        if not await way.async_notify(body=text):
            raise Unavailable("the gateway for short messages did not take the message")

    def knows(self) -> bool:
        """Tell whether Apprise can make something of the address."""
        return bool(self._apprise.Apprise().add(self._address.replace("{number}", EXAMPLE)))


def way_of(chosen: str, folder: Path) -> Sms:
    """
    Return the way that the setting names: nothing, `screen`, `outbox`, or an address of Apprise.

    raises  BadSetting where Apprise is not there, or does not know the address
    """
    if not chosen:
        return Nowhere()
    if chosen == "screen":
        return Screen()
    if chosen == "outbox":
        return Drawer(folder)
    gateways = Gateways(chosen)
    if not gateways.knows():
        raise BadSetting(UNKNOWN)
    return gateways
