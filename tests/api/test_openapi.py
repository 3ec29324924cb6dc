"""
The description of the API is made of the table, is valid, and the server keeps to it.
"""

import json
import os
import re
import subprocess
import sys
from typing import Any

import jsonschema_rs
import pytest

from kalita.app import ROWS
from kalita.web.openapi import describe, operation_id
from kalita.wire.endpoint import Caller
from tests.api.house import House, payment
from tests.api.table import addresses
from tests.servers import Demo

PAY = "/sinap/api/v2/terms/{id}/payments"
TYPES = {"null", "boolean", "integer", "number", "string", "array", "object"}


@pytest.fixture(scope="module")
def document(server: Demo) -> Any:
    """The document as the server gives it."""
    with server.client() as client:
        answer = client.get("/openapi.json", headers={"Authorization": ""})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json;charset=UTF-8")
        return answer.json()


def nodes(node: Any) -> Any:
    """Walk every object of a document."""
    if isinstance(node, dict):
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(part)


def test_served_document_is_that_of_the_table(document: Any) -> None:
    """What goes over the wire is what the rows give, and nothing else."""
    assert document == json.loads(json.dumps(describe(ROWS)))


def test_same_rows_give_the_same_bytes() -> None:
    """No set's order shows: two processes with different seeds describe the table alike."""
    lines = ("import json", "from kalita.app import ROWS", "from kalita.web.openapi import describe")
    program = "; ".join((*lines, "print(json.dumps(describe(ROWS)))"))
    told = [
        subprocess.run(
            [sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]


def test_every_row_is_there_at_every_path(document: Any) -> None:
    """Paths and methods of the document are those of the table, aliases too; each call has a name of its own."""
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(address.row.method, address.path) for address in addresses()}
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert sorted(names) == sorted({operation_id(address.row.method, address.path) for address in addresses()})


@pytest.mark.parametrize("address", addresses(), ids=str)
def test_operation_tells_what_the_row_declares(document: Any, address: Any) -> None:
    """Parameters, body, permission, refusals by status, section of the contract."""
    row, told = address.row, document["paths"][address.path][address.row.method.lower()]
    named = [(one["name"], one["in"], one["required"]) for one in told["parameters"] if "name" in one]
    assert named == [(param.name, "path", True) for param in row.at] + [
        (param.name, "query", param.required) for param in row.query
    ]
    assert ("requestBody" in told) == (row.body is not None or row.form)
    wanted = {Caller.ANYONE: [], Caller.OPTIONAL: [{}, {"bearer": []}]}
    wanted[Caller.AGENT] = [{"basic": []}]
    assert told["security"] == wanted.get(row.caller, [{"bearer": []}])
    assert told.get("x-permission") == (row.permission.words if row.permission else None)
    assert (told["summary"], told["x-source"]) == (row.title, row.source)
    codes = {
        (int(status), one["code"].removeprefix("QWPRC-"))
        for status, answer in told["responses"].items()
        for one in answer.get("x-refusals", [])
    }
    assert {(refusal.status, refusal.code) for refusal in row.refusals} <= codes
    common = {str(row.success), *(("303",) if row.moves else ()), "400", "405", "413", "414", "431", "500"}
    own = set() if row.caller is Caller.ANYONE else {"401", "404", "423", "503"}
    own = {"401"} if row.caller is Caller.AGENT else own
    own |= {"403"} if row.permission is not None or "{wallet}" in row.path else set()
    assert set(told["responses"]) == common | own | {str(refusal.status) for refusal in row.refusals}


@pytest.mark.parametrize(
    ("call", "needed"),
    [
        ("get /mobile/detect.action", "no token"), ("get /sinap/crossRates", "no token; one that is sent"),
        ("get /search/v1/search", "a token, whatever"), ("post /osmp/{agent}", "the agent's own name and password"),
        ("put /partner/bill/v1/bills/{billId}", "the secret key of a pair."),
        ("post /checkout-api/api/bill/reject", "a token with the permission `payments`, or the secret key of a pair."),
        ("post /sinap/terms/{id}/payments", "a token with the permission `payments`, or the secret key of a pair that"),
        ("get /payment-history/v1/transactions/{transactionId}", "a token with the permission `history`."),
    ],
)  # fmt: skip
def test_what_a_call_needs_is_told(document: Any, call: str, needed: str) -> None:
    """In words, as the gate has it."""
    method, path = call.split()
    assert f"Needs {needed}" in document["paths"][path][method]["description"]


def test_references_lead_somewhere(document: Any) -> None:
    """Every `$ref` has its target, and no component lies there for nothing."""
    used = {node["$ref"] for node in nodes(document) if "$ref" in node}
    for reference in used:
        target = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert schemas <= used


def test_schemas_are_json_schema(document: Any) -> None:
    """Each schema is valid by the 2020-12 meta-schema; each type is a JSON type."""
    for name, schema in document["components"]["schemas"].items():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
        for node in nodes(schema):
            kinds = node.get("type", [])
            if isinstance(kinds, (str, list)):
                assert set([kinds] if isinstance(kinds, str) else kinds) <= TYPES, name


def test_amounts_are_numbers(document: Any) -> None:
    """An amount is a JSON number in every answer, and number or text where a client writes one."""
    schemas = document["components"]["schemas"]
    assert schemas["Money"]["properties"]["amount"]["type"] == "number"
    assert "anyOf" not in schemas["Money"]["properties"]["amount"]
    assert schemas["Sum"]["properties"]["amount"]["type"] == ["number", "string"]
    assert schemas["PaymentBody"]["properties"]["id"]["type"] == ["string", "integer"]
    assert schemas["PaymentBody"]["properties"]["fields"]["additionalProperties"]["type"] == [
        "string",
        "integer",
        "null",
    ]


def schema_of(document: Any, path: str, method: str, status: str) -> Any:
    """Return a validator for the body of an answer."""
    answer = document["paths"][path][method]["responses"][status]
    schema = next(iter(answer["content"].values()))["schema"]
    return jsonschema_rs.validator_for({**schema, "components": document["components"]})


def test_rows_of_bills_are_told_as_they_are(document: Any) -> None:
    """Where a link leads, what its button sends, the shape of a bill that was not paid, an empty answer."""
    create, pay = document["paths"]["/create"], document["paths"]["/checkout-api/invoice/pay/wallet"]["post"]
    for method in ("get", "post"):
        assert "Location" in create[method]["responses"]["303"]["headers"]
        assert {"423", "503"} <= set(create[method]["responses"])
    assert "503" in document["paths"]["/form"]["get"]["responses"]
    sent = create["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert {"publicKey", "billId", "amount", "comment"} <= set(sent["properties"])
    (key,) = sent["patternProperties"]
    assert re.search(key, "customFields[themeCode]")
    refused = pay["responses"]["400"]
    assert {"$ref": "#/components/schemas/NotPaid"} in refused["content"]["application/json"]["schema"]["anyOf"]
    told = {one["code"] for one in refused["x-refusals"]}
    limits = {"558", "700", "702", "704", "705", "711", "866", "867", "943", "309", "1021", "220", "319"}
    assert {f"QWPRC-{code}" for code in limits} <= told
    assert "content" not in document["paths"]["/checkout-api/api/bill/reject"]["post"]["responses"]["200"]


def test_bodies_keep_to_their_schemas(document: Any, house: House) -> None:
    """Errors of both families, and a page with everything in it, are valid by the schemas they are described with."""
    owner = house.wallet(RUB=10_00)
    poor = house.pay(owner, payment(amount=11))
    broken = house.pay(owner, b"{")
    for answer in (poor, broken):
        schema_of(document, PAY, "post", "400").validate(answer.json)
    accepted = house.pay(owner, payment(comment="x"))
    schema_of(document, PAY, "post", "200").validate(accepted.json)
    page = house.get(f"/payment-history/v2/persons/{owner.number}/payments?rows=5", owner)
    schema_of(document, "/payment-history/v2/persons/{wallet}/payments", "get", "200").validate(page.json)
    body = jsonschema_rs.validator_for({
        **document["components"]["schemas"]["PaymentBody"], "components": document["components"],
    })  # fmt: skip
    for amount in (1, 1.5, "1.5", "297.29999999999995"):
        assert body.is_valid(payment(amount=amount))
    for amount in (-1, "1,5", "1e2", None, True, [1], 10**12):
        assert not body.is_valid(payment(amount=amount))
