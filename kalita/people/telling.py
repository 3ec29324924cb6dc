"""
Tell owners what was done in their name. Source: access.md 4.3.
"""

from kalita.messages.mail import Mail
from kalita.messages.post import Post
from kalita.messages.sms import Sms
from kalita.observe import log
from kalita.people.wallets import Wallets
from kalita.storage.engine import Unavailable

TOPIC, MOST_A_DAY = "token", 20
SUBJECT = "Токен обновлён / Token renewed"
TEXT = "Токен вашего кошелька обновлён. / The token of your wallet was renewed."


class Telling:
    """Tell owners by short message, or by mail to the bound address where that cannot be."""

    def __init__(self, wallets: Wallets, sms: Sms, post: Post) -> None:
        self._wallets, self._sms, self._post = wallets, sms, post

    async def renewed(self, wallet: int) -> None:
        """Tell an owner that his token was renewed; that it cannot be told undoes nothing."""
        try:
            await self._sms.send(wallet, TEXT)
        except Unavailable as problem:
            log.warning("not_told_by_message", reason=str(problem))
            await self._by_mail(wallet)

    async def _by_mail(self, wallet: int) -> None:
        try:
            known = await self._wallets.get(wallet) if self._post.open else None
            if known is not None and known.email is not None:
                await self._post.queue(wallet, TOPIC, Mail(known.email, SUBJECT, f"{TEXT}\n"), MOST_A_DAY)
        except Unavailable as problem:
            log.warning("not_told_by_mail", reason=str(problem))
