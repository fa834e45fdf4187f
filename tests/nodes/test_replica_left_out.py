"""Under ``commit_master`` a write leaves a silent replica out before that one opens."""

from __future__ import annotations

import threading

import aerospike
import pytest

from aerospike_resilience import resilient
from tests.waiting import until

NEVER_OPENS = {"silence": "60s", "max_error_rate": 0}


@pytest.fixture
def reading():
    """Read a record over and over: its master shows signs of life."""
    stop, threads = threading.Event(), []

    def reading_(client, key) -> None:
        def read() -> None:
            while not stop.wait(0.001):
                try:
                    client.get(key)
                except aerospike.exception.AerospikeError:
                    continue

        threads.append(threading.Thread(target=read))
        threads[0].start()

    yield reading_
    stop.set()
    for thread in threads:
        thread.join()


def test_a_write_whose_replica_is_silent_succeeds_while_that_one_is_closed(
    unhurried_cluster, connect, reading
):
    cluster = unhurried_cluster
    number = next(
        n
        for n in range(256)
        if [node.name for node in cluster.owners("test", "s", n)] == ["A1", "A2"]
    )
    key = ("test", "s", number)
    words = {"breaker": {"on_replica_open": "commit_master", **NEVER_OPENS}}
    client = resilient(connect(cluster), profile="latency", overrides=words)
    client.put(key, {"n": 0}, policy={"total_timeout": 20_000, "socket_timeout": 10_000})
    reading(client, key)
    cluster.stall("A2")

    def written() -> bool:
        try:
            client.put(key, {"n": 1})
        except aerospike.exception.AerospikeError:
            return False
        return True

    until(written)

    assert client.resilience.nodes["A2"]["state"] == "closed"
    assert client.resilience._engine.shared.health.committed_alone > 0
    cluster.resume("A2")
