"""Limits from the command line, beside a live server."""

from pathlib import Path

from tests.api.house import payment
from tests.commands import kalita, refused, wrong
from tests.servers import demo


def test_table_is_shown_set_and_taken_from_a_file(tmp_path: Path) -> None:
    """What is shown can be imported; a figure that is set stays; a wrong one names what is wrong."""
    data = tmp_path / "data"
    assert kalita("init", "--data", data).code == 0
    rows = kalita("limits", "show", "--json", "--data", data).json["limits"]
    assert {row["limit"]: row["simple"] for row in rows} == {
        "balance": "15000", "turnover": "40000", "transfers": "40000", "payouts": "15000", "internationals": "15000",
        "cash": "0", "cash_day": "0", "operation": "15000", "to_tenge": "5000",
    }  # fmt: skip
    assert kalita("limits", "set", "turnover", "full", "none", "--data", data).code == 0
    assert kalita("limits", "set", "cash", "verified", "12.50", "--currency", "KZT", "--data", data).code == 0
    changed = kalita("limits", "show", "--json", "--data", data).json["limits"]
    assert [row["full"] for row in changed if row["limit"] == "turnover"] == ["none"]
    assert [row["verified"] for row in changed if row["currency"] == "KZT"] == ["12.5"]
    file = tmp_path / "limits.csv"
    file.write_text(
        "\n".join(",".join(row.values()) for row in [dict.fromkeys(changed[0]) | {k: k for k in changed[0]}, *changed])
    )
    assert kalita("limits", "import", file, "--json", "--data", data).json["limits"] == changed
    assert "to_tenge" in kalita("limits", "show", "--data", data).out
    for amount in ("-1", "1.005", "x", "1e3"):
        wrong(kalita("limits", "set", "cash", "full", "--data", data, "--", amount))
    file.write_text("limit\n")
    wrong(kalita("limits", "import", file, "--data", data), "line 1")
    wrong(kalita("limits", "import", tmp_path / "nothing.csv", "--data", data), "nothing.csv")


def test_live_server_takes_a_limit_up(tmp_path: Path) -> None:
    """With its next payment; the books and the counters are proven beside it, and a spoiled counter is named."""
    with demo(tmp_path) as server:
        payee = server.wallets[1].number
        with server.client() as client:

            def paid(amount: int) -> str:
                answer = client.post("/sinap/api/v2/terms/99/payments", json=payment(payee, amount))
                return answer.json().get("code", "")

            assert paid(100) == ""
            assert kalita("limits", "set", "operation", "full", "50", "--data", server.data).code == 0
            assert paid(100) == "QWPRC-558"
            assert kalita("limits", "set", "balance", "full", "100020", "--data", server.data).code == 0
            assert paid(50) == "QWPRC-702"
            refused(kalita("topup", str(payee), "1", "--data", server.data), "700")
            assert kalita("audit", "--data", server.data).code == 0
    with demo(tmp_path, environment={"KALITA_SUM_LIMITS": "false"}) as server, server.client() as client:
        answer = client.post("/sinap/api/v2/terms/99/payments", json=payment(payee, 1000))
        assert answer.status_code == 200
    assert kalita("audit", "--data", server.data).code == 0
