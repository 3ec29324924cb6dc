"""
Managing hooks over HTTP. Guarantee: one hook a wallet, no inner address among them, each its owner's alone.

Source: webhooks.md 4 and 6.
"""

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import httpx
import pytest

from tests.api.hooked import HOOKS, standard
from tests.api.house import House
from tests.receivers import Receiver, receiver
from tests.servers import Demo, Wallet

EXAMPLE = {"hookType": "1", "param": "http://example.invalid/callbacks/", "txnType": "2"}


@pytest.fixture
def owner(people: House) -> Wallet:
    """Somebody new."""
    return people.wallet(RUB=100_00)


@pytest.fixture
def client(server: Demo, owner: Wallet) -> Iterator[httpx.Client]:
    """A connection with the owner's token."""
    with httpx.Client(base_url=server.url, headers=owner.headers, timeout=20) as opened:
        yield opened


@pytest.fixture(scope="module")
def there() -> Iterator[Receiver]:
    """A receiver that is well."""
    with receiver() as running:
        yield running


def register(client: httpx.Client, **changes: str | None) -> httpx.Response:
    """Register the example with some parameters changed; None leaves one out."""
    query = {name: text for name, text in (EXAMPLE | changes).items() if text is not None}
    return client.put(HOOKS, params=query)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return answer.status_code, answer.json()["errorCode"]


@pytest.mark.parametrize(("kinds", "word"), [("0", "IN"), ("1", "OUT"), ("2", "BOTH")])
def test_registering_answers_the_documented_object(client: httpx.Client, kinds: str, word: str) -> None:
    """Words in place of numbers, the decoded address; the active hook is the same object, not a list."""
    answer = register(client, txnType=kinds)
    assert answer.status_code == 200
    told = answer.json()
    assert UUID(told.pop("hookId"))
    assert told == {"hookParameters": {"url": EXAMPLE["param"]}, "hookType": "WEB", "txnType": word}
    assert client.get(f"{HOOKS}/active").json() == answer.json()


def test_a_second_hook_is_refused_whatever_its_address(client: httpx.Client) -> None:
    """Also with the same address; after deleting, the new one has another id and key."""
    first = register(client).json()["hookId"]
    assert refusal(register(client)) == (422, "hook.already.exists")
    assert refusal(register(client, param="http://other.invalid/")) == (422, "hook.already.exists")
    key = client.get(f"{HOOKS}/{first}/key").json()["key"]
    assert client.delete(f"{HOOKS}/{first}").json() == {"response": "Hook deleted"}
    assert refusal(client.get(f"{HOOKS}/active")) == (404, "hook.not.found")
    second = register(client).json()["hookId"]
    assert second != first
    assert client.get(f"{HOOKS}/{second}/key").json()["key"] != key


def test_of_two_at_once_one_wins(server: Demo, people: House) -> None:
    """Many times: one 200, the others 422."""
    for _ in range(5):
        heads = people.wallet().headers
        with ThreadPoolExecutor(6) as pool:
            jobs = [pool.submit(httpx.put, f"{server.url}{HOOKS}", params=EXAMPLE, headers=heads) for _ in range(6)]
            assert sorted(job.result().status_code for job in jobs) == [200] + [422] * 5


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "example.com", "http://", "https://user:secret@example.com/", "http://example.com/#x",
        "http://10.0.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest/", "http://[fe80::1]/",
        "http://[::ffff:10.0.0.1]/", "http://[64:ff9b::a00:1]/", "http://0x7f.1/", "http://2130706433/",
        "http://224.0.0.1/", "http://0.0.0.0/", "http://exa mple.com/", "http://example.com:22/", "http://[::]/",
    ],
)  # fmt: skip
def test_wrong_addresses_are_422(client: httpx.Client, url: str) -> None:
    """Wrong scheme, no host, inner ones; even a demonstration opens loopback alone."""
    answer = register(client, param=url)
    assert refusal(answer) == (422, "hook.validation.error")
    assert "cause" not in answer.json()


@pytest.mark.parametrize("url", ["http://127.0.0.1:8/", "http://[::1]:9000/", "http://localhost/", "http://0x7f.1/"])
def test_production_refuses_loopback(house: House, url: str) -> None:
    """By number and by name, in any writing."""
    answer = house.call("PUT", f"{HOOKS}?hookType=1&txnType=2&param={url}", house.wallet())
    assert (answer.status, answer.code) == (422, "hook.validation.error")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"hookType": "2"}, 422, "hook.validation.error"), ({"hookType": "web"}, 422, "hook.validation.error"),
        ({"txnType": "3"}, 422, "hook.validation.error"), ({"txnType": "IN"}, 422, "hook.validation.error"),
        ({"hookType": None}, 400, "validation.error"), ({"txnType": ""}, 400, "validation.error"),
        ({"param": None}, 400, "validation.error"), ({"param": ""}, 400, "validation.error"),
    ],
)  # fmt: skip
def test_wrong_and_missing_parameters(
    client: httpx.Client, changes: dict[str, str | None], status: int, code: str
) -> None:
    """Present but wrong is 422, absent or empty is 400; each is named: in `cause` where that is a 400."""
    answer = register(client, **changes)
    assert refusal(answer) == (status, code)
    assert list(answer.json().get("cause", {})) == (list(changes) if status == 400 else [])
    assert next(iter(changes)) in answer.json()["description"]


def test_the_length_that_counts_is_that_of_the_decoded_address(client: httpx.Client) -> None:
    """100 characters pass, also when their encoding is far longer; 101 are the documented 500."""
    base = "http://example.invalid/"
    answer = register(client, param=base + "a" * (101 - len(base)))
    assert refusal(answer) == (500, "internal.error")
    assert answer.json()["description"] == "hook URL is longer than 100 characters"
    url = base + "ж" * (100 - len(base))
    answer = register(client, param=url)
    assert answer.status_code == 200
    assert answer.json()["hookParameters"]["url"] == url


def test_parameters_in_a_body_are_ignored(client: httpx.Client) -> None:
    """One client sends them once more as JSON, another labels nothing; paths may have doubled slashes."""
    answer = client.put(f"{client.base_url}/{HOOKS}/", params=EXAMPLE, json={"hookType": 7})
    assert answer.status_code == 200
    path = f"{HOOKS}/{answer.json()['hookId']}"
    assert client.request("DELETE", path, content=b"hook_id=1", headers={"Content-Type": "x/y"}).status_code == 200


def test_the_key_is_32_bytes_and_stays(client: httpx.Client) -> None:
    """Repeated reads give the same, newkey another one; both answer 200."""
    hook = register(client).json()["hookId"]
    first = client.get(f"{HOOKS}/{hook}/key")
    assert (first.status_code, len(base64.b64decode(first.json()["key"], validate=True))) == (200, 32)
    assert client.get(f"{HOOKS}/{hook}/key").json() == first.json()
    for body in ({}, {"content": b""}, {"json": {}}):
        answer = client.post(f"{HOOKS}/{hook}/newkey", **body)
        assert answer.status_code == 200
        assert client.get(f"{HOOKS}/{hook}/key").json() == answer.json() != first.json()


def test_an_operator_may_choose_the_printed_status(tmp_path_factory: pytest.TempPathFactory) -> None:
    """201 for both calls."""
    house = House(tmp_path_factory.mktemp("printed"), settings={"hook_key_status": 201, "outbound_networks": "::/0"})
    owner = house.wallet()
    hook = house.call("PUT", f"{HOOKS}?hookType=1&txnType=2&param=http://[2001:db8::1]/", owner).json["hookId"]
    assert house.get(f"{HOOKS}/{hook}/key", owner).status == 201
    assert house.call("POST", f"{HOOKS}/{hook}/newkey", owner).status == 201
    house.close()


@pytest.mark.parametrize("known", [True, False])
def test_foreign_and_unknown_hooks_look_alike(client: httpx.Client, people: House, server: Demo, known: bool) -> None:
    """404 in the same words for delete, key, newkey and the rest; and a hook that was deleted is unknown."""
    hook = register(client).json()["hookId"] if known else "d63a8729-f5c8-486f-907d-9fb8758afcfc"
    with httpx.Client(base_url=server.url, headers=people.wallet().headers) as stranger:
        register(stranger)
        answers = [
            stranger.delete(f"{HOOKS}/{hook}"), stranger.get(f"{HOOKS}/{hook}/key"),
            stranger.post(f"{HOOKS}/{hook}/newkey"), stranger.get(f"{HOOKS}/{hook}/attempts"),
            stranger.post(f"{HOOKS}/{hook}/redeliver?failed=true"),
        ]  # fmt: skip
        assert {(*refusal(one), one.json()["description"]) for one in answers} == {
            (404, "hook.not.found", "there is no such hook")
        }
        assert refusal(stranger.delete(f"{HOOKS}/no-uuid")) == (404, "hook.not.found")
    if known:
        assert client.get(f"{HOOKS}/{hook}/key").status_code == 200


def test_without_a_hook_everything_is_404(client: httpx.Client) -> None:
    """Active and test, by either method."""
    for answer in (client.get(f"{HOOKS}/active"), client.get(f"{HOOKS}/test"), client.post(f"{HOOKS}/test")):
        assert refusal(answer) == (404, "hook.not.found")


def test_the_test_message_is_empty_and_signed(client: httpx.Client, there: Receiver) -> None:
    """Sent at once; ten a minute, then 423 with the seconds to wait."""
    hook = register(client, param=there.url("/test")).json()["hookId"]
    key = client.get(f"{HOOKS}/{hook}/key").json()["key"]
    for method in ("GET", "POST") * 5:
        assert client.request(method, f"{HOOKS}/test").json() == {"response": "Webhook sent"}
    blocked = client.get(f"{HOOKS}/test")
    assert refusal(blocked) == (423, "request.blocked")
    assert 0 < int(blocked.headers["retry-after"]) <= 60
    got = there.wait(10, where=lambda one: one.path == "/test" and one.json["hookId"] == hook)
    for one in got:
        told = one.json
        assert UUID(told.pop("messageId"))
        assert told == {"hookId": hook, "payment": None, "hash": None, "version": "1.0.0", "test": True}
        assert standard(one, key)
    assert len({one.json["messageId"] for one in got}) == 10


def test_keys_are_not_in_the_database(client: httpx.Client, server: Demo) -> None:
    """Neither as they are nor as their bytes."""
    hook = register(client).json()["hookId"]
    key = client.get(f"{HOOKS}/{hook}/key").json()["key"]
    for file in server.data.glob("kalita.db*"):
        content = file.read_bytes()
        assert key.encode() not in content
        assert base64.b64decode(key) not in content
