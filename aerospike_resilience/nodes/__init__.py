"""Nodes: who holds a record, who is alive, who is open."""

from .admission import Admission
from .cluster import ClusterHealth
from .haste import Tolerance
from .misnamed import MisnamedNodes
from .options import AdaptiveTimeout, NodeOptions
from .report import report, transitions
from .sharing import SharedStates
from .storages import StorageFactory
from .tend_thread import TEND_THREAD, TendThread
from .tending import TendedCluster

__all__ = [
    "TEND_THREAD",
    "AdaptiveTimeout",
    "Admission",
    "ClusterHealth",
    "MisnamedNodes",
    "NodeOptions",
    "SharedStates",
    "StorageFactory",
    "TendThread",
    "TendedCluster",
    "Tolerance",
    "report",
    "transitions",
]
