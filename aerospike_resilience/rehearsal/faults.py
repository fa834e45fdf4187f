"""Faults of one node of an embedded cluster, caused and ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Literal, get_args

from ..testing import LocalCluster

FaultName = Literal["stall", "kill", "slow", "flap", "overload", "none"]

FAULTS: Final[tuple[FaultName, ...]] = get_args(FaultName)

SimulatedFault = Literal[FaultName, "surge", "brownout", "cold"]
"""Faults of the model: besides, of all nodes and of the load."""

SIMULATED_FAULTS: Final[tuple[SimulatedFault, ...]] = get_args(SimulatedFault)

SLOW_S: Final = 0.3
"""How long a request waits at a slow node, in seconds."""

STOPPED_S, RUNNING_S = 0.06, 0.03
"""How long a flapping node is stopped, and how long it runs, in seconds."""

OVERLOADED_SHARE: Final = 0.5
"""The share of requests that an overloaded node refuses."""

DESCRIPTIONS: Final[dict[SimulatedFault, str]] = {
    "stall": "One node of three stalls",
    "kill": "One node of three is killed",
    "slow": f"One node of three becomes {SLOW_S * 1000:.0f} ms slow",
    "flap": "One node of three stops and runs in turn",
    "overload": f"One node of three refuses {OVERLOADED_SHARE:.0%} of its requests for load",
    "none": "No fault",
    "surge": "More calls than usual for a while",
    "brownout": "Every node is slow for a while",
    "cold": "A node comes back with a cold cache",
}


class Faults:
    """Causes a fault on one node of a cluster, and ends it.

    Args:
        cluster: the cluster; None for a real one, which is never harmed.
        fault: what happens.

    Attributes:
        node: the name of the node it happens to; None where nothing happens.
    """

    def __init__(self, cluster: LocalCluster | None, fault: FaultName) -> None:
        self._cluster = cluster
        self._fault = fault
        self._end: Callable[[], None] = lambda: None
        self.node = cluster.nodes[-1].name if cluster is not None and fault != "none" else None

    def begin(self) -> None:
        """Cause the fault."""
        cluster, node = self._cluster, self.node
        if cluster is None or node is None:
            return
        match self._fault:
            case "stall":
                cluster.stall(node)
                self._end = lambda: cluster.resume(node)
            case "kill":
                cluster.kill(node)
                self._end = lambda: cluster.restart(node)
            case "slow":
                slow = cluster.inject(node=node, op=("read", "write"), latency=SLOW_S)
                self._end = slow.clear
            case "overload":
                refusing = cluster.inject(
                    node=node,
                    op=("read", "write"),
                    code="DEVICE_OVERLOAD",
                    share=OVERLOADED_SHARE,
                )
                self._end = refusing.clear
            case "flap":
                self._end = _flapping(cluster, node)

    def end(self) -> None:
        """End it; the second time does nothing."""
        end, self._end = self._end, lambda: None
        end()


def _flapping(cluster: LocalCluster, node: str) -> Callable[[], None]:
    """Stop and resume a node in turn; return what ends that, with the node running."""
    ended = threading.Event()

    def flap() -> None:
        while not ended.is_set():
            cluster.stall(node)
            ended.wait(STOPPED_S)
            cluster.resume(node)
            ended.wait(RUNNING_S)

    thread = threading.Thread(target=flap, name="flap", daemon=True)
    thread.start()

    def end() -> None:
        ended.set()
        thread.join()

    return end
