"""
Pairs of keys: a secret that asks for money in a wallet's name. Source: invoices.md 2.

The secret is kept as a SHA-256 to find it by, and sealed, since notifications are signed with it.
"""

import base64
import hashlib
import re
import secrets
from typing import NamedTuple

import msgspec

from kalita.storage.engine import Engine

MOST_KNOWN = 50_000
_FORM = re.compile(r"ey[A-Za-z0-9+/]{60,400}={0,2}", re.ASCII)
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Holder(NamedTuple):
    """Whose live secret it is. pair: id of the pair; may_spend: the owner ticked that it may pay too."""

    wallet: int
    pair: str
    may_spend: bool
    closed: bool


def is_secret(text: str) -> bool:
    """Tell whether a text has the form of a secret key, so that it is looked for among them."""
    return _FORM.fullmatch(text) is not None


def new_secret(site: str, wallet: int) -> str:
    """Make a secret key: Base64 of the JSON that clients take apart before they use it."""
    data = {"payin_merchant_site_uid": site, "user_id": str(wallet), "secret": secrets.token_hex(32)}
    return base64.b64encode(msgspec.json.encode({"version": "P2P", "data": data})).decode()


def new_public() -> str:
    """Make a public key: 92 random bytes in base 58."""
    number, digits = int.from_bytes(secrets.token_bytes(92)), ""
    while number:
        number, rest = divmod(number, 58)
        digits = _BASE58[rest] + digits
    return digits


def secret_hash(secret: str) -> str:
    """Return what a secret is found by."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Pairs:
    """Look secrets up; live ones are kept in memory for as long as the access epoch stands still."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, Holder] = {}
        self._epoch = -1

    async def holder(self, secret: str) -> Holder | None:
        """Return whose live secret this is; None for an unknown or revoked one alike."""
        epoch = await self._engine.epoch()
        if epoch != self._epoch or len(self._known) >= MOST_KNOWN:
            self._known, self._epoch = {}, epoch
        known = self._known  # of this epoch: what is found may be out of date before it is kept
        holder = known.get(secret)
        if holder is None:
            row = await self._engine.one("caller_by_secret", secret_hash(secret))
            if row is None:
                return None
            holder = known[secret] = Holder(row[0], row[1], bool(row[2]), row[3] is not None)
        return holder
