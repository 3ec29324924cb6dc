"""Amounts: minor units inside, one face on every wire."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalita.money import CURRENCIES, LETTERS, RUB, face, number, parse_amount

JPY, KWD = 392, 414
CODES = st.sampled_from(sorted(CURRENCIES))
MINOR = st.integers(0, 10**12 - 1)


@pytest.mark.parametrize(("text", "minor"), [
    ("0", 0), ("1", 100), ("1.5", 150), ("1.50", 150), ("0.01", 1), ("00.10", 10), ("999999999999.99", 10**14 - 1),
    ("1.999", 199), ("0.009", 0), ("0." + "0" * 29 + "1", 0),
])  # fmt: skip
def test_amount_is_read_and_cut_to_kopecks(text: str, minor: int) -> None:
    """What is smaller than the minor unit is cut off, never rounded up."""
    assert parse_amount(text) == minor


@pytest.mark.parametrize("text", [
    "", " ", "-1", "+1", "-0", "1e2", "1E400", "1_0", "1,5", "1.", ".5", "1.5.0", " 1", "1 ", "1\n", "NaN", "Infinity",
    "0x10", "१", "１", "٣.٥", "1" * 13, "0." + "1" * 31, "1\x00", "½",
])  # fmt: skip
def test_what_is_no_amount_is_refused(text: str) -> None:
    """Only ASCII digits and one point, of a length that cannot hurt."""
    assert parse_amount(text) is None


@pytest.mark.parametrize(("text", "currency", "minor"), [("7", JPY, 7), ("7.9", JPY, 7), ("1.2345", KWD, 1234)])
def test_minor_unit_is_the_currencys(text: str, currency: int, minor: int) -> None:
    """Yen have no minor unit, dinars have three digits."""
    assert parse_amount(text, currency) == minor


@pytest.mark.parametrize(("minor", "currency", "text"), [
    (100, RUB, "1"), (150, RUB, "1.5"), (101, RUB, "1.01"), (1, RUB, "0.01"), (0, RUB, "0"), (-150, RUB, "-1.5"),
    (-1, RUB, "-0.01"), (10_000, RUB, "100"), (5, JPY, "5"), (-5, JPY, "-5"), (1234, KWD, "1.234"), (1200, KWD, "1.2"),
])  # fmt: skip
def test_face_is_the_shortest(minor: int, currency: int, text: str) -> None:
    """100 is `1`, 150 is `1.5`: the signature of a notification is made from that text."""
    assert face(minor, currency) == text


@given(MINOR, CODES)
def test_face_reads_back(minor: int, currency: int) -> None:
    """An amount written and read again is the same amount."""
    text = face(minor, currency)
    assert parse_amount(text, currency) == minor
    assert "e" not in text.lower()
    assert not text.endswith("." if "." in text else " ")


@given(st.integers(-(10**14), 10**14), CODES)
def test_number_has_the_same_face(minor: int, currency: int) -> None:
    """JSON numbers show what the text shows, exactly."""
    shown = number(minor, currency)
    assert isinstance(shown, int | Decimal)
    assert str(shown) == face(minor, currency)


@given(st.decimals(0, 10**11, allow_nan=False, allow_infinity=False, places=6), CODES)
def test_amounts_are_rounded_down(amount: Decimal, currency: int) -> None:
    """Reading never makes money: the result is at most what was written, and less than one minor unit below it."""
    minor = parse_amount(f"{amount:f}", currency)
    assert minor is not None
    assert 0 <= amount * 10 ** CURRENCIES[currency].digits - minor < 1


def test_currencies_are_named_once() -> None:
    """A number and its letters name one currency."""
    assert len(LETTERS) == len(CURRENCIES)
    assert all(0 < code < 1000 for code in CURRENCIES), "the code is three digits of an account's and a stream's number"
