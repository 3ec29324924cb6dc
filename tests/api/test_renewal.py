"""
Tokens that renew themselves. Source: access.md 4.3, client-compatibility.md 6.
"""

import asyncio
import json
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from kalita.access.caps import Caps
from kalita.web.request import Request
from kalita.wire.endpoint import ALL_PERMISSIONS, Permission
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


class Bag:
    """A way out for mail that keeps it."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def send(self, message: EmailMessage) -> None:
        """Take a mail."""
        self.mails.append(message)


def test_where_no_message_can_be_sent_mail_tells(tmp_path: Path) -> None:
    """To the address that its owner bound; who bound none, or whose folder is none, gets his token all the same."""
    settings = {"oauth_renewal": True, "smtp_host": "mail.example.org"}
    for sms in ("", "outbox"):
        house, bag = House(tmp_path / f"mail{sms}", settings=settings | {"sms": sms}), Bag()
        (house.data / "outbox").write_text("a file where the folder should be")
        for mail in ("anna@example.org", None):
            who = house.wallet()
            if mail:
                house.run(house.app.contacts.mail(who.number, mail))
            assert renew(house, authorize(house, who).json["code"]).status == 200
            house.run(house.app.post.send_due(bag))
        assert [(one["To"], "was renewed" in one.get_content()) for one in bag.mails] == [("anna@example.org", True)]
        house.close()


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
    who = house.wallet()
    code = authorize(house, who).json["code"]
    house.later(-3600)
    assert renew(house, code).status == 401, "a clock that is set back lets no code live longer"
    house.later(3600)


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
    """404 whatever the method and the body, as if the calls did not exist; the served description lacks them too."""
    closed = House(tmp_path_factory.mktemp("closed"))
    who = closed.wallet()
    answers = [authorize(closed, who), renew(closed, "x")]
    for path in ("/oauth/authorize", "/oauth/token"):
        assert path not in closed.get("/openapi.json").json["paths"]
        answers += [form(closed, path), closed.call("POST", path, None, b"x" * 70_000)]
        answers += [closed.call(method, path, who) for method in ("GET", "HEAD", "PUT", "DELETE")]
    for answer in answers:
        assert (answer.status, answer.code) == (404, "resource.not.found")
    closed.close()


def test_token_is_not_renewed_from_where_it_may_not_be_used(house: House) -> None:
    """403 for both calls, and nothing changed; from where it may be used both work, and that is noted."""
    number = house.wallet().number
    abroad = house.run(house.app.tokens.issue(number, ALL_PERMISSIONS, caps=Caps(networks=("10.0.0.0/8",))))
    refused = authorize(house, Wallet(number, abroad))
    assert (refused.status, refused.code) == (403, "auth.forbidden")
    assert house.run(house.app.tokens.bearer(abroad)) is not None
    house.later(1)
    here = Caps(networks=("127.0.0.1/32",))
    near = Wallet(number, house.run(house.app.tokens.issue(number, ALL_PERMISSIONS, caps=here)))
    code = authorize(house, near).json["code"]
    house.run(house.app.tokens.write_uses())
    assert house.run(house.app.tokens.of_wallet(number))[-1].last_used_from == "127.0.0.1"
    assert renew_from(house, "10.0.0.1", code) == (403, "auth.forbidden")
    assert renew(house, code).status == 200


def renew_from(house: House, client: str, code: str) -> tuple[int, str]:
    """Ask for a token from another address; return the status and the code of the refusal."""
    body = f"grant_type=authorization_code&code={code}".encode()
    request = Request("POST", "/oauth/token", b"", 12, [], body, client)
    answer, _ = house.run(house.server.respond(request))
    return answer.status, json.loads(answer.body).get("errorCode", "")


def test_closed_wallet_renews_nothing(house: House) -> None:
    """Neither with its token, which is told why, nor with a code it was given before."""
    who = house.wallet()
    code = authorize(house, who).json["code"]
    assert house.run(house.app.leaving.close(who.number)) is None
    told = authorize(house, who)
    assert (told.status, told.code) == (404, "person.not.found")
    assert renew(house, code).status == 401


def test_renewals_are_counted(tmp_path: Path) -> None:
    """Bad tokens and codes by their address, live tokens with all other calls of their wallet; good ones still pass."""
    settings = {"sms": "outbox", "oauth_renewal": True, "requests_a_minute": 5, "bad_tokens_a_minute": 4}
    house = House(tmp_path / "data", settings=settings)
    who, bad = house.wallet(), Wallet(1, "0" * 32)
    answers = [authorize(house, bad), renew(house, "x"), authorize(house, bad), house.get(BALANCE, bad)]
    assert {answer.status for answer in answers} == {401}
    for late in (authorize(house, bad), renew(house, "x"), house.get(BALANCE, bad)):
        assert (late.status, late.code, late.headers["retry-after"]) == (423, "request.blocked", "60")
    codes = [authorize(house, who) for _ in range(4)]
    assert {answer.status for answer in [*codes, house.get(BALANCE, who)]} == {200}
    late = authorize(house, who)
    assert (late.status, late.code, late.headers["retry-after"]) == (423, "request.blocked", "60")
    assert renew(house, codes[0].json["code"]).status == 200
    house.close()
