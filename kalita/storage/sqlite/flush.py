"""
Write a file's changed pages to the disk a little at a time, so that whoever syncs another file meanwhile hardly waits.

It makes nothing safe: whoever relies on the file syncs it himself. It uses a descriptor that SQLite has open, and opens
none: closing one would drop SQLite's locks on the file (POSIX).
"""

import ctypes
import os
import time
from contextlib import suppress
from pathlib import Path

STEPS, LEAST_STEP = 128, 1 << 20
REST_S = 0.005
_WAIT_WRITE_WAIT = 7
"""SYNC_FILE_RANGE_WAIT_BEFORE, WRITE and WAIT_AFTER of Linux."""


def flush(path: Path) -> None:
    """Write the pages of a file that this process has open; do nothing where the system cannot."""
    sync_range = getattr(ctypes.CDLL(None), "sync_file_range", None)
    descriptor = _descriptor(path)
    if sync_range is None or descriptor is None:
        return
    size = path.stat().st_size
    step = max(LEAST_STEP, size // STEPS)
    for start in range(0, size, step):
        sync_range(descriptor, ctypes.c_int64(start), ctypes.c_int64(step), _WAIT_WRITE_WAIT)
        time.sleep(REST_S)


def _descriptor(path: Path) -> int | None:
    own = Path("/proc/self/fd")
    with suppress(OSError):
        for name in os.listdir(own):
            with suppress(OSError):
                if (own / name).samefile(path):
                    return int(name)
    return None
