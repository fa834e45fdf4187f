"""Nodes: who holds a record, who is alive, who is open."""

from .admission import Admission
from .cluster import ClusterHealth
from .options import AdaptiveTimeout, NodeOptions
from .report import report
from .sharing import SharedStates
from .tend import TENDER, Tended, Tender

__all__ = [
    "TENDER",
    "AdaptiveTimeout",
    "Admission",
    "ClusterHealth",
    "NodeOptions",
    "SharedStates",
    "Tended",
    "Tender",
    "report",
]
