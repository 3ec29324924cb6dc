"""
Nobody gains by converting there and back, whatever the rates, the spread and the way.
"""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from kalita.exchange.rates import Middle, Rates, debit, shipped
from kalita.money import CURRENCIES

WORTH = st.decimals(Decimal("0.0001"), Decimal(10_000), places=4)
CODES = (643, 840, 978, 398, 392, 414)


@st.composite
def markets(draw: st.DrawFn) -> Rates:
    """Draw rates of some currencies, of 0, 2 and 3 decimals too, and a spread."""
    middle = Middle("2026-01-15", {code: draw(WORTH) for code in CODES if code != 643})
    return Rates(middle, draw(st.decimals(0, 10, places=2)))


def least_to_get(rates: Rates, source: int, target: int, have: int) -> int:
    """Return the most of the target that an amount of the source buys."""
    rate = rates.get(source, target)
    assert rate is not None
    low, high = 0, have * 10**12 + 10**6
    while low < high:
        middle = (low + high + 1) // 2
        if debit(middle, source, target, rate) <= have:
            low = middle
        else:
            high = middle - 1
    return low


@settings(max_examples=2_000, deadline=None)
@given(markets(), st.lists(st.sampled_from(CODES), min_size=2, max_size=5), st.integers(1, 10**9))
def test_no_round_trip_gains(rates: Rates, way: list[int], amount: int) -> None:
    """Buy as much as the money buys at every step, and come home: never more than before. Five drawn ways at a time."""
    for start in range(5):
        turn = start % len(way)
        home = [*way[turn:], *way[:turn], way[turn]]
        have = amount + start
        for source, target in pairwise(home):
            have = have if source == target else least_to_get(rates, source, target, have)
        assert have <= amount + start


@given(markets())
def test_every_pair_goes_both_ways_at_a_loss_or_even(rates: Rates) -> None:
    """The product of a pair's two rates is at least one."""
    assert len(rates.all()) == len(CODES) * (len(CODES) - 1)
    for source, target, rate in rates.all():
        back = rates.get(target, source)
        assert back is not None
        assert rate * back >= 1


@given(markets(), st.sampled_from(CODES), st.sampled_from(CODES), st.integers(1, 10**12))
def test_a_debit_is_the_exact_price_rounded_up(rates: Rates, source: int, target: int, amount: int) -> None:
    """Never less than exact, never a whole minor unit more: the residue stays with the house."""
    rate = rates.get(source, target)
    assert rate is not None
    scale = Fraction(10) ** (CURRENCIES[source].digits - CURRENCIES[target].digits)
    exact = amount * Fraction(rate) * scale
    assert 0 <= debit(amount, source, target, rate) - exact < 1


def test_shipped_rates() -> None:
    """100 tenge cost their roubles, rounded up."""
    rates = Rates(shipped(), Decimal(1))
    rate = rates.get(643, 398)
    assert rate == Decimal("0.1546310000")
    assert debit(100_00, 643, 398, rate) == 15_47
