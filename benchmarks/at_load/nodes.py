"""The cluster under the load: a node of it is stopped, killed or made to flap."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Final

from aerospike_resilience.rehearsal.faults import RUNNING_S, STOPPED_S
from aerospike_resilience.testing import LocalCluster

FAULTS: Final = ("stall", "kill", "flap", "freeze", "none")
FROZEN_S: Final = 0.1
THAWED_S: Final = 0.4
"""How long all nodes are stopped together, and how long they run between, in seconds."""


class Nodes:
    """The embedded cluster, with a node to harm."""

    def __init__(self, replication_factor: int = 2) -> None:
        self._cluster = LocalCluster(nodes=3, replication_factor=replication_factor)

    def __enter__(self) -> Nodes:
        self._cluster.start()
        self._cluster.wait_until_stable()
        return self

    def __exit__(self, *_error: object) -> None:
        self._cluster.stop()

    @property
    def hosts(self) -> list[tuple[str, int]]:
        return list(self._cluster.hosts)

    def freeze(self) -> None:
        """Stop all nodes, as a machine does that has no time for them."""
        for node in self._cluster.nodes:
            self._cluster.stall(node.name)

    def thaw(self) -> None:
        for node in self._cluster.nodes:
            self._cluster.resume(node.name)

    @property
    def cluster(self) -> LocalCluster:
        return self._cluster

    def stop(self) -> None:
        self._cluster.stall("A2")

    def go_on(self) -> None:
        self._cluster.resume("A2")

    def kill(self) -> None:
        self._cluster.kill("A2")

    def restart(self) -> None:
        self._cluster.restart("A2")


class RealNodes(Nodes):
    """A real cluster, whose node to harm is a process of this machine."""

    def __init__(self, hosts: Sequence[tuple[str, int]], pid: int, restart: str = "") -> None:
        self._hosts, self._pid, self._restart = list(hosts), pid, restart

    def __enter__(self) -> Nodes:
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave it as it is."""

    @property
    def hosts(self) -> list[tuple[str, int]]:
        return self._hosts

    def stop(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)

    def restart(self) -> None:
        """Start the node again by the given command, which prints the process id as its last word."""
        done = subprocess.run(self._restart, shell=True, check=True, capture_output=True, text=True)
        self._pid = int(done.stdout.split()[-1])


@contextlib.contextmanager
def harmed(nodes: Nodes, fault: str, begins: float, seconds: float) -> Iterator[None]:
    def later() -> None:
        time.sleep(max(begins - time.perf_counter(), 0.0))
        _harm(nodes, fault, seconds)

    thread = threading.Thread(target=later)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _harm(nodes: Nodes, fault: str, seconds: float) -> None:
    """Do what the fault is, for so long, and have the node back."""
    ends = time.perf_counter() + seconds
    if fault == "kill":
        nodes.kill()
        time.sleep(seconds)
        nodes.restart()
    elif fault == "flap":
        while time.perf_counter() < ends:
            nodes.stop()
            time.sleep(STOPPED_S)
            nodes.go_on()
            time.sleep(RUNNING_S)
    elif fault == "freeze":
        while time.perf_counter() < ends:
            nodes.freeze()
            time.sleep(FROZEN_S)
            nodes.thaw()
            time.sleep(THAWED_S)
    elif fault == "stall":
        nodes.stop()
        time.sleep(seconds)
        nodes.go_on()
    else:
        time.sleep(seconds)
