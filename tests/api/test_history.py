"""
The list of payments over real HTTP: shape, filters, pages. Source: history.md 1, 7 and 8.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.house import House, payment
from tests.api.live import Live, live
from tests.api.past import LIST, NAMES, NEWEST_FIRST
from tests.servers import Demo

V2, V1 = "/payment-history/v2/persons/{w}/payments", "/payment-history/v1/persons/{w}/payments"
ROWS = len(NEWEST_FIRST)


@pytest.fixture(scope="module")
def owner(server: Demo, people: House) -> Iterator[Live]:
    """The owner of a wallet with a past."""
    with live(server, people.token(LIST)) as opened:
        yield opened


def shown(owner: Live, path: str = V2, rows: str = "50", **query: str) -> list[str]:
    """Return the names of the past that a list shows, in its order."""
    return [_name(item) for item in owner.told(path, rows=rows, **query)["data"]]


def _name(item: dict[str, Any]) -> str:
    for name, date, kind, currency, amount, *_ in NEWEST_FIRST:
        if (item["date"], item["type"], item["sum"]["currency"], item["sum"]["amount"]) == (
            date, kind, currency, amount,
        ):  # fmt: skip
            return name
    raise AssertionError(f"not in the past: {item}")


def test_list_is_newest_first_with_the_full_object(owner: Live) -> None:
    """Date, then id, descending; every item is the full transaction object."""
    told = owner.told(V2, rows="50")
    assert list(told) == ["data", "nextTxnId", "nextTxnDate"]
    assert (told["nextTxnId"], told["nextTxnDate"]) == (None, None)
    assert [_name(item) for item in told["data"]] == list(NAMES)
    ids = [item["txnId"] for item in told["data"]]
    assert ids == sorted(ids, reverse=True)
    for item, (_, date, kind, currency, amount, commission, status) in zip(told["data"], NEWEST_FIRST, strict=True):
        assert (item["date"], item["type"], item["status"]) == (date, kind, status)
        assert item["sum"] == {"amount": amount, "currency": currency}
        assert item["commission"] == {"amount": commission, "currency": currency}
        assert item["total"] == {"amount": round(amount + commission, 2), "currency": currency}
        assert item["personId"] == owner.number


def test_item_has_the_documented_members(owner: Live) -> None:
    """Members that clients require are there, also in `source`, `features` and `view`."""
    item = owner.told(V2, rows="1")["data"][0]
    assert set(item) == {
        "txnId", "personId", "date", "errorCode", "error", "type", "status", "statusText", "trmTxnId", "account",
        "sum", "commission", "total", "provider", "source", "comment", "currencyRate", "paymentExtras", "features",
        "serviceExtras", "view",
    }  # fmt: skip
    provider = {"id", "shortName", "longName", "logoUrl", "description", "keys", "siteUrl", "extras"}
    assert set(item["provider"]) == set(item["source"]) == provider
    assert item["features"] == {
        "chequeReady": True, "bankDocumentReady": False, "bankDocumentAvailable": False,
        "repeatPaymentEnabled": False, "favoritePaymentEnabled": False, "regularPaymentEnabled": False,
        "chatAvailable": False, "greetingCardAttached": False,
    }  # fmt: skip
    assert item["view"] == {"title": item["provider"]["shortName"], "account": item["account"]}
    assert (item["currencyRate"], item["paymentExtras"], item["serviceExtras"]) == (1, [], {})
    assert (item["errorCode"], item["error"], item["comment"]) == (0, None, "")


def test_waiting_failed_and_succeeded_differ(owner: Live) -> None:
    """Status, its text, the code of a failure with its text, and whether there is a receipt."""
    items = {_name(item): item for item in owner.told(V2, rows="50")["data"]}
    told = {
        name: (item["statusText"], item["errorCode"], item["error"] is None, item["features"]["chequeReady"])
        for name, item in items.items()
        if name in ("posted", "failed", "waiting")
    }
    assert told == {
        "posted": ("Успешно", 0, True, True),
        "waiting": ("Запрос обрабатывается", 0, True, False),
        "failed": ("Ошибка", 300, False, False),
    }


def test_texts_follow_the_language(owner: Live) -> None:
    """Texts for people are in Russian unless English is asked for."""
    english = owner.get(V2, {"Accept-Language": "en"}, rows="50").json()["data"]
    failed = next(item for item in english if _name(item) == "failed")
    assert (failed["statusText"], failed["error"]) == ("Error", "Technical error, please repeat the payment later")
    assert english[0]["provider"]["shortName"] == "Transfer to a wallet"


def test_own_ids_and_accounts(owner: Live) -> None:
    """An OUT record shows the client's own id and the recipient; a server-made one its number as text."""
    items = {_name(item): item for item in owner.told(V2, rows="50")["data"]}
    assert (items["lunch"]["trmTxnId"], items["lunch"]["account"]) == ("lunch", "+79100000009")
    assert (items["cash"]["trmTxnId"], items["cash"]["account"]) == (str(items["cash"]["txnId"]), "Cash")
    assert items["card"]["account"] == "4256********1231"


@pytest.mark.parametrize("path", [V2, V1])
@pytest.mark.parametrize(
    ("operation", "kinds"),
    [("ALL", {"IN", "OUT", "QIWI_CARD"}), ("IN", {"IN"}), ("OUT", {"OUT"}), ("QIWI_CARD", {"QIWI_CARD"})],
)
def test_operation_selects_by_type(owner: Live, path: str, operation: str, kinds: set[str]) -> None:
    """OUT leaves QIWI_CARD out."""
    assert shown(owner, path, operation=operation) == [row[0] for row in NEWEST_FIRST if row[2] in kinds]


@pytest.mark.parametrize(
    ("query", "currencies"),
    [
        ("sources[0]=QW_RUB", {643}),
        ("sources[0]=QW_USD&sources[1]=QW_EUR", {840, 978}),
        ("sources[3]=QW_KZT&sources[7]=QW_USD", {398, 840}),
        ("sources=QW_RUB,QW_USD", {643, 840}),
        ("sources=QW_RUB&sources=QW_RUB", {643}),
        ("sources[0]=CARD", set()),
        ("sources[0]=MK&sources[1]=QW_EUR", {978}),
        ("sources[0]=", {643, 840, 978, 398}),
    ],
)
def test_sources_select_by_balance(owner: Live, query: str, currencies: set[int]) -> None:
    """A balance's records, those that came in too; cards and mobile accounts match nothing here."""
    told = owner.told(f"{V2}?rows=50&{query}")["data"]
    assert [_name(item) for item in told] == [row[0] for row in NEWEST_FIRST if row[3] in currencies]


def test_filters_work_together(owner: Live) -> None:
    """Direction, balance and period narrow the list together; nothing left is an empty list, not an error."""
    period = {"startDate": "2025-03-10T00:00:00+03:00", "endDate": "2025-04-03T23:59:59+03:00"}
    assert shown(owner, operation="OUT", sources="QW_RUB", **period) == [
        "failed", "waiting", "third", "second", "first",
    ]  # fmt: skip
    assert owner.told(V2, rows="5", operation="OUT", sources="QW_EUR", **period) == {
        "data": [], "nextTxnId": None, "nextTxnDate": None,
    }  # fmt: skip


@pytest.mark.parametrize("rows", [1, 2, 5, ROWS - 1, ROWS])
@pytest.mark.parametrize("filters", [{}, {"operation": "OUT", "sources": "QW_RUB"}])
def test_pages_show_everything_once(owner: Live, rows: int, filters: dict[str, str]) -> None:
    """The tokens name the first record of the next page; the last page has none."""
    whole = shown(owner, **filters)
    seen: list[str] = []
    tokens: dict[str, str] = {}
    for _ in range(ROWS):
        told = owner.told(V2, rows=str(rows), **filters, **tokens)
        seen += [_name(item) for item in told["data"]]
        if told["nextTxnId"] is None:
            break
        assert len(told["data"]) == rows
        tokens = {"nextTxnId": str(told["nextTxnId"]), "nextTxnDate": told["nextTxnDate"]}
    assert (seen, told["nextTxnDate"]) == (whole, None)


def test_old_form_shows_twenty(server: Demo, people: House) -> None:
    """Without `rows` v1 gives 20 and the tokens of the rest, v2 refuses."""
    payer = people.wallet(RUB=100_00)
    with live(server, payer) as owner:
        for _ in range(22):
            assert owner.pay(payment()).status_code == 200
        told = owner.told(V1)
        assert len(told["data"]) == 20
        rest = owner.told(V1, nextTxnId=str(told["nextTxnId"]), nextTxnDate=told["nextTxnDate"])
        assert (len(rest["data"]), rest["nextTxnId"]) == (3, None)
        assert owner.refused(V2) == (400, "validation.error", ["rows"])


@pytest.mark.parametrize("rows", ["0", "51", "-1", "05", "1.0", "1e1", "abc", "+5", " 5", "٥", "99999999999999999999"])
def test_rows_out_of_range_are_refused(house: House, rows: str) -> None:
    """`rows` is a whole number from 1 to 50, in both forms."""
    owner = house.wallet()
    for version in ("v2", "v1"):
        answer = house.get(f"/payment-history/{version}/persons/{owner.number}/payments?rows={quote(rows)}", owner)
        assert (answer.status, list(answer.json["cause"])) == (400, ["rows"])


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("operation=in", "operation"), ("operation=BOTH", "operation"), ("sources[0]=qw_rub", "sources"),
        ("sources=QW_RUB,QW_GBP", "sources"), ("source[1]=X", "sources"), ("operation=ALL%00", "operation"),
        ("operation=%FF", "operation"),
    ],
)  # fmt: skip
def test_unknown_words_are_refused(house: House, query: str, named: str) -> None:
    """400 names the parameter."""
    owner = house.wallet()
    answer = house.get(f"/payment-history/v2/persons/{owner.number}/payments?rows=5&{query}", owner)
    assert (answer.status, list(answer.json["cause"])) == (400, [named])


def test_last_of_several_wins(house: House) -> None:
    """A parameter given twice has its last value, whatever the first was; an empty one changes nothing."""
    owner = house.wallet(RUB=1)
    page = f"/payment-history/v2/persons/{owner.number}/payments"
    assert house.get(f"{page}?rows=abc&operation=OUT&rows=5&operation=IN", owner).json["data"]
    assert house.get(f"{page}?rows=5&rows=", owner).json["data"]


def test_payment_is_seen_from_both_sides(server: Demo, people: House) -> None:
    """Payer and payee find the payment under one id, each from its own side."""
    payer, payee = people.wallet(RUB=100_00), people.wallet()
    with live(server, payer) as one, live(server, payee) as other:
        body = payment(payee.number, 7.25, comment="lunch")
        txn = int(one.pay(body).json()["transaction"]["id"])
        out, came = one.told(V2, rows="1")["data"][0], other.told(V2, rows="1")["data"][0]
    assert (out["txnId"], out["type"], out["trmTxnId"], out["account"]) == (txn, "OUT", body["id"], f"+{payee.number}")
    assert (came["txnId"], came["type"], came["trmTxnId"], came["account"]) == (
        txn, "IN", str(txn), f"+{payer.number}",
    )  # fmt: skip
    assert out["total"] == came["total"] == {"amount": 7.25, "currency": 643}
    assert (out["provider"]["id"], came["provider"]["id"]) == (99, 7)
    assert out["comment"] == came["comment"] == "lunch"
