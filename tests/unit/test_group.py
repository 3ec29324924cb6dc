"""A group of orders is judged in memory: ids, repeats, openings, and what is written. Pure."""

import pytest

from kalita.clock import SECOND
from kalita.ids import EPOCH_S, LANES, next_id
from kalita.ledger.accounts import Kind, account_id, new_account
from kalita.ledger.chain import GENESIS
from kalita.ledger.group import Group, Unread, needs_of
from kalita.ledger.order import Accepted, Order, Outcome
from kalita.money import EUR, KZT
from kalita.refusals import NOT_ENOUGH_MONEY, OUTGOING_RESTRICTED, REPEATED
from kalita.storage.engine import Found, Writes
from kalita.storage.rows import LaneRow
from tests.books import ALICE, BOB, CAROL, RUB, USD, bar, pay

NOW = (EPOCH_S + 200_000_000) * SECOND
EARLIER = next_id(NOW - SECOND, 0, 5)
LATER = next_id(NOW + 3600 * SECOND, 0, 5)
KEY = b"k" * 32
EVERYBODY = {ALICE, BOB, CAROL}


def _found(last_txn: int = EARLIER, **balances: int) -> Found:
    accounts = {}
    for owner, name in ((ALICE, "alice"), (BOB, "bob")):
        account = new_account(owner, Kind.WALLET, RUB, EARLIER)
        account.balance = balances.get(name, 0)
        accounts[account.id] = account
    return Found(LaneRow(2, "me", 0, 7, last_txn, "f" * 32), accounts, {}, {})


def _judged(found: Found, *orders: Order) -> tuple[list[Outcome], Writes]:
    group = Group(list(orders), NOW, KEY, EVERYBODY)
    writes = group.judge(found)
    return group.outcomes, writes


def _ids(outcomes: list[Outcome]) -> list[int]:
    assert all(isinstance(outcome, Accepted) for outcome in outcomes), outcomes
    return [outcome.txn_id for outcome in outcomes if isinstance(outcome, Accepted)]


def covered(ranges: list[tuple[int, int]], account: int) -> bool:
    """Tell whether an account lies in exactly one of some ranges."""
    return sum(low <= account <= high for low, high in ranges) == 1


def test_needs_are_in_the_order_of_locking() -> None:
    """Accounts are locked in the order of their ids, each once; two groups cannot wait for one another."""
    orders = [pay(BOB, ALICE, 1, fee=1, client_id="b"), pay(ALICE, BOB, 1, client_id="a"), pay(ALICE, CAROL, 1)]
    needs = needs_of(orders, 3, "me")
    ends = [end for range_ in needs.accounts for end in dict.fromkeys(range_)]
    assert ends == sorted(set(ends))
    assert all(covered(needs.accounts, account_id(owner, Kind.WALLET, RUB)) for owner in (ALICE, BOB, CAROL))
    assert needs.keys == [(ALICE, "a"), (BOB, "b")]


def test_ids_are_in_order_of_the_lane_and_of_every_account_touched() -> None:
    """Past the clock, the last id of the lane, and the last id of each account, in the writer's lane."""
    outcomes, _ = _judged(_found(alice=10), pay(ALICE, BOB, 1), pay(ALICE, BOB, 1))
    first, second = _ids(outcomes)
    assert EARLIER < first < second
    assert first == next_id(NOW, 0, 2)
    outcomes, _ = _judged(_found(last_txn=LATER, alice=10), pay(ALICE, BOB, 1))
    assert _ids(outcomes)[0] > LATER
    ahead = _found(alice=10)
    ahead.accounts[account_id(BOB, Kind.WALLET, RUB)].last_txn = LATER
    outcomes, writes = _judged(ahead, pay(ALICE, BOB, 1))
    assert _ids(outcomes)[0] > LATER
    assert _ids(outcomes)[0] % LANES == 2
    assert {account.last_txn for account in writes.accounts} == set(_ids(outcomes))


def test_order_sees_what_earlier_ones_of_its_group_did() -> None:
    """Money that came in may go out in the same group; money that went out is gone."""
    outcomes, writes = _judged(_found(alice=10), pay(BOB, ALICE, 1), pay(ALICE, BOB, 10), pay(BOB, ALICE, 10))
    assert outcomes[0] is NOT_ENOUGH_MONEY
    assert [isinstance(outcome, Accepted) for outcome in outcomes[1:]] == [True, True]
    assert [entry.seq for entry in writes.entries] == [1, 1, 2, 2]
    outcomes, _ = _judged(_found(alice=10), pay(ALICE, BOB, 10), pay(ALICE, BOB, 1))
    assert outcomes[1] is NOT_ENOUGH_MONEY


def test_repeat_within_a_group() -> None:
    """The same id and meaning get the first answer, another meaning is refused, neither writes anything."""
    one = pay(ALICE, BOB, 1, client_id="x")
    outcomes, writes = _judged(_found(alice=10), one, one, pay(ALICE, BOB, 2, client_id="x"))
    first = outcomes[0]
    assert isinstance(first, Accepted)
    assert outcomes[1:] == [first._replace(repeated=True), REPEATED]
    assert first.answer == f'{{"id":"{first.txn_id}"}}'
    assert len(writes.payments) == 1
    assert len(writes.entries) == 2


def test_refused_call_does_not_use_its_id_up() -> None:
    """After a refusal the same id may pay."""
    outcomes, writes = _judged(
        _found(bob=5), pay(ALICE, BOB, 1, client_id="x"), pay(BOB, ALICE, 5), pay(ALICE, BOB, 1, client_id="x")
    )
    assert outcomes[0] is NOT_ENOUGH_MONEY
    assert isinstance(outcomes[2], Accepted)
    assert not outcomes[2].repeated
    assert [payment.client_id for payment in writes.payments] == ["x"]


def test_refused_order_opens_nothing() -> None:
    """An account that a refused payment would have opened is opened by the next one that succeeds."""
    outcomes, writes = _judged(_found(alice=10), pay(ALICE, CAROL, 11), pay(ALICE, CAROL, 10))
    assert outcomes[0] is NOT_ENOUGH_MONEY
    assert [(account.owner, account.balance) for account in writes.opened] == [(CAROL, 10)]
    assert writes.opened[0].opened_by == _ids(outcomes[1:])[0]
    assert [(wallet.wallet, wallet.level) for wallet in writes.wallets] == [(CAROL, 0)]
    _, nothing = _judged(_found(alice=10), pay(ALICE, CAROL, 11))
    assert nothing == Writes(refused=True)


def test_history_carries_running_totals() -> None:
    """Each record holds the total of its stream up to it, commission included; the account keeps the last."""
    _, writes = _judged(_found(alice=100), pay(ALICE, BOB, 10, fee=1), pay(ALICE, BOB, 20, fee=2))
    assert [(row.wallet, row.stream, row.running) for row in writes.history] == [
        (ALICE, 2643, 11), (BOB, 1643, 10), (ALICE, 2643, 33), (BOB, 1643, 30),
    ]  # fmt: skip
    sums = {account.owner: (account.sum_in, account.sum_out) for account in writes.accounts}
    assert (sums[ALICE], sums[BOB]) == ((0, 33), (30, 0))


def test_bar_binds_the_orders_after_it() -> None:
    """Orders of one group happen one after the other."""
    outcomes, writes = _judged(_found(alice=10), pay(ALICE, BOB, 1), bar(ALICE, 1), pay(ALICE, BOB, 1))
    assert [isinstance(outcome, Accepted) for outcome in outcomes[:2]] == [True, True]
    assert outcomes[2] is OUTGOING_RESTRICTED
    assert [(row.bars, row.txn_id) for row in writes.bars] == [(1, _ids(outcomes[:2])[1])]


def test_group_goes_on_from_the_head_of_its_lane() -> None:
    """Number and hash follow the lane's; another previous head, lane or key gives another hash."""
    orders = [pay(ALICE, BOB, 1), pay(ALICE, BOB, 2)]
    outcomes, writes = _judged(_found(alice=10), *orders)
    group = writes.group
    assert group is not None
    first, last = _ids(outcomes)
    assert group[:4] == (2, 8, first, last)
    heads = {group.head}
    for change in ({"head": GENESIS}, {"seq": 8}):
        found = _found(alice=10)
        found.lane = found.lane._replace(**change)
        other = _judged(found, *orders)[1].group
        assert other is not None
        heads.add(other.head)
    other = Group(orders, NOW, b"x" * 32, EVERYBODY).judge(_found(alice=10)).group
    assert other is not None
    assert len(heads | {other.head}) == 4


def test_judging_again_gives_the_same() -> None:
    """A group that could not be committed is judged anew from what is found then."""
    group = Group([pay(ALICE, BOB, 1, client_id="x"), pay(ALICE, CAROL, 2)], NOW, KEY, EVERYBODY)
    assert group.judge(_found(alice=10)) == group.judge(_found(alice=10))
    assert len(group.outcomes) == 2


def test_a_new_balance_is_barred_as_those_beside_it() -> None:
    """Money that comes in opens no way around a restriction; those beside it have to be read for that."""
    found = _found(alice=10)
    found.accounts[account_id(ALICE, Kind.WALLET, USD)] = new_account(ALICE, Kind.WALLET, USD, EARLIER)
    found.accounts[account_id(ALICE, Kind.WALLET, USD)].balance = 5
    found.accounts[account_id(BOB, Kind.WALLET, RUB)].bars = 1
    order = pay(ALICE, BOB, 1, currency=USD)
    with pytest.raises(Unread) as unread:
        Group([order], NOW, KEY).judge(found)
    assert unread.value.owners == {BOB}
    asked = needs_of([order], 3, "me", unread.value.owners).accounts
    assert all(covered(asked, account_id(BOB, Kind.WALLET, currency)) for currency in (RUB, USD, EUR, KZT))
    outcomes, writes = _judged(found, order, pay(BOB, ALICE, 1, currency=USD))
    (txn_id,) = _ids(outcomes[:1])
    assert outcomes[1] == OUTGOING_RESTRICTED
    assert writes.bars == [(account_id(BOB, Kind.WALLET, USD), txn_id, 1)]
