"""Unreachable: a node that answers its neighbours and not this client.

It has another address, or a network between the two is broken. The cluster evicts a node that is silent for
all, and publishes a map without it. A node that is still in the map long after it opened takes over what
its neighbours send it. So a write whose master is well may go on though its replica is open. One write in a
while finds out; as long as such writes succeed, the others follow.
"""

from __future__ import annotations

from typing import Final

from .health import NodeHealth

SURELY_EVICTED_S: Final = 3.0
"""After how long a node that is silent for all is no longer in the map, in seconds: ten heartbeats of
150 ms, which are a cluster's defaults, and as long again."""

EACH_S: Final = 0.1
"""The least time from one write that finds out to the next, in seconds."""

LATELY_S: Final = 0.5
"""For how long after such a write, in seconds, others follow it."""


def takes_over_writes(node: NodeHealth, now: float) -> bool:
    """Return whether an open node took over a write lately, as a replica."""
    breaker, last = node.breaker, node.last_replicated
    return node.suspect and not breaker.isolated and last > breaker.since and now - last <= LATELY_S


def may_find_out(node: NodeHealth, now: float) -> bool:
    """Return whether a write may go now to find out whether an open node takes it over, as a replica."""
    breaker = node.breaker
    return (
        node.suspect
        and not breaker.isolated
        and now - breaker.since >= SURELY_EVICTED_S
        and not 0.0 <= now - node.tried_as_replica < EACH_S
    )
