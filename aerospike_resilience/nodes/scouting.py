"""Scouting: one write at a time finds out whether the client has the cluster's new partition map.

When the survivors take over what a node held, this library learns it within a fraction of a second, and the
client at one of its next tends. Until then its writes go to the node that is gone. Nobody can ask a client
which map it has, so while a node is open one write in a while is sent although the node that held its
record is open. If it succeeds, the client knows the new master.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .health import NodeHealth

EACH_S: Final = 0.1
"""The least time from one scout to the next, in seconds."""

QUICK_S: Final = 0.02
"""An answer that took longer, in seconds, may be the first of the node that was silent before."""

RETURNS_S: Final = 2.0
"""A scout that is out for longer is not waited for, in seconds."""


class Scouting:
    """Who is out, and when the next may go. Written under the cluster's lock."""

    __slots__ = ("_left", "_out")

    def __init__(self) -> None:
        self._left = -math.inf
        self._out = False

    def may_go(self, now: float) -> bool:
        """Return whether another scout may go now; it is out from then on."""
        since = now - self._left
        if since < (RETURNS_S if self._out else EACH_S):
            return False
        self._left, self._out = now, True
        return True

    @staticmethod
    def is_elsewhere(left: NodeHealth | None, began: float, ended: float) -> bool:
        """Return whether an answer shows that the client no longer asks a node that lost its partitions.

        Not if the node may have answered itself, as it has just come back.

        Args:
            left: the node; None if it is unknown by now.
            began: when the call began, on the chain's clock, in seconds.
            ended: when it was answered.
        """
        if left is None:
            return True
        return ended - began < QUICK_S and not left.alive_since(began, as_replica=False)

    def back(self) -> None:
        """Note that the scout is back."""
        self._out = False
