"""
History over HTTP: filters, pages, totals, one transaction. Source: history.md 1 to 3, 7, 8.
"""

from datetime import datetime, timedelta, timezone
from typing import Any

from kalita import ids
from kalita.clock import MOSCOW, Clock, at_zone, month_start
from kalita.history.pages import EVERYTHING, History, Span, span_of, token_moment
from kalita.history.shapes import Page, Shapes, Totals, Transaction, amounts
from kalita.ledger.accounts import Direction
from kalita.money import EUR, KZT, RUB, USD
from kalita.refusals import HISTORY_NOT_FOUND, Refused, malformed
from kalita.wire.amounts import encode
from kalita.wire.endpoint import Call, Endpoint, Permission, Rate
from kalita.wire.params import choice, moment, pattern, several, wallet_number, whole

LONGEST_DAYS = 90
ROWS_OF_OLD_FORM = 20

OPERATIONS = {
    "ALL": (Direction.IN, Direction.OUT, Direction.CARD),
    "IN": (Direction.IN,),
    "OUT": (Direction.OUT,),
    "QIWI_CARD": (Direction.CARD,),
}
TYPES = {"IN": Direction.IN, "OUT": Direction.OUT, "QIWI_CARD": Direction.CARD}
SOURCES = {"QW_RUB": RUB, "QW_USD": USD, "QW_EUR": EUR, "QW_KZT": KZT, "CARD": None, "MK": None}


class HistoryApi:
    """Answer the calls of history."""

    def __init__(self, history: History, shapes: Shapes, clock: Clock) -> None:
        self._history, self._shapes, self._clock = history, shapes, clock

    async def page(self, call: Call) -> bytes:
        """Answer one page, newest first, with the tokens of the next."""
        query = call.query
        start, end = _period(query)
        span = span_of(start, end) if start and end else EVERYTHING
        cursor, skip = _cursor(query), 0
        if cursor is not None:
            end_of_page, skip = await self._history.cursor(call.wallet, *cursor)
            span, skip = Span(span.low, min(span.high, end_of_page.high)), skip if end_of_page.high <= span.high else 0
        entries, following = await self._history.page(
            call.wallet, OPERATIONS[query["operation"]], _currencies(query), span, query["rows"], skip
        )
        zone = _zone(start)
        rates = await self._history.rates(call.wallet, entries)
        texts = self._shapes.transactions(call.wallet, entries, call.language, zone, rates)
        after = (following.txn_id, at_zone(token_moment(entries, following, skip))) if following else None
        return self._shapes.page(texts, after)

    async def totals(self, call: Call) -> bytes:
        """Answer what came in and went out in a period, by currency."""
        query = call.query
        start, end = _period(query)
        if start is None or end is None:
            now = self._clock.now()
            start, end = datetime.fromisoformat(at_zone(month_start(now))), datetime.fromisoformat(at_zone(now))
        found = await self._history.totals(
            call.wallet, OPERATIONS[query["operation"]], _currencies(query), span_of(start, end)
        )
        incoming = {currency: total for (direction, currency), total in found.items() if direction is Direction.IN}
        outgoing: dict[int, int] = {}
        for (direction, currency), total in found.items():
            if direction is not Direction.IN:
                outgoing[currency] = outgoing.get(currency, 0) + total
        return encode(Totals(amounts(incoming), amounts(outgoing)))

    async def transaction(self, call: Call) -> bytes:
        """Answer one transaction of the caller's wallet."""
        kind = call.query["type"]
        txn_id = int(call.path["transactionId"])
        entry = None
        if txn_id <= ids.LARGEST:
            entry = await self._history.transaction(call.wallet, txn_id, TYPES[kind] if kind else None)
        if entry is None:
            raise Refused(HISTORY_NOT_FOUND, "there is no such transaction")
        rates = await self._history.rates(call.wallet, [entry])
        return self._shapes.transaction(call.wallet, entry, call.language, MOSCOW, rates)


def _period(query: dict[str, Any]) -> tuple[datetime | None, datetime | None]:
    start, end = query["startDate"], query["endDate"]
    if start is None and end is None:
        return None, None
    if start is None or end is None:
        raise malformed("startDate" if start is None else "endDate", "startDate and endDate go together")
    check_period(start, end)
    return start, end


def check_period(start: datetime, end: datetime, first: str = "startDate", last: str = "endDate") -> None:
    """Refuse a period that is none, or is too long. first, last: the parameters it came in"""
    if start.utcoffset() != end.utcoffset():
        raise malformed(last, f"{first} and {last} need the same zone")
    if start > end:
        raise malformed(first, f"it is after {last}")
    if end.date() - start.date() > timedelta(days=LONGEST_DAYS):
        raise malformed(last, f"the period is longer than {LONGEST_DAYS} days")


def _cursor(query: dict[str, Any]) -> tuple[datetime, int] | None:
    moment_, txn_id = query["nextTxnDate"], query["nextTxnId"]
    if moment_ is None and txn_id is None:
        return None
    if moment_ is None or txn_id is None:
        missing = "nextTxnDate" if moment_ is None else "nextTxnId"
        raise malformed(missing, "nextTxnDate and nextTxnId go together")
    return moment_, txn_id


def _currencies(query: dict[str, Any]) -> set[int] | None:
    sources = query["sources"]
    return {code for source in sources if (code := SOURCES[source]) is not None} if sources else None


def _zone(start: datetime | None) -> timezone:
    return timezone(start.utcoffset() or timedelta()) if start else MOSCOW


_OLD = {"v2": "", "v1": ", old form"}
_OPERATION = choice("operation", tuple(OPERATIONS), "ALL")
_SOURCES = several("sources", tuple(SOURCES), also=("source",))
_WALLET = (wallet_number("wallet"),)
_CURSOR = (moment("nextTxnDate"), whole("nextTxnId", 0, 2**63 - 1))


def _page_row(version: str, rows_default: int | None) -> Endpoint:
    return Endpoint(
        "GET",
        f"/payment-history/{version}/persons/{{wallet}}/payments",
        HistoryApi,
        HistoryApi.page,
        "Payments of the wallet, newest first" + _OLD[version],
        "history.md 1" if version == "v2" else "history.md 8",
        permission=Permission.HISTORY,
        at=_WALLET,
        query=(
            whole("rows", 1, 50, required=rows_default is None, default=rows_default),
            _OPERATION,
            _SOURCES,
            moment("startDate"),
            moment("endDate"),
            *_CURSOR,
        ),
        answers=Page,
        rate=Rate.HISTORY,
        sampled=True,
    )


def _totals_row(version: str) -> Endpoint:
    required = version == "v2"
    return Endpoint(
        "GET",
        f"/payment-history/{version}/persons/{{wallet}}/payments/total",
        HistoryApi,
        HistoryApi.totals,
        "What came in and went out in a period" + _OLD[version],
        "history.md 2" if version == "v2" else "history.md 8",
        permission=Permission.HISTORY,
        at=_WALLET,
        query=(moment("startDate", required), moment("endDate", required), _OPERATION, _SOURCES),
        answers=Totals,
        rate=Rate.HISTORY,
        sampled=True,
    )


ROWS = (
    _page_row("v2", None),
    _page_row("v1", ROWS_OF_OLD_FORM),
    _totals_row("v2"),
    _totals_row("v1"),
    Endpoint(
        "GET",
        "/payment-history/v2/transactions/{transactionId}",
        HistoryApi,
        HistoryApi.transaction,
        "One transaction of the token's wallet",
        "history.md 3",
        permission=Permission.HISTORY,
        at=(pattern("transactionId", r"[0-9]{1,19}", "a transaction id has 1 to 19 digits", True, "10000000031"),),
        query=(choice("type", tuple(TYPES), ignored=("None",)),),
        answers=Transaction,
        refusals=(HISTORY_NOT_FOUND,),
        rate=Rate.HISTORY,
        sampled=True,
        aliases=("/payment-history/v1/transactions/{transactionId}",),
    ),
)
