"""Statistics: what a client tells of its own connections and tries. None stands for what it does not tell.

Numbers that grow are the client's own, as it counts them: they may begin anew for a node that comes back,
and include what it did before it was wrapped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class NodeStatistics:
    """One node, as the client counts.

    Attributes:
        name: the node's name.
        used: connections in use now.
        idle: connections in the pool now.
        opened: connections opened so far.
        closed: connections closed so far.
        recovered: connections kept after their answer came too late, so far.
        aborted: connections closed as their answer did not come even late, so far.
        errors: tries that failed so far.
        timeouts: tries that timed out so far.
        key_busy: tries refused so far, as the record was busy.
    """

    name: str
    used: int | None = None
    idle: int | None = None
    opened: int | None = None
    closed: int | None = None
    recovered: int | None = None
    aborted: int | None = None
    errors: int | None = None
    timeouts: int | None = None
    key_busy: int | None = None


@dataclass(frozen=True, slots=True)
class ClientStatistics:
    """One client, as it counts.

    Attributes:
        nodes: its nodes; empty if it tells nothing of them.
        retries: tries beyond the first of each native call, so far.
    """

    nodes: tuple[NodeStatistics, ...] = ()
    retries: int | None = None


NO_STATISTICS: Final = ClientStatistics()
"""What a client tells that tells nothing, or that is closed."""
