"""An embedded Aerospike cluster for tests: `LocalCluster`."""

from .cluster import Fault, LocalCluster, LocalNode
from .controller import ClusterError
from .counters import NodeCounters, OperationCounters

__all__ = [
    "ClusterError",
    "Fault",
    "LocalCluster",
    "LocalNode",
    "NodeCounters",
    "OperationCounters",
]
