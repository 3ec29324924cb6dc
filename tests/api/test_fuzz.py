"""
Schema-driven fuzz: every row of a real server, with input its schema allows and input it does not.

Whatever is sent, the answer is one that the row declares: a declared status, its content type, its headers, a body
valid by its schema, and never a 5xx. Input that a schema excludes is refused. KALITA_LONG=1 tries more, at random.
"""

import itertools
import os
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from kalita.wire.endpoint import Caller
from tests.api.house import House
from tests.api.table import Address, addresses
from tests.servers import Demo, Wallet

LONG = bool(os.environ.get("KALITA_LONG"))
EXAMPLES = 300 if LONG else 50
CALLS_OF_ONE = 90
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
"""The first may be left out where a server error is what the contract asks for."""
TOO_LONG_HOOK = "hook URL is longer than 100 characters"
"""Answered with 500. Source: webhooks.md 4.1"""
SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=not LONG,
    suppress_health_check=list(hypothesis.HealthCheck),
)


class Callers:
    """Owners who take turns: history takes only 100 calls a minute from each."""

    def __init__(self, people: House) -> None:
        self._people = people
        self._calls = itertools.count()
        self._owner: Wallet | None = None

    def next(self) -> Wallet:
        """Return whose turn it is."""
        if self._owner is None or next(self._calls) % CALLS_OF_ONE == 0:
            self._owner = self._people.wallet(RUB=1_000_00)
        return self._owner


@pytest.fixture(scope="module")
def callers(people: House) -> Callers:
    """Whoever calls."""
    return Callers(people)


@pytest.fixture(scope="module")
def schema(server: Demo) -> Any:
    """The description as the server gives it, but for the token: every call here has a good one."""
    document = httpx.get(f"{server.url}/openapi.json").json()
    for methods in document["paths"].values():
        for operation in methods.values():
            del operation["security"]
    return schemathesis.openapi.from_dict(document)


def call(case: Case, server: Demo, callers: Callers, own: bool) -> Any:
    """Send a case with a good token. own: to the caller's own wallet, so that it gets past the gate."""
    owner = callers.next()
    if own and "wallet" in case.path_parameters:
        case.path_parameters["wallet"] = str(owner.number)
    return case.call(base_url=server.url, headers=owner.headers)


@pytest.mark.parametrize("address", addresses(), ids=str)
def test_allowed_input_gets_a_declared_answer(server: Demo, schema: Any, callers: Callers, address: Address) -> None:
    """Whatever its own schema allows."""

    @SETTINGS
    @hypothesis.given(schema[address.path][address.row.method].as_strategy(GenerationMode.POSITIVE))
    def fuzz(case: Case) -> None:
        response = call(case, server, callers, own=True)
        documented = response.status_code == 500 and response.json()["description"] == TOO_LONG_HOOK
        case.validate_response(response, checks=CHECKS[documented:])

    fuzz()


@pytest.mark.parametrize("address", [one for one in addresses(Caller.TOKEN) if one.takes], ids=str)
def test_excluded_input_is_refused(server: Demo, schema: Any, callers: Callers, address: Address) -> None:
    """Whatever its own schema excludes."""

    @SETTINGS
    @hypothesis.given(schema[address.path][address.row.method].as_strategy(GenerationMode.NEGATIVE))
    def fuzz(case: Case) -> None:
        # An empty value counts as absent, whatever type the parameter has. Source: access.md 1
        hypothesis.assume("" not in (case.query or {}).values())
        response = call(case, server, callers, own=False)
        case.validate_response(response, checks=[*CHECKS, checks.negative_data_rejection])

    fuzz()
