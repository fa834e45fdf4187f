"""Nodes: who holds a record, who is alive, who is open."""

from .admission import Admission
from .cluster import ClusterHealth
from .options import AdaptiveTimeout, NodeOptions
from .report import report
from .tend import TENDER, Tended, Tender

__all__ = [
    "TENDER",
    "AdaptiveTimeout",
    "Admission",
    "ClusterHealth",
    "NodeOptions",
    "Tended",
    "Tender",
    "report",
]
