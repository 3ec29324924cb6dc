"""
Windows that several processes count in together: a table in memory that they all have, one slot for each key.

A slot is changed under a lock of the kernel on a byte of a file. The kernel gives the lock back when its holder is
killed, so nobody waits for a dead process. Keys are many and memory is not: a key whose neighbours' slots are all in
use takes the one that has been quiet for longest.
"""

import fcntl
import hashlib
import mmap
import os
import struct
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from kalita.access.rates import BLOCK, HISTORY_A_MINUTE, TESTS_A_MINUTE, Rates, Window
from kalita.clock import MINUTE, SECOND

_HEAD = struct.Struct("<QqHHI")
"""Key, blocked until (microseconds), first and number of the ring's stamps, the newest stamp."""
_STAMP = struct.Struct("<I")
MOST_BYTES = 64 * 1024 * 1024
MOST_SLOTS = 65_536
LARGEST_FIGURE = 5_000
NEIGHBOURS = 8
STAMP_US = 1_000
"""Stamps are milliseconds, the last 32 bits of them."""
MINUTE_STAMPS = MINUTE // STAMP_US
_WRAP = (1 << 32) - 1


class SharedWindow(Window):
    """
    The same as rates.Window, for processes that are forked after it was made.

    figure  how many calls a minute pass, at most 5000; 0: all pass
    block   microseconds a key stays refused once it went past; 0: until the window has room
    """

    def __init__(self, figure: int, block: int = 0) -> None:
        assert figure <= LARGEST_FIGURE
        self._figure, self._block = figure, block
        self._bytes = _HEAD.size + figure * _STAMP.size
        self._slots = min(MOST_SLOTS, MOST_BYTES // self._bytes)
        self._table = mmap.mmap(-1, self._slots * self._bytes)
        with tempfile.TemporaryFile() as file:
            self._locks = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._locks)

    def wait_s(self, key: int | str, now: int) -> int:
        """Count a call of a key. See Window.wait_s."""
        if not self._figure:
            return 0
        number = _number(key)
        stripe = number % self._slots // NEIGHBOURS
        with self._locked(stripe):
            return self._count(self._slot(stripe * NEIGHBOURS, number, now), number, now)

    @contextmanager
    def _locked(self, stripe: int) -> Iterator[None]:
        fcntl.lockf(self._locks, fcntl.LOCK_EX, 1, stripe)
        try:
            yield
        finally:
            fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, stripe)

    def _slot(self, first: int, number: int, now: int) -> int:
        """Return where the slot of a key is, taking over the quietest of its neighbours when it has none."""
        quietest, longest = first, -1
        for slot in range(first, min(first + NEIGHBOURS, self._slots)):
            at = slot * self._bytes
            key, blocked, _, count, newest = _HEAD.unpack_from(self._table, at)
            if key == number:
                return at
            quiet = -1 if blocked > now else _WRAP + 1 if not count else _age(now, newest)
            if quiet > longest:
                quietest, longest = slot, quiet
        at = quietest * self._bytes
        _HEAD.pack_into(self._table, at, number, 0, 0, 0, 0)
        return at

    def _count(self, at: int, number: int, now: int) -> int:
        _, blocked, first, count, newest = _HEAD.unpack_from(self._table, at)
        if now < blocked <= now + self._block + MINUTE:  # a later one is of a clock that was set back since
            return int(-((now - blocked) // SECOND))
        while count and _age(now, self._stamp(at, first)) >= MINUTE_STAMPS:
            first, count = (first + 1) % self._figure, count - 1
        wait = 0
        if count < self._figure:
            newest = now // STAMP_US & _WRAP
            _STAMP.pack_into(self._table, self._place(at, first + count), newest)
            count, blocked = count + 1, 0
        elif self._block:
            blocked, count = now + self._block, 0
            wait = self._block // SECOND
        else:
            wait = max(1, -(-(MINUTE_STAMPS - _age(now, self._stamp(at, first))) // 1_000))
        _HEAD.pack_into(self._table, at, number, blocked, first, count, newest)
        return wait

    def _place(self, at: int, index: int) -> int:
        return at + _HEAD.size + index % self._figure * _STAMP.size

    def _stamp(self, at: int, index: int) -> int:
        return int(_STAMP.unpack_from(self._table, self._place(at, index))[0])


def shared_rates(general_a_minute: int, bad_tokens_a_minute: int) -> Rates:
    """Return the counters of a server of several processes. A figure above 5000 a minute is each process's own."""
    rates = Rates(general_a_minute, bad_tokens_a_minute)
    rates.history = SharedWindow(HISTORY_A_MINUTE, BLOCK)
    rates.tests = SharedWindow(TESTS_A_MINUTE)
    if general_a_minute <= LARGEST_FIGURE:
        rates.general = SharedWindow(general_a_minute)
    if bad_tokens_a_minute <= LARGEST_FIGURE:
        rates.bad_tokens = SharedWindow(bad_tokens_a_minute)
    return rates


def _age(now: int, stamp: int) -> int:
    """Return how many milliseconds ago a stamp was; one of a later moment, by a clock that stepped back, is old."""
    return (now // STAMP_US - stamp) & _WRAP


def _number(key: int | str) -> int:
    """Return the 64-bit number of a key, never 0."""
    digest = hashlib.blake2b(str(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") | 1
