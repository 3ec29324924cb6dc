"""
A mail address is bound once its owner has shown that he reads it: by a note that was sent there.

The note is sealed: it tells wallet, address and until when, and nothing is stored. It holds as long as the wallet's
address is still the one it was when the note was made.
"""

from enum import Enum

import msgspec

from kalita.clock import DAY, Clock
from kalita.keys import Keys
from kalita.messages.mail import Mail, is_address
from kalita.messages.post import Post
from kalita.people.contacts import Contacts
from kalita.people.wallets import Wallets

SEALED, TOPIC = "mail to bind", "bind"
LASTS, MOST_A_DAY = DAY, 5
SUBJECTS = {"ru": "Подтвердите адрес почты", "en": "Confirm your mail address"}
TEXTS = {
    "ru": "Чтобы привязать этот адрес к кошельку, откройте ссылку в течение суток:\n\n{link}\n\n"
    "Если вы этого не просили, ничего делать не нужно.\n",
    "en": "To bind this address to the wallet, open the link within a day:\n\n{link}\n\n"
    "If you did not ask for it, there is nothing to do.\n",
}
_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(tuple[int, str, str | None, int]).decode


class Problem(Enum):
    """Why no note was sent."""

    NO_ADDRESS = "that is no mail address"
    NO_MAIL = "this installation sends no mail"
    TOO_MANY = "too many were sent today"


class MailBinding:
    """Bind mail addresses."""

    def __init__(self, keys: Keys, clock: Clock, wallets: Wallets, contacts: Contacts, post: Post) -> None:
        self._keys, self._clock, self._wallets, self._contacts, self._post = keys, clock, wallets, contacts, post

    async def ask(self, wallet: int, address: str, page: str, language: str = "ru") -> Problem | None:
        """
        Send a note to an address.

        page  the address of the page that confirms; the note is put behind it
        """
        if not is_address(address):
            return Problem.NO_ADDRESS
        known = await self._wallets.get(wallet)
        if not self._post.open or known is None:
            return Problem.NO_MAIL
        content = _encode((wallet, address, known.email, self._clock.now() + LASTS)).decode()
        link = f"{page}?note={self._keys.seal(SEALED, content)}"
        mail = Mail(address, SUBJECTS[language], TEXTS[language].format(link=link))
        return None if await self._post.queue(wallet, TOPIC, mail, MOST_A_DAY) else Problem.TOO_MANY

    async def confirm(self, note: str) -> int | None:
        """Bind the address a note was sent to; return the wallet, None for a note that is no longer good."""
        text = self._keys.open(SEALED, note)
        if text is None:
            return None
        wallet, address, before, until = _decode(text)
        known = await self._wallets.get(wallet)
        if known is None or known.closed_at is not None or known.email != before or until <= self._clock.now():
            return None
        return wallet if await self._contacts.mail(wallet, address) else None
