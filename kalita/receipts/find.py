"""
Find the payment of a receipt, and check a receipt against the books.
"""

from dataclasses import dataclass

from kalita import ids
from kalita.history.pages import DONE, History
from kalita.ledger.accounts import Direction, Kind, account_id
from kalita.receipts.receipt import Claims, Codes, Receipt
from kalita.refusals import CHEQUE_NOT_AVAILABLE, HISTORY_NOT_FOUND, Refused
from kalita.storage.engine import Engine


@dataclass(frozen=True, slots=True)
class Checked:
    """
    A receipt of ours, checked.

    claims   what it says
    receipt  the payment as history has it now; None when it is not there any more
    agrees   history and the entries of the ledger both say what the receipt says
    """

    claims: Claims
    receipt: Receipt | None
    agrees: bool


class Receipts:
    """Find receipts, and check them."""

    def __init__(self, engine: Engine, history: History, codes: Codes) -> None:
        self._engine, self._history, self.codes = engine, history, codes

    async def find(self, wallet: int, txn_id: int, direction: Direction) -> Receipt:
        """
        Return the receipt of a payment of a wallet.

        raises  HISTORY_NOT_FOUND; CHEQUE_NOT_AVAILABLE when the payment did not succeed (yet)
        """
        row = await self._history.transaction(wallet, txn_id, direction) if txn_id <= ids.LARGEST else None
        if row is None:
            raise Refused(HISTORY_NOT_FOUND, "there is no such transaction")
        if row.state != DONE:
            raise Refused(CHEQUE_NOT_AVAILABLE, "only a payment that succeeded has a receipt")
        return Receipt(wallet, row)

    async def check(self, code: str) -> Checked | None:
        """Check a receipt by its code; None when this server never wrote it."""
        claims = self.codes.read(code)
        if claims is None:
            return None
        direction, currency = Direction(claims.stream // 1000), claims.stream % 1000
        row = await self._history.transaction(claims.wallet, claims.txn_id, direction)
        if row is None or row.stream != claims.stream:
            return Checked(claims, None, False)
        receipt = Receipt(claims.wallet, row)
        account = account_id(claims.wallet, Kind.WALLET, currency)
        moved = await self._engine.one("entries_moved", claims.txn_id, account)
        told = await self._history.moved(claims.wallet, currency, claims.txn_id)
        agrees = row.state == DONE and receipt.claims == claims and moved is not None and moved[0] == told
        return Checked(claims, receipt, agrees)
