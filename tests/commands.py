"""The real command, run as a process of its own."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import KALITA

WITHIN_S = 60


@dataclass(frozen=True)
class Done:
    """What a command did: its exit code, what it wrote where."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document it answered with `--json`."""
        return json.loads(self.out)


def kalita(*arguments: str | Path, environment: dict[str, str] | None = None) -> Done:
    """Run a command to its end. environment: on top of the test's own, which has no settings of Kalita."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("KALITA_")}
    done = subprocess.run(
        [KALITA, *map(str, arguments)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=WITHIN_S,
        env=own | {"COLUMNS": "100"} | (environment or {}),
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)
