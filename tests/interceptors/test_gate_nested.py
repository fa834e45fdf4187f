"""Where the client has a gate of its own, ours stands around it and nobody waits twice."""

from __future__ import annotations

import threading

import aerospike_py
import pytest

from aerospike_resilience import resilient
from tests import fakes
from tests.waiting import until

KEY = ("test", "nested", 1)


@pytest.fixture
def gates(healthy):
    """Wrap a client whose own gate has one permit; ours has as many as the test says."""
    clients = []

    def wrapped(limit: int, own_queue_ms: int):
        bare = aerospike_py.client(
            {
                "hosts": healthy.hosts,
                "max_concurrent_operations": 1,
                "operation_queue_timeout_ms": own_queue_ms,
            }
        )
        client = resilient(
            bare,
            overrides={
                "backpressure": {"max_concurrent_operations": limit, "operation_queue_timeout": 0},
                "policy": {"all": {"total_timeout": "5s", "socket_timeout": "5s"}},
                "adaptive_timeout": None,
            },
        ).connect()
        client.put(KEY, {"n": 1})
        clients.append(client)
        return client

    yield wrapped
    for client in clients:
        client.close()


def slow_read(client, cluster):
    """Start a read that takes a while, and return once it is on the wire."""
    before = cluster.requests("get")
    thread = threading.Thread(target=client.get, args=(KEY,))
    thread.start()
    until(lambda: cluster.requests("get") > before)
    return thread


def test_a_refusal_of_the_clients_own_gate_is_handed_on_and_not_tried_again(healthy, gates):
    client = gates(limit=4, own_queue_ms=20)
    with healthy.inject(op="get", latency="500ms", count=1):
        slow = slow_read(client, healthy)
        with pytest.raises(aerospike_py.BackpressureError, match="Backpressure timeout") as caught:
            client.get(KEY)
        slow.join()

    assert len(caught.value.attempts) == 1
    gate = client.resilience.snapshot()["gate"]
    assert (gate["in_flight"], sum(gate["rejected"].values())) == (0, 0)


def test_behind_ours_of_the_same_width_nobody_meets_the_clients_own(healthy, gates):
    client = gates(limit=1, own_queue_ms=1)
    with healthy.inject(op="get", latency="200ms", count=1):
        slow = slow_read(client, healthy)

        assert client.get(KEY).bins == {"n": 1}
        slow.join()

    assert client.resilience.snapshot()["gate"]["waited"] == 1


def test_ours_covers_what_the_clients_own_does_not(healthy, gates):
    client = gates(limit=1, own_queue_ms=1)
    inside = []

    class Look(fakes.OfBlockingCalls):
        def around(self, call, proceed):
            inside.append(
                (call.plan.operation.name, client.resilience.snapshot()["gate"]["in_flight"])
            )
            return proceed(call)

    engine = client.resilience._engine
    engine.shared.arrange = lambda chain: [*chain[:-1], Look(), chain[-1]]
    with client.resilience.using(overrides={"telemetry": {"spans": False}}):  # linked anew
        client.query("test", "nested").results()
        client.info_random_node("build")

    assert inside == [("query", 1), ("info_random_node", 1)]
