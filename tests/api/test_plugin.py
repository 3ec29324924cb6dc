"""
The example of a connector, installed as a plug-in beside a server that runs.

Guarantee: a connector of one's own carries payments without a line changed in Kalita.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.api.house import payment
from tests.commands import kalita, refused
from tests.servers import Demo, demo

EXAMPLE = Path(__file__).parents[2] / "examples" / "connector"
WITHIN_S = 15


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, installed into a directory of its own."""
    source, place = tmp_path_factory.mktemp("source") / "connector", tmp_path_factory.mktemp("plugins")
    source.mkdir()
    for file in ("pyproject.toml", "kalita_folder.py"):
        (source / file).write_text((EXAMPLE / file).read_text("utf-8"), "utf-8")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--target", str(place), str(source)], check=True, capture_output=True)
    return place


def test_payments_become_files_and_files_decide(installed: Path, tmp_path: Path) -> None:
    """Written once, held while nobody carries it out; done or rejected by a file beside it."""
    orders = tmp_path / "orders"
    orders.mkdir()
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, (str(installed), os.environ.get("PYTHONPATH"))))}
    with demo(tmp_path, environment=environment) as server:
        connect = ("provider", "set", "674", "--connector", "folder", "--url", str(orders), *server.place)
        assert kalita(*connect, environment=environment).code == 0
        time.sleep(2)
        first, second = pay(server, 10.5), pay(server, 20)
        until(lambda: len(list(orders.glob("*.json"))) == 2)
        told = json.loads((orders / f"{first}.json").read_text("utf-8"))
        assert told == {"txn": first, "account": "member 7", "sum": "10.50", "currency": 643}
        assert [state(server, txn) for txn in (first, second)] == [("WAITING", 0)] * 2
        (orders / f"{first}.done").write_text("order 17\n", "utf-8")
        (orders / f"{second}.rejected").write_text("5\n", "utf-8")
        until(lambda: [state(server, txn) for txn in (first, second)] == [("SUCCESS", 0), ("ERROR", 5)])
        shown = kalita("payment", "show", str(first), "--json", *server.place).json
        assert shown["payout"]["reference"] == "order 17"
        assert kalita("audit", *server.place).code == 0


def test_an_unknown_connector_is_refused(tmp_path: Path) -> None:
    """When it is named, in one line."""
    assert kalita("init", "--data", tmp_path).code == 0
    refused(kalita("provider", "set", "674", "--connector", "nowhere", "--data", tmp_path), "no connector nowhere")


def pay(server: Demo, amount: float) -> int:
    """Pay over real HTTP; return the transaction."""
    with server.client() as client:
        answer = client.post("/sinap/api/v2/terms/674/payments", json=payment("member 7", amount))
    assert answer.status_code == 200, answer.text
    return int(answer.json()["transaction"]["id"])


def state(server: Demo, txn: int) -> tuple[Any, Any]:
    """Return status and code as history shows them."""
    with server.client() as client:
        told = client.get(f"/payment-history/v2/transactions/{txn}?type=OUT").json()
    return told.get("status"), told["errorCode"]


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    ends = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.3)
