"""
Other people's libraries as processes of their own: what they print comes back as JSON.
"""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WITHIN_S = 60


def python(environment: str, program: str, order: Any) -> Any:
    """Run a journey in one of the Python environments that the set-up makes."""
    return _run([str(ROOT / environment / "bin" / "python"), str(HERE / program)], order)


def node(program: str, order: Any) -> Any:
    """Run a journey on Node with the packages that the set-up installs."""
    found = shutil.which("node")
    assert found, "node is missing"
    return _run([found, str(HERE / program)], order, NODE_PATH=str(ROOT / ".node-qiwi" / "node_modules"))


def _run(command: list[str], order: Any, **environment: str) -> Any:
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as place:  # one of them writes a file for each refusal where it stands
        done = subprocess.run(
            command,
            input=json.dumps(order).encode(),
            capture_output=True,
            timeout=WITHIN_S,
            env=own | environment,
            cwd=place,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    return json.loads(done.stdout)
