"""
The log of acts: whatever matters leaves a row, and none holds a secret or personal data. Source: web.md 0.
"""

import json

from kalita.people.wallets import Level
from tests.api.house import House
from tests.api.table import PERSON
from tests.servers import Wallet

HOOKS = "/payment-notifier/v1/hooks"


def words(house: House, who: Wallet) -> list[str]:
    """Return what was done, whatever the order within one moment."""
    return sorted(one.what for one in house.run(house.app.acts.of_wallet(who.number)))


def test_what_matters_is_on_record(house: House) -> None:
    """Tokens, hooks, pairs of keys, levels, restrictions, sign-ins: once each, newest first."""
    who = house.wallet(level=Level.SIMPLE)
    house.later(1)
    put = house.call("PUT", f"{HOOKS}?hookType=1&param=http://93.184.216.34/&txnType=2", who)
    assert put.status == 200, put.body
    hook = put.json["hookId"]
    house.later(1)
    assert house.call("POST", f"{HOOKS}/{hook}/newkey", who).status == 200
    assert house.call("DELETE", f"{HOOKS}/{hook}", who).status == 200
    house.run(house.app.wallets.set_level(who.number, Level.VERIFIED))
    house.run(house.app.restrictions.put(who.number, True, False, "wallet.restricted"))
    house.run(house.app.contacts.signed_in(who.number, "192.0.2.1"))
    made = house.run(house.app.key_pairs.create(who.number, "shop", None))
    house.run(house.app.key_pairs.revoke(who.number, made.id))
    assert house.run(house.app.tokens.revoke(who.number))
    house.later(1)
    assert not house.run(house.app.tokens.revoke(who.number)), "what did not happen is not on record"
    assert words(house, who) == sorted([
        "token.issued", "hook.registered", "hook.new_key", "hook.deleted", "level.set", "wallet.restricted",
        "signed_in", "pair.created", "pair.revoked", "token.revoked",
    ])  # fmt: skip
    found = house.run(house.app.acts.of_wallet(who.number))
    assert [one.at for one in found] == sorted((one.at for one in found), reverse=True)


def test_no_act_tells_a_secret(house: House) -> None:
    """Neither a token, nor a code, nor a name or number of a document."""
    who = house.wallet(level=Level.SIMPLE)
    house.call("POST", f"/identification/v1/persons/{who.number}/identification", who, PERSON)
    told = json.dumps(house.run(house.app.acts.of_wallet(who.number)), ensure_ascii=False)
    for secret in (who.token, PERSON["passport"], PERSON["lastName"], PERSON["firstName"], PERSON["birthDate"]):
        assert secret not in told


def test_pages_of_acts(house: House) -> None:
    """So many at once, those before a moment."""
    who = house.wallet()
    for _ in range(5):
        house.later(1)
        house.token(who.number)
    first = house.run(house.app.acts.of_wallet(who.number, limit=2))
    rest = house.run(house.app.acts.of_wallet(who.number, before=first[-1].at))
    assert [one.what for one in first + rest] == ["token.issued"] * 6
