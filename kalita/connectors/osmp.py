"""
The `osmp` connector: HTTP GET with a few parameters, an XML answer with a result code. Source: osmp.md.
"""

import base64
import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from kalita.clock import MOSCOW, SECOND
from kalita.connectors.protocol import Done, Gate, Outcome, Payout, Rejected, Standing, Unknown
from kalita.observe import log
from kalita.outbound.client import Answer, Outbound

LARGEST_ANSWER = 64 * 1024
RESULTS = {4: 4, 5: 5, 7: 8, 8: 8, 79: 5, 241: 241, 242: 242, 243: 5, 300: 300}
"""Final results of a provider, and the code our history shows for each."""
NOT_YET = (1, 90)
OURS = ("command", "txn_id", "txn_date", "account", "sum")
"""Parameters of the protocol: no field of a payment goes out under such a name, in whatever case."""
_LOOPBACK = re.compile(r"http://(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\]|localhost)[:/]", re.ASCII | re.IGNORECASE)


def unfit(url: str) -> str:
    """Say why no payment can be sent to an address; empty when it can."""
    if not url:
        return "osmp needs an address"
    if url[:8].lower() == "https://" or _LOOPBACK.match(url):
        return ""
    return "plain HTTP goes to this machine only: set an https address"


class Osmp:
    """Pay providers that serve the OSMP protocol."""

    within_s = 60.0

    def __init__(self, way: Callable[[str], Outbound]) -> None:
        self._way = way

    async def check(self, payout: Payout, gate: Gate) -> Outcome:
        """Ask whether the account can be paid."""
        query = {"command": "check", "txn_id": str(payout.txn_id), "account": payout.recipient, "sum": payout.sum}
        return await self._ask(payout, gate, query)

    async def pay(self, payout: Payout, gate: Gate) -> Outcome:
        """Pay; a repeat carries the same txn_id and the first txn_date."""
        day = datetime.fromtimestamp(payout.moment // SECOND, MOSCOW)
        query = {
            "command": "pay",
            "txn_id": str(payout.txn_id),
            "txn_date": day.strftime("%Y%m%d%H%M%S"),
            "account": payout.recipient,
            "sum": payout.sum,
        }
        return await self._ask(payout, gate, query)

    async def status(self, payout: Payout, gate: Gate) -> Standing:
        """Ask by paying again: a provider answers a repeat as it did at first and moves nothing."""
        return await self.pay(payout, gate)

    async def close(self) -> None:
        """Connections are those of the way out."""

    async def _ask(self, payout: Payout, gate: Gate, query: dict[str, str]) -> Outcome:
        if reason := unfit(gate.url):
            return Unknown(reason)
        query |= _more(payout, gate)
        url = f"{gate.url}{'&' if '?' in gate.url else '?'}{urlencode(query)}"
        answer = await self._way(gate.ca).get(url, _headers(gate), self.within_s, LARGEST_ANSWER)
        if not isinstance(answer, Answer):
            return Unknown(f"{answer.reason}: {answer.detail}")
        return read_answer(answer, payout.txn_id)


def _more(payout: Payout, gate: Gate) -> dict[str, str]:
    """Return the other fields, to go out under their own names: none stands in for ours or the address's."""
    taken = {*OURS, *(name.lower() for name, _ in parse_qsl(urlsplit(gate.url).query, keep_blank_values=True))}
    return {name: text for name, text in payout.details.items() if name.lower() not in taken}


def _headers(gate: Gate) -> dict[str, str]:
    headers = {"Accept": "text/xml"}
    if gate.login or gate.password:
        pair = base64.b64encode(f"{gate.login}:{gate.password}".encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
    return headers


def read_answer(answer: Answer, txn_id: int) -> Outcome:
    """
    Read a provider's answer: whatever is not a clear result of this very payment leaves it unknown.

    Source: osmp.md "Rules"
    """
    if answer.status != 200 or not answer.whole:
        return Unknown(f"status {answer.status}" if answer.whole else "the answer is cut or too long")
    try:
        root = fromstring(answer.body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError, ValueError) as problem:
        return Unknown(f"broken XML: {problem}"[:200])
    if root.tag != "response" or (root.findtext("osmp_txn_id") or "").strip() != str(txn_id):
        return Unknown("an answer to something else")
    results = [one for one in root if one.tag == "result"]
    if len(results) != 1 or len(results[0]):
        return Unknown("no clear result in the answer")
    text, note = (results[0].text or "").strip(), (root.findtext("comment") or "").strip()[:200]
    result = int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None
    if result == 0:
        return Done((root.findtext("prv_txn") or "").strip()[:64])
    if result in RESULTS:
        return Rejected(RESULTS[result], f"result {result} {note}".strip())
    if result not in NOT_YET:
        log.error("provider_result_unknown", result=text[:40], transaction=txn_id)
    return Unknown(f"result {text[:40]} {note}".strip())
