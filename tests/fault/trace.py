"""
Read what strace saw a server do, in the order in which it did it.

strace holds a process at the beginning and at the end of every call, so the lines of its file are in an order of cause
and effect, across threads and processes.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CALLS = "read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,pwritev,fdatasync,fsync"
READS = frozenset(("read", "readv", "recvfrom", "recvmsg"))
WRITES = frozenset(("write", "writev", "sendto", "sendmsg"))
SYNCS = frozenset(("fdatasync", "fsync"))
LONGEST_TEXT = 8192

_WHOLE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+|\?).*", re.DOTALL)
_BEGUN = re.compile(r"(\d+) +(\w+)\((.*) <unfinished \.\.\.>", re.DOTALL)
_RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+|\?).*", re.DOTALL)
_FILE = re.compile(r"\d+<([^>]*)>")


@dataclass(frozen=True)
class Event:
    """One call: which thread made it, where in the file it begins and ends, on what, with what, what it returned."""

    thread: int
    name: str
    begun: int
    ended: int
    file: str
    text: str
    result: int


def under_strace(output: Path) -> tuple[str, ...]:
    """Return what to run a server under. The server keeps the process id that was started; strace is its grandchild."""
    return "strace", "-D", "-f", "-q", "-yy", "-s", str(LONGEST_TEXT), "-e", f"trace={CALLS}", "-o", str(output)


def read(output: Path, pid: int) -> list[Event]:
    """Return the calls of a server that has ended, in the order in which they ended; wait for strace to write them."""
    ends, last = time.monotonic() + 20, re.compile(rf"^{pid} +\+\+\+ exited with 0 \+\+\+$", re.MULTILINE)
    while not last.search(text := output.read_text("latin-1")):
        assert time.monotonic() < ends, text[-2000:]
        time.sleep(0.05)
    return list(_events(text.splitlines()))


def _events(lines: list[str]) -> Iterator[Event]:
    open_: dict[int, tuple[int, str]] = {}
    for place, line in enumerate(lines):
        if whole := _WHOLE.fullmatch(line):
            yield _event(whole, place, place, whole[3])
        elif begun := _BEGUN.fullmatch(line):
            open_[int(begun[1])] = (place, begun[3])
        elif resumed := _RESUMED.fullmatch(line):
            first, text = open_.pop(int(resumed[1]))
            yield _event(resumed, first, place, text + resumed[3])
        elif "+++" not in line and "---" not in line:
            raise AssertionError(f"strace wrote a line that nobody understands: {line[:200]}")


def _event(match: re.Match[str], begun: int, ended: int, text: str) -> Event:
    file = _FILE.match(text)
    result = -1 if match[4] == "?" else int(match[4])
    return Event(int(match[1]), match[2], begun, ended, file[1] if file else "", text, result)
