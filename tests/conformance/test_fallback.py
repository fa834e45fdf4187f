"""What an open node cannot serve, a second cluster's client serves; for every client."""

from __future__ import annotations

from contextlib import suppress

import aerospike
import pytest
from aerospike import exception
from aerospike_helpers import expressions

from aerospike_resilience import (
    Attempt,
    CircuitOpenError,
    Failure,
    FailureKind,
    NotAClientError,
    resilient,
)
from aerospike_resilience.interceptors import Fallback
from aerospike_resilience.model.failure import Fault
from aerospike_resilience.nodes import ClusterHealth, NodeOptions
from tests import fakes
from tests.conformance.surfaces import SURFACES, Instrumented, aerospike_py, learned
from tests.interceptors.test_telemetry import Collected
from tests.patience import NEVER_LATE
from tests.waiting import until

NODES = ("A1", "A2", "A3")


@pytest.fixture(params=[s for s in SURFACES if s is not Instrumented], ids=lambda s: s.name)
def pair(request, healthy, spare):
    """A surface over one cluster, and a bare client of another."""
    surface = request.param(spare)
    other = request.param(healthy)
    if surface.awaited:  # some clients belong to the loop that they were made in
        other.loop.stop()
        other.loop = surface.loop
    other.open(profile="observe", overrides=NEVER_LATE)
    yield surface, other
    if surface.awaited:
        other.close_client()
        surface.close()
    else:
        surface.close()
        other.close()


def isolate_all(surface):
    learned(surface)
    for node in NODES:
        surface.resilience.isolate(node)


def test_reads_go_there_and_writes_only_if_told_so(pair):
    surface, other = pair
    surface.open(overrides=NEVER_LATE, fallback=other.client)
    other.put("f", {"n": 2})
    surface.put("f", {"n": 1})
    assert surface.get("f") == {"n": 1}

    isolate_all(surface)

    assert surface.get("f") == {"n": 2}
    with pytest.raises(CircuitOpenError):
        surface.put("f", {"n": 3})
    assert surface.resilience.snapshot()["fallback_calls"] == 1


def test_a_call_that_fell_back_says_so_in_its_span(pair):
    surface, other = pair
    found = Collected()
    surface.open(overrides=NEVER_LATE, fallback=other.client, tracer_provider=found.tracers)
    other.put("f", {"n": 2})
    isolate_all(surface)
    found.exporter.clear()

    surface.get("f")

    (span,) = found.spans
    assert span.attributes["aerospike.resilience.fallback"] is True


def test_writes_go_there_where_they_may(pair):
    surface, other = pair
    surface.open(overrides=NEVER_LATE, fallback=other.client, fallback_writes=True)
    surface.put("w", {"n": 1})
    isolate_all(surface)

    surface.put("w", {"n": 9})

    assert other.get("w") == {"n": 9}


def test_a_call_takes_its_own_policy_along(healthy, spare, connect):
    client = resilient(
        connect(spare),
        "latency",
        overrides=NEVER_LATE,
        fallback=connect(healthy),
        fallback_writes=True,
    )
    until(lambda: any(node["partitions"] for node in client.resilience.nodes.values()))
    key = ("test", "fallback", "policy")
    client.put(key, {"n": 1})
    for node in NODES:
        client.resilience.isolate(node)
    client.put(key, {"n": 2})

    with pytest.raises(exception.RecordExistsError):
        client.put(key, {"n": 3}, policy={"exists": aerospike.POLICY_EXISTS_CREATE})
    with pytest.raises(exception.FilteredOut):
        client.get(key, {"expressions": expressions.Eq(expressions.IntBin("n"), 9).compile()})
    assert client.get(key)[2] == {"n": 2}


def test_all_reads_go_there_while_the_whole_cluster_fails(healthy, cluster, connect):
    client = resilient(connect(cluster), "latency", fallback=connect(healthy))
    keys = [("test", "fallback", n) for n in range(30)]
    for key in keys:
        client.put(key, {"n": 1})
        connect(healthy).put(key, {"n": 2})
    for node in cluster.nodes:
        cluster.stall(node)

    def served_there():
        with suppress(exception.AerospikeError):
            return client.get(keys[0])[2] == {"n": 2}

    until(served_there)
    assert [client.get(key)[2] for key in keys] == [{"n": 2}] * len(keys)

    for node in cluster.nodes:
        cluster.resume(node)
    until(lambda: client.get(keys[0])[2] == {"n": 1})


def test_what_may_have_been_sent_never_goes_there():
    """A node that opens between two attempts must not send a write in doubt to another cluster."""
    asked = []
    clock = fakes.FakeClock()
    health = ClusterHealth(fakes.FakeSource(), NodeOptions(), clock=clock)
    fallback = Fallback(lambda name: asked.append, health, writes=True, clock=clock)
    call = fakes.call(fakes.plan(fakes.PUT))
    doubt = Failure(FailureKind.TIMEOUT, retryable=True, in_doubt=True, fault=Fault.NODE)
    call.attempts = (Attempt(1, 0.1, failure=doubt),)

    def refused(_call):
        raise CircuitOpenError("open", operation="put", profile="latency")

    with pytest.raises(CircuitOpenError):
        fallback.around(call, refused)

    assert asked == []
    assert fallback.calls == 0


def test_a_client_of_another_package_cannot_stand_in(healthy, connect):
    with (
        aerospike_py.client({"hosts": healthy.hosts}).connect() as other,
        pytest.raises(NotAClientError, match="stands in for"),
    ):
        resilient(connect(healthy), "latency", fallback=other)
