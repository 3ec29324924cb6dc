"""
Agents over real HTTP: the OSMP protocol with Kalita as the provider. Source: osmp.md "As provider".

Guarantee: a top-up is taken once however often it is sent, never over the agent's overdraft, and both sides' lists of a
day agree.
"""

import asyncio
import base64
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from kalita.agents.registry import Line, read, written
from kalita.ledger.accounts import Kind
from kalita.ledger.accounts import house as house_owner
from kalita.ledger.order import Accepted, Opening, Order
from kalita.storage.engine import Unavailable
from tests.api.house import House
from tests.commands import kalita, refused, wrong
from tests.servers import Demo, demo

DAY = "20260131"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Demo]:
    """A demonstration of its own: its books are audited at the end."""
    with demo(tmp_path_factory.mktemp("agents"), engine=engine) as running:
        yield running


@pytest.fixture(scope="module")
def terminals(server: Demo) -> Any:
    """An agent that may owe 1 000 roubles."""
    told = kalita("agent", "create", "terminals", "--overdraft", "1000", "--json", *server.place).json
    assert told["url"] == f"{server.url}/osmp/terminals"
    return told


def ask(agent: Any, method: str = "GET", **query: str) -> httpx.Response:
    """Call as an agent."""
    auth = (agent["login"], agent["password"])
    if method == "POST":
        return httpx.post(agent["url"], data=query, auth=auth)
    return httpx.get(agent["url"], params=query, auth=auth)


def pay(agent: Any, txn_id: int | str, account: str, amount: str, method: str = "GET", day: str = DAY) -> str:
    """Pay in; return the answer."""
    date = f"{day}120000"
    query = {"command": "pay", "txn_id": str(txn_id), "txn_date": date, "account": account, "sum": amount}
    answer = ask(agent, method, **query)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/xml; charset=UTF-8"
    return answer.text


def result(text: str) -> int:
    """Return the result code of an answer."""
    return int(re.search(r"<result>(\d+)</result>", text)[1])


def balance(server: Demo, wallet: int = 1) -> Any:
    """Return the roubles of a wallet of the demonstration."""
    with server.client(wallet) as client:
        return client.get("/funding-sources/v1/accounts/current").json()["accounts"][0]["balance"]["amount"]


def test_a_top_up_is_taken_once(server: Demo, terminals: Any) -> None:
    """The first answer again, byte for byte; GET and POST; another sum under the same id is refused."""
    before = balance(server)
    first = pay(terminals, 1, "79994445566", "10.45")
    txn = re.search(r"<prv_txn>(\d+)</prv_txn>", first)[1]
    assert first == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<response><osmp_txn_id>1</osmp_txn_id><prv_txn>{txn}</prv_txn><sum>10.45</sum>"
        "<result>0</result><comment>OK</comment></response>"
    )
    assert pay(terminals, 1, "+79994445566", "10.45", "POST") == first
    assert pay(terminals, 1, "79994445566", "10.450"[:5]) == first
    assert result(pay(terminals, 1, "79994445566", "10.46")) == 300
    assert pay(terminals, 1, "79994445566", "10.45", day="nonsense") == first
    assert result(pay(terminals, 999, "79994445566", "10.45", day="nonsense")) == 300
    assert round(balance(server) - before, 2) == 10.45
    with server.client(1) as client:
        shown = client.get(f"/payment-history/v2/transactions/{txn}").json()
    assert (shown["type"], shown["account"], shown["sum"]["amount"]) == ("IN", "terminals", 10.45)


def test_copies_at_once_are_taken_once(server: Demo, terminals: Any) -> None:
    """Twenty of them get the same answer."""
    before = balance(server)
    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(lambda _: pay(terminals, 2, "79994445566", "1.00"), range(20)))
    assert len(answers) == 1
    assert balance(server) == before + 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"command": "check", "account": "79994445566"}, 0),
        ({"command": "check", "txn_id": "0", "account": "+79994445566", "sum": "0.00"}, 0),
        ({"command": "check", "account": "79990009999"}, 5),
        ({"command": "check", "account": "123"}, 4),
        ({"command": "check", "account": "x" * 300}, 4),
        ({"command": "check"}, 4),
        ({"command": "check", "account": "79994445566", "sum": "1,00"}, 300),
        ({"command": "check", "account": "79994445566", "sum": "x"}, 300),
        ({"command": "check", "account": "79994445566", "sum": "10.00"}, 0),
        ({"command": "pay", "txn_id": "3", "account": "79990009999", "sum": "1.00"}, 5),
        ({"command": "pay", "txn_id": "3", "account": "abc", "sum": "1.00"}, 4),
        ({"command": "pay", "txn_id": "3", "account": "79994445566", "sum": "0.00"}, 241),
        ({"command": "pay", "txn_id": "3", "account": "79994445566", "sum": "1,00"}, 300),
        ({"command": "pay", "txn_id": "3", "account": "79994445566", "sum": "1.001"}, 300),
        ({"command": "pay", "txn_id": "3", "account": "79994445566", "sum": "-1"}, 300),
        ({"command": "pay", "txn_id": "3", "account": "79994445566"}, 300),
        ({"command": "pay", "txn_id": "3", "account": "79994445566", "sum": "1.00", "txn_date": "today"}, 300),
        *(
            ({"command": "pay", "txn_id": "3", "account": "79994445566", "sum": "1.00", "txn_date": date}, 300)
            for date in ("20260231120000", "20261301120000", "20260131240000", "20260131126000", "00000000000000")
        ),
        ({"command": "pay", "txn_id": "x", "account": "79994445566", "sum": "1.00"}, 300),
        ({"command": "pay", "account": "79994445566", "sum": "1.00"}, 300),
        ({"command": "pay", "txn_id": "1" * 21, "account": "79994445566", "sum": "1.00"}, 300),
        ({"command": "drop", "txn_id": "3"}, 300),
        ({}, 300),
    ],
)
def test_result_codes(server: Demo, terminals: Any, query: dict[str, str], code: int) -> None:
    """The documented codes; nothing moves."""
    before = balance(server)
    answer = ask(terminals, **query)
    assert (answer.status_code, result(answer.text)) == (200, code), answer.text
    assert f"<osmp_txn_id>{query.get('txn_id', '') if len(query.get('txn_id', '')) < 20 else ''}" in answer.text or code
    assert balance(server) == before


def test_the_overdraft_is_the_floor(server: Demo, terminals: Any) -> None:
    """To the kopeck; then money that came in is spent again. What was refused does not use its id up."""
    left = 1000 - 11.45
    assert result(pay(terminals, 4, "79994445566", f"{left + 0.01:.2f}")) == 300
    assert result(pay(terminals, 4, "79994445566", f"{left:.2f}")) == 0
    assert result(pay(terminals, 5, "79994445566", "0.01")) == 300
    listed = kalita("agent", "list", "--json", *server.place).json["agents"]
    assert [(one["name"], one["balance"], one["overdraft"]) for one in listed] == [("terminals", "-1000", "1000")]
    funded = kalita("agent", "fund", "terminals", "500", "--id", "bank-7", "--json", *server.place).json
    assert (funded["balance"], funded["repeated"]) == ("-500", False)
    assert kalita("agent", "fund", "terminals", "500", "--id", "bank-7", "--json", *server.place).json["repeated"]
    assert result(pay(terminals, 5, "79994445566", "0.01")) == 0


def test_only_the_right_credential_opens(server: Demo, terminals: Any) -> None:
    """Anything else is 401 with an empty body, alike for agents that are not there."""
    heads = [
        {}, {"Authorization": "Basic x"}, {"Authorization": "Bearer " + server.wallets[0].token},
        {"Authorization": "Basic " + base64.b64encode(b"terminals:wrong").decode()},
        {"Authorization": "Basic " + base64.b64encode(f"other:{terminals['password']}".encode()).decode()},
        {"X-Client-Subject": ""},
    ]  # fmt: skip
    for name in ("terminals", "nobody"):
        for head in heads:
            answer = httpx.get(f"{server.url}/osmp/{name}?command=check&account=79994445566", headers=head)
            assert (answer.status_code, answer.content) == (401, b"")
            assert answer.headers["www-authenticate"] == 'Basic realm="agents"'


def test_head_changes_nothing(server: Demo, terminals: Any) -> None:
    """405: whoever only looks at an address of a payment does not make it."""
    before = balance(server)
    query = {"command": "pay", "txn_id": "6", "txn_date": f"{DAY}120000", "account": "79994445566", "sum": "1.00"}
    answer = httpx.head(terminals["url"], params=query, auth=(terminals["login"], terminals["password"]))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert balance(server) == before


def test_a_plus_that_was_not_encoded(server: Demo, terminals: Any) -> None:
    """It arrives as a blank, which says nothing: the wallet is meant all the same."""
    auth = (terminals["login"], terminals["password"])
    for account in ("+79994445566", "79994445566+", "%2B79994445566"):
        assert result(httpx.get(f"{terminals['url']}?command=check&account={account}", auth=auth).text) == 0


@pytest.mark.parametrize("text", ["%00", "%FF", "7999444%005566", "%ED%A0%80"])
def test_bytes_that_are_no_text(server: Demo, terminals: Any, text: str) -> None:
    """401 and nothing else for a wrong credential; a result for the right one, never a 400."""
    auth = (terminals["login"], terminals["password"])
    for query, code in (
        (f"command=check&account={text}", 4),
        (f"command=pay&txn_id=3&account={text}&sum=1.00", 4),
        (f"command=pay&txn_id={text}&account=79994445566&sum=1.00", 300),
        (f"command=pay&txn_id=3&account=79994445566&sum=1.00{text}", 300),
        (f"command=pay&txn_id=3&account=79994445566&sum=1.00&txn_date={text}", 300),
        (f"command={text}", 300),
        ("&".join(["command=check", "account=79994445566", *["x=1"] * 200]), 300),
    ):
        answer = httpx.get(f"{terminals['url']}?{query}", auth=auth)
        assert (answer.status_code, result(answer.text)) == (200, code), query
        bare = httpx.get(f"{terminals['url']}?{query}", auth=("terminals", "wrong"))
        assert (bare.status_code, bare.content) == (401, b"")
    for name in (text, "a", "a%20b", "-terminals", "x" * 41):
        bare = httpx.get(f"{server.url}/osmp/{name}?command=check", auth=auth)
        assert (bare.status_code, bare.content) == (401, b""), name


def test_an_agent_is_made_whole_or_not_at_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What broke off left nothing behind, and the name is free; an account that nobody has is left alone."""

    async def broken(*_: Any) -> None:
        raise Unavailable("broken off")

    with monkeypatch.context() as patch:
        patch.setattr(house.app.writer, "submit", broken)
        with pytest.raises(Unavailable):
            house.run(house.app.agents.create("half", 5_00))
    assert house.run(house.app.agents.named("half")) is None
    made, _ = house.run(house.app.agents.create("half", 5_00))
    assert house.run(house.app.agents.create("half", 5_00)) is None
    stray = Opening(house_owner(made.number + 1, 0), Kind.AGENT, 643, overdraft=0)
    assert isinstance(house.run(house.app.writer.submit(Order(house_owner(0, 0), openings=(stray,)))), Accepted)

    async def at_once() -> list[Any]:
        return await asyncio.gather(*(house.app.agents.create(f"agent{n // 2}", 5_00) for n in range(6)))

    others = [one[0] for one in house.run(at_once()) if one is not None]
    assert sorted(one.name for one in others) == ["agent0", "agent1", "agent2"]
    for one in (made, *others):
        assert one.number != made.number + 1
        assert isinstance(house.run(house.app.agents.fund(one, 1_00, None)), Accepted)
        assert house.run(house.app.agents.balance(one)) == 1_00
    house.proven()


def test_a_certificate_opens_too(house: House) -> None:
    """Where the operator names the header in which his proxy tells its subject."""
    agent, _ = house.run(house.app.agents.create("shop", 0, "CN=shop"))
    assert agent.certificate == "CN=shop"
    target = "/osmp/shop?command=check&account=123"
    assert house.call("GET", target, x_client_subject="CN=shop").status == 200
    for subject in ("CN=other", "", "CN=shop2"):
        assert house.call("GET", target, x_client_subject=subject).status == 401


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An installation whose proxy tells certificates, and whose agents make wallets."""
    settings = {"agent_certificate_header": "X-Client-Subject", "agents_make_wallets": True}
    opened = House(tmp_path_factory.mktemp("agents"), settings=settings)
    yield opened
    opened.close()


def test_an_unclaimed_wallet_is_made_where_the_operator_allows_it(house: House) -> None:
    """And a balance that would grow over its limit is refused with 242."""
    house.run(house.app.agents.create("kiosk", 100_000_00, "CN=kiosk"))

    def code(number: int, amount: int, txn: int) -> int:
        query = f"command=pay&txn_id={txn}&txn_date=20260131120000&account={number}&sum={amount}.00"
        answer = house.call("GET", f"/osmp/kiosk?{query}", x_client_subject="CN=kiosk")
        return result(answer.body.decode())

    number = house.number()
    assert code(number, 100, 1) == 0
    assert code(number, 15_000, 2) == 242
    check = f"/osmp/kiosk?command=check&txn_id=0&account={number}&sum="
    for amount, expected in (("14900.00", 0), ("14900.01", 242), ("0.00", 0), ("15000", 242)):
        answer = house.call("GET", check + amount, x_client_subject="CN=kiosk")
        assert result(answer.body.decode()) == expected, amount
    assert house.run(house.app.wallets.get(number)).registered_at is None


def test_a_blocked_wallet_is_not_topped_up_but_a_repeat_is_answered(house: House) -> None:
    """79; the first answer stands whatever became of the wallet."""
    owner = house.wallet(RUB=0)
    query = f"command=pay&txn_id=77&txn_date=20260131120000&account={owner.number}&sum=5.00"
    house.run(house.app.agents.create("third", 100_00, "CN=third"))
    first = house.call("GET", f"/osmp/third?{query}", x_client_subject="CN=third")
    assert result(first.body.decode()) == 0
    house.run(house.app.restrictions.put(owner.number, False, True, "test"))
    again = house.call("GET", f"/osmp/third?{query}", x_client_subject="CN=third")
    assert again.body == first.body
    for command in ("check", "pay"):
        other = query.replace("command=pay", f"command={command}").replace("=77", "=78")
        assert result(house.call("GET", f"/osmp/third?{other}", x_client_subject="CN=third").body.decode()) == 79


def test_statement_and_registry(server: Demo, terminals: Any, tmp_path: Any) -> None:
    """What was paid in on the agent's own day; differences with its list are shown, none is booked."""
    told = kalita("agent", "statement", "terminals", "--day", DAY, "--json", *server.place).json
    assert [one["txn_id"] for one in told["payments"]] == ["1", "2", "4", "5"]
    file = tmp_path / "theirs.csv"
    ours = kalita("registry", "agent", "terminals", DAY, *server.place).out
    assert ours.splitlines()[0] == f"1;{DAY}120000;79994445566;10.45"
    assert ours.splitlines()[-1] == "4;1000.01"
    file.write_text(ours, "utf-8")
    same = kalita("registry", "agent", "terminals", DAY, "--against", file, *server.place)
    assert (same.code, same.json["differences"]) == (0, [])
    lines = ours.splitlines()
    file.write_text("\n".join([lines[0].replace("10.45", "10.40"), *lines[2:4], f"9;{DAY}120000;1;5.00"]), "utf-8")
    wrong(kalita("registry", "agent", "terminals", DAY, "--against", file, *server.place), "last line")
    total = f"{10.40 + 988.55 + 0.01 + 5:.2f}"
    file.write_text(file.read_text("utf-8") + f"\n4;{total}\n", "utf-8")
    done = kalita("registry", "agent", "terminals", DAY, "--against", file, *server.place)
    assert done.code == 1
    assert done.json["differences"] == [
        {"txn_id": "1", "ours": "10.45", "theirs": "10.4"}, {"txn_id": "2", "ours": "1", "theirs": None},
        {"txn_id": "9", "ours": None, "theirs": "5"},
    ]  # fmt: skip


def test_a_registry_is_told_from_both_ends() -> None:
    """An account with `;` or with another character that ends lines elsewhere is read as it was written."""
    lines = [
        Line(str(number), f"{DAY}120000", account, 100)
        for number, account in enumerate(("a;b", ";", "", "a\u2028b", "a\x85b\x0cc", "x" * 300, "1;20260131;2;3.00"))
    ]
    assert read(written(lines)) == lines
    assert read(written(lines).replace("\n", "\r\n")) == lines


def test_commands_say_no(server: Demo, terminals: Any) -> None:
    """In one line."""
    refused(kalita("agent", "create", "terminals", *server.place), "already")
    refused(kalita("agent", "statement", "nobody", *server.place), "no agent nobody")
    wrong(kalita("agent", "create", "a b", *server.place), "letters")
    for overdraft in ("x", "", ".", "0.", "..", "0.001", "-1"):
        wrong(kalita("agent", "create", "more", "--overdraft", overdraft, *server.place), "AMOUNT")
    for client_id in ("", "a b", "a\nb", "x" * 65):
        wrong(kalita("agent", "fund", "terminals", "1", "--id", client_id, *server.place), "visible ASCII")
    assert kalita("agent", "create", "without", "--overdraft", "0.00", *server.place).code == 0
    for *command, day in (
        ("registry", "agent", "terminals", "20261301"), ("registry", "provider", "674", "99991231"),
        ("agent", "statement", "terminals", "--day", "20260230"),
    ):  # fmt: skip
        wrong(kalita(*command, day, *server.place), "no day")
    wrong(kalita("registry", "provider", "674", "2026", *server.place), "DAY")
    assert terminals["password"] not in kalita("agent", "list", *server.place).out


def test_the_books_are_proven(server: Demo) -> None:
    """The audit finds nothing."""
    done = kalita("audit", *server.place)
    assert done.code == 0, done.out
