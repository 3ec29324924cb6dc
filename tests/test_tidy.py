"""
The house stays tidy: floors, long tails, banned words, strangers' addresses.

Each rule is a pure function from a file's path and text to what offends in it, so that the rule itself is tested too:
an example that it must catch stands beside it.
"""

import ast
import io
import re
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST_FILE = 400
LONGEST_FUNCTION = 60

Offences = Iterator[str]
Rule = Callable[[str, str], Offences]


def long_file(path: str, text: str) -> Offences:
    """No Python file is longer than 400 lines."""
    if (lines := len(text.splitlines())) > LONGEST_FILE:
        yield f"{lines} lines, {LONGEST_FILE} at most"


def long_function(path: str, text: str) -> Offences:
    """No function of the package is longer than 60 lines."""
    for node in _nodes(path, text, ast.FunctionDef, ast.AsyncFunctionDef):
        if (lines := node.end_lineno - node.lineno + 1) > LONGEST_FUNCTION:
            yield f"line {node.lineno}: {node.name} has {lines} lines, {LONGEST_FUNCTION} at most"


def float_near_money(path: str, text: str) -> Offences:
    """Where amounts live nothing is, or becomes, a float."""
    if re.match(r"kalita/(money\.py|ledger/|payments/|wire/door\.py)", path):
        for node in _nodes(path, text, ast.Name):
            if node.id == "float":
                yield f"line {node.lineno}: float near money"


def bare_except(path: str, text: str) -> Offences:
    """Who catches says what; nobody catches everything."""
    for node in _nodes(path, text, ast.ExceptHandler):
        if node.type is None:
            yield f"line {node.lineno}: bare except"


def swallowed(path: str, text: str) -> Offences:
    """Nobody catches any exception there is and drops it."""
    for node in _nodes(path, text, ast.ExceptHandler):
        if node.type is not None and _broad(node.type) and all(_says_nothing(line) for line in node.body):
            yield f"line {node.lineno}: an exception is swallowed"
    for node in _nodes(path, text, ast.Call):
        if ast.unparse(node.func).split(".")[-1] == "suppress" and any(_broad(kind) for kind in node.args):
            yield f"line {node.lineno}: an exception is swallowed"


def printing(path: str, text: str) -> Offences:
    """Only the command line prints; the rest has a log."""
    if path.startswith("kalita/") and not path.startswith("kalita/admin/"):
        for node in _nodes(path, text, ast.Name):
            if node.id == "print":
                yield f"line {node.lineno}: print outside kalita/admin"


def wire_name_inside(path: str, text: str) -> Offences:
    """Names of the wire stay at the edge: in api.py, wire/ and web/. Comments and docstrings may speak of them."""
    if re.match(r"kalita/(wire/|web/|.*\bapi\.py$)", path) or not path.startswith("kalita/"):
        return
    docstrings = {
        (node.value.lineno, node.value.col_offset)
        for node in _nodes(path, text, ast.Expr)
        if isinstance(node.value, ast.Constant)
    }
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        speaks = token.type == tokenize.COMMENT or token.start in docstrings
        found = re.search(r"\b(personId|trmTxnId|txnId|paymentMethod)\b", token.string)
        if found and not speaks:
            yield f"line {token.start[0]}: wire name {found[0]}"


# Written so that this file does not offend against itself.
MACHINE = re.compile(r"(?<![\w.-])(/(hom[e]|Use[r]s|roo[t]|wor[k]|tm[p]|op[t]|mn[t])/\w|[A-Z]:\\\w)")
REGISTRY = re.compile(
    r"py[p]i\.org|python[h]osted\.org|npm[j]s\.(org|com)|yarn[p]kg\.com|deb[.]debian\.org|archive[.]ubuntu\.com"
    r"|crates[.]io|proxy[.]golang\.org|gh[c]r\.io|docke[r]\.io|conda[.]anaconda\.org|rubyg[e]ms\.org"
    r"|--(extra-)?index-ur[l]|--find-link[s]|--trusted-hos[t]"
)


def strange_address(path: str, text: str) -> Offences:
    """A checkout works anywhere: no path of somebody's machine, no host of a package registry."""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := MACHINE.search(line) or REGISTRY.search(line):
            yield f"line {number}: {found[0]}"


PYTHON_RULES: list[Rule] = [long_file, float_near_money, bare_except, swallowed, printing, wire_name_inside]
PACKAGE_RULES: list[Rule] = [long_function]


def test_imports_go_down_only() -> None:
    """The floors of pyproject.toml hold, and every room of the package has its floor."""
    assert _broken_floors(ROOT) == ""


@pytest.mark.parametrize(
    ("room", "text", "complaint"),
    [
        ("money", "import kalita.app", "kalita.money is not allowed to import kalita.app"),
        ("clock", "def now():\n    from kalita.wire import x", "kalita.clock is not allowed to import kalita.wire"),
        ("observe", "import kalita.wire", "kalita.observe is not allowed to import kalita.wire"),
        ("attic", "", "kalita.attic"),
    ],
)
def test_floors_catch(tmp_path: Path, room: str, text: str, complaint: str) -> None:
    """An import that goes up, or sideways, or a room without a floor breaks the contract."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "kalita").mkdir()
    for name in ("__init__", "money", "clock", "wire", "observe", "app"):
        (tmp_path / "kalita" / f"{name}.py").write_text("x = 1\n")
    assert _broken_floors(tmp_path) == ""
    (tmp_path / "kalita" / f"{room}.py").write_text(text)
    assert complaint in _broken_floors(tmp_path)


@pytest.mark.parametrize("rule", PYTHON_RULES, ids=lambda rule: rule.__name__)
def test_python_keeps_the_rule(rule: Rule) -> None:
    """Package, tests and benchmarks keep each rule."""
    assert _offences(rule, _python("kalita", "tests", "bench")) == []


@pytest.mark.parametrize("rule", PACKAGE_RULES, ids=lambda rule: rule.__name__)
def test_package_keeps_the_rule(rule: Rule) -> None:
    """The package keeps the rules that are for it alone."""
    assert _offences(rule, _python("kalita")) == []


def test_tracked_files_name_no_machine_and_no_registry() -> None:
    """Nothing in the repository works, or can be fetched, at one place only."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    files = [ROOT / name for name in listed.split("\0") if name]
    assert len(files) > 10
    assert _offences(strange_address, [file for file in files if file.is_file() and _is_text(file)]) == []


MISDEEDS = [
    (long_file, "tests/unit/test_a.py", "a = 1\n" * 401),
    (long_function, "kalita/app.py", "async def f():\n" + "    a = 1\n" * 60),
    (float_near_money, "kalita/money.py", "def parse(text): return float(text)"),
    (float_near_money, "kalita/ledger/decide.py", "amount: float | None = None"),
    (float_near_money, "kalita/payments/accept.py", "def pay(amount: float): ..."),
    (float_near_money, "kalita/wire/door.py", "numbers = list(map(float, texts))"),
    (bare_except, "bench/run.py", "try: f()\nexcept: raise"),
    (swallowed, "kalita/app.py", "try: f()\nexcept Exception: pass"),
    (swallowed, "kalita/app.py", "try: f()\nexcept (OSError, BaseException):\n    'never mind'"),
    (swallowed, "kalita/app.py", "with contextlib.suppress(Exception): f()"),
    (printing, "kalita/web/server.py", "print('here')"),
    (wire_name_inside, "kalita/payments/accept.py", "row['txnId']"),
    (wire_name_inside, "kalita/ledger/order.py", "def pay(personId): ..."),
    (wire_name_inside, "kalita/history/pages.py", "text = f'trmTxnId={number}'"),
    (strange_address, "README.md", "cd /hom" + "e/alice/kalita"),
    (strange_address, "docs/run.md", "python C:" + "\\kalita"),
    (strange_address, "requirements/run.txt", "--index-" + "url https://example.org"),
    (strange_address, "Makefile", "pip download https://py" + "pi.org/simple"),
]

INNOCENT = [
    (float_near_money, "kalita/clock.py", "def now() -> float: ..."),
    (float_near_money, "kalita/money.py", "# never a float"),
    (swallowed, "kalita/app.py", "try: f()\nexcept OSError: pass"),
    (swallowed, "kalita/app.py", "try: f()\nexcept Exception: log.exception('f')"),
    (printing, "kalita/admin/cli.py", "print('done')"),
    (wire_name_inside, "kalita/payments/api.py", "txnId: str"),
    (wire_name_inside, "kalita/ledger/order.py", '"""What the wire calls txnId."""  # and personId\n'),
    (strange_address, "docs/api.md", "GET /payment-history/v2/persons/1/payments; data in /var/lib/kalita"),
]


@pytest.mark.parametrize(("rule", "path", "text"), MISDEEDS, ids=lambda value: getattr(value, "__name__", ""))
def test_rule_catches(rule: Rule, path: str, text: str) -> None:
    """A rule that catches nothing would be worse than none."""
    assert list(rule(path, text))


@pytest.mark.parametrize(("rule", "path", "text"), INNOCENT, ids=lambda value: getattr(value, "__name__", ""))
def test_rule_lets_pass(rule: Rule, path: str, text: str) -> None:
    """What is allowed stays allowed."""
    assert list(rule(path, text)) == []


def _broken_floors(folder: Path) -> str:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _nodes(path: str, text: str, *kinds: type) -> Iterator:
    return (node for node in ast.walk(ast.parse(text, path)) if isinstance(node, kinds))


def _broad(kind: ast.expr) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(ast.unparse(one) in ("Exception", "BaseException") for one in kinds)


def _says_nothing(line: ast.stmt) -> bool:
    return isinstance(line, ast.Pass | ast.Continue) or (
        isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
    )


def _python(*folders: str) -> list[Path]:
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    assert files
    return files


def _offences(rule: Rule, files: list[Path]) -> list[str]:
    return [
        f"{name}: {offence}"
        for file in files
        for name in [file.relative_to(ROOT).as_posix()]
        for offence in rule(name, file.read_text(encoding="utf-8"))
    ]


def _is_text(file: Path) -> bool:
    return b"\0" not in file.read_bytes()
