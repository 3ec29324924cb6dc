"""
Guarantee: a message is signed to the letter, and whoever re-prints what he read comes to the same signature.

The vectors are those of the documentation that hold, and others computed apart from this code.
"""

import base64
import hashlib
import hmac
import json
import shutil
import subprocess

import pytest

from kalita.hooks.message import Event, written
from kalita.hooks.sign import documented, event_of, message_id, standard, verifies
from kalita.ids import LARGEST
from kalita.money import face
from kalita.storage.outbox import Kind
from kalita.wire.amounts import encode

KEY = "JcyVhjHCvHQwufz+IHXolyqHgEc5MoayBfParl6Guoc="
HOOK = "d63a8729-f5c8-486f-907d-9fb8758afcfc"
VECTORS = [
    ("643|1|IN|+79165238345|13353941550", "76687ffe5c516c793faa46fafba0994e7ca7a6d735966e0e0c0b65eaa43bdca0"),
    ("643|1|IN|+79161112233|13353941550", "f05c4e7bdf00620205d47696d77f924bfd3ba4d02b0398ac8a626e737dc27243"),
    ("643|1.00|IN|+79161112233|13353941550", "ac170d13c9141ec3c4b241d65018cf68d70f0a4c20fb11232611d45f45e38a0a"),
    ("643|1.0|IN|+79161112233|13353941550", "26579dabcc80d6ad3e1d28064dffe39dbc106535595f5a9545c1e4c8cc5a1fc0"),
    ("643|1|IN|79161112233|13353941550", "68b7266009db05156c48c74b9851a7915ab68bbb357cc241e2069a86e27aaf7b"),
    ("643|1.73|OUT|79110000002|1001", "d34a2f8e130c79b527d812c924cc1541aa5d4d273ca9ee2ede80a46c8afe4a55"),
    ("840|0.5|IN|79110000002|1002", "9119dd10fc35be7604395a4257b2cbd4dfd4690cfae13add42813f688efe12f1"),
    ("643|1000|OUT|4256********1231|1003", "9c4cc34a6b46479a48bad08898b7e86fae24863bcdcfed29caddbfc404ccba7f"),
    ("643|12345.67|OUT|Счёт №5|1004", "b28e1f3bad25b0dbd97a3cdd25020cd7b8743846746abcc7b6e1aa9456f0f145"),
]
PRINTED = VECTORS[:2] + VECTORS[5:]
"""Those whose amount has the one form that goes out."""


@pytest.mark.parametrize(("line", "expected"), VECTORS)
def test_vectors(line: str, expected: str) -> None:
    """What the contract computed, the forms that fail included."""
    assert documented(KEY, line.split("|")) == expected


def event(line: str) -> Event:
    """Return the event whose message is signed over a line."""
    currency, amount, kind, account, txn_id = line.split("|")
    minor = round(float(amount) * 100)
    stream = (1000 if kind == "IN" else 2000) + int(currency)
    return Event(int(txn_id), stream, Kind.DONE, int(txn_id), HOOK, 0, 99, account, minor, 0, "обед", 0, None)


@pytest.mark.parametrize(("line", "expected"), PRINTED)
def test_a_whole_message_carries_the_vector(line: str, expected: str) -> None:
    """Shaped as it goes out, from minor units."""
    assert written(79110000001, "m", event(line), KEY).hash == expected


def in_python(body: bytes) -> str:
    """Verify as Python receivers do: parse, print again, sign."""
    payment = json.loads(body)["payment"]
    values = []
    for name in payment["signFields"].split(","):
        value = payment
        for part in name.split("."):
            value = value[part]
        values.append(str(value))
    return hmac.new(base64.b64decode(KEY), "|".join(values).encode(), hashlib.sha256).hexdigest()


IN_NODE = """
const crypto = require('crypto'); const { payment } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const values = payment.signFields.split(',').map(name => name.split('.').reduce((at, part) => at[part], payment));
const key = Buffer.from(process.argv[1], 'base64');
console.log(crypto.createHmac('sha256', key).update(values.join('|')).digest('hex'));
"""


def in_node(body: bytes) -> str:
    """Verify as JavaScript receivers do."""
    node = shutil.which("node")
    assert node, "node is needed to verify as JavaScript does"
    done = subprocess.run([node, "-e", IN_NODE, KEY], input=body, capture_output=True, check=True)
    return done.stdout.decode().strip()


AMOUNTS = [1, 7, 10, 50, 99, 100, 101, 110, 150, 173, 100_000, 1_234_567, 400_000_001, 99_999_999_999_999]


@pytest.mark.parametrize("minor", AMOUNTS)
def test_receivers_that_print_again_come_to_the_same_signature(minor: int) -> None:
    """Amounts in the one form that Python and JavaScript both print."""
    line = f"643|{face(minor)}|OUT|Счёт №5|1004"
    told = written(79110000001, "m", event(line)._replace(sum=minor), KEY)
    body = encode(told)
    assert f'"amount":{face(minor)},'.encode() in body
    assert in_python(body) == told.hash
    if minor in AMOUNTS[::3]:
        assert in_node(body) == told.hash


def test_standard_webhooks_covers_id_time_and_body() -> None:
    """Any other byte, id, time or key fails; with two keys either verifies."""
    other = base64.b64encode(b"x" * 32).decode()
    header = standard([KEY], "msg", 1_700_000_000, b'{"a":1}')
    content = b'msg.1700000000.{"a":1}'
    assert header == "v1," + base64.b64encode(hmac.digest(base64.b64decode(KEY), content, "sha256")).decode()
    assert verifies(KEY, "msg", "1700000000", b'{"a":1}', header)
    assert not verifies(KEY, "msg", "1700000000", b'{"a":2}', header)
    assert not verifies(KEY, "msh", "1700000000", b'{"a":1}', header)
    assert not verifies(KEY, "msg", "1700000001", b'{"a":1}', header)
    assert not verifies(other, "msg", "1700000000", b'{"a":1}', header)
    assert not verifies(KEY, "msg", "soon", b'{"a":1}', header)
    both = standard([other, KEY], "msg", 1_700_000_000, b'{"a":1}')
    assert verifies(KEY, "msg", "1700000000", b'{"a":1}', both)
    assert verifies(other, "msg", "1700000000", b'{"a":1}', both)


@pytest.mark.parametrize("caused_by", [1, 891571010416640, LARGEST])
@pytest.mark.parametrize("stream", [0, 1643, 3978])
def test_message_ids_lead_back_to_their_event(caused_by: int, stream: int) -> None:
    """The same on every attempt, another for another hook, and no id of a stranger leads anywhere."""
    name = message_id(HOOK, caused_by, stream)
    assert name == message_id(HOOK, caused_by, stream)
    assert event_of(HOOK, name) == (caused_by, stream)
    assert event_of(HOOK, name.upper()) == (caused_by, stream)
    assert event_of(HOOK[:-1] + "0", name) is None
    assert message_id(HOOK, caused_by, stream + 1) != name


@pytest.mark.parametrize("text", ["", "x", HOOK, "00000000-0000-0000-0000-000000000000"])
def test_other_ids_are_no_messages(text: str) -> None:
    """Whatever somebody makes up."""
    assert event_of(HOOK, text) is None


def test_the_outcome_decides_status_and_code() -> None:
    """Waiting says so whatever happened since; an end says how; no comment is an empty one."""
    done = event(VECTORS[0][0])
    for kind, state, code, expected in (
        (Kind.WAITING, 1, None, ("WAITING", "0")),
        (Kind.WAITING, 2, 5, ("WAITING", "0")),
        (Kind.CLOSED, 0, 0, ("SUCCESS", "0")),
        (Kind.CLOSED, 2, 797, ("ERROR", "797")),
        (Kind.DONE, 0, None, ("SUCCESS", "0")),
    ):
        payment = written(1, "m", done._replace(kind=kind, state=state, error_code=code, comment=""), KEY).payment
        assert payment
        assert (payment.status, payment.error_code, payment.comment) == (*expected, "")
    card = written(1, "m", done._replace(stream=3643), KEY).payment
    assert card
    assert card.type == "OUT"
