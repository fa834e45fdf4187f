"""What a policy asks for is done: so many retries, so long a sleep, no limit where there is none."""

from __future__ import annotations

import time

import aerospike
import aerospike_native
import pytest
from aerospike_helpers import expressions as exp

from aerospike_resilience import resilient
from tests.conformance.surfaces import (
    CClient,
    NativeAsync,
    NativeBlocking,
    PyAsyncClient,
    PyClient,
    SdkAsync,
    SdkBlocking,
)
from tests.patience import NEVER_LATE

CLIENTS = (CClient, PyClient, PyAsyncClient, NativeBlocking, NativeAsync, SdkBlocking, SdkAsync)
KEY = ("test", "asked", 1)
NO_BUDGET = {
    **NEVER_LATE,
    "retry": {"budget": None},
    "adaptive_timeout": None,
    "breaker": {"mode": "off"},
}


def with_retries(number):
    policy = {"total_timeout": "60s", "socket_timeout": "10s", "max_retries": number}
    scopes = ("all", "reads", "writes", "writes_retryable", "writes_non_retryable")
    return {**NO_BUDGET, "policy": dict.fromkeys(scopes, policy)}


@pytest.fixture(scope="module", params=CLIENTS, ids=lambda client: client.name)
def surface(request, healthy):
    surface = request.param(healthy)
    surface.open(overrides=NO_BUDGET)
    surface.put(1, {"n": 1})
    yield surface
    healthy.clear_faults()
    surface.close()


OPERATIONS = {
    "get": lambda surface: surface.get(1),
    "put": lambda surface: surface.put(1, {"n": 1}),
    "increment": lambda surface: surface.increment(1),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("retries", [0, 1, 2, 3, 5])
def test_max_retries_is_the_number_of_retries_on_the_wire(healthy, surface, operation, retries):
    with (
        surface.resilience.using(overrides=with_retries(retries)),
        healthy.inject(
            op="data", code="KEY_BUSY"
        ),  # never applied, so every operation may go again
    ):
        before = healthy.requests("data")
        with pytest.raises(surface.error):
            OPERATIONS[operation](surface)

    assert healthy.requests("data") - before == retries + 1


@pytest.fixture
def wrapped(healthy, connect):
    client = resilient(connect(healthy), "default", overrides=NO_BUDGET)
    client.put(KEY, {"n": 1})
    yield client
    healthy.clear_faults()
    client.resilience.close()


@pytest.mark.parametrize("retries", [1, 2, 3, 5])
@pytest.mark.parametrize("code", ["KEY_BUSY", "DEVICE_OVERLOAD", "TIMEOUT"])
def test_a_callers_max_retries_is_obeyed_whatever_the_answer(healthy, wrapped, code, retries):
    policy = {"max_retries": retries, "total_timeout": 60_000, "socket_timeout": 10_000}
    before = healthy.requests("read")
    with healthy.inject(op="read", code=code), pytest.raises(aerospike.exception.AerospikeError):
        wrapped.get(KEY, policy=policy)

    assert healthy.requests("read") - before == retries + 1


def test_a_callers_max_retries_lifts_the_cap_on_overload(healthy, wrapped):
    policy = {"max_retries": 3, "total_timeout": 20_000}
    before = healthy.requests("write")
    with healthy.inject(op="write", code="DEVICE_OVERLOAD", count=3):
        wrapped.put(KEY, {"n": 2}, policy=policy)

    assert healthy.requests("write") - before == 4


def test_a_profiles_max_retries_does_not(healthy, wrapped):
    before = healthy.requests("write")
    with (
        wrapped.resilience.using(overrides=with_retries(5)),
        healthy.inject(op="write", code="DEVICE_OVERLOAD"),
        pytest.raises(aerospike.exception.DeviceOverload),
    ):
        wrapped.put(KEY, {"n": 2})

    assert healthy.requests("write") - before == 3


SLEEPING = {"sleep_between_retries": 80, "max_retries": 2}


def by_caller(client):
    client.put(KEY, {"n": 2}, policy={**SLEEPING, "total_timeout": 20_000})


def by_profile(client):
    scope = {"sleep_between_retries": "80ms", "max_retries": 2, "total_timeout": "20s"}
    policy = {"all": scope, "writes": scope, "writes_retryable": scope}
    with client.resilience.using(overrides={"policy": policy, "retry": {"budget": None}}):
        client.put(KEY, {"n": 2})


@pytest.mark.parametrize("write", [by_caller, by_profile])
def test_sleep_between_retries_is_the_least_that_is_slept(healthy, wrapped, write):
    began = time.monotonic()
    with healthy.inject(op="write", code="DEVICE_OVERLOAD", count=2):
        write(wrapped)

    assert time.monotonic() - began >= 2 * 0.08


CONDITION = exp.Eq(exp.IntBin("n"), exp.Val(1)).compile()


@pytest.mark.parametrize("wrap", [False, True])
def test_a_write_with_a_filter_is_not_sent_again_when_it_may_have_been_applied(
    healthy, connect, wrap
):
    client = (
        resilient(connect(healthy), "latency", overrides=NEVER_LATE) if wrap else connect(healthy)
    )
    client.put(KEY, {"n": 1})
    before = healthy.requests("write")
    with (
        healthy.inject(op="write", answer="drop", count=1),
        pytest.raises(aerospike.exception.TimeoutError) as caught,
    ):
        client.put(
            KEY,
            {"n": 2},
            policy={"expressions": CONDITION, "socket_timeout": 100, "total_timeout": 400},
        )

    assert healthy.requests("write") - before == 1
    if wrap:
        assert caught.value.in_doubt is True
        client.resilience.close()


class Remembering:
    """A stand-in for a client that remembers the policies it is given."""

    def __init__(self, client):
        self._client = client
        self.policies = []

    def __getattr__(self, name):
        found = getattr(self._client, name)
        if not callable(found):
            return found

        def called(*args, **kwargs):
            given = [one for one in (*args, *kwargs.values()) if hasattr(one, "total_timeout")]
            self.policies += given
            return found(*args, **kwargs)

        return called


@pytest.mark.parametrize("operation", ["get", "put"])
def test_a_callers_total_timeout_of_zero_stays_zero(healthy, operation):
    bare = aerospike_native.new_client_blocking(aerospike_native.ClientPolicy(), healthy.seeds)
    remembering = Remembering(bare)
    client = resilient(remembering, "default", adapter="aerospike-native", overrides=NEVER_LATE)
    key = aerospike_native.Key("test", "asked", 2)
    client.put_blocking(key, {"n": 1})
    remembering.policies.clear()
    kind = aerospike_native.ReadPolicy if operation == "get" else aerospike_native.WritePolicy
    policy = kind()
    policy.socket_timeout, policy.total_timeout, policy.max_retries = 20_000, 0, 0

    if operation == "get":
        client.get_blocking(key, policy=policy)
    else:
        client.put_blocking(key, {"n": 1}, policy=policy)

    assert {one.total_timeout for one in remembering.policies} == {0}
    client.resilience.close()
