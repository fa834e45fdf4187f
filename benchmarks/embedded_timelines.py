"""When a cluster evicts a node and takes it back: `python -m benchmarks.embedded_timelines 20`.

The times are those that the nodes' info answers show, and when the C client drops the node. They were
recorded from a real cluster of three nodes with the same heartbeats (150 ms, 10 may be missed), in a few
runs, so the recorded medians are rough.
"""

from __future__ import annotations

import contextlib
import socket
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import aerospike

from aerospike_resilience.testing import LocalCluster

RUNS = 20
_AT_ONCE = 4
_POLL_S = 0.01
_GIVE_UP_S = 20.0
_AFTER_A_TEND_S = 0.15
"""How long before the recorded stop the client had asked the nodes; it asks each second."""

RECORDED: dict[str, tuple[float, ...]] = {
    "stopped or killed: survivors call the cluster unstable": (1.45, 1.65),
    "stopped or killed: survivors switch to the map of two": (1.88, 1.92, 2.03, 2.31, 2.75, 3.2),
    "stopped: the C client drops the node": (4.9, 5.9),
    "resumed: all switch back to the map of three": (1.5, 3.5),
    "restarted: the node accepts connections": (0.1, 0.3),
    "restarted: survivors list the node before it has a map": (1.3, 1.8),
    "restarted: the node has a map": (2.0, 2.5),
}
"""Seconds from the signal. Where a recording gives a range, its ends; else each run."""


def info(port: int, *names: str) -> dict[str, str]:
    """Ask a node; empty if it does not answer."""
    body = "".join(f"{name}\n" for name in names).encode()
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2) as sock:
        sock.sendall((2 << 56 | 1 << 48 | len(body)).to_bytes(8) + body)
        with sock.makefile("rb") as stream:
            answer = stream.read(int.from_bytes(stream.read(8)[2:]))
        lines = answer.decode("latin-1").split("\n")[:-1]
        return dict(line.split("\t", 1) for line in lines)
    return {}


def first(began: float, condition: Callable[[], bool]) -> float:
    """Return how many seconds after `began` a condition held."""
    while not condition():
        assert time.monotonic() - began < _GIVE_UP_S
        time.sleep(_POLL_S)
    return time.monotonic() - began


def _unstable(port: int) -> bool:
    return info(port, "cluster-stable:").get("cluster-stable:", "").startswith("ERROR")


def _rebalanced(port: int, count: int) -> bool:
    return int(info(port, "rebalance-generation").get("rebalance-generation", -1)) >= count


def one_run(number: int) -> dict[str, float]:
    """Stop and resume a node, then kill and restart another; return when what was seen."""
    unstable, switched, dropped, back, accepts, listed, joined = RECORDED
    with LocalCluster(nodes=3) as cluster:
        cluster.wait_until_stable()
        client = aerospike.client({"hosts": cluster.hosts})
        ports = [port for _, port in cluster.hosts]
        generations = [
            int(info(port, "rebalance-generation")["rebalance-generation"]) for port in ports
        ]
        found = {}
        time.sleep(_AFTER_A_TEND_S)
        began = time.monotonic()
        cluster.stall("A3")
        found[unstable] = first(began, lambda: _unstable(ports[0]))
        found[switched] = first(began, lambda: _rebalanced(ports[0], generations[0] + 1))
        found[dropped] = first(began, lambda: len(client.get_node_names()) == 2)
        # The stop ends at another moment of the heartbeats' interval in each run.
        time.sleep(number % 5 * 0.03)
        began = time.monotonic()
        cluster.resume("A3")
        found[back] = first(began, lambda: _rebalanced(ports[0], generations[0] + 2))
        cluster.wait_until_stable()
        cluster.kill("A2")
        cluster.wait_until_stable()
        began = time.monotonic()
        cluster.restart("A2")
        found[accepts] = first(began, lambda: bool(info(ports[1], "node")))
        found[listed] = first(
            began, lambda: "[A2," in info(ports[0], "peers-clear-std").get("peers-clear-std", "")
        )
        found[joined] = first(
            began,
            lambda: (
                info(ports[1], "partition-generation").get("partition-generation", "-1") != "-1"
            ),
        )
        client.close()
    return found


def main(runs: int) -> None:
    """Print median and spread of each time, beside the recorded ones."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(one_run, range(runs)))
    print(f"seconds after the signal, {runs} runs")
    print(f"{'':58}{'embedded: median (range)':30}recorded: median (range)")
    for name, recorded in RECORDED.items():
        values = [run[name] for run in found]
        median, real = statistics.median(values), statistics.median(recorded)
        print(
            f"{name:58}{median:.2f} ({min(values):.2f} to {max(values):.2f})"
            f"{'':11}{real:.2f} ({min(recorded):.2f} to {max(recorded):.2f})"
            f"  {100 * (median - real) / real:+.0f} %"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
