"""The server's result codes: each means the same, whichever client hands it on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from aerospike_resilience.clients import adapter_named
from aerospike_resilience.clients.aerospike.failures import classify_code as c_row
from aerospike_resilience.clients.aerospike_native.failures import classify_row as native_row
from aerospike_resilience.clients.aerospike_py.failures import classify_code as py_row
from aerospike_resilience.clients.shared.result_codes import (
    KINDS,
    SECURITY_CODES,
    ServerCode,
    kind_of_code,
)
from aerospike_resilience.model.failure import FailureKind as K
from aerospike_resilience.model.failure import Fault
from tests.clients.test_failures import CLIENTS, KEY, C, Native, Py
from tests.conformance.surfaces import native

CODES = sorted(
    int(getattr(native.ResultCode, name))
    for name in dir(native.ResultCode)
    if name.isupper() and int(getattr(native.ResultCode, name)) > 0
)
"""Every code of the server that the clients know."""

UDF_BAD_RESPONSE = 100

AT_NODE = {K.SERVER_TIMEOUT, K.OVERLOAD, K.UNAVAILABLE}


@pytest.fixture(scope="module")
def clients(healthy):
    found = [kind(healthy) for kind in CLIENTS]
    found[0].put(KEY)
    yield found
    for client in found:
        client.close()


def answered(client, code: int):
    """Return what a client's adapter makes of a read that the server answered with a code."""
    adapter = adapter_named(client.name)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each client's own
        client.get(KEY)
    found = adapter.classify(caught.value, adapter.operations["get"])
    assert found.code == code, client.name
    return found


@pytest.mark.parametrize("code", [code for code in CODES if code != UDF_BAD_RESPONSE])
def test_every_client_makes_the_same_of_a_code(healthy, clients, code):
    with healthy.inject(op="get", code=code):
        found = {client.name: answered(client, code) for client in clients}

    meanings = {(one.kind, one.retryable, one.fault, one.in_doubt) for one in found.values()}
    kind = kind_of_code(code)
    assert meanings == {
        (
            kind,
            kind in {*AT_NODE, K.BUSY},
            Fault.NODE if kind in AT_NODE else Fault.NOBODY,
            False,
        )
    }


@pytest.mark.parametrize("client", CLIENTS, ids=lambda kind: kind.name)
def test_a_udfs_bad_response_is_charged_to_nobody(healthy, clients, client):
    adapter = adapter_named(client.name)
    (one,) = (each for each in clients if each.name == client.name)
    with healthy.inject(op="get", code=UDF_BAD_RESPONSE), pytest.raises(Exception) as caught:  # noqa: PT011
        one.get(KEY)

    found = adapter.classify(caught.value, adapter.operations["get"])
    # aerospike-py has no error for this code, and loses it.
    assert found.kind is (K.OTHER if client is Py else K.RECORD)
    assert (found.retryable, found.fault, found.in_doubt) == (False, Fault.NOBODY, False)


@pytest.mark.parametrize("code", [code for code in CODES if code != ServerCode.TIMEOUT])
def test_a_rows_code_means_the_same_to_every_client(code):
    rows = {
        C.name: c_row(code, in_doubt=False),
        Py.name: py_row(code, in_doubt=False, writes=False),
        Native.name: native_row(SimpleNamespace(result_code=code, in_doubt=False)),
    }

    assert {(one.kind, one.retryable, one.fault, one.code) for one in rows.values()} == {
        (
            kind_of_code(code),
            rows[C.name].retryable,
            Fault.NODE if kind_of_code(code) in AT_NODE else Fault.NOBODY,
            code,
        )
    }


def test_the_table_names_no_code_that_the_server_lacks():
    named = {code for code in KINDS if code not in SECURITY_CODES}

    assert named <= set(CODES)
    assert {code for code in ServerCode if code != ServerCode.OK} <= set(CODES)


def test_security_codes_are_those_between_the_first_and_the_last():
    security = [code for code in CODES if kind_of_code(code) is K.SECURITY]

    assert security[0] == int(native.ResultCode.SECURITY_NOT_SUPPORTED)
    assert security[-1] == int(native.ResultCode.QUOTA_EXCEEDED)
