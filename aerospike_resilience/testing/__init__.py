"""An embedded Aerospike cluster for tests: `LocalCluster`."""

from .certificates import Certificate, TestAuthority
from .cluster import Fault, LocalCluster, LocalNode
from .controller import ClusterError
from .counters import NodeCounters, OperationCounters

__all__ = [
    "Certificate",
    "ClusterError",
    "Fault",
    "LocalCluster",
    "LocalNode",
    "NodeCounters",
    "OperationCounters",
    "TestAuthority",
]
