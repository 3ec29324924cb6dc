"""
The preparatory call of provider 27292: what it hands out, and that it fits the payment. Source: payments.md 4.6, 9.2.
"""

from collections.abc import Mapping

import msgspec

from kalita.clock import MINUTE, Clock
from kalita.keys import Keys
from kalita.providers.cards import masked

LASTS = 15 * MINUTE
SEALED = "prepared card"
_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(tuple[str, int]).decode


class Prepared:
    """Hand out sealed notes of a card and a wallet, and read them again; nothing is stored."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys, self._clock = keys, clock

    def note(self, wallet: int, card: str) -> str:
        """Return a note that this wallet may pay to this card for 15 minutes."""
        return self._keys.seal(SEALED, _encode((card, self._clock.now() + LASTS)).decode(), str(wallet))

    def fits(self, wallet: int, fields: Mapping[str, str]) -> bool:
        """Tell whether the fields carry a note of their card and this wallet that has not run out."""
        text = self._keys.open(SEALED, fields.get("ev_account1", ""), str(wallet))
        if text is None:
            return False
        card, until = _decode(text)
        shown = fields.get("account") == masked(card)
        return shown and card == fields.get("cardNumber") and self._clock.now() < until
