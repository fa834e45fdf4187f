"""An embedded Aerospike cluster for tests: `LocalCluster`."""

from .certificates import Certificate, TestAuthority
from .cluster import LocalCluster
from .controller import ClusterError
from .counters import NodeCounters, OperationCounters
from .injected import InjectedFault
from .local_node import LocalNode
from .snapshot import Snapshot

__all__ = [
    "Certificate",
    "ClusterError",
    "InjectedFault",
    "LocalCluster",
    "LocalNode",
    "NodeCounters",
    "OperationCounters",
    "Snapshot",
    "TestAuthority",
]
