"""Transaction ids: in commit order, below 2**53, whatever the clock does."""

from hypothesis import given
from hypothesis import strategies as st

from kalita import ids
from kalita.clock import SECOND

START = ids.EPOCH_S * SECOND
END = START + ((1 << 41) - 1) * 1000
MOMENTS = st.integers(START, END - 1000 * SECOND)
LANES = st.integers(0, 63)


@given(MOMENTS, LANES)
def test_id_tells_its_lane_and_second(now: int, lane: int) -> None:
    """History dates come from the id."""
    chosen = ids.next_id(now, 0, lane)
    assert ids.lane_of(chosen) == lane
    if now >= START + 1000:
        assert ids.moment_of(chosen) == now // SECOND * SECOND


@given(st.lists(st.tuples(MOMENTS, LANES), min_size=2, max_size=50))
def test_ids_grow_whatever_the_clock_does(steps: list[tuple[int, int]]) -> None:
    """An id is larger than the last one of everything it touches, though the clock steps back and lanes change."""
    last = 0
    for now, lane in steps:
        chosen = ids.next_id(now, last, lane)
        assert last < chosen <= ids.LARGEST
        last = chosen


@given(MOMENTS, LANES)
def test_one_millisecond_holds_64_ids_and_then_the_next_is_used(now: int, lane: int) -> None:
    """More than 64 orders in a millisecond borrow from the following ones."""
    last = first = ids.next_id(now, 0, lane)
    for _ in range(64):
        last = ids.next_id(now, last, lane)
    assert last >> 12 == (first >> 12) + 1
    assert last & 0xFFF == first & 0xFFF


@given(MOMENTS, MOMENTS)
def test_bounds_of_a_second_hold_its_ids(now: int, other: int) -> None:
    """`first_of_second` cuts ids as their dates would."""
    chosen = ids.next_id(now, 0, 63)
    assert (chosen >= ids.first_of_second(other)) == (now // 1000 * 1000 >= other // SECOND * SECOND)


def test_ids_stay_below_2_to_53_until_2089() -> None:
    """Clients read ids as JSON numbers."""
    assert ids.next_id(END, 0, 63) <= 2**53 - 1
    assert ids.moment_of(ids.LARGEST) // SECOND > 3_700_000_000


def test_bounds_are_ids_before_the_epoch_and_in_the_far_future() -> None:
    """A period that begins before any id, or ends after the last, is no error."""
    assert ids.first_of_second(0) == 0
    assert ids.first_of_second(10**18) == ids.LARGEST
