"""
The texts of a receipt in one language: what stands on the paper and on the page that checks it.
"""

import msgspec

from kalita import ids
from kalita.clock import SECOND, at_zone
from kalita.ledger.accounts import Direction
from kalita.providers.catalogue import Catalogue
from kalita.receipts.receipt import Receipt
from kalita.receipts.signs import clusters
from kalita.receipts.words import in_words, on_paper

WORDS = {
    "ru": {
        "title": "Квитанция", "status": "Исполнено", "number": "Номер операции", "date": "Дата и время",
        "msk": "МСК", "type": "Операция", "wallet": "Кошелёк", "IN": "Пополнение", "OUT": "Платёж",
        "QIWI_CARD": "Оплата картой", "provider": "Провайдер", "to": "Получатель", "from": "Отправитель",
        "sum": "Сумма", "commission": "Комиссия", "total": "Итого", "comment": "Комментарий",
        "own": "Номер плательщика", "paid": "Итого списано", "received": "Итого зачислено",
        "check_title": "Проверьте квитанцию",
        "check_text": "Наведите камеру на код: сервер ответит, подтверждают ли её книги.",
    },
    "en": {
        "title": "Receipt", "status": "Success", "number": "Transaction", "date": "Date and time",
        "msk": "Moscow", "type": "Kind", "wallet": "Wallet", "IN": "Top-up", "OUT": "Payment",
        "QIWI_CARD": "Card payment", "provider": "Provider", "to": "Recipient", "from": "Sender",
        "sum": "Sum", "commission": "Commission", "total": "Total", "comment": "Comment",
        "own": "Payer's own number", "paid": "Total paid", "received": "Total received",
        "check_title": "Check this receipt",
        "check_text": "Point a camera at the code: the server tells whether its books agree.",
    },
}  # fmt: skip
KINDS: dict[int, str] = {Direction.IN: "IN", Direction.OUT: "OUT", Direction.CARD: "QIWI_CARD"}

LONGEST_WORD = 24
_BREAK = "\u200b"


class Paper(msgspec.Struct, frozen=True):
    """Everything that is drawn; see receipt.typ. rows: a label and a value each."""

    language: str
    issuer: str
    title: str
    status: str
    total_label: str
    total: str
    words: str
    rows: list[tuple[str, str]]
    check_title: str
    check_text: str
    address: str


def paper(receipt: Receipt, catalogue: Catalogue, issuer: str, address: str, language: str) -> Paper:
    """Write a receipt in a language; address is that of the page which checks it."""
    row, words, currency = receipt.row, WORDS[language], receipt.currency
    came_in = receipt.direction is Direction.IN
    provider = catalogue.get(row.provider)
    rows = [
        (words["number"], str(row.txn_id)),
        (words["date"], f"{moscow(row.txn_id)} ({words['msk']})"),
        (words["type"], words[KINDS[receipt.direction]]),
        (words["provider"], provider.name(language) if provider else str(row.provider)),
        (words["from" if came_in else "to"], row.account),
        (words["wallet"], f"+{receipt.wallet}"),
        (words["sum"], on_paper(row.sum, currency, language)),
        (words["commission"], on_paper(row.commission, currency, language)),
        (words["total"], on_paper(receipt.total, currency, language)),
    ]
    if row.comment:
        rows.append((words["comment"], row.comment))
    if row.client_id is not None:
        rows.append((words["own"], row.client_id))
    return Paper(
        language,
        issuer,
        f"{words['title']} № {row.txn_id}" if language == "ru" else f"{words['title']} {row.txn_id}",
        words["status"],
        words["received" if came_in else "paid"],
        on_paper(receipt.total, currency, language),
        in_words(receipt.total, currency, language),
        [(label, breakable(value)) for label, value in rows],
        words["check_title"],
        words["check_text"],
        address,
    )


def moscow(txn_id: int) -> str:
    """Write when a transaction was made: `24.11.2026 15:04:05`, Moscow time."""
    moment = ids.moment_of(txn_id)
    assert moment % SECOND == 0
    text = at_zone(moment)
    return f"{text[8:10]}.{text[5:7]}.{text[:4]} {text[11:19]}"


def breakable(text: str) -> str:
    """Let a word that fits on no line break anywhere; other words stay whole."""
    return " ".join(word if len(word) <= LONGEST_WORD else _BREAK.join(clusters(word)) for word in text.split(" "))
