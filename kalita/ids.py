"""
Transaction ids: 41 bits of milliseconds, 6 of sequence, 6 of lane; below 2**53 for clients that read JSON numbers.

An id is chosen after the accounts are locked, as the larger of the clock and the last id of every account it touches.
So ids are in commit order for each wallet, in every process, even when the clock steps back.
"""

from kalita.clock import SECOND

EPOCH_S = 1_577_836_800
"""2020-01-01 UTC in seconds: where the milliseconds of an id begin."""

LANES = 64
LARGEST = 2**53 - 1


def next_id(now: int, last: int, lane: int) -> int:
    """
    Choose the next id of a lane.

    now   microseconds since 1970
    last  the largest id among the touched accounts and of this lane
    lane  0 to 63
    """
    by_clock = (now // 1000 - EPOCH_S * 1000) << 12
    ticket = max(by_clock >> 6, (last >> 6) + 1)
    chosen = ticket << 6 | lane
    assert 0 < chosen <= LARGEST
    return chosen


def lane_of(txn_id: int) -> int:
    """Return the lane that wrote an id."""
    return txn_id & 63


def moment_of(txn_id: int) -> int:
    """Return the whole second an id was chosen in, as microseconds: the date that history shows."""
    return ((txn_id >> 12) // 1000 + EPOCH_S) * SECOND


def first_of(moment: int) -> int:
    """Return the smallest id that may be chosen at a moment or later, to the millisecond; 0 before the epoch."""
    return min(max(moment // 1000 - EPOCH_S * 1000, 0) << 12, LARGEST)


def first_of_second(moment: int) -> int:
    """Return the smallest id that may carry the second of a moment; 0 before the epoch, never past the largest."""
    seconds = moment // SECOND - EPOCH_S
    return min(max(seconds, 0) * 1000 << 12, LARGEST)
