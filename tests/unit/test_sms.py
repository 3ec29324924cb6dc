"""Ways for short messages to get to phones."""

import asyncio
import stat
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kalita.messages.sms import Drawer, Gateways, Nowhere, Screen, way_of
from kalita.settings import BadSetting
from kalita.storage.engine import Unavailable

NUMBER = 79991112233


def send(way: Any, text: str = "Код для входа: 012345.") -> None:
    """Send a message."""
    asyncio.run(way.send(NUMBER, text))


def test_the_setting_names_the_way(tmp_path: Path) -> None:
    """Nothing, the screen, a folder, or an address."""
    assert isinstance(way_of("", tmp_path), Nowhere)
    assert isinstance(way_of("screen", tmp_path), Screen)
    assert isinstance(way_of("outbox", tmp_path), Drawer)


def test_without_a_way_nothing_is_sent() -> None:
    """The refusal names the setting."""
    with pytest.raises(Unavailable, match="sms"):
        send(Nowhere())


def test_screen_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, beside the log and not in it."""
    send(Screen())
    assert capsys.readouterr().err == f"SMS to {NUMBER}: Код для входа: 012345.\n"


def test_drawer_keeps_each_message(tmp_path: Path) -> None:
    """A file for each, in order, whole, for its owner's eyes only."""
    way = Drawer(tmp_path / "outbox")
    for text in ("one", "два"):
        send(way, text)
    files = sorted((tmp_path / "outbox").iterdir())
    assert [file.read_text("utf-8") for file in files] == ["one\n", "два\n"]
    assert all(file.name.endswith(f"-{NUMBER}.sms") for file in files)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


class FakeApprise:
    """What is not ours: notes what it is given, and does as it is told."""

    knows, takes = True, True
    given: tuple[tuple[str, str], ...] = ()

    def __init__(self) -> None:
        self._address = ""

    def add(self, address: str) -> bool:
        """Take an address."""
        self._address = address
        return self.knows

    async def async_notify(self, body: str) -> bool:
        """Take a message."""
        type(self).given += ((self._address, body),)
        return self.takes


@pytest.fixture
def apprise(monkeypatch: pytest.MonkeyPatch) -> type[FakeApprise]:
    """Stand in for the library, which is an optional extra."""
    module = ModuleType("apprise")
    kind = type("Apprise", (FakeApprise,), {})
    module.Apprise = kind  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "apprise", module)
    return kind


def test_gateway_gets_the_number_and_the_text(apprise: type[FakeApprise], tmp_path: Path) -> None:
    """The number stands where the address has it."""
    send(way_of("twilio://sid:token@15551234567/{number}", tmp_path), "hello")
    assert apprise.given == ((f"twilio://sid:token@15551234567/{NUMBER}", "hello"),)


@pytest.mark.parametrize("fault", ["knows", "takes"])
def test_gateway_that_does_not_take_it(apprise: type[FakeApprise], fault: str) -> None:
    """Unavailable, and neither number nor text is in what is said."""
    setattr(apprise, fault, False)
    with pytest.raises(Unavailable) as problem:
        send(Gateways("x://{number}"), "secret")
    assert "secret" not in str(problem.value)
    assert str(NUMBER) not in str(problem.value)


def test_an_address_that_no_gateway_has_is_refused_before_anybody_waits_for_a_code(
    apprise: type[FakeApprise], tmp_path: Path
) -> None:
    """When the installation is opened, not at the first code."""
    apprise.knows = False
    with pytest.raises(BadSetting, match="sms") as problem:
        way_of("twillio://sid:token@15551234567/{number}", tmp_path)
    assert "token" not in str(problem.value)


def test_gateway_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names an address needs the extra."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(BadSetting, match="kalita"):
        Gateways("x://{number}")
