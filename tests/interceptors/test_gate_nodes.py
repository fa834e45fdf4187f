"""A slow node holds its own permits and no more, so that the others are served as ever."""

from __future__ import annotations

import threading

import pytest

from aerospike_resilience import BackpressureError, resilient
from tests.waiting import until

PATIENT = {
    "policy": {"all": {"total_timeout": "20s", "socket_timeout": "20s"}},
    "adaptive_timeout": None,
    "breaker": {"mode": "off"},
}
READS = "policy: {{reads: {{total_timeout: 20s, socket_timeout: 20s}}}}\n"


def wrapped(bare, **backpressure):
    client = resilient(
        bare,
        overrides={
            **PATIENT,
            "backpressure": {
                "max_concurrent_operations": 4,
                "operation_queue_timeout": 0,
                "max_per_node": 2,
                **backpressure,
            },
        },
    )
    if client.resilience.profile.backpressure.max_per_node is not None:
        until(lambda: client.resilience._engine.shared.health.maps.newest.namespaces)
    return client


def keys_of(cluster, node, count=20):
    """Some keys whose master is a node, or is another one."""
    keys = [("test", "nodes", number) for number in range(500)]
    mastered = [key for key in keys if cluster.master(*key).name == node]
    others = [key for key in keys if cluster.master(*key).name != node]
    return mastered[:count], others[:count]


class Reads(threading.Thread):
    """Reads keys one after the other."""

    def __init__(self, read, keys) -> None:
        super().__init__(daemon=True)
        self._read, self._keys = read, keys
        self.outcomes = []

    def run(self) -> None:
        for key in self._keys:
            try:
                self.outcomes.append(self._read(key))
            except Exception as error:
                self.outcomes.append(error)


def gate_of(client):
    return client.resilience.snapshot()["gate"]


def test_a_stalled_node_leaves_permits_to_the_others(cluster, connect):
    client = wrapped(connect(cluster))
    slow = cluster.nodes[0].name
    mine, others = keys_of(cluster, slow)
    for key in others:
        client.put(key, {"n": 1})
    with cluster.inject(node=slow, op="read", latency="3s"):
        readers = [Reads(client.exists, mine[number : number + 1]) for number in range(6)]
        for reader in readers:
            reader.start()
        until(lambda: gate_of(client)["nodes"].get(slow, {}).get("waiting") == 4)

        for key in others:
            assert client.get(key)[2] == {"n": 1}

        state = gate_of(client)
        assert (state["in_flight"], state["nodes"][slow]["in_flight"]) == (2, 2)
        assert state["waiting"] == 0
    for reader in readers:
        reader.join(60)
    assert [gate["in_flight"] for gate in gate_of(client)["nodes"].values()] == [0, 0, 0]
    client.resilience.close()


def test_without_it_the_slow_nodes_calls_hold_every_permit(cluster, connect):
    client = wrapped(connect(cluster), max_per_node=None, operation_queue_timeout="50ms")
    slow = cluster.nodes[0].name
    mine, others = keys_of(cluster, slow)
    with cluster.inject(node=slow, op="read", latency="2s"):
        readers = [Reads(client.exists, mine[number : number + 1]) for number in range(4)]
        for reader in readers:
            reader.start()
        until(lambda: gate_of(client)["in_flight"] == 4)

        with pytest.raises(BackpressureError):
            client.exists(others[0])

        assert gate_of(client)["nodes"] == {}
    for reader in readers:
        reader.join(60)
    client.resilience.close()


def test_the_refusal_names_the_node(cluster, connect):
    client = wrapped(connect(cluster), max_per_node=1, operation_queue_timeout="20ms")
    slow = cluster.nodes[0].name
    mine, _others = keys_of(cluster, slow)
    with cluster.inject(node=slow, op="read", latency="2s"):
        reader = Reads(client.exists, mine[:1])
        reader.start()
        until(lambda: gate_of(client)["nodes"].get(slow, {}).get("in_flight") == 1)

        with pytest.raises(
            BackpressureError, match=f"permits of node {slow} .max_per_node"
        ) as caught:
            client.exists(mine[1])

    assert (caught.value.limit, caught.value.reason) == (1, "timeout")
    assert gate_of(client)["nodes"][slow]["rejected"]["timeout"] == 1
    assert gate_of(client)["rejected"]["timeout"] == 1
    reader.join(60)
    client.resilience.close()


def test_a_batch_is_charged_to_every_node_it_touches(cluster, connect):
    client = wrapped(connect(cluster), max_per_node=1, operation_queue_timeout="20ms")
    slow = cluster.nodes[0].name
    mine, others = keys_of(cluster, slow)
    with cluster.inject(node=slow, op="batch", latency="2s"):
        reader = Reads(client.batch_read, [[*mine, *others]])
        reader.start()
        until(lambda: len(gate_of(client)["nodes"]) == 3)
        until(
            lambda: [gate["in_flight"] for gate in gate_of(client)["nodes"].values()] == [1, 1, 1]
        )

        with pytest.raises(BackpressureError):
            client.exists(others[0])

    reader.join(60)
    assert [gate["in_flight"] for gate in gate_of(client)["nodes"].values()] == [0, 0, 0]
    client.resilience.close()


def test_batches_over_the_same_nodes_never_wait_for_each_other_in_a_circle(healthy, connect):
    client = wrapped(connect(healthy), max_per_node=1, batch_weight="nodes")
    keys = [("test", "nodes", number) for number in range(30)]
    threads = [
        Reads(client.batch_read, [keys[shift:] + keys[:shift] for _ in range(20)])
        for shift in (0, 7, 15, 22)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert not any(thread.is_alive() for thread in threads)
    assert not any(isinstance(one, Exception) for thread in threads for one in thread.outcomes)
    client.resilience.close()


def test_a_share_follows_the_limit(healthy, connect, tmp_path):
    file = tmp_path / "mine.yaml"
    text = (
        "version: 1\nbackpressure: {{max_concurrent_operations: {}, max_per_node: 0.5}}\n"
        "breaker: {{mode: shadow}}\n" + READS
    )
    file.write_text(text.format(8))
    client = resilient(connect(healthy), "mine", policies=tmp_path)
    client.exists(("test", "nodes", 1))
    limits = [gate["limit"] for gate in gate_of(client)["nodes"].values()]

    file.write_text(text.format(20))
    client.resilience.reload()
    client.exists(("test", "nodes", 1))

    assert (limits, [gate["limit"] for gate in gate_of(client)["nodes"].values()]) == ([4], [10])
    client.resilience.close()


def test_node_gates_go_when_a_reload_turns_them_off(healthy, connect, tmp_path):
    file = tmp_path / "mine.yaml"
    text = (
        "version: 1\nbreaker: {{mode: shadow}}\nbackpressure: {{max_concurrent_operations: 8{}}}\n"
        + READS
    )
    file.write_text(text.format(", max_per_node: 2"))
    client = resilient(connect(healthy), "mine", policies=tmp_path)
    client.exists(("test", "nodes", 1))
    assert len(gate_of(client)["nodes"]) == 1

    file.write_text(text.format(""))
    client.resilience.reload()
    client.resilience._engine.shared.gates.tend()

    assert gate_of(client)["nodes"] == {}
    client.exists(("test", "nodes", 1))
    client.resilience.close()
