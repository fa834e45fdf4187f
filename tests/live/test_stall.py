"""A reader is told of a stall while it lasts."""

from __future__ import annotations

import contextlib
import threading

from aerospike_resilience import resilient
from tests.live.conftest import Streamed


def test_a_reader_sees_a_node_stall_open_and_close_again(unhurried_cluster, connect, tmp_path):
    client = resilient(connect(unhurried_cluster), "latency")
    server = client.resilience.serve(tmp_path / "live.sock")
    reader = Streamed(server)
    assert reader.next()["nodes"]["A1"]["state"] == "closed"
    done = threading.Event()

    def load() -> None:
        number = 0
        while not done.wait(0.002):
            number += 1
            with contextlib.suppress(Exception):
                client.put(("test", "stall", number % 50), {"n": 1})

    worker = threading.Thread(target=load)
    worker.start()

    def told(wanted: str) -> None:
        while (part := reader.next()).get("nodes", {}).get("A1", {}).get("state") != wanted:
            assert part is not None

    try:
        unhurried_cluster.stall("A1")
        told("open")
        unhurried_cluster.resume("A1")
        told("closed")
    finally:
        done.set()
        worker.join()
        reader.close()
        client.resilience.close()

    moved = client.resilience.snapshot()["transitions"]
    states = [one["to"] for one in moved if one["node"] == "A1"]  # a busy machine stops others too
    assert (states[0], states[-1]) == ("open", "closed")
