"""
Guarantee: a command that the README gives as a proof works in a clone where nothing was set up.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYTHON = "#!/bin/sh\necho '== 1 passed in 0.1s =='\n"
MAKEFILE = """
tests-setup:
\t@echo setting up
\t@mkdir -p .venv/bin && cp python .venv/bin/python && touch .venv/.test
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with one suite, whose set-up makes a Python that passes every test."""
    for folder in ("tools", "tests/unit"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "tools" / "suites.sh", tmp_path / "tools")
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def test_a_suite_alone_sets_itself_up_once(clone: Path) -> None:
    """The first run installs, the next ones do not."""
    said = [
        subprocess.run([clone / "tools" / "suites.sh", "unit"], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert ["setting up" in text for text in said] == [True, False]
    assert all(text.endswith("1 passed, 0 failed\n") for text in said)


def test_a_set_up_that_fails_fails_the_run(clone: Path) -> None:
    """Nothing is said to have passed."""
    (clone / "Makefile").write_text("tests-setup:\n\t@exit 1\n")
    done = subprocess.run([clone / "tools" / "suites.sh", "unit"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "passed" not in done.stdout
