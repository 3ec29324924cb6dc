"""Money keeps its worth: text to minor units and back, the number in JSON, commissions within their terms."""

from decimal import ROUND_DOWN, Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kalita.money import CURRENCIES, face, number, parse_amount
from kalita.providers.catalogue import Terms
from kalita.wire.amounts import encode

CURRENCY = st.sampled_from(sorted(CURRENCIES))
MINOR = st.integers(0, 10**12 - 1)
AMOUNTS = st.integers(1, 10**14)
BOUNDS = st.none() | st.integers(0, 10**6)


@given(MINOR, CURRENCY)
def test_what_is_written_reads_back(minor: int, currency: int) -> None:
    """The face of an amount is an amount, the same one."""
    assert parse_amount(face(minor, currency), currency) == minor


@given(st.from_regex(r"[0-9]{1,12}(\.[0-9]{1,30})?", fullmatch=True).filter(str.isascii), CURRENCY)
def test_what_is_read_is_rounded_down_and_nothing_else(text: str, currency: int) -> None:
    """Reading never gives a client more than he wrote, nor a whole minor unit less."""
    minor = parse_amount(text, currency)
    assert minor is not None
    unit = Decimal(1).scaleb(-CURRENCIES[currency].digits)
    assert Decimal(face(minor, currency)) == Decimal(text).quantize(unit, ROUND_DOWN)


@given(st.text(alphabet="0123456789.,-+eE _xNaInf٣３", max_size=20), CURRENCY)
def test_any_other_text_is_no_amount(text: str, currency: int) -> None:
    """Signs, exponents, blanks, strange digits and names of numbers are not money."""
    whole, point, fraction = text.partition(".")
    digits = set("0123456789")
    plain = 1 <= len(whole) <= 12 and set(whole) <= digits and set(fraction) <= digits and bool(point) == bool(fraction)
    assert (parse_amount(text, currency) is not None) == plain


@given(st.integers(-(10**15), 10**15), CURRENCY)
def test_number_has_the_same_face_in_json(minor: int, currency: int) -> None:
    """The one face of money is on every wire, the shortest there is, and no other amount has it."""
    written = face(minor, currency)
    assert encode([number(minor, currency)]) == f"[{written}]".encode()
    assert Fraction(written) * 10 ** CURRENCIES[currency].digits == minor
    assert set(written) <= set("-.0123456789")
    assert "." not in written or written[-1] not in "0."


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    """Draw a provider's terms."""
    low, high = draw(BOUNDS), draw(BOUNDS)
    if low is not None and high is not None:
        low, high = sorted((low, high))
    percent = Decimal(draw(st.integers(0, 10_000))).scaleb(-2)
    return Terms(percent, draw(st.integers(0, 10**6)), low, high, 1, None)


@given(terms(), AMOUNTS)
def test_commission_stays_within_its_terms(offer: Terms, amount: int) -> None:
    """The percentage to half a minor unit, not under the least, not over the most, the fixed part on top."""
    share = offer.commission(amount) - offer.fixed
    exact = amount * Fraction(offer.percent) / 100
    assert share >= (offer.least or 0)
    assert offer.most is None or share <= offer.most
    if share not in (offer.least, offer.most):
        assert abs(share - exact) <= Fraction(1, 2)


@given(terms(), AMOUNTS, AMOUNTS)
def test_commission_never_falls_as_the_amount_grows(offer: Terms, one: int, other: int) -> None:
    """Nobody pays less by sending more."""
    assert offer.commission(min(one, other)) <= offer.commission(max(one, other))
