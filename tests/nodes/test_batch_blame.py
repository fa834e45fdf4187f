"""The rows of a batch speak for and against nodes as single calls do."""

from __future__ import annotations

import pytest

from aerospike_resilience.clients import adapter_named
from aerospike_resilience.clients.shared.addresses import address_in
from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from aerospike_resilience.model.operation import NodeAddress
from aerospike_resilience.nodes import ClusterHealth, NodeOptions, TendedCluster
from tests import fakes


class FakeRows:
    """Rows of a batch: keys, and what failed of them."""

    def __init__(self, failures: dict[int, Failure], rows: int = 4) -> None:
        self._failures, self._rows = failures, rows

    def keys(self, _result):
        return [("test", "s", number) for number in range(self._rows)]

    def failures(self, _result):
        return self._failures


@pytest.fixture
def clock():
    return fakes.FakeClock()


def health_of(clock, **options) -> ClusterHealth:
    health = ClusterHealth(fakes.FakeSource(), NodeOptions(**options), clock=clock)
    health.maps.newest = fakes.three_nodes()
    with health.notices, health.lock:
        health.update_nodes_locked({node.name: node for node in health.source.nodes()})
    return health


def batch_failed(health, clock, failures, *, operation=fakes.PUT, took_s=0.003) -> None:
    call = fakes.call(
        fakes.plan(operation, rows=FakeRows(failures), total_timeout_s=0.25, socket_timeout_s=0.25),
        None,
    )
    call.started = began = clock()
    clock.pass_s(took_s)
    call.now, call.failure = clock(), failures[min(failures)]
    health.calls.rows_failed(call, object(), began)


@pytest.mark.parametrize("operation", [fakes.PUT, fakes.GET])
def test_a_node_that_answers_some_rows_with_overload_is_charged_for_them(clock, operation):
    health = health_of(clock)

    batch_failed(health, clock, {0: fakes.OVERLOAD}, operation=operation)  # rows 0 and 2 are A1's

    assert dict(health.by_name["A1"].errors) == {FailureKind.OVERLOAD: 1}
    assert not health.by_name["A1"].suspect
    assert not health.by_name["A2"].errors


def test_a_node_is_charged_once_for_a_batch(clock):
    health = health_of(clock)

    batch_failed(health, clock, {0: fakes.OVERLOAD, 2: fakes.OVERLOAD})

    assert dict(health.by_name["A1"].errors) == {FailureKind.OVERLOAD: 1}


def test_rows_that_nobody_answered_are_asked_about(clock):
    health = health_of(clock, **fakes.AT_FIRST_ERROR, silence_s=100.0)

    batch_failed(health, clock, dict.fromkeys(range(4), fakes.TIMEOUT), took_s=0.25)

    assert {names for names, _began, _kind in health.inquiries} == {("A1", "A2"), ("A2", "A3")}
    TendedCluster(health).health_checks.missed("A2", clock(), hard=True)
    assert {n.address.name for n in health.nodes() if not n.breaker.closed} == {"A2"}


def test_rows_that_one_silent_node_explains_are_charged_to_it_alone(clock):
    health = health_of(clock)
    health.calls.recent.append((("test", "s", 0), clock(), clock() + 0.2, None))  # A1 lives

    batch_failed(health, clock, dict.fromkeys((0, 1, 2, 3), fakes.TIMEOUT), took_s=0.25)

    assert dict(health.by_name["A2"].errors) == {FailureKind.TIMEOUT: 1}
    assert not health.inquiries  # that of A2 and A3 is answered by it


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Overload: 127.0.0.1:3000", "127.0.0.1:3000"),
        ("Device overload [2001:db8::a1]:3000 iterations 1", "2001:db8::a1:3000"),
        ("[fe80::1%eth0]:4333, refused", "fe80::1%eth0:4333"),
        ("::1:3000", "::1:3000"),
        ("A1: ::ffff:10.0.0.1:3000", "::ffff:10.0.0.1:3000"),
        ("timed out after 3 tries at 12:30", None),
        ("BB9020011AC4202: node", None),
    ],
)
def test_addresses_are_found_whatever_their_family(text, address):
    assert address_in(text) == address


def test_a_node_at_an_ipv6_address_is_found_by_it(clock):
    health = health_of(clock)
    with health.notices, health.lock:
        health.update_nodes_locked({"B1": NodeAddress("B1", "[2001:db8::b1]", 3000)})
    error = Exception(18, "Device overload [2001:db8::b1]:3000", "f.c", 1, 0)
    adapter = adapter_named("aerospike")
    call = fakes.call(fakes.plan(fakes.PUT), ("test", "s", 0))
    call.started = call.now = clock()
    call.failure = adapter.classify(error, fakes.PUT)

    health.calls.failed(call, clock())

    assert call.failure.fault is Fault.NODE
    assert dict(health.by_name["B1"].errors) == {FailureKind.OVERLOAD: 1}
