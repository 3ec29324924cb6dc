"""
The rows of the books, as both engines read and write them.

A row is a plain tuple in the order of its columns; its canonical text is the JSON of that tuple, and that text is what
the chain hashes. Amounts are minor units, moments are microseconds UTC, ids are below 2**53.
"""

from typing import NamedTuple

import msgspec


class AccountRow(msgspec.Struct, array_like=True, gc=False):
    """
    An account of the ledger as it stands: the one row that changes, while its group is judged under lock.

    floor      the balance may not pass below it; None: no floor
    bars       1 nothing may leave, 2 nothing may come in, 3 both
    entries    how many entries it has: the last one's seq
    last_txn   id of the last transaction that touched it
    sum_in, sum_out, sum_card   ever-growing totals of its three history streams
    spent      what limits are measured with, see ledger/counters.py; not part of the books
    opened_by  id of the transaction that opened it
    """

    id: int
    owner: int
    kind: int
    currency: int
    balance: int
    floor: int | None
    bars: int
    entries: int
    last_txn: int
    sum_in: int
    sum_out: int
    sum_card: int
    spent: str
    opened_by: int


class EntryRow(NamedTuple):
    """One side of a transfer: two entries with the same (txn_id, leg) sum to zero."""

    txn_id: int
    leg: int
    account_id: int
    seq: int
    change: int
    balance: int


class PaymentRow(NamedTuple):
    """What was answered to a client's id: `meaning` is the keyed hash of the request, `answer` the stored body."""

    owner: int
    client_id: str
    txn_id: int
    meaning: str
    answer: str


class HistoryRow(NamedTuple):
    """
    One side of a payment as its owner sees it.

    stream     direction * 1000 + currency (see ledger/accounts.py)
    running    total of the stream up to and including this row
    account    the recipient (OUT) or the sender (IN) as shown
    sum, commission   minor units; total = sum + commission
    client_id  the client's own id; None when the server made the record
    state      0 done, 1 waiting, 2 failed; the only thing that ever changes, and only beside a closing row
    """

    wallet: int
    stream: int
    txn_id: int
    running: int
    provider: int
    account: str
    sum: int
    commission: int
    comment: str
    client_id: str | None
    state: int


class ClosingRow(NamedTuple):
    """How a waiting payment ended: error_code 0 is success; `closed_by` is the transaction that moved the hold."""

    wallet: int
    stream: int
    txn_id: int
    error_code: int
    closed_by: int


class BarRow(NamedTuple):
    """What an account was barred from by a transaction: 0 nothing, 1 nothing leaves, 2 nothing comes in, 3 both."""

    account_id: int
    txn_id: int
    bars: int


class WalletRow(NamedTuple):
    """A wallet as the ledger makes it: level 0 when it came into being by a payment, its owner unknown."""

    wallet: int
    created_at: int
    registered_at: int | None
    level: int
    nickname: str | None


class GroupRow(NamedTuple):
    """
    One commit of a lane: the ids it spans and the keyed hash over what it wrote and the head before it.

    parts  the beginnings of the hashes of each table's rows: when the head does not come out, they tell which table
    """

    lane: int
    seq: int
    first_txn: int
    last_txn: int
    head: str
    parts: str


class LaneRow(NamedTuple):
    """A writer's lane: who leases it until when, and its newest group."""

    lane: int
    holder: str
    leased_until: int
    seq: int
    last_txn: int
    head: str
