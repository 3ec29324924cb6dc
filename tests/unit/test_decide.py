"""The heart: transfers become entries, or the first reason why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalita.ledger.accounts import BAR_IN, BAR_OUT, Kind, account_id, house, new_account
from kalita.ledger.decide import decide
from kalita.ledger.order import MOST_TRANSFERS, Transfer
from kalita.refusals import (
    CURRENCY,
    NO_SUCH_RECIPIENT,
    NOT_ENOUGH_MONEY,
    OUTGOING_RESTRICTED,
    RECIPIENT_STATUS,
    Refusal,
)
from kalita.storage.rows import AccountRow
from tests.books import ALICE, BOB, RUB, USD

A, B = account_id(ALICE, Kind.WALLET, RUB), account_id(BOB, Kind.WALLET, RUB)
HOLD, DOLLARS, FEE = account_id(ALICE, Kind.HOLD, RUB), account_id(BOB, Kind.WALLET, USD), account_id(-1, Kind.FEE, RUB)


def _accounts(**balances: int) -> dict[int, AccountRow]:
    opened = {
        A: new_account(ALICE, Kind.WALLET, RUB, 1),
        B: new_account(BOB, Kind.WALLET, RUB, 1),
        HOLD: new_account(ALICE, Kind.HOLD, RUB, 1),
        DOLLARS: new_account(BOB, Kind.WALLET, USD, 1),
        FEE: new_account(house(0, 0), Kind.FEE, RUB, 1),
    }
    opened[A].balance = balances.get("alice", 0)
    opened[B].balance = balances.get("bob", 0)
    return opened


def test_transfer_becomes_two_entries() -> None:
    """Source first, each with the balance after it; the accounts themselves are not touched."""
    accounts = _accounts(alice=100)
    assert decide(accounts, (Transfer(A, B, 60), Transfer(A, FEE, 40))) == [
        (A, -60, 40), (B, 60, 60), (A, -40, 0), (FEE, 40, 40),
    ]  # fmt: skip
    assert accounts == _accounts(alice=100)


@pytest.mark.parametrize(("transfers", "refusal"), [
    ([(A, B, 101)], NOT_ENOUGH_MONEY),
    ([(A, B, 60), (A, FEE, 41)], NOT_ENOUGH_MONEY),
    ([(A, 5, 1)], NO_SUCH_RECIPIENT),
    ([(5, A, 1)], CURRENCY),
    ([(A, DOLLARS, 1)], CURRENCY),
    ([(A, B, 1), (A, B, 200), (A, 5, 1)], NOT_ENOUGH_MONEY),
])  # fmt: skip
def test_first_refusal_met_is_told(transfers: list[tuple[int, int, int]], refusal: Refusal) -> None:
    """Money counts with its commission, and nothing crosses currencies."""
    assert decide(_accounts(alice=100), tuple(Transfer(*one) for one in transfers)) is refusal


def test_money_may_pass_through() -> None:
    """What an earlier transfer of the order brought, a later one may move on."""
    assert not isinstance(decide(_accounts(alice=5), (Transfer(A, B, 5), Transfer(B, HOLD, 5))), Refusal)


def test_house_may_owe() -> None:
    """Accounts of the house have no floor."""
    assert decide(_accounts(), (Transfer(FEE, A, 7),)) == [(FEE, -7, -7), (A, 7, 7)]


def test_bars() -> None:
    """A bar stops what leaves or comes in, but not what an owner gets back from his own hold."""
    accounts = _accounts(alice=100, bob=100)
    accounts[HOLD].balance = 5
    accounts[A].bars = BAR_OUT | BAR_IN
    assert decide(accounts, (Transfer(A, B, 1),)) is OUTGOING_RESTRICTED
    assert decide(accounts, (Transfer(A, HOLD, 1),)) is OUTGOING_RESTRICTED
    assert decide(accounts, (Transfer(B, A, 1),)) is RECIPIENT_STATUS
    assert not isinstance(decide(accounts, (Transfer(HOLD, A, 5),)), Refusal)
    assert not isinstance(decide(accounts, (Transfer(HOLD, FEE, 5),)), Refusal)


@pytest.mark.parametrize("transfers", [
    (Transfer(A, B, 0),), (Transfer(A, B, -1),), (Transfer(A, A, 1),), (Transfer(A, B, 1),) * (MOST_TRANSFERS + 1),
])  # fmt: skip
def test_nonsense_is_a_bug_not_a_refusal(transfers: tuple[Transfer, ...]) -> None:
    """No rule of the API leads there: an assertion."""
    with pytest.raises(AssertionError):
        decide(_accounts(alice=100), transfers)


@given(
    st.integers(0, 300),
    st.lists(st.tuples(st.sampled_from([A, B, HOLD, FEE]), st.sampled_from([A, B, HOLD, FEE]), st.integers(1, 200)),
             min_size=1, max_size=MOST_TRANSFERS),
)  # fmt: skip
def test_money_is_conserved_and_no_floor_passed(funds: int, moves: list[tuple[int, int, int]]) -> None:
    """Whatever is linked: the entries sum to zero, balances follow one another, no owner goes below zero."""
    transfers = tuple(Transfer(*move) for move in moves if move[0] != move[1])
    accounts = _accounts(alice=funds)
    entries = decide(accounts, transfers)
    if isinstance(entries, Refusal):
        assert entries is NOT_ENOUGH_MONEY
        return
    assert len(entries) == 2 * len(transfers)
    assert sum(entry.change for entry in entries) == 0
    balances = {number: account.balance for number, account in accounts.items()}
    for entry in entries:
        balances[entry.account] += entry.change
        assert entry.balance == balances[entry.account]
        assert entry.balance >= 0 or entry.account == FEE
