"""Telemetry, the outermost link, how operations end (`endings`), and calls on the fused path (`fused`)."""

from .endings import Record, Wishes
from .link import Telemetry

__all__ = ["Record", "Telemetry", "Wishes"]
