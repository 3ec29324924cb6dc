"""
Commands as processes of their own that are forked from one which has loaded the program once.

A command loads for longer than it works. What differs from a start of the script: modules are loaded before the
command's variables are there, so tests/commands.py starts the script when there are others than Kalita's own.

Run as a program this is the process that forks: `forked.py SCRIPT LISTENER`, until its standard input ends.
"""

import atexit
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import IO

LONGEST_REQUEST = 1_000_000


def run(command: list[str], environment: Mapping[str, str], out: IO[bytes], err: IO[bytes], within_s: float) -> int:
    """
    Run a command to its end; return its exit code.

    command  the script and its arguments
    raises   TimeoutExpired, and the process is killed
    """
    request = json.dumps({"argv": command, "environment": dict(environment), "folder": os.getcwd()}).encode()
    ends = time.monotonic() + within_s
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(within_s)
        line.connect(_source(command[0]))
        socket.send_fds(line, [len(request).to_bytes(4)], [out.fileno(), err.fileno()])
        line.sendall(request)
        pid = int.from_bytes(_exactly(line, 4))
        try:
            line.settimeout(max(ends - time.monotonic(), 0.001))
            status = int.from_bytes(_exactly(line, 4))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(command, within_s) from None
    return os.waitstatus_to_exitcode(status)


@functools.cache
def _source(script: str) -> bytes:
    """Start the process that forks; return where it listens."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("")
        listener.listen(64)
        command = [sys.executable, __file__, script, str(listener.fileno())]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[listener.fileno()])
        atexit.register(_end, process)
        return listener.getsockname()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.communicate()


def _exactly(line: socket.socket, size: int) -> bytes:
    read = b""
    while len(read) < size:
        more = line.recv(size - len(read))
        assert more, "the process that forks commands is gone"
        read += more
    return read


def _serve(listener: socket.socket) -> None:
    """Return in a new process, as a command, for each request."""
    while True:
        for ready in select.select([listener, sys.stdin], [], [])[0]:
            if ready is sys.stdin:
                os._exit(0)
            line, _ = listener.accept()
            if not os.fork():
                listener.close()
                _command(line)
                return
            line.close()
            _reap()


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _command(line: socket.socket) -> None:
    """Return in the process that is to be the command; this one tells how it ended."""
    size, outputs, _, _ = socket.recv_fds(line, 4, 2)
    assert len(size) == 4
    request = json.loads(_exactly(line, int.from_bytes(size)))
    if pid := os.fork():
        line.sendall(pid.to_bytes(4))
        line.sendall(os.waitpid(pid, 0)[1].to_bytes(4))
        os._exit(0)
    line.close()
    for target, source in enumerate((os.open(os.devnull, os.O_RDONLY), *outputs)):
        os.dup2(source, target)
        os.close(source)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    sys.argv = request["argv"]


if __name__ == "__main__":
    sys.path[0] = os.path.dirname(sys.argv[1])
    from kalita.admin.cli import main

    assert len(os.listdir("/proc/self/task")) == 1
    with socket.socket(fileno=int(sys.argv[2])) as listening:
        _serve(listening)
    sys.exit(main())
