"""The clock of a demonstration is moved beside its live server, on both engines."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from kalita.app import App
from kalita.settings import Settings
from tests.api.house import payment
from tests.api.live import live
from tests.commands import installed, kalita, refused, wrong
from tests.servers import demo

WITHIN_S = 2.5


def soon(true: Callable[[], bool]) -> None:
    """Wait until something is true, for as long as a live server may take."""
    ends = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_months_and_the_life_of_tokens_pass(tmp_path: Path, engine: str) -> None:
    """Limits begin anew in the next month, history is dated by the moved clock, and 180 days end a token."""
    with demo(tmp_path, engine=engine) as server, live(server, server.wallets[0]) as owner:
        where = ("--data", server.data, *(("--database", server.database) if server.database else ()))
        count = "/qw-limits/v1/persons/{w}/p2p-payment-count-limit"
        assert owner.pay(payment(server.wallets[1].number)).status_code == 200
        assert owner.told(count) == {"p2pPaymentCountLimit": 1}
        before = kalita("clock", "show", "--json", *where).json
        assert before["moved_s"] == 0
        after = kalita("clock", "advance", "32d", "--json", *where).json
        assert after["moved_s"] == 32 * 86_400
        soon(lambda: owner.told(count) == {"p2pPaymentCountLimit": 0})
        soon(lambda: _dated(owner, server.wallets[1].number) == after["now"][:10])
        assert owner.told(count)["p2pPaymentCountLimit"] > 0
        refused(kalita("clock", "set", before["now"], *where), "behind the books")
        assert kalita("clock", "advance", "149d", *where).code == 0
        soon(lambda: owner.get(count).status_code == 401)
        assert kalita("audit", *where).code == 0
    with demo(tmp_path, engine=engine) as server, live(server, server.wallets[0]) as owner:
        limits = owner.told("/qw-limits/v1/persons/{w}/actual-limits?types=TURNOVER")["limits"]["RU"][0]
        assert limits["interval"]["dateFrom"] > after["now"]


def _dated(owner: object, payee: int) -> str:
    assert owner.pay(payment(payee)).status_code == 200
    return owner.told("/payment-history/v2/persons/{w}/payments", rows="1")["data"][0]["date"][:10]


def test_real_money_has_a_real_clock(tmp_path: Path) -> None:
    """Of an installation that is no demonstration nothing can be moved, not even past the program."""
    data = installed(tmp_path / "data", "79991112233")
    for words in (("show",), ("advance", "1d"), ("set", "2030-01-01T00:00:00Z")):
        refused(kalita("clock", *words, "--data", data), "demonstration")


@pytest.mark.parametrize("words", [
    ("advance", "1"), ("advance", "1w"), ("advance", "-1d"), ("advance", "0s"), ("advance", "1.5h"), ("advance", "٣d"),
    ("advance", "40000d"), ("set", "tomorrow"), ("set", "2026-01-01"), ("set", ""),
])  # fmt: skip
def test_wrong_time_is_named(tmp_path: Path, words: tuple[str, str]) -> None:
    """Exit code 2, and the line shows what would be right."""
    wrong(kalita("clock", words[0], "--data", tmp_path, "--", words[1]), "Invalid value")


def test_clock_may_be_set(tmp_path: Path) -> None:
    """To a moment ahead, and back while the books allow it."""
    with demo(tmp_path) as server:
        told = kalita("clock", "set", "2031-05-05T10:00:00+03:00", "--json", "--data", server.data).json
        assert told["now"][:18] == "2031-05-05T10:00:0"
        soon(lambda: "2031" in httpx.get(f"{server.url}/nothing").json()["dateTime"])
        back = kalita("clock", "set", "2030-05-05T10:00:00+03:00", "--data", server.data)
        assert back.code == 0
        assert "2030-05-05" in back.out


def test_clock_ends_where_ids_do(tmp_path: Path) -> None:
    """Neither command gets there, the books go on, and the line says how far the clock goes."""
    with demo(tmp_path) as server, live(server, server.wallets[0]) as owner:
        for words in (("set", "2090-01-01T00:00:00Z"), ("advance", "36600d"), ("set", "9990-01-01T00:00:00Z")):
            wrong(kalita("clock", *words, "--data", server.data), "2089-09-05")
        assert kalita("clock", "show", "--json", "--data", server.data).json["moved_s"] == 0
        assert kalita("clock", "set", "2089-09-05T00:00:00Z", "--data", server.data).code == 0
        soon(lambda: "2089" in httpx.get(f"{server.url}/nothing").json()["dateTime"])
        assert owner.get("/funding-sources/v2/persons/{w}/accounts").status_code == 401


def test_production_never_takes_a_moved_clock(tmp_path: Path, engine: str) -> None:
    """Books that are a demonstration's are not served as real ones; and a server of real ones does not look there."""
    with demo(tmp_path, engine=engine) as server:
        assert kalita("clock", "advance", "32d", *server.place).code == 0
    for processes in ("1", "2") if engine == "postgres" else ("1",):
        options = ("--port", "0", "--metrics-port", "-1", "--processes", processes)
        refused(kalita("serve", *options, *server.place), "demonstration", "kalita demo", "kalita init")
    assert asyncio.run(_offset(Settings(data=server.data, database=server.database))) == 0


async def _offset(settings: Settings) -> int:
    app = await App.open(settings, serving=True)
    try:
        return app.clock.offset
    finally:
        await app.close()
