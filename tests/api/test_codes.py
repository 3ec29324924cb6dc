"""
Codes by short message, and how an owner gets a token with one. Source: web.md 0, access.md 4.2.
"""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest

from kalita.access.codes import FROM_ADDRESS, TO_NUMBER, WRONG_IN_ALL, Purpose, Tried, Wait
from kalita.access.issuing import Problem
from kalita.storage.engine import Unavailable
from kalita.wire.endpoint import Permission
from tests.api.house import House
from tests.commands import past_the_program
from tests.servers import database_of

MINUTE, HOUR, DAY = 60, 3600, 86_400
_addresses = iter(range(10**6))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[House]:
    """An installation whose messages go into a folder."""
    folder = tmp_path_factory.mktemp("codes")
    opened = House(folder, settings={"sms": "outbox"}, database=database_of(folder, engine))
    yield opened
    opened.close()


def address() -> str:
    """Return an address that has not asked yet."""
    return f"2001:db8::{next(_addresses):x}"


def sent(house: House, number: int) -> list[str]:
    """Return the messages to a number, oldest first."""
    return [file.read_text("utf-8") for file in sorted((house.data / "outbox").glob(f"*-{number}.sms"))]


def code_of(house: House, number: int) -> str:
    """Return the newest code that was sent to a number."""
    found = re.search(r"\b(\d{6})\b", sent(house, number)[-1])
    assert found
    return found[1]


def ask(house: House, number: int, purpose: Purpose = Purpose.SIGN_IN, client: str = "") -> Any:
    """Ask for a code."""
    return house.run(house.app.codes.send(number, purpose, client or address()))


def check(house: House, number: int, request: str, code: str, purpose: Purpose = Purpose.SIGN_IN) -> Tried:
    """Enter a code."""
    return house.run(house.app.codes.check(number, purpose, request, code))


def wrong(code: str) -> str:
    """Return another code."""
    return f"{(int(code) + 1) % 10**6:06}"


def test_code_is_good_once(house: House) -> None:
    """For its number, request and purpose; the message names what it is for, in the owner's language."""
    number = house.number()
    request = ask(house, number)
    code = code_of(house, number)
    assert sent(house, number)[-1] == f"Код для входа: {code}. Никому его не сообщайте.\n"
    assert check(house, number, request, code, Purpose.TOKEN) == (False, 0)
    assert check(house, number, "0" * 32, code) == (False, 0)
    assert check(house, number + 1, request, code) == (False, 0)
    assert check(house, number, request, code) == (True, 0)
    assert check(house, number, request, code) == (False, 0)
    house.run(house.app.codes.send(house.number(), Purpose.TOKEN, address(), "en"))
    assert any("Token code" in file.read_text() for file in (house.data / "outbox").iterdir())


def test_three_tries(house: House) -> None:
    """The third wrong one kills the code: the right one comes too late."""
    number = house.number()
    request = ask(house, number)
    code = code_of(house, number)
    assert [check(house, number, request, wrong(code)).left for _ in range(3)] == [2, 1, 0]
    assert check(house, number, request, code) == (False, 0)
    house.later(MINUTE)
    request = ask(house, number)
    code = code_of(house, number)
    assert check(house, number, request, wrong(code)) == (False, 2)
    assert check(house, number, request, code) == (True, 0)


def test_code_lives_five_minutes(house: House) -> None:
    """Good to the last second, dead with the next; a newer code kills the older one of its purpose."""
    for seconds, good in ((5 * MINUTE - 1, True), (5 * MINUTE, False)):
        number = house.number()
        request = ask(house, number)
        house.later(seconds)
        assert check(house, number, request, code_of(house, number)).good is good
    number = house.number()
    first = ask(house, number)
    code = code_of(house, number)
    house.later(MINUTE)
    ask(house, number)
    assert check(house, number, first, code) == (False, 0)


def test_resend_and_an_hour(house: House) -> None:
    """A new code after 60 seconds, five an hour to a number; the wait is told to the second."""
    number = house.number()
    begun = house.hand.now
    ask(house, number)
    house.later(MINUTE - 1)
    assert ask(house, number) == Wait(1)
    for _ in range(TO_NUMBER - 1):
        house.later(MINUTE)
        assert isinstance(ask(house, number), str)
    house.later(MINUTE)
    wait = ask(house, number)
    assert wait == Wait(HOUR - (house.hand.now - begun) // 10**9)
    house.later(wait.seconds - 1)
    assert isinstance(ask(house, number), Wait)
    house.later(1)
    assert isinstance(ask(house, number), str)


def test_twenty_an_hour_from_an_address(house: House) -> None:
    """Whatever the numbers; another address may still ask."""
    client = address()
    for _ in range(FROM_ADDRESS):
        assert isinstance(ask(house, house.number(), client=client), str)
    wait = ask(house, house.number(), client=client)
    assert isinstance(wait, Wait)
    assert HOUR - 5 < wait.seconds <= HOUR
    assert isinstance(ask(house, house.number()), str)
    house.later(HOUR)
    assert isinstance(ask(house, house.number(), client=client), str)


def fail(house: House, number: int, times: int) -> None:
    """Enter wrong codes for a number."""
    for begun in range(0, times, 3):
        house.later(HOUR)
        request = ask(house, number)
        assert isinstance(request, str), request
        for _ in range(min(3, times - begun)):
            check(house, number, request, wrong(code_of(house, number)))


def test_fifteen_wrong_codes_lock_the_number(house: House) -> None:
    """For a day, the next time for two, then for four; neither a good code between nor a restart helps."""
    number = house.number()
    owner = house.wallet(number=number)
    fail(house, number, 12)
    house.later(HOUR)
    request = ask(house, number)
    assert check(house, number, request, code_of(house, number)).good
    house.later(HOUR)
    request = ask(house, number)
    code = code_of(house, number)
    for _ in range(2):
        check(house, number, request, wrong(code))
    other = house.app
    assert check(house, number, request, wrong(code)) == (False, 0)
    assert isinstance(ask(house, number), Wait)
    assert house.get("/funding-sources/v1/accounts/current", owner).status == 200, "a lock is no matter of tokens"
    for days in (1, 2, 4):
        house.later(days * DAY - 1)
        assert ask(house, number) == Wait(1)
        house.later(1)
        fail(house, number, WRONG_IN_ALL)
    assert other is house.app


def test_lock_holds_for_codes_that_were_sent_before(house: House) -> None:
    """A code that is still young is no good while the number is locked."""
    number = house.number()
    fail(house, number, 12)
    house.later(HOUR)
    first = ask(house, number)
    code = code_of(house, number)
    house.later(MINUTE)
    second = ask(house, number, Purpose.TOKEN)
    for _ in range(3):
        check(house, number, second, wrong(code_of(house, number)), Purpose.TOKEN)
    assert check(house, number, first, code) == (False, 0)


def test_a_clock_that_was_set_back_locks_nobody_out(house: House) -> None:
    """Nobody waits for what was sent at a moment to come, and it is no good; a lock holds for a day more at most."""
    number, locked, client = house.number(), house.number(), address()
    fail(house, locked, WRONG_IN_ALL)
    for other in range(FROM_ADDRESS - 1):
        ask(house, 79_300_000_000 + other, client=client)
    request = ask(house, number, client=client)
    house.later(-30)
    assert ask(house, number) == Wait(90)
    assert check(house, number, request, wrong(code_of(house, number))) == (False, 2)
    house.later(30 - HOUR)
    assert check(house, number, request, code_of(house, number)) == (False, 0)
    assert isinstance(ask(house, number, client=client), str)
    assert ask(house, locked) == Wait(DAY + HOUR)
    house.later(HOUR - 2 * DAY)
    assert isinstance(ask(house, locked), str)
    house.later(2 * DAY)
    assert isinstance(ask(house, locked), Wait)


def test_a_draft_and_last_uses_when_the_clock_was_set_back(house: House) -> None:
    """A draft lives no longer for it; the next use of a token is written down all the same."""
    owner = house.wallet()
    draft = house.run(house.app.issuing.begin(owner.number, Permission.HISTORY))
    assert house.get("/funding-sources/v1/accounts/current", owner).status == 200
    house.run(house.app.refresh())
    house.later(-HOUR)
    assert house.run(house.app.issuing.consent(owner.number, draft, address(), "ru")) is Problem.NO_DRAFT
    assert house.get("/funding-sources/v1/accounts/current", owner).status == 200
    house.run(house.app.refresh())
    assert house.run(house.app.tokens.of_wallet(owner.number))[0].last_used_at == house.hand.now // 1000
    house.later(HOUR)


def senders(house: House) -> int:
    """Return how many addresses are remembered."""
    ((count,),) = past_the_program(house.data, house.database, "SELECT COUNT(*) FROM code_sender")
    return count


def test_addresses_are_forgotten_with_their_codes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those whose wish was refused, and however many there are; an address is still counted as one meanwhile."""
    monkeypatch.setattr("kalita.access.codes.SENDERS_AT_ONCE", 20)
    house.later(2 * DAY)
    busy = house.number()
    for _ in range(30):
        ask(house, busy)
    for _ in range(30):
        ask(house, house.number())
    assert senders(house) == 60
    client = address()
    for _ in range(FROM_ADDRESS):
        assert isinstance(ask(house, house.number(), client=client), str)
    assert isinstance(ask(house, house.number(), client=client), Wait)
    house.later(HOUR + 1)
    assert isinstance(ask(house, house.number(), client=client), str)
    assert 31 <= senders(house) < 60, "those that no code was sent to are forgotten within an hour or two"
    house.later(DAY + HOUR)
    for _ in range(10):
        ask(house, house.number(), client=client)
    assert senders(house) == 1


def test_many_who_ask_at_once_forget_and_count(house: House) -> None:
    """Whoever forgets an address keeps nobody waiting for ever, and none gets more codes than are allowed."""
    clients = [address() for _ in range(4)]

    async def all_at_once() -> list[Any]:
        wishes = []
        for _ in range(FROM_ADDRESS + 2):
            for client in clients:
                house.app.codes._forgot_at = 0
                wishes.append(house.app.codes.send(house.number(), Purpose.SIGN_IN, client))
        return await asyncio.gather(*wishes)

    house.later(2 * DAY)
    told = house.run(all_at_once())
    assert sum(isinstance(one, str) for one in told) == FROM_ADDRESS * len(clients)


def test_many_at_once_get_no_more_tries(house: House) -> None:
    """Of 32 guesses at once three are looked at; of 32 requests at once one is sent; a good code is good for one."""
    number = house.number()
    codes = house.app.codes

    async def together(*work: Any) -> list[Any]:
        return await asyncio.gather(*work)

    asked = house.run(together(*(codes.send(number, Purpose.SIGN_IN, address()) for _ in range(32))))
    (request,) = [one for one in asked if isinstance(one, str)]
    assert len(sent(house, number)) == 1
    code = code_of(house, number)
    tried = house.run(together(*(codes.check(number, Purpose.SIGN_IN, request, wrong(code)) for _ in range(32))))
    assert sorted(one.left for one in tried) == [0] * 30 + [1, 2]
    house.later(MINUTE)
    request = ask(house, number)
    code = code_of(house, number)
    tried = house.run(together(*(codes.check(number, Purpose.SIGN_IN, request, code) for _ in range(32))))
    assert sum(one.good for one in tried) == 1


def test_codes_are_not_stored(house: House) -> None:
    """The database has a keyed hash: a million guesses without the key lead nowhere."""
    number = house.number()
    ask(house, number)
    code = code_of(house, number)
    for file in house.data.iterdir():
        assert not file.is_file() or not re.search(rf"\b{code}\b".encode(), file.read_bytes()), file


def test_without_a_way_nothing_is_promised(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No way to send: the caller is told so, and no code waits."""
    bare = House(tmp_path_factory.mktemp("bare"))
    with pytest.raises(Unavailable, match="sms"):
        ask(bare, 79990000001)
    bare.close()


def test_token_is_issued_in_three_steps(house: House) -> None:
    """Permissions, consent, code; the token before works until the code is accepted, and dies then."""
    old = house.wallet()
    issuing, number = house.app.issuing, old.number
    draft = house.run(issuing.begin(number, Permission.BALANCE))
    assert isinstance(draft, str)
    assert house.run(issuing.confirm(number, draft, "000000")) is Problem.NO_CONSENT
    assert house.run(issuing.consent(number, draft, address(), "ru")) is None
    assert isinstance(house.run(issuing.consent(number, draft, address(), "ru")), Wait)
    code = code_of(house, number)
    assert house.run(issuing.confirm(number, draft, wrong(code))) == 2
    assert house.get("/funding-sources/v1/accounts/current", old).status == 200
    token = house.run(issuing.confirm(number, draft, code))
    assert re.fullmatch("[0-9a-f]{32}", token)
    assert house.get("/funding-sources/v1/accounts/current", old).status == 401
    new = type(old)(number, token)
    assert house.get("/funding-sources/v1/accounts/current", new).status == 200
    assert house.get("/person-profile/v1/profile/current", new).status == 403
    assert house.run(issuing.confirm(number, draft, code)) is Problem.NO_DRAFT
    known = house.run(house.app.tokens.of_wallet(number))
    assert sorted(one.revoked_at is None for one in known) == [False, True]
    assert "token.issued" in {one.what for one in house.run(house.app.acts.of_wallet(number)) if one.who == "owner"}


def test_draft_that_was_left_alone(house: House) -> None:
    """It dies after 15 minutes, the old token works on; no permission is no draft, a stranger's is none either."""
    old, other = house.wallet(), house.wallet()
    issuing, number = house.app.issuing, old.number
    assert house.run(issuing.begin(number, Permission(0))) is Problem.NO_PERMISSION
    draft = house.run(issuing.begin(number, Permission.HISTORY))
    assert house.run(issuing.consent(other.number, draft, address(), "ru")) is Problem.NO_DRAFT
    house.later(14 * MINUTE)
    assert house.run(issuing.consent(number, draft, address(), "ru")) is None
    house.later(MINUTE)
    assert house.run(issuing.confirm(number, draft, code_of(house, number))) is Problem.NO_DRAFT
    assert house.get("/funding-sources/v1/accounts/current", old).status == 200


def test_dead_code_leaves_the_old_token(house: House) -> None:
    """Three wrong codes end the draft, the old token works on; the next begins anew."""
    old = house.wallet()
    issuing, number = house.app.issuing, old.number
    draft = house.run(issuing.begin(number, Permission.HISTORY))
    house.run(issuing.consent(number, draft, address(), "ru"))
    code = code_of(house, number)
    told = [house.run(issuing.confirm(number, draft, wrong(code))) for _ in range(3)]
    assert told == [2, 1, Problem.NO_DRAFT], "the third wrong code ends the draft"
    assert house.run(issuing.confirm(number, draft, code)) is Problem.NO_DRAFT
    assert house.get("/funding-sources/v1/accounts/current", old).status == 200
    house.later(MINUTE)
    assert house.run(issuing.consent(number, draft, address(), "ru")) is Problem.NO_DRAFT
    draft = house.run(issuing.begin(number, Permission.HISTORY))
    assert house.run(issuing.consent(number, draft, address(), "ru")) is None
    assert isinstance(house.run(issuing.confirm(number, draft, code_of(house, number))), str)


def test_last_use_is_known(house: House) -> None:
    """When a token was last used and from where, to ten minutes."""
    who = house.wallet()
    assert house.run(house.app.tokens.of_wallet(who.number))[0].last_used_at is None
    assert house.get("/funding-sources/v1/accounts/current", who).status == 200
    first = house.hand.now // 1000
    house.run(house.app.refresh())
    house.later(MINUTE)
    assert house.get("/funding-sources/v1/accounts/current", who).status == 200
    house.run(house.app.refresh())
    known = house.run(house.app.tokens.of_wallet(who.number))[0]
    assert (known.last_used_at, known.last_used_from) == (first, "127.0.0.1")
    house.later(10 * MINUTE)
    assert house.get("/funding-sources/v1/accounts/current", who).status == 200
    house.run(house.app.refresh())
    assert house.run(house.app.tokens.of_wallet(who.number))[0].last_used_at == house.hand.now // 1000
