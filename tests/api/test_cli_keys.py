"""
The commands about pairs of keys, beside a live server: `keys list|revoke|spend|notify`. Source: invoices.md 2.

A live server honours each of them from its next request on.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.hooked import deliver
from tests.api.house import House
from tests.api.test_bills import BILLS, KEYS, body, keys, put
from tests.api.test_checkout import issue, pay
from tests.api.test_cli_hooks import at
from tests.commands import kalita, refused, wrong
from tests.receivers import OK, receiver
from tests.servers import Wallet, database_of


@pytest.fixture
def shop(tmp_path: Path, engine: str) -> Iterator[House]:
    """A live server that may notify receivers on loopback."""
    settings = {"outbound_networks": "127.0.0.0/8", "bill_notices_anywhere": True}
    opened = House(tmp_path, settings=settings, database=database_of(tmp_path, engine))
    yield opened
    opened.close()


def acts(house: House, who: Wallet) -> list[tuple[str, str]]:
    """Return what was done to pairs, and by whom."""
    found = house.run(house.app.acts.of_wallet(who.number))
    return [(one.who, one.what) for one in found if one.what.startswith("pair.") and one.what != "pair.created"]


def test_pairs_are_listed(shop: House) -> None:
    """Whole for machines, in columns for people; no secret is in it, and no name disturbs a terminal."""
    owner = shop.wallet()
    assert kalita("keys", "list", owner.number, "--json", *at(shop)).json == []
    made = shop.call("POST", KEYS, owner, {"keysPairName": "Пара\x1b[2J"}).json
    told = shop.call("POST", KEYS, owner, {"keysPairName": "told", "serverNotificationsUrl": "http://127.0.0.1/"}).json
    found = {one["public_key"]: one for one in kalita("keys", "list", owner.number, "--json", *at(shop)).json}
    first, second = found[made["PublicKey"]], found[told["PublicKey"]]
    assert (first["name"], first["may_spend"], first["notifications"]) == ("Пара\x1b[2J", False, None)
    assert second["notifications"] == {"url": "http://127.0.0.1/", "states": ["PAID"]}
    shown = kalita("keys", "list", owner.number, *at(shop)).out
    assert "Пара?[2J" in shown
    assert "\x1b" not in shown
    assert first["id"] in shown
    assert made["PublicKey"][:12] in shown
    for secret in (made["SecretKey"], told["SecretKey"]):
        assert secret not in shown


def test_a_pair_is_revoked(shop: House) -> None:
    """Its secret opens nothing any more; its bills stay payable."""
    owner, payer = shop.wallet(), shop.wallet(RUB=500_00)
    secret = keys(shop, owner)
    link = issue(shop, secret, payer)["payUrl"][-36:]
    (pair,) = kalita("keys", "list", owner.number, "--json", *at(shop)).json
    assert kalita("keys", "revoke", owner.number, pair["id"], "--json", *at(shop)).json["revoked"] is True
    assert shop.get(f"{BILLS}/b", secret).status == 401
    assert pay(shop, payer, link).status == 200
    assert kalita("keys", "list", owner.number, "--json", *at(shop)).json == []
    refused(kalita("keys", "revoke", owner.number, pair["id"], *at(shop)), "no live pair")
    assert acts(shop, owner) == [("operator", "pair.revoked")]


def test_a_pair_may_spend_and_no_longer(shop: House) -> None:
    """By default it may not; of several pairs only the named one may."""
    owner, payer = shop.wallet(), shop.wallet(RUB=500_00)
    secret, other = keys(shop, payer), keys(shop, payer)
    asks = keys(shop, owner)
    links = [issue(shop, asks, None, name)["payUrl"][-36:] for name in ("1", "2")]
    assert pay(shop, secret, links[0]).status == 403
    pairs = [one["id"] for one in kalita("keys", "list", payer.number, "--json", *at(shop)).json]
    may = dict.fromkeys(pairs, False)
    for pair in pairs:
        assert kalita("keys", "spend", payer.number, pair, "--json", *at(shop)).json["may_spend"] is True
        may[pair] = True
        found = kalita("keys", "list", payer.number, "--json", *at(shop)).json
        assert {one["id"]: one["may_spend"] for one in found} == may
    assert pay(shop, secret, links[0]).status == 200
    for pair in pairs:
        assert "no longer" in kalita("keys", "spend", payer.number, pair, "--lift", *at(shop)).out
    for one in (secret, other):
        assert pay(shop, one, links[1]).status == 403
    assert sorted(acts(shop, payer)) == sorted([("operator", "pair.may_spend"), ("operator", "pair.may_not_spend")] * 2)


def test_a_pair_tells_of_all_ends(shop: House) -> None:
    """Of paid bills only, until it is ticked; and again only of those."""
    owner = shop.wallet()
    with receiver(lambda got: OK) as there:
        secret = keys(shop, owner, serverNotificationsUrl=there.url())
        (pair,) = (one["id"] for one in kalita("keys", "list", owner.number, "--json", *at(shop)).json)
        for name, states in (("a", None), ("b", "all"), ("c", "paid")):
            if states:
                assert kalita("keys", "notify", owner.number, pair, states, *at(shop)).code == 0
            put(shop, secret, name, body())
            assert shop.call("POST", f"{BILLS}/{name}/reject", secret).status == 200
        deliver(shop, 0.4)
        assert [got.json["bill"]["billId"] for got in there.got] == ["b"]


def test_what_is_not_there(shop: House) -> None:
    """No wallet, no pair, no address: one line each."""
    owner = shop.wallet()
    keys(shop, owner)
    (pair,) = (one["id"] for one in kalita("keys", "list", owner.number, "--json", *at(shop)).json)
    refused(kalita("keys", "list", "79000000000", *at(shop)), "no wallet")
    for words in (("revoke", "x"), ("spend", "x"), ("notify", pair, "all")):
        refused(kalita("keys", words[0], owner.number, *words[1:], *at(shop)), "no live pair")
    wrong(kalita("keys", "notify", owner.number, pair, "some", *at(shop)), "paid")
    assert acts(shop, owner) == []
