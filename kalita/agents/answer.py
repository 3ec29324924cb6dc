"""
What an agent's call is answered with: the OSMP result codes and their XML. Source: osmp.md.
"""

from html import escape
from typing import NamedTuple

OK, TEMPORARY, WRONG_ACCOUNT, NO_ACCOUNT, INACTIVE = 0, 1, 4, 5, 79
TOO_SMALL, TOO_LARGE, OTHER = 241, 242, 300


class Result(NamedTuple):
    """How a call ended. comment: for the agent's staff."""

    code: int
    comment: str


def written(txn_id: str, result: Result, paid: str = "", number: str = "") -> str:
    """Write an answer. paid: the sum it echoes; number: our own number of the payment."""
    mine = f"<prv_txn>{number}</prv_txn>" if number else ""
    amount = f"<sum>{paid}</sum>" if paid else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<response><osmp_txn_id>{escape(txn_id)}</osmp_txn_id>{mine}{amount}"
        f"<result>{result.code}</result><comment>{escape(result.comment)}</comment></response>"
    )


def around(txn_id: str, paid: str) -> tuple[str, str]:
    """Write the answer to a payment that is taken, cut where our number goes: it is stored and replayed to repeats."""
    mark = "\0"
    before, _, after = written(txn_id, Result(OK, "OK"), paid, mark).partition(mark)
    return before, after
