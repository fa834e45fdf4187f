"""Each adapter's table against the methods of the installed client: a new or renamed one is noticed."""

from __future__ import annotations

import inspect
import re

import pytest

from aerospike_resilience.clients import ADAPTERS, adapter_named
from aerospike_resilience.clients.aerospike import operations as c_table
from aerospike_resilience.clients.aerospike_native import operations as native_table
from aerospike_resilience.clients.aerospike_py import operations as py_table
from aerospike_resilience.clients.aerospike_sdk.coalesced_methods import WINDOWS
from tests.conformance.surfaces import aerospike, aerospike_py, native

CLIENTS = {
    "aerospike": (aerospike.Client, c_table.OPERATIONS, c_table.LAZY, c_table.LOCAL),
    "aerospike-py": (aerospike_py.Client, py_table.OPERATIONS, py_table.LAZY, py_table.LOCAL),
    "aerospike-py-async": (
        aerospike_py.AsyncClient,
        py_table.AWAITED,
        py_table.LAZY_AWAITED,
        py_table.LOCAL,
    ),
    "aerospike-native": (native.Client, native_table.OPERATIONS, {}, native_table.LOCAL),
}


@pytest.fixture(params=CLIENTS)
def table(request):
    return CLIENTS[request.param]


def test_every_method_of_the_client_is_in_its_table(table):
    client, operations, lazy, local = table

    methods = {name for name in dir(client) if not name.startswith("_")}

    assert methods == operations.keys() | lazy.keys() | local


def test_every_operation_says_which_of_its_parameters_matter(table):
    for operation in table[1].values():
        names = {*operation.parameters, *operation.keywords}
        assert {operation.policy, operation.key, operation.rows} - {""} <= names


def test_parameters_are_those_of_the_methods(table):
    client, operations, _lazy, _local = table
    told = 0
    for name, operation in operations.items():
        try:
            signature = inspect.signature(getattr(client, name))
        except (TypeError, ValueError):
            continue  # the extension does not tell
        given = [p for p in signature.parameters.values() if p.name != "self"]
        if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in given):
            continue
        told += 1
        by_position = [p.name for p in given if p.kind is not p.KEYWORD_ONLY]
        assert list(operation.parameters) == by_position, name
        assert set(operation.keywords) == {p.name for p in given if p.kind is p.KEYWORD_ONLY}, name
    if client is not aerospike.Client:  # whose extension tells no signatures
        assert told > 20


def test_awaited_operations_are_those_of_awaited_methods():
    for name, operation in CLIENTS["aerospike-py-async"][1].items():
        assert operation.awaited == inspect.iscoroutinefunction(
            getattr(aerospike_py.AsyncClient, name)
        )


def test_what_the_sdk_fuses_is_still_there():
    assert {name for name in dir(native.Client) if name.startswith("_submit_")} == WINDOWS.keys()


def test_no_room_but_the_adapters_names_a_client(request):
    package = request.config.rootpath / "aerospike_resilience"
    for path in package.rglob("*.py"):
        room = path.relative_to(package).parts[0]
        if (
            room in ("clients", "testing", "demo", "rehearsal", "cli")
            or path.name == "connected.py"
        ):
            continue  # connected.py has types alone, for type checkers
        for line in path.read_text().splitlines():
            assert not re.match(
                r"\s*(import|from) (aerospike|aerospike_\w+)\b(?!_resilience)", line
            ) or ("aerospike_resilience" in line), f"{path}: {line}"


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_adapters_are_found_by_name(adapter):
    assert adapter_named(adapter.name) is adapter
