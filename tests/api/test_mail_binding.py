"""
A mail address is bound by a note that really was sent there. Source: profile.md 1.
"""

import re
import time
from collections.abc import Iterator

import pytest

from kalita.people.mail_binding import MOST_A_DAY, Problem
from tests.api.house import House
from tests.books import Hand
from tests.mailbox import mailbox
from tests.servers import database_of, demo

PAGE = "https://wallet.example/settings/mail"
DAY = 86_400


def note_in(text: str) -> str:
    """Return the note of a mail."""
    found = re.search(re.escape(PAGE) + r"\?note=(\S+)", text)
    assert found
    return found[1]


def test_note_of_a_real_mail_binds_the_address(tmp_path_factory: pytest.TempPathFactory, engine: str) -> None:
    """Once; the profile shows it; an older note of another address holds no more."""
    folder = tmp_path_factory.mktemp("binding")
    with mailbox() as box, demo(folder, environment=box.settings, engine=engine) as server:
        settings = {"smtp_host": "127.0.0.1", "smtp_port": box.port, "smtp_tls": "none"}
        hand = Hand(time.time_ns())
        house = House(server.data, create=False, database=server.database, hand=hand, settings=settings)
        who, binding = house.wallet(), house.app.mail_binding
        assert house.run(binding.ask(who.number, "anna@example.org", PAGE)) is None
        assert house.run(binding.ask(who.number, "other@example.org", PAGE, "en")) is None
        with box.arrived:
            assert box.arrived.wait_for(lambda: len(box.mails) == 2, 20)
        mails = {mail["To"]: mail for mail in box.mails}
        assert mails["anna@example.org"]["Subject"] == "Подтвердите адрес почты"
        assert "nothing to do" in mails["other@example.org"].get_content()
        first, second = (note_in(mails[to].get_content()) for to in ("anna@example.org", "other@example.org"))
        assert house.run(binding.confirm(first)) == who.number
        told = house.get("/person-profile/v1/profile/current", who).json
        assert told["authInfo"]["boundEmail"] == "anna@example.org"
        for late in (first, second, first[:-2], "", "x"):
            assert house.run(binding.confirm(late)) is None
        house.close()


@pytest.fixture
def quiet(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[House]:
    """An installation whose mail waits: nobody sends it."""
    folder = tmp_path_factory.mktemp("quiet")
    opened = House(folder, settings={"smtp_host": "127.0.0.1"}, database=database_of(folder, engine))
    yield opened
    opened.close()


def test_notes_are_bounded(quiet: House) -> None:
    """So many a day to one wallet; only to what is a mail address; a day long."""
    who, binding = quiet.wallet(), quiet.app.mail_binding
    assert quiet.run(binding.ask(who.number, "no address", PAGE)) is Problem.NO_ADDRESS
    told = [quiet.run(binding.ask(who.number, "anna@example.org", PAGE)) for _ in range(MOST_A_DAY + 1)]
    assert told == [None] * MOST_A_DAY + [Problem.TOO_MANY]
    note = quiet.app.keys.seal("mail to bind", f'[{who.number},"a@example.org",null,{quiet.hand.now // 1000 + 10**6}]')
    quiet.later(1)
    assert quiet.run(binding.confirm(note)) is None


def test_without_mail_there_is_no_note(house: House) -> None:
    """An installation that sends no mail says so."""
    who = house.wallet()
    assert house.run(house.app.mail_binding.ask(who.number, "anna@example.org", PAGE)) is Problem.NO_MAIL
