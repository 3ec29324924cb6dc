"""
Route by rights, route by ownership: made from the table, so that a new row is in them from its first day.

Source: access.md 4, 4.1 and 5.2.
"""

from collections.abc import Iterator

import pytest

from kalita.cards.api import ALL_FOUR
from kalita.clock import DAY
from kalita.refusals import UNAUTHORIZED
from kalita.wire.endpoint import ALL_PERMISSIONS, Caller, Permission
from tests.api.house import Answer, House
from tests.api.table import ANYONES, OURS, SECRETS, Address
from tests.commands import past_the_program
from tests.servers import Wallet

MASKS = [Permission(mask) for mask in range(1, ALL_PERMISSIONS + 1)]
NOBODY = 79_999_999_999
BY_SECRET = SECRETS + [address for address in OURS if address.row.caller is Caller.EITHER]
OPEN_TO_ANY_TOKEN = {"/search/v1/search", "/qw-mobile-providers-resolver/v1/providers"}


@pytest.fixture(scope="module")
def owners(house: House) -> dict[Permission, Wallet]:
    """A wallet with a token for every mixture of permissions."""
    return {mask: house.wallet(mask, RUB=1_000_00) for mask in MASKS}


def call(house: House, address: Address, wallet: Wallet | None, of: int | None = None) -> Answer:
    """Call an address as somebody, for their own wallet or another one."""
    target = address.at(of if of is not None else wallet.number if wallet else NOBODY)
    return house.call(address.row.method, target, wallet, address.body())


def words(answer: Answer) -> dict[str, str]:
    """Return what a refusal says, without what differs in every call."""
    return {name: text for name, text in answer.json.items() if name not in ("dateTime", "traceId")}


@pytest.mark.parametrize("address", OURS, ids=str)
def test_permission_decides(house: House, owners: dict[Permission, Wallet], address: Address) -> None:
    """Of all 31 mixtures exactly those with the row's permission pass; the others get the same 403."""
    for mask, owner in owners.items():
        answer = call(house, address, owner)
        if address.row.permission is None or address.row.permission in mask:
            assert answer.code in address.codes, f"{mask!r}: {answer.body!r}"
        else:
            assert (answer.status, answer.code) == (403, "auth.forbidden"), repr(mask)
            assert (answer.json["userMessage"]) == "Доступ запрещён"


def test_every_row_of_a_token_asks_for_a_permission() -> None:
    """No row forgets it, and each permission opens some; that of cards only with three others. Source: cards.md"""
    assert {address.row.permission for address in OURS} == set(Permission) - {Permission.CARDS} | {ALL_FOUR, None}
    assert {address.path for address in OURS if address.row.permission is None} == OPEN_TO_ANY_TOKEN


def test_token_without_permissions_cannot_be_issued(house: House) -> None:
    """At least one permission is in every token."""
    with pytest.raises(AssertionError):
        house.run(house.app.tokens.issue(house.wallet().number, Permission(0)))


@pytest.mark.parametrize("address", [one for one in OURS if "{wallet}" in one.path], ids=str)
def test_foreign_and_missing_wallets_look_alike(
    house: House, owners: dict[Permission, Wallet], address: Address
) -> None:
    """403 in the same words whether the wallet exists or not, and whatever else the token allows."""
    other = house.wallet()
    for mask in (ALL_PERMISSIONS, address.row.permission, ALL_PERMISSIONS & ~address.row.permission):
        answers = [call(house, address, owners[mask], of) for of in (other.number, NOBODY, 1000000000, 999999999999999)]
        assert {answer.status for answer in answers} == {403}
        assert len({str(words(answer)) for answer in answers}) == 1


@pytest.mark.parametrize("address", OURS, ids=str)
def test_dead_tokens_are_all_alike(house: House, address: Address) -> None:
    """No token, an unknown, expired, revoked, replaced one: the same 401 in the same words."""
    for dead in _dead(house):
        answer = call(house, address, dead)
        assert (answer.status, answer.code) == (401, "auth.unauthorized")
        assert words(answer) == words(call(house, address, None))
        assert answer.headers["www-authenticate"] == "Bearer"


def _dead(house: House) -> Iterator[Wallet | None]:
    """Make dead tokens; the clock stands where the last one has just expired, until the next is asked for."""
    yield from (None, Wallet(NOBODY, "0" * 32))
    replaced = house.wallet()
    house.token(replaced.number)
    yield replaced
    revoked = house.wallet()
    assert house.get("/funding-sources/v1/accounts/current", revoked).status == 200
    assert house.run(house.app.tokens.revoke(revoked.number))
    yield revoked
    expired = house.wallet()
    moment = house.hand.now
    house.later(180 * DAY // 1_000_000 - 1)
    assert house.get("/funding-sources/v1/accounts/current", expired).status == 200
    house.later(1)
    yield expired
    house.hand.now = moment


@pytest.mark.parametrize("address", OURS, ids=str)
def test_closed_wallet_is_not_found(house: House, address: Address) -> None:
    """The token of a closed wallet is told so, by every row."""
    number = house.wallet().number
    past_the_program(house.data, house.database, "UPDATE wallet SET closed_at = created_at WHERE wallet = $1", number)
    answer = call(house, address, house.token(number))
    assert (answer.status, answer.code) == (404, "person.not.found")


@pytest.mark.parametrize("address", BY_SECRET, ids=str)
def test_secret_of_a_pair_opens_its_rows(house: House, address: Address) -> None:
    """It is enough by itself; where money leaves, its owner has to have said so."""
    answer = call(house, address, house.secret(house.wallet(RUB=1_000_00)))
    if address.row.spends:
        assert (answer.status, answer.code) == (403, "auth.forbidden")
    else:
        assert answer.code in address.codes, answer.body


@pytest.mark.parametrize("address", [one for one in OURS if one.row.caller is Caller.TOKEN], ids=str)
def test_secret_of_a_pair_opens_nothing_else(house: House, address: Address) -> None:
    """A row for tokens takes it for a token that is unknown."""
    answer = call(house, address, house.secret(house.wallet()))
    assert (answer.status, answer.code) == (401, "auth.unauthorized")


@pytest.mark.parametrize("address", BY_SECRET, ids=str)
def test_dead_secrets_are_all_alike(house: House, address: Address) -> None:
    """None, an unknown, a changed, a revoked one; a token where only a secret is taken: 401 in the same words."""
    owner = house.wallet()
    revoked = house.secret(owner)
    (pair,) = house.run(house.app.key_pairs.live(owner.number))
    assert call(house, address, revoked).status != 401
    assert house.run(house.app.key_pairs.revoke(owner.number, pair.id))
    changed = Wallet(owner.number, house.secret(owner).token[:-6] + "AAAA==")
    dead = [revoked, changed, Wallet(NOBODY, "eyJ"), *([owner] if address.row.caller is Caller.SECRET else [])]
    for one in dead:
        answer = call(house, address, one)
        assert (answer.status, answer.code) == (401, "auth.unauthorized")
        assert words(answer) == words(call(house, address, None))
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("address", BY_SECRET, ids=str)
def test_secret_of_a_closed_wallet_is_told_so(house: House, address: Address) -> None:
    """As its token is, by every row."""
    shop = house.secret(house.wallet())
    text = "UPDATE wallet SET closed_at = created_at WHERE wallet = $1"
    past_the_program(house.data, house.database, text, shop.number)
    answer = call(house, address, shop)
    assert (answer.status, answer.code) == (404, "person.not.found")


@pytest.mark.parametrize("address", ANYONES, ids=str)
def test_rows_for_anyone_look_at_no_token(house: House, owners: dict[Permission, Wallet], address: Address) -> None:
    """With a good token, a bad one or none they answer the same."""
    answers = [call(house, address, who) for who in (None, owners[ALL_PERMISSIONS], Wallet(NOBODY, "bad"))]
    told = [answer.body if answer.status == 200 else words(answer) for answer in answers]
    own = {401} if UNAUTHORIZED in address.row.refusals else set()  # what is no token of the caller's head
    assert {answer.status for answer in answers} <= {200, 404} | own
    assert all(one == told[0] for one in told)


def test_transactions_are_their_owners_alone(house: House) -> None:
    """Foreign and unknown transactions look alike: 404 in the same words, by either form and any type."""
    owner, stranger = house.wallet(RUB=1), house.wallet(RUB=1)
    page = house.get(f"/payment-history/v2/persons/{owner.number}/payments?rows=1", owner)
    txn = page.json["data"][0]["txnId"]
    for form in ("v1", "v2"):
        for kind in ("", "?type=IN", "?type=OUT", "?type=None"):
            foreign = house.get(f"/payment-history/{form}/transactions/{txn}{kind}", stranger)
            unknown = house.get(f"/payment-history/{form}/transactions/{txn + 1}{kind}", stranger)
            assert (foreign.status, words(foreign)) == (404, words(unknown))
