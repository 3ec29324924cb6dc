"""
Tokens that renew themselves. Source: access.md 4.3, client-compatibility.md 6.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kalita.wire.endpoint import Permission
from tests.api.house import Answer, House
from tests.servers import Demo, Wallet, database_of

BALANCE, PROFILE = "/funding-sources/v1/accounts/current", "/person-profile/v1/profile/current"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[House]:
    """An installation that allows it."""
    folder = tmp_path_factory.mktemp("renewal")
    settings = {"sms": "outbox", "oauth_renewal": True}
    opened = House(folder, settings=settings, database=database_of(folder, engine))
    yield opened
    opened.close()


def form(house: House, path: str, **fields: str) -> Answer:
    """Send a form."""
    body = "&".join(f"{name}={text}" for name, text in fields.items()).encode()
    return house.call("POST", path, None, body, content_type="application/x-www-form-urlencoded")


def authorize(house: House, who: Wallet) -> Answer:
    """Ask for a code as the client does."""
    names = {"client_id": "api_wallet_private", "client_software": "api", "response_type": "code"}
    return form(house, "/oauth/authorize", token=who.token, **names)


def renew(house: House, code: str) -> Answer:
    """Ask for a token as the client does."""
    names = {"client_id": "api_wallet_private", "client_secret": "x", "grant_type": "authorization_code"}
    return form(house, "/oauth/token", code=code, **names)


def test_token_is_renewed(house: House) -> None:
    """The same permissions, 180 days anew, the old one dead; the owner is told, and it is on record."""
    old = house.wallet(Permission.BALANCE)
    house.later(100 * 86_400)
    given = authorize(house, old)
    assert (given.status, list(given.json)) == (200, ["code"])
    assert house.get(BALANCE, old).status == 200
    told = renew(house, given.json["code"])
    assert (told.status, told.json["expires_in"]) == (200, 180 * 86_400)
    new = Wallet(old.number, told.json["access_token"])
    assert [house.get(BALANCE, who).status for who in (old, new)] == [401, 200]
    assert house.get(PROFILE, new).status == 403
    house.later(179 * 86_400)
    assert house.get(BALANCE, new).status == 200
    acts = house.run(house.app.acts.of_wallet(old.number))
    assert (acts[0].what, acts[0].who, acts[0].about) == ("token.renewed", "owner", new.token[:4])
    assert any("renewed" in file.read_text() for file in (house.data / "outbox").glob(f"*-{old.number}.sms"))


def test_code_is_good_once_for_a_minute(house: House) -> None:
    """Used, expired, unknown codes, and those whose token died meanwhile, are all the same 401."""
    who = house.wallet()
    code = authorize(house, who).json["code"]
    new = Wallet(who.number, renew(house, code).json["access_token"])
    again = renew(house, code)
    assert (again.status, again.code, again.headers["www-authenticate"]) == (401, "auth.unauthorized", "Bearer")
    for seconds, status in ((59, 200), (60, 401)):
        code = authorize(house, new).json["code"]
        house.later(seconds)
        answer = renew(house, code)
        assert answer.status == status
        if status == 200:
            new = Wallet(who.number, answer.json["access_token"])
    code = authorize(house, new).json["code"]
    house.token(who.number)
    assert renew(house, code).status == 401
    assert renew(house, "0" * 32).status == 401


def test_dead_tokens_get_no_code(house: House) -> None:
    """Unknown, replaced and expired tokens."""
    who = house.wallet()
    house.token(who.number)
    for dead in (who, Wallet(1, "0" * 32), Wallet(1, "x")):
        assert authorize(house, dead).status == 401
    late = house.wallet()
    house.later(180 * 86_400)
    assert authorize(house, late).status == 401


def test_of_two_renewals_at_once_one_succeeds(house: House) -> None:
    """With one code or two: exactly one token lives afterwards, the one that was answered."""
    for codes in (1, 2):
        who = house.wallet()
        given = [authorize(house, who).json["code"] for _ in range(codes)]

        async def both(given: list[str] = given) -> list[Any]:
            heads: dict[str, str] = {"content_type": "application/x-www-form-urlencoded"}
            bodies = [f"grant_type=authorization_code&code={code}".encode() for code in (given * 8)[:8]]
            return await asyncio.gather(*(house._ask("POST", "/oauth/token", None, body, heads) for body in bodies))

        answers = house.run(both())
        good = [answer for answer in answers if answer.status == 200]
        assert len(good) == 1
        assert {answer.status for answer in answers} == {200, 401}
        assert house.get(BALANCE, Wallet(who.number, good[0].json["access_token"])).status == 200
        assert house.get(BALANCE, who).status == 401


def test_wrong_requests_are_named(house: House) -> None:
    """What is missing or of another kind."""
    who = house.wallet()
    for path, fields, named in (
        ("/oauth/authorize", {}, "token"),
        ("/oauth/authorize", {"token": who.token, "response_type": "token"}, "response_type"),
        ("/oauth/token", {}, "code"),
        ("/oauth/token", {"code": "x", "grant_type": "password"}, "grant_type"),
    ):
        answer = form(house, path, **fields)
        assert (answer.status, list(answer.json["cause"])) == (400, [named])


def test_real_client_over_http(server: Demo, people: House) -> None:
    """A demonstration allows it: the form bodies of the client, 200 exactly."""
    who = people.wallet()
    data = {"response_type": "code", "client_id": "api_wallet_private", "client_software": "api", "token": who.token}
    code = httpx.post(f"{server.url}/oauth/authorize", data=data)
    assert code.status_code == 200
    data = {"grant_type": "authorization_code", "client_id": "api_wallet_private", "client_secret": "s"}
    told = httpx.post(f"{server.url}/oauth/token", data=data | code.json())
    assert told.status_code == 200
    headers = {"Authorization": f"Bearer {told.json()['access_token']}"}
    assert httpx.get(f"{server.url}{BALANCE}", headers=headers).status_code == 200


def test_switched_off_it_is_not_there(tmp_path_factory: pytest.TempPathFactory) -> None:
    """404, as if the calls did not exist."""
    closed = House(tmp_path_factory.mktemp("closed"))
    who = closed.wallet()
    for answer in (authorize(closed, who), renew(closed, "x")):
        assert (answer.status, answer.code) == (404, "resource.not.found")
    closed.close()
