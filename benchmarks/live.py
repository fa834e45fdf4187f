"""What the live endpoint costs, and how soon a reader sees a stall.

``python -m benchmarks.live [--seconds 20] [--runs 10]``
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import aerospike

from aerospike_resilience import resilient
from aerospike_resilience.testing import LocalCluster

READER = """
import socket, sys
reader = socket.socket(socket.AF_UNIX)
reader.connect(sys.argv[1])
reader.sendall(b"GET /stream?interval=0.1 HTTP/1.0\\r\\n\\r\\n")
while reader.recv(65536):
    pass
"""
"""A reader in a process of its own, so that only what the endpoint does is measured."""

INTERVAL_S = 0.1
KEYS = 100


@contextlib.contextmanager
def load(client: Any, threads: int = 2, pause_s: float = 0.005) -> Iterator[None]:
    """Read and write all the while."""
    done = threading.Event()

    def work() -> None:
        number = 0
        while not done.is_set():
            number += 1
            key = ("test", "live", number % KEYS)
            for call in (partial(client.put, key, {"n": 1}), partial(client.get, key)):
                with contextlib.suppress(Exception):
                    call()
            time.sleep(pause_s)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        done.set()
        for worker in workers:
            worker.join()


def cost(path: Path, seconds: float) -> float:
    """Return the share of a core that one reader costs the served process."""
    reader = subprocess.Popen([sys.executable, "-c", READER, str(path)])
    try:
        while not (number := _reader_thread()):
            time.sleep(0.01)
        clock = time.pthread_getcpuclockid(number)
        time.sleep(1.0)
        began, used = time.monotonic(), time.clock_gettime(clock)
        time.sleep(seconds)
        return (time.clock_gettime(clock) - used) / (time.monotonic() - began)
    finally:
        reader.kill()
        reader.wait()


def stall_seen(cluster: LocalCluster, path: Path, node: str) -> float:
    """Return after how many seconds a reader was told of a stalled node."""
    with socket.socket(socket.AF_UNIX) as reader, reader.makefile("rb") as parts:
        reader.connect(str(path))
        reader.sendall(f"GET /stream?interval={INTERVAL_S} HTTP/1.0\r\n\r\n".encode())
        while parts.readline() != b"\r\n":
            pass
        parts.readline()
        began = time.monotonic()
        cluster.stall(node)
        try:
            while True:
                seen = json.loads(parts.readline()).get("nodes", {}).get(node)
                if seen is not None and (seen["suspect"] or seen["state"] != "closed"):
                    return time.monotonic() - began
        finally:
            cluster.resume(node)


def _reader_thread() -> int | None:
    """Return the identifier of the thread that serves the reader; None before it runs."""
    readers = (t.ident for t in threading.enumerate() if t.name == "aerospike-resilience-reader")
    return next(readers, None)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to measure the cost")
    parser.add_argument("--runs", type=int, default=10, help="how many stalls")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as home,
        LocalCluster(nodes=3, replication_factor=2, heartbeat_timeout=400) as cluster,
    ):
        cluster.wait_until_stable()
        client: Any = resilient(aerospike.client({"hosts": cluster.hosts}), "latency")
        path = Path(home) / "live.sock"
        client.resilience.serve(path)
        with load(client):
            share = cost(path, arguments.seconds)
            print(f"one reader at 10 Hz: {100 * share:.2f} % of a core")
            seen = []
            for _ in range(arguments.runs):
                seen.append(stall_seen(cluster, path, "A1"))
                deadline = time.monotonic() + 30.0
                while client.resilience.nodes["A1"]["state"] != "closed":
                    if time.monotonic() > deadline:
                        raise TimeoutError("the node did not close again")
                    time.sleep(0.1)
                time.sleep(0.5)
        ordered = sorted(seen)
        middle = ordered[len(ordered) // 2]
        print(
            f"a stall was seen after {middle:.2f} s (median), {ordered[-1]:.2f} s at most, of {len(seen)}"
        )
        client.close()


if __name__ == "__main__":
    main()
