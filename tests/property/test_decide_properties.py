"""Decisions of the ledger: money is conserved, no floor is passed, all happens or nothing (I1, I2)."""

import copy
from collections import defaultdict

from hypothesis import event, given
from hypothesis import strategies as st

from kalita.ledger.accounts import Kind, account_id, new_account
from kalita.ledger.decide import Entry, decide
from kalita.ledger.order import Transfer
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

PURSES = tuple(
    (owner, kind, currency)
    for owner, kind in ((ALICE, Kind.WALLET), (ALICE, Kind.HOLD), (BOB, Kind.WALLET), (-1, Kind.FEE), (-1, Kind.AGENT))
    for currency in (RUB, RUB, USD)
)
NAMES = sorted({account_id(*purse) for purse in PURSES})
AMOUNTS = st.integers(1, 60) | st.integers(1, 10**14)

Accounts = dict[int, AccountRow]


@st.composite
def accounts(draw: st.DrawFn) -> Accounts:
    """Draw accounts as they may stand: most are there, few are barred, none is below its floor."""
    found = {}
    for purse in set(PURSES):
        if draw(st.integers(0, 19)):
            account = new_account(*purse, 1)
            account.floor = draw(st.sampled_from((account.floor, account.floor, -50)))
            account.balance = draw(st.integers(0, 100) | st.integers(0, 10**14)) + (account.floor or 0)
            account.bars = draw(st.sampled_from((0,) * 12 + (1, 2, 3)))
            found[account.id] = account
    return found


TRANSFER = (
    st.tuples(st.sampled_from(PURSES), st.sampled_from(PURSES), AMOUNTS)
    .filter(lambda drawn: drawn[0] != drawn[1])
    .flatmap(
        lambda drawn: st.sampled_from((drawn[0][2],) * 9 + (drawn[1][2],)).map(
            lambda currency: Transfer(account_id(*drawn[0]), account_id(*drawn[1][:2], currency), drawn[2])
        )
    )
    .filter(lambda transfer: transfer.source != transfer.target)
)
CHAINS = st.lists(TRANSFER, max_size=16).map(tuple)


def refusal_of(state: Accounts, transfer: Transfer) -> Refusal | None:
    """Say why one transfer may not happen, in the words of the rules."""
    source, target = state.get(transfer.source), state.get(transfer.target)
    if source is None:
        return CURRENCY
    if target is None:
        return NO_SUCH_RECIPIENT
    rules = (
        (source.currency != target.currency, CURRENCY),
        (source.bars in (1, 3), OUTGOING_RESTRICTED),
        (target.bars in (2, 3) and source.owner != target.owner, RECIPIENT_STATUS),
        (source.floor is not None and source.balance - transfer.amount < source.floor, NOT_ENOUGH_MONEY),
    )
    return next((refusal for broken, refusal in rules if broken), None)


def one_by_one(state: Accounts, transfers: tuple[Transfer, ...]) -> list[Entry] | Refusal:
    """Do what decide does with accounts that really change."""
    state, entries = copy.deepcopy(state), []
    for transfer in transfers:
        if refusal := refusal_of(state, transfer):
            return refusal
        for name, change in ((transfer.source, -transfer.amount), (transfer.target, transfer.amount)):
            state[name].balance += change
            entries.append(Entry(name, change, state[name].balance))
    return entries


def after(state: Accounts, entries: list[Entry]) -> Accounts:
    """Return accounts as entries leave them."""
    state = copy.deepcopy(state)
    for entry in entries:
        state[entry.account].balance = entry.balance
    return state


@given(accounts(), CHAINS)
def test_decision_is_that_of_one_transfer_after_the_other(state: Accounts, chain: tuple[Transfer, ...]) -> None:
    """A decision is what doing it step by step would give, and it changes nothing itself."""
    before = copy.deepcopy(state)
    decided = decide(state, chain)
    assert decided == one_by_one(state, chain)
    assert state == before
    event(decided.code if isinstance(decided, Refusal) else "entries")


@given(accounts(), CHAINS)
def test_money_is_conserved_and_no_floor_passed(state: Accounts, chain: tuple[Transfer, ...]) -> None:
    """Two entries for each transfer come to zero, each balance follows from the last, none is below its floor."""
    decided = decide(state, chain)
    entries = [] if isinstance(decided, Refusal) else decided
    sums: dict[int, int] = defaultdict(int)
    balances = {name: account.balance for name, account in state.items()}
    for source, target in zip(entries[::2], entries[1::2], strict=True):
        assert source.change + target.change == 0 > source.change
        for entry in (source, target):
            account = state[entry.account]
            balances[entry.account] += entry.change
            sums[account.currency] += entry.change
            assert entry.balance == balances[entry.account]
            assert account.floor is None or entry.balance >= account.floor
    assert set(sums.values()) <= {0}


@given(accounts(), CHAINS, st.integers(0, 16))
def test_all_happens_or_nothing(state: Accounts, chain: tuple[Transfer, ...], cut: int) -> None:
    """One link that may not happen refuses the whole chain, and what follows the first refusal changes nothing."""
    first, rest = chain[:cut], chain[cut:]
    decided, begun = decide(state, chain), decide(state, first)
    if isinstance(begun, Refusal):
        assert decided == begun
        return
    ended = decide(after(state, begun), rest)
    assert decided == (ended if isinstance(ended, Refusal) else begun + ended)


@given(accounts(), CHAINS)
def test_way_back_restores_every_balance(state: Accounts, chain: tuple[Transfer, ...]) -> None:
    """Transfers undone in the opposite order leave everything as it was."""
    for account in state.values():
        account.bars = 0
    decided = decide(state, chain)
    if not isinstance(decided, Refusal):
        back = tuple(Transfer(target, source, amount) for source, target, amount in reversed(chain))
        undone = decide(after(state, decided), back)
        assert not isinstance(undone, Refusal)
        assert after(after(state, decided), undone) == state
