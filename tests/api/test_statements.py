"""
`kalita wallet statement`: what moved and the balances that the ledger proves, as PDF, CSV and XLSX.
"""

import csv
import io
import re
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pypdf
import pytest

from kalita.ledger.accounts import Direction
from kalita.ledger.holds import Held, post, void
from kalita.receipts.sheets import harmless
from tests.api.house import House, payment
from tests.api.live import PAY, live
from tests.books import bill
from tests.commands import Done, kalita, past_the_program, refused
from tests.servers import Demo, Wallet, place

OTHER = 79994445566
MONTH = ("--from", "2026-02-01", "--to", "2026-02-28")


@pytest.fixture(scope="module")
def owner(house: House) -> Wallet:
    """A wallet with a January, a February and a March: every kind of movement, some of them risky to open."""
    house.at("2026-01-31T23:59:59+03:00")
    who = house.wallet(RUB=1_000_00, USD=10_00)
    house.at("2026-02-01T00:00:00+03:00")
    house.pay(who, payment(OTHER, 100.5, comment='=cmd|"/c calc"!A1'))
    house.at("2026-02-10T12:00:00+03:00")
    done, failed = (_held(house, who, amount) for amount in (50_00, 70_00))
    house.later(60)
    house.run(house.app.writer.submit(post(done, 1, 0)))
    house.run(house.app.writer.submit(void(failed, 300)))
    house.at("2026-02-28T23:59:59+03:00")
    house.run(house.app.wallets.top_up(who.number, 5_00, 643, None, "@SUM(1+1)"))
    house.at("2026-03-01T00:00:00+03:00")
    house.pay(who, payment(OTHER, 1))
    return who


def _held(house: House, who: Wallet, amount: int) -> Held:
    accepted = house.run(house.app.writer.submit(bill(who.number, amount, fee=1_00)))
    return Held(who.number, Direction.OUT, 643, accepted.txn_id, amount, 1_00)


def statement(house: House, who: int, folder: Path, kind: str, *more: str) -> Done:
    """Write a statement into a file of the folder."""
    where = place(house.data, house.database)
    out = str(folder / f"out.{kind}")
    return kalita("wallet", "statement", str(who), "--format", kind, "--out", out, *(more or MONTH), *where)


def rows(house: House, who: int, folder: Path, *more: str) -> list[list[str]]:
    """Return the cells of a CSV."""
    assert statement(house, who, folder, "csv", *more).code == 0
    return list(csv.reader(io.StringIO((folder / "out.csv").read_text("utf-8-sig"))))


def sums(told: list[list[str]]) -> list[str]:
    """Return opening, in, out, closing."""
    return [row[1] for row in told[1:5]]


def test_csv_has_every_movement_and_both_balances(house: House, owner: Wallet, tmp_path: Path) -> None:
    """
    Opening plus what came in less what went out is closing; the days of the ends belong to it, others do not.

    Came in: the return of 71 and the top-up of 5; went out: 100.5, 51 and 71.
    """
    told = rows(house, owner.number, tmp_path)
    assert told[0][0] == f"Выписка по кошельку +{owner.number}, RUB"
    assert told[0][1] == "за период с 01.02.2026 по 28.02.2026, время московское"
    assert sums(told) == ["1000", "76", "222.5", "853.5"]
    moved = [(row[0], row[4], row[5], row[6]) for row in told[6:]]
    assert moved == [
        ("01.02.2026 00:00:00", "", "100.5", "899.5"),
        ("10.02.2026 12:00:00", "", "51", "848.5"),
        ("10.02.2026 12:00:00", "", "71", "777.5"),
        ("10.02.2026 12:01:00", "71", "", "848.5"),
        ("28.02.2026 23:59:59", "5", "", "853.5"),
    ]
    assert told[9][2].startswith(f"Возврат по операции {told[8][1]}: ")


def test_no_text_of_a_sheet_is_a_formula(house: House, owner: Wallet, tmp_path: Path) -> None:
    """Names and comments are written by other people: nothing of them is run by who opens the file."""
    for row in rows(house, owner.number, tmp_path):
        assert [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    comments = [row[3] for row in rows(house, owner.number, tmp_path)[6:]]
    assert comments[0] == '\'=cmd|"/c calc"!A1'
    assert statement(house, owner.number, tmp_path, "xlsx").code == 0
    with zipfile.ZipFile(tmp_path / "out.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        texts = book.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheet
    assert "=cmd|" in texts


@pytest.mark.parametrize("text", ["=1", "+7", "-1", "@a", "\t=1", "\r=1", "\n=1", " =1", '"=1', "＝1"])
def test_risky_beginnings(text: str) -> None:
    """Whatever a sheet takes for a formula, at the text's beginning or behind a semicolon; other texts stay."""
    assert harmless(text) == f"'{text}"
    assert harmless(f"x{text}") == f"x{text}"
    assert harmless(f"x; 1;{text};") == f"x; 1;'{text};"


def test_no_text_is_a_formula_where_sheets_cut_at_semicolons(house: House, tmp_path: Path) -> None:
    """As they do where a decimal comma is usual: a comment cannot begin a cell of its own that is run."""
    who = house.wallet(RUB=100_00)
    for comment in ("x;=HYPERLINK(1);", 'x,"y;"=1+1";', "a; -5"):
        house.pay(who, payment(OTHER, 1, comment=comment))
    assert statement(house, who.number, tmp_path, "csv", "--from", "2020-01-01", "--to", "2099-12-31").code == 0
    told = list(csv.reader(io.StringIO((tmp_path / "out.csv").read_text("utf-8-sig")), delimiter=";"))
    cells = [cell.lstrip() for row in told for cell in row[1:]]
    assert len(cells) >= 4
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []


def test_paper_has_no_empty_box(house: House, tmp_path: Path) -> None:
    """A sign that no font has is shown as left out in a PDF; the sheets have it as it is."""
    who = house.wallet(RUB=100_00)
    house.pay(who, payment(OTHER, 1, comment="обед 😀"))
    days = ("--from", "2020-01-01", "--to", "2099-12-31")
    assert rows(house, who.number, tmp_path, *days)[-1][3] == "обед 😀"
    assert statement(house, who.number, tmp_path, "pdf", *days).code == 0
    (page,) = pypdf.PdfReader(tmp_path / "out.pdf").pages
    assert "обед […]" in " ".join(page.extract_text().split())


def test_xlsx_has_numbers(house: House, owner: Wallet, tmp_path: Path) -> None:
    """Amounts are numbers that can be summed, ids are texts that lose no digit."""
    assert statement(house, owner.number, tmp_path, "xlsx").code == 0
    cells = _cells(tmp_path / "out.xlsx")
    assert [cells[f"B{row}"] for row in range(3, 7)] == [Decimal(one) for one in ("1000", "76", "222.5", "853.5")]
    went_out = [cells.get(f"F{row}") for row in range(9, 14)]
    assert went_out == [Decimal("100.5"), Decimal(51), Decimal(71), None, None]
    assert isinstance(cells["B9"], str)
    assert cells["B9"].isdigit()


def _cells(path: Path) -> dict[str, Any]:
    """Return the cells of the first sheet: texts, numbers as decimals."""
    space = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(path) as book:
        shared = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
        texts = ["".join(one.itertext()) for one in shared.findall("m:si", space)]
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    found: dict[str, Any] = {}
    for cell in sheet.iter(f"{{{space['m']}}}c"):
        value = cell.find("m:v", space)
        if value is not None and value.text is not None:
            found[cell.attrib["r"]] = texts[int(value.text)] if cell.get("t") == "s" else Decimal(value.text)
    return found


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("ru", ["Выписка по кошельку", "Входящий остаток", "1 000,00 ₽", "Исходящий остаток", "853,50 ₽", "222,50 ₽"]),
        ("en", ["Statement of wallet", "Opening balance", "1,000.00 ₽", "Closing balance", "853.50 ₽", "222.50 ₽"]),
    ],
)
def test_pdf_says_the_same(house: House, owner: Wallet, tmp_path: Path, language: str, words: list[str]) -> None:
    """Read back from the file, in both languages."""
    assert statement(house, owner.number, tmp_path, "pdf", *MONTH, "--language", language).code == 0
    pages = pypdf.PdfReader(tmp_path / "out.pdf").pages
    text = " ".join(" ".join(page.extract_text() for page in pages).split())
    assert [one for one in words if one not in text] == []
    assert len(re.findall(r"\d\d\.02\.2026 \d\d:\d\d:\d\d", text)) == 5


def test_periods_fit_together(house: House, owner: Wallet, tmp_path: Path) -> None:
    """The closing balance of a month is the opening one of the next; a period without movements has both alike."""
    january = rows(house, owner.number, tmp_path, "--from", "2026-01-01", "--to", "2026-01-31")
    march = rows(house, owner.number, tmp_path, "--from", "2026-03-01", "--to", "2026-03-31")
    assert sums(january) == ["0", "1000", "0", "1000"]
    assert sums(march) == ["853.5", "0", "1", "852.5"]
    for days in (("2026-02-02", "2026-02-09"), ("2026-05-01", "2030-01-01"), ("2020-01-01", "2025-12-31")):
        told = rows(house, owner.number, tmp_path, "--from", days[0], "--to", days[1])
        opening, came_in, went_out, closing = sums(told)
        assert (came_in, went_out, opening, len(told)) == ("0", "0", closing, 6)


def test_other_balances_have_their_own(house: House, owner: Wallet, tmp_path: Path) -> None:
    """Dollars with the sign of dollars; a balance that was never opened is empty."""
    days = ("--from", "2026-01-01", "--to", "2026-03-31")
    assert sums(rows(house, owner.number, tmp_path, *days, "--currency", "USD")) == ["0", "10", "0", "10"]
    assert sums(rows(house, owner.number, tmp_path, *days, "--currency", "KZT")) == ["0", "0", "0", "0"]


def test_what_came_in_and_went_on_at_once_is_two_movements(server: Demo, people: House, tmp_path: Path) -> None:
    """A conversion that is sent on: dollars came and went in one transaction, and both stand there."""
    who = people.wallet(RUB=100_000_00, USD=0)
    with live(server, who) as owner:
        body = payment(people.wallet().number, 10, sum={"amount": 10, "currency": "840"})
        assert owner.pay(body, PAY.replace("99", "1099")).status_code == 200
    days = ("--from", "2020-01-01", "--to", "2099-12-31", "--currency", "USD")
    told = rows(people, who.number, tmp_path, *days)
    assert sums(told) == ["0", "10", "10", "0"]
    assert [row[4:7] for row in told[6:]] == [["10", "", "10"], ["", "10", "0"]]


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE entry SET change = change + 1 WHERE account_id = CAST($1 AS BIGINT) * 8192 + 5144 AND seq = 2",
        "UPDATE entry SET balance = balance + 1 WHERE account_id = CAST($1 AS BIGINT) * 8192 + 5144 AND seq = 1",
        "DELETE FROM entry WHERE account_id = CAST($1 AS BIGINT) * 8192 + 5144 AND seq = 3",
        "UPDATE account SET balance = balance + 1 WHERE id = CAST($1 AS BIGINT) * 8192 + 5144",
        "DELETE FROM history WHERE wallet = $1 AND sum = 200",
    ],
)
def test_books_that_do_not_add_up_give_no_statement(house: House, tmp_path: Path, spoil: str) -> None:
    """A change of an entry, a missing one, another balance, a payment that history hides: exit 1, and no file."""
    who = house.wallet(RUB=100_00)
    for amount in (1, 2, 3):
        house.pay(who, payment(OTHER, amount))
    past_the_program(house.data, house.database, spoil, who.number)
    done = statement(house, who.number, tmp_path, "csv")
    assert done.code == 1
    assert "not in order" in done.err
    assert not (tmp_path / "out.csv").exists()


def test_wrong_command_lines(house: House, owner: Wallet, tmp_path: Path) -> None:
    """Days swapped, no day, an unknown form: exit 2; no such wallet: exit 1."""
    number = owner.number
    for more in (("--from", "2026-02-02", "--to", "2026-02-01"), ("--from", "2026-02-30", "--to", "2026-03-01")):
        assert statement(house, number, tmp_path, "csv", *more).code == 2
    assert statement(house, number, tmp_path, "doc").code == 2
    assert statement(house, number, tmp_path, "csv", "--from", "2026-02-01").code == 2
    assert statement(house, 79990000001, tmp_path, "csv").code == 1


def test_statement_that_cannot_be_written_is_refused(house: House, owner: Wallet, tmp_path: Path) -> None:
    """One line names the file."""
    where = place(house.app.settings.data, house.app.settings.database)
    out = ("--format", "csv", "--out", tmp_path / "no" / "x.csv")
    done = kalita("wallet", "statement", str(owner.number), *out, *MONTH, *where)
    refused(done, "no/x.csv", "No such file")


def test_statement_goes_to_standard_output(house: House, owner: Wallet) -> None:
    """Without --out it is the answer itself."""
    where = place(house.data, house.database)
    done = kalita("wallet", "statement", str(owner.number), "--format", "csv", *MONTH, *where)
    assert (done.code, done.out.startswith("\ufeff")) == (0, True)
    assert f"+{owner.number}, RUB" in done.out
