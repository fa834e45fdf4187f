"""Differences between a node's view and the living nodes, and how long they have lasted."""

from __future__ import annotations

from .peers import Peer, Timing

Change = tuple[dict[str, int], tuple[str, ...], bool]
"""Who is alive, by name and incarnation; peers in another view; whether a promise was left half done."""


class Settling:
    """Waits until a change has lasted, so that no node acts on a short one.

    Args:
        timing: The cluster's times.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._since_s: float | None = None
        self._change: Change | None = None

    @property
    def unchanged(self) -> bool:
        """Whether the living nodes are those of the view."""
        return self._since_s is None

    def clear(self) -> None:
        """Reset: the living nodes are those of the view, or the view changed."""
        self._since_s = None
        self._change = None

    def saw(self, change: Change, now: float) -> None:
        """Record the differences from the view; the wait restarts when other nodes are alive."""
        if change != self._change:
            if self._since_s is None or self._change is None or self._change[0] != change[0]:
                self._since_s = now
            self._change = change

    def is_due(self, now: float, joining: list[str]) -> bool:
        """Return whether the change has lasted long enough; a joining node must wait longer."""
        since = self._since_s
        if since is None or now - since < self._timing.settle_s:
            return False
        return not joining or now - since >= self._timing.join_s


def newcomers(
    alive: dict[str, int], members: dict[str, int], epoch: int, peers: dict[str, Peer]
) -> list[str]:
    """Return the living nodes that are not members of a view as they are, or are in an earlier one."""
    return [
        name
        for name, incarnation in alive.items()
        if members.get(name) != incarnation or (name in peers and peers[name].epoch < epoch)
    ]
