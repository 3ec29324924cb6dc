"""
What a receipt says, and the code that it can be checked by.

The code carries what the paper claims, sealed with a key of this installation: nobody else can make one, nothing in it
can be read or changed, and the same payment always has the same code. So a paper with other figures than the books is
found out, and so are books that were changed after the paper went out.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from kalita.history.pages import Shown
from kalita.keys import Keys
from kalita.ledger.accounts import Direction

CODE_LENGTH = 64
_SIZES = (7, 7, 2, 6, 6, 4)
"""Bytes of each claim: wallet, transaction, stream, sum, commission, digest of the rest."""


class Issuer(NamedTuple):
    """Whose receipts these are, as people know the service, and the address where people reach it."""

    name: str
    address: str


class Claims(NamedTuple):
    """
    What a receipt claims. sum and commission in minor units.

    rest  digest of what is told apart only on paper: the provider, the other side, the comment
    """

    wallet: int
    txn_id: int
    stream: int
    sum: int
    commission: int
    rest: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """One side of a payment that succeeded, as its owner's receipt shows it."""

    wallet: int
    row: Shown

    @property
    def direction(self) -> Direction:
        """Which way the money went."""
        return Direction(self.row.stream // 1000)

    @property
    def currency(self) -> int:
        """The ISO number."""
        return self.row.stream % 1000

    @property
    def total(self) -> int:
        """Sum and commission, minor units."""
        return self.row.sum + self.row.commission

    @property
    def claims(self) -> Claims:
        """What the code of this receipt carries."""
        row = self.row
        rest = hashlib.sha256(f"{row.provider}\n{row.account}\n{row.comment}".encode()).digest()[: _SIZES[-1]]
        return Claims(self.wallet, row.txn_id, row.stream, row.sum, row.commission, int.from_bytes(rest))


class Codes:
    """Make and read the codes of receipts."""

    def __init__(self, keys: Keys) -> None:
        self._cipher = AESSIV(keys.of("receipt"))

    def write(self, claims: Claims) -> str:
        """Return the code of claims: 64 characters that may stand in an address."""
        plain = b"".join(value.to_bytes(size) for value, size in zip(claims, _SIZES, strict=True))
        code = base64.urlsafe_b64encode(self._cipher.encrypt(plain, None)).decode()
        assert len(code) == CODE_LENGTH
        return code

    def read(self, code: str) -> Claims | None:
        """Return what a code claims; None for one that this installation did not make."""
        try:
            plain = self._cipher.decrypt(base64.b64decode(code, b"-_", validate=True), None)
        except (InvalidTag, binascii.Error, ValueError):
            return None
        values, at = [], 0
        for size in _SIZES:
            values.append(int.from_bytes(plain[at : at + size]))
            at += size
        return Claims(*values)
