"""
Run rows an accountant can read against a whole installation below HTTP.

    setting  make_wallets off                               only above every other row
    wallet   NAME AMOUNT CUR [AMOUNT CUR ...]               made or claimed by its owner, and topped up
    pay      A -> B AMOUNT [CUR] [id N] [fee F] OUTCOME     by the terms of the catalogue; with `fee` by terms that have
                                                            this fee, every currency of a wallet and no minimum
    hold     A AMOUNT [CUR] fee F id N [OUTCOME]            a bill, its money set aside
    post     N [OUTCOME]                                    the bill of id N succeeds
    void     N code C [OUTCOME]                             the bill of id N fails
    bar      A out|in|both|nothing [CUR]
    top-up   A AMOUNT [CUR] [id N] [OUTCOME]
    balance  A AMOUNT [CUR] [on hold H]                     no `on hold`: nothing is; `balance A none`: no such balance
    house    cash|fees|bills AMOUNT [CUR]                   cash is below zero by what was brought in
    history  A: -100.00 USD OUT fee 1.00 ERROR 300, ...     oldest first; or `nothing`
    totals   A in X out Y [CUR]                             of what succeeded
    books    balanced                                       the audit finds nothing; the last row

OUTCOME is Accepted, Repeated (the first answer again, word for word) or a refusal: NOT_ENOUGH_MONEY of
kalita.refusals is `not enough money`. Where it may be left out, it is Accepted. A currency left out is RUB.
"""

import re
from collections.abc import Callable, Coroutine
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from kalita import refusals
from kalita.app import App
from kalita.history.pages import DONE, EVERYTHING, FAILED, WAITING, Shown
from kalita.ledger.accounts import Direction, Kind, account_id, house
from kalita.ledger.audit import audit
from kalita.ledger.holds import Held, post, void
from kalita.ledger.order import Accepted, Outcome
from kalita.money import LETTERS, RUB, WALLET_CURRENCIES
from kalita.payments.accept import Payments, Request
from kalita.people.wallets import Level
from kalita.providers.catalogue import WALLET_TRANSFER, Catalogue, Provider, Terms
from kalita.refusals import Refusal, Refused
from tests.books import Hand, bar, bill

PEOPLE = {name: 79110000001 + index for index, name in enumerate(("alice", "bob", "carol", "dave"))}
BILLS = 1
HOUSE = {"cash": (0, Kind.AGENT), "fees": (0, Kind.FEE), "bills": (BILLS, Kind.SETTLEMENT)}
BARS = {"nothing": 0, "out": 1, "in": 2, "both": 3}
NAMES = {value: name.lower().replace("_", " ") for name, value in vars(refusals).items() if isinstance(value, Refusal)}
NAMES[refusals.REPEATED] = "id of another payment"

MONEY = r"(?P<amount>-?\d+\.\d\d)(?: (?P<currency>[A-Z]{3}))?"
ID, FEE, END = r" id (?P<id>\d+)", r" fee (?P<fee>\d+\.\d\d)", r"(?: (?P<outcome>Accepted|Repeated|[a-z][a-z ]+))?"
SHAPES = {
    "wallet": r"(?P<name>\w+)(?P<funds>(?: \d+\.\d\d [A-Z]{3})+)",
    "pay": rf"(?P<name>\w+) -> (?P<payee>\w+) {MONEY}(?:{ID})?(?:{FEE})? (?P<outcome>.+)",
    "hold": rf"(?P<name>\w+) {MONEY}{FEE}{ID}{END}",
    "post": rf"(?P<id>\d+){END}",
    "void": rf"(?P<id>\d+) code (?P<code>\d+){END}",
    "bar": r"(?P<name>\w+) (?P<way>out|in|both|nothing)(?: (?P<currency>[A-Z]{3}))?",
    "top-up": rf"(?P<name>\w+) {MONEY}(?:{ID})?{END}",
    "balance": rf"(?P<name>\w+) (?:{MONEY}(?: on hold (?P<hold>\d+\.\d\d))?|none(?: (?P<none>[A-Z]{{3}}))?)",
    "house": rf"(?P<what>cash|fees|bills) {MONEY}",
    "history": r"(?P<name>\w+): (?P<records>.+)",
    "totals": r"(?P<name>\w+) in (?P<into>\d+\.\d\d) out (?P<out>\d+\.\d\d)(?: (?P<currency>[A-Z]{3}))?",
    "books": r"balanced",
}
Words = dict[str, str | None]


class WrongRow(AssertionError):  # noqa: N818 - named for what happened
    """A row did not come true; the text names it."""


class Row(NamedTuple):
    """One row: its number in the file, its text with single blanks."""

    number: int
    text: str


def read(file: Path) -> tuple[dict[str, bool], list[Row]]:
    """Read a scenario: its settings and its rows. `#` begins a remark."""
    lines = enumerate(file.read_text("utf-8").splitlines(), start=1)
    rows = [Row(number, " ".join(line.split("#")[0].split())) for number, line in lines]
    rows = [row for row in rows if row.text]
    settings = {}
    while rows and rows[0].text.startswith("setting "):
        _, name, value = rows.pop(0).text.split()
        settings[name] = {"on": True, "off": False}[value]
    if not rows or rows[-1].text != "books balanced":
        raise WrongRow(f"{file.name}: the last row is not `books balanced`")
    return settings, rows


def minor(text: str) -> int:
    """Read an amount of two decimals in minor units."""
    return int(text.replace(".", ""))


def face(amount: int) -> str:
    """Write an amount with two decimals."""
    return f"{Decimal(amount) / 100:.2f}"


def same(found: Any, expected: Any) -> None:
    """Compare what the books say with what the row says."""
    if found != expected:
        raise WrongRow(f"the row says {expected}, the books say {found}")


class Runner:
    """Run rows one after the other on an installation; a second passes before each."""

    def __init__(self, app: App, hand: Hand) -> None:
        self._app, self._hand = app, hand
        self._ids = count(1_700_000_000_000)
        self._answers: set[str] = set()
        self._held: dict[str, Held] = {}

    async def run(self, rows: list[Row]) -> None:
        """Run the rows; raise WrongRow at the first that does not come true."""
        for row in rows:
            self._hand.now += 10**9
            verb, _, rest = row.text.partition(" ")
            try:
                shape = re.fullmatch(SHAPES.get(verb, "(?!)"), rest)
                if shape is None:
                    raise WrongRow("this is no row")
                work: Callable[[Words], Coroutine[Any, Any, None]] = getattr(self, "_" + verb.replace("-", "_"))
                await work(shape.groupdict())
            except Exception as problem:
                why = str(problem) if isinstance(problem, WrongRow) else repr(problem)
                raise WrongRow(f"row {row.number}, `{row.text}`: {why}") from problem

    async def _wallet(self, words: Words) -> None:
        number, pairs = PEOPLE[words["name"]], words["funds"].split()
        funds = {LETTERS[letters]: minor(amount) for amount, letters in zip(pairs[::2], pairs[1::2], strict=True)}
        same(await self._app.wallets.create(number, Level.SIMPLE, tuple(funds)), True)
        for currency, amount in funds.items():
            if amount:
                _expect(await self._app.wallets.top_up(number, amount, currency, None, "Cash"), None)

    async def _pay(self, words: Words) -> None:
        currency = _currency(words)
        request = Request(
            payer=PEOPLE[words["name"]],
            provider=WALLET_TRANSFER,
            client_id=words["id"] or str(next(self._ids)),
            amount=minor(words["amount"]),
            currency=currency,
            pay_from=currency,
            method="Account",
            fields={"account": f"+{PEOPLE[words['payee']]}"},
            comment=None,
        )
        try:
            answer = await self._payments(words["fee"]).accept(request)
        except Refused as refused:
            same(NAMES[refused.refusal], words["outcome"])
        else:
            same("Repeated" if answer in self._answers else "Accepted", words["outcome"])
            self._answers.add(answer)

    def _payments(self, fee: str | None) -> Payments:
        if fee is None:
            return self._app.payments
        terms = Terms(Decimal(0), minor(fee), None, None, 1, None)
        provider = Provider(WALLET_TRANSFER, "", "", WALLET_CURRENCIES, terms, True)
        app = self._app
        catalogue = Catalogue({provider.id: provider})
        return Payments(app.engine, app.writer, catalogue, app.keys, app.settings.make_wallets, app.limits)

    async def _hold(self, words: Words) -> None:
        number, currency = PEOPLE[words["name"]], _currency(words)
        amount, fee = minor(words["amount"]), minor(words["fee"])
        outcome = await self._app.writer.submit(bill(number, amount, fee=fee, currency=currency, client_id=words["id"]))
        _expect(outcome, words["outcome"])
        if not isinstance(outcome, Refusal):
            self._held[words["id"]] = Held(number, Direction.OUT, currency, outcome.txn_id, amount, fee)

    async def _post(self, words: Words) -> None:
        order = post(self._held[words["id"]], BILLS, self._app.writer.lane)
        _expect(await self._app.writer.submit(order), words["outcome"])

    async def _void(self, words: Words) -> None:
        order = void(self._held[words["id"]], int(words["code"]))
        _expect(await self._app.writer.submit(order), words["outcome"])

    async def _bar(self, words: Words) -> None:
        order = bar(PEOPLE[words["name"]], BARS[words["way"]], _currency(words))
        _expect(await self._app.writer.submit(order), None)

    async def _top_up(self, words: Words) -> None:
        number, amount = PEOPLE[words["name"]], minor(words["amount"])
        outcome = await self._app.wallets.top_up(number, amount, _currency(words), words["id"], "Cash")
        _expect(outcome, words["outcome"])

    async def _balance(self, words: Words) -> None:
        balances = {one.currency: one for one in await self._app.wallets.balances(PEOPLE[words["name"]])}
        found = balances.get(LETTERS[words["none"] or words["currency"] or "RUB"])
        expected = f"{words['amount']} on hold {words['hold'] or '0.00'}" if words["amount"] else "none"
        same(f"{face(found.available)} on hold {face(found.on_hold)}" if found else "none", expected)

    async def _house(self, words: Words) -> None:
        number, kind = HOUSE[words["what"]]
        account = account_id(house(number, self._app.writer.lane), kind, _currency(words))
        row = await self._app.engine.one("accounts_between", account, account)
        same(face(row[2]) if row else "0.00", words["amount"])

    async def _history(self, words: Words) -> None:
        page, more = await self._app.history.page(PEOPLE[words["name"]], Direction, None, EVERYTHING, 1000)
        same(more, None)
        same(", ".join(map(_shown, reversed(page))) or "nothing", words["records"])

    async def _totals(self, words: Words) -> None:
        currency = _currency(words)
        found = await self._app.history.totals(PEOPLE[words["name"]], Direction, (currency,), EVERYTHING)
        into, out = (face(found.get((way, currency), 0)) for way in (Direction.IN, Direction.OUT))
        same(f"in {into} out {out}", f"in {words['into']} out {words['out']}")

    async def _books(self, words: Words) -> None:
        async with self._app.engine.snapshot() as snapshot:
            same((await audit(snapshot, self._app.keys)).findings, ())


def _currency(words: Words) -> int:
    return LETTERS[words["currency"] or "RUB"]


def _expect(outcome: Outcome, expected: str | None) -> None:
    done = "Repeated" if isinstance(outcome, Accepted) and outcome.repeated else "Accepted"
    found = NAMES[outcome] if isinstance(outcome, Refusal) else done
    same(found, expected or "Accepted")


def _shown(record: Shown) -> str:
    """Write a record of history as rows have it."""
    direction, currency = Direction(record.stream // 1000), record.stream % 1000
    letters = next(letters for letters, number in LETTERS.items() if number == currency)
    sign = "+" if direction is Direction.IN else "-"
    words = [sign + face(record.sum), letters if currency != RUB else "", direction.name]
    words.append(f"fee {face(record.commission)}" if record.commission else "")
    words.append({DONE: "", WAITING: "WAITING", FAILED: f"ERROR {record.error_code}"}[record.state])
    return " ".join(filter(None, words))
